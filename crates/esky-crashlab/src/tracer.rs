//! Runs a program under ptrace and stops it at the calls of [`crate::calls`] that touch one tree.
//!
//! A seccomp filter in the program answers `SECCOMP_RET_TRACE` for the calls in the table, so
//! everything else runs at full speed. Children and threads are followed; all of them die with
//! the tracer (`PTRACE_O_EXITKILL`). See seccomp(2) and ptrace(2).

mod door;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::calls;
use crate::change::{Caller, Change};
use door::{Registers, Stop};

/// What happens at the chosen call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The process is killed before the call is made.
    Kill,
    /// Half of the bytes are written, then the process is killed. Calls without data: as `Kill`.
    Torn,
    /// The call fails with this error number and the process goes on.
    Error(i32),
    /// This call and every later one that changes the disk fails with this error number.
    ErrorFromHere(i32),
}

/// One call that changed (or would have changed) the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// The name of the call.
    pub name: &'static str,
    /// The path it is about.
    pub path: PathBuf,
    /// What it does there.
    pub change: Change,
}

/// How a traced run ended.
#[derive(Debug)]
pub struct Run {
    /// The calls on the tree in the order in which they were made, the faulted one included.
    pub operations: Vec<Operation>,
    /// Exit code of the program; `None` when a signal ended it.
    pub exit_code: Option<i32>,
}

/// What can go wrong in the laboratory itself.
#[derive(Debug, thiserror::Error)]
#[error("tracing {program}: {step}: {source}")]
pub struct TraceError {
    program: String,
    step: &'static str,
    source: std::io::Error,
}

/// Runs `command`, counts its calls on the tree under `root`, and applies `fault` at the call
/// with number `at` (counted from 0).
///
/// # Errors
/// When the program cannot be started or traced.
pub fn run(
    command: &mut Command,
    root: &Path,
    fault: Option<(usize, Fault)>,
) -> Result<Run, TraceError> {
    follow(
        command,
        root,
        fault.map(|(at, fault)| (at, Step::Fault(fault))),
    )
}

/// Runs `command` and calls `strike` while it stands before the call with number `at`; then it is killed.
///
/// `strike` sees the disk with all earlier calls made and nothing else.
///
/// # Errors
/// When the program cannot be started or traced.
pub fn run_and_strike(
    command: &mut Command,
    root: &Path,
    at: usize,
    strike: &mut dyn FnMut(),
) -> Result<Run, TraceError> {
    follow(command, root, Some((at, Step::Strike(strike))))
}

/// Runs `command` and kills it when it has made its first child, before that one has done anything. Gives the exit code of
/// the child, which goes on alone; `None` when a signal ended it, or when there was no child.
///
/// # Errors
/// When the program cannot be started or traced.
pub fn run_and_orphan(command: &mut Command) -> Result<Option<i32>, TraceError> {
    let program = command.get_program().to_string_lossy().into_owned();
    follow_orphan(command).map_err(|source| TraceError {
        program,
        step: "orphan",
        source,
    })
}

fn follow_orphan(command: &mut Command) -> std::io::Result<Option<i32>> {
    let leader = door::spawn(command, &[])?;
    let mut orphan = None;
    loop {
        match door::wait()? {
            Stop::Exited { process, code } if orphan == Some(process) => return Ok(code),
            Stop::Exited { process, .. } if process == leader => match orphan {
                Some(child) => door::resume(child, 0)?,
                None => return Ok(None),
            },
            Stop::Exited { .. } => {}
            Stop::Event { process } if process != leader && orphan.is_none() => {
                orphan = Some(process);
                door::kill(leader)?;
            }
            Stop::Signal { process, signal } => door::resume(process, signal)?,
            Stop::Filtered { process }
            | Stop::CallReturned { process }
            | Stop::Event { process } => door::resume(process, 0)?,
        }
    }
}

/// What is to be done at a chosen call.
enum Step<'a> {
    Fault(Fault),
    Strike(&'a mut dyn FnMut()),
}

