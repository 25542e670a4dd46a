//! The names that esky gives to files and directories on disk.

/// Directory of esky's own files inside every version directory.
pub const CONTROL_DIR: &str = "esky-files";
/// Directory of the 0.9 layout that holds the version directories and [`UPDATES_DIR`].
pub const APPDATA_DIR: &str = "appdata";
/// Work area for fetching and unpacking; nothing in it is trusted.
pub const UPDATES_DIR: &str = "updates";
/// Directory of downloaded packages, inside [`UPDATES_DIR`].
pub const DOWNLOADS_DIR: &str = "downloads";
/// Directory of what is known of the app's repository, inside [`UPDATES_DIR`].
pub const METADATA_DIR: &str = "metadata";
/// Directory of the user's files that were in versions which have been removed since.
pub const KEPT_DIR: &str = "kept";
/// Lock directory of the original esky, taken by us too so that old clients keep out.
pub const LOCKED_DIR: &str = "locked";
/// Directory of the state slots, the trial marks and the writer's lock.
pub const STATE_DIR: &str = "esky-state";
/// The two state slots inside [`STATE_DIR`].
pub const SLOT_NAMES: [&str; 2] = ["slot-0", "slot-1"];
/// The writer's lock file inside [`STATE_DIR`].
pub const STATE_LOCK: &str = "lock";
/// Prefix of the file in [`STATE_DIR`] that grows by one byte for every trial start; the slot's sequence follows.
pub const TRIES_PREFIX: &str = "tries-";
/// Prefix of the file in [`STATE_DIR`] that says a trial was confirmed; the slot's sequence follows.
pub const CONFIRMED_PREFIX: &str = "confirmed-";
/// Beginning of the name of the file that leaves the confirmation of a trial to the app.
pub const LEFT_TO_APP_PREFIX: &str = "left-to-app-";
/// The beginnings of the names of all files that belong to one trial.
pub const TRIAL_PREFIXES: [&str; 3] = [TRIES_PREFIX, CONFIRMED_PREFIX, LEFT_TO_APP_PREFIX];
/// Written last into [`CONTROL_DIR`]: without it a directory is no version. Names the files at the top of the app directory.
pub const MANIFEST: &str = "bootstrap-manifest.txt";
/// What the original renames [`MANIFEST`] to when it uninstalls a version that may still be in use.
pub const MANIFEST_UNINSTALLED: &str = "bootstrap-manifest-old.txt";
/// Inside [`CONTROL_DIR`]; every running instance holds a shared lock on it.
pub const LOCKFILE: &str = "lockfile.txt";
/// What a new [`LOCKFILE`] says to a person who looks into it.
pub const LOCKFILE_TEXT: &str = "This file is used by esky to see whether this version of the app is running.\nDo not remove it.\n";
/// Inside [`CONTROL_DIR`]: every file of the version with size, mode and hash.
pub const FILE_LIST: &str = "file-list.txt";
/// Inside [`CONTROL_DIR`]: the files that load before any of the app's own code, with their sizes.
pub const START_FILES: &str = "start-files.txt";
/// In the control directory: the manifest as a package of the original had it, if ours has another order.
pub const PACKAGE_MANIFEST: &str = "package-manifest.txt";
/// Inside [`CONTROL_DIR`]: programs still to be put at the top of the app directory. Present = install not finished.
pub const BOOTSTRAP_DIR: &str = "bootstrap";
/// Inside [`CONTROL_DIR`]: what the developer decided when the version was packed.
pub const SETTINGS: &str = "settings.txt";
/// Inside [`CONTROL_DIR`]: the root metadata from which the app verifies its updates.
pub const TRUST_ROOT: &str = "root.json";

/// Where in a version directory a program lies that is not at its top. Its start-up program is called as if it were.
pub const BIN_DIR: &str = "bin";

/// What in a version directory tells how far it is, by paths below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MarkNames {
    /// Written last: without it a directory is no version.
    pub manifest: &'static str,
    /// What the manifest is renamed to when the version is uninstalled.
    pub uninstalled: &'static str,
    /// Every running instance holds a shared lock on it.
    pub lockfile: &'static str,
    /// Programs still to be put at the top. Present = install not finished.
    pub programs: &'static str,
}

/// Those of every version that is written today, and of the original since 0.8.
pub const MARKS: MarkNames = MarkNames {
    manifest: "esky-files/bootstrap-manifest.txt",
    uninstalled: "esky-files/bootstrap-manifest-old.txt",
    lockfile: "esky-files/lockfile.txt",
    programs: "esky-files/bootstrap",
};

/// Those of the original from 0.4 to 0.7 (0.4 had no lock and took no version out of service). They are read and changed, and
/// never written anew.
pub const EARLY_MARKS: MarkNames = MarkNames {
    manifest: "esky-bootstrap.txt",
    uninstalled: "esky-bootstrap-old.txt",
    lockfile: "esky-lockfile.txt",
    programs: "esky-bootstrap",
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_where_their_parts_are() {
        let names = [
            (MARKS.manifest, MANIFEST),
            (MARKS.uninstalled, MANIFEST_UNINSTALLED),
            (MARKS.lockfile, LOCKFILE),
            (MARKS.programs, BOOTSTRAP_DIR),
        ];
        for (mark, name) in names {
            assert_eq!(mark.split_once('/'), Some((CONTROL_DIR, name)));
        }
    }
}
