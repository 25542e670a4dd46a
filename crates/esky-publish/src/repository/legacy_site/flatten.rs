//! A tree without what zips of the original cannot hold: links become copies, empty directories go.

use std::path::{Path, PathBuf};

use super::LegacySiteFault;
use crate::repository::error::RepositoryResult;

/// More links one after the other are a circle.
const MOST_STEPS: usize = 40;

/// Makes copies of all links below a directory and removes what is empty then. Gives the number of links. The directory is one
/// that a package was unpacked into: no link leads out of it.
pub(super) fn flatten(directory: &Path) -> RepositoryResult<u64> {
    let mut links = Vec::new();
    find_links(directory, &mut links)?;
    for link in &links {
        let target = resolve(directory, link)?;
        // What a link to a directory leads to may hold links itself, which lead on to files by now or are followed here.
        esky_fs::remove_file(link)?;
        copy(directory, &target, link, MOST_STEPS)?;
    }
    remove_empty(directory)?;
    Ok(links.len() as u64)
}

fn find_links(directory: &Path, links: &mut Vec<PathBuf>) -> RepositoryResult<()> {
    for name in esky_fs::read_dir_names(directory)? {
        let path = directory.join(name);
        match esky_fs::metadata(&path)?.map(|found| found.kind) {
            Some(esky_fs::Kind::Symlink) => links.push(path),
            Some(esky_fs::Kind::Directory) => find_links(&path, links)?,
            _ => {}
        }
    }
    Ok(())
}

/// What a chain of links leads to at last.
fn resolve(root: &Path, link: &Path) -> RepositoryResult<PathBuf> {
    let mut path = link.to_owned();
    for _ in 0..MOST_STEPS {
        match esky_fs::metadata(&path)?.map(|found| found.kind) {
            Some(esky_fs::Kind::Symlink) => {
                let target = esky_fs::read_symlink(&path)?;
                path = join(path.parent().unwrap_or(root), &target);
            }
            Some(_) => return Ok(path),
            None => break,
        }
    }
    Err(nowhere(root, link))
}

fn join(directory: &Path, target: &Path) -> PathBuf {
    let mut path = directory.to_owned();
    for part in target.components() {
        match part {
            std::path::Component::ParentDir => {
                path.pop();
            }
            std::path::Component::CurDir => {}
            part => path.push(part),
        }
    }
    path
}

fn copy(root: &Path, from: &Path, to: &Path, depth: usize) -> RepositoryResult<()> {
    let Some(depth) = depth.checked_sub(1) else {
        return Err(nowhere(root, to));
    };
    let found = esky_fs::metadata(from)?;
    match found.as_ref().map(|found| found.kind) {
        Some(esky_fs::Kind::Symlink) => copy(root, &resolve(root, from)?, to, depth),
        Some(esky_fs::Kind::Directory) if !to.starts_with(from) => {
            esky_fs::create_dir_all(to)?;
            for name in esky_fs::read_dir_names(from)? {
                copy(root, &from.join(&name), &to.join(&name), depth)?;
            }
            Ok(())
        }
        Some(esky_fs::Kind::File) => {
            let mode = found.map_or(0o644, |found| found.mode & 0o777);
            esky_fs::copy_file(from, to, mode)?;
            Ok(())
        }
        _ => Err(nowhere(root, to)),
    }
}

fn nowhere(root: &Path, link: &Path) -> crate::repository::error::RepositoryError {
    let path = link.strip_prefix(root).unwrap_or(link);
    let path = path.display().to_string();
    LegacySiteFault::Link { path }.into()
}

/// Whether anything is left.
fn remove_empty(directory: &Path) -> RepositoryResult<bool> {
    let mut holds = false;
    for name in esky_fs::read_dir_names(directory)? {
        let path = directory.join(name);
        let is_directory =
            esky_fs::metadata(&path)?.is_some_and(|found| found.kind == esky_fs::Kind::Directory);
        let empty = is_directory && !remove_empty(&path)?;
        if empty {
            esky_fs::remove_empty_dir(&path)?;
        }
        holds |= !empty;
    }
    Ok(holds)
}
