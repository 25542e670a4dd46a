//! The start-up programs at the top of the app directory.

use crate::error::{Error, Result};
use crate::hashing::{Expected, check_file, hash_file};
use crate::leftovers::Leftover;
use crate::lock::{self, make_state_dir};
use crate::modes;
use crate::version_dir::{Stage, VersionDir};
use esky_format::file_list::{FileList, Kind, Limits};
use esky_format::layout::STATE_DIR;
use esky_fs::{ErrorKind, Place};
use std::collections::BTreeSet;
use std::sync::atomic::AtomicU64;

/// Where a program is copied to before it is renamed into place: in our own directory, on the same file system. Only the
/// holder of the update lock uses it.
const TEMPORARY: &str = "program.new";

/// The programs in the order in which they are put in place: what they may need first, programs last.
pub(crate) fn in_order(list: &FileList) -> Vec<String> {
    let programs = list.entries.iter().filter_map(|entry| match entry.kind {
        Kind::Program { mode, .. } => Some((is_program(&entry.path, mode), entry.path.clone())),
        _ => None,
    });
    let mut programs: Vec<_> = programs.collect();
    programs.sort();
    programs.into_iter().map(|(_, path)| path).collect()
}

fn is_program(path: &str, mode: u32) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    let is_library = [".dll", ".pyd", ".dylib"]
        .iter()
        .any(|end| name.ends_with(end))
        || name.contains(".so");
    name.ends_with(".exe") || (mode & 0o111 != 0 && !is_library)
}

/// What was put at the top last: a list of files with nothing but programs. The version that brought them may be gone, and
/// what starts may be an older one; without this nobody could tell a newer program from a damaged one.
const RECORD: &str = "programs.txt";

/// Puts the programs of a version at the top and takes away the mark that this is to be done. Each program is
/// replaced in one step, and only if its bytes differ. A crash leaves the mark, and doing it again does the rest.
///
/// So does a program that cannot be replaced because it runs (Windows): it is left for later, since it starts the new version
/// as well as its successor would. To move it aside first would leave a moment without any program of that name.
pub(crate) fn put(root: &Place, dir: &VersionDir, replace: bool) -> Result<()> {
    let staged = dir.programs();
    let state = make_state_dir(root)?;
    let temporary = state.join(TEMPORARY);
    let mut all_there = true;
    if replace && let Some(list) = dir.read_file_list()? {
        record(&state.join(RECORD), &list)?;
    }
    for name in dir.manifest_names()? {
        let (from, to) = (below(&staged, &name), below(root, &name));
        // Gone when a crash came while the mark was being removed: then they are all in place.
        let Some(found) = esky_fs::metadata(&from)? else {
            continue;
        };
        let present = esky_fs::exists(&to)?;
        let usable = !present || mend_mode(&to, found.mode)?;
        if present && (!replace || (usable && same_content(&from, &to)?)) {
            continue;
        }
        if let Some(parent) = to.parent() {
            esky_fs::create_dir_all(&parent)?;
        }
        match esky_fs::replace_durable(&from, &temporary, &to, found.mode) {
            Err(error)
                if present && error.kind() == ErrorKind::Busy && error.path() == to.path() =>
            {
                all_there = false;
            }
            replaced => replaced?,
        }
    }
    esky_fs::remove_file(&temporary)?;
    if !all_there {
        return Ok(());
    }
    esky_fs::remove_tree(&staged)?;
    Ok(esky_fs::sync_dir(&dir.marks_directory())?)
}

/// As [`put`], for a version that starts already: what the system refuses is left for the next run, since every start-up program
/// starts every version.
pub(crate) fn put_after_commit(root: &Place, dir: &VersionDir) -> Result<Option<Leftover>> {
    match put(root, dir, true) {
        Ok(()) => Ok(None),
        Err(error) => Leftover::of(error).map(Some),
    }
}

/// Gives a program at the top the right to be executed again if it has lost it. `false`: this user may not do that.
fn mend_mode(path: &Place, mode: u32) -> Result<bool> {
    let kind = Kind::Program {
        mode,
        size: 0,
        sha256: [0; 32],
    };
    if !modes::is_damaged_at(&kind, path)? {
        return Ok(true);
    }
    let may = esky_fs::may_set_mode(path);
    if may {
        modes::mend(&kind, path)?;
    }
    Ok(may)
}

/// Durable before the first program is replaced, so a program that is at the top is in the record or was there before.
fn record(path: &Place, list: &FileList) -> Result<()> {
    let programs = list.entries.iter().filter(|entry| entry.kind.is_program());
    let programs = FileList {
        app: list.app.clone(),
        entries: programs.cloned().collect(),
    };
    let text = programs.write();
    if esky_fs::read_prefix(path, text.len() + 1)? == text.as_bytes() {
        return Ok(());
    }
    lock::write_alone(path, &text)
}

/// Whether the file at the top is what was put there last.
pub(crate) fn is_what_was_put(root: &Place, name: &str) -> Result<bool> {
    let limits = Limits::default();
    let path = root.join(STATE_DIR).join(RECORD);
    let bytes = esky_fs::read_prefix(&path, limits.bytes)?;
    match FileList::parse(&bytes, &limits) {
        Ok(list) => is_the_version_own(root, name, Some(&list)),
        // Nothing was put there yet, or the record is damaged.
        Err(_) => Ok(false),
    }
}

