//! Running a new version once before it becomes the one that starts.

use crate::environment::clean_environment;
use crate::error::SelfTestFault;
use crate::programs::below;
use esky_format::settings::SelfTest;
use esky_fs::Place;
use std::ffi::OsString;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// What the program is told.
const ARGUMENT: &str = "--esky-selftest";
const PAUSE: Duration = Duration::from_millis(20);
/// As much of the program's last words as is kept, in bytes.
const WORDS_LIMIT: u64 = 4096;

/// Runs the program with `--esky-selftest` and waits for exit code 0. Nothing is written by this process; what the
/// program writes is its own business.
pub(crate) fn run(root: &Path, version_dir: &Place, test: &SelfTest) -> Result<(), SelfTestFault> {
    let not_started = |error: std::io::Error| SelfTestFault::NotStarted {
        cause: error.to_string(),
    };
    // A file and not a pipe: a child of the program that stays must not keep us waiting.
    let mut words = file_for_words(version_dir).map_err(not_started)?;
    let errors = words.try_clone().map_err(not_started)?;
    let mut command = command(
        below(version_dir, &test.program).path(),
        version_dir.path(),
        errors,
    );
    // Without what the freezer of the running version left, as the bootstrap starts it.
    let variables: Vec<(OsString, OsString)> = std::env::vars_os().collect();
    let cleaned = clean_environment(&variables, Some(root), None);
    command.env_clear().envs(cleaned);
    tell_whom_it_runs_as(&mut command);
    let mut child = command.spawn().map_err(not_started)?;
    match wait(&mut child, test.seconds).map_err(not_started)? {
        Some(status) if status.success() => Ok(()),
        Some(status) => Err(SelfTestFault::Failed {
            how: describe(status),
            last_words: last_line(&mut words),
        }),
        None => {
            end(&mut child);
            Err(SelfTestFault::TooSlow {
                seconds: test.seconds,
            })
        }
    }
}

/// A file without a name. The directory for such files may be one that only root may use, before this process became somebody else.
fn file_for_words(version_dir: &Place) -> std::io::Result<std::fs::File> {
    tempfile::tempfile().or_else(|_| tempfile::tempfile_in(version_dir.path()))
}

fn command(program: &Path, version_dir: &Path, errors: std::fs::File) -> Command {
    let mut command = Command::new(program);
    command
        .arg(ARGUMENT)
        .current_dir(version_dir)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(errors);
    // A group of its own, so that all of it can be ended.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command
}

/// A process that was root and became somebody else still has root's own directory in its environment.
fn tell_whom_it_runs_as(command: &mut Command) {
    let Some(account) = esky_fs::acting_as() else {
        return;
    };
    if let Some(home) = &account.home {
        command.env("HOME", home);
    }
    if let Some(name) = &account.name {
        command.env("USER", name).env("LOGNAME", name);
    }
}

/// The end of the child, or `None` if it takes longer than it may.
fn wait(child: &mut Child, seconds: u32) -> std::io::Result<Option<ExitStatus>> {
    let deadline = Instant::now() + Duration::from_secs(seconds.into());
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= deadline {
            return Ok(None);
        }
        std::thread::sleep(PAUSE);
    }
}

/// Ends the program and what it has started.
fn end(child: &mut Child) {
    #[cfg(unix)]
    if let Some(group) = i32::try_from(child.id())
        .ok()
        .and_then(rustix::process::Pid::from_raw)
    {
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    let _ = child.kill();
    let _ = child.wait();
}

fn describe(status: ExitStatus) -> String {
    match status.code() {
        Some(code) => format!("exit code {code}"),
        None => status.to_string(),
    }
}

/// Mostly the line that says why.
fn last_line(words: &mut std::fs::File) -> Option<String> {
    let length = words.seek(SeekFrom::End(0)).ok()?;
    let start = length.saturating_sub(WORDS_LIMIT);
    words.seek(SeekFrom::Start(start)).ok()?;
    let mut bytes = Vec::new();
    words.read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let line = text.lines().rev().find(|line| !line.trim().is_empty())?;
    Some(line.trim().chars().take(200).collect())
}
