//! Programs that are started from the running one.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::AppDir;

/// Where a macOS bundle keeps its programs.
const BUNDLE_PROGRAMS: &str = "Contents/MacOS";

type Environment = Vec<(OsString, OsString)>;

/// The program at the top for a program in a version; the latter itself where there is none.
pub(super) fn launcher(app: &AppDir, executable: &Path) -> PathBuf {
    let name = executable.file_name().unwrap_or_default();
    let in_bundle = cfg!(target_os = "macos")
        && executable
            .parent()
            .is_some_and(|directory| directory.ends_with(BUNDLE_PROGRAMS));
    let directory = match in_bundle {
        true => app.root().join(BUNDLE_PROGRAMS),
        false => app.root().to_owned(),
    };
    let launcher = directory.join(name);
    match esky_fs::exists(&launcher) {
        Ok(true) => launcher,
        _ => executable.to_owned(),
    }
}

/// Becomes the program; returns only if that fails.
pub(super) fn become_program(
    program: &Path,
    arguments: &[&OsStr],
    environment: Environment,
) -> io::Result<()> {
    let mut command = Command::new(program);
    command.args(arguments).env_clear().envs(environment);
    #[cfg(unix)]
    {
        Err(std::os::unix::process::CommandExt::exec(&mut command))
    }
    #[cfg(not(unix))]
    command.spawn().map(drop)
}

/// Starts the program with this one's input and output.
pub(super) fn start_beside(
    program: &Path,
    arguments: &[&OsStr],
    environment: Environment,
) -> io::Result<()> {
    let mut command = Command::new(program);
    command.args(arguments).env_clear().envs(environment);
    command.spawn().map(drop)
}

/// Starts a program that survives the end of this one and shares nothing with it.
pub(super) fn start_detached(
    program: &Path,
    argument: &str,
    environment: Environment,
) -> io::Result<()> {
    let mut command = Command::new(program);
    command
        .arg(argument)
        .env_clear()
        .envs(environment)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    detach(&mut command);
    command.spawn().map(drop)
}

/// A group of its own, so that Ctrl-C and the end of the terminal do not reach it.
#[cfg(unix)]
fn detach(command: &mut Command) {
    std::os::unix::process::CommandExt::process_group(command, 0);
}

/// Without a window. (A detached process would get a console of its own from the start-up program.)
#[cfg(windows)]
fn detach(command: &mut Command) {
    const CREATE_NEW_PROCESS_GROUP: u32 = 0x0000_0200;
    const CREATE_NO_WINDOW: u32 = 0x0800_0000;
    let flags = CREATE_NEW_PROCESS_GROUP | CREATE_NO_WINDOW;
    std::os::windows::process::CommandExt::creation_flags(command, flags);
}
