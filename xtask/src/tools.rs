//! What every task needs: where things are, how a program is run, the Python environment, and what is built from here.

mod artifacts;
mod fetched;
mod nginx;
pub(crate) mod packages;
mod python;
pub(crate) mod python2;
mod server;
pub(crate) mod windows;

use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader, Write};
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::thread::ScopedJoinHandle;

use anyhow::{Context, Result, bail, ensure};

pub(crate) use artifacts::{
    Built, Extent, build_bootstrap, build_wheel, build_windows_wheel, host_target,
    rust_target_ready,
};
pub(crate) use fetched::{CARGO_DENY, CARGO_NEXTEST};
pub(crate) use nginx::{NGINX_PACKAGE, serve_with_nginx};
#[allow(unused_imports, reason = "the pieces a task may want on their own")]
pub(crate) use python::{
    Python, Venv, development_python, development_venv, find_python, maturin_venv, venv,
};
pub(crate) use server::{Server, Totals};

/// The root of the project's sources.
pub(crate) fn workspace_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("xtask lives in the workspace")
        .to_path_buf()
}

/// Where everything that is built goes: `CARGO_TARGET_DIR` if the person set it, else `target`.
pub(crate) fn target_dir() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(directory) => workspace_root().join(directory),
        None => workspace_root().join("target"),
    }
}

/// The cargo that runs us, so that the toolchain stays the same.
pub(crate) fn cargo() -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command.current_dir(workspace_root());
    if cfg!(target_os = "linux") {
        // As maturin does: the module finds the functions of Python in the program that loads it, not in a library.
        command.env("PYO3_BUILD_EXTENSION_MODULE", "1");
    }
    command
}

/// Says what is run, runs it with our own input and output, and fails if it fails.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    echo(command);
    let status = command.status().with_context(|| cannot_start(command))?;
    succeeded(command, status)
}

/// Fails if an app that has to have symbolic links has none.
pub(crate) fn expect_links(app: &Path, wanted: bool) -> Result<()> {
    let links = count_links(app)?;
    println!("   {links} symbolic links");
    ensure!(
        links > 0 || !wanted,
        "the app should have symbolic links, and has none"
    );
    Ok(())
}

/// The number of symbolic links in a directory and those in it.
fn count_links(directory: &Path) -> Result<usize> {
    let mut count = 0;
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_symlink() {
            count += 1;
        } else if kind.is_dir() {
            count += count_links(&entry.path())?;
        }
    }
    Ok(count)
}

/// Runs silently and gives back what was written to stdout; stderr is shown when it fails.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| cannot_start(command))?;
    if !output.status.success() {
        bail!(
            "`{}` failed ({}):\n{}",
            words(command),
            output.status,
            String::from_utf8_lossy(&output.stderr).trim_end()
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Runs, shows stdout as it comes, and gives back both the status and what was written.
pub(crate) fn run_and_listen(command: &mut Command) -> Result<(ExitStatus, String)> {
    echo(command);
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| cannot_start(command))?;
    let mut heard = String::new();
    if let Some(stdout) = child.stdout.take() {
        let mut reader = BufReader::new(stdout);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line)? > 0 {
            io::stdout().write_all(&line)?;
            heard.push_str(&String::from_utf8_lossy(&line));
            line.clear();
        }
    }
    Ok((child.wait()?, heard))
}

/// The `esky` command at `program` in a developer's project, with the keys in a directory of its own instead of the person's.
pub(crate) fn esky_with_keys(program: &Path, project: &Path, keys: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .current_dir(project)
        .env("XDG_CONFIG_HOME", keys)
        .env("APPDATA", keys)
        .env("HOME", keys);
    command
}

/// What a thread came to; its panic goes on here.
pub(crate) fn joined<T>(thread: ScopedJoinHandle<'_, Result<T>>) -> Result<T> {
    thread.join().unwrap_or_else(|panic| resume_unwind(panic))
}

/// Whether a program of this name can be started at all.
pub(crate) fn is_on_path(program: &str) -> bool {
    Command::new(program)
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok()
}

/// A size as a person reads it.
pub(crate) fn human_size(bytes: u64) -> String {
    match bytes {
        0..=9_999 => format!("{bytes} bytes"),
        10_000..=9_999_999 => format!("{:.1} KB", bytes as f64 / 1e3),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}

fn echo(command: &Command) {
    println!("$ {}", words(command));
}

fn cannot_start(command: &Command) -> String {
    format!("cannot start `{}`", command.get_program().to_string_lossy())
}

fn succeeded(command: &Command, status: ExitStatus) -> Result<()> {
    if !status.success() {
        bail!("`{}` failed ({status})", words(command));
    }
    Ok(())
}

/// The command as one would type it, with paths shown from the root of the project.
fn words(command: &Command) -> String {
    let program = Path::new(command.get_program());
    std::iter::once(program.file_name().unwrap_or(command.get_program()))
        .chain(command.get_args())
        .map(shown)
        .collect::<Vec<_>>()
        .join(" ")
}

fn shown(word: &OsStr) -> String {
    let root = workspace_root();
    let word = Path::new(word)
        .strip_prefix(&root)
        .map_or(word, Path::as_os_str)
        .to_string_lossy();
    if word.contains(' ') {
        format!("'{word}'")
    } else {
        word.into_owned()
    }
}