fn same_content(left: &Place, right: &Place) -> Result<bool> {
    let (size, sha256) = hash_file(left, &AtomicU64::new(0))?;
    let expected = Expected {
        path: right.clone(),
        size,
        sha256,
    };
    Ok(check_file(&expected, &AtomicU64::new(0))?.is_none())
}

/// Removes the programs of an uninstalled version that no other version has. A crash leaves some of them;
/// doing it again removes the rest. A file that is not the one the version brought is somebody else's and stays.
pub(crate) fn retire(root: &Place, dir: &VersionDir, all: &[VersionDir]) -> Result<()> {
    let Some(kept) = names_of_versions(all)? else {
        return Ok(());
    };
    let list = dir.read_file_list().unwrap_or_default();
    let mut removed = false;
    for name in readable(dir.uninstalled_names())?.unwrap_or_default() {
        if !is_one_of(root, &name, &kept)? && is_the_version_own(root, &name, list.as_ref())? {
            let path = below(root, &name);
            esky_fs::remove_file(&path)?;
            esky_fs::sync_dir(&path.parent().unwrap_or_else(|| root.clone()))?;
            remove_empty_parents(root, &name)?;
            removed = true;
        }
    }
    // Before the version goes, which is all that knows of them.
    if removed {
        Ok(esky_fs::sync_dir(root)?)
    } else {
        Ok(())
    }
}

/// What must stay; `None` when there is nothing to judge by: no version, or one whose manifest cannot be read.
fn names_of_versions(all: &[VersionDir]) -> Result<Option<BTreeSet<String>>> {
    let mut kept = BTreeSet::new();
    for other in all {
        if matches!(other.stage()?, Stage::Complete | Stage::Partial) {
            let Some(names) = readable(other.manifest_names())? else {
                return Ok(None);
            };
            kept.extend(names);
        }
    }
    Ok((!kept.is_empty()).then_some(kept))
}

/// A manifest that is nonsense or may not be read names nothing; it must not keep clean-up from its other work.
pub(crate) fn readable(names: Result<Vec<String>>) -> Result<Option<Vec<String>>> {
    match names {
        Ok(names) => Ok(Some(names)),
        Err(Error::BadManifest { .. }) => Ok(None),
        Err(Error::Disk(error)) if error.kind() == ErrorKind::Permission => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether the file at the top is the one from the list of files. Old clients' versions have no list: then by name.
fn is_the_version_own(root: &Place, name: &str, list: Option<&FileList>) -> Result<bool> {
    let path = below(root, name);
    let Some(found) = esky_fs::metadata(&path)? else {
        return Ok(false);
    };
    if found.kind != esky_fs::Kind::File {
        return Ok(false);
    }
    let Some(list) = list else { return Ok(true) };
    let programs = || list.entries.iter().filter(|entry| entry.kind.is_program());
    let names = programs().map(|entry| entry.path.clone()).collect();
    let known = same_as(root, name, &names)?;
    let entry = programs().find(|entry| Some(&entry.path) == known);
    let Some(Kind::Program { size, sha256, .. }) = entry.map(|entry| &entry.kind) else {
        return Ok(false);
    };
    Ok(check_file(
        &Expected {
            path,
            size: *size,
            sha256: *sha256,
        },
        &AtomicU64::new(0),
    )?
    .is_none())
}

/// Whether a file at the top has one of these names, as the file system compares them.
pub(crate) fn is_one_of(root: &Place, name: &str, names: &BTreeSet<String>) -> Result<bool> {
    Ok(same_as(root, name, names)?.is_some())
}

/// The name among these that a file at the top has. `prog.exe` and `Prog.exe` are one name on Windows and on most disks of macOS, and
/// on Linux in a directory that ignores case. Nobody knows but the file system: it is asked whether they are one file.
fn same_as<'a>(
    root: &Place,
    name: &str,
    names: &'a BTreeSet<String>,
) -> Result<Option<&'a String>> {
    if let Some(same) = names.get(name) {
        return Ok(Some(same));
    }
    let path = below(root, name);
    for other in names {
        if esky_fs::is_same_file(&path, &below(root, other))? {
            return Ok(Some(other));
        }
    }
    Ok(None)
}

fn remove_empty_parents(root: &Place, name: &str) -> Result<()> {
    let mut name = name;
    while let Some((parent, _)) = name.rsplit_once('/') {
        if !esky_fs::remove_empty_dir(&below(root, parent))? {
            break;
        }
        name = parent;
    }
    Ok(())
}

/// A checked relative path with forward slashes below a directory.
pub(crate) fn below(directory: &Place, relative: &str) -> Place {
    relative
        .split('/')
        .fold(directory.clone(), |place, part| place.join(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_come_before_the_programs_that_need_them() {
        assert!(!is_program("libpython3.12.so.1.0", 0o755));
        assert!(!is_program("python312.dll", 0o755));
        assert!(!is_program("readme.txt", 0o644));
        assert!(is_program("Contents/MacOS/demo", 0o755));
        assert!(is_program("demo.exe", 0o644));
    }
}
