//! Where a person keeps the keys of an app: a directory outside any version control.
//!
//! `root.key` is encrypted with a passphrase ([`encrypt_key`]); so are `targets.key`, where versions have a key of their own, and
//! `personal.key`, the key of one of several people. `release.key` is a line of text ([`KeyLine`]) for the
//! person and for the build server, or several where several keys sign releases. Keys that later roots brought have the root's version in their names: `root-2.key`.
//! Files that no root counts any more do no harm.

use std::path::{Path, PathBuf};

use esky_trust::sign::{KeyFault, KeyLine, RecoveryWords, SigningKey, decrypt_key, encrypt_key};
use esky_trust::{Json, KeyId, KeyKind, Role, Root};
use zeroize::Zeroizing;

use super::error::{RepositoryError, RepositoryResult};

const ROOT: &str = "root";
const RELEASE: &str = "release";
const TARGETS: &str = "targets";
const PERSONAL: &str = "personal";
const SUFFIX: &str = ".key";
const LIMIT: u64 = 64 << 10;
/// Nobody but the owner reads or writes keys.
const KEY_MODE: u32 = 0o600;
/// Six words: 66 bits, each tried for a fraction of a second and with 128 MiB.
const PASSPHRASE_WORDS: usize = 6;

/// The keys of one app.
#[derive(Clone, Debug)]
pub struct KeyStore {
    directory: PathBuf,
    app: String,
}

/// A key in the store that needs a passphrase.
#[derive(Clone, Debug)]
pub struct EncryptedKey {
    /// Its id.
    pub id: KeyId,
    /// Where it is.
    pub path: PathBuf,
    app: String,
}

impl EncryptedKey {
    /// The key, if the passphrase is right.
    pub fn open(&self, passphrase: &str) -> RepositoryResult<KeyLine> {
        let file = esky_fs::read_limited(&self.path, LIMIT)?;
        let line = decrypt_key(&file, passphrase).map_err(|fault| bad_key(&self.path, fault))?;
        expect_app(&line, &self.app, &self.path.display().to_string())?;
        Ok(line)
    }
}

/// A passphrase that nobody has to think of.
pub fn generate_passphrase() -> Result<Zeroizing<String>, KeyFault> {
    let words = RecoveryWords::generate()?.to_text();
    let mut passphrase = Zeroizing::new(String::with_capacity(words.len()));
    for word in words.split(' ').take(PASSPHRASE_WORDS) {
        if !passphrase.is_empty() {
            passphrase.push('-');
        }
        passphrase.push_str(word);
    }
    Ok(passphrase)
}

impl KeyStore {
    /// The store below a directory of a person, which need not be there yet.
    pub fn new(directory: &Path, app: &str) -> Self {
        Self {
            directory: directory.join(app),
            app: app.to_owned(),
        }
    }

    /// The directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Where the key that a version of the root brings is kept.
    pub fn root_key(&self, version: u64) -> PathBuf {
        self.path(ROOT, version)
    }

    /// Where the key that a version of the root brings is kept.
    pub fn release_key(&self, version: u64) -> PathBuf {
        self.path(RELEASE, version)
    }

    /// Adds the keys of the store that sign releases.
    pub fn release_keys(&self) -> RepositoryResult<Vec<KeyLine>> {
        let paths = self.files(RELEASE)?;
        let mut lines = Vec::new();
        for path in paths {
            lines.extend(self.read_lines(&path)?);
        }
        Ok(lines)
    }

    /// The key for the root that is in the store and counts, opened by its passphrase.
    pub fn open_root_key(&self, root: &Root, passphrase: &str) -> RepositoryResult<KeyLine> {
        match self.encrypted_keys(&[(root, Role::Root)])?.first() {
            Some(found) => found.open(passphrase),
            None => Err(RepositoryError::NoKey {
                path: self.root_key(1),
            }),
        }
    }

    /// The keys in the store that need a passphrase, as far as one of the roots counts them for the role beside it. Newest
    /// files come first.
    pub fn encrypted_keys(&self, wanted: &[(&Root, Role)]) -> RepositoryResult<Vec<EncryptedKey>> {
        let mut found = Vec::new();
        for what in [ROOT, TARGETS, PERSONAL] {
            for path in self.files(what)? {
                let file = esky_fs::read_limited(&path, LIMIT)?;
                let counts = |id: &KeyId| {
                    let mut roles = wanted.iter().map(|(root, role)| root.roles.get(*role));
                    roles.any(|role| role.key_ids.contains(id))
                };
                if let Some(id) = key_id(&file).filter(counts) {
                    let app = self.app.clone();
                    found.push(EncryptedKey { id, path, app });
                }
            }
        }
        Ok(found)
    }

