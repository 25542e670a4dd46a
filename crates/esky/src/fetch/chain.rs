//! A version made by patches of the original esky, from the version that is there or from a full package.

mod base;

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use esky_format::layout::{APPDATA_DIR, CONTROL_DIR, MANIFEST};
use esky_format::name::AppVersion;
use esky_install::Staging;
use esky_legacy::{Limits, Node, Tree};

use super::staging_failed;
use crate::{AppDir, Error, Event, Monitor, Result};
use base::Base;

/// The ending of patches.
const PATCH: &str = ".patch";

/// Whether this is the name or the address of a patch.
pub(crate) fn is_patch(name: &str) -> bool {
    let path = name.split(['?', '#']).next().unwrap_or(name);
    path.ends_with(PATCH)
}

/// Why a chain of packages led nowhere.
#[derive(Debug)]
pub(crate) struct ChainFailure {
    /// The number of the package that is to blame.
    pub(crate) package: usize,
    pub(crate) error: Error,
}

impl ChainFailure {
    pub(crate) fn at(package: usize) -> impl FnOnce(Error) -> Self {
        move |error| Self { package, error }
    }

    /// The error, if another chain may do; that there will be another try is told.
    pub(crate) fn after(self, monitor: &Monitor) -> Result<Error> {
        if !self.error.concerns_only_the_package() {
            return Err(self.error);
        }
        monitor.emit(Event::Retrying {
            cause: self.error.to_string(),
        });
        Ok(self.error)
    }
}

/// Applies patches, each given by name and open file, one after the other; the first may be a full package instead. The result
/// is staged as `version`. If this fails or is cancelled, nothing of that version stays behind.
pub(crate) fn stage_chain(
    app: &AppDir,
    packages: &[(&str, &File)],
    version: &str,
    monitor: &Monitor,
) -> Result<PathBuf, ChainFailure> {
    let chain = Chain { packages, monitor };
    let made = chain.make(app)?;
    let wanted = AppVersion {
        name: app.name().to_owned(),
        version: version.to_owned(),
        platform: app.platform().to_owned(),
    };
    let last = packages.len().saturating_sub(1);
    let url = packages.last().map_or("", |(name, _)| *name);
    stage(app, &made, &wanted, url, monitor).map_err(ChainFailure::at(last))
}

struct Chain<'a> {
    packages: &'a [(&'a str, &'a File)],
    monitor: &'a Monitor,
}

impl Chain<'_> {
    fn make(&self, app: &AppDir) -> Result<Tree, ChainFailure> {
        let (base, patches) = match self.packages.split_first() {
            Some(((name, file), rest)) if !is_patch(name) => {
                let base = Base::of_package(app, (name, file), self.monitor);
                (base.map_err(ChainFailure::at(0))?, rest)
            }
            Some(((name, _), _)) => {
                let base = Base::of_installed(app).map_err(|source| old_patch(name, source));
                (base.map_err(ChainFailure::at(0))?, self.packages)
            }
            None => (Base::default(), self.packages),
        };
        let mut number = self.packages.len() - patches.len();
        let Some(((name, file), rest)) = patches.split_first() else {
            return Ok(base.layouts().into_iter().next().unwrap_or_default());
        };
        let mut tree = self
            .apply_first(&base, name, file)
            .map_err(ChainFailure::at(number))?;
        for (name, file) in rest {
            number += 1;
            let applied = self.apply(&tree, name, file);
            tree = applied.map_err(ChainFailure::at(number))?;
        }
        Ok(tree)
    }

    /// A patch does not say for which layout it was made, so it is tried with each.
    fn apply_first(&self, base: &Base, name: &str, file: &File) -> Result<Tree> {
        let mut layouts = base.layouts().into_iter();
        let first = layouts.next().unwrap_or_default();
        let mut outcome = self.apply(&first, name, file);
        for tree in layouts {
            match &outcome {
                Err(error) if error.concerns_only_the_package() => {}
                _ => break,
            }
            // Of several failures the first is the one to tell about.
            match self.apply(&tree, name, file) {
                Err(error) if error.concerns_only_the_package() => {}
                settled => outcome = settled,
            }
        }
        outcome
    }

    fn apply(&self, tree: &Tree, name: &str, file: &File) -> Result<Tree> {
        super::rewind(file).map_err(|source| old_patch(name, esky_legacy::Error::Input(source)))?;
        let patch = BufReader::new(file);
        let mut pulse = || self.monitor.cancel.flow();
        let applied = esky_legacy::apply(tree, patch, &Limits::default(), &mut pulse);
        applied.map_err(|source| old_patch(name, source))
    }
}

