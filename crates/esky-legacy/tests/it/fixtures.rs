//! Patches that the original made, of trees of random bytes.

use std::fs;
use std::path::Path;

use esky_legacy::{Error, Limits, Tree, apply_to_directory};

use crate::trees::{all_of, apply, digest_of, fixture, go_on, on_disk};

/// Paths and contents; checkouts do not keep every mode and no empty directory.
fn contents(tree: &Tree) -> Vec<(String, Option<Vec<u8>>)> {
    let all = all_of(tree).into_iter();
    all.map(|(path, _, bytes)| (path, bytes)).collect()
}

fn leads_to_its_target(name: &str) {
    let directory = fixture(name);
    let patch = fs::read(directory.join("patch")).expect("the patch");
    let old = on_disk(&directory.join("source"));
    let before = contents(&old);
    let expected = on_disk(&directory.join("target"));

    let new = apply(&old, &patch).expect(name);
    assert_eq!(contents(&new), contents(&expected), "{name}");
    assert_eq!(digest_of(&new), digest_of(&expected), "{name}");

    let scratch = tempfile::tempdir().expect("a directory");
    let made = scratch.path().join("new");
    on_disk_too(&directory, &made);
    assert_eq!(contents(&on_disk(&made)), contents(&expected), "{name}");
    assert_eq!(contents(&old), before, "{name} changed the old tree");
    // Of a large patch not every one: each is applied as far as it goes.
    let step = if patch.len() < 2000 { 1 } else { 211 };
    for length in (0..patch.len()).step_by(step) {
        assert!(
            apply(&old, &patch[..length]).is_err(),
            "{name} cut off at {length}"
        );
    }
}

fn on_disk_too(directory: &Path, made: &Path) {
    let source = directory.join("source");
    let patch = directory.join("patch");
    apply_to_directory(&source, &patch, made, &Limits::default(), &mut go_on).expect("applied");
    let again = apply_to_directory(&source, &patch, made, &Limits::default(), &mut go_on);
    assert!(matches!(again, Err(Error::AlreadyThere { .. })));
}

macro_rules! fixtures {
    ($($test:ident: $name:literal),* $(,)?) => {$(
        #[test]
        fn $test() {
            leads_to_its_target($name);
        }
    )*};
}

fixtures! {
    identical_trees: "01-identical",
    files_edited_added_removed_and_with_another_mode: "02-edit-add-remove-chmod",
    a_difference: "03-bsdiff",
    a_renamed_directory: "04-dir-renamed-move",
    a_directory_copied_twice: "05-dir-copied-to-two",
    a_file_for_a_directory_and_back: "06-file-to-dir-and-back",
    a_zip_rebuilt_byte_for_byte: "07-zip-recursion",
    a_zip_with_a_comment_is_a_file_like_any_other: "08-zip-with-comment-falls-back",
    a_zip_in_a_zip: "09-nested-zip",
    several_windows: "10-multi-window",
    compiled_files_beside_a_module: "11-py-siblings",
    names_that_are_not_ascii: "12-utf8-name-nonascii",
    deep_paths: "13-deep-paths",
    skipped_bytes: "14-skip",
}

/// The original's writer lost its place in the source; its readers refuse what it made, and so do we.
#[test]
fn a_wrong_patch_of_the_original_is_refused() {
    let directory = fixture("15-original-writer-bug-window");
    let patch = fs::read(directory.join("patch")).expect("the patch");
    let refused = apply(&on_disk(&directory.join("source")), &patch);
    assert!(matches!(refused, Err(Error::OtherDigest { path }) if path.is_empty()));
}

#[test]
fn the_modes_that_a_patch_sets_are_those_of_the_new_tree() {
    let directory = fixture("02-edit-add-remove-chmod");
    let patch = fs::read(directory.join("patch")).expect("the patch");
    let new = apply(&on_disk(&directory.join("source")), &patch).expect("applied");
    let modes: Vec<(String, u32)> = all_of(&new)
        .into_iter()
        .map(|(path, mode, _)| (path, mode))
        .filter(|(path, _)| ["newdir", "newdir/sub/y", "tool"].contains(&path.as_str()))
        .collect();
    let expected = [("newdir", 0o755), ("newdir/sub/y", 0o644), ("tool", 0o755)];
    assert_eq!(modes, expected.map(|(path, mode)| (path.to_owned(), mode)));
}

#[test]
fn an_old_tree_that_was_changed_is_refused() {
    let directory = fixture("03-bsdiff");
    let patch = fs::read(directory.join("patch")).expect("the patch");
    let mut old = on_disk(&directory.join("source"));
    let extra = esky_legacy::Content::Memory(std::sync::Arc::new(b"log".to_vec()));
    old.insert_file("extra.log", 0o644, extra).expect("put");
    assert!(matches!(
        apply(&old, &patch),
        Err(Error::OtherDigest { .. })
    ));
}
