//! What may be done to a file of metadata, at random.

use esky_testkit::repository::Vendor;
use esky_trust::{Json, MetaFile, Object};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// The role that is trusted with some targets.
pub(super) const DELEGATED: &str = "role";

/// One file of a repository that is changed in some places, and signed or not.
#[derive(Clone, Debug)]
pub(super) struct Change {
    role: &'static str,
    edits: Vec<Edit>,
    signed: Signed,
    twice: bool,
}

#[derive(Clone, Debug)]
enum Edit {
    Remove(Index),
    Replace(Index, Json),
    Add(Index, i64),
    /// Puts what is in one place into another.
    Copy(Index, Index),
    /// A member gets another name.
    Rename(Index, String),
    /// Something stands in a list twice.
    Repeat(Index),
}

/// By whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Signed {
    /// By the keys of the role.
    Anew,
    /// By nobody: the signatures are those of the honest file.
    Before,
    /// By the keys of another role.
    By(&'static str),
}

pub(super) fn changes() -> impl Strategy<Value = Change> {
    let role = select(vec!["root", "timestamp", "snapshot", "targets", DELEGATED]);
    let signed = prop_oneof![
        8 => Just(Signed::Anew),
        1 => Just(Signed::Before),
        1 => select(vec!["root", "timestamp", "snapshot", "targets", DELEGATED]).prop_map(Signed::By),
    ];
    let edits = vec(edit(), 0..3);
    (role, edits, signed, prop::bool::weighted(0.05)).prop_map(|(role, edits, signed, twice)| {
        Change {
            role,
            edits,
            signed,
            twice,
        }
    })
}

fn edit() -> impl Strategy<Value = Edit> {
    let at = any::<Index>;
    prop_oneof![
        at().prop_map(Edit::Remove),
        (at(), value()).prop_map(|(at, value)| Edit::Replace(at, value)),
        (at(), -3..4_i64).prop_map(|(at, difference)| Edit::Add(at, difference)),
        (at(), at()).prop_map(|(from, to)| Edit::Copy(from, to)),
        (at(), text()).prop_map(|(at, name)| Edit::Rename(at, name)),
        at().prop_map(Edit::Repeat),
    ]
}

fn value() -> impl Strategy<Value = Json> {
    let number = select(vec![-1, 0, 1, 2, 3, 4, (1 << 53) - 1, 1 << 53, 1 << 62]);
    prop_oneof![
        text().prop_map(|text| Json::from(text.as_str())),
        number.prop_map(|number: i128| Json::Integer(number)),
        any::<bool>().prop_map(Json::Bool),
        Just(Json::Null),
        Just(Json::List(Vec::new())),
        Just(Json::Object(Object::new())),
    ]
}

/// Texts that mean something somewhere.
fn text() -> impl Strategy<Value = String> {
    let known = [
        "",
        "*",
        "?/*",
        "a/b",
        "a/?",
        "b",
        "role",
        "root",
        "targets",
        "targets.json",
        "role.json",
        "snapshot.json",
        "sha256",
        "sha512",
        "ed25519",
        "paths",
        "path_hash_prefixes",
        "1.0",
        "1.0.31",
        "1.1.0",
        "2.0.0",
        "1",
        "2030-03-17T17:46:40Z",
        "2030-03-17T17:46:41Z",
        "1999-12-31T23:59:59Z",
        "2999-12-31T23:59:60Z",
        "2999-13-01T00:00:00Z",
        "2999-12-31t23:59:59z",
        "2999-12-31T23:59:59+00:00",
        "2999-12-31T23:59:59.5Z",
        "2999-12-31",
    ];
    prop_oneof![select(known.to_vec()).prop_map(str::to_owned), "\\PC{0,3}"]
}

impl Change {
    /// Publishes everything once more, with this file changed, and with what names it naming it as it is.
    pub(super) fn publish(&self, vendor: &mut Vendor) {
        if self.role == "root" {
            let name = format!("{}.root.json", vendor.root.version);
            let honest = vendor.publish_root();
            let changed = self.apply(vendor, &honest);
            vendor.files.insert(name, changed);
        }
        let delegated = vendor.delegated.get_mut(DELEGATED).unwrap();
        delegated.version += 1;
        let version = match self.role {
            DELEGATED => delegated.version,
            "snapshot" => vendor.snapshot.version,
            _ => vendor.targets.version,
        };
        vendor.publish_targets();
        match self.role {
            "targets" | DELEGATED => {
                let changed = self.apply(vendor, vendor.file(self.role, version));
                let meta = MetaFile::describe(version, &changed);
                let name = format!("{}.json", self.role);
                vendor.snapshot.meta.insert(name, meta);
                vendor.snapshot.version -= 1;
                vendor.timestamp.version -= 1;
                vendor.publish_snapshot();
                let name = format!("{version}.{}.json", self.role);
                vendor.files.insert(name, changed);
            }
            "snapshot" => {
                let changed = self.apply(vendor, vendor.file("snapshot", version));
                vendor.timestamp.snapshot = MetaFile::describe(version, &changed);
                vendor.timestamp.version -= 1;
                vendor.publish_timestamp();
                let name = format!("{version}.snapshot.json");
                vendor.files.insert(name, changed);
            }
            "timestamp" => {
                let honest = vendor.files["timestamp.json"].clone();
                let changed = self.apply(vendor, &honest);
                vendor.files.insert("timestamp.json".to_owned(), changed);
            }
            _ => {}
        }
    }

