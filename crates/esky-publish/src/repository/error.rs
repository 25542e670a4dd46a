//! Why a repository could not be changed, as data.

use std::path::PathBuf;

use esky_format::name::NameFault;
use esky_trust::sign::{KeyFault, SignFault};
use esky_trust::{KeyId, Malformed, Role};

/// The result of operations on repositories and keys.
pub type RepositoryResult<T> = std::result::Result<T, RepositoryError>;

/// A failed attempt to read or change a repository, or keys. Readers of the repository see nothing of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RepositoryError {
    /// There is no repository.
    #[error("{} is no repository: it has no {file}", path.display())]
    NoRepository {
        /// Where it was looked for.
        path: PathBuf,
        /// The file that shows it.
        file: &'static str,
    },
    /// There is one already.
    #[error("{} is there already", path.display())]
    AlreadyThere {
        /// What is there.
        path: PathBuf,
    },
    /// No `esky.toml`.
    #[error("no esky.toml in {} or above it", directory.display())]
    NoProject {
        /// Where the search began.
        directory: PathBuf,
    },
    /// `esky.toml` cannot be read.
    #[error("{}: {reason}", path.display())]
    BadProject {
        /// The file.
        path: PathBuf,
        /// What is wrong, and in which line.
        reason: String,
    },
    /// Another command is changing the repository.
    #[error("another command is at work on {}", path.display())]
    Locked {
        /// The repository's project file.
        path: PathBuf,
    },
    /// A file of metadata breaks a rule of the specification.
    #[error("{}: {fault}", path.display())]
    Metadata {
        /// The file.
        path: PathBuf,
        /// The rule.
        #[source]
        fault: esky_trust::Error,
    },
    /// A client with the oldest root would not believe what was about to be published.
    #[error("an app with {root} would not accept this release: {fault}")]
    Play {
        /// The oldest root.
        root: String,
        /// What it would stumble over.
        #[source]
        fault: PlayFault,
    },
    /// Too few keys to sign.
    #[error("{role} needs {needed} signature(s); the keys at hand give {present}")]
    MissingKeys {
        /// Whose signatures are missing.
        role: Role,
        /// How many distinct keys must sign.
        needed: u64,
        /// How many of those at hand may.
        present: u64,
        /// The keys that may sign.
        accepted: Vec<KeyId>,
    },
    /// A key that should have signed did not.
    #[error(transparent)]
    Sign(#[from] SignFault),
    /// A key that cannot be used.
    #[error("{place}: {fault}")]
    Key {
        /// Where it comes from.
        place: String,
        /// What is wrong with it.
        #[source]
        fault: KeyFault,
    },
    /// The key belongs to another app.
    #[error("the key from {place} signs for {found}, not for {expected}")]
    KeyOfOtherApp {
        /// Where it comes from.
        place: String,
        /// The app whose key it is.
        found: String,
        /// The app that is released.
        expected: String,
    },
    /// A key is not where keys are kept.
    #[error("no key at {}", path.display())]
    NoKey {
        /// Where it should be.
        path: PathBuf,
    },
    /// Keys would be committed with the sources.
    #[error("{} is inside the git repository {}", path.display(), tree.display())]
    InsideGit {
        /// Where the keys would be kept.
        path: PathBuf,
        /// The repository.
        tree: PathBuf,
    },
    /// The version was released with other contents.
    #[error("{target} is released already, with other contents")]
    AlreadyReleased {
        /// The target.
        target: String,
    },
    /// A name that no release could have.
    #[error(transparent)]
    Name(#[from] NameFault),
    /// Copies that have another version would not be offered this one.
    #[error("{version} is {} {released}, which {channel} has for {platform}", relation(*same))]
    NotNewer {
        /// The version.
        version: String,
        /// The newest version that is offered, or the one that is the same.
        released: String,
        /// Whether both are the same version, written in two ways.
        same: bool,
        /// The channel.
        channel: String,
        /// The platform.
        platform: String,
    },
    /// No copy may install versions as low as this one.
    #[error("{version} is below {minimum}, and {channel} lets no copy install anything below that")]
    BelowMinimum {
        /// The version.
        version: String,
        /// The lowest version that may be installed.
        minimum: String,
        /// The channel.
        channel: String,
    },
    /// The words are those of another app.
    #[error("these recovery words do not belong to this repository")]
    ForeignWords,
    /// It is not clear which key is meant.
    #[error("{role} has {} keys", keys.len())]
    SeveralKeys {
        /// The role.
        role: Role,
        /// Its keys.
        keys: Vec<KeyId>,
    },
    /// Nothing with this version was released.
    #[error("version {version} was not released")]
    NotReleased {
        /// The version.
        version: String,
    },
    /// What should be said of a release cannot be said.
    #[error("this cannot be released: {0}")]
    Unsayable(#[from] Malformed),
    /// The package belongs to another app.
    #[error("the repository is for {expected}, the package for {found}")]
    OtherApp {
        /// The app of the repository.
        expected: String,
        /// The app of the package.
        found: String,
    },
    /// The package cannot be released.
    #[error("{}: {reason}", path.display())]
    BadPackage {
        /// The package.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Keys or thresholds cannot be changed so.
    #[error(transparent)]
    KeyChange(#[from] super::key_changes::KeyChangeFault),
    /// A request that cannot be signed or published.
    #[error("{}: {fault}", path.display())]
    Request {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        fault: super::request::RequestFault,
    },
    /// The package cannot go to a site for old clients.
    #[error(transparent)]
    LegacySite(#[from] super::legacy_site::LegacySiteFault),
    /// A patch could not be made.
    #[error(transparent)]
    Patch(#[from] esky_patch::Error),
    /// What another tool made cannot be taken over, or served.
    #[error(transparent)]
    Import(#[from] super::import::ImportFault),
    /// A package could not be made.
    #[error(transparent)]
    Pack(#[from] crate::Error),
    /// The disk said no.
    #[error(transparent)]
    Disk(#[from] esky_fs::Error),
}

/// What a client would stumble over.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlayFault {
    /// Metadata that does not verify.
    #[error(transparent)]
    Metadata(#[from] esky_trust::Error),
    /// A file that is named and not there.
    #[error("{} is missing", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// A package that is not what was signed for.
    #[error("{}: {mismatch}", path.display())]
    Package {
        /// The package.
        path: PathBuf,
        /// How it differs.
        #[source]
        mismatch: esky_trust::Mismatch,
    },
    /// A new package that the metadata does not name.
    #[error("{target} cannot be found by a client")]
    NotFound {
        /// The package.
        target: String,
    },
    /// The disk said no.
    #[error(transparent)]
    Disk(#[from] esky_fs::Error),
}

impl RepositoryError {
    /// What a person can do about it, if there is something.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let text = match self {
            Self::NoRepository { .. } | Self::NoProject { .. } => {
                "make one with `esky init`, in the directory of the app's sources"
            }
            Self::AlreadyThere { .. } => {
                "nothing was changed; a second repository would have keys that installed apps do not know"
            }
            Self::BadProject { .. } => {
                "correct the line; docs/releasing.md lists what may be there"
            }
            Self::Locked { .. } => "wait for it to end, then run this again",
            Self::Metadata { .. } => {
                "somebody or something changed the file; restore it from version control or from the web server"
            }
            Self::Play { .. } => "nothing was published; `esky status` shows keys and roots",
            Self::MissingKeys { role, .. } => return Some(missing_keys(*role)),
            Self::Key { fault, .. } => return Some(bad_key(fault)),
            Self::KeyOfOtherApp { .. } => "give the key of this app",
            Self::NoKey { .. } => {
                "copy it from the machine where `esky init` ran, or make new keys with `esky recover`"
            }
            Self::InsideGit { .. } => "choose a directory outside of it with --key-dir",
            Self::AlreadyReleased { .. } => {
                "installed copies may have it; give the release another version"
            }
            Self::Name(fault) => return Some(fault.hint()),
            Self::NotNewer { same: true, .. } => {
                "give the release a higher number: `1.0` and `1.0.0` are the same"
            }
            Self::NotNewer { same: false, .. } => {
                "give it a higher number; for a release to copies that have older versions, say --allow-older"
            }
            Self::BelowMinimum { .. } => {
                "give the release a higher number, or set a lower --minimum-version"
            }
            Self::ForeignWords => "take the words that `esky init` showed for this app",
            Self::SeveralKeys { .. } => "`esky status` lists them; say which one with --key",
            Self::NotReleased { .. } => "`esky status` lists the versions there are",
            Self::OtherApp { .. } => "correct `app` in esky.toml, or the name of the package",
            Self::BadPackage { .. } => "pack it again with this version of esky",
            Self::Sign(_) | Self::Unsayable(_) => return None,
            Self::LegacySite(fault) => return Some(fault.hint()),
            Self::KeyChange(fault) => fault.hint(),
            Self::Request { fault, .. } => fault.hint(),
            Self::Patch(error) => return error.hint(),
            Self::Import(fault) => return Some(fault.hint()),
            Self::Pack(error) => return error.hint(),
            Self::Disk(error) => return error.hint(),
        };
        Some(text.to_owned())
    }
}

fn relation(same: bool) -> &'static str {
    match same {
        true => "the same version as",
        false => "not newer than",
    }
}

fn missing_keys(role: Role) -> String {
    match role {
        Role::Root => "the root key or the recovery words can sign for root".to_owned(),
        _ => "give the release key as ESKY_SIGNING_KEY or --key-file, or run this where it is kept"
            .to_owned(),
    }
}

fn bad_key(fault: &KeyFault) -> String {
    match fault {
        KeyFault::DamagedLine | KeyFault::NotAKeyLine => {
            "copy the whole line again, from ESKY-SIGNING-KEY-1 to its end"
        }
        KeyFault::Passphrase => {
            "try again; the recovery words can replace the key if all else fails"
        }
        KeyFault::NotAPublicKey => {
            "ask the key's owner for the file that `esky keys new` wrote, or for PEM"
        }
        KeyFault::WordCount(_) | KeyFault::UnknownWord(_) | KeyFault::WordChecksum => {
            "compare the words with the paper, in their order"
        }
        _ => "`esky recover` makes new keys from the recovery words",
    }
    .to_owned()
}
