//! Removing what nobody needs any more, and nothing that is not ours.

use crate::appdir::{AppDir, Ranked, View, look};
use crate::decisions::Decisions;
use crate::error::{Error, Result};
use crate::leftovers::{Leftover, Leftovers};
use crate::lock::{StagingLock, UpdateLock, VersionLock};
use crate::removal::remove_version_dir;
use crate::user_files::KeptFiles;
use crate::version_dir::{Stage, VersionDir};
use crate::{adopt, facts, lock, programs};
use esky_format::version::compare;
use esky_fs::Place;
use std::cmp::Ordering;
use std::collections::BTreeSet;

/// Something for clean-up to do.
enum Action {
    /// Begun by another writer and not finished.
    Recover,
    /// A newer version has its manifest but was not committed: what was asked for is done.
    Install(String),
    /// A version to uninstall and remove.
    Remove(VersionDir),
    /// The remains of an uninstalled version.
    RemoveUninstalled(VersionDir),
    /// The remains of a staging that was broken off, or that something newer has overtaken.
    RemoveStaged(VersionDir),
    /// A program that was moved aside while it was running, or a left-over of adopting.
    RemoveFile(Place),
    /// A running old version: nothing can be done yet.
    Wait,
    /// A version that cannot be looked at now.
    Leave(Error),
}

impl AppDir {
    /// Whether [`AppDir::cleanup`] would find anything to do, now or later. Takes no lock and changes nothing.
    pub fn needs_cleanup(&self) -> Result<bool> {
        look(self.place(), || {
            Ok(!self.plan(None)?.is_empty() || lock::was_left_behind(self.place())?)
        })
    }

    /// Removes old versions that nobody uses, and the remains of what was broken off. Keeps the version that starts,
    /// its fallback, every version in use, the version `keep_active` (that of the caller), a staged version that
    /// waits to be installed, and every file that no version brought. What cannot be removed now, because another program has it
    /// open, say, keeps nothing else from being removed; it is told, and the next clean-up tries again.
    ///
    /// A crash leaves less to do; doing it again does the rest.
    pub fn cleanup(&self, lock: &UpdateLock, keep_active: Option<&str>) -> Result<Leftovers> {
        let mut left = Leftovers {
            refused: self.finish(lock)?,
            ..Leftovers::default()
        };
        self.finish_partial(lock, keep_active)?;
        for action in self.plan(keep_active)? {
            match self.perform(action, &mut left.kept) {
                Ok(done) => left.waiting |= !done,
                Err(error) => left.refused.push(Leftover::of(error)?),
            }
        }
        Ok(left)
    }

