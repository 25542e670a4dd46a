//! A repository of The Update Framework that a test can change at will, and spoil.

use std::collections::BTreeMap;

use esky_trust::sign::{Draft, Signer, SigningKey};
use esky_trust::{
    Content, DelegatedRole, Delegations, Json, KeyKind, MetaFile, Paths, Role, RoleKeys, Root,
    RootRoles, Snapshot, TargetFile, Targets, Time, Timestamp,
};

/// The time at which tests play, and until which nothing of a new repository expires.
pub const NOW: i64 = 1_900_000_000;
const YEAR: u32 = 365;

/// A repository with one key per role. Each `publish_*` writes one file into [`Vendor::files`], as it is now.
#[derive(Debug)]
pub struct Vendor {
    /// The root to be published next.
    pub root: Root,
    /// The timestamp to be published next.
    pub timestamp: Timestamp,
    /// The snapshot to be published next.
    pub snapshot: Snapshot,
    /// The top-level targets to be published next.
    pub targets: Targets,
    /// Keys by role name; all of them sign.
    pub keys: BTreeMap<String, Vec<SigningKey>>,
    /// Delegated targets to be published next.
    pub delegated: BTreeMap<String, Targets>,
    /// What a server would serve, by file name.
    pub files: BTreeMap<String, Vec<u8>>,
}

/// The tests' present.
pub fn now() -> Time {
    Time::from_unix(NOW)
}

impl Default for Vendor {
    fn default() -> Self {
        Self::new()
    }
}

impl Vendor {
    /// A repository without targets, published.
    pub fn new() -> Self {
        let expires = now().plus_days(YEAR);
        let nobody = || RoleKeys {
            key_ids: Vec::new(),
            threshold: 1,
        };
        let meta = MetaFile {
            version: 1,
            length: None,
            hashes: None,
        };
        let mut vendor = Self {
            root: Root {
                version: 1,
                expires,
                consistent_snapshot: true,
                keys: BTreeMap::new(),
                roles: RootRoles {
                    root: nobody(),
                    timestamp: nobody(),
                    snapshot: nobody(),
                    targets: nobody(),
                },
                extra: BTreeMap::new(),
            },
            timestamp: Timestamp {
                version: 1,
                expires,
                snapshot: meta,
                extra: BTreeMap::new(),
            },
            snapshot: Snapshot {
                version: 1,
                expires,
                meta: BTreeMap::new(),
                extra: BTreeMap::new(),
            },
            targets: no_targets(),
            keys: BTreeMap::new(),
            delegated: BTreeMap::new(),
            files: BTreeMap::new(),
        };
        for role in Role::ALL {
            vendor.add_key(role, new_key());
        }
        vendor.publish_root();
        vendor.publish_targets();
        vendor
    }

    /// The same repository once more, to be spoilt while the honest one goes on.
    #[must_use]
    pub fn copy(&self) -> Self {
        let copy_of = |key: &SigningKey| {
            let copy = SigningKey::from_seed(key.kind(), &key.seed()).expect("a key");
            copy.with_id(key.key_id().clone())
        };
        let keys = self.keys.iter();
        Self {
            root: self.root.clone(),
            timestamp: self.timestamp.clone(),
            snapshot: self.snapshot.clone(),
            targets: self.targets.clone(),
            keys: keys
                .map(|(role, keys)| (role.clone(), keys.iter().map(copy_of).collect()))
                .collect(),
            delegated: self.delegated.clone(),
            files: self.files.clone(),
        }
    }

    /// Publishes everything below the root so many versions higher.
    pub fn publish_later(&mut self, versions: u64) {
        self.targets.version += versions;
        self.snapshot.version += versions;
        self.timestamp.version += versions;
        for targets in self.delegated.values_mut() {
            targets.version += versions;
        }
        self.publish_targets();
    }

    /// Gives a role one more key, which signs from now on; the root is not published.
    pub fn add_key(&mut self, role: Role, key: SigningKey) {
        let id = key.key_id().clone();
        self.root.keys.insert(id.clone(), key.public_key().clone());
        self.root.roles.get_mut(role).key_ids.push(id);
        let keys = self.keys.entry(role.name().to_owned());
        keys.or_default().push(key);
    }

    /// Replaces all keys of a role by a new one; the root is not published. Old root keys go on signing roots.
    pub fn rotate(&mut self, role: Role) {
        self.root.roles.get_mut(role).key_ids.clear();
        if role != Role::Root {
            self.keys.remove(role.name());
        }
        self.add_key(role, new_key());
    }

    /// Signs the root with all root keys there have been, and serves it. The next is one version above.
    pub fn publish_root(&mut self) -> Vec<u8> {
        let bytes = self.signed(Role::Root.name(), &self.root.clone());
        let name = format!("{}.root.json", self.root.version);
        self.files.insert(name, bytes.clone());
        self.root.version += 1;
        bytes
    }

