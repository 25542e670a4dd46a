//! Permission bits of an installed version: which it gets, and which of those that are found are damage.

use crate::appdir::{Ranked, View};
use crate::error::Result;
use crate::programs::{below, readable};
use crate::verify::VERSION_DIRECTORY;
use crate::version_dir::VersionDir;
use esky_format::file_list::Kind;
use esky_format::start_files::StartFault;
use esky_fs::Place;

const OWNER_READS: u32 = 0o400;
const OWNER_EXECUTES: u32 = 0o100;
const OTHERS_WRITE: u32 = 0o002;
const SET_ID: u32 = 0o6000;

/// The bits that a file gets. No set-user-id bits from a package, nobody but the owner and the group writes, and the owner can
/// always read and write. No mode at all means the usual one.
pub(crate) fn usable_file_mode(mode: u32) -> u32 {
    if mode & 0o777 == 0 {
        0o644
    } else {
        mode & 0o775 | 0o600
    }
}

/// The same for a directory, which its owner can also search.
pub(crate) fn usable_directory_mode(mode: u32) -> u32 {
    if mode & 0o777 == 0 {
        0o755
    } else {
        mode & 0o775 | 0o700
    }
}

/// Whether bits that were found are damage. They are if something does not work with them (its owner cannot read or execute
/// what is to be read or executed) or if they are unsafe (everybody may write, or a program takes over the rights of its
/// owner or group). All other differences are somebody's decision: rights for a group that shares the app, fewer rights for
/// others, an administrator's set-group-id on directories. `granted` is what the directory above grants to directories in it.
fn is_damage(kind: &Kind, found: u32, granted: u32) -> bool {
    match kind {
        Kind::File { mode, .. } | Kind::Program { mode, .. } => {
            let needed = usable_file_mode(*mode) & (OWNER_READS | OWNER_EXECUTES);
            found & needed != needed || found & (OTHERS_WRITE | SET_ID) != 0
        }
        Kind::Directory { .. } => is_damaged_directory(found, granted),
        Kind::Symlink { .. } => false,
    }
}

fn is_damaged_directory(found: u32, granted: u32) -> bool {
    let needed = OWNER_READS | OWNER_EXECUTES;
    found & needed != needed || found & !granted & OTHERS_WRITE != 0
}

/// Whether what is at this path is a file or directory as listed, but for its permission bits. Where files have none, never.
pub(crate) fn is_damaged_at(kind: &Kind, path: &Place) -> Result<bool> {
    if cfg!(not(unix)) {
        return Ok(false);
    }
    let Some(found) = esky_fs::metadata(path)? else {
        return Ok(false);
    };
    let is_same_kind = match kind {
        Kind::File { .. } | Kind::Program { .. } => found.kind == esky_fs::Kind::File,
        Kind::Directory { .. } => found.kind == esky_fs::Kind::Directory,
        Kind::Symlink { .. } => false,
    };
    if !is_same_kind || !is_damage(kind, found.mode, 0) {
        return Ok(false);
    }
    let granted = esky_fs::granted_to_directories(path)?;
    Ok(is_damage(kind, found.mode, granted))
}

/// Gives what is at this path the bits that it should have. **Ordered later.**
pub(crate) fn mend(kind: &Kind, path: &Place) -> Result<()> {
    match kind {
        Kind::File { mode, .. } | Kind::Program { mode, .. } => {
            Ok(esky_fs::set_mode(path, usable_file_mode(*mode))?)
        }
        Kind::Directory { mode } => Ok(esky_fs::set_directory_mode(
            path,
            usable_directory_mode(*mode),
        )?),
        Kind::Symlink { .. } => Ok(()),
    }
}

/// What has lost permission bits so that something does not start, and is to be mended next: programs at the top, and all of
/// a version of which a file that loads first may not be used, that file last.
pub(crate) fn to_mend(root: &Place, view: &View) -> Result<Vec<(Kind, Place)>> {
    let mut damaged = match view.wanted() {
        Some(wanted) => damaged_at_top(root, &wanted.dir)?,
        None => Vec::new(),
    };
    let mut last = Vec::new();
    for Ranked { dir, obstacle, .. } in &view.order {
        let Some(obstacle) = obstacle else { continue };
        if let StartFault::NotExecutable | StartFault::Unreadable = obstacle.fault {
            let is_last = |(_, path): &(Kind, Place)| *path == below(&dir.path, &obstacle.path);
            let (of_dir, others) = damaged_in(dir).into_iter().partition::<Vec<_>, _>(is_last);
            last.extend(of_dir);
            damaged.extend(others);
        }
    }
    Ok(if damaged.is_empty() { last } else { damaged })
}