fn follow(
    command: &mut Command,
    root: &Path,
    step: Option<(usize, Step<'_>)>,
) -> Result<Run, TraceError> {
    let program = command.get_program().to_string_lossy().into_owned();
    let numbers: Vec<_> = calls::CALLS.iter().map(|call| call.number).collect();
    let failed = |step| {
        let program = program.clone();
        move |source| TraceError {
            program,
            step,
            source,
        }
    };
    let leader = door::spawn(command, &numbers).map_err(failed("start"))?;
    let mut session = Session {
        root: root.to_path_buf(),
        step,
        operations: Vec::new(),
        failing: HashSet::new(),
        dying: HashSet::new(),
    };
    let exit_code = session.follow(leader).map_err(failed("follow"))?;
    Ok(Run {
        operations: session.operations,
        exit_code,
    })
}

struct Session<'a> {
    root: PathBuf,
    step: Option<(usize, Step<'a>)>,
    operations: Vec<Operation>,
    /// Threads inside a call that is to fail, with the error number to report.
    failing: HashSet<(i32, i32)>,
    /// Threads inside a torn write: the process dies when the call returns.
    dying: HashSet<i32>,
}

impl Session<'_> {
    fn follow(&mut self, leader: i32) -> std::io::Result<Option<i32>> {
        loop {
            match door::wait()? {
                Stop::Exited { process, code } if process == leader => return Ok(code),
                Stop::Exited { .. } => {}
                Stop::Filtered { process } => self.at_call(process, leader)?,
                Stop::CallReturned { process } => self.after_call(process, leader)?,
                Stop::Signal { process, signal } => door::resume(process, signal)?,
                Stop::Event { process } => door::resume(process, 0)?,
            }
        }
    }

    fn at_call(&mut self, process: i32, leader: i32) -> std::io::Result<()> {
        let Ok(mut registers) = Registers::read(process) else {
            return Ok(()); // Killed meanwhile: its exit is reported next.
        };
        let Some(operation) = self.operation(process, &registers) else {
            return door::resume(process, 0);
        };
        let index = self.operations.len();
        self.operations.push(operation);
        let fault = match &mut self.step {
            Some((at, Step::Strike(strike))) if *at == index => {
                strike();
                return door::kill(leader);
            }
            Some((at, Step::Fault(fault))) => Some((*at, *fault)),
            _ => None,
        };
        match fault {
            Some((at, Fault::Kill)) if at == index => door::kill(leader),
            Some((at, Fault::Torn)) if at == index => self.tear(process, leader, &mut registers),
            Some((at, Fault::Error(number))) if at == index => {
                self.fail(process, number, &mut registers)
            }
            Some((at, Fault::ErrorFromHere(number))) if index >= at => {
                self.fail(process, number, &mut registers)
            }
            _ => door::resume(process, 0),
        }
    }

    fn operation(&self, process: i32, registers: &Registers) -> Option<Operation> {
        let call = calls::find(registers.call())?;
        let read_bytes = |at, length| door::read_bytes(process, at, length);
        let arguments = calls::arguments(call.number, registers.arguments(), read_bytes)?;
        if let Some(index) = calls::open_flags(call.number)
            && !calls::open_changes(arguments[index])
        {
            return None;
        }
        if call.number == libc::SYS_ioctl && arguments[1] != libc::FICLONE {
            return None;
        }
        let read_path = |at| door::read_path(process, at);
        let path = calls::resolve(call, process, &arguments, read_path)?;
        if !path.starts_with(&self.root) {
            return None;
        }
        let caller = Caller {
            process,
            arguments,
            read_path: &read_path,
            read_bytes: &read_bytes,
        };
        let change = caller.capture(call).unwrap_or(Change::Attributes);
        Some(Operation {
            name: call.name,
            path,
            change,
        })
    }

    fn tear(
        &mut self,
        process: i32,
        leader: i32,
        registers: &mut Registers,
    ) -> std::io::Result<()> {
        let length = calls::find(registers.call()).and_then(|call| call.length);
        let Some(index) = length else {
            return door::kill(leader);
        };
        registers.set_argument(index, registers.arguments()[index] / 2);
        registers.write(process)?;
        self.dying.insert(process);
        door::resume_to_return(process)
    }

    fn fail(
        &mut self,
        process: i32,
        number: i32,
        registers: &mut Registers,
    ) -> std::io::Result<()> {
        registers.skip_call();
        registers.write(process)?;
        self.failing.insert((process, number));
        door::resume_to_return(process)
    }

    fn after_call(&mut self, process: i32, leader: i32) -> std::io::Result<()> {
        if self.dying.remove(&process) {
            return door::kill(leader);
        }
        let failing = self
            .failing
            .iter()
            .find(|(thread, _)| *thread == process)
            .copied();
        if let Some(entry) = failing {
            self.failing.remove(&entry);
            let mut registers = Registers::read(process)?;
            registers.set_result(-i64::from(entry.1));
            registers.write(process)?;
        }
        door::resume(process, 0)
    }
}
