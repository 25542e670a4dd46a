//! What can go wrong with an app directory, and what a person can do about it.

use esky_format::file_list::FileListFault;
use esky_format::manifest::ManifestFault;
use esky_format::path::PathFault;
use esky_format::settings::SettingsFault;
use esky_format::start_files::Obstacle;
use esky_format::state::SlotFault;
use esky_fs::{Place, RootDanger};
use std::fmt;
use std::io;
use std::path::PathBuf;

/// Result of an operation on an app directory.
pub type Result<T> = std::result::Result<T, Error>;

/// Why an operation on an app directory failed. Whatever it is, a version that worked before still works.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The disk said no.
    #[error(transparent)]
    Disk(#[from] esky_fs::Error),
    /// Nothing is where the app directory should be.
    #[error("there is no app directory at {}", path.display())]
    AppDirMissing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// Something else is where the app directory should be.
    #[error("{} is not a directory", path.display())]
    NotADirectory {
        /// Where.
        path: PathBuf,
    },
    /// The app directory has nothing that could be started.
    #[error("{} holds no version of an app that could be started", path.display())]
    NoVersions {
        /// The app directory.
        path: PathBuf,
    },
    /// The program is not part of an app that esky keeps.
    #[error("{} does not lie in a version directory of an app", path.display())]
    NotInVersionDirectory {
        /// The program.
        path: PathBuf,
    },
    /// This process runs as root, and others can prepare what it would find.
    #[error("root must not change the app directory {}: {danger}", path.display())]
    NotSafeForRoot {
        /// The app directory.
        path: PathBuf,
        /// Who can.
        danger: RootDanger,
    },
    /// Another updater is at work.
    #[error("{owner} is changing the app directory {} now", path.display())]
    Locked {
        /// The app directory.
        path: PathBuf,
        /// Who, in words.
        owner: String,
    },
    /// A running instance keeps the version.
    #[error("version {version} is in use")]
    VersionInUse {
        /// The version.
        version: String,
        /// Its directory.
        path: PathBuf,
    },
    /// The version is neither installed nor ready to be.
    #[error("version {version} is not in {}", path.display())]
    UnknownVersion {
        /// The version.
        version: String,
        /// The app directory.
        path: PathBuf,
    },
    /// The version is there already; nothing was changed.
    #[error("version {version} is installed already")]
    AlreadyInstalled {
        /// The version.
        version: String,
        /// Its directory.
        path: PathBuf,
    },
    /// Without this version nothing could be started.
    #[error("version {version} is the only one that could be started")]
    LastVersion {
        /// The version.
        version: String,
        /// Its directory.
        path: PathBuf,
    },
    /// The package could not be read to its end.
    #[error("cannot read {path} out of the package: {source}")]
    Source {
        /// The entry of the package.
        path: String,
        /// What the package's reader said.
        source: io::Error,
    },
    /// The package has an entry that must not be.
    #[error("the package is not usable: {path:?}: {fault}")]
    BadEntry {
        /// The entry of the package.
        path: String,
        /// What is wrong with it.
        fault: EntryFault,
    },
    /// Versions of several apps are in one directory, and nobody can tell which of them is meant.
    #[error("{} holds versions of several apps: {}", path.display(), apps.join(", "))]
    SeveralApps {
        /// The directory.
        path: PathBuf,
        /// The names of the apps.
        apps: Vec<String>,
    },
    /// What says whom to believe about updates is damaged, and there is no copy of it.
    #[error("{} is damaged ({fault}), and there is no copy of it in other versions: nobody can be believed about updates", path.display())]
    TrustLost {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        fault: Damage,
    },
    /// A file is not what the list of files says.
    #[error("{} is damaged: {fault}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        fault: Damage,
    },
    /// The list of files cannot be used.
    #[error("{}: {fault}", path.display())]
    BadFileList {
        /// The list, or the package's name for it.
        path: PathBuf,
        /// What is wrong with it.
        fault: FileListFault,
    },
    /// The list of programs cannot be used.
    #[error("{}: {fault}", path.display())]
    BadManifest {
        /// The manifest, or the package's name for it.
        path: PathBuf,
        /// What is wrong with it.
        fault: ManifestFault,
    },
    /// What the developer decided for the version cannot be read.
    #[error("{}: {fault}", path.display())]
    BadSettings {
        /// The settings file.
        path: PathBuf,
        /// What is wrong with it.
        fault: SettingsFault,
    },
    /// The version failed before, or was given up by a person.
    #[error("version {version} is held: {reason}")]
    Held {
        /// The version.
        version: String,
        /// Why it is held.
        reason: String,
    },
    /// A person has decided that another version stays.
    #[error("version {pinned} is pinned, so {version} is not installed")]
    Pinned {
        /// The version asked for.
        version: String,
        /// The version that stays.
        pinned: String,
    },
    /// The version is what starts if the one on trial does not come up.
    #[error("version {version} is needed until {trial} has shown that it comes up")]
    NeededAsFallback {
        /// The version.
        version: String,
        /// The version on trial.
        trial: String,
    },
    /// There is no other version to go back to.
    #[error("there is no version to go back to in {}", path.display())]
    NothingToGoBackTo {
        /// The app directory.
        path: PathBuf,
    },
    /// The new version was run before its installation and did not pass.
    #[error("version {version} did not pass its self-test: {fault}")]
    SelfTest {
        /// The version.
        version: String,
        /// What came of it.
        fault: SelfTestFault,
    },
    /// The version was installed by something that keeps no list of files.
    #[error("version {version} has no list of files to verify it against")]
    NoFileList {
        /// The version.
        version: String,
        /// Its directory.
        path: PathBuf,
    },
    /// The state record lies behind a symbolic link, and none is followed.
    #[error("cannot read the state record: {} is a symbolic link", path.display())]
    RecordBehindLink {
        /// The link.
        path: PathBuf,
    },
    /// A version that is to start cannot.
    #[error("version {version} cannot be started: {obstacle}")]
    CannotStart {
        /// The version.
        version: String,
        /// What is wrong with it.
        obstacle: Box<Obstacle>,
    },
    /// The state record is full.
    #[error("{}: {fault}", path.display())]
    StateRecord {
        /// The directory of the record.
        path: PathBuf,
        /// What is wrong.
        fault: SlotFault,
    },
}

