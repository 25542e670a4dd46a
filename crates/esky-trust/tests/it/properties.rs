//! What must hold for any input.

use std::collections::BTreeMap;

use esky_testkit::repository::{Vendor, now};
use esky_trust::sign::{KeyLine, RecoveryWords, Signer, SigningKey, decrypt_key};
use esky_trust::{
    Json, KeyId, KeyKind, Role, Root, Snapshot, Targets, Time, Timestamp, TrustedSet, Unverified,
};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::{Index, subsequence};

fn json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::Bool),
        any::<u64>().prop_map(Json::from),
        any::<i64>().prop_map(|number| Json::Integer(number.into())),
        any::<String>().prop_map(Json::Text),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Json::List),
            btree_map(any::<String>(), inner, 0..6).prop_map(Json::Object),
        ]
    })
}

fn kind() -> impl Strategy<Value = KeyKind> {
    prop_oneof![Just(KeyKind::Ed25519), Just(KeyKind::EcdsaP256)]
}

proptest! {
    #[test]
    fn json_survives_being_written_and_read(value in json()) {
        prop_assert_eq!(Json::parse(value.to_text().as_bytes()), Ok(value));
    }

    #[test]
    fn canonical_json_is_one_spelling_of_one_value(one in json(), two in json()) {
        prop_assert_eq!(one.canonical() == two.canonical(), one == two);
        let spelt_anew = Json::parse(one.to_text().as_bytes()).unwrap();
        prop_assert_eq!(spelt_anew.canonical(), one.canonical());
    }

    #[test]
    fn no_bytes_make_a_parser_panic(bytes in vec(any::<u8>(), 0..300), text in "\\PC{0,80}") {
        let _ = (Json::parse(&bytes), Time::parse(&text), KeyLine::parse(&text), RecoveryWords::parse(&text));
        let _ = (decrypt_key(&bytes, &text), TrustedSet::new(&bytes, now()));
    }

    #[test]
    fn metadata_with_anything_in_it_makes_no_parser_panic(
        value in json(), members in subsequence(vec!["version", "expires", "meta", "targets", "keys", "roles", "delegations"], 0..4),
    ) {
        let vendor = Vendor::new();
        for (role, file) in [("root", 1), ("timestamp", 1), ("snapshot", 1), ("targets", 1)] {
            let file = Json::parse(vendor.file(role, file)).unwrap();
            let Some(Json::Object(mut signed)) = file.as_object().unwrap().get("signed").cloned() else {
                unreachable!("metadata has a signed part");
            };
            for member in &members {
                signed.insert((*member).to_owned(), value.clone());
            }
            let bytes = vendor.signed_json(role, &Json::Object(signed));
            let _ = (Unverified::<Root>::parse(role, &bytes), Unverified::<Timestamp>::parse(role, &bytes));
            let _ = (Unverified::<Snapshot>::parse(role, &bytes), Unverified::<Targets>::parse(role, &bytes));
        }
    }

    #[test]
    fn a_flipped_bit_is_never_believed(position in any::<Index>(), bit in 0..8) {
        let vendor = Vendor::new();
        let mut bytes = vendor.file("root", 1).to_vec();
        let honest = TrustedSet::new(&bytes, now()).unwrap();
        let index = position.index(bytes.len());
        bytes[index] ^= 1_u8 << bit;
        // White space and the case of hexadecimal signatures may change; what is signed may not.
        if let Ok(set) = TrustedSet::new(&bytes, now()) {
            prop_assert_eq!(set.root(), honest.root());
        }
    }

    #[test]
    fn key_lines_survive_the_round_trip(
        seed in any::<[u8; 32]>(), kind in kind(), app in "\\PC{0,40}", id in "\\PC{0,40}", roles in subsequence(Role::ALL.to_vec(), 0..4),
        noise in "[ \r\n\t\"'\u{feff}]{0,6}", at in any::<Index>(),
    ) {
        let made = SigningKey::from_seed(kind, &zeroize::Zeroizing::new(seed));
        prop_assume!(made.is_ok());
        let key = match id.as_str() {
            "" => made.unwrap(),
            id => made.unwrap().with_id(KeyId::new(id)),
        };
        let line = KeyLine { app, roles, key };
        let mut text = line.to_line().unwrap().to_string();
        text.insert_str(at.index(text.len()), &noise);
        let again = KeyLine::parse(&text).unwrap();
        prop_assert_eq!((&again.app, &again.roles), (&line.app, &line.roles));
        prop_assert_eq!(again.key.key_id(), line.key.key_id());
        prop_assert_eq!(again.key.seed(), line.key.seed());
    }

    #[test]
    fn every_second_of_every_year_has_one_name(seconds in 0..253_402_300_800_i64) {
        let time = Time::from_unix(seconds);
        prop_assert_eq!(Time::parse(&time.to_string()), Some(time));
    }
}

#[test]
fn an_object_is_written_in_the_order_of_its_names() {
    let members = BTreeMap::from([("b".to_owned(), Json::Null), ("a".to_owned(), Json::Null)]);
    assert_eq!(Json::Object(members).canonical(), br#"{"a":null,"b":null}"#);
}
