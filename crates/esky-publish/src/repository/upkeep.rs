//! What a repository needs between releases.

use esky_trust::{Json, Release, Role, Time};

use super::error::{RepositoryError, RepositoryResult};
use super::import;
use super::project::Project;
use super::signers::Signers;
use super::stage::{Change, Stage};
use super::state::{Accept, State};

/// Signs snapshot and timestamp again, and the targets if half of their time is over or their keys are new.
///
/// Also finishes a change of keys that was broken off.
pub fn refresh(project: &Project, signers: &Signers, now: Time) -> RepositoryResult<()> {
    let _lock = project.lock()?;
    let state = State::read(&project.repository, Accept::Previous)?;
    Stage::next(&project.repository, &state, Change::default(), signers, now)?.publish()
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

/// Withdraws a version on all platforms and channels, or offers it again. Its packages stay where they are. Tells of
/// which targets that was said; none if it had been said before. What offered it to clients of tufup is taken from them, and
/// offering it again does not bring that back.
pub fn yank(
    project: &Project,
    version: &str,
    yank: &Yank,
    signers: &Signers,
    now: Time,
) -> RepositoryResult<Vec<String>> {
    let _lock = project.lock()?;
    let state = State::read(&project.repository, Accept::Newest)?;
    signers.require(state.root(), Role::Targets)?;
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
    if !changed.is_empty() {
        let change = Change {
            targets: Some(targets),
            ..Change::default()
        };
        Stage::next(&project.repository, &state, change, signers, now)?.publish()?;
    }
    Ok(changed)
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
