//! Keys that come and go: who must sign, in many combinations.

use esky_testkit::repository::new_key;
use esky_trust::Role;
use esky_trust::sign::{Signer, SigningKey};

use crate::stage::Stage;

/// A role's keys and threshold, and who signs; numbers stand for keys.
struct Signing {
    keys: &'static [usize],
    threshold: u64,
    by: &'static [usize],
}

const fn signing(keys: &'static [usize], threshold: u64, by: &'static [usize]) -> Signing {
    Signing {
        keys,
        threshold,
        by,
    }
}

struct Ring(Vec<SigningKey>);

impl Ring {
    fn new() -> Self {
        Self((0..10).map(|_| new_key()).collect())
    }

    /// Gives a role other keys, and the vendor those that sign for it.
    fn apply(&self, stage: &mut Stage, role: Role, signing: &Signing) {
        let role_keys = stage.vendor.root.roles.get_mut(role);
        role_keys.key_ids = signing
            .keys
            .iter()
            .map(|&number| self.0[number].key_id().clone())
            .collect();
        role_keys.threshold = signing.threshold;
        for &number in signing.keys {
            let (id, key) = (self.0[number].key_id(), self.0[number].public_key());
            stage.vendor.root.keys.insert(id.clone(), key.clone());
        }
        let signers = signing.by.iter().map(|&number| {
            let key = &self.0[number];
            SigningKey::from_seed(key.kind(), &key.seed()).unwrap()
        });
        let signers = signers.collect();
        stage.vendor.keys.insert(role.name().to_owned(), signers);
    }
}

/// Plays roots one after the other; how many of them a client ends up with.
fn followed(roots: &[Signing]) -> usize {
    let mut stage = Stage::untouched();
    let ring = Ring::new();
    stage.vendor.root.version = 1;
    for root in roots {
        ring.apply(&mut stage, Role::Root, root);
        stage.vendor.publish_root();
    }
    stage.serve();
    stage.trust_first_root();
    let succeeded = stage.refresh() == 0;
    let version = usize::try_from(stage.versions()[0].1).unwrap();
    assert_eq!(
        succeeded,
        version == roots.len(),
        "a refused root is a failure"
    );
    let newest = stage.vendor.file("root", version as u64);
    assert_eq!(stage.trusted()[0].1, newest);
    version
}

#[test]
fn roots_signed_by_old_and_new_keys_are_followed() {
    let chains: [&[Signing]; 9] = [
        &[
            signing(&[1], 1, &[1]),
            signing(&[2], 1, &[2, 1]),
            signing(&[2], 1, &[2]),
        ],
        &[
            signing(&[1], 1, &[3, 1, 4]),
            signing(&[2], 1, &[3, 2, 1, 4]),
            signing(&[2], 1, &[3, 2, 4]),
        ],
        &[
            signing(&[0, 1, 2, 3, 4], 3, &[0, 2, 4]),
            signing(&[0, 1, 2, 3, 4], 3, &[0, 4, 1]),
            signing(&[0, 1, 2, 3, 4], 3, &[0, 1, 3]),
        ],
        &[
            signing(&[0, 1, 2, 3, 4], 3, &[0, 2, 4]),
            signing(&[0, 1, 3, 4, 5], 3, &[0, 4, 1]),
        ],
        &[
            signing(&[0, 1, 2, 3, 4], 3, &[0, 2, 4]),
            signing(&[0, 1, 3, 4, 5], 3, &[0, 2, 4, 5]),
            signing(&[0, 1, 3, 4, 5], 3, &[0, 4, 5]),
        ],
        &[
            signing(&[0, 1, 2, 3, 4], 3, &[0, 2, 4]),
            signing(&[5, 6, 7, 8, 9], 3, &[0, 2, 4, 5, 6, 7]),
            signing(&[5, 6, 7, 8, 9], 3, &[5, 6, 7]),
        ],
        &[
            signing(&[1, 2, 3], 1, &[1]),
            signing(&[1, 2, 3], 2, &[1, 2]),
        ],
        &[
            signing(&[1, 2, 3], 2, &[1, 2]),
            signing(&[1, 2, 3], 1, &[1, 2]),
            signing(&[1, 2, 3], 1, &[1]),
        ],
        &[signing(&[1], 1, &[1]), signing(&[1, 2], 2, &[1, 2])],
    ];
    for (number, chain) in chains.iter().enumerate() {
        assert_eq!(followed(chain), chain.len(), "chain {number}");
    }
}

