//! What can go wrong in the client: always the file or URL, the cause, and where possible what to do.

mod http;

use std::error::Error as StdError;
use std::fmt;
use std::path::PathBuf;

use esky_trust::Time;

pub use http::HttpFault;
pub(crate) use http::status_name;

use crate::{AppDir, FetchLimit};

/// Result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An update that could not be done. The version that ran before still runs.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The caller's token was cancelled.
    #[error("cancelled")]
    Cancelled,

    /// There is nowhere to look for versions.
    #[error("no version finder is set, so there is nowhere to look for updates")]
    NoVersionFinder,

    /// The app could not be started anew.
    #[error("cannot start {}", program.display())]
    CannotStart {
        /// The program that was to start.
        program: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },

    /// The finder has no way to read parts of a package.
    #[error("this version finder cannot give parts of a package, which a repair needs")]
    CannotRepair,

    /// The finder knows no package that leads to the version.
    #[error("{name} {version} is not offered at {place}")]
    VersionNotFound {
        /// The app.
        name: String,
        /// The version asked for.
        version: String,
        /// Where was looked.
        place: String,
    },

    /// Every package that leads to the version failed.
    #[error("no package of {name} {version} could be used:{}", Causes(causes))]
    NoUsablePackage {
        /// The app.
        name: String,
        /// The version asked for.
        version: String,
        /// One error per package tried, in order.
        causes: Vec<Error>,
    },

    /// A URL could not be read as hoped.
    #[error("{url}: {fault}")]
    Http {
        /// The URL asked for last, after redirects.
        url: String,
        /// What was wrong.
        #[source]
        fault: HttpFault,
    },

    /// A package is damaged, contains what no package may contain, or is not what its name says.
    #[error(transparent)]
    Package(esky_archive::Error),

    /// A package could be read, but what it holds is not what it promises.
    #[error("package {}: {source}", package.display())]
    Contents {
        /// The package file.
        package: PathBuf,
        /// What is wrong.
        source: esky_install::Error,
    },

    /// Something about the app directory or a version in it.
    #[error(transparent)]
    Install(#[from] esky_install::Error),

    /// A file of a signed repository is not what its owner has signed.
    #[error("{url}: {source}")]
    Untrusted {
        /// The file.
        url: String,
        /// What is wrong with it.
        source: esky_trust::Error,
    },

    /// A patch is damaged, was made from other files than those that are installed, or asks for too much.
    #[error("{url}: {source}")]
    Patch {
        /// The patch, or compact package.
        url: String,
        /// What is wrong with it.
        source: esky_patch::Fault,
    },

    /// What a patch gives is not a version of this app, or not the one that it is said to give.
    #[error("{url}: it does not give the version that was asked for")]
    PatchedVersion {
        /// The patch, or the file in it.
        url: String,
    },

    /// A file of the installed version was to be taken over, but is not as it was installed.
    #[error("{} is not as it was installed", path.display())]
    ChangedFile {
        /// The file.
        path: PathBuf,
        /// What patches call it.
        entry: String,
    },

    /// The version takes more bytes to fetch than the app allows.
    #[error("{version} takes {bytes} bytes to fetch, and only {allowed} are allowed")]
    DownloadLimit {
        /// The version.
        version: String,
        /// What the cheapest way takes.
        bytes: u64,
        /// The limit.
        allowed: u64,
    },

    /// The signed repository has nothing to say that is still valid: somebody holds it back, or its owner is late.
    #[error("cannot check for updates: {source}{}", LastRefresh(*last_refresh))]
    Stale {
        /// When updates could last be checked for.
        last_refresh: Option<Time>,
        /// What has expired.
        source: esky_trust::Error,
    },

    /// The repository has changed its keys more often than one check follows. Those followed are kept.
    #[error(
        "the repository has changed its keys very often: this check has followed {followed} changes, up to root {reached}, \
         and the next check continues from there"
    )]
    MoreRoots {
        /// Changes that were followed.
        followed: u64,
        /// The version of the last root that was followed.
        reached: u64,
    },

    /// Something seems to be of another time, and the clock of this machine says less than at the last check.
    #[error(
        "{source}; the clock of this machine says {now}, which is earlier than the last check for updates on {last_check}"
    )]
    ClockBehind {
        /// What the clock says.
        now: Time,
        /// When updates were last checked for, by the same clock.
        last_check: Time,
        /// What went wrong.
        source: Box<Error>,
    },

    /// The root that came with the app is no root.
    #[error("the root of trust that belongs to this app cannot be used: {source}")]
    PinnedRoot {
        /// What is wrong with it.
        source: esky_trust::Error,
    },

    /// The app verifies its updates, and this finder does not.
    #[error("{} takes updates only from its signed repository", app_dir.display())]
    UnsignedSource {
        /// The app directory.
        app_dir: PathBuf,
    },

    /// The app was packed without a root of trust.
    #[error("this app was packed without a root of trust, so no signed repository can be verified")]
    NoTrustRoot,

    /// A name that no target may have.
    #[error("{name:?}: {source}")]
    TargetName {
        /// The name.
        name: String,
        /// What is wrong with it.
        source: esky_trust::TargetNameFault,
    },

    /// A patch of the original esky could not be applied to the version that it starts from.
    #[error("cannot use {url}: {source}")]
    OldPatch {
        /// The patch.
        url: String,
        /// What went wrong.
        source: esky_legacy::Error,
    },

    /// An update took more of the network than any honest server makes it take.
    #[error("{url}: {limit}")]
    GaveUp {
        /// The URL asked for last.
        url: String,
        /// The limit that was reached.
        limit: FetchLimit,
    },

    /// A signed repository was asked for something before it was refreshed.
    #[error("the repository has not been refreshed")]
    NotRefreshed,

    /// What a zip file holds cannot be written where something else is.
    #[error("cannot extract to {}: something else is in the way there", path.display())]
    InTheWay {
        /// A directory where a file is to be, or something else where a directory is needed.
        path: PathBuf,
    },

    /// The disk refused an operation.
    #[error(transparent)]
    Disk(#[from] esky_fs::Error),

    /// A finder or transport that is not ours failed.
    #[error("{operation}: {source}")]
    Foreign {
        /// What it was doing.
        operation: &'static str,
        /// Its own error.
        source: Box<dyn StdError + Send + Sync>,
    },
}

