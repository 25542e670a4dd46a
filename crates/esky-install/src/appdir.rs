//! An app directory: where it is, what is in it, which version starts.

use crate::error::{Error, Result};
use crate::lock::{UpdateLock, VersionLock};
use crate::scan;
use crate::trust::{self, Trust};
use crate::version_dir::{Stage, VersionDir};
use esky_format::layout::{APPDATA_DIR, CONTROL_DIR, DOWNLOADS_DIR, METADATA_DIR, UPDATES_DIR};
use esky_format::name::AppVersion;
use esky_format::start_files::Obstacle;
use esky_format::state::{Reason, Slot, Snapshot, active_slot, choose, gave_way};
use esky_fs::{ErrorKind, Place};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// One more for each change during the look would do.
const MOST_LOOKS: u32 = 20;

/// A directory that holds an app: start-up programs at the top, one directory for each version.
#[derive(Clone, Debug)]
pub struct AppDir {
    root: Place,
    name: String,
    platform: String,
    /// It is a copy that nobody starts, made for a rehearsal.
    is_rehearsal: bool,
}

/// A version directory that has its manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstalledVersion {
    /// Name, version and platform.
    pub app: AppVersion,
    /// Where it is.
    pub path: PathBuf,
    /// Whether nothing of its installation is left to do.
    pub complete: bool,
    /// Whether an instance of it is running.
    pub in_use: bool,
    /// Whether it is the one that starts.
    pub current: bool,
    /// What keeps it from starting, if anything does.
    pub obstacle: Option<Obstacle>,
}

/// A version at its place in the start order. What cannot be started comes after all others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartChoice {
    /// The version.
    pub version: InstalledVersion,
    /// Why it stands there.
    pub reason: Reason,
}

/// A version directory with the reason for its place in the start order.
pub(crate) struct Ranked {
    pub(crate) dir: VersionDir,
    pub(crate) reason: Reason,
    pub(crate) complete: bool,
    pub(crate) obstacle: Option<Obstacle>,
}

/// All that a decision needs, read once.
pub(crate) struct View {
    pub(crate) dirs: Vec<VersionDir>,
    pub(crate) snapshot: Snapshot,
    pub(crate) order: Vec<Ranked>,
    /// Whether the bootstrap can count a start by this user.
    pub(crate) counts_starts: bool,
}

impl View {
    pub(crate) fn of(root: &Place) -> Result<Self> {
        Self::with_slots(root, |_| ())
    }

    /// What would be if the slots were different.
    pub(crate) fn with_slots(root: &Place, edit: impl Fn(&mut Slot)) -> Result<Self> {
        let dirs = scan::version_dirs(root)?;
        let closed = scan::closed_dirs(root)?;
        let mut snapshot = scan::snapshot(root, &dirs, &closed)?;
        snapshot.slots.iter_mut().flatten().for_each(edit);
        let order = choose(&snapshot).into_iter().filter_map(|choice| {
            let candidate = &snapshot.candidates[choice.candidate];
            let same = |dir: &&VersionDir| {
                dir.app == candidate.app && dir.in_appdata == candidate.in_appdata
            };
            let dir = dirs.iter().chain(&closed).find(same)?.clone();
            Some(Ranked {
                dir,
                reason: choice.reason,
                complete: candidate.complete,
                obstacle: candidate.obstacle.clone(),
            })
        });
        let order = order.collect();
        let counts_starts = scan::counts_starts(root, &snapshot);
        Ok(Self {
            dirs,
            snapshot,
            order,
            counts_starts,
        })
    }

    /// What would start if nothing were damaged.
    pub(crate) fn wanted(&self) -> Option<&Ranked> {
        let left = gave_way(&self.snapshot);
        let is_left = |ranked: &&Ranked| {
            left.is_some_and(|left| {
                left.app == ranked.dir.app && left.in_appdata == ranked.dir.in_appdata
            })
        };
        self.order.iter().find(is_left).or_else(|| self.best())
    }

    /// What starts now.
    pub(crate) fn best(&self) -> Option<&Ranked> {
        self.order.first()
    }

    /// Whether the state record names this directory as current or fallback.
    pub(crate) fn is_recorded(&self, dir: &VersionDir) -> bool {
        let current = active_slot(&self.snapshot.slots).map(|(_, slot)| &slot.current);
        current == Some(&dir.directory_name()) || self.is_fallback(dir)
    }

    /// Whether the state record names this directory as the one to go back to.
    pub(crate) fn is_fallback(&self, dir: &VersionDir) -> bool {
        let fallback =
            active_slot(&self.snapshot.slots).and_then(|(_, slot)| slot.fallback.as_ref());
        fallback == Some(&dir.directory_name())
    }
}