    fn apply(&self, vendor: &Vendor, honest: &[u8]) -> Vec<u8> {
        let Ok(Json::Object(mut file)) = Json::parse(honest) else {
            unreachable!("metadata is an object");
        };
        let signed = file.get_mut("signed").unwrap();
        for edit in &self.edits {
            edit.apply(signed);
        }
        let signer = match self.signed {
            Signed::Anew => Some(self.role),
            Signed::By(role) => Some(role),
            Signed::Before => None,
        };
        if let Some(signer) = signer {
            let bytes = vendor.signed_json(signer, &file["signed"]);
            let Ok(Json::Object(signed)) = Json::parse(&bytes) else {
                unreachable!("metadata is an object");
            };
            file = signed;
        }
        if let (true, Some(Json::List(signatures))) = (self.twice, file.get_mut("signatures")) {
            signatures.extend_from_within(..);
        }
        Json::Object(file).to_text().into_bytes()
    }
}

impl Edit {
    fn apply(&self, whole: &mut Json) {
        let places = places_in(whole);
        match self {
            Self::Remove(at) => remove(whole, pick(at, &places)),
            Self::Replace(at, value) => *at_place(whole, pick(at, &places)) = value.clone(),
            Self::Add(at, difference) => {
                if let Json::Integer(number) = at_place(whole, pick(at, &places)) {
                    *number += i128::from(*difference);
                }
            }
            Self::Copy(from, to) => {
                let value = at_place(whole, pick(from, &places)).clone();
                *at_place(whole, pick(to, &places)) = value;
            }
            Self::Rename(at, name) => {
                if let Some((Step::Name(old), above)) = pick(at, &places).split_last()
                    && let Json::Object(members) = at_place(whole, above)
                {
                    let value = members.remove(old).unwrap();
                    members.insert(name.clone(), value);
                }
            }
            Self::Repeat(at) => {
                if let Some((Step::At(index), above)) = pick(at, &places).split_last()
                    && let Json::List(elements) = at_place(whole, above)
                {
                    elements.push(elements[*index].clone());
                }
            }
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Name(String),
    At(usize),
}

/// The way to every value below this one.
fn places_in(whole: &Json) -> Vec<Vec<Step>> {
    let below: Vec<(Step, &Json)> = match whole {
        Json::Object(members) => members
            .iter()
            .map(|(name, value)| (Step::Name(name.clone()), value))
            .collect(),
        Json::List(elements) => elements
            .iter()
            .enumerate()
            .map(|(index, value)| (Step::At(index), value))
            .collect(),
        _ => Vec::new(),
    };
    let mut places = Vec::new();
    for (step, value) in below {
        places.push(vec![step.clone()]);
        for mut place in places_in(value) {
            place.insert(0, step.clone());
            places.push(place);
        }
    }
    if places.is_empty() {
        places.push(Vec::new());
    }
    places
}

fn pick<'a>(index: &Index, places: &'a [Vec<Step>]) -> &'a [Step] {
    index.get::<Vec<Step>>(places)
}

fn at_place<'a>(whole: &'a mut Json, place: &[Step]) -> &'a mut Json {
    place.iter().fold(whole, |value, step| match (value, step) {
        (Json::Object(members), Step::Name(name)) => members.get_mut(name).unwrap(),
        (Json::List(elements), Step::At(index)) => &mut elements[*index],
        _ => unreachable!("places are those of this value"),
    })
}

fn remove(whole: &mut Json, place: &[Step]) {
    let Some((last, above)) = place.split_last() else {
        return;
    };
    match (at_place(whole, above), last) {
        (Json::Object(members), Step::Name(name)) => drop(members.remove(name)),
        (Json::List(elements), Step::At(index)) => drop(elements.remove(*index)),
        _ => unreachable!("places are those of this value"),
    }
}