impl Error {
    /// What the person in front of the app, or its developer, can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoVersionFinder => Some("pass a URL or a finder when opening the app".to_owned()),
            Self::Http { fault, .. } => fault.hint(),
            Self::NoUsablePackage { causes, .. } => causes.iter().rev().find_map(Self::hint),
            Self::Package(source) => source.hint(),
            Self::Install(source) | Self::Contents { source, .. } => source.hint(),
            Self::Disk(source) => source.hint(),
            Self::Stale { .. } => Some(
                "check the date of this machine; if it is right, wait until the app's makers have signed anew, or tell \
                 them"
                    .to_owned(),
            ),
            Self::ClockBehind { .. } => Some(
                "set the date and the time of this machine, and check again".to_owned(),
            ),
            Self::InTheWay { .. } => {
                Some("remove it, or extract to another directory".to_owned())
            }
            Self::MoreRoots { .. } => Some("check again".to_owned()),
            Self::UnsignedSource { .. } => Some(
                "give the address of its signed repository; an app that may take anything is packed with `esky pack`"
                    .to_owned(),
            ),
            Self::DownloadLimit { .. } => {
                Some("try again on a connection where more may be fetched, or raise the limit".to_owned())
            }
            Self::GaveUp { .. } => Some(
                "try again later or on another network; what has arrived is kept. If it stays so, the server, or a \
                 proxy on the way to it, does not answer as it should: tell the app's makers"
                    .to_owned(),
            ),
            Self::PinnedRoot { .. } => Some(
                "install the app again: it is damaged, and nothing else on this machine says whom to believe about updates"
                    .to_owned(),
            ),
            Self::NoTrustRoot => Some("pack it with `esky release`".to_owned()),
            Self::Untrusted { .. } => Some(
                "nothing was changed; try again later, and tell the app's makers if it stays so".to_owned(),
            ),
            _ => None,
        }
    }

    /// The times that the text names, in Universal Time as [`Time`] writes it. Whoever knows the time zone of the person may put
    /// the local form of each in its place.
    pub fn times(&self) -> Vec<Time> {
        match self {
            Self::Http {
                fault: HttpFault::Certificate(fault),
                ..
            } => fault.times(),
            Self::Stale {
                last_refresh,
                source,
            } => last_refresh.iter().copied().chain(expiry(source)).collect(),
            Self::Untrusted { source, .. } | Self::PinnedRoot { source } => {
                expiry(source).into_iter().collect()
            }
            Self::NoUsablePackage { causes, .. } => causes.iter().flat_map(Self::times).collect(),
            Self::ClockBehind {
                now,
                last_check,
                source,
            } => [vec![*now, *last_check], source.times()].concat(),
            _ => Vec::new(),
        }
    }

    /// Whether another package of the same version could still do. It cannot when the fault lies on this side.
    pub(crate) fn concerns_only_the_package(&self) -> bool {
        matches!(
            self,
            Self::Http { .. }
                | Self::Package(_)
                | Self::Contents { .. }
                | Self::Foreign { .. }
                | Self::Untrusted { .. }
                | Self::Patch { .. }
                | Self::OldPatch { .. }
                | Self::PatchedVersion { .. }
                | Self::ChangedFile { .. }
        )
    }

    pub(crate) fn http(url: &str, fault: HttpFault) -> Self {
        Self::Http {
            url: url.to_owned(),
            fault,
        }
    }
}

/// The error once no package of a version is left to try; `place` is where versions were looked for.
pub(crate) fn nothing_left(app: &AppDir, version: &str, place: &str, causes: Vec<Error>) -> Error {
    let name = app.name().to_owned();
    let version = version.to_owned();
    if causes.is_empty() {
        let place = place.to_owned();
        return Error::VersionNotFound {
            name,
            version,
            place,
        };
    }
    Error::NoUsablePackage {
        name,
        version,
        causes,
    }
}

fn expiry(error: &esky_trust::Error) -> Option<Time> {
    match error {
        esky_trust::Error::Expired { expired, .. } => Some(*expired),
        _ => None,
    }
}

/// The end of a sentence.
struct LastRefresh(Option<Time>);

impl fmt::Display for LastRefresh {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(time) => write!(formatter, "; last checked on {time}"),
            None => Ok(()),
        }
    }
}

/// One line per cause.
struct Causes<'a>(&'a [Error]);

impl fmt::Display for Causes<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for cause in self.0 {
            write!(formatter, "\n  {cause}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_final_error_names_every_cause() {
        let error = Error::NoUsablePackage {
            name: "demo".into(),
            version: "1.1".into(),
            causes: vec![
                Error::http("http://a/x.zip", HttpFault::RedirectLoop),
                Error::http(
                    "http://b/x.zip",
                    HttpFault::Status {
                        code: 404,
                        retry_after: None,
                    },
                ),
            ],
        };
        let text = error.to_string();
        assert!(text.contains("http://a/x.zip: the server redirects in a loop"));
        assert!(text.contains("http://b/x.zip: the server answered 404 (not found)"));
        assert!(error.hint().is_some());
    }
}
