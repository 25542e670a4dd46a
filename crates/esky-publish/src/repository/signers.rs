//! The keys at hand.

use esky_trust::sign::{Draft, KeyFault, KeyLine, Signer};
use esky_trust::{Content, KeyId, Role, Root};

use super::error::{RepositoryError, RepositoryResult};
use super::key_store::expect_app;
use super::request::expect_signed;

/// Keys that may sign in this run. Which of them a role needs is the root's decision.
#[derive(Default)]
pub struct Signers(Vec<Box<dyn Signer>>);

impl Signers {
    /// Adds a key.
    pub fn add(&mut self, signer: impl Signer + 'static) {
        self.0.push(Box::new(signer));
    }

    /// Adds the keys of the lines of text that `place` holds, if they are keys of the app.
    pub fn add_lines(
        &mut self,
        app: &str,
        place: &str,
        lines: Result<Vec<KeyLine>, KeyFault>,
    ) -> RepositoryResult<()> {
        let lines = lines.map_err(|fault| RepositoryError::Key {
            place: place.to_owned(),
            fault,
        })?;
        for line in lines {
            expect_app(&line, app, place)?;
            self.add(line.key);
        }
        Ok(())
    }

    /// Whether enough keys for a role are at hand.
    #[must_use]
    pub fn can_sign(&self, root: &Root, role: Role) -> bool {
        self.require(root, role).is_ok()
    }

    /// Fails if they are not.
    pub(super) fn require(&self, root: &Root, role: Role) -> RepositoryResult<()> {
        let keys = root.roles.get(role);
        let present = self.present(root, role);
        if present >= keys.threshold {
            return Ok(());
        }
        Err(RepositoryError::MissingKeys {
            role,
            needed: keys.threshold,
            present,
            accepted: keys.key_ids.clone(),
        })
    }

    /// Fails if not even one of the keys for a role is at hand.
    pub(super) fn require_one(&self, root: &Root, role: Role) -> RepositoryResult<()> {
        match self.present(root, role) {
            0 => self.require(root, role),
            _ => Ok(()),
        }
    }

    /// Whether a key is among them.
    #[must_use]
    pub fn has(&self, id: &KeyId) -> bool {
        self.0.iter().any(|signer| signer.key_id() == id)
    }

    fn present(&self, root: &Root, role: Role) -> u64 {
        let mut distinct: Vec<_> = self.of_role(root, role).map(Signer::key_id).collect();
        distinct.sort();
        distinct.dedup();
        distinct.len() as u64
    }

    fn of_role<'a>(&'a self, root: &'a Root, role: Role) -> impl Iterator<Item = &'a dyn Signer> {
        let accepted = &root.roles.get(role).key_ids;
        let signers = self.0.iter().map(AsRef::as_ref);
        signers.filter(move |signer| {
            let declared = root.keys.get(signer.key_id());
            accepted.contains(signer.key_id())
                && declared.is_some_and(|key| key.is_same_key(signer.public_key()))
        })
    }

    /// Signs with every key at hand that one of the roots accepts for the role.
    pub(super) fn add_signatures<T: Content>(
        &self,
        draft: &mut Draft<T>,
        roots: &[&Root],
    ) -> RepositoryResult<()> {
        for root in roots {
            for signer in self.of_role(root, T::ROLE) {
                draft.sign(signer)?;
            }
        }
        Ok(())
    }

    /// The same. Each root must be satisfied then.
    pub(super) fn sign<T: Content>(
        &self,
        draft: &mut Draft<T>,
        roots: &[&Root],
    ) -> RepositoryResult<()> {
        self.add_signatures(draft, roots)?;
        roots.iter().try_for_each(|root| expect_signed(draft, root))
    }
}
