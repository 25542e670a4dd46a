//! Trees and their patches.

use esky_delta::{Kind, Limits, Patch, TreeDigest};
use proptest::prelude::*;

use crate::memory::{Files, apply, files, make, noise};

pub(crate) fn tree() -> impl Strategy<Value = Files> {
    let kind = prop_oneof![Just(Kind::File), Just(Kind::Program)];
    let content = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..300),
        (0u64..4, 0usize..3000).prop_map(|(seed, length)| noise(seed, length)),
    ];
    prop::collection::btree_map("[ab](/[ab]){0,2}x", (kind, content), 0..8)
}

/// An edit of a file: replaced, inserted or removed bytes.
fn edit(content: &mut Vec<u8>, at: prop::sample::Index, remove: usize, insert: &[u8]) {
    let start = at.index(content.len() + 1);
    let end = (start + remove).min(content.len());
    content.splice(start..end, insert.iter().copied());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn any_tree_becomes_any_other(old in tree(), new in tree()) {
        let (patch, _) = make(&old, &new);
        prop_assert_eq!(apply(&old, &patch, &Limits::default()).unwrap(), new);
    }

    #[test]
    fn an_edited_tree_comes_back(
        old in tree(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0usize..40, prop::collection::vec(any::<u8>(), 0..20)), 1..6),
    ) {
        let mut new = old.clone();
        for (file, at, remove, insert) in edits {
            if let Some(path) = new.keys().nth(file.index(new.len().max(1))).cloned() {
                edit(&mut new.get_mut(&path).unwrap().1, at, remove, &insert);
            }
        }
        let (patch, _) = make(&old, &new);
        prop_assert_eq!(apply(&old, &patch, &Limits::default()).unwrap(), new);
    }
}

#[test]
fn unchanged_files_are_no_part_of_a_patch() {
    let big = noise(1, 200_000);
    let old = files(&[("big", &big), ("small", b"one")]);
    let new = files(&[("big", &big), ("small", b"two")]);
    let (patch, made) = make(&old, &new);
    assert!(patch.len() < 300, "{} bytes", patch.len());
    assert_eq!(made.written, 1);
    assert_eq!(apply(&old, &patch, &Limits::default()).unwrap(), new);
}

#[test]
fn moved_files_are_taken_from_where_they_were() {
    let content = noise(2, 100_000);
    let mut edited = content.clone();
    edited[50_000] ^= 1;
    let old = files(&[("lib/a-1.0.so", &content), ("lib/b", &content[..60_000])]);
    let new = files(&[("lib/a-1.1.so", &edited), ("moved/b", &content[..60_000])]);
    let (patch, made) = make(&old, &new);
    assert!(patch.len() < 500, "{} bytes", patch.len());
    assert_eq!(made.removed, 2);
    assert_eq!(apply(&old, &patch, &Limits::default()).unwrap(), new);
}

#[test]
fn files_trade_their_places() {
    let (a, b) = (noise(3, 5000), noise(4, 5000));
    let old = files(&[("a", &a), ("b", &b)]);
    let new = files(&[("a", &b), ("b", &a)]);
    let (patch, _) = make(&old, &new);
    assert!(patch.len() < 300, "{} bytes", patch.len());
    assert_eq!(apply(&old, &patch, &Limits::default()).unwrap(), new);
}

#[test]
fn many_literals_come_back_too() {
    let old = files(&[("a", b"old")]);
    let text = b"words that come again, ".repeat(30_000);
    let new = files(&[("a", &[noise(5, 400_000), text].concat())]);
    let (patch, _) = make(&old, &new);
    assert!(patch.len() < 410_000);
    assert_eq!(apply(&old, &patch, &Limits::default()).unwrap(), new);
}

#[test]
fn a_file_becomes_a_program_and_another_a_link() {
    let old = files(&[("a", b"same"), ("b", b"old")]);
    let mut new = files(&[]);
    new.insert("a".to_owned(), (Kind::Program, b"same".to_vec()));
    new.insert("b".to_owned(), (Kind::Link, b"a".to_vec()));
    let (patch, _) = make(&old, &new);
    assert_eq!(apply(&old, &patch, &Limits::default()).unwrap(), new);
}

#[test]
fn a_patch_tells_the_digest_of_the_tree_that_it_gives() {
    let old = files(&[("a", b"old"), ("b", b"stays")]);
    let new = files(&[("a", b"new"), ("b", b"stays")]);
    let (patch, _) = make(&old, &new);
    let mut digest = TreeDigest::default();
    for (path, (kind, content)) in &new {
        use sha2::Digest;
        digest.add(path, *kind, sha2::Sha256::digest(content).into());
    }
    let patch = Patch::open(patch.as_slice(), &Limits::default()).unwrap();
    assert_eq!(patch.tree_digest(), digest.finish());
}

#[test]
fn a_patch_tells_where_its_bytes_go() {
    let content = noise(6, 3000);
    let mut edited = content.clone();
    edited.splice(100..100, noise(7, 500));
    let old = files(&[("a", &content), ("b", b"moves")]);
    let new = files(&[("a", &edited), ("c", b"moves")]);
    let (patch, made) = make(&old, &new);
    let patch = Patch::open(patch.as_slice(), &Limits::default()).unwrap();
    let contents = patch.contents().unwrap();
    assert_eq!(contents.size, made.size);
    let (largest, literals) = contents.streams[0];
    assert_eq!(largest.name(), "literals");
    assert!((500..600).contains(&literals), "{literals} bytes");
    let streams: u64 = contents.streams.iter().map(|(_, size)| size).sum();
    assert_eq!(contents.index + contents.frames + streams, contents.size);
    let file = |path: &str| {
        let found = contents.files.iter().find(|file| file.path == path);
        found.map(|file| (file.copied, file.patch))
    };
    assert_eq!(file("a"), Some((0, contents.size - contents.index)));
    assert_eq!(file("c"), Some((5, 0)));
}
