//! What must be true of an app directory at every instant, and what when a command is done.

use std::path::Path;

use esky_install::AppDir;

/// I1: the version that would start now, when it is whole; otherwise what is wrong.
///
/// # Errors
/// No version would start, or a file of the version that would start is damaged or missing.
pub fn bootable(root: &Path) -> Result<String, String> {
    let app = open(root)?;
    let best = app
        .best()
        .map_err(|error| format!("I1: nothing starts: {error}"))?;
    whole(&app, &best.app.version).map_err(|cause| format!("I1: it starts and {cause}"))?;
    Ok(best.app.version)
}

/// Whether one of `allowed` would start and is whole.
///
/// # Errors
/// See [`bootable`]; also when another version would start.
pub fn starts_one_of(root: &Path, allowed: &[&str]) -> Result<(), String> {
    let version = bootable(root)?;
    if allowed.contains(&version.as_str()) {
        Ok(())
    } else {
        Err(format!(
            "I2, I11: {version} starts where {allowed:?} are allowed"
        ))
    }
}

/// I3: while a version is on trial, the one to go back to is there and whole.
///
/// # Errors
/// When there is none, or it is damaged.
pub fn can_go_back(root: &Path) -> Result<(), String> {
    let app = open(root)?;
    let decisions = app.decisions().map_err(|error| error.to_string())?;
    if decisions.trial.is_none() {
        return Ok(());
    }
    let fallback = decisions.fallback.ok_or("I3: a trial without a fallback")?;
    whole(&app, &fallback).map_err(|cause| format!("I3: the fallback {cause}"))
}

/// I2: whether this version is on trial; `None`: no version is.
///
/// # Errors
/// When it is otherwise.
pub fn is_on_trial(root: &Path, wanted: Option<&str>) -> Result<(), String> {
    let decisions = open(root)?.decisions().map_err(|error| error.to_string())?;
    let found = decisions.trial.map(|trial| trial.version);
    if found.as_deref() == wanted {
        Ok(())
    } else {
        Err(format!("I2: on trial is {found:?}, not {wanted:?}"))
    }
}

/// Whether a version is whole, be it the one that starts or not.
///
/// # Errors
/// When it is damaged.
pub fn is_whole(root: &Path, version: &str) -> Result<(), String> {
    whole(&open(root)?, version)
}

/// I4: a start of a version on trial has been counted, or the trial is over.
///
/// # Errors
/// When it was not.
pub fn has_counted_a_start(root: &Path) -> Result<(), String> {
    let decisions = open(root)?.decisions().map_err(|error| error.to_string())?;
    match decisions.trial {
        Some(trial) if trial.tries == 0 => Err("I4: the start was not counted".to_owned()),
        _ => Ok(()),
    }
}

/// I9: whether a file that is not ours is still what it was.
///
/// # Errors
/// When it is not.
pub fn is_untouched(root: &Path, name: &str, content: &str) -> Result<(), String> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the checker must not share code with what it checks"
    )]
    let found = std::fs::read_to_string(root.join(name));
    match found {
        Ok(found) if found == content => Ok(()),
        Ok(_) => Err(format!("I9: {name} was changed")),
        Err(error) => Err(format!("I9: {name}: {error}")),
    }
}

/// I12: whether a file of the user's has its content at one of these paths at least.
///
/// # Errors
/// When it is at none of them, or was changed.
pub fn is_in_one_of(root: &Path, paths: &[&str], content: &str) -> Result<(), String> {
    let all = paths.iter().map(|path| is_untouched(root, path, content));
    let faults: Vec<String> = all.filter_map(Result::err).collect();
    match faults.len() == paths.len() {
        true => Err(format!("I12: {faults:?}")),
        false => Ok(()),
    }
}

/// Whether the names at the top of the app directory are exactly `expected`, in any order.
///
/// # Errors
/// When a name is missing or left over.
pub fn holds_exactly(root: &Path, expected: &[&str]) -> Result<(), String> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the checker must not share code with what it checks"
    )]
    let entries = std::fs::read_dir(root).map_err(|error| error.to_string())?;
    let mut names: Vec<String> = entries
        .filter_map(Result::ok)
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    let mut expected = expected.to_vec();
    names.sort();
    expected.sort_unstable();
    if names == expected {
        Ok(())
    } else {
        Err(format!(
            "I6: the directory holds {names:?}, not {expected:?}"
        ))
    }
}

fn open(root: &Path) -> Result<AppDir, String> {
    AppDir::open(root).map_err(|error| format!("I1: no app directory: {error}"))
}

fn whole(app: &AppDir, version: &str) -> Result<(), String> {
    let report = app
        .verify(version, &mut |_, _| {})
        .map_err(|error| format!("{version} cannot be verified: {error}"))?;
    if report.is_intact() {
        Ok(())
    } else {
        Err(format!("{version} is not whole: {report:?}"))
    }
}