/// What came of running a new version before its installation.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SelfTestFault {
    /// The program could not be started.
    NotStarted {
        /// What the system said.
        cause: String,
    },
    /// It ended, but not with exit code 0.
    Failed {
        /// How it ended.
        how: String,
        /// The last line that it wrote to standard error, if it wrote any.
        last_words: Option<String>,
    },
    /// It was still running after this many seconds, and was ended.
    TooSlow {
        /// The limit.
        seconds: u32,
    },
}

impl fmt::Display for SelfTestFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotStarted { cause } => write!(formatter, "it could not be started: {cause}"),
            Self::Failed {
                how,
                last_words: None,
            } => write!(formatter, "it ended with {how}"),
            Self::Failed {
                how,
                last_words: Some(words),
            } => write!(formatter, "it ended with {how}: {words}"),
            Self::TooSlow { seconds } => {
                write!(formatter, "it was not done after {seconds} seconds")
            }
        }
    }
}

/// What is wrong with an entry of a package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EntryFault {
    /// The path is not legal everywhere or leaves the tree.
    Path(PathFault),
    /// The name belongs to esky's own bookkeeping.
    Reserved,
    /// It lies below something that is not a directory, or is there twice.
    Collision,
    /// The manifest names it but the package does not have it.
    MissingProgram,
    /// The package's list of files does not name it.
    Unlisted,
    /// A device, socket or the like.
    Special,
    /// Its name is not text.
    NotText,
}

impl fmt::Display for EntryFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(fault) => fault.fmt(formatter),
            Self::Reserved => formatter.write_str("the name is reserved for esky"),
            Self::Collision => formatter
                .write_str("something else has this name or lies where a directory must be"),
            Self::MissingProgram => {
                formatter.write_str("the manifest names it but the package does not have it")
            }
            Self::Unlisted => formatter.write_str("the package's list of files does not name it"),
            Self::Special => formatter.write_str("neither a file nor a directory nor a link"),
            Self::NotText => formatter.write_str("the name is not UTF-8"),
        }
    }
}

/// How a file differs from what the list says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Damage {
    /// It is not there.
    Missing,
    /// It is of another kind (file, directory, link).
    Kind,
    /// It has another size.
    Size {
        /// What the list says.
        expected: u64,
        /// What was found; for data still arriving, what came until the difference was seen.
        found: u64,
    },
    /// It has the right size but other bytes.
    Content,
    /// The link points elsewhere.
    Target,
    /// It has other permission bits.
    Mode,
}

