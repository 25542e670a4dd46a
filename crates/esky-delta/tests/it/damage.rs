//! Damaged, foreign and hostile patches.

use esky_delta::{Error, Kind, Limits, Patch, Stream};

use crate::memory::{Files, Memory, apply, files, make, noise};

/// A small patch with something of everything.
fn small() -> (Files, Vec<u8>, Files) {
    let content = noise(9, 700);
    let edited = [&content[..300], b"inserted", &content[310..]].concat();
    let [before, after] = archives();
    let old = files(&[
        ("a", &content),
        ("b", b"moved away"),
        ("c", b"stays"),
        ("z", &before),
    ]);
    let mut new = files(&[
        ("a", &edited),
        ("d", b"moved away"),
        ("c", b"stays"),
        ("z", &after),
    ]);
    new.insert("l".to_owned(), (Kind::Link, b"a".to_vec()));
    let (patch, _) = make(&old, &new);
    (old, patch, new)
}

/// A zip file's only member, in which words come again, before and after a change. It is packed at another level then, so
/// that much of what is taken over has to be corrected.
fn archives() -> [Vec<u8>; 2] {
    let words: Vec<String> = noise(4, 400)
        .iter()
        .map(|byte| format!("word{} ", byte % 50))
        .collect();
    let mut changed = words.clone();
    changed.splice(150..152, ["new ".to_owned(), words[99].clone()]);
    [(words, 1), (changed, 9)].map(|(words, level)| {
        let mut archive = b"PK\x03\x04\x14\0\0\0\x08\0".to_vec();
        archive.resize(30, 0);
        archive.extend(esky_delta::deflate(words.concat().as_bytes(), level));
        archive.extend(noise(8, 100));
        archive
    })
}

#[test]
fn every_truncation_is_noticed() {
    let (old, patch, _) = small();
    for length in 0..patch.len() {
        let result = apply(&old, &patch[..length], &Limits::default());
        assert!(result.is_err(), "cut to {length} of {} bytes", patch.len());
    }
}

#[test]
fn every_flipped_bit_is_noticed() {
    let (old, patch, _) = small();
    for bit in 0..8 * patch.len() {
        let mut flipped = patch.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let result = apply(&old, &flipped, &Limits::default());
        assert!(result.is_err(), "bit {bit} flipped");
    }
}

#[test]
fn bytes_behind_the_end_are_noticed() {
    let (old, mut patch, _) = small();
    patch.push(0);
    assert!(apply(&old, &patch, &Limits::default()).is_err());
}

/// Checksums keep accidents out; this is about those who compute them anew.
#[test]
fn right_checksums_over_wrong_bytes_give_errors_or_the_right_tree() {
    let old = noise(9, 700);
    let new = [&old[..300], b"inserted", &old[310..]].concat();
    let patch = esky_delta::create(&old, &new).unwrap();
    let body = patch.len() - 4;
    for bit in 0..8 * body {
        let mut hostile = patch[..body].to_vec();
        hostile[bit / 8] ^= 1 << (bit % 8);
        hostile.extend(crc32fast::hash(&hostile).to_le_bytes());
        let mut output = Vec::new();
        let limits = Limits::default();
        if esky_delta::apply(&old, &hostile, &mut output, &limits).is_ok() {
            assert!(output == new, "bit {bit} gives other bytes");
        }
    }
}

/// The same for what is packed again.
#[test]
fn wrong_corrections_of_streams_give_errors_or_the_right_tree() {
    let [before, after] = archives();
    let (old, new) = (files(&[("z", &before)]), files(&[("z", &after)]));
    let (patch, _) = make(&old, &new);
    let opened = Patch::open(patch.as_slice(), &Limits::default()).unwrap();
    let start = opened.index_size() as usize;
    let streams = opened.contents().unwrap().streams;
    assert!(streams.iter().any(|(stream, _)| *stream == Stream::Tokens));
    let end = patch.len() - 4;
    for bit in 8 * start..8 * end {
        let mut hostile = patch[..end].to_vec();
        hostile[bit / 8] ^= 1 << (bit % 8);
        hostile.extend(crc32fast::hash(&hostile[start..]).to_le_bytes());
        if let Ok(tree) = apply(&old, &hostile, &Limits::default()) {
            assert!(tree == new, "bit {bit} gives another tree");
        }
    }
}

#[test]
fn another_old_tree_is_noticed() {
    let (mut old, patch, _) = small();
    old.get_mut("a").unwrap().1[100] ^= 1;
    let result = apply(&old, &patch, &Limits::default());
    assert!(result.is_err());
    old.remove("a");
    let result = apply(&old, &patch, &Limits::default());
    assert!(
        matches!(result, Err(Error::WrongSource { .. })),
        "{result:?}"
    );
}

#[test]
fn a_patch_that_asks_for_too_much_is_refused() {
    let (old, patch, _) = small();
    let mut limits = Limits::default();
    limits.output = 10;
    let result = apply(&old, &patch, &limits);
    assert!(
        matches!(result, Err(Error::AboveLimit { what: "output", .. })),
        "{result:?}"
    );
    let mut limits = Limits::default();
    limits.memory = 1000;
    let result = apply(&old, &patch, &limits);
    assert!(
        matches!(result, Err(Error::AboveLimit { what: "memory", .. })),
        "{result:?}"
    );
}

#[test]
fn a_path_that_no_reader_accepts_makes_no_patch() {
    let good = files(&[("a", b"old")]);
    for path in ["../a", "a:b", "a//b"] {
        let bad = files(&[(path, b"new")]);
        for (old, new) in [(&good, &bad), (&bad, &good)] {
            let mut go_on = |_, _| std::ops::ControlFlow::Continue(());
            let made = esky_delta::diff(
                &Memory::new(old),
                &Memory::new(new),
                &mut Vec::new(),
                &mut go_on,
            );
            assert!(
                matches!(made, Err(Error::UnsafePath { .. })),
                "{path}: {made:?}"
            );
        }
    }
}

#[test]
fn links_out_of_the_tree_are_refused() {
    let old = files(&[("a", b"old")]);
    let mut new = old.clone();
    new.insert("l".to_owned(), (Kind::Link, b"../outside".to_vec()));
    let (patch, _) = make(&old, &new);
    let result = apply(&old, &patch, &Limits::default());
    assert!(
        matches!(result, Err(Error::UnsafeLink { .. })),
        "{result:?}"
    );
}
