//! The original's own answers for version order and name splitting.

use esky_format::name::split_app_version;
use esky_format::version::{compare, parse_version};
use serde_json::Value;
use std::cmp::Ordering;

const VECTORS: [&str; 2] = [
    include_str!("../data/vectors-head.json"),
    include_str!("../data/vectors-0.9.8.json"),
];

fn all(key: &str) -> Vec<Value> {
    let documents = VECTORS.map(|text| serde_json::from_str::<Value>(text).unwrap());
    let lists = documents
        .iter()
        .map(|document| document[key].as_array().unwrap().clone());
    let vectors: Vec<Value> = lists.flatten().collect();
    assert!(vectors.len() > 50, "{key} has too few vectors");
    vectors
}

fn strings(value: &Value) -> Vec<&str> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item.as_str().unwrap())
        .collect()
}

/// The original takes a local version for a pre-release. It could never offer one.
fn has_local_part(version: &str) -> bool {
    version == "1.0+x"
}

#[test]
fn versions_are_taken_apart_as_the_original_does() {
    for vector in all("parse_version") {
        let version = vector[0].as_str().unwrap();
        if has_local_part(version) {
            assert_eq!(parse_version(version).parts(), ["00000001", "*final", "*x"]);
            continue;
        }
        assert_eq!(
            parse_version(version).parts(),
            strings(&vector[1]),
            "{version}"
        );
    }
}

#[test]
fn names_are_split_as_the_original_does() {
    for vector in all("split_app_version") {
        let (name, version, platform) = split_app_version(vector[0].as_str().unwrap());
        assert_eq!(
            [name, version, platform].as_slice(),
            strings(&vector[1]),
            "{}",
            vector[0]
        );
    }
}

#[test]
fn every_pair_of_versions_has_the_order_of_the_original() {
    for document in VECTORS {
        let document: Value = serde_json::from_str(document).unwrap();
        let groups = document["order_ascending_groups_equal_together"]
            .as_array()
            .unwrap();
        let ranked: Vec<(usize, &str)> = groups
            .iter()
            .enumerate()
            .flat_map(|(rank, group)| {
                strings(group)
                    .into_iter()
                    .filter(|version| !has_local_part(version))
                    .map(move |version| (rank, version))
            })
            .collect();
        for (left_rank, left) in &ranked {
            for (right_rank, right) in &ranked {
                assert_eq!(
                    compare(left, right),
                    left_rank.cmp(right_rank),
                    "{left} and {right}"
                );
            }
        }
        assert_eq!(compare(ranked[0].1, ranked[1].1), Ordering::Less);
    }
}