    /// Publishes targets, snapshot and timestamp, each one version up.
    pub fn publish_targets(&mut self) {
        let mut meta = BTreeMap::new();
        let names: Vec<String> = self.delegated.keys().cloned().collect();
        for name in names {
            let bytes = self.signed(&name, &self.delegated[&name]);
            let version = self.delegated[&name].version;
            meta.insert(format!("{name}.json"), MetaFile::describe(version, &bytes));
            self.serve(&name, version, bytes);
        }
        let bytes = self.signed(Role::Targets.name(), &self.targets);
        let version = self.targets.version;
        meta.insert(
            "targets.json".to_owned(),
            MetaFile::describe(version, &bytes),
        );
        self.serve(Role::Targets.name(), version, bytes);
        self.targets.version += 1;
        self.snapshot.meta = meta;
        self.publish_snapshot();
    }

    /// Publishes snapshot and timestamp, each one version up.
    pub fn publish_snapshot(&mut self) {
        let bytes = self.signed(Role::Snapshot.name(), &self.snapshot);
        let version = self.snapshot.version;
        self.timestamp.snapshot = MetaFile::describe(version, &bytes);
        self.serve(Role::Snapshot.name(), version, bytes);
        self.snapshot.version += 1;
        self.publish_timestamp();
    }

    /// Publishes the timestamp, one version up.
    pub fn publish_timestamp(&mut self) -> Vec<u8> {
        let bytes = self.signed(Role::Timestamp.name(), &self.timestamp);
        let name = "timestamp.json".to_owned();
        self.files.insert(name, bytes.clone());
        self.timestamp.version += 1;
        bytes
    }

    /// Adds a target to the top-level targets; not published.
    pub fn add_target(&mut self, path: &str, content: &[u8]) {
        let file = TargetFile::describe(content);
        self.targets.targets.insert(path.to_owned(), file);
    }

    /// Delegates patterns from `delegator` to a role, which gets a key if it has none; not published.
    pub fn delegate(&mut self, delegator: &str, name: &str, patterns: &[&str], terminating: bool) {
        let keys = self.keys.entry(name.to_owned());
        let key = &keys.or_insert_with(|| vec![new_key()])[0];
        let (id, public) = (key.key_id().clone(), key.public_key().clone());
        let role = DelegatedRole {
            name: name.to_owned(),
            keys: RoleKeys {
                key_ids: vec![id.clone()],
                threshold: 1,
            },
            terminating,
            paths: Paths::Patterns(patterns.iter().map(|&pattern| pattern.to_owned()).collect()),
        };
        let targets = match delegator {
            "targets" => &mut self.targets,
            other => self.delegated.get_mut(other).expect("a delegator"),
        };
        let delegations = targets.delegations.get_or_insert_with(|| Delegations {
            keys: BTreeMap::new(),
            roles: Vec::new(),
        });
        delegations.keys.insert(id, public);
        delegations.roles.push(role);
        self.delegated
            .entry(name.to_owned())
            .or_insert_with(no_targets);
    }

    /// The bytes of a file of metadata, signed by all keys of the role.
    pub fn signed<T: Content + Clone>(&self, role: &str, content: &T) -> Vec<u8> {
        let mut draft = Draft::new(content.clone());
        for key in self.keys.get(role).into_iter().flatten() {
            draft.sign(key).expect("keys here always sign");
        }
        draft.to_bytes()
    }

    /// Signs anything at all in the name of a role.
    pub fn signed_json(&self, role: &str, signed: &Json) -> Vec<u8> {
        let message = signed.canonical();
        let signatures = self.keys.get(role).into_iter().flatten().map(|key| {
            let signature = key.sign(&message).expect("keys here always sign");
            let hex: String = signature.iter().map(|byte| format!("{byte:02x}")).collect();
            Json::Object(BTreeMap::from([
                ("keyid".to_owned(), key.key_id().as_str().into()),
                ("sig".to_owned(), hex.as_str().into()),
            ]))
        });
        let file = BTreeMap::from([
            ("signatures".to_owned(), Json::List(signatures.collect())),
            ("signed".to_owned(), signed.clone()),
        ]);
        Json::Object(file).to_text().into_bytes()
    }

    /// The file of a version, or the only one where snapshots are not consistent.
    pub fn file(&self, role: &str, version: u64) -> &[u8] {
        let versioned = format!("{version}.{role}.json");
        let found = self.files.get(&versioned);
        found
            .or_else(|| self.files.get(&format!("{role}.json")))
            .expect("a file")
    }

    fn serve(&mut self, role: &str, version: u64, bytes: Vec<u8>) {
        let role = esky_trust::percent_encode(role);
        let name = match self.root.consistent_snapshot {
            true => format!("{version}.{role}.json"),
            false => format!("{role}.json"),
        };
        self.files.insert(name, bytes);
    }
}

/// A key that nobody knows yet.
pub fn new_key() -> SigningKey {
    SigningKey::generate(KeyKind::Ed25519).expect("random numbers")
}

/// Targets metadata that names nothing.
pub fn no_targets() -> Targets {
    Targets {
        version: 1,
        expires: now().plus_days(YEAR),
        targets: BTreeMap::new(),
        delegations: None,
        extra: BTreeMap::new(),
    }
}