    /// Fails if the directory is inside a git tree: what is committed is not secret.
    pub(super) fn check_place(&self) -> RepositoryResult<()> {
        let absolute = std::path::absolute(&self.directory);
        let absolute = absolute.unwrap_or_else(|_| self.directory.clone());
        for tree in absolute.ancestors() {
            if esky_fs::exists(&tree.join(".git"))? {
                return Err(RepositoryError::InsideGit {
                    path: self.directory.clone(),
                    tree: tree.to_owned(),
                });
            }
        }
        Ok(())
    }

    /// Keeps a root key, durably.
    pub(super) fn keep_root_key(
        &self,
        version: u64,
        key: &KeyLine,
        passphrase: &str,
    ) -> RepositoryResult<()> {
        self.keep_encrypted(self.root_key(version), key, passphrase)?;
        Ok(())
    }

    /// Keeps the key that signs what versions there are, where that is not the release key, durably. Gives the place.
    pub(super) fn keep_targets_key(
        &self,
        version: u64,
        key: &KeyLine,
        passphrase: &str,
    ) -> RepositoryResult<PathBuf> {
        self.keep_encrypted(self.path(TARGETS, version), key, passphrase)
    }

    /// Keeps one more key of this person, durably. Gives the place.
    pub(super) fn keep_personal_key(
        &self,
        key: &KeyLine,
        passphrase: &str,
    ) -> RepositoryResult<PathBuf> {
        let number = self.files(PERSONAL)?.len() as u64 + 1;
        self.keep_encrypted(self.path(PERSONAL, number), key, passphrase)
    }

    /// Keeps a release key, durably.
    pub(super) fn keep_release_key(&self, version: u64, key: &KeyLine) -> RepositoryResult<()> {
        self.keep_release_keys(version, std::slice::from_ref(key))
            .map(drop)
    }

    /// Keeps release keys, a line for each, durably. Gives the lines.
    pub(super) fn keep_release_keys(
        &self,
        version: u64,
        keys: &[KeyLine],
    ) -> RepositoryResult<Zeroizing<String>> {
        let path = self.release_key(version);
        let mut lines = Zeroizing::new(String::new());
        for key in keys {
            let line = key.to_line().map_err(|fault| bad_key(&path, fault))?;
            lines.push_str(&line);
            lines.push('\n');
        }
        self.keep(&path, lines.as_bytes())?;
        Ok(lines)
    }

    /// The release key that a run before, which was broken off, made for this version of the root.
    pub(super) fn early_release_key(&self, version: u64) -> RepositoryResult<Option<KeyLine>> {
        let path = self.release_key(version);
        match esky_fs::exists(&path)? {
            true => Ok(self.read_lines(&path)?.into_iter().next()),
            false => Ok(None),
        }
    }

    fn keep_encrypted(
        &self,
        path: PathBuf,
        key: &KeyLine,
        passphrase: &str,
    ) -> RepositoryResult<PathBuf> {
        let file = encrypt_key(key, passphrase).map_err(|fault| bad_key(&path, fault))?;
        self.keep(&path, &file)?;
        Ok(path)
    }

    fn keep(&self, path: &Path, bytes: &[u8]) -> RepositoryResult<()> {
        self.check_place()?;
        esky_fs::create_private_dir_all(&self.directory)?;
        Ok(esky_fs::write_durable(path, bytes, KEY_MODE)?)
    }

    fn read_lines(&self, path: &Path) -> RepositoryResult<Vec<KeyLine>> {
        let bytes = Zeroizing::new(esky_fs::read_limited(path, LIMIT)?);
        let text = str::from_utf8(&bytes).map_err(|_| bad_key(path, KeyFault::NotAKeyLine))?;
        let lines = KeyLine::parse_all(text).map_err(|fault| bad_key(path, fault))?;
        for line in &lines {
            expect_app(line, &self.app, &path.display().to_string())?;
        }
        Ok(lines)
    }

