//! Signed metadata and the text formats of keys.

use std::collections::BTreeMap;

use esky_publish::repository::Request;
use esky_trust::sign::{Draft, KeyLine, PublicFile, RecoveryWords, SigningKey};
use esky_trust::{
    Content, Json, KeyKind, MetaFile, PackageKind, Release, Role, RoleKeys, Root, RootRoles,
    Snapshot, TargetFile, Targets, Time, Timestamp, TrustedSet, check_target_name, percent_encode,
    release_path, sign::Signer,
};

use crate::format::assert_safe;

/// Its canonical form is read as the same value.
pub(crate) fn json(bytes: &[u8]) {
    if let Ok(json) = Json::parse(bytes) {
        assert_eq!(Json::parse(json.to_text().as_bytes()).as_ref(), Ok(&json));
    }
}

/// What is read can be written and read as the same; and as a root nothing is trusted that did not sign itself.
pub(crate) fn metadata(bytes: &[u8]) {
    survives::<Root>("root", bytes);
    survives::<Timestamp>("timestamp", bytes);
    survives::<Snapshot>("snapshot", bytes);
    survives::<Targets>("targets", bytes);
    let now = Time::from_unix(1_800_000_000);
    if let Ok(mut trusted) = TrustedSet::new(&root_of_one_key(), now) {
        assert!(trusted.update_root(bytes).is_err(), "nobody signed this");
    }
    if let Ok(trusted) = TrustedSet::new(bytes, now) {
        assert!(trusted.root().version > 0);
    }
}

fn survives<T: Content>(name: &str, bytes: &[u8]) {
    if let Ok(draft) = Draft::<T>::read(name, bytes) {
        let again = Draft::<T>::read(name, &draft.to_bytes()).unwrap();
        assert_eq!(again.message(), draft.message());
        assert_eq!(again.signatures(), draft.signatures());
    }
}

pub(crate) fn metadata_seeds() -> Vec<Vec<u8>> {
    let (key, expires) = (key(), Time::from_unix(1_900_000_000));
    let file = TargetFile::describe(b"content");
    let targets = Targets {
        version: 2,
        expires,
        targets: BTreeMap::from([("a/b.zip".to_owned(), file)]),
        delegations: None,
        extra: BTreeMap::new(),
    };
    let described = MetaFile::describe(2, b"{}");
    let snapshot = Snapshot {
        version: 3,
        expires,
        meta: BTreeMap::from([("targets.json".to_owned(), described.clone())]),
        extra: BTreeMap::new(),
    };
    let timestamp = Timestamp {
        version: 4,
        expires,
        snapshot: described,
        extra: BTreeMap::new(),
    };
    vec![
        root_of_one_key(),
        signed(targets, &key),
        signed(snapshot, &key),
        signed(timestamp, &key),
    ]
}

/// Whatever it is called, it stays below its directory, and two names never become one file.
pub(crate) fn target_name(bytes: &[u8]) {
    let Ok(name) = std::str::from_utf8(bytes) else {
        return;
    };
    if check_target_name(name).is_ok() {
        assert_safe(&name.replace(['<', '>', '"', '|', '?', '*'], "_"));
    }
    let encoded = percent_encode(name);
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%".contains(&byte);
    assert!(encoded.bytes().all(plain), "{encoded}");
    assert_eq!(percent_decode(&encoded), bytes);
}

fn percent_decode(text: &str) -> Vec<u8> {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap().as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at(2);
        bytes.push(u8::from_str_radix(digits, 16).unwrap());
        bytes.extend(rest.as_bytes());
    }
    bytes
}

pub(crate) fn target_name_seeds() -> Vec<Vec<u8>> {
    let names = [
        "demo/stable/linux-x86_64/demo-1.0.linux-x86_64.zip",
        "caf\u{e9}/a?b#c%20.zip",
        "a/../../x",
        "c:nul",
    ];
    names.map(|name| name.as_bytes().to_vec()).into()
}

/// A target's path, and below it what is said of it: a release lies where it belongs, and survives being written.
pub(crate) fn release(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (path, said) = text.split_once('\n').unwrap_or_default();
    let mut file = TargetFile::describe(b"content");
    file.custom = Json::parse(said.as_bytes()).ok();
    let Ok(Some(release)) = Release::read(path, &file) else {
        return;
    };
    assert_safe(path);
    let name = path.rsplit('/').next().unwrap_or_default();
    assert_eq!(release_path(release.wanted(), name), path);
    file.custom = Some(release.to_custom().unwrap());
    assert_eq!(Release::read(path, &file), Ok(Some(release)));
}

