//! The native `esky` program: reads the environment, hands it to the library, exits with its answer.
//!
//! Ctrl-C is left to the system, which ends the process at once. That is safe at any instant, as being killed is: the
//! old or the new version starts, the next command finishes or undoes what was broken off, and a download goes on
//! where it stopped.

use std::env;
use std::ffi::OsStr;
use std::io::{IsTerminal, stderr, stdout};
use std::path::PathBuf;
use std::process::exit;

use esky::CancelToken;
use esky_cli::Environment;

fn main() {
    exit(esky_cli::run(env::args_os().collect(), environment()));
}

fn environment() -> Environment {
    let is_dumb = env::var_os("TERM").as_deref() == Some(OsStr::new("dumb"));
    Environment {
        stdout_is_terminal: !is_dumb && stdout().is_terminal(),
        stderr_is_terminal: !is_dumb && stderr().is_terminal(),
        no_color: is_set("NO_COLOR"),
        bootstrap: env::var_os("ESKY_BOOTSTRAP")
            .filter(|value| !value.is_empty())
            .map(PathBuf::from),
        bootstraps_dir: bootstraps_beside_program(),
        cancel: CancelToken::new(),
    }
}

fn is_set(name: &str) -> bool {
    env::var_os(name).is_some_and(|value| !value.is_empty())
}

fn bootstraps_beside_program() -> Option<PathBuf> {
    let program = env::current_exe().ok()?;
    Some(program.parent()?.join("bootstraps"))
}