    /// The newest first.
    fn files(&self, what: &str) -> RepositoryResult<Vec<PathBuf>> {
        if !esky_fs::exists(&self.directory)? {
            return Ok(Vec::new());
        }
        let names = esky_fs::read_dir_names(&self.directory)?;
        let versions = names.iter().filter_map(|name| {
            let stem = name.to_str()?.strip_suffix(SUFFIX)?.strip_prefix(what)?;
            match stem.strip_prefix('-') {
                Some(version) => version.parse().ok(),
                None => stem.is_empty().then_some(1),
            }
        });
        let mut versions: Vec<u64> = versions.collect();
        versions.sort_unstable_by(|one, two| two.cmp(one));
        Ok(versions
            .iter()
            .map(|version| self.path(what, *version))
            .collect())
    }

    fn path(&self, what: &str, version: u64) -> PathBuf {
        self.directory.join(match version {
            1 => format!("{what}{SUFFIX}"),
            version => format!("{what}-{version}{SUFFIX}"),
        })
    }
}

/// Refuses the key of another app, which would sign without anyone noticing that clients do not count it.
pub(super) fn expect_app(line: &KeyLine, app: &str, place: &str) -> RepositoryResult<()> {
    if line.app == app {
        return Ok(());
    }
    Err(RepositoryError::KeyOfOtherApp {
        place: place.to_owned(),
        found: line.app.clone(),
        expected: app.to_owned(),
    })
}

pub(super) fn bad_key(path: &Path, fault: KeyFault) -> RepositoryError {
    let place = path.display().to_string();
    RepositoryError::Key { place, fault }
}

/// The id stands in the file for all to read.
fn key_id(file: &[u8]) -> Option<KeyId> {
    let file = Json::parse(file).ok()?;
    let id = file.as_object()?.get("key_id")?.as_text()?;
    Some(KeyId::new(id))
}

/// A new key for the app.
pub(super) fn new_key(app: &str, roles: &[Role]) -> RepositoryResult<KeyLine> {
    let key = SigningKey::generate(KeyKind::Ed25519);
    let key = key.map_err(|fault| RepositoryError::Key {
        place: "a new key".to_owned(),
        fault,
    })?;
    Ok(KeyLine {
        app: app.to_owned(),
        roles: roles.to_vec(),
        key,
    })
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests lay out files")]
mod tests {
    use super::*;
    use esky_trust::sign::Signer;

    const ONLINE: [Role; 3] = [Role::Timestamp, Role::Snapshot, Role::Targets];

    #[test]
    fn release_keys_are_found_newest_first_and_only_by_their_owner() {
        let holder = tempfile::tempdir().unwrap();
        let store = KeyStore::new(holder.path(), "app");
        assert!(store.release_keys().unwrap().is_empty());
        let (old, new) = (
            new_key("app", &ONLINE).unwrap(),
            new_key("app", &ONLINE).unwrap(),
        );
        store.keep_release_key(1, &old).unwrap();
        store.keep_release_key(12, &new).unwrap();
        std::fs::write(store.directory().join("release-x.key"), "?").unwrap();
        let found = store.release_keys().unwrap();
        let ids: Vec<_> = found.iter().map(|line| line.key.key_id()).collect();
        assert_eq!(ids, [new.key.key_id(), old.key.key_id()]);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(store.release_key(1))
                .unwrap()
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn the_key_of_another_app_is_refused() {
        let holder = tempfile::tempdir().unwrap();
        let store = KeyStore::new(holder.path(), "app");
        store
            .keep_release_key(1, &new_key("other", &ONLINE).unwrap())
            .unwrap();
        let error = store.release_keys().unwrap_err();
        assert!(
            matches!(error, RepositoryError::KeyOfOtherApp { .. }),
            "{error}"
        );
    }

    #[test]
    fn keys_are_not_kept_where_they_would_be_committed() {
        let holder = tempfile::tempdir().unwrap();
        std::fs::create_dir(holder.path().join(".git")).unwrap();
        let store = KeyStore::new(&holder.path().join("deep/keys"), "app");
        let error = store
            .keep_release_key(1, &new_key("app", &ONLINE).unwrap())
            .unwrap_err();
        assert!(
            matches!(error, RepositoryError::InsideGit { .. }),
            "{error}"
        );
        assert!(!store.directory().exists());
    }

    #[test]
    fn passphrases_differ() {
        let (one, two) = (
            generate_passphrase().unwrap(),
            generate_passphrase().unwrap(),
        );
        assert_ne!(one, two);
        assert_eq!(one.split('-').count(), PASSPHRASE_WORDS);
    }
}