impl fmt::Display for Damage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => formatter.write_str("it is missing"),
            Self::Kind => formatter.write_str("it is not of the right kind"),
            Self::Size { expected, found } => {
                write!(formatter, "it has {found} bytes instead of {expected}")
            }
            Self::Content => formatter.write_str("its content is not what was released"),
            Self::Target => formatter.write_str("the link points elsewhere"),
            Self::Mode => formatter.write_str("its permission bits are not what was released"),
        }
    }
}

impl Error {
    /// That a version cannot be started.
    pub fn cannot_start(version: &str, obstacle: Obstacle) -> Self {
        Self::CannotStart {
            version: version.to_owned(),
            obstacle: Box::new(obstacle),
        }
    }

    pub(crate) fn entry(path: &str, fault: EntryFault) -> Self {
        Self::BadEntry {
            path: path.to_owned(),
            fault,
        }
    }

    pub(crate) fn damaged(place: &Place, fault: Damage) -> Self {
        Self::Damaged {
            path: place.path().to_owned(),
            fault,
        }
    }

    /// Whether files of a version are not what they should be, so that fetching it again, or repairing it, may help.
    pub fn is_damage(&self) -> bool {
        matches!(
            self,
            Self::Damaged { .. } | Self::BadFileList { .. } | Self::CannotStart { .. }
        )
    }

    /// The system's or the reader's error below, for callers that treat some of them specially.
    pub fn io_error(&self) -> Option<&io::Error> {
        match self {
            Self::Disk(error) => Some(error.io_error()),
            Self::Source { source, .. } => Some(source),
            _ => None,
        }
    }

    /// What the person can do, in one sentence.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Disk(error) => return error.hint(),
            Self::AppDirMissing { .. } | Self::NotADirectory { .. } => {
                "Give the directory that holds the app's start-up programs."
            }
            Self::NoVersions { .. } => {
                "Give the directory that holds the app's start-up programs. If this is it, install the app again."
            }
            Self::NotSafeForRoot { danger, .. } => return Some(hint_for_root(danger)),
            Self::Locked { .. } => "Wait until the other update is finished, then try again.",
            Self::VersionInUse { .. } => "Close the running app and try again.",
            Self::UnknownVersion { .. } => "Fetch the version first.",
            Self::LastVersion { .. } => "Install another version first.",
            Self::SeveralApps { .. } => {
                "Give each app a directory of its own: move the version directories and the start-up programs of one of them away."
            }
            Self::TrustLost { .. } => {
                "Install the app again, or take the file from the package of this version; then `esky verify --repair` mends the rest."
            }
            Self::Source { .. } | Self::BadFileList { .. } | Self::Damaged { .. } => {
                "Fetch the version again; if it stays so, the release or the disk is damaged."
            }
            Self::BadEntry { .. } | Self::BadManifest { .. } | Self::BadSettings { .. } => {
                "Tell the developer of the app; the release is faulty."
            }
            Self::Held { .. } => "Allow it again with `unhold` if you want to try it once more.",
            Self::Pinned { .. } => "Unpin the app to let it update again.",
            Self::NeededAsFallback { .. } => "Confirm the new version, or go back from it first.",
            Self::NothingToGoBackTo { .. } => "Install another version first.",
            Self::SelfTest { .. } => {
                "The version is held. Tell the developer of the app; a newer version will be offered."
            }
            Self::NoFileList { .. } => {
                "Update the app once; versions installed from now on have a list."
            }
            Self::StateRecord { .. } => {
                "Too many versions are held or skipped; forget some of them."
            }
            Self::RecordBehindLink { path } => {
                return Some(format!(
                    "See who put the link there; put in its place what it points to, or remove {}.",
                    path.display()
                ));
            }
            Self::CannotStart { .. } => "Repair it first, with `esky verify --repair` or `repair`.",
            Self::NotInVersionDirectory { .. } | Self::AlreadyInstalled { .. } => return None,
        };
        Some(hint.to_owned())
    }
}

fn hint_for_root(danger: &RootDanger) -> String {
    match danger {
        RootDanger::OwnedBy { is_above: false, .. } => {
            "Run this as the owner of the app directory; the `esky` command does so by itself."
                .to_owned()
        }
        RootDanger::WritableByOthers { path } => format!(
            "Take that right away with `chmod go-w {}`, or give the app directory to the user who is to update it.",
            path.display()
        ),
        _ => "Move the app to where every directory above it belongs to root, or give it to the user who is to update it."
            .to_owned(),
    }
}
