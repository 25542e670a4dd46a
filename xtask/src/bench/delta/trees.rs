//! What differs between two releases, and a tree that is as large as one wants.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// A file that has other bytes in the new release, or that is only there.
pub(super) struct Changed {
    /// The file with the same path in the old release.
    pub(super) old: Option<PathBuf>,
    pub(super) new: PathBuf,
    pub(super) size: u64,
}

/// What differs between two directories, or two files. Links hold no bytes.
pub(super) fn changed(old: &Path, new: &Path) -> Result<Vec<Changed>> {
    let older = files(old)?;
    let mut changed = Vec::new();
    for (name, path) in files(new)? {
        let before = older.get(&name);
        let content = fs::read(&path)?;
        let is_same = match before {
            Some(before) => fs::read(before)? == content,
            None => false,
        };
        if !is_same {
            changed.push(Changed {
                old: before.cloned(),
                new: path,
                size: content.len() as u64,
            });
        }
    }
    Ok(changed)
}

/// Sizes of all files of a directory, or of one file.
pub(super) fn sizes(tree: &Path) -> Result<Vec<u64>> {
    let files = files(tree)?;
    let size = |path: &PathBuf| Ok(fs::metadata(path)?.len());
    files.values().map(size).collect()
}

/// Copies a directory, and its large files once more in an altered form, until so many bytes are there.
pub(super) fn grow(from: &Path, to: &Path, bytes: u64) -> Result<()> {
    let mut written = 0;
    for round in 0_u8.. {
        for (name, path) in files(from)? {
            if written >= bytes && round > 0 {
                return Ok(());
            }
            let mut content = fs::read(&path)?;
            // No two files are the same: a byte here and there is another one in each round.
            content
                .iter_mut()
                .step_by(4096)
                .for_each(|byte| *byte ^= round);
            let target = match round {
                0 => to.join(&name),
                _ => to.join(format!("more-{round}")).join(&name),
            };
            fs::create_dir_all(target.parent().context("a file has a directory")?)?;
            fs::write(&target, &content)?;
            written += content.len() as u64;
        }
    }
    Ok(())
}

/// Every file below `tree` by its name from there; a file on its own has an empty name.
fn files(tree: &Path) -> Result<BTreeMap<PathBuf, PathBuf>> {
    let mut found = BTreeMap::new();
    let mut waiting = vec![tree.to_path_buf()];
    while let Some(path) = waiting.pop() {
        let kind = fs::symlink_metadata(&path)
            .with_context(|| format!("cannot look at {}", path.display()))?
            .file_type();
        if kind.is_dir() {
            for entry in fs::read_dir(&path)? {
                waiting.push(entry?.path());
            }
        } else if kind.is_file() {
            found.insert(path.strip_prefix(tree)?.to_path_buf(), path);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_differ_or_are_new_are_changed() {
        let place = tempfile::tempdir().expect("a directory");
        let (old, new) = (place.path().join("old"), place.path().join("new"));
        for (tree, name, content) in [
            (&old, "a", "1"),
            (&old, "b", "1"),
            (&new, "a", "1"),
            (&new, "b", "2"),
            (&new, "c", "33"),
        ] {
            fs::create_dir_all(tree).expect("a directory");
            fs::write(tree.join(name), content).expect("a file");
        }
        let changed = changed(&old, &new).expect("readable trees");
        let seen: Vec<_> = changed
            .iter()
            .map(|file| (file.old.is_some(), file.size))
            .collect();
        assert_eq!(seen, [(true, 1), (false, 2)]);
    }

    #[test]
    fn a_grown_tree_is_as_large_as_asked_for_and_holds_no_file_twice() {
        let place = tempfile::tempdir().expect("a directory");
        let (small, large) = (place.path().join("small"), place.path().join("large"));
        fs::create_dir_all(&small).expect("a directory");
        fs::write(small.join("a"), [7; 1000]).expect("a file");
        grow(&small, &large, 2500).expect("a tree");
        assert_eq!(sizes(&large).expect("readable tree"), [1000; 3]);
        assert_eq!(
            changed(&large.join("more-1"), &large.join("more-2"))
                .expect("trees")
                .len(),
            1
        );
    }
}
