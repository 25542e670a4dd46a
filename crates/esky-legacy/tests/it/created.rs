//! Patches that we make: they lead where they should, by every reader.

use std::collections::BTreeMap;
use std::sync::Arc;

use esky_legacy::{Command, Content, Limits, Node, Reader, Tree};
use proptest::prelude::*;

use crate::description::{self, Flat};
use crate::trees::{all_of, apply, digest_of, fixture, make, on_disk, tree};
use crate::zips::zip;

fn flat(tree: &Tree) -> Flat {
    let all = all_of(tree).into_iter();
    all.map(|(path, _, bytes)| (path, bytes)).collect()
}

/// Checks a patch with both readers; returns it.
fn leads_there(old: &Tree, new: &Tree) -> Vec<u8> {
    let patch = make(old, new);
    let made = apply(old, &patch).expect("made by us");
    assert_eq!(all_of(&made), all_of(new));
    if !commands(&patch).contains(&Command::Zip) {
        let (described, _) = description::apply(flat(old), &patch);
        assert_eq!(described, flat(new));
    }
    patch
}

fn commands(patch: &[u8]) -> Vec<Command> {
    let mut reader = Reader::open(patch, &Limits::default()).expect("made by us");
    std::iter::from_fn(|| reader.next_command().expect("made by us")).collect()
}

/// Bytes that cannot be packed.
fn noise(seed: u64, size: usize) -> Vec<u8> {
    let mut state = seed | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..size).map(|_| next()).collect()
}

#[test]
fn patches_between_the_trees_of_the_fixtures_lead_there_both_ways() {
    for entry in std::fs::read_dir(fixture("")).expect("the fixtures") {
        let directory = entry.expect("an entry").path();
        let old = on_disk(&directory.join("source"));
        let new = on_disk(&directory.join("target"));
        leads_there(&old, &new);
        leads_there(&new, &old);
    }
}

/// Also where the original's writer goes wrong: a difference behind inserted bytes, beyond the first window.
#[test]
fn files_of_several_windows_lead_there() {
    let noise = noise(1, 9 << 20);
    let mut edited = vec![0; 4 << 20];
    edited.extend(&noise[4 << 20..]);
    edited[(5 << 20) + 77] ^= 1;
    edited.truncate((9 << 20) - 1000);
    let (old, new) = (tree([("f", &noise[..])]), tree([("f", &edited[..])]));
    let patch = leads_there(&old, &new);
    let kinds: Vec<_> = commands(&patch).into_iter().map(kind).collect();
    let expected = [
        "join",
        "packed",
        "skip",
        "copy",
        "difference",
        "copy",
        "set",
        "verify",
    ];
    assert_eq!(kinds, expected);
    assert!(patch.len() < 5000, "{}", patch.len());
}

fn kind(command: Command) -> &'static str {
    match command {
        Command::JoinPath(_) => "join",
        Command::InsertPacked(_) => "packed",
        Command::Skip(_) => "skip",
        Command::Copy(_) => "copy",
        Command::Difference { .. } => "difference",
        Command::SetPath(_) => "set",
        Command::Verify(_) => "verify",
        _ => "another",
    }
}

#[test]
fn a_renamed_version_directory_costs_nothing() {
    let (a, b, c) = (noise(1, 50_000), noise(2, 50_000), noise(3, 50_000));
    let old = tree([
        ("v1/a", &a[..]),
        ("v1/b", &b),
        ("v1/c/d", &c),
        ("prog", b"1"),
    ]);
    let new = tree([
        ("v2/a", &a[..]),
        ("v2/b", &b),
        ("v2/c/d", &c),
        ("prog", b"1"),
    ]);
    let patch = leads_there(&old, &new);
    assert!(patch.len() < 60, "{}", patch.len());
    assert!(commands(&patch).contains(&Command::MoveFrom("v1".to_owned())));
}

/// Frozen by another freezer, it has nothing in common with the version before but its control directory. Old clients try a patch
/// with both layouts, and take a missing directory, and nothing else, for a sign that it is the wrong one.
#[test]
fn a_version_directory_is_moved_whatever_is_in_it() {
    let old = tree([
        ("app-1.x/library.zip", &b"modules"[..]),
        ("app-1.x/esky-files/lockfile.txt", b"lock"),
        ("prog", b"start"),
    ]);
    let new = tree([
        ("app-2.x/_internal/base", &b"other modules"[..]),
        ("app-2.x/esky-files/lockfile.txt", b"lock"),
        ("prog", b"start"),
    ]);
    let patch = leads_there(&old, &new);
    let moved = Command::MoveFrom("app-1.x".to_owned());
    assert!(commands(&patch).contains(&moved), "{:?}", commands(&patch));
    let mut elsewhere = tree([("prog", &b"start"[..])]);
    let version = old.get("app-1.x").expect("a version").clone();
    elsewhere.insert("appdata/app-1.x", version).expect("room");
    let refused = apply(&elsewhere, &patch).expect_err("another layout");
    assert!(
        matches!(refused, esky_legacy::Error::Missing { .. }),
        "{refused}"
    );
}