    /// If it turns out to be damaged, installing has removed it, and clean-up goes on.
    fn finish_partial(&self, lock: &UpdateLock, keep_active: Option<&str>) -> Result<()> {
        for action in self.plan(keep_active)? {
            if let Action::Install(version) = action {
                match self.install(&version, lock) {
                    Ok(_)
                    | Err(
                        Error::Damaged { .. }
                        | Error::BadFileList { .. }
                        | Error::UnknownVersion { .. },
                    ) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }

    fn plan(&self, keep_active: Option<&str>) -> Result<Vec<Action>> {
        let view = View::of(self.place())?;
        if view.best().is_none() {
            return Ok(Vec::new());
        }
        let mut plan = Vec::new();
        if self.needs_recovery(&view)? {
            plan.push(Action::Recover);
        }
        for dir in view.dirs.iter().filter(|dir| dir.app.name == self.name()) {
            match self.action(&view, dir, keep_active) {
                Err(error @ Error::Disk(_)) => plan.push(Action::Leave(error)),
                action => plan.extend(action?),
            }
        }
        plan.extend(self.moved_aside(&view)?.into_iter().map(Action::RemoveFile));
        let adopting = adopt::work_directory(self);
        if esky_fs::exists(&adopting)? {
            plan.push(Action::RemoveFile(adopting));
        }
        Ok(plan)
    }

    fn action(
        &self,
        view: &View,
        dir: &VersionDir,
        keep_active: Option<&str>,
    ) -> Result<Option<Action>> {
        let is_best = view.best().is_some_and(|best| best.dir.path == dir.path);
        let stage = dir.stage()?;
        let is_version = matches!(stage, Stage::Complete | Stage::Partial);
        if is_best || (is_version && view.is_recorded(dir)) {
            return Ok(None);
        }
        let active = keep_active == Some(dir.app.version.as_str());
        Ok(Some(match stage {
            Stage::Staged if dir.is_fully_staged()? && is_wanted(view, dir) => return Ok(None),
            Stage::Partial if is_wanted(view, dir) => Action::Install(dir.app.version.clone()),
            _ if active || VersionLock::is_taken(&dir.path)? => Action::Wait,
            Stage::Staged => Action::RemoveStaged(dir.clone()),
            Stage::Uninstalled => Action::RemoveUninstalled(dir.clone()),
            Stage::Complete | Stage::Partial => Action::Remove(dir.clone()),
        }))
    }

    /// Says whether it is done.
    fn perform(&self, action: Action, kept: &mut Vec<KeptFiles>) -> Result<bool> {
        let mut remove = |dir: &VersionDir, held| {
            kept.extend(remove_version_dir(self.place(), dir, held)?);
            Ok(())
        };
        match action {
            Action::Recover | Action::Install(_) | Action::Wait => Ok(false),
            Action::Leave(error) => Err(error),
            Action::RemoveFile(path) => Ok(esky_fs::remove_tree(&path).map(|()| true)?),
            Action::RemoveStaged(dir) => match StagingLock::try_take(self.place())? {
                // It may have become a version, or have been finished, since the plan was made.
                Some(_staging) if dir.stage()? == Stage::Staged => {
                    exclusively(&dir, |held| remove(&dir, held))
                }
                _ => Ok(false),
            },
            Action::RemoveUninstalled(dir) => exclusively(&dir, |held| {
                programs::retire(self.place(), &dir, &View::of(self.place())?.dirs)?;
                remove(&dir, held)
            }),
            Action::Remove(dir) => exclusively(&dir, |held| {
                self.disable(&View::of(self.place())?, &dir, &held)?;
                remove(&dir, held)
            }),
        }
    }

    /// `prog.old.exe` and the like, if `prog.exe` is a program of a version: others are not ours.
    fn moved_aside(&self, view: &View) -> Result<Vec<Place>> {
        let mut ours = BTreeSet::new();
        let readable = |ranked: &&Ranked| facts::spoilt_manifest(&ranked.dir).is_none();
        for ranked in view.order.iter().filter(readable) {
            ours.extend(programs::readable(ranked.dir.manifest_names())?.unwrap_or_default());
        }
        let names = esky_fs::read_dir_names(self.place())?;
        let mut backups = Vec::new();
        for name in names.iter().filter_map(|name| name.to_str()) {
            let is_backup = name.contains(".old") && ours.contains(&without_old(name));
            if is_backup && !programs::is_one_of(self.place(), name, &ours)? {
                backups.push(self.place().join(name));
            }
        }
        Ok(backups)
    }
}

/// The original's scheme for names of backups, undone.
fn without_old(name: &str) -> String {
    let (stem, extension) = match name.rsplit_once('.') {
        Some((stem, extension)) if extension != "old" => (stem, format!(".{extension}")),
        _ => (name, String::new()),
    };
    let mut stem = stem;
    while let Some(shorter) = stem.strip_suffix(".old") {
        stem = shorter;
    }
    format!("{stem}{extension}")
}

/// Newer than what starts, and neither known to fail nor unwanted.
fn is_wanted(view: &View, dir: &VersionDir) -> bool {
    let refused = Decisions::of(view).refusal(&dir.app.version).is_some();
    let newer = |version: &str| compare(&dir.app.version, version) == Ordering::Greater;
    !refused && view.best().is_none_or(|best| newer(&best.dir.app.version))
}

/// Removes a version under its exclusive lock, so that no instance can start meanwhile. `false` if one did before.
fn exclusively(dir: &VersionDir, remove: impl FnOnce(VersionLock) -> Result<()>) -> Result<bool> {
    match VersionLock::try_take(&dir.path)? {
        Some(held) => remove(held).map(|()| true),
        None => Ok(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backup_names_of_the_original_lead_back_to_the_program() {
        assert_eq!(without_old("prog.old.exe"), "prog.exe");
        assert_eq!(without_old("prog.old.old.exe"), "prog.exe");
        assert_eq!(without_old("prog.old"), "prog");
        assert_eq!(without_old("notes.txt"), "notes.txt");
    }
}
