//! The raw ptrace, seccomp and wait calls behind the tracer: the one unsafe file of this crate.
#![allow(unsafe_code)]

use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::FileExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

const OPTIONS: libc::c_int = libc::PTRACE_O_TRACESECCOMP
    | libc::PTRACE_O_TRACECLONE
    | libc::PTRACE_O_TRACEFORK
    | libc::PTRACE_O_TRACEVFORK
    | libc::PTRACE_O_TRACEEXEC
    | libc::PTRACE_O_TRACESYSGOOD
    | libc::PTRACE_O_EXITKILL;

/// Why a traced thread stopped.
pub(super) enum Stop {
    /// The seccomp filter stopped it before a call of the table.
    Filtered { process: i32 },
    /// A call that was resumed with [`resume_to_return`] has returned.
    CallReturned { process: i32 },
    /// A signal is about to be delivered.
    Signal { process: i32, signal: i32 },
    /// A clone, fork or exec, or the first stop of a new thread.
    Event { process: i32 },
    /// It is gone.
    Exited { process: i32, code: Option<i32> },
}

/// Starts a program that stops at every call in `numbers`; returns its process id.
pub(super) fn spawn(command: &mut Command, numbers: &[libc::c_long]) -> io::Result<i32> {
    let filter = filter(numbers);
    // SAFETY: the closure runs between fork and exec and makes only system calls that are
    // async-signal-safe; it allocates nothing (`filter` was built before).
    unsafe {
        command.pre_exec(move || {
            check(libc::ptrace(libc::PTRACE_TRACEME, 0, 0, 0))?;
            check(i64::from(libc::prctl(
                libc::PR_SET_NO_NEW_PRIVS,
                1,
                0,
                0,
                0,
            )))?;
            let program = libc::sock_fprog {
                len: filter.len() as libc::c_ushort,
                filter: filter.as_ptr().cast_mut(),
            };
            check(i64::from(libc::prctl(
                libc::PR_SET_SECCOMP,
                libc::SECCOMP_MODE_FILTER,
                &program,
            )))
        });
    }
    // The exec ends in a stop of its own, so `spawn` returns while the child is held there.
    let child = command.spawn()?;
    let process = child.id() as i32;
    wait_for(process)?;
    // SAFETY: the child is in ptrace-stop; the call passes integers only.
    check(unsafe { libc::ptrace(libc::PTRACE_SETOPTIONS, process, 0, OPTIONS) })?;
    resume(process, 0)?;
    Ok(process)
}

/// Waits for the next stop of any thread that this thread traces; children of other threads
/// of the test process are left to them (`__WNOTHREAD`).
pub(super) fn wait() -> io::Result<Stop> {
    let mut status = 0;
    // SAFETY: `status` outlives the call.
    let process = unsafe { libc::waitpid(-1, &raw mut status, libc::__WALL | libc::__WNOTHREAD) };
    check(i64::from(process))?;
    Ok(describe(process, status))
}

fn describe(process: i32, status: i32) -> Stop {
    if libc::WIFEXITED(status) {
        return Stop::Exited {
            process,
            code: Some(libc::WEXITSTATUS(status)),
        };
    }
    if libc::WIFSIGNALED(status) {
        return Stop::Exited {
            process,
            code: None,
        };
    }
    let signal = libc::WSTOPSIG(status);
    match status >> 16 {
        libc::PTRACE_EVENT_SECCOMP => Stop::Filtered { process },
        0 if signal == libc::SIGTRAP | 0x80 => Stop::CallReturned { process },
        0 if signal == libc::SIGSTOP => Stop::Event { process },
        0 => Stop::Signal { process, signal },
        _ => Stop::Event { process },
    }
}

fn wait_for(process: i32) -> io::Result<()> {
    let mut status = 0;
    // SAFETY: `status` outlives the call.
    check(i64::from(unsafe {
        libc::waitpid(process, &raw mut status, 0)
    }))
}

/// Lets a stopped thread go on, delivering `signal` unless it is 0.
pub(super) fn resume(process: i32, signal: i32) -> io::Result<()> {
    step(libc::PTRACE_CONT, process, signal)
}

/// Lets a stopped thread make its call and stops it again when the call returns.
pub(super) fn resume_to_return(process: i32) -> io::Result<()> {
    step(libc::PTRACE_SYSCALL, process, 0)
}

