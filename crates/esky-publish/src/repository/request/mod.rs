//! Requests: metadata that several people sign before it counts.
//!
//! A request is a file (JSON). `form` is its version, `app` the app; `root` and `targets` are files of metadata as
//! they will be published, with the signatures so far. Snapshot and timestamp are no part of it: whoever publishes makes
//! them. It goes from person to person in any way, since what counts are the signatures in it.

mod changes;
mod draft;
mod work;

use std::path::{Path, PathBuf};

use esky_trust::sign::Draft;
use esky_trust::{Content, Json, Object, Role, Root, Targets};

pub use changes::{
    Changes, KeyAdded, RoleChange, RoleSignatures, RootChanges, TargetAdded, TargetsChanges,
};
pub use work::{OpenRequest, Signed, publish_requests};

pub(super) use draft::expect_signed;
pub(super) use work::settle;

use super::error::{RepositoryError, RepositoryResult};
use super::project::Project;
use super::state::{METADATA_LIMIT, State};
use crate::directories::create_readable;

const FORM: &str = "esky request 1";
const DIRECTORY: &str = "requests";
const FILE_MODE: u32 = 0o644;

/// Metadata that waits for signatures.
#[derive(Clone, Debug)]
pub struct Request {
    pub(super) app: String,
    pub(super) root: Option<Draft<Root>>,
    pub(super) targets: Option<Draft<Targets>>,
}

/// Why a file is no request, or none that can be signed or published.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestFault {
    /// Something else, or damaged.
    #[error("this is no request of esky: {reason}")]
    NotARequest {
        /// What does not hold.
        reason: String,
    },
    /// Made for another app.
    #[error("the request is for {found}, not for {expected}")]
    OtherApp {
        /// The app of the request.
        found: String,
        /// The app of the project.
        expected: String,
    },
    /// The repository is another one than when the request was made.
    #[error("the request brings {role} {found}, but {role} {newest} is there already")]
    Stale {
        /// Whose metadata.
        role: Role,
        /// The version in the request.
        found: u64,
        /// The newest there is.
        newest: u64,
    },
    /// The root of the request does not follow that of the repository.
    #[error("the request brings root {found}, but the repository has root {newest}")]
    Gap {
        /// The version in the request.
        found: u64,
        /// The newest there is.
        newest: u64,
    },
    /// Several files that are not copies of one request.
    #[error("this is no copy of the same request")]
    OtherRequest,
    /// No key at hand may sign it.
    #[error("no key at hand signs for what the request changes")]
    NoKey,
}

impl RequestFault {
    /// What a person can do about it.
    pub(super) fn hint(&self) -> &'static str {
        match self {
            Self::NotARequest { .. } => {
                "ask for the file again; requests are made by `esky keys` and `esky release`"
            }
            Self::OtherApp { .. } => "run this in the project that the request is for",
            Self::Stale { .. } => "bring repo/ up to date and make the request again",
            Self::Gap { .. } => {
                "bring repo/ up to date; if that changes nothing, make the request again"
            }
            Self::OtherRequest => "publish one request after the other",
            Self::NoKey => "`esky keys list` shows which keys may sign and which are here",
        }
    }
}

impl Request {
    /// Reads a request.
    pub fn read(path: &Path) -> RepositoryResult<Self> {
        let bytes = esky_fs::read_limited(path, METADATA_LIMIT)?;
        Self::parse(&bytes).map_err(|fault| about(path, fault))
    }

    /// Reads the bytes of a request. Its signatures are not verified.
    pub fn parse(bytes: &[u8]) -> Result<Self, RequestFault> {
        let not = |reason: &str| RequestFault::NotARequest {
            reason: reason.to_owned(),
        };
        let file = Json::parse(bytes).map_err(|fault| not(&fault.to_string()))?;
        let members = file.as_object().ok_or_else(|| not("it is no object"))?;
        let said = |name: &str| members.get(name).and_then(Json::as_text);
        if said("form") != Some(FORM) {
            return Err(not(
                "its form is not known; a later version of esky may know it",
            ));
        }
        let app = said("app").ok_or_else(|| not("it names no app"))?;
        let request = Self {
            app: app.to_owned(),
            root: read_draft(members)?,
            targets: read_draft(members)?,
        };
        match (&request.root, &request.targets) {
            (None, None) => Err(not("it changes nothing")),
            _ => Ok(request),
        }
    }