/// Whatever goes wrong with a patch, a full package may do: it needs nothing of what is there.
fn old_patch(url: &str, source: esky_legacy::Error) -> Error {
    match source {
        esky_legacy::Error::Cancelled => Error::Cancelled,
        source => Error::OldPatch {
            url: url.to_owned(),
            source,
        },
    }
}

/// As in the original: the version directory is at the top or in `appdata/`, and everything else at the top is for the top
/// of the app directory.
fn stage(
    app: &AppDir,
    made: &Tree,
    wanted: &AppVersion,
    url: &str,
    monitor: &Monitor,
) -> Result<PathBuf> {
    let name = wanted.directory_name();
    let no_version = || Error::PatchedVersion {
        url: url.to_owned(),
    };
    let version = made
        .directory(&format!("{APPDATA_DIR}/{name}"))
        .or_else(|| made.directory(&name))
        .ok_or_else(no_version)?;
    let manifest = version.get(&format!("{CONTROL_DIR}/{MANIFEST}"));
    if !matches!(manifest, Some(Node::File { .. })) {
        return Err(no_version());
    }
    app.require_space(made.size())?;
    let mut stage = Stage {
        staging: app.stage(wanted)?,
        url: Path::new(url),
        monitor,
        done: 0,
        total: made.size(),
    };
    stage.tree(version, "", false)?;
    for (path, node) in made.entries() {
        if path != name && path != APPDATA_DIR {
            stage.node(path, node, true)?;
        }
    }
    let finished = stage.staging.finish();
    finished.map_err(|error| staging_failed(Path::new(url), error))
}

struct Stage<'a> {
    staging: Staging,
    url: &'a Path,
    monitor: &'a Monitor,
    done: u64,
    total: u64,
}

impl Stage<'_> {
    fn tree(&mut self, tree: &Tree, below: &str, for_top: bool) -> Result<()> {
        tree.entries()
            .try_for_each(|(name, node)| self.node(&format!("{below}{name}"), node, for_top))
    }

    fn node(&mut self, path: &str, node: &Node, for_top: bool) -> Result<()> {
        self.monitor.check()?;
        let (mode, content) = match node {
            Node::Directory(directory) => {
                if !for_top {
                    let added = self.staging.add_directory(path, directory.mode);
                    added.map_err(|error| staging_failed(self.url, error))?;
                }
                return self.tree(directory, &format!("{path}/"), for_top);
            }
            Node::File { mode, content } => (*mode, content),
        };
        let url = &self.url.display().to_string();
        let mut reader = content.open().map_err(|source| old_patch(url, source))?;
        let added = match for_top {
            true => self
                .staging
                .add_program(path, mode, content.size(), &mut reader),
            false => self
                .staging
                .add_file(path, mode, content.size(), &mut reader),
        };
        added.map_err(|error| staging_failed(self.url, error))?;
        self.done += content.size();
        self.monitor.emit(Event::Unpacking {
            done: self.done,
            total: self.total,
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patches_are_told_by_their_ending() {
        assert!(is_patch("http://host/demo-1.1.linux-x86_64.from-1.0.patch"));
        assert!(is_patch("http://host/x.patch?token=1"));
        assert!(!is_patch("http://host/demo-1.1.linux-x86_64.zip"));
        assert!(!is_patch("http://host/demo.zip?from=x.patch"));
    }
}
