//! The `esky` command: words, progress and exit codes over the esky libraries, and no logic of its own.
//!
//! [`run`] is the whole command. The native program and the Python package both call it; what they read from the
//! process (variables, terminals, signals) they hand over in an [`Environment`], so nothing in here looks around by
//! itself and nothing in here ends the process.

mod arguments;
mod commands;
mod exit;
mod failure;
mod progress;
mod source;
mod terminal;
mod text;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Parser;
use esky::CancelToken;
use zeroize::Zeroizing;

use arguments::{Arguments, GlobalArguments};
use failure::Failure;
use terminal::Terminal;

pub use commands::pack::bootstrap::supplied as supplied_bootstraps;

/// What the command needs to know about the process it runs in.
#[derive(Clone, Default)]
pub struct Environment {
    /// Standard output is a terminal that understands escape codes.
    pub stdout_is_terminal: bool,
    /// Standard error is a terminal that understands escape codes: progress bars are drawn there.
    pub stderr_is_terminal: bool,
    /// The person wants no colors (`NO_COLOR` is set).
    pub no_color: bool,
    /// Start-up program to pack with when `--bootstrap` is not given (`ESKY_BOOTSTRAP`).
    pub bootstrap: Option<PathBuf>,
    /// Directory that holds one start-up program per target, in `TARGET-TRIPLE/esky-bootstrap[.exe]`.
    pub bootstraps_dir: Option<PathBuf>,
    /// Standard input is a terminal: a person can be asked.
    pub stdin_is_terminal: bool,
    /// Where the person's keys are kept (see [`key_directory`]).
    pub key_dir: Option<PathBuf>,
    /// The key that signs releases, as a line of text (`ESKY_SIGNING_KEY`).
    pub signing_key: Option<Zeroizing<String>>,
    /// The passphrase of the root key (`ESKY_ROOT_PASSPHRASE`).
    pub root_passphrase: Option<Zeroizing<String>>,
    /// The process belongs to the command alone: run by root, it may become the owner of an app directory for good.
    pub may_change_user: bool,
    /// Stops packing or an update at the next safe point, for callers that catch Ctrl-C themselves.
    pub cancel: CancelToken,
}

/// Where a person's keys are kept, as far as the variables of the process tell: in the directory of the system for what
/// programs keep for a person.
pub fn key_directory(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let base = if cfg!(windows) {
        PathBuf::from(variable("APPDATA")?)
    } else if cfg!(target_os = "macos") {
        PathBuf::from(variable("HOME")?).join("Library/Application Support")
    } else {
        match variable("XDG_CONFIG_HOME") {
            Some(directory) => PathBuf::from(directory),
            None => PathBuf::from(variable("HOME")?).join(".config"),
        }
    };
    base.is_absolute().then(|| base.join("esky").join("keys"))
}

/// Runs the command that `arguments` (the first is the program's own name) ask for and returns the exit code.
///
/// Results go to standard output, everything else to standard error. Both may be closed at any time: the work is
/// finished all the same.
#[must_use]
pub fn run(arguments: Vec<OsString>, environment: Environment) -> i32 {
    match Arguments::try_parse_from(&arguments) {
        Ok(parsed) => {
            let terminal = Terminal::new(&parsed.global, &environment);
            finish(
                &terminal,
                commands::run(parsed.command, &terminal, &environment),
            )
        }
        Err(error) => {
            terminal::print_usage(&error, &GlobalArguments::scan(&arguments), &environment)
        }
    }
}

fn finish(terminal: &Terminal, outcome: Result<i32, Failure>) -> i32 {
    match outcome {
        Ok(code) => code,
        Err(failure) => {
            terminal.failure(&failure);
            failure.code()
        }
    }
}