/// The version that starts, of the only app that is installed here.
fn only_app(root: &Place) -> Result<AppVersion> {
    let view = View::of(root)?;
    let Some(best) = view.best() else {
        return Err(Error::NoVersions {
            path: root.path().to_owned(),
        });
    };
    let complete = view.order.iter().filter(|ranked| ranked.complete);
    let apps: BTreeSet<&str> = complete
        .map(|ranked| ranked.dir.app.name.as_str())
        .collect();
    if apps.len() > 1 {
        return Err(Error::SeveralApps {
            path: root.path().to_owned(),
            apps: apps.into_iter().map(ToOwned::to_owned).collect(),
        });
    }
    Ok(best.dir.app.clone())
}

/// Looks at an app directory without a lock, while another process may install versions and remove others: an answer to
/// which the record has changed, or for which something is gone that was there a moment ago, is looked for again.
pub(crate) fn look<T>(root: &Place, look: impl Fn() -> Result<T>) -> Result<T> {
    let sequence = || active_slot(&scan::record(root).slots).map(|(_, slot)| slot.seq);
    for _ in 0..MOST_LOOKS {
        let before = sequence();
        let found = look();
        let is_gone =
            matches!(&found, Err(Error::Disk(error)) if error.kind() == ErrorKind::NotFound);
        if !is_gone && sequence() == before {
            return found;
        }
    }
    look()
}

