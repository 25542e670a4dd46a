//! What must be true of an app directory at every instant, and what when a command is done.

use std::path::Path;

use esky_install::AppDir;

/// The version that would start now, when it is whole; otherwise what is wrong.
///
/// # Errors
/// No version would start, or a file of the version that would start is damaged or missing.
pub fn bootable(root: &Path) -> Result<String, String> {
    let app = AppDir::open(root).map_err(|error| format!("no app directory: {error}"))?;
    let best = app
        .best()
        .map_err(|error| format!("nothing starts: {error}"))?;
    let version = best.app.version;
    let report = app
        .verify(&version, &mut |_, _| {})
        .map_err(|error| format!("{version} cannot be verified: {error}"))?;
    if !report.damaged.is_empty() || !report.missing.is_empty() {
        return Err(format!("{version} starts and is not whole: {report:?}"));
    }
    Ok(version)
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
        Err(format!("{version} starts where {allowed:?} are allowed"))
    }
}

/// Whether the names at the top of the app directory are exactly `expected` (sorted).
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
    names.sort();
    if names == expected {
        Ok(())
    } else {
        Err(format!("the directory holds {names:?}, not {expected:?}"))
    }
}
