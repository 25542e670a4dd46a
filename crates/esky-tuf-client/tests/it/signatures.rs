//! Signatures that are there twice, make no sense, or are many.

use esky_testkit::repository::new_key;
use esky_trust::sign::{Signer, SigningKey};
use esky_trust::{Json, KeyId, KeyKind, Role};

use crate::stage::Stage;

/// Serves a timestamp with other signatures.
fn with_signatures(stage: &Stage, edit: impl FnOnce(&mut Vec<Json>)) {
    let bytes = stage.vendor.signed("timestamp", &stage.vendor.timestamp);
    let Json::Object(mut file) = Json::parse(&bytes).unwrap() else {
        unreachable!("metadata is an object");
    };
    let Some(Json::List(signatures)) = file.get_mut("signatures") else {
        unreachable!("metadata has signatures");
    };
    edit(signatures);
    let text = Json::Object(file).to_text();
    stage.server.page("/metadata/timestamp.json", text);
}

fn signature(key: &str, hex: &str) -> Json {
    let text = format!("{{\"keyid\": \"{key}\", \"sig\": \"{hex}\"}}");
    Json::parse(text.as_bytes()).unwrap()
}

/// A client of a repository whose timestamp has this key besides its own; both sign.
fn with_second_key(key: SigningKey) -> Stage {
    let mut stage = Stage::new();
    stage.vendor.add_key(Role::Timestamp, key);
    stage.vendor.publish_root();
    stage.serve();
    stage
}

#[test]
fn one_signature_twice_is_refused() {
    let stage = Stage::new();
    with_signatures(&stage, |signatures| {
        signatures.push(signatures[0].clone());
    });
    stage.refuses_but_trusts(&[("root", 1)]);
}

#[test]
fn one_key_under_many_ids_signs_once() {
    let key = new_key();
    let mut stage = Stage::new();
    stage.vendor.rotate(Role::Timestamp);
    stage.vendor.root.roles.timestamp.key_ids.clear();
    stage.vendor.keys.remove("timestamp");
    for number in 0..9 {
        let twin = SigningKey::from_seed(key.kind(), &key.seed()).unwrap();
        let id = KeyId::new(format!("{number}"));
        stage.vendor.add_key(Role::Timestamp, twin.with_id(id));
    }
    stage.vendor.root.roles.timestamp.threshold = 2;
    stage.vendor.publish_root();
    stage.vendor.publish_timestamp();
    stage.serve();
    stage.refuses_but_trusts(&[("root", 2)]);
}

#[test]
fn a_key_id_twice_in_a_role_is_refused_or_counts_once() {
    let mut stage = Stage::new();
    let role = &mut stage.vendor.root.roles.timestamp;
    role.key_ids.push(role.key_ids[0].clone());
    role.threshold = 2;
    stage.vendor.publish_root();
    stage.vendor.publish_timestamp();
    stage.serve();
    assert_eq!(stage.refresh(), 1);
    assert_eq!(stage.roles(), ["root"]);
}

#[test]
fn signatures_that_make_no_sense_do_no_harm_where_others_suffice() {
    let key = new_key();
    let id = key.key_id().to_string();
    let stage = with_second_key(key);
    for hex in ["", "00", "zz", "3045022100ee", &"ab".repeat(64)] {
        with_signatures(&stage, |signatures| {
            signatures.retain(|found| found.as_object().unwrap()["keyid"] != id.as_str().into());
            signatures.insert(0, signature(&id, hex));
            signatures.insert(0, signature("nobody", hex));
        });
        assert_eq!(stage.refresh(), 0, "{hex}");
    }
}

#[test]
fn a_second_key_signs_alone_whatever_its_kind() {
    for kind in [KeyKind::Ed25519, KeyKind::EcdsaP256] {
        let stage = with_second_key(SigningKey::generate(kind).unwrap());
        with_signatures(&stage, |signatures| drop(signatures.remove(0)));
        assert_eq!(stage.refresh(), 0, "{kind:?}");
        with_signatures(&stage, |signatures| {
            // Well-formed, but of something else.
            let good = stage.vendor.signed("timestamp", &stage.vendor.snapshot);
            let good = Json::parse(&good).unwrap();
            let other = good.as_object().unwrap()["signatures"].clone();
            let Json::List(other) = other else {
                unreachable!("metadata has signatures");
            };
            *signatures = other;
        });
        std::fs::remove_file(stage.path("metadata/timestamp.json")).unwrap();
        assert_eq!(stage.refresh(), 1, "{kind:?}");
    }
}
