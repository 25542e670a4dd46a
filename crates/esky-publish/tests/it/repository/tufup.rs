//! A directory as tufup leaves it: settings, keystore, metadata without consistent snapshots, targets with plain names.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use esky_trust::sign::{Draft, Signer, SigningKey};
use esky_trust::{
    Content, Json, Key, KeyId, KeyKind, MetaFile, Role, RoleKeys, Root, RootRoles, Snapshot,
    TargetFile, Targets, Time, Timestamp,
};
use zeroize::Zeroizing;

use super::{in_days, now};

/// A root key that is encrypted, its passphrase and its seed.
pub(super) const ENCRYPTED: &str = include_str!("../../../src/repository/import/encrypted_key.txt");
pub(super) const KEY_PASSPHRASE: &str = "pass word \u{e9}";
const ENCRYPTED_SEED: &str = "11f9221b7b0860c5a4d44b31f353e940fb04a8835350fd6625d7bc3918dfcbf6";

/// A directory of tufup's, which can be spoilt before it is written.
pub(super) struct Tufup {
    pub(super) directory: PathBuf,
    pub(super) root: Root,
    pub(super) targets: Targets,
    /// By the name of the role.
    pub(super) keys: BTreeMap<&'static str, SigningKey>,
    version: u64,
}

impl Tufup {
    /// The app `app` with versions 1.0 and 1.1 and a patch between them, all signed.
    pub(super) fn new(place: &Path) -> Self {
        let mut tufup = Self::without_files(place);
        tufup.add(
            "app-1.0.tar.gz",
            br#"{"tufup": {"required": false}, "user": null}"#,
        );
        tufup.add(
            "app-1.1.tar.gz",
            br#"{"tufup": {"required": false}, "user": {"x": [1]}}"#,
        );
        tufup.add(
            "app-1.1.patch",
            br#"{"tufup": {"tar_size": 1}, "user": null}"#,
        );
        tufup.write_root();
        tufup.publish();
        tufup
    }