impl AppDir {
    /// Opens the directory that holds the start-up programs.
    pub fn open(root: &Path) -> Result<Self> {
        let path = absolute(root);
        // A link to the app directory is fine; below it none is followed.
        let root = match Place::open(&path) {
            Ok(root) => root,
            Err(error) if is_not_directory(&error) => return Err(Error::NotADirectory { path }),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(Error::AppDirMissing { path });
            }
            Err(error) => return Err(error.into()),
        };
        let AppVersion { name, platform, .. } = look(&root, || only_app(&root))?;
        Ok(Self {
            root,
            name,
            platform,
            is_rehearsal: false,
        })
    }

    /// A directory in which the installation of an app is rehearsed. Nothing in it is read; it may hold no version yet. The
    /// caller has made it, so [`AppDir::require_rights`] is not asked.
    pub fn of(root: &Path, app: &AppVersion) -> esky_fs::Result<Self> {
        Ok(Self {
            root: Place::open(&absolute(root))?,
            name: app.name.clone(),
            platform: app.platform.clone(),
            is_rehearsal: true,
        })
    }

    /// Finds the app directory from a program inside one of its version directories, and that version.
    pub fn from_executable(inner_executable: &Path) -> Result<(Self, AppVersion)> {
        let path = absolute(inner_executable);
        for directory in path.ancestors().skip(1) {
            let Some(app) = directory
                .file_name()
                .and_then(|name| AppVersion::parse_directory(name.to_str()?))
            else {
                continue;
            };
            let Some(root) = root_of(directory) else {
                continue;
            };
            if is_ordinary_directory(&directory.join(CONTROL_DIR))? {
                let found = Self {
                    root: Place::open(&root)?,
                    name: app.name.clone(),
                    platform: app.platform.clone(),
                    is_rehearsal: false,
                };
                return Ok((found, app));
            }
        }
        Err(Error::NotInVersionDirectory { path })
    }

    /// The directory with the start-up programs.
    pub fn root(&self) -> &Path {
        self.root.path()
    }

    /// The same, held open. Everything that is done below it goes through this.
    pub(crate) fn place(&self) -> &Place {
        &self.root
    }

    /// The name of the app.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The platform of its versions.
    pub fn platform(&self) -> &str {
        &self.platform
    }

    /// Where version directories are: in `appdata/` when it holds one, else at the top.
    pub fn versions_dir(&self) -> PathBuf {
        self.versions_place().path().to_owned()
    }

    pub(crate) fn versions_place(&self) -> Place {
        let dirs = scan::version_dirs(&self.root).unwrap_or_default();
        let in_appdata = dirs
            .iter()
            .any(|dir| dir.in_appdata && dir.stage().is_ok_and(|stage| stage != Stage::Staged));
        if in_appdata {
            self.root.join(APPDATA_DIR)
        } else {
            self.root.clone()
        }
    }

    /// The work area of finders. May not exist.
    pub fn updates_dir(&self) -> PathBuf {
        self.updates_place().path().to_owned()
    }

    pub(crate) fn updates_place(&self) -> Place {
        self.versions_place().join(UPDATES_DIR)
    }

    /// Where packages are downloaded to. May not exist.
    pub fn downloads_dir(&self) -> Place {
        self.updates_place().join(DOWNLOADS_DIR)
    }

    /// Every version that could be started, in the order in which they would be tried.
    pub fn versions(&self) -> Result<Vec<InstalledVersion>> {
        Ok(self
            .start_order()?
            .into_iter()
            .map(|choice| choice.version)
            .collect())
    }

    /// The same with the reasons: the answer to "why does this version start".
    pub fn start_order(&self) -> Result<Vec<StartChoice>> {
        let choice = |(place, ranked): (usize, &Ranked)| {
            Ok(StartChoice {
                version: installed(ranked, place == 0)?,
                reason: ranked.reason,
            })
        };
        look(&self.root, || {
            let view = View::of(&self.root)?;
            view.order.iter().enumerate().map(choice).collect()
        })
    }

    /// The version that starts now.
    pub fn best(&self) -> Result<InstalledVersion> {
        look(&self.root, || {
            let view = View::of(&self.root)?;
            let best = view.best().ok_or_else(|| Error::NoVersions {
                path: self.root().to_owned(),
            })?;
            installed(best, true)
        })
    }

    /// The version that is to start: [`AppDir::best`], unless that only takes the place of one that cannot be started.
    pub fn wanted(&self) -> Result<InstalledVersion> {
        look(&self.root, || {
            let view = View::of(&self.root)?;
            let wanted = view.wanted().ok_or_else(|| Error::NoVersions {
                path: self.root().to_owned(),
            })?;
            installed(
                wanted,
                view.best()
                    .is_some_and(|best| best.dir.path == wanted.dir.path),
            )
        })
    }

    /// Whom the version that starts believes about updates; `None` if it was packed without a root of trust.
    pub fn trust(&self) -> Result<Option<Trust>> {
        look(&self.root, || {
            trust::of(&View::of(&self.root)?, &self.metadata_dir())
        })
    }

    /// Where what is known of the app's repository is kept. Nothing in it is trusted unless it is verified again.
    pub fn metadata_dir(&self) -> Place {
        self.updates_place().join(METADATA_DIR)
    }

    /// Everything that decides which version starts.
    pub fn snapshot(&self) -> Result<Snapshot> {
        look(&self.root, || Ok(View::of(&self.root)?.snapshot))
    }

    /// Where a version waits that was staged to its end but is not installed.
    pub fn staged(&self, version: &str) -> Result<Option<PathBuf>> {
        let view = View::of(&self.root)?;
        let Some(dir) = self.find(&view, version) else {
            return Ok(None);
        };
        let waiting = match dir.stage()? {
            Stage::Staged => dir.is_fully_staged()?,
            Stage::Partial => !view.is_recorded(dir),
            Stage::Complete | Stage::Uninstalled => false,
        };
        Ok(waiting.then(|| dir.path.path().to_owned()))
    }

    /// Fails, saying how much is missing, unless this many bytes are free for a new version.
    pub fn require_space(&self, bytes: u64) -> Result<()> {
        Ok(esky_fs::require_space(self.root(), bytes)?)
    }

    /// Fails if this process runs as root and others can change the app directory: [`Error::NotSafeForRoot`]. Everything
    /// that changes it asks this first.
    pub fn require_rights(&self) -> Result<()> {
        if self.is_rehearsal {
            return Ok(());
        }
        match esky_fs::danger_to_root(&self.root)? {
            Some(danger) => Err(Error::NotSafeForRoot {
                path: self.root().to_owned(),
                danger,
            }),
            None => Ok(()),
        }
    }

    /// Takes the right to change this directory; fails at once when another has it.
    ///
    /// A lock whose owner is dead is broken at once. Two values of this type exclude each other too.
    pub fn lock(&self) -> Result<UpdateLock> {
        self.require_rights()?;
        UpdateLock::take(&self.root)
    }

    /// The directory of one of our versions, whatever its stage.
    pub(crate) fn find<'a>(&self, view: &'a View, version: &str) -> Option<&'a VersionDir> {
        let matches = |dir: &&VersionDir| dir.app.name == self.name && dir.app.version == version;
        // Twice the same name: the one in appdata/ is the one that the original looks at.
        view.dirs
            .iter()
            .filter(matches)
            .max_by_key(|dir| dir.in_appdata)
    }

    pub(crate) fn unknown(&self, version: &str) -> Error {
        Error::UnknownVersion {
            version: version.to_owned(),
            path: self.root().to_owned(),
        }
    }
}

fn installed(ranked: &Ranked, current: bool) -> Result<InstalledVersion> {
    Ok(InstalledVersion {
        app: ranked.dir.app.clone(),
        path: ranked.dir.path.path().to_owned(),
        complete: ranked.complete,
        in_use: VersionLock::is_taken(&ranked.dir.path)?,
        current,
        obstacle: ranked.obstacle.clone(),
    })
}

fn root_of(version_directory: &Path) -> Option<PathBuf> {
    let parent = version_directory.parent()?;
    let root = if parent.file_name().is_some_and(|name| name == APPDATA_DIR) {
        parent.parent()?
    } else {
        parent
    };
    Some(root.to_owned())
}

/// Of a path that is not looked at as part of an app directory yet.
fn is_ordinary_directory(path: &Path) -> Result<bool> {
    let found = esky_fs::metadata(path)?;
    Ok(found.is_some_and(|found| found.kind == esky_fs::Kind::Directory))
}

/// Not resolved: links in the path are the user's business.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

fn is_not_directory(error: &esky_fs::Error) -> bool {
    error.io_error().kind() == std::io::ErrorKind::NotADirectory
}
