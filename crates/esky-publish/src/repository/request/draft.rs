//! From a change to a request, and what is missing until it counts.

use esky_trust::sign::Draft;
use esky_trust::{Content, Role, Root, Targets, Time};

use super::Request;
use crate::repository::error::{RepositoryError, RepositoryResult};
use crate::repository::signers::Signers;
use crate::repository::stage::{Change, ROOT_DAYS, TARGETS_DAYS, is_past_half};
use crate::repository::state::State;

impl Request {
    /// The metadata that a change asks people for, signed by the keys at hand. Targets are made anew when they change, when
    /// their keys do, or when half of their time is over and their keys are at hand.
    pub(in crate::repository) fn new(
        app: &str,
        state: &State,
        change: Change,
        signers: &Signers,
        now: Time,
    ) -> RepositoryResult<Self> {
        let root = change.root.map(|root| {
            Draft::new(Root {
                version: state.root().version + 1,
                expires: now.plus_days(ROOT_DAYS),
                ..root
            })
        });
        let mut request = Self {
            app: app.to_owned(),
            root,
            targets: None,
        };
        let renewed = || request.renewed_targets(state, signers, now);
        request.targets = change.targets.or_else(renewed).map(|targets| {
            Draft::new(Targets {
                version: state.next_version(Role::Targets),
                expires: now.plus_days(TARGETS_DAYS),
                ..targets
            })
        });
        request.sign(state, signers)?;
        Ok(request)
    }

    /// The targets as they are, with a new time of expiry.
    pub(in crate::repository) fn renewal(
        app: &str,
        state: &State,
        signers: &Signers,
        now: Time,
    ) -> RepositoryResult<Self> {
        let change = Change {
            targets: Some(state.targets().clone()),
            ..Change::default()
        };
        Self::new(app, state, change, signers, now)
    }

    /// Adds the signatures of the keys at hand, as far as the present root or that of the request counts them.
    pub(in crate::repository) fn sign(
        &mut self,
        state: &State,
        signers: &Signers,
    ) -> RepositoryResult<()> {
        let new = self.root.as_ref().map(|draft| draft.content().clone());
        let roots: Vec<&Root> = [Some(state.root()), new.as_ref()]
            .into_iter()
            .flatten()
            .collect();
        if let Some(draft) = &mut self.root {
            signers.add_signatures(draft, &roots)?;
        }
        if let Some(draft) = &mut self.targets {
            signers.add_signatures(draft, &roots)?;
        }
        Ok(())
    }

    /// How many good signatures it has.
    pub(in crate::repository) fn signatures(&self, state: &State) -> usize {
        let roots = self.roots(state);
        let root = self.root.as_ref().map_or(0, |draft| count(draft, &roots));
        root + self
            .targets
            .as_ref()
            .map_or(0, |draft| count(draft, &roots))
    }

    /// Fails if a client would not believe it yet, whichever of the roots it has. The targets may lack the signatures of
    /// the present root where that is followed first.
    pub(in crate::repository) fn expect_signed(&self, state: &State) -> RepositoryResult<()> {
        let roots = self.roots(state);
        if let Some(draft) = &self.root {
            for root in &roots {
                expect_signed(draft, root)?;
            }
        }
        match (&self.targets, roots.last()) {
            (Some(draft), Some(root)) => expect_signed(draft, root),
            _ => Ok(()),
        }
    }

    /// The present root, and that of the request.
    pub(super) fn roots<'a>(&'a self, state: &'a State) -> Vec<&'a Root> {
        let new = self.root.as_ref().map(Draft::content);
        [Some(state.root()), new].into_iter().flatten().collect()
    }

    fn renewed_targets(&self, state: &State, signers: &Signers, now: Time) -> Option<Targets> {
        let roots = self.roots(state);
        let unsigned = |root: &&Root| state.targets.verify(root, Role::Targets).is_err();
        let at_hand = roots
            .iter()
            .all(|root| signers.can_sign(root, Role::Targets));
        let old = is_past_half(state.targets().expires, TARGETS_DAYS, now);
        let renew = roots.iter().any(unsigned) || (at_hand && old);
        renew.then(|| state.targets().clone())
    }
}

fn count<T: Content>(draft: &Draft<T>, roots: &[&Root]) -> usize {
    let signed = roots.iter().map(|root| draft.signed_by(root, T::ROLE));
    let mut signed: Vec<_> = signed.flatten().collect();
    signed.sort();
    signed.dedup();
    signed.len()
}

/// Fails if too few keys that a root accepts have signed.
pub(in crate::repository) fn expect_signed<T: Content>(
    draft: &Draft<T>,
    root: &Root,
) -> RepositoryResult<()> {
    // As clients count, who take a key that is declared by two ids for one.
    if draft.verify(root, T::ROLE).is_ok() {
        return Ok(());
    }
    let keys = root.roles.get(T::ROLE);
    let present = draft.signed_by(root, T::ROLE).len() as u64;
    Err(RepositoryError::MissingKeys {
        role: T::ROLE,
        needed: keys.threshold,
        present,
        accepted: keys.key_ids.clone(),
    })
}
