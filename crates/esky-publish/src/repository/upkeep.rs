//! What a repository needs between releases.

use std::path::PathBuf;

use esky_trust::{Json, Release, Role, Time};

use super::error::{RepositoryError, RepositoryResult};
use super::import;
use super::project::Project;
use super::request::{Request, settle};
use super::signers::Signers;
use super::stage::{Change, Stage, TARGETS_DAYS, is_past_half};
use super::state::{Accept, State};

/// What was signed again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refreshed {
    /// Files of metadata that have their line ends back.
    pub restored: Vec<String>,
    /// How many files are offered. Of a repository that offers none there is nothing to publish yet.
    pub targets: usize,
    /// The request to sign for the targets, which several must.
    pub request: Option<PathBuf>,
}

/// Signs snapshot and timestamp again, and the targets if half of their time is over or their keys are new.
///
/// Also finishes a change of keys that was broken off, and restores files whose line ends were changed. Where several must
/// sign for the targets, and one key of them is at hand, a request to do so is kept.
pub fn refresh(project: &Project, signers: &Signers, now: Time) -> RepositoryResult<Refreshed> {
    let _lock = project.lock()?;
    let state = State::read(&project.repository, Accept::Previous)?;
    let request = Request::new(&project.app, &state, Change::default(), signers, now)?;
    let place = &project.repository;
    let due = request.targets.is_none() && is_past_half(state.targets().expires, TARGETS_DAYS, now);
    Stage::next(place, &state, request, Vec::new(), signers, now)?.publish()?;
    let altered = state.altered.iter().map(|(name, _)| name.clone());
    let mut refreshed = Refreshed {
        restored: altered.collect(),
        targets: state.targets().targets.len(),
        request: None,
    };
    if due {
        let renewal = Request::renewal(&project.app, &state, signers, now)?;
        if renewal.signatures(&state) > 0 {
            refreshed.request = Some(renewal.keep_or_join(project, &state, signers)?);
        }
    }
    Ok(refreshed)
}

/// What is to happen to a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Yank {
    /// It is not offered any more.
    Withdraw {
        /// Why, for people.
        reason: String,
    },
    /// It is offered again.
    Offer,
}

/// What was said of a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Yanked {
    /// The targets of which it was said.
    pub targets: Vec<String>,
    /// The request that waits for signatures; `None` if it is published, or nothing changed.
    pub request: Option<PathBuf>,
}

/// Withdraws a version on all platforms and channels, or offers it again. Its packages stay where they are. Tells of
/// which targets that was said, none if it had been said before, and of the request that waits for signatures, if those at
/// hand are too few. What offered it to clients of tufup is taken from them, and
/// offering it again does not bring that back.
pub fn yank(
    project: &Project,
    version: &str,
    yank: &Yank,
    signers: &Signers,
    now: Time,
) -> RepositoryResult<Yanked> {
    let _lock = project.lock()?;
    let state = State::read(&project.repository, Accept::Newest)?;
    signers.require_one(state.root(), Role::Targets)?;
    let mut targets = state.targets().clone();
    let (mut known, mut changed) = (false, Vec::new());
    for (target, file) in &mut targets.targets {
        let Ok(Some(mut release)) = Release::read(target, file) else {
            continue;
        };
        if release.version != version {
            continue;
        }
        known = true;
        release.yanked = match yank {
            Yank::Withdraw { reason } => Some(reason.clone()),
            Yank::Offer => None,
        };
        let custom = with_release(file.custom.as_ref(), &release)?;
        if file.custom.as_ref() != Some(&custom) {
            file.custom = Some(custom);
            changed.push(target.clone());
        }
    }
    if known && matches!(yank, Yank::Withdraw { .. }) {
        changed.extend(import::withdraw(&mut targets.targets, version));
    }
    if !known {
        let version = version.to_owned();
        return Err(RepositoryError::NotReleased { version });
    }
    let mut yanked = Yanked {
        targets: changed,
        request: None,
    };
    if !yanked.targets.is_empty() {
        let change = Change {
            targets: Some(targets),
            ..Change::default()
        };
        yanked.request = settle(project, &state, change, Vec::new(), signers, now)?;
    }
    Ok(yanked)
}

/// What other tools say of the target stays.
fn with_release(custom: Option<&Json>, release: &Release) -> RepositoryResult<Json> {
    let mut members = custom
        .and_then(Json::as_object)
        .cloned()
        .unwrap_or_default();
    if let Json::Object(said) = release.to_custom()? {
        members.extend(said);
    }
    Ok(Json::Object(members))
}
