//! The laboratory: it runs a real program and kills it, tears its writes or fails its calls at
//! every system call that changes the disk, one after the other, and then looks at what is left.
//!
//! * [`calls`] knows which system calls change the disk and which path each one is about;
//! * [`tracer`] runs a program under ptrace with a seccomp filter, so that only those calls stop
//!   it: static programs and programs that bypass the C library are seen like any other;
//! * [`disk`] mounts a real file system that loses power at a chosen call;
//! * [`campaign`] repeats a run with one fault at each step and hands the remains to a checker;
//! * [`check`] says whether what is left is an app that starts: old or new, never a mixture.
//!
//! Linux on x86-64 only: elsewhere the crate is empty and the test runner says so.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

pub mod calls;
pub mod campaign;
pub mod change;
pub mod check;
pub mod disk;
pub mod model;
mod shutdown;
pub mod states;
pub mod tracer;
