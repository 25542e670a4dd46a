//! A directory as tufup leaves it: settings, keystore, metadata without consistent snapshots, targets with plain names.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use esky_trust::sign::{Draft, Signer, SigningKey};
use esky_trust::{
    Content, Json, Key, KeyId, KeyKind, MetaFile, Role, RoleKeys, Root, RootRoles, Snapshot,
    TargetFile, Targets, Time, Timestamp,
};

/// A directory of tufup's, made with the time `now`.
pub struct Tufup {
    /// The directory.
    pub directory: PathBuf,
    /// The newest root.
    pub root: Root,
    /// The targets, signed by [`Tufup::publish`].
    pub targets: Targets,
    /// By the name of the role.
    pub keys: BTreeMap<&'static str, SigningKey>,
    more_root_keys: Vec<SigningKey>,
    version: u64,
    now: Time,
}

impl Tufup {
    /// The app `app` with versions 1.0 and 1.1 and a patch between them, all signed.
    pub fn new(place: &Path, now: Time) -> Self {
        let mut tufup = Self::without_files(place, now);
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

    fn without_files(place: &Path, now: Time) -> Self {
        let directory = place.join("tufup");
        for part in ["keystore", "repository/metadata", "repository/targets"] {
            fs::create_dir_all(directory.join(part)).expect("the directory can be written to");
        }
        let keys = Role::ALL.map(|role| (role.name(), new_key(role.name())));
        let expires = now.plus_days(7);
        let tufup = Self {
            root: Root {
                version: 1,
                expires: now.plus_days(365),
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
            more_root_keys: Vec::new(),
            version: 1,
            now,
            directory,
        };
        for (name, key) in &tufup.keys {
            tufup.write(&format!("keystore/{name}"), key_file(key).as_bytes());
        }
        tufup.write_config();
        tufup
    }

    fn write_config(&self) {
        let mut names = Role::ALL.map(|role| format!("\"{role}\": [\"{role}\"]"));
        let more = self.more_root_keys.iter();
        let more = more.map(|key| format!(", \"{}\"", key.key_id()));
        names[0] = format!("\"root\": [\"root\"{}]", more.collect::<String>());
        let config = format!(
            r#"{{"app_name": "app", "expiration_days": {{"timestamp": 0.5}}, "keys_dir": "keystore",
               "key_map": {{{}}}, "repo_dir": "repository"}}"#,
            names.join(", ")
        );
        self.write(".tufup-repo-config", config.as_bytes());
    }

    /// Where a file of it is.
    pub fn path(&self, path: &str) -> PathBuf {
        self.directory.join(path)
    }

    /// Writes one of its files.
    pub fn write(&self, path: &str, bytes: &[u8]) {
        fs::write(self.path(path), bytes).expect("the directory can be written to");
    }

    /// A target whose content is its name.
    pub fn add(&mut self, target: &str, custom: &[u8]) {
        self.write(&format!("repository/targets/{target}"), target.as_bytes());
        let file = TargetFile {
            custom: Some(Json::parse(custom).expect("custom is JSON")),
            ..TargetFile::describe(target.as_bytes())
        };
        self.targets.targets.insert(target.to_owned(), file);
    }

    /// Puts another root key into the place of the first, with the file that tufup would have for it.
    pub fn set_root_key(&mut self, key: SigningKey, file: &[u8]) {
        self.root.keys.extend([declared(&key)]);
        self.root.roles.root.key_ids = vec![key.key_id().clone()];
        self.keys.insert("root", key);
        self.write("keystore/root", file);
        self.write_root();
    }

    /// Lets the root need a signature of one more key.
    pub fn add_root_key(&mut self) {
        let key = new_key(&format!("root-key-{}", self.more_root_keys.len() + 2));
        self.root.keys.extend([declared(&key)]);
        self.root.roles.root.key_ids.push(key.key_id().clone());
        self.root.roles.root.threshold += 1;
        self.write(
            &format!("keystore/{}", key.key_id()),
            key_file(&key).as_bytes(),
        );
        self.more_root_keys.push(key);
        self.write_config();
        self.write_root();
    }

    /// Publishes a second root, with another root key.
    pub fn rotate_root_key(&mut self) {
        let new = new_key("second-root");
        self.root.version = 2;
        self.root.keys.extend([declared(&new)]);
        self.root.roles.root.key_ids = vec![new.key_id().clone()];
        self.write("keystore/root", key_file(&new).as_bytes());
        let old = self.keys.insert("root", new);
        let old = old.expect("there is a root key");
        let mut draft = self.signed(self.root.clone(), Role::Root);
        draft.sign(&old).expect("keys in memory sign");
        self.write("repository/metadata/2.root.json", &draft.to_bytes());
        self.write("repository/metadata/root.json", &draft.to_bytes());
    }

    /// Signs the root by the root key and writes it.
    pub fn write_root(&self) {
        let bytes = self.signed(self.root.clone(), Role::Root).to_bytes();
        let name = format!("repository/metadata/{}.root.json", self.root.version);
        self.write(&name, &bytes);
        self.write("repository/metadata/root.json", &bytes);
    }

    /// Signs what is there now, in new versions.
    pub fn publish(&mut self) {
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
            expires: self.now.plus_days(7),
            meta: BTreeMap::from([("targets.json".to_owned(), meta())]),
            extra: BTreeMap::new(),
        };
        let timestamp = Timestamp {
            version,
            expires: self.now.plus_days(1),
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
        let more = self.more_root_keys.iter().filter(|_| role == Role::Root);
        for key in [&self.keys[role.name()]].into_iter().chain(more) {
            draft.sign(key).expect("keys in memory sign");
        }
        draft
    }
}

/// A key whose id is no hash of anything.
fn new_key(name: &str) -> SigningKey {
    let key = SigningKey::generate(KeyKind::Ed25519).expect("the system gives random numbers");
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
