//! The environment for programs that the running program starts.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use esky_format::relaunch::{Change, PrivateDirectories, clean};

/// An environment without what a freezer, or the start-up program of an app on trial, put into it for the program itself, and
/// without paths into the versions of an app.
pub fn clean_environment(
    variables: &[(OsString, OsString)],
    app_directory: Option<&Path>,
    freezer_directory: Option<&Path>,
) -> Vec<(OsString, OsString)> {
    let bytes = |path: Option<&Path>| path.map(|path| path.as_os_str().as_encoded_bytes().to_vec());
    let (app_directory, freezer_directory) = (bytes(app_directory), bytes(freezer_directory));
    let private = PrivateDirectories {
        app_directory: app_directory.as_deref(),
        freezer_directory: freezer_directory.as_deref(),
    };
    let pairs = variables
        .iter()
        .map(|(name, value)| (name.as_encoded_bytes(), value.as_encoded_bytes()));
    let changes = clean(pairs, private);
    let changed = |name: &OsStr| {
        let mut changes = changes.iter();
        changes.find(|change| change.name == name.as_encoded_bytes())
    };
    let kept = variables.iter().filter(|(name, _)| changed(name).is_none());
    let replaced = changes.iter().filter_map(variable);
    kept.cloned().chain(replaced).collect()
}

/// Names and values are pieces of those that were given, cut beside ASCII characters.
fn variable(change: &Change) -> Option<(OsString, OsString)> {
    let value = change.value.as_deref()?;
    Some((os_string(&change.name), os_string(value)))
}

#[cfg(unix)]
fn os_string(bytes: &[u8]) -> OsString {
    std::os::unix::ffi::OsStringExt::from_vec(bytes.to_vec())
}

/// What is not Unicode is not a freezer's.
#[cfg(not(unix))]
fn os_string(bytes: &[u8]) -> OsString {
    String::from_utf8_lossy(bytes).into_owned().into()
}