    fn without_files(place: &Path) -> Self {
        let directory = place.join("tufup");
        for part in ["keystore", "repository/metadata", "repository/targets"] {
            fs::create_dir_all(directory.join(part)).unwrap();
        }
        let keys = Role::ALL.map(|role| (role.name(), new_key(role.name())));
        let expires = in_days(7);
        let tufup = Self {
            root: Root {
                version: 1,
                expires: in_days(365),
                consistent_snapshot: false,
                keys: keys.iter().map(|(_, key)| declared(key)).collect(),
                roles: RootRoles {
                    root: only(&keys, Role::Root),
                    timestamp: only(&keys, Role::Timestamp),
                    snapshot: only(&keys, Role::Snapshot),
                    targets: only(&keys, Role::Targets),
                },
                extra: BTreeMap::new(),
            },
            targets: Targets {
                version: 1,
                expires,
                targets: BTreeMap::new(),
                delegations: None,
                extra: BTreeMap::new(),
            },
            keys: BTreeMap::from(keys),
            version: 1,
            directory,
        };
        for (name, key) in &tufup.keys {
            tufup.write(&format!("keystore/{name}"), key_file(key).as_bytes());
        }
        let names = Role::ALL.map(|role| format!("\"{role}\": [\"{role}\"]"));
        let config = format!(
            r#"{{"app_name": "app", "expiration_days": {{"timestamp": 0.5}}, "keys_dir": "keystore",
               "key_map": {{{}}}, "repo_dir": "repository"}}"#,
            names.join(", ")
        );
        tufup.write(".tufup-repo-config", config.as_bytes());
        tufup
    }

    pub(super) fn path(&self, path: &str) -> PathBuf {
        self.directory.join(path)
    }

    pub(super) fn write(&self, path: &str, bytes: &[u8]) {
        fs::write(self.path(path), bytes).unwrap();
    }

    /// A target whose content is its name.
    pub(super) fn add(&mut self, target: &str, custom: &[u8]) {
        self.write(&format!("repository/targets/{target}"), target.as_bytes());
        let file = TargetFile {
            custom: Some(Json::parse(custom).unwrap()),
            ..TargetFile::describe(target.as_bytes())
        };
        self.targets.targets.insert(target.to_owned(), file);
    }

    /// Puts an encrypted key into the place of the first root key.
    pub(super) fn encrypt_root_key(&mut self) {
        let bytes: Vec<u8> = (0..64)
            .step_by(2)
            .map(|at| u8::from_str_radix(&ENCRYPTED_SEED[at..at + 2], 16).unwrap())
            .collect();
        let seed = Zeroizing::new(<[u8; 32]>::try_from(bytes).unwrap());
        let key = SigningKey::from_seed(KeyKind::Ed25519, &seed).unwrap();
        let key = key.with_id(KeyId::new("encrypted"));
        self.root.keys.extend([declared(&key)]);
        self.root.roles.root.key_ids = vec![key.key_id().clone()];
        self.keys.insert("root", key);
        self.write("keystore/root", ENCRYPTED.as_bytes());
        self.write_root();
    }

    /// Publishes a second root, with another root key.
    pub(super) fn rotate_root_key(&mut self) {
        let new = new_key("second-root");
        self.root.version = 2;
        self.root.keys.extend([declared(&new)]);
        self.root.roles.root.key_ids = vec![new.key_id().clone()];
        self.write("keystore/root", key_file(&new).as_bytes());
        let old = self.keys.insert("root", new).unwrap();
        let mut draft = self.signed(self.root.clone(), Role::Root);
        draft.sign(&old).unwrap();
        self.write("repository/metadata/2.root.json", &draft.to_bytes());
        self.write("repository/metadata/root.json", &draft.to_bytes());
    }

    pub(super) fn write_root(&self) {
        let bytes = self.signed(self.root.clone(), Role::Root).to_bytes();
        let name = format!("repository/metadata/{}.root.json", self.root.version);
        self.write(&name, &bytes);
        self.write("repository/metadata/root.json", &bytes);
    }

    /// Signs what is there now, in new versions.
    pub(super) fn publish(&mut self) {
        self.version += 1;
        let version = self.version;
        self.targets.version = version;
        let meta = || MetaFile {
            version,
            length: None,
            hashes: None,
        };
        let snapshot = Snapshot {
            version,
            expires: in_days(7),
            meta: BTreeMap::from([("targets.json".to_owned(), meta())]),
            extra: BTreeMap::new(),
        };
        let timestamp = Timestamp {
            version,
            expires: in_days(1),
            snapshot: meta(),
            extra: BTreeMap::new(),
        };
        self.write_role(self.targets.clone());
        self.write_role(snapshot);
        self.write_role(timestamp);
    }

    fn write_role<T: Content>(&self, content: T) {
        let bytes = self.signed(content, T::ROLE).to_bytes();
        self.write(&format!("repository/metadata/{}.json", T::ROLE), &bytes);
    }

    fn signed<T: Content>(&self, content: T, role: Role) -> Draft<T> {
        let mut draft = Draft::new(content);
        draft.sign(&self.keys[role.name()]).unwrap();
        draft
    }

    /// Every file there is, to see that none changes.
    pub(super) fn contents(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        contents(&self.directory)
    }
}

/// All files below a directory.
pub(super) fn contents(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(contents(&path));
        } else {
            files.insert(path.clone(), fs::read(path).unwrap());
        }
    }
    files
}

/// A key whose id is no hash of anything.
fn new_key(name: &str) -> SigningKey {
    let key = SigningKey::generate(KeyKind::Ed25519).unwrap();
    key.with_id(KeyId::new(format!("{name} of tufup")))
}

fn declared(key: &SigningKey) -> (KeyId, Key) {
    (key.key_id().clone(), key.public_key().clone())
}

fn only(keys: &[(&'static str, SigningKey)], role: Role) -> RoleKeys {
    let of_role = keys.iter().filter(|(name, _)| *name == role.name());
    RoleKeys {
        key_ids: of_role.map(|(_, key)| key.key_id().clone()).collect(),
        threshold: 1,
    }
}

fn key_file(key: &SigningKey) -> String {
    let private: String = key
        .seed()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!(
        r#"{{"keytype": "ed25519", "scheme": "ed25519", "keyid": "other", "keyval": {{"private": "{private}"}}}}"#
    )
}

/// A time at which all that tufup signed has expired.
pub(super) fn much_later() -> Time {
    Time::from_unix(now().to_unix() + 500 * super::DAY)
}
