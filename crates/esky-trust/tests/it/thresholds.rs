//! Signatures: enough of them, by different keys, of the right role.

use esky_testkit::repository::{Vendor, new_key};
use esky_trust::sign::{Signer, SigningKey};
use esky_trust::{Error, Json, KeyId, KeyKind, Role};

use crate::client::{Client, attack};

fn refused(spoil: impl FnOnce(&mut Vendor)) -> Error {
    attack(|_| {}, spoil)
}

fn not_signed(role: &str, signed: u64, threshold: u64) -> Error {
    Error::NotSigned {
        role: role.to_owned(),
        signed,
        threshold,
    }
}

#[test]
fn unsigned_metadata_is_refused() {
    let error = refused(|vendor| {
        vendor.keys.remove("timestamp");
        vendor.publish_timestamp();
    });
    assert_eq!(error, not_signed("timestamp", 0, 1));
}

#[test]
fn metadata_signed_by_the_key_of_another_role_is_refused() {
    let error = refused(|vendor| {
        let targets = vendor.keys.remove("targets").unwrap();
        vendor.keys.insert("snapshot".into(), targets);
        vendor.publish_snapshot();
    });
    assert_eq!(error, not_signed("snapshot", 0, 1));
}

#[test]
fn one_stolen_key_of_two_signs_nothing() {
    let error = attack(
        |vendor| {
            vendor.root.version = 1;
            vendor.add_key(Role::Targets, new_key());
            vendor.root.roles.targets.threshold = 2;
            vendor.publish_root();
            vendor.publish_targets();
        },
        |vendor| {
            vendor.keys.get_mut("targets").unwrap().pop();
            vendor.publish_targets();
        },
    );
    assert_eq!(error, not_signed("targets", 1, 2));
}

#[test]
fn one_key_under_two_key_ids_counts_once() {
    for kind in [KeyKind::Ed25519, KeyKind::EcdsaP256] {
        let error = refused(|vendor| {
            vendor.keys.remove("timestamp");
            vendor.root.roles.timestamp.key_ids.clear();
            let key = SigningKey::generate(kind).unwrap();
            let twin = SigningKey::from_seed(kind, &key.seed()).unwrap();
            vendor.add_key(Role::Timestamp, key);
            vendor.add_key(Role::Timestamp, twin.with_id(KeyId::new("another name")));
            vendor.root.roles.timestamp.threshold = 2;
            vendor.publish_root();
            vendor.publish_timestamp();
        });
        assert_eq!(error, not_signed("timestamp", 1, 2));
    }
}

#[test]
fn two_signatures_of_one_key_id_are_refused() {
    let error = refused(|vendor| {
        let text = String::from_utf8(vendor.publish_timestamp()).unwrap();
        let start = text.find('{').unwrap();
        let first = text[start + 1..].find('{').unwrap() + start + 1;
        let end = text[first..].find('}').unwrap() + first + 1;
        let doubled = format!("{},{}{}", &text[..end], &text[first..end], &text[end..]);
        vendor
            .files
            .insert("timestamp.json".into(), doubled.into_bytes());
    });
    assert!(
        error.to_string().contains("one signature for each key id"),
        "{error}"
    );
}

#[test]
fn junk_signatures_neither_help_nor_harm() {
    let mut vendor = Vendor::new();
    let mut client = Client::of(&vendor);
    let text = String::from_utf8(vendor.publish_timestamp()).unwrap();
    let junk: String = (0..2000)
        .map(|number| format!("{{\"keyid\": \"{number}\", \"sig\": \"zz\"}},"))
        .collect();
    let flooded = text.replacen("\"signatures\": [", &format!("\"signatures\": [{junk}"), 1);
    vendor
        .files
        .insert("timestamp.json".into(), flooded.into_bytes());
    client.refresh(&vendor).unwrap();
}

#[test]
fn a_threshold_below_one_is_refused() {
    for threshold in ["0", "-1", "true", "\"1\"", "1.0", "null"] {
        let error = refused(|vendor| {
            let text = String::from_utf8(vendor.signed("nobody", &vendor.root)).unwrap();
            let spoilt = text.replace("\"threshold\": 1", &format!("\"threshold\": {threshold}"));
            assert_ne!(spoilt, text);
            vendor
                .files
                .insert("2.root.json".into(), spoilt.into_bytes());
        });
        assert!(matches!(error, Error::Malformed { .. }), "{error}");
    }
}

#[test]
fn a_threshold_that_no_keys_can_meet_is_never_met() {
    let error = refused(|vendor| {
        vendor.root.roles.snapshot.threshold = u64::MAX;
        vendor.publish_root();
        vendor.publish_targets();
    });
    assert_eq!(error, not_signed("snapshot", 1, u64::MAX));
}

#[test]
fn a_key_id_listed_twice_is_refused() {
    let error = refused(|vendor| {
        let id = vendor.root.roles.targets.key_ids[0].clone();
        vendor.root.roles.targets.key_ids.push(id);
        vendor.publish_root();
    });
    assert!(error.to_string().contains("without repetitions"), "{error}");
}

#[test]
fn a_key_of_an_unknown_kind_is_passed_over() {
    let mut vendor = Vendor::new();
    let mut client = Client::of(&vendor);
    let root = Json::parse(vendor.file("root", 1)).unwrap();
    let Some(Json::Object(mut signed)) = root.as_object().unwrap().get("signed").cloned() else {
        unreachable!("a root has a signed part");
    };
    let unknown = br#"{"keytype": "quantum", "scheme": "q", "keyval": {"public": "x"}}"#;
    let Some(Json::Object(keys)) = signed.get_mut("keys") else {
        unreachable!("a root has keys");
    };
    keys.insert("quantum".into(), Json::parse(unknown).unwrap());
    signed.insert("version".into(), 2.into());
    let bytes = vendor.signed_json("root", &Json::Object(signed));
    vendor.files.insert("2.root.json".into(), bytes);
    assert_eq!(client.refresh(&vendor).unwrap().root().version, 2);
}

#[test]
fn key_ids_are_names_and_nothing_is_computed_from_them() {
    let mut vendor = Vendor::new();
    vendor.root.version = 1;
    vendor.keys.remove("targets");
    vendor.root.roles.targets.key_ids.clear();
    let key = new_key().with_id(KeyId::new("\u{e9}/../ any name"));
    vendor.add_key(Role::Targets, key);
    vendor.publish_root();
    vendor.publish_targets();
    Client::of(&vendor).refresh(&vendor).unwrap();
}

#[test]
fn p256_keys_sign_every_role() {
    let mut vendor = Vendor::new();
    let mut client = Client::of(&vendor);
    for role in Role::ALL {
        vendor.root.roles.get_mut(role).key_ids.clear();
        let key = SigningKey::generate(KeyKind::EcdsaP256).unwrap();
        assert!(key.public_key().kind() == Some(KeyKind::EcdsaP256));
        vendor.add_key(role, key);
    }
    vendor.publish_root();
    vendor.publish_targets();
    client.refresh(&vendor).unwrap();
}
