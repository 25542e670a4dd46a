//! One command, every step, every fault: and after each the same two questions.
//!
//! 1. Is what is left an app that starts (the checker of the scenario says)?
//! 2. Does one more run of the same command succeed and leave what an undisturbed run leaves?

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::states::Recording;
use crate::tracer::{self, Fault, Run, TraceError};

/// A command that writes, the state it starts from, and what must hold afterwards.
pub struct Scenario<'a> {
    /// Words for reports.
    pub name: &'a str,
    /// The tree before the command; copied afresh for each run.
    pub before: &'a Path,
    /// Builds the command for a copy of the tree.
    pub command: &'a dyn Fn(&Path) -> Command,
    /// Must hold at every instant: which version starts, and is it whole?
    pub survives: &'a dyn Fn(&Path) -> Result<(), String>,
    /// Must hold after the command has reported success, a shrugged-off fault included.
    pub acknowledged: &'a dyn Fn(&Path) -> Result<(), String>,
    /// Must hold after the command has succeeded undisturbed: nothing else is left either.
    pub finished: &'a dyn Fn(&Path) -> Result<(), String>,
}

/// Records several commands, one after the other, on one copy of a tree. Each makes a promise at its end, whatever its
/// exit code says.
///
/// # Errors
/// When the laboratory itself fails.
pub fn record_life(
    before: &Path,
    commands: &[&dyn Fn(&Path) -> Command],
) -> Result<Recording, TraceError> {
    let place = Place::copy_of(before);
    let mut life = Recording {
        root: place.path.clone(),
        operations: Vec::new(),
        promises: Vec::new(),
    };
    for command in commands {
        let run = tracer::run(&mut command(&place.path), &place.path, None)?;
        life.operations.extend(run.operations);
        life.promises.push(life.operations.len());
    }
    Ok(life)
}

/// What a campaign did and found.
#[derive(Debug, Default)]
pub struct Figures {
    /// Calls of the undisturbed run that change the disk.
    pub operations: usize,
    /// Runs with a fault.
    pub faulted: usize,
    /// Faulted runs followed by a second fault in the recovery.
    pub nested: usize,
    /// What was wrong, with the fault that led to it.
    pub violations: Vec<String>,
}

impl Scenario<'_> {
    /// Records one undisturbed run and checks its end state.
    ///
    /// # Errors
    /// When the laboratory itself fails.
    pub fn record(&self) -> Result<(Recording, Vec<String>), TraceError> {
        let place = Place::copy_of(self.before);
        let run = tracer::run(&mut (self.command)(&place.path), &place.path, None)?;
        let mut violations = Vec::new();
        if run.exit_code != Some(0) {
            violations.push(format!(
                "{}: undisturbed run ended with {:?}",
                self.name, run.exit_code
            ));
        }
        self.note(&mut violations, "undisturbed", (self.finished)(&place.path));
        let recording = Recording {
            root: place.path.clone(),
            promises: vec![run.operations.len()],
            operations: run.operations,
        };
        Ok((recording, violations))
    }

    /// Applies each fault at each operation; at every `stride`-th one the recovery is killed at
    /// each of its own operations as well (0: never).
    ///
    /// # Errors
    /// When the laboratory itself fails.
    pub fn run(&self, faults: &[Fault], stride: usize) -> Result<Figures, TraceError> {
        let (recording, violations) = self.record()?;
        let operations = recording.operations.len();
        let mut figures = Figures {
            operations,
            violations,
            ..Figures::default()
        };
        for at in 0..operations {
            for &fault in faults {
                self.one(at, fault, &mut figures)?;
            }
            if stride > 0 && at.is_multiple_of(stride) {
                self.nested(at, &mut figures)?;
            }
        }
        Ok(figures)
    }

    fn one(&self, at: usize, fault: Fault, figures: &mut Figures) -> Result<(), TraceError> {
        let place = Place::copy_of(self.before);
        let run = self.faulted(&place, at, fault)?;
        figures.faulted += 1;
        let told = tell(&run, at, fault);
        let violations = &mut figures.violations;
        self.note(violations, &told, (self.survives)(&place.path));
        if run.exit_code == Some(0) && !matches!(fault, Fault::Kill | Fault::Torn) {
            self.note(violations, &told, (self.acknowledged)(&place.path));
        }
        self.recover(&place, &told, violations);
        Ok(())
    }

    fn nested(&self, at: usize, figures: &mut Figures) -> Result<(), TraceError> {
        for second in 0.. {
            let place = Place::copy_of(self.before);
            let first = self.faulted(&place, at, Fault::Kill)?;
            let run = self.faulted(&place, second, Fault::Kill)?;
            if run.exit_code.is_some() {
                return Ok(());
            }
            figures.nested += 1;
            let told = format!(
                "{}, then {}",
                tell(&first, at, Fault::Kill),
                tell(&run, second, Fault::Kill)
            );
            self.note(&mut figures.violations, &told, (self.survives)(&place.path));
            self.recover(&place, &told, &mut figures.violations);
        }
        Ok(())
    }

    fn faulted(&self, place: &Place, at: usize, fault: Fault) -> Result<Run, TraceError> {
        tracer::run(
            &mut (self.command)(&place.path),
            &place.path,
            Some((at, fault)),
        )
    }

    fn recover(&self, place: &Place, told: &str, violations: &mut Vec<String>) {
        let output = (self.command)(&place.path).output();
        match output {
            Ok(output) if output.status.success() => {
                self.note(
                    violations,
                    &format!("{told}, repeated"),
                    (self.finished)(&place.path),
                );
            }
            Ok(output) => violations.push(format!(
                "{}: {told}: the repeated run failed: {}",
                self.name,
                String::from_utf8_lossy(&output.stderr)
            )),
            Err(error) => violations.push(format!("{}: {told}: {error}", self.name)),
        }
    }

    fn note(&self, violations: &mut Vec<String>, told: &str, result: Result<(), String>) {
        if let Err(cause) = result {
            violations.push(format!("{}: {told}: {cause}", self.name));
        }
    }
}

fn tell(run: &Run, at: usize, fault: Fault) -> String {
    match run.operations.get(at) {
        Some(operation) => {
            format!(
                "{fault:?} at {at} {} {}",
                operation.name,
                operation.path.display()
            )
        }
        None => format!("{fault:?} at {at} (not reached)"),
    }
}

/// A copy of a tree that goes away with the value.
struct Place {
    _holder: tempfile::TempDir,
    path: PathBuf,
}

impl Place {
    fn copy_of(tree: &Path) -> Self {
        let holder = memory_backed().expect("room for a copy of the tree");
        let path = holder
            .path()
            .canonicalize()
            .expect("a real path")
            .join("app");
        let copied = Command::new("cp")
            .arg("-a")
            .arg(tree)
            .arg(&path)
            .status()
            .expect("cp runs");
        assert!(
            copied.success(),
            "cp -a {} {}",
            tree.display(),
            path.display()
        );
        Self {
            _holder: holder,
            path,
        }
    }
}

/// A temporary directory in memory where there is one: faults are made by the tracer, not by the
/// disk, and thousands of syncs of a real disk would only take time.
pub(crate) fn memory_backed() -> std::io::Result<tempfile::TempDir> {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir())
}