pub(crate) fn release_seeds() -> Vec<Vec<u8>> {
    let full = Release {
        app: "demo".into(),
        version: "1.1".into(),
        platform: "linux-x86_64".into(),
        channel: "stable".into(),
        kind: PackageKind::Full,
        notes: Some("Faster.".into()),
        minimum_version: Some("1.0".into()),
        yanked: Some("crashes".into()),
    };
    let patch = Release {
        kind: PackageKind::Patch { from: "1.0".into() },
        notes: None,
        ..full.clone()
    };
    let seed = |release: Release| {
        let path = release_path(release.wanted(), "demo-1.1.linux-x86_64.zip");
        format!("{path}\n{}", release.to_custom().unwrap().to_text()).into_bytes()
    };
    vec![seed(full), seed(patch)]
}

/// What is read can be written and read as the same.
pub(crate) fn request(bytes: &[u8]) {
    if let Ok(request) = Request::parse(bytes) {
        let again = Request::parse(&request.to_bytes()).unwrap();
        assert_eq!(again.to_bytes(), request.to_bytes());
    }
}

pub(crate) fn request_seeds() -> Vec<Vec<u8>> {
    let root = Json::parse(&root_of_one_key()).unwrap();
    let request = [
        ("form", "esky request 1".into()),
        ("app", "hello".into()),
        ("root", root),
    ];
    let members = request.map(|(name, value)| (name.to_owned(), value));
    vec![Json::Object(members.into()).to_text().into_bytes()]
}

/// What is read is a key that can verify, and survives being written.
pub(crate) fn public_key(bytes: &[u8]) {
    if let Ok(file) = PublicFile::parse(bytes) {
        assert!(file.key.kind().is_some());
        assert_eq!(PublicFile::parse(&file.to_bytes()), Ok(file));
    }
}

pub(crate) fn public_key_seeds() -> Vec<Vec<u8>> {
    let key = key();
    let file = PublicFile {
        app: Some("hello".to_owned()),
        id: key.key_id().clone(),
        key: key.public_key().clone(),
    };
    let pem = "-----BEGIN PUBLIC KEY-----\n\
        MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n\
        -----END PUBLIC KEY-----\n";
    vec![file.to_bytes(), pem.into()]
}

pub(crate) fn key_line(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Ok(line) = KeyLine::parse(text) {
        let again = KeyLine::parse(&line.to_line().unwrap()).unwrap();
        assert_eq!((&again.app, &again.roles), (&line.app, &line.roles));
        assert_eq!(again.key.seed(), line.key.seed());
    }
}

pub(crate) fn key_line_seeds() -> Vec<Vec<u8>> {
    let line = KeyLine {
        app: "demo".into(),
        roles: vec![Role::Timestamp, Role::Snapshot, Role::Targets],
        key: key(),
    };
    let line = line.to_line().unwrap();
    vec![
        line.as_bytes().to_vec(),
        format!("\u{feff}\"{}\"\r\n", line.to_lowercase()).into_bytes(),
    ]
}

pub(crate) fn recovery_words(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Ok(words) = RecoveryWords::parse(text) {
        let again = RecoveryWords::parse(&words.to_text()).unwrap();
        assert_eq!(again.to_text(), words.to_text());
    }
}

pub(crate) fn word_seeds() -> Vec<Vec<u8>> {
    let words = format!("{}art", "abandon ".repeat(23));
    vec![
        words.to_uppercase().into_bytes(),
        words.replace(' ', ", ").into_bytes(),
    ]
}

/// Always the same one, so that what a fuzzer found can be found again.
fn key() -> SigningKey {
    let seed = [7; 32].into();
    SigningKey::from_seed(KeyKind::Ed25519, &seed).unwrap()
}

fn root_of_one_key() -> Vec<u8> {
    let key = key();
    let role = || RoleKeys {
        key_ids: vec![key.key_id().clone()],
        threshold: 1,
    };
    let root = Root {
        version: 1,
        expires: Time::from_unix(1_900_000_000),
        consistent_snapshot: true,
        keys: BTreeMap::from([(key.key_id().clone(), key.public_key().clone())]),
        roles: RootRoles {
            root: role(),
            timestamp: role(),
            snapshot: role(),
            targets: role(),
        },
        extra: BTreeMap::new(),
    };
    signed(root, &key)
}

fn signed<T: Content>(content: T, key: &SigningKey) -> Vec<u8> {
    let mut draft = Draft::new(content);
    draft.sign(key).unwrap();
    draft.to_bytes()
}
