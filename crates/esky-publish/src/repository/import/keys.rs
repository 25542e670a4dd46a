//! tufup's private keys, by the names that its root gives to them.

use std::path::{Path, PathBuf};

use esky_trust::sign::{KeyLine, Signer, SigningKey};
use esky_trust::{KeyId, Role, Root};
use zeroize::Zeroizing;

use super::config::Config;
use super::{ImportFault, key_file};
use crate::repository::error::{RepositoryError, RepositoryResult};
use crate::repository::init::ONLINE;
use crate::repository::key_store::KeyStore;
use crate::repository::signers::Signers;

const LIMIT: u64 = 64 << 10;

/// Gives the passphrase of an encrypted key file, if it is known.
pub type AskPassphrase<'a> = dyn FnMut(&Path) -> Option<Zeroizing<String>> + 'a;

/// A private key that was taken over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportedKey {
    /// Its id, as tufup's root has it.
    pub id: KeyId,
    /// The roles it signs for.
    pub roles: Vec<Role>,
    /// Where it was.
    pub from: PathBuf,
}

/// The private keys that the root knows.
pub(super) struct Keys {
    pub(super) imported: Vec<ImportedKey>,
    /// In the order of `imported`.
    private: Vec<SigningKey>,
}

impl Keys {
    /// Looks for the private keys in tufup's keystore, then in the other directories. Keys that the root does not count any
    /// more are passed over.
    pub(super) fn gather(
        config: &Config,
        elsewhere: &[PathBuf],
        root: &Root,
        ask: &mut AskPassphrase<'_>,
    ) -> RepositoryResult<Self> {
        let mut keys = Self {
            imported: Vec::new(),
            private: Vec::new(),
        };
        let mut looked_for = Vec::new();
        for name in &config.key_names {
            let places = [&config.keys].into_iter().chain(elsewhere);
            let mut found = false;
            for path in places.map(|directory| directory.join(name)) {
                if let Some(file) = esky_fs::read_optional(&path, LIMIT)? {
                    let file = Zeroizing::new(file);
                    keys.take(open(&path, &file, ask)?, path, root);
                    found = true;
                    break;
                }
            }
            if !found {
                looked_for.push(config.keys.join(name));
            }
        }
        keys.suffice(root, looked_for)?;
        Ok(keys)
    }

    /// Takes a key under each of the names that the root has for it.
    fn take(&mut self, key: SigningKey, from: PathBuf, root: &Root) {
        let known = |id: &KeyId| self.imported.iter().any(|key| key.id == *id);
        let declared = root.keys.iter();
        let ids: Vec<KeyId> = declared
            .filter(|(id, declared)| declared.is_same_key(key.public_key()) && !known(id))
            .map(|(id, _)| id.clone())
            .collect();
        for id in ids {
            let roles = Role::ALL.into_iter();
            let roles = roles.filter(|role| root.roles.get(*role).key_ids.contains(&id));
            self.imported.push(ImportedKey {
                id: id.clone(),
                roles: roles.collect(),
                from: from.clone(),
            });
            self.private.extend(again(&key, &id));
        }
    }

    fn suffice(&self, root: &Root, looked_for: Vec<PathBuf>) -> Result<(), ImportFault> {
        for role in Role::ALL {
            let needed = root.roles.get(role).threshold;
            let present = self.of(&[role]).count() as u64;
            if present < needed {
                return Err(ImportFault::MissingKey {
                    role,
                    needed,
                    present,
                    looked_for,
                });
            }
        }
        Ok(())
    }

    fn of(&self, roles: &[Role]) -> impl Iterator<Item = (&ImportedKey, &SigningKey)> {
        let keys = self.imported.iter().zip(&self.private);
        keys.filter(|(key, _)| key.roles.iter().any(|role| roles.contains(role)))
    }

    /// The same keys, with what they are for.
    fn lines(&self, app: &str, roles: &[Role]) -> Vec<KeyLine> {
        let keys = self.of(roles).filter_map(|(imported, key)| {
            let roles = imported.roles.iter().filter(|role| roles.contains(role));
            Some(KeyLine {
                app: app.to_owned(),
                roles: roles.copied().collect(),
                key: again(key, &imported.id)?,
            })
        });
        keys.collect()
    }

    /// Refuses a store that has other keys under the names that these will get.
    pub(super) fn check_store(&self, store: &KeyStore, root: &Root) -> RepositoryResult<()> {
        store.check_place()?;
        let roots = self.of(&[Role::Root]).count();
        // Names with higher versions are those of keys that later roots will bring.
        let most = root.version + 1;
        if roots as u64 > most {
            return Err(ImportFault::TooManyRootKeys { found: roots, most }.into());
        }
        let counts = !store.encrypted_keys(&[(root, Role::Root)])?.is_empty();
        for path in (1..=roots as u64).map(|version| store.root_key(version)) {
            if !counts && esky_fs::exists(&path)? {
                return Err(RepositoryError::AlreadyThere { path });
            }
        }
        let release_keys = store.release_keys()?;
        let known = |line: &KeyLine| root.keys.contains_key(line.key.key_id());
        if !release_keys.iter().all(known) {
            let path = store.release_key(1);
            return Err(RepositoryError::AlreadyThere { path });
        }
        Ok(())
    }

    /// Keeps the keys, durably. Gives the lines of those that sign releases.
    pub(super) fn keep(
        &self,
        store: &KeyStore,
        app: &str,
        passphrase: &str,
    ) -> RepositoryResult<Zeroizing<String>> {
        for (version, line) in (1..).zip(&self.lines(app, &[Role::Root])) {
            store.keep_root_key(version, line, passphrase)?;
        }
        store.keep_release_keys(1, &self.lines(app, &ONLINE))
    }

    /// All of them, to sign with.
    pub(super) fn into_signers(self) -> Signers {
        let mut signers = Signers::default();
        for key in self.private {
            signers.add(key);
        }
        signers
    }
}

fn open(path: &Path, file: &[u8], ask: &mut AskPassphrase<'_>) -> Result<SigningKey, ImportFault> {
    let fault = |fault| ImportFault::KeyFile {
        path: path.to_owned(),
        fault,
    };
    if !key_file::is_encrypted(file) {
        return key_file::read(file).map_err(fault);
    }
    let passphrase = ask(path).ok_or_else(|| ImportFault::Encrypted {
        path: path.to_owned(),
    })?;
    key_file::decrypt(file, &passphrase).map_err(fault)
}

/// The same key under an id. Never `None` for a key that was one before.
fn again(key: &SigningKey, id: &KeyId) -> Option<SigningKey> {
    let again = SigningKey::from_seed(key.kind(), &key.seed()).ok()?;
    Some(again.with_id(id.clone()))
}
