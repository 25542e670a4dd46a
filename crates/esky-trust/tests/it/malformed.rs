//! Files that are not what metadata looks like, in the place of each role.

use esky_testkit::repository::Vendor;
use esky_trust::{Error, Json, JsonFault, Malformed, Object};

use crate::client::attack;

/// Where each role's next file is asked for.
const FILES: [(&str, &str); 4] = [
    ("root", "2.root.json"),
    ("timestamp", "timestamp.json"),
    ("snapshot", "2.snapshot.json"),
    ("targets", "2.targets.json"),
];

/// Makes another file of the vendor's file for a role.
type Spoil<'a> = &'a dyn Fn(&Vendor, &str, Vec<u8>) -> Vec<u8>;

/// Serves `spoilt` in the place of each role in turn, named by those above it where these say how it looks.
fn refused_everywhere(spoilt: Spoil<'_>, is_expected: &dyn Fn(&Error) -> bool) {
    for (role, file) in FILES {
        let error = attack(
            |_| {},
            |vendor| {
                vendor.publish_root();
                let good = |vendor: &Vendor, file: &str| vendor.files[file].clone();
                match role {
                    "snapshot" => {
                        vendor.publish_targets();
                        vendor.timestamp.snapshot.length = None;
                        vendor.timestamp.snapshot.hashes = None;
                        vendor.publish_timestamp();
                    }
                    "targets" => {
                        vendor.publish_targets();
                        let meta = vendor.snapshot.meta.get_mut("targets.json").unwrap();
                        (meta.length, meta.hashes) = (None, None);
                        vendor.publish_snapshot();
                    }
                    _ => {
                        vendor.publish_timestamp();
                    }
                }
                let bytes = spoilt(vendor, role, good(vendor, file));
                vendor.files.insert(file.into(), bytes);
            },
        );
        assert!(is_expected(&error), "{role}: {error}");
    }
}

fn is_json(error: &Error) -> bool {
    matches!(
        error,
        Error::Malformed {
            fault: Malformed::Json(_),
            ..
        }
    )
}

fn is_malformed(error: &Error) -> bool {
    matches!(error, Error::Malformed { .. })
}

/// Signs the role's own metadata with one member of the signed part changed.
fn with_member(
    vendor: &Vendor,
    role: &str,
    bytes: &[u8],
    name: &str,
    value: Option<Json>,
) -> Vec<u8> {
    let file = Json::parse(bytes).unwrap();
    let Some(Json::Object(mut signed)) = file.as_object().unwrap().get("signed").cloned() else {
        unreachable!("metadata has a signed part");
    };
    match value {
        Some(value) => signed.insert(name.into(), value),
        None => signed.remove(name),
    };
    vendor.signed_json(role, &Json::Object(signed))
}

#[test]
fn a_truncated_file_is_refused() {
    for part in [0, 1, 10, 50, 99] {
        let cut = |_: &Vendor, _: &str, bytes: Vec<u8>| bytes[..bytes.len() * part / 100].to_vec();
        refused_everywhere(&cut, &is_json);
    }
}

#[test]
fn what_is_not_json_is_refused() {
    for text in [
        "",
        "<html>not found</html>",
        "PK\u{3}\u{4}",
        "nul",
        "\u{feff}{}",
    ] {
        refused_everywhere(&|_, _, _| text.into(), &is_json);
    }
    for text in [
        "null",
        "[]",
        "{}",
        "{\"signed\": {}}",
        "{\"signed\": {}, \"signatures\": {}}",
        "{\"signed\": 1, \"signatures\": []}",
    ] {
        refused_everywhere(&|_, _, _| text.into(), &is_malformed);
    }
}

#[test]
fn deep_nesting_is_refused() {
    let deep = |_: &Vendor, _: &str, _| [b"{\"signed\":".to_vec(), vec![b'['; 100_000]].concat();
    let is_too_deep = |error: &Error| {
        matches!(
            error,
            Error::Malformed {
                fault: Malformed::Json(JsonFault::TooDeep),
                ..
            }
        )
    };
    refused_everywhere(&deep, &is_too_deep);
}