#[test]
fn roots_that_old_or_new_keys_have_not_signed_are_not_followed() {
    let chains: [[Signing; 2]; 6] = [
        [signing(&[1], 1, &[1]), signing(&[2], 1, &[2, 3, 4])],
        [signing(&[1], 1, &[1]), signing(&[2], 1, &[1, 3, 4])],
        [
            signing(&[0, 1, 2, 3, 4], 3, &[0, 2, 4]),
            signing(&[0, 1, 3, 4, 5], 3, &[0, 2, 4]),
        ],
        [
            signing(&[0, 1, 2, 3, 4], 3, &[0, 2, 4]),
            signing(&[0, 1, 3, 4, 5], 3, &[0, 4, 5]),
        ],
        [signing(&[1, 2, 3], 1, &[1]), signing(&[1, 2, 3], 2, &[2])],
        [
            signing(&[1, 2, 3], 2, &[1, 2]),
            signing(&[1, 2, 3], 1, &[1]),
        ],
    ];
    for (number, chain) in chains.iter().enumerate() {
        assert_eq!(followed(chain), 1, "chain {number}");
    }
}

#[test]
fn an_intermediate_root_that_is_not_signed_stops_the_chain() {
    let chain = [
        signing(&[1], 1, &[1]),
        signing(&[2], 1, &[2]),
        signing(&[2], 1, &[2, 1]),
    ];
    assert_eq!(followed(&chain), 1);
}

#[test]
fn every_role_needs_its_threshold_of_its_own_keys() {
    let five = &[0, 1, 2, 3, 4];
    let others = &[0, 1, 3, 4, 5];
    let cases = [
        (signing(&[2], 1, &[2]), true),
        (signing(&[1], 1, &[3, 1, 4]), true),
        (signing(five, 3, &[0, 2, 4]), true),
        (signing(five, 3, &[2, 3, 4]), true),
        (signing(five, 5, &[4, 3, 2, 1, 0]), true),
        (signing(&[2], 1, &[1, 3, 4]), false),
        (signing(others, 3, &[0, 2, 4]), false),
        (signing(others, 3, &[0, 4]), false),
        (signing(five, 6, &[0, 1, 2, 3, 4]), false),
    ];
    for role in [Role::Timestamp, Role::Snapshot, Role::Targets] {
        for (number, (case, is_enough)) in cases.iter().enumerate() {
            let mut stage = Stage::new();
            assert_eq!(stage.refresh(), 0);
            Ring::new().apply(&mut stage, role, case);
            stage.vendor.publish_root();
            stage.vendor.publish_targets();
            stage.serve();
            let refreshed = stage.refresh();
            assert_eq!(refreshed == 0, *is_enough, "{role:?}, case {number}");
            let versions = stage.versions();
            let found = versions.iter().find(|(name, _)| name == role.name());
            assert_eq!(found.unwrap().1, 1 + i128::from(*is_enough));
        }
    }
}

#[test]
fn a_known_target_is_not_believed_once_its_key_is_revoked() {
    let mut stage = Stage::new();
    stage.offer("x", b"content");
    assert_eq!(stage.download(&["x"]), 0);
    stage.vendor.rotate(Role::Targets);
    stage.vendor.publish_root();
    stage.serve();
    assert_eq!(stage.download(&["x"]), 1);
}
