//! The program under the tracer: what an installed app and the `esky` command do, without either.
//!
//! `crash-subject COMMAND APPDIR [ARGUMENT [ARGUMENT]]`; see [`run`].

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use esky::{Esky, LocalVersionFinder, Monitor, VersionFinder};

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(command), Some(root)) = (arguments.next(), arguments.next()) else {
        return ExitCode::from(2);
    };
    let argument = arguments.next().unwrap_or_default();
    let last = arguments.next().unwrap_or_default();
    match run(
        &command.to_string_lossy(),
        &root,
        &argument,
        &last.to_string_lossy(),
    ) {
        Some(Ok(())) => ExitCode::SUCCESS,
        None => ExitCode::from(2),
        Some(Err(error)) => {
            use std::io::Write;
            let _ = writeln!(std::io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}

/// `None`: there is no such command. Each does nothing, and reports success, when what it is for was done before.
fn run(command: &str, root: &Path, argument: &Path, last: &str) -> Option<esky::Result<()>> {
    let app = || Esky::open_without_finder(root);
    let updatable = || Esky::open(root, finder(argument));
    let version = argument.to_string_lossy();
    Some(match command {
        "update" => updatable().and_then(|app| update(&app)),
        "install" => updatable().and_then(|app| install(&app)),
        "cleanup" => app().and_then(|app| app.cleanup().map(drop)),
        "recover" => app().and_then(|app| recover(&app)),
        "confirm" => app().and_then(|app| app.confirm().map(drop)),
        "rollback" => app().and_then(|app| roll_back(&app, &version)),
        "pin" => app().and_then(|app| app.pin(&version)),
        "unpin" => app().and_then(|app| app.unpin()),
        "skip" => app().and_then(|app| app.skip(&version)),
        "unhold" => app().and_then(|app| unhold(&app, &version)),
        "uninstall" => app().and_then(|app| uninstall(&app, &version)),
        "repair" => updatable().and_then(|app| repair(&app, last)),
        _ => return None,
    })
}

/// Brings the app to the newest package that its finder knows, and cleans up.
fn update(app: &Esky) -> esky::Result<()> {
    install(app)?;
    app.cleanup().map(drop)
}

fn install(app: &Esky) -> esky::Result<()> {
    let Some(version) = app.find_update(&Monitor::silent())? else {
        return recover(app);
    };
    app.install_version(&version, &Monitor::silent()).map(drop)
}

fn finder(packages: &Path) -> Arc<dyn VersionFinder> {
    Arc::new(LocalVersionFinder::new(packages))
}

fn recover(app: &Esky) -> esky::Result<()> {
    let lock = app.app_dir().lock()?;
    Ok(app.app_dir().recover(&lock)?)
}

fn roll_back(app: &Esky, version: &str) -> esky::Result<()> {
    if app.version() == version {
        return recover(app);
    }
    app.roll_back(Some(version), "the user said so").map(drop)
}

fn uninstall(app: &Esky, version: &str) -> esky::Result<()> {
    match app.uninstall_version(version) {
        Err(esky::Error::Install(esky_install::Error::UnknownVersion { .. })) => {}
        result => result?,
    }
    app.cleanup().map(drop)
}

fn unhold(app: &Esky, version: &str) -> esky::Result<()> {
    app.unhold(version)?;
    app.cleanup().map(drop)
}

fn repair(app: &Esky, version: &str) -> esky::Result<()> {
    app.repair_version(version, &Monitor::silent()).map(drop)
}
