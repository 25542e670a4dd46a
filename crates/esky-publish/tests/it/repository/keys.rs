//! Keys that are replaced, lost and stolen.

use std::fs;

use esky_fs::faults::{Plan, arm};
use esky_publish::repository::{
    RepositoryError, Signers, recover, rotate_recovery_key, rotate_release_key, rotate_root_key,
};
use esky_trust::sign::{KeyFault, KeyLine, RecoveryWords, Signer};

use super::reader::{newest_root, offered};
use super::{PASSPHRASE, Workshop, now};

fn seen(workshop: &Workshop, root: &str) -> Result<Vec<String>, String> {
    let root = fs::read(workshop.metadata(root)).unwrap();
    offered(&workshop.project.repository, &root, now())
}

/// At every instant, apps with the old and with the new root see the release.
#[test]
fn a_change_of_the_release_key_is_noticed_by_nobody() {
    for count in 0.. {
        let workshop = Workshop::new();
        workshop.release("1.0").unwrap();
        let signers = workshop.all_signers();
        let armed = arm(Plan::StopAfter(count));
        let result = rotate_release_key(&workshop.project, &workshop.store, signers, now());
        let tried = armed.operations();
        drop(armed);
        assert_eq!(
            seen(&workshop, "1.root.json").unwrap(),
            ["1.0"],
            "after {count}"
        );
        if let (Ok((rotated, line)), true) = (result, tried <= count) {
            assert_eq!(rotated.root_version, 2);
            assert_eq!(KeyLine::parse(&line).unwrap().key.key_id(), &rotated.new);
            assert_eq!(seen(&workshop, "2.root.json").unwrap(), ["1.0"]);
            assert!(count > 5, "too few operations to be true");
            workshop.release("1.1").unwrap();
            assert_eq!(seen(&workshop, "1.root.json").unwrap(), ["1.0", "1.1"]);
            return;
        }
        let signers = workshop.all_signers();
        rotate_release_key(&workshop.project, &workshop.store, signers, now()).unwrap();
        assert_eq!(
            seen(&workshop, "1.root.json").unwrap(),
            ["1.0"],
            "{count}, then again"
        );
    }
}

#[test]
fn the_old_release_key_signs_nothing_any_more() {
    let workshop = Workshop::new();
    let old = workshop.signers();
    rotate_release_key(
        &workshop.project,
        &workshop.store,
        workshop.all_signers(),
        now(),
    )
    .unwrap();
    fs::remove_file(workshop.store.release_key(2)).unwrap();
    let refused = workshop.release("1.0").unwrap_err();
    assert!(
        matches!(refused, RepositoryError::MissingKeys { .. }),
        "{refused}"
    );
    drop(old);
}

/// Only the root key is there: the new root comes first, and a second run of anything goes on from there.
#[test]
fn a_release_key_that_is_lost_is_replaced_by_the_root_key() {
    let workshop = Workshop::new();
    workshop.release("1.0").unwrap();
    fs::remove_file(workshop.store.release_key(1)).unwrap();
    let signers = workshop.all_signers();
    rotate_release_key(&workshop.project, &workshop.store, signers, now()).unwrap();
    assert_eq!(seen(&workshop, "1.root.json").unwrap(), ["1.0"]);
    workshop.release("1.1").unwrap();
    assert_eq!(seen(&workshop, "1.root.json").unwrap(), ["1.0", "1.1"]);
}

#[test]
fn the_root_key_is_replaced_and_the_recovery_key_stays() {
    let workshop = Workshop::new();
    workshop.release("1.0").unwrap();
    let old = newest_root(&workshop.project.repository);
    let (project, store) = (&workshop.project, &workshop.store);
    let rotated =
        rotate_root_key(project, store, "new phrase", workshop.all_signers(), now()).unwrap();
    let new = newest_root(&workshop.project.repository);
    let recovery = workshop.recovery.key().unwrap();
    assert!(new.roles.root.key_ids.contains(recovery.key_id()));
    assert!(new.roles.root.key_ids.contains(&rotated.new));
    assert_eq!(rotated.old.len(), 1);
    assert!(!new.keys.contains_key(&rotated.old[0]) && old.keys.contains_key(&rotated.old[0]));
    assert!(store.open_root_key(&new, "new phrase").is_ok());
    assert_eq!(seen(&workshop, "1.root.json").unwrap(), ["1.0"]);
}

