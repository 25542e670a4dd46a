//! What keeps versions from starting, found out as the bootstrap does it, and what can be told where it would have to try.

use crate::version_dir::VersionDir;
use esky_format::layout::{BIN_DIR, START_FILES};
use esky_format::start_files::{self, Look, Need, Obstacle, START_FILES_LIMIT};
use esky_fs::Place;

/// What keeps a version from starting, if anything does.
pub(crate) fn obstacle(root: &Place, dir: &VersionDir) -> Option<Obstacle> {
    spoilt_manifest(dir).or_else(|| match start_files(dir) {
        Some(files) => start_files::first_obstacle(&files, |path, need| {
            look(&crate::programs::below(&dir.path, path), need)
        }),
        None => no_program(root, dir),
    })
}

/// What is wrong with the manifest of a version that has one. A version whose directory may not be searched counts as one.
pub(crate) fn spoilt_manifest(dir: &VersionDir) -> Option<Obstacle> {
    let found = look(&dir.manifest(), Need::Read);
    let fault = Need::Read.fault(found).filter(|_| found != Look::Absent)?;
    let path = dir.marks.manifest.to_owned();
    Some(Obstacle { path, fault })
}

/// The files that load before any of the app's own code; `None` if the version has no (readable) list of them.
pub(crate) fn start_files(dir: &VersionDir) -> Option<Vec<start_files::StartFile>> {
    let bytes = read_file(&dir.control().join(START_FILES), START_FILES_LIMIT)?;
    start_files::parse(&bytes)
}

/// Reads the beginning of what is a regular file and can be read.
pub(crate) fn read_file(path: &Place, limit: usize) -> Option<Vec<u8>> {
    let found = esky_fs::metadata(path).ok()??;
    (found.kind == esky_fs::Kind::File)
        .then(|| esky_fs::read_prefix(path, limit).ok())
        .flatten()
}

/// Versions of older clients do not say what they need. The bootstrap tries their programs one after the other, so such a
/// version does not start if none of them can be executed.
fn no_program(root: &Place, dir: &VersionDir) -> Option<Obstacle> {
    let mut first = None;
    for name in dir.manifest_names().ok()? {
        if !is_program(&crate::programs::below(root, &name)) {
            continue;
        }
        let path = inner_program(root, dir, &name);
        let found = look(&crate::programs::below(&dir.path, &path), Need::Execute);
        let fault = Need::Execute.fault(found)?;
        first = first.or(Some(Obstacle { path, fault }));
    }
    first
}

/// Whether a file at the top is something that a person starts.
fn is_program(path: &Place) -> bool {
    let is_named_so = path
        .path()
        .extension()
        .is_some_and(|end| end.eq_ignore_ascii_case("exe"));
    let is_file = matches!(look(path, Need::Execute), Look::File { usable: true, .. });
    is_file && (cfg!(unix) || is_named_so)
}

/// Where the program of this name is in a version, as the bootstrap looks for it: in a bundle in one of macOS, whose app
/// directory is a bundle too; else at the top, or in `bin/` if only that has it.
fn inner_program(root: &Place, dir: &VersionDir, name: &str) -> String {
    let is_there = |path: &str| {
        let path = crate::programs::below(&dir.path, path);
        esky_fs::exists(&path).unwrap_or(false)
    };
    let bundle = root.path().file_name().and_then(|name| name.to_str());
    if let Some(bundle) = bundle.filter(|bundle| is_there(bundle)) {
        return format!("{bundle}/{name}");
    }
    let in_bin = format!("{BIN_DIR}/{name}");
    if !is_there(name) && is_there(&in_bin) {
        in_bin
    } else {
        name.to_owned()
    }
}

fn look(path: &Place, need: Need) -> Look {
    let right = match need {
        Need::Read => esky_fs::Right::Read,
        Need::Execute => esky_fs::Right::Execute,
    };
    match esky_fs::metadata(path) {
        Err(_) => Look::Unreadable,
        Ok(None) => Look::Absent,
        Ok(Some(found)) if found.kind == esky_fs::Kind::File => Look::File {
            size: found.size,
            usable: esky_fs::has_right(path, right),
        },
        Ok(Some(_)) => Look::NotAFile,
    }
}
