//! The native `esky` program: reads the environment, hands it to the library, exits with its answer.
//!
//! Ctrl-C is left to the system, which ends the process at once. That is safe at any instant, as being killed is: the
//! old or the new version starts, the next command finishes or undoes what was broken off, and a download goes on
//! where it stopped.

use std::env;
use std::ffi::{OsStr, OsString};
use std::io::{IsTerminal, stderr, stdin, stdout};
use std::path::PathBuf;
use std::process::exit;

use esky::CancelToken;
use esky_cli::Environment;
use zeroize::Zeroizing;

fn main() {
    exit(esky_cli::run(env::args_os().collect(), environment()));
}

fn environment() -> Environment {
    let is_dumb = env::var_os("TERM").as_deref() == Some(OsStr::new("dumb"));
    Environment {
        stdout_is_terminal: !is_dumb && stdout().is_terminal(),
        stderr_is_terminal: !is_dumb && stderr().is_terminal(),
        no_color: variable("NO_COLOR").is_some(),
        bootstrap: variable("ESKY_BOOTSTRAP").map(PathBuf::from),
        bootstraps_dir: bootstraps_beside_program(),
        stdin_is_terminal: stdin().is_terminal(),
        key_dir: esky_cli::key_directory(variable),
        signing_key: text("ESKY_SIGNING_KEY"),
        root_passphrase: text("ESKY_ROOT_PASSPHRASE"),
        may_change_user: true,
        cancel: CancelToken::new(),
    }
}

/// An empty variable is one that is not set.
fn variable(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}

/// What is no text is no key either: it is refused where it is read.
fn text(name: &str) -> Option<Zeroizing<String>> {
    variable(name).map(|value| Zeroizing::new(value.to_string_lossy().into_owned()))
}

fn bootstraps_beside_program() -> Option<PathBuf> {
    let program = env::current_exe().ok()?;
    Some(program.parent()?.join("bootstraps"))
}
