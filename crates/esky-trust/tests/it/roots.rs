//! The chain of roots: rotation, recovery, and what an attacker would like to put into it.

use esky_testkit::repository::{Vendor, new_key, now};
use esky_trust::{Error, Role, TrustedSet};

use crate::client::Client;

#[test]
fn keys_of_every_role_can_be_replaced_in_turn() {
    let mut vendor = Vendor::new();
    let mut client = Client::of(&vendor);
    client.refresh(&vendor).unwrap();
    for role in Role::ALL {
        vendor.rotate(role);
        vendor.publish_root();
        vendor.publish_targets();
        client.refresh(&vendor).unwrap();
    }
    assert_eq!(client.refresh(&vendor).unwrap().root().version, 5);
}

#[test]
fn a_root_that_only_the_old_keys_signed_is_refused() {
    let mut vendor = Vendor::new();
    let signed_by_old = {
        let mut next = vendor.root.clone();
        let key = new_key();
        let id = esky_trust::sign::Signer::key_id(&key).clone();
        next.roles.root.key_ids = vec![id.clone()];
        next.keys
            .insert(id, esky_trust::sign::Signer::public_key(&key).clone());
        vendor.signed("root", &next)
    };
    refused(&mut vendor, signed_by_old);
}

#[test]
fn a_root_that_only_its_own_keys_signed_is_refused() {
    let mut vendor = Vendor::new();
    let mut attacker = Vendor::new();
    attacker.root.version = 2;
    let theirs = attacker.publish_root();
    refused(&mut vendor, theirs);
}

fn refused(vendor: &mut Vendor, root: Vec<u8>) {
    let mut client = Client::of(vendor);
    client.refresh(vendor).unwrap();
    vendor.files.insert("2.root.json".into(), root);
    let error = client.refresh(vendor).unwrap_err();
    let (role, signed, threshold) = ("root".to_owned(), 0, 1);
    assert_eq!(
        error,
        Error::NotSigned {
            role,
            signed,
            threshold
        }
    );
    vendor.files.remove("2.root.json");
    client.refresh(vendor).unwrap();
}

#[test]
fn a_root_that_leaves_versions_out_or_goes_back_is_refused() {
    let mut vendor = Vendor::new();
    let first = vendor.file("root", 1).to_vec();
    vendor.root.version = 3;
    let third = vendor.publish_root();
    let mut set = TrustedSet::new(&first, now()).unwrap();
    for (bytes, found) in [(third, 3), (first, 1)] {
        let (role, expected) = ("root".to_owned(), 2);
        let error = set.update_root(&bytes).unwrap_err();
        assert_eq!(
            error,
            Error::WrongVersion {
                role,
                found,
                expected
            }
        );
    }
}

#[test]
fn an_expired_root_in_the_middle_of_the_chain_does_not_matter() {
    let mut vendor = Vendor::new();
    let mut client = Client::of(&vendor);
    vendor.root.expires = now();
    vendor.publish_root();
    assert!(matches!(
        client.refresh(&vendor),
        Err(Error::Expired { .. })
    ));
    vendor.root.expires = now().plus_days(1);
    vendor.publish_root();
    client.refresh(&vendor).unwrap();
}

#[test]
fn the_second_of_two_root_keys_brings_a_lost_first_one_back() {
    let mut vendor = Vendor::new();
    vendor.root.version = 1;
    vendor.add_key(Role::Root, new_key());
    vendor.publish_root();
    let mut client = Client::of(&vendor);
    client.refresh(&vendor).unwrap();
    let lost = vendor.keys.get_mut("root").unwrap().remove(0);
    vendor.rotate(Role::Root);
    vendor.publish_root();
    let set = client.refresh(&vendor).unwrap();
    assert_eq!(set.root().version, 2);
    let lost_id = esky_trust::sign::Signer::key_id(&lost);
    assert!(!set.root().roles.root.key_ids.contains(lost_id));
}

#[test]
fn the_root_must_be_signed_by_itself_to_begin_with() {
    let vendor = Vendor::new();
    let unsigned = vendor.signed("nobody", &vendor.root);
    let error = TrustedSet::new(&unsigned, now()).unwrap_err();
    assert!(matches!(error, Error::NotSigned { .. }), "{error}");
}

#[test]
fn files_out_of_order_are_refused() {
    let vendor = Vendor::new();
    let mut set = TrustedSet::new(vendor.file("root", 1), now()).unwrap();
    let is_out_of_order = |result| matches!(result, Err(Error::OutOfOrder { .. }));
    assert!(is_out_of_order(
        set.update_snapshot(vendor.file("snapshot", 1))
    ));
    assert!(is_out_of_order(set.update_targets(
        "targets",
        "root",
        vendor.file("targets", 1)
    )));
    set.update_timestamp(&vendor.files["timestamp.json"])
        .unwrap();
    assert!(is_out_of_order(set.update_root(vendor.file("root", 1))));
    assert!(is_out_of_order(set.update_targets(
        "targets",
        "root",
        vendor.file("targets", 1)
    )));
    set.update_snapshot(vendor.file("snapshot", 1)).unwrap();
    let again = set.update_timestamp(&vendor.files["timestamp.json"]);
    assert!(matches!(again, Err(Error::OutOfOrder { .. })));
    set.update_targets("targets", "root", vendor.file("targets", 1))
        .unwrap();
    assert!(is_out_of_order(
        set.update_snapshot(vendor.file("snapshot", 1))
    ));
}