    /// The file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut members = Object::from([
            ("form".to_owned(), FORM.into()),
            ("app".to_owned(), self.app.as_str().into()),
        ]);
        write_draft(self.root.as_ref(), &mut members);
        write_draft(self.targets.as_ref(), &mut members);
        Json::Object(members).to_text().into_bytes()
    }

    /// Takes over the signatures of a copy; `false` if it is no copy.
    pub(super) fn adopt(&mut self, copy: &Self) -> bool {
        fn adopt<T: Content>(own: &mut Option<Draft<T>>, other: &Option<Draft<T>>) -> bool {
            match (own, other) {
                (Some(own), Some(other)) => own.adopt(other),
                (None, None) => true,
                _ => false,
            }
        }
        let before = self.clone();
        let all = adopt(&mut self.root, &copy.root) && adopt(&mut self.targets, &copy.targets);
        if !all {
            *self = before;
        }
        all
    }

    /// Keeps the request where people find it, durably. Gives the place.
    fn keep(&self, project: &Project) -> RepositoryResult<PathBuf> {
        let directory = project.directory().join(DIRECTORY);
        create_readable(&directory)?;
        let path = directory.join(self.name());
        esky_fs::write_durable(&path, &self.to_bytes(), FILE_MODE)?;
        Ok(path)
    }

    /// The versions that it brings make it a file of its own.
    fn name(&self) -> String {
        let root = self.root.as_ref().map(|draft| draft.content().version);
        let targets = self.targets.as_ref().map(|draft| draft.content().version);
        let parts = [(Role::Root, root), (Role::Targets, targets)];
        let parts = parts
            .iter()
            .filter_map(|(role, version)| version.map(|version| format!("{role}-{version}")));
        parts.collect::<Vec<_>>().join("-") + ".json"
    }

    /// Fails if it is not made for the state of this project.
    fn expect_fits(&self, project: &Project, state: &State) -> Result<(), RequestFault> {
        if self.app != project.app {
            return Err(RequestFault::OtherApp {
                found: self.app.clone(),
                expected: project.app.clone(),
            });
        }
        if let Some(root) = &self.root {
            let (found, newest) = (root.content().version, state.root().version);
            if found <= newest {
                let role = Role::Root;
                return Err(RequestFault::Stale {
                    role,
                    found,
                    newest,
                });
            }
            if found != newest + 1 {
                return Err(RequestFault::Gap { found, newest });
            }
        }
        if let Some(targets) = &self.targets {
            let (found, newest) = (targets.content().version, state.targets().version);
            if found <= newest {
                let role = Role::Targets;
                return Err(RequestFault::Stale {
                    role,
                    found,
                    newest,
                });
            }
        }
        Ok(())
    }
}

fn about(path: &Path, fault: RequestFault) -> RepositoryError {
    RepositoryError::Request {
        path: path.to_owned(),
        fault,
    }
}

fn read_draft<T: Content>(members: &Object) -> Result<Option<Draft<T>>, RequestFault> {
    let name = T::ROLE.name();
    let Some(file) = members.get(name) else {
        return Ok(None);
    };
    let read = Draft::read(name, file.to_text().as_bytes());
    read.map(Some).map_err(|fault| RequestFault::NotARequest {
        reason: fault.to_string(),
    })
}

fn write_draft<T: Content>(draft: Option<&Draft<T>>, members: &mut Object) {
    if let Some(draft) = draft {
        members.insert(T::ROLE.name().to_owned(), draft.to_json());
    }
}