#[test]
fn duplicate_keys_are_refused_even_outside_what_is_signed() {
    let doubled = |_: &Vendor, _: &str, bytes: Vec<u8>| {
        let text = String::from_utf8(bytes).unwrap();
        text.replacen('{', "{\"a\": 1, \"a\": 1,", 1).into_bytes()
    };
    refused_everywhere(&doubled, &is_json);
}

#[test]
fn trailing_bytes_are_refused() {
    let longer = |_: &Vendor, _: &str, bytes: Vec<u8>| [bytes, b"{}".to_vec()].concat();
    refused_everywhere(&longer, &is_json);
}

#[test]
fn invalid_utf8_is_refused() {
    let invalid = |_: &Vendor, _: &str, bytes: Vec<u8>| [b"{\"\xff\": 1,", &bytes[1..]].concat();
    refused_everywhere(&invalid, &is_json);
}

#[test]
fn huge_negative_and_fractional_versions_are_refused() {
    for version in [
        Json::Integer(0),
        Json::Integer(-1),
        Json::Integer((1 << 53) + 1),
        Json::Integer(u64::MAX.into()),
        Json::from("1"),
        Json::Bool(true),
    ] {
        let spoil = |vendor: &Vendor, role: &str, bytes: Vec<u8>| {
            with_member(vendor, role, &bytes, "version", Some(version.clone()))
        };
        refused_everywhere(&spoil, &is_malformed);
    }
    for number in ["1e400", "99999999999999999999999", "2.0"] {
        let spoil = |_: &Vendor, _: &str, bytes: Vec<u8>| {
            let text = String::from_utf8(bytes).unwrap();
            text.replacen("\"version\": 2", &format!("\"version\": {number}"), 1)
                .into_bytes()
        };
        refused_everywhere(&spoil, &|error| {
            is_malformed(error) || matches!(error, Error::NotSigned { .. })
        });
    }
}

#[test]
fn missing_members_are_named() {
    for name in ["_type", "spec_version", "version", "expires"] {
        let spoil = |vendor: &Vendor, role: &str, bytes: Vec<u8>| {
            with_member(vendor, role, &bytes, name, None)
        };
        let names_it = |error: &Error| {
            error
                .to_string()
                .contains(&format!("signed.{name} is missing"))
        };
        refused_everywhere(&spoil, &names_it);
    }
}

#[test]
fn the_metadata_of_another_role_is_refused_even_with_the_right_signature() {
    for other in ["root", "timestamp", "snapshot", "targets"] {
        let spoil = |vendor: &Vendor, role: &str, bytes: Vec<u8>| {
            let other = if role == other { "mirrors" } else { other };
            with_member(vendor, role, &bytes, "_type", Some(other.into()))
        };
        refused_everywhere(&spoil, &|error| {
            error.to_string().contains("signed._type is not")
        });
    }
}

#[test]
fn another_specification_and_another_calendar_are_refused() {
    for (name, value) in [
        ("spec_version", "2.0.0"),
        ("expires", "2999-02-30T00:00:00Z"),
        ("expires", "never"),
    ] {
        let spoil = |vendor: &Vendor, role: &str, bytes: Vec<u8>| {
            with_member(vendor, role, &bytes, name, Some(value.into()))
        };
        refused_everywhere(&spoil, &is_malformed);
    }
}

#[test]
fn unknown_members_are_signed_for_but_mean_nothing() {
    let mut vendor = Vendor::new();
    let extra = Object::from([(
        "x-later".to_owned(),
        Json::List(vec![Json::Null, Json::from("\u{1}\n\"\\")]),
    )]);
    vendor.targets.extra.clone_from(&extra);
    vendor.timestamp.extra.clone_from(&extra);
    vendor.publish_targets();
    crate::client::Client::of(&vendor).refresh(&vendor).unwrap();
}