/// What has damaged permission bits in a version directory, directories before what is in them; of what this user may mend.
fn damaged_in(dir: &VersionDir) -> Vec<(Kind, Place)> {
    let ours = [dir.path.clone(), dir.control()].map(|path| (VERSION_DIRECTORY, path));
    let entries = match dir.read_file_list() {
        Ok(Some(list)) => list.entries,
        _ => Vec::new(),
    };
    let files = entries.into_iter().filter(|entry| !entry.kind.is_program());
    let files = files.map(|entry| (entry.kind, below(&dir.path, &entry.path)));
    of(ours.into_iter().chain(files))
}

/// The same of the programs that a version has put at the top. The list of files is read only if they look as if.
fn damaged_at_top(root: &Place, dir: &VersionDir) -> Result<Vec<(Kind, Place)>> {
    let usual = Kind::Program {
        mode: 0o755,
        size: 0,
        sha256: [0; 32],
    };
    let names = readable(dir.manifest_names())?.unwrap_or_default();
    let looks_so = |name: &String| is_damaged_at(&usual, &below(root, name)).unwrap_or(false);
    if !names.iter().any(looks_so) {
        return Ok(Vec::new());
    }
    let Ok(Some(list)) = dir.read_file_list() else {
        return Ok(Vec::new());
    };
    let entries = list.entries.into_iter();
    let programs = entries.filter(|entry| entry.kind.is_program());
    Ok(of(
        programs.map(|entry| (entry.kind, below(root, &entry.path)))
    ))
}

/// What lies in a directory that may not be searched is not among them, until that one is mended.
fn of(entries: impl Iterator<Item = (Kind, Place)>) -> Vec<(Kind, Place)> {
    let is_damaged = |(kind, path): &(Kind, Place)| {
        is_damaged_at(kind, path).unwrap_or(false) && esky_fs::may_set_mode(path)
    };
    entries.filter(is_damaged).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIRECTORY: Kind = Kind::Directory { mode: 0o755 };

    fn file(mode: u32) -> Kind {
        Kind::File {
            mode,
            size: 0,
            sha256: [0; 32],
        }
    }

    #[test]
    fn what_keeps_a_file_from_working_is_damage() {
        for (listed, found) in [(0o755, 0o644), (0o755, 0o055), (0o644, 0o200), (0o644, 0)] {
            assert!(is_damage(&file(listed), found, 0), "{listed:o} {found:o}");
        }
        for found in [0o655, 0o355, 0] {
            assert!(is_damage(&DIRECTORY, found, 0), "{found:o}");
        }
    }

    #[test]
    fn what_lets_others_in_is_damage() {
        for found in [0o757, 0o4755, 0o2755, 0o6755] {
            assert!(is_damage(&file(0o755), found, 0), "{found:o}");
        }
        assert!(is_damage(&DIRECTORY, 0o777, 0));
        assert!(
            !is_damage(&DIRECTORY, 0o777, 0o007),
            "everybody may replace it anyhow"
        );
        assert!(
            is_damage(&file(0o666), 0o666, 0),
            "nor may a package ask for it"
        );
    }

    #[test]
    fn what_somebody_has_decided_is_none() {
        let tolerated = [
            (0o755, 0o775),
            (0o755, 0o700),
            (0o755, 0o555),
            (0o644, 0o755),
            (0o644, 0o600),
            (0o644, 0o664),
            (0o644, 0o444),
        ];
        for (listed, found) in tolerated {
            assert!(!is_damage(&file(listed), found, 0), "{listed:o} {found:o}");
        }
        for found in [0o700, 0o2775, 0o555] {
            assert!(!is_damage(&DIRECTORY, found, 0), "{found:o}");
        }
    }

    #[test]
    fn packages_cannot_ask_for_what_is_damage() {
        for mode in 0..=0o7777 {
            assert!(
                !is_damage(&file(mode), usable_file_mode(mode), 0),
                "{mode:o}"
            );
            let directory = Kind::Directory { mode };
            assert!(
                !is_damage(&directory, usable_directory_mode(mode), 0),
                "{mode:o}"
            );
        }
    }
}