#[test]
fn a_dead_laptop_is_no_disaster() {
    let workshop = Workshop::new();
    workshop.release("1.0").unwrap();
    fs::remove_dir_all(workshop.store.directory()).unwrap();
    let words = RecoveryWords::parse(&workshop.recovery.to_text()).unwrap();
    let (project, store) = (&workshop.project, &workshop.store);
    let none = Signers::default();
    let recovered = recover(project, store, &words, PASSPHRASE, none, false, now()).unwrap();
    assert!(recovered.release.is_some());
    assert_eq!(seen(&workshop, "1.root.json").unwrap(), ["1.0"]);
    workshop.release("1.1").unwrap();
    assert_eq!(seen(&workshop, "1.root.json").unwrap(), ["1.0", "1.1"]);
    // The words are as good as before.
    recover(
        project,
        store,
        &words,
        PASSPHRASE,
        Signers::default(),
        true,
        now(),
    )
    .unwrap();
    assert_eq!(seen(&workshop, "1.root.json").unwrap(), ["1.0", "1.1"]);
}

#[test]
fn words_that_were_lost_are_replaced_by_the_root_key() {
    let workshop = Workshop::new();
    workshop.release("1.0").unwrap();
    let (project, store) = (&workshop.project, &workshop.store);
    let (_, words) = rotate_recovery_key(project, workshop.all_signers(), now()).unwrap();
    assert_eq!(seen(&workshop, "1.root.json").unwrap(), ["1.0"]);
    let none = Signers::default;
    let old = recover(
        project,
        store,
        &workshop.recovery,
        PASSPHRASE,
        none(),
        true,
        now(),
    );
    assert!(matches!(old.err(), Some(RepositoryError::ForeignWords)));
    recover(project, store, &words, PASSPHRASE, none(), true, now()).unwrap();
    assert_eq!(seen(&workshop, "1.root.json").unwrap(), ["1.0"]);
}

#[test]
fn the_words_of_another_app_recover_nothing() {
    let workshop = Workshop::new();
    let words = RecoveryWords::generate().unwrap();
    let (project, store) = (&workshop.project, &workshop.store);
    let refused = recover(
        project,
        store,
        &words,
        PASSPHRASE,
        Signers::default(),
        false,
        now(),
    );
    assert!(matches!(refused.err(), Some(RepositoryError::ForeignWords)));
    assert!(!workshop.metadata("2.root.json").exists());
}

#[test]
fn a_wrong_passphrase_opens_no_root_key() {
    let workshop = Workshop::new();
    let root = newest_root(&workshop.project.repository);
    let refused = workshop.store.open_root_key(&root, "wrong").unwrap_err();
    let fault = |error| match error {
        RepositoryError::Key { fault, .. } => fault,
        other => panic!("{other}"),
    };
    assert_eq!(fault(refused), KeyFault::Passphrase);
}

/// Two releases later than the apps that are out there.
#[test]
fn an_app_follows_every_root_there_was() {
    let workshop = Workshop::new();
    workshop.release("1.0").unwrap();
    let (project, store) = (&workshop.project, &workshop.store);
    rotate_root_key(project, store, PASSPHRASE, workshop.all_signers(), now()).unwrap();
    rotate_release_key(project, store, workshop.all_signers(), now()).unwrap();
    workshop.release("1.1").unwrap();
    for root in ["1.root.json", "2.root.json", "3.root.json"] {
        assert_eq!(seen(&workshop, root).unwrap(), ["1.0", "1.1"], "{root}");
    }
}
