//! Why what tufup made cannot be taken over, or served, as data.

use std::path::PathBuf;

use esky_trust::sign::KeyFault;
use esky_trust::{Role, TargetNameFault};

/// A failed attempt to import a repository of tufup's, or to release for tufup's clients. tufup's directory is only read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportFault {
    /// tufup did not work there.
    #[error("{} is no directory of tufup's: it has no {file}", directory.display())]
    NotTufup {
        /// What was given.
        directory: PathBuf,
        /// The file that shows it.
        file: &'static str,
    },
    /// tufup's settings cannot be read.
    #[error("{}: {reason}", path.display())]
    BadConfig {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A file of metadata is not there.
    #[error("{} is missing", path.display())]
    MissingMetadata {
        /// The file.
        path: PathBuf,
    },
    /// A file of metadata is not what its owner signed, or does not follow from the roots.
    #[error("{}: {fault}", path.display())]
    Metadata {
        /// The file.
        path: PathBuf,
        /// The rule that it breaks.
        #[source]
        fault: esky_trust::Error,
    },
    /// The roots have a gap.
    #[error("{} is missing, and there is a root {newest}", path.display())]
    RootMissing {
        /// The root that is missing.
        path: PathBuf,
        /// The newest root.
        newest: u64,
    },
    /// Other roles may name targets. tufup never does that.
    #[error("the targets metadata delegates to other roles")]
    Delegates,
    /// A target has a name that means another path somewhere.
    #[error("target {name:?}: {fault}")]
    UnsafeTarget {
        /// The name.
        name: String,
        /// What is wrong with it.
        #[source]
        fault: TargetNameFault,
    },
    /// A target is not there.
    #[error("{} is missing", path.display())]
    MissingTarget {
        /// Where it should be.
        path: PathBuf,
    },
    /// A target is not what was signed for.
    #[error("{}: {mismatch}", path.display())]
    Target {
        /// The file.
        path: PathBuf,
        /// How it differs.
        #[source]
        mismatch: esky_trust::Mismatch,
    },
    /// Private keys that are needed are not there.
    #[error(
        "{role} needs {needed} signature(s), and {present} of its private keys are there{}",
        Missing(looked_for)
    )]
    MissingKey {
        /// The role.
        role: Role,
        /// Distinct keys that must sign.
        needed: u64,
        /// How many are there.
        present: u64,
        /// The key files that are not there.
        looked_for: Vec<PathBuf>,
    },
    /// A private key is encrypted, and no passphrase is known.
    #[error("{} is encrypted", path.display())]
    Encrypted {
        /// The file.
        path: PathBuf,
    },
    /// A private key cannot be used.
    #[error("{}: {fault}", path.display())]
    KeyFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        fault: KeyFault,
    },
    /// More root keys than can be kept.
    #[error("{found} private root keys are there, and {most} of them can be kept")]
    TooManyRootKeys {
        /// How many there are.
        found: usize,
        /// How many can be kept.
        most: u64,
    },
    /// The name cannot be told from a version that follows it.
    #[error(
        "{app:?} cannot be the name of an app: with a version behind it, it reads as another name"
    )]
    AppName {
        /// The name.
        app: String,
    },
    /// The repository has nothing that tufup's clients could come from.
    #[error("the repository has no release of tufup's")]
    NoTufupRelease,
    /// The releases of several apps are there.
    #[error("the repository has releases of several apps of tufup's: {}", names.join(", "))]
    SeveralApps {
        /// Their names.
        names: Vec<String>,
    },
    /// tufup's clients cannot read the version, or do not take it by themselves.
    #[error("tufup's clients do not update to a version like {version}")]
    BridgeVersion {
        /// The version.
        version: String,
    },
    /// tufup's clients have a newer version.
    #[error("tufup's clients have {newest}, which is not older than {version}")]
    NotNewer {
        /// The version of the bridge.
        version: String,
        /// The newest version that tufup released.
        newest: String,
    },
}

impl ImportFault {
    /// What a person can do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::NotTufup { .. } => {
                "give the directory in which `tufup init` ran; it has .tufup-repo-config, and below it the repository"
            }
            Self::BadConfig { .. } => "correct the file, or let tufup write it anew",
            Self::MissingMetadata { .. } | Self::RootMissing { .. } => {
                "fetch it from the web server that installed apps ask"
            }
            Self::Metadata { .. } => {
                "somebody or something changed the file; fetch it from the web server that installed apps ask"
            }
            Self::Delegates => "publish the targets in the top-level role, with tufup, and import again",
            Self::UnsafeTarget { .. } => "remove the target with tufup, and import again",
            Self::MissingTarget { .. } | Self::Target { .. } => {
                "fetch it from the web server that installed apps ask, or remove the target with tufup"
            }
            Self::MissingKey { .. } => {
                "all of tufup's roles must sign once more; name the directory of keys that are kept elsewhere with --keys"
            }
            Self::Encrypted { .. } => "type the passphrase that tufup was given for it",
            Self::KeyFile { fault, .. } => match fault {
                KeyFault::Passphrase => "try again, with the passphrase that tufup was given for this key",
                _ => "tufup's private keys are Ed25519 keys in the form of securesystemslib",
            },
            Self::TooManyRootKeys { .. } => {
                "put those that will not be needed elsewhere; the rest must be enough to sign the root"
            }
            Self::AppName { .. } => "name the app with --app; installed copies do not mind",
            Self::NoTufupRelease => {
                "only apps that were released with tufup need a bridge; `esky import tufup` takes them over"
            }
            Self::SeveralApps { .. } => "call the app in esky.toml like the one that is to be bridged",
            Self::BridgeVersion { .. } => "choose a version of numbers and dots, such as 2.0",
            Self::NotNewer { .. } => "choose a higher version for the bridge",
        }
        .to_owned()
    }
}

/// The files that are missing, if it is known which.
struct Missing<'a>(&'a [PathBuf]);

impl std::fmt::Display for Missing<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let paths = self.0.iter().map(|path| path.display().to_string());
        match paths.collect::<Vec<_>>().join(", ") {
            none if none.is_empty() => Ok(()),
            paths => write!(formatter, "; no {paths}"),
        }
    }
}