#[test]
fn a_new_program_like_an_old_one_costs_nothing() {
    let program = noise(7, 100_000);
    let old = tree([("one", &program[..])]);
    let new = tree([("one", b"changed".as_slice()), ("two", &program)]);
    let patch = leads_there(&old, &new);
    assert!(patch.len() < 80, "{}", patch.len());
    assert!(commands(&patch).contains(&Command::CopyFrom("one".to_owned())));
}

#[test]
fn a_zip_is_taken_apart_if_it_can_be_put_together_again() {
    let text = |word: &str| -> Vec<u8> {
        let mut text = Vec::new();
        for line in 0..2000_u32 {
            let line = format!("{word} {}\n", line.wrapping_mul(2_654_435_761));
            text.extend(line.as_bytes());
        }
        text
    };
    let library = |word| {
        let same = (0..3).map(|number| (format!("m{number}.py"), text(&format!("line{number}"))));
        zip(&same.chain([("n.py".to_owned(), text(word))]).collect())
    };
    let (before, after) = (library("one"), library("two"));
    let old = tree([("library.zip", &before[..])]);
    let patch = leads_there(&old, &tree([("library.zip", &after[..])]));
    assert!(commands(&patch).contains(&Command::Zip));
    assert!(patch.len() < after.len() / 2, "{}", patch.len());

    let commented = [&after[..after.len() - 2], b"\x01\0x"].concat();
    let patch = leads_there(&old, &tree([("library.zip", &commented[..])]));
    assert!(!commands(&patch).contains(&Command::Zip));
}

#[test]
fn modes_are_set_where_they_differ() {
    let (old, mut new) = (tree([("a", b"1".as_slice())]), Tree::default());
    let content = Content::Memory(Arc::new(b"1".to_vec()));
    new.insert_file("a", 0o755, content.clone()).expect("put");
    new.insert_file("b", 0o600, content).expect("put");
    let patch = leads_there(&old, &new);
    assert!(commands(&patch).contains(&Command::Mode(0o100_755)));
}

#[test]
fn what_python_compiled_beside_a_changed_or_kept_module_goes() {
    let old = tree([("m.py", b"1".as_slice())]);
    let new = tree([("m.py", b"2".as_slice())]);
    let patch = leads_there(&old, &new);
    let used = tree([("m.py", b"1".as_slice()), ("m.pyc", b"x"), ("m.pyo", b"y")]);
    let made = apply(&used, &patch).expect("made by us");
    assert_eq!(digest_of(&made), digest_of(&new));
}

/// Trees of few names, so that there is much to rename, replace and copy.
fn trees() -> impl Strategy<Value = Tree> {
    let name = prop::sample::select(vec!["a", "b", "c", "d", "e", "m.py", "z.zip"]);
    let path = prop::collection::vec(name, 1..4);
    let bytes = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..3),
        (0u64..4, 0usize..600).prop_map(|(seed, size)| noise(seed, size)),
        (0u64..4, 0usize..600).prop_map(|(seed, size)| [noise(9, 80), noise(seed, size)].concat()),
    ];
    let mode = prop::sample::select(vec![0o644, 0o755, 0o600]);
    prop::collection::vec((path, prop::option::weighted(0.9, bytes), mode), 0..14).prop_map(
        |files| {
            let mut tree = Tree::default();
            for (path, bytes, mode) in files {
                let node = match bytes {
                    Some(bytes) => Node::File {
                        mode,
                        content: Content::Memory(Arc::new(bytes)),
                    },
                    None => Node::Directory(Arc::default()),
                };
                // What is in the way wins.
                let _ = tree.insert(&path.join("/"), node);
            }
            tree
        },
    )
}

fn zips() -> impl Strategy<Value = Vec<u8>> {
    let name = prop::sample::select(vec!["a.pyc", "b.pyc", "p/c.pyc", "p/d.pyc", "q/r/e.pyc"]);
    let bytes = (0u64..6, 0usize..900).prop_map(|(seed, size)| noise(seed, size));
    let files = prop::collection::btree_map(name.prop_map(str::to_owned), bytes, 1..5);
    files.prop_map(|files| zip(&files))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_patch_between_any_trees_leads_there(old in trees(), new in trees()) {
        leads_there(&old, &new);
    }

    #[test]
    fn a_patch_between_any_zips_leads_there(old in zips(), new in zips(), deeper in any::<bool>()) {
        let (old, new) = if deeper {
            let wrapped = |zip_: Vec<u8>| zip(&BTreeMap::from([("in.zip".to_owned(), zip_), ("x".to_owned(), noise(1, 900))]));
            (wrapped(old), wrapped(new))
        } else {
            (old, new)
        };
        leads_there(&tree([("l.zip", &old[..])]), &tree([("l.zip", &new[..])]));
    }

    #[test]
    fn every_part_of_a_patch_is_refused(old in trees(), new in trees(), at in any::<prop::sample::Index>()) {
        let patch = make(&old, &new);
        prop_assert!(apply(&old, &patch[..at.index(patch.len())]).is_err());
    }
}
