//! Directories of tufup's in which something is missing, damaged or not what it should be.

use std::fs;

use esky_testkit::tufup::Tufup;
use esky_trust::{DelegatedRole, Delegations, Paths};

use super::importing::{Mover, contents};
use super::now;

type Spoil = fn(&mut Tufup);

/// What is wrong with a directory, and a part of what is said of it.
const SPOILT: [(&str, Spoil); 19] = [
    ("the targets metadata delegates to other roles", delegate),
    ("has no .tufup-repo-config", |tufup| {
        remove(tufup, ".tufup-repo-config")
    }),
    ("tufup-repo-config: expected value", |tufup| {
        tufup.write(".tufup-repo-config", b"x")
    }),
    ("missing field `repo_dir`", |tufup| {
        tufup.write(".tufup-repo-config", br#"{"app_name": "x"}"#)
    }),
    ("1.root.json is missing", |tufup| {
        remove(tufup, "repository/metadata/1.root.json");
    }),
    ("1.root.json is missing", |tufup| {
        fs::remove_dir_all(tufup.path("repository/metadata")).unwrap();
    }),
    ("2.root.json is missing, and there is a root 2", |tufup| {
        tufup.rotate_root_key();
        remove(tufup, "repository/metadata/2.root.json");
    }),
    (
        "2.root.json: root metadata is signed by 0 of the 1",
        |tufup| {
            tufup.root.version = 2;
            let other = Tufup::new(&tufup.path("other"), now());
            tufup.keys = other.keys;
            tufup.write_root();
        },
    ),
    (
        "timestamp.json: timestamp metadata is signed by 0",
        |tufup| {
            change(tufup, "timestamp.json", "\"version\": 2", "\"version\": 3");
        },
    ),
    ("snapshot.json is missing", |tufup| {
        remove(tufup, "repository/metadata/snapshot.json")
    }),
    ("targets.json: targets metadata is signed by 0", |tufup| {
        change(tufup, "targets.json", "\"length\": 14", "\"length\": 15");
    }),
    (
        "targets.json: targets metadata has version 2 where version 3",
        |tufup| {
            let old = fs::read(tufup.path("repository/metadata/targets.json")).unwrap();
            tufup.publish();
            tufup.write("repository/metadata/targets.json", &old);
        },
    ),
    ("app-1.0.tar.gz is missing", |tufup| {
        remove(tufup, "repository/targets/app-1.0.tar.gz")
    }),
    ("app-1.0.tar.gz: ", |tufup| {
        tufup.write("repository/targets/app-1.0.tar.gz", b"app-1.0.tar.GZ")
    }),
    ("target \"../../x.tar.gz\"", |tufup| {
        add_unsafe(tufup, "../../x.tar.gz")
    }),
    ("target \"C:\\\\x.tar.gz\"", |tufup| {
        add_unsafe(tufup, "C:\\x.tar.gz")
    }),
    (
        "targets needs 1 signature(s), and 0 of its private keys",
        |tufup| {
            remove(tufup, "keystore/targets");
        },
    ),
    (
        "keystore/snapshot: this is no encrypted key file",
        |tufup| {
            tufup.write("keystore/snapshot", b"-----BEGIN PRIVATE KEY-----");
        },
    ),
    (
        "root needs 1 signature(s), and 0 of its private keys",
        |tufup| {
            let other = Tufup::new(&tufup.path("other"), now());
            fs::copy(other.path("keystore/root"), tufup.path("keystore/root")).unwrap();
        },
    ),
];

fn delegate(tufup: &mut Tufup) {
    let keys = tufup.root.roles.targets.clone();
    let role = DelegatedRole {
        name: "other".to_owned(),
        keys,
        terminating: false,
        paths: Paths::Patterns(vec!["*".to_owned()]),
    };
    tufup.targets.delegations = Some(Delegations {
        keys: tufup.root.keys.clone(),
        roles: vec![role],
    });
    tufup.publish();
}

fn remove(tufup: &Tufup, path: &str) {
    fs::remove_file(tufup.path(path)).unwrap();
}

fn change(tufup: &Tufup, name: &str, from: &str, to: &str) {
    let path = tufup.path("repository/metadata").join(name);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{text}");
    fs::write(path, text.replacen(from, to, 1)).unwrap();
}

fn add_unsafe(tufup: &mut Tufup, name: &str) {
    let file = tufup.targets.targets["app-1.0.tar.gz"].clone();
    tufup.targets.targets.insert(name.to_owned(), file);
    tufup.publish();
}

#[test]
fn a_spoilt_directory_is_refused_and_nothing_is_made() {
    for (said, spoil) in SPOILT {
        let mut mover = Mover::new();
        spoil(&mut mover.tufup);
        let before = contents(&mover.tufup.directory);
        let fault = mover.failure();
        assert!(fault.to_string().contains(said), "{said}: {fault}");
        assert!(!fault.hint().is_empty());
        assert_eq!(contents(&mover.tufup.directory), before);
        mover.assert_nothing_was_made();
    }
}
