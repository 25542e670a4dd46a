//! Requests from hand to hand: made where signatures are missing, looked at, signed, published.

use std::path::{Path, PathBuf};

use esky_trust::{Root, Time};

use super::{Changes, Request, RequestFault, about};
use crate::repository::error::{RepositoryError, RepositoryResult};
use crate::repository::layout;
use crate::repository::project::Project;
use crate::repository::signers::Signers;
use crate::repository::stage::{Change, Stage, StagedPackage, publish_package};
use crate::repository::state::{Accept, State};

/// A request after one more person signed.
#[derive(Clone, Debug)]
pub struct Signed {
    /// What it changes, and who has signed now.
    pub changes: Changes,
    /// Whether it can be published with the signatures that it has.
    pub complete: bool,
}

/// A request that was read once: what is shown of it is what is signed, whatever becomes of the file meanwhile.
#[derive(Clone, Debug)]
pub struct OpenRequest {
    path: PathBuf,
    request: Request,
    state: State,
}

impl OpenRequest {
    /// Reads a request that fits the project.
    pub fn open(project: &Project, path: &Path) -> RepositoryResult<Self> {
        let state = State::read(&project.repository, Accept::Previous)?;
        Ok(Self {
            request: read_fitting(project, &state, path)?,
            path: path.to_owned(),
            state,
        })
    }

    /// What it changes, and who has signed.
    #[must_use]
    pub fn changes(&self) -> Changes {
        self.request.changes(&self.state)
    }

    /// The present root, and that of the request: the keys of both may sign.
    #[must_use]
    pub fn roots(&self) -> Vec<&Root> {
        self.request.roots(&self.state)
    }

    /// Adds the signatures of the keys at hand, and writes the request back, durably, with those that the file got meanwhile.
    ///
    /// Fails without a change if none of them counts for what the request changes, or if the file is another one by now.
    pub fn sign(mut self, signers: &Signers) -> RepositoryResult<Signed> {
        if !self.request.counts(&self.state, signers) {
            return Err(about(&self.path, RequestFault::NoKey));
        }
        self.request.sign(&self.state, signers)?;
        if !self.request.adopt(&Request::read(&self.path)?) {
            return Err(about(&self.path, RequestFault::OtherRequest));
        }
        esky_fs::write_durable(&self.path, &self.request.to_bytes(), super::FILE_MODE)?;
        Ok(Signed {
            changes: self.changes(),
            complete: self.request.expect_signed(&self.state).is_ok(),
        })
    }
}

/// Publishes a request, with the signatures of all its copies that are given. `signers` hold the keys for snapshot and
/// timestamp, and may complete the request.
/// Tells what has changed.
///
/// The packages that it names must be in the repository, whole. A crash leaves what readers saw before, or all of it.
pub fn publish_requests(
    project: &Project,
    paths: &[PathBuf],
    signers: &Signers,
    now: Time,
) -> RepositoryResult<Changes> {
    let _lock = project.lock()?;
    let state = State::read(&project.repository, Accept::Previous)?;
    let mut request: Option<Request> = None;
    for path in paths {
        let copy = read_fitting(project, &state, path)?;
        let same = match &mut request {
            Some(first) => first.adopt(&copy),
            None => {
                request = Some(copy);
                true
            }
        };
        if !same {
            return Err(about(path, RequestFault::OtherRequest));
        }
    }
    let nothing = || RequestFault::NotARequest {
        reason: "no file was given".to_owned(),
    };
    let mut request = request.ok_or_else(|| about(&project.path, nothing()))?;
    request.sign(&state, signers)?;
    let changes = request.changes(&state);
    let packages = request.new_packages(project, &state);
    Stage::next(&project.repository, &state, request, packages, signers, now)?.publish()?;
    Ok(changes)
}

/// Publishes a change if the keys at hand are enough. If they are not, but one of them signs for it, its packages are put
/// in their places, where nobody sees them yet, and a request is kept for the others to sign: its path is returned.
pub(in crate::repository) fn settle(
    project: &Project,
    state: &State,
    change: Change,
    packages: Vec<StagedPackage>,
    signers: &Signers,
    now: Time,
) -> RepositoryResult<Option<PathBuf>> {
    let request = Request::new(&project.app, state, change, signers, now)?;
    let place = &project.repository;
    let waiting = request.clone();
    let moved = packages.clone();
    match Stage::next(place, state, request, packages, signers, now) {
        Ok(stage) => {
            stage.publish()?;
            Ok(None)
        }
        Err(RepositoryError::MissingKeys { .. }) if waiting.signatures(state) > 0 => {
            for package in &moved {
                publish_package(place, package)?;
            }
            waiting.keep_or_join(project, state, signers).map(Some)
        }
        Err(error) => Err(error),
    }
}

impl Request {
    /// Keeps the request. One that was made before for the same change, and perhaps signed by others meanwhile, stays and gets
    /// the signatures of the keys at hand.
    pub(in crate::repository) fn keep_or_join(
        self,
        project: &Project,
        state: &State,
        signers: &Signers,
    ) -> RepositoryResult<PathBuf> {
        let path = project.directory().join(super::DIRECTORY).join(self.name());
        if esky_fs::exists(&path)?
            && let Ok(mut known) = read_fitting(project, state, &path)
            && known.is_like(&self)
        {
            known.sign(state, signers)?;
            return known.keep(project);
        }
        self.keep(project)
    }

    /// Whether both bring the same, but for times of expiry.
    fn is_like(&self, other: &Self) -> bool {
        let root = |request: &Self| {
            let draft = request.root.as_ref()?;
            Some((draft.content().keys.clone(), draft.content().roles.clone()))
        };
        let targets = |request: &Self| {
            let draft = request.targets.as_ref()?;
            Some(draft.content().targets.clone())
        };
        root(self) == root(other) && targets(self) == targets(other)
    }

    /// Whether a key at hand may sign for something in the request.
    fn counts(&self, state: &State, signers: &Signers) -> bool {
        self.roots(state).iter().any(|root| {
            let of = |role| {
                let keys = root.roles.get(role);
                keys.key_ids.iter().any(|id| signers.has(id))
            };
            (self.root.is_some() && of(esky_trust::Role::Root))
                || (self.targets.is_some() && of(esky_trust::Role::Targets))
        })
    }

    /// The packages that the targets newly name, in the places where they should be by now.
    fn new_packages(&self, project: &Project, state: &State) -> Vec<StagedPackage> {
        let known = &state.targets().targets;
        let named = self
            .targets
            .iter()
            .flat_map(|draft| &draft.content().targets);
        let new = named.filter(|(target, file)| {
            let before = known.get(*target).map(|before| &before.hashes);
            before != Some(&file.hashes)
        });
        let staged = new.filter_map(|(target, file)| {
            let path = layout::target(&project.repository, target, &file.hashes)?;
            Some(StagedPackage {
                path,
                target: target.clone(),
                file: file.clone(),
            })
        });
        staged.collect()
    }
}

fn read_fitting(project: &Project, state: &State, path: &Path) -> RepositoryResult<Request> {
    let request = Request::read(path)?;
    let fits = request.expect_fits(project, state);
    fits.map_err(|fault| about(path, fault))?;
    Ok(request)
}