fn step(request: libc::c_uint, process: i32, signal: i32) -> io::Result<()> {
    // SAFETY: integers only; a thread that died meanwhile answers ESRCH.
    match check(unsafe { libc::ptrace(request, process, 0, signal) }) {
        Err(error) if error.raw_os_error() == Some(libc::ESRCH) => Ok(()),
        other => other,
    }
}

/// Kills the program as `kill -9` would.
pub(super) fn kill(process: i32) -> io::Result<()> {
    // SAFETY: integers only; the process is our own child and not reaped yet.
    check(i64::from(unsafe { libc::kill(process, libc::SIGKILL) }))
}

/// Reads a path from the memory of a traced process.
pub(super) fn read_path(process: i32, address: u64) -> Option<PathBuf> {
    let memory = memory(process)?;
    let mut bytes = Vec::new();
    let mut chunk = [0; 64];
    while bytes.len() < libc::PATH_MAX as usize {
        let count = memory
            .read_at(&mut chunk, address + bytes.len() as u64)
            .ok()?;
        let end = chunk[..count].iter().position(|&byte| byte == 0);
        bytes.extend_from_slice(&chunk[..end.unwrap_or(count)]);
        if end.is_some() {
            return Some(PathBuf::from(OsString::from_vec(bytes)));
        }
        if count == 0 {
            return None;
        }
    }
    None
}

/// Reads bytes from the memory of a traced process.
pub(super) fn read_bytes(process: i32, address: u64, length: usize) -> Option<Vec<u8>> {
    let mut bytes = vec![0; length];
    memory(process)?.read_exact_at(&mut bytes, address).ok()?;
    Some(bytes)
}

fn memory(process: i32) -> Option<std::fs::File> {
    #[expect(
        clippy::disallowed_methods,
        reason = "memory of a traced process, no file on a disk"
    )]
    std::fs::File::open(format!("/proc/{process}/mem")).ok()
}

/// The registers of a thread that stopped at a call.
pub(super) struct Registers(libc::user_regs_struct);

impl Registers {
    pub(super) fn read(process: i32) -> io::Result<Self> {
        // SAFETY: the structure is plain integers, for which all-zero is a valid value.
        let mut registers: libc::user_regs_struct = unsafe { std::mem::zeroed() };
        // SAFETY: the kernel writes one `user_regs_struct` to the given address.
        check(unsafe { libc::ptrace(libc::PTRACE_GETREGS, process, 0, &raw mut registers) })?;
        Ok(Self(registers))
    }

    pub(super) fn write(&self, process: i32) -> io::Result<()> {
        // SAFETY: the kernel reads one `user_regs_struct` from the given address.
        check(unsafe { libc::ptrace(libc::PTRACE_SETREGS, process, 0, &raw const self.0) })
    }

    pub(super) fn call(&self) -> libc::c_long {
        self.0.orig_rax as libc::c_long
    }

    pub(super) fn arguments(&self) -> [u64; 6] {
        [
            self.0.rdi, self.0.rsi, self.0.rdx, self.0.r10, self.0.r8, self.0.r9,
        ]
    }

    pub(super) fn set_argument(&mut self, index: usize, value: u64) {
        let registers = [
            &mut self.0.rdi,
            &mut self.0.rsi,
            &mut self.0.rdx,
            &mut self.0.r10,
            &mut self.0.r8,
            &mut self.0.r9,
        ];
        *registers[index] = value;
    }

    /// Makes the kernel skip the call: number -1 is no call.
    pub(super) fn skip_call(&mut self) {
        self.0.orig_rax = u64::MAX;
    }

    pub(super) fn set_result(&mut self, value: i64) {
        self.0.rax = value as u64;
    }
}

/// A classic BPF program: the given calls are traced, all others allowed.
fn filter(numbers: &[libc::c_long]) -> Vec<libc::sock_filter> {
    let statement = |code: u32, k: u32| libc::sock_filter {
        code: code as u16,
        jt: 0,
        jf: 0,
        k,
    };
    let mut program = vec![statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0)];
    for (index, &number) in numbers.iter().enumerate() {
        program.push(libc::sock_filter {
            code: (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16,
            jt: (numbers.len() - index) as u8,
            jf: 0,
            k: number as u32,
        });
    }
    program.push(statement(
        libc::BPF_RET | libc::BPF_K,
        libc::SECCOMP_RET_ALLOW,
    ));
    program.push(statement(
        libc::BPF_RET | libc::BPF_K,
        libc::SECCOMP_RET_TRACE,
    ));
    program
}

fn check(result: i64) -> io::Result<()> {
    if result == -1 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}
