//! Versions with symbolic links, empty files and directories, and modes: patches carry all of it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use esky::Way;
use esky_testkit::apps::{Node, Place, Release, directory_name, extract, noise};
use esky_testkit::server::Fault;
use esky_trust::Hashes;

use crate::plans::Kind;
use crate::signed_updates::{Stage, served};

/// As PyInstaller lays out a library with its links, and things that no content tells.
fn version(number: &str) -> Release {
    let words = format!("the words of {number}\n").repeat(20);
    Release::new(number)
        .size(400_000)
        .file("lib/deep/libz.so.1", noise(5000))
        .link("lib/deep/libz.so", "libz.so.1")
        .link("lib/libz.so", "deep/libz.so")
        .link("lib/deep/up", "../version.txt")
        .link("lib/all", "deep")
        .file("lib/words.txt", words)
        .file("lib/empty.txt", "")
        .node("lib/nothing", Node::Directory(0o750))
}

fn stage() -> Stage {
    Stage::with(&version("1.0"))
}

impl Stage {
    /// The installed version is what its package holds, to the last mode and link, and nothing else.
    pub(crate) fn equals_package(&self, version: &str) {
        self.stands_at(version);
        let fresh = Place::new();
        extract(&self.of_kind(version, Kind::Zip)[0], &fresh.appdir());
        let tree = |place: &Place| nodes_of(&place.appdir().join(directory_name(version)));
        assert_eq!(tree(&self.place), tree(&fresh));
    }
}

/// All in a version but for what esky keeps about it, each with what it is in words.
fn nodes_of(directory: &Path) -> BTreeMap<String, String> {
    let mut nodes = BTreeMap::new();
    collect(directory, "", &mut nodes);
    nodes.retain(|path, _| !path.starts_with("esky-files"));
    nodes
}

fn collect(directory: &Path, below: &str, nodes: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        let path = format!("{below}{}", entry.file_name().to_str().unwrap());
        let found = entry.metadata().unwrap();
        let mode = found.permissions().mode() & 0o7777;
        let node = if found.is_symlink() {
            format!("link to {}", fs::read_link(entry.path()).unwrap().display())
        } else if found.is_dir() {
            collect(&entry.path(), &format!("{path}/"), nodes);
            format!("directory {mode:o}")
        } else {
            let hash = Hashes::of(&fs::read(entry.path()).unwrap());
            format!("file {mode:o} {hash:?}")
        };
        nodes.insert(path, node);
    }
}

#[test]
fn an_app_with_links_is_updated_by_its_patch_at_the_first_try() {
    let stage = stage();
    stage.site.release(&version("1.1"));
    stage.updates_by("1.1", &[Way::Patches(1)]);
    stage.equals_package("1.1");
}

#[test]
fn an_app_with_links_is_updated_by_its_changed_files_at_the_first_try() {
    let stage = stage();
    stage
        .site
        .release_with(&version("1.1"), |options| options.patches.count = 0);
    stage.updates_by("1.1", &[Way::ChangedFiles]);
    stage.equals_package("1.1");
}

#[test]
fn an_app_with_links_is_updated_by_the_compact_package_at_the_first_try() {
    let stage = stage();
    // What compresses only together with the rest makes the compact package the smaller one.
    let text = noise(30_000);
    let many = (0..20).fold(version("1.1"), |release, number| {
        release.file(&format!("lib/text-{number}.txt"), text.clone())
    });
    stage
        .site
        .release_with(&many, |options| options.patches.count = 0);
    for package in stage.of_kind("1.1", Kind::Compact) {
        stage
            .server
            .fault(&served(&stage, &package), Fault::NoRanges);
    }
    stage.updates_by("1.1", &[Way::Compact]);
    stage.equals_package("1.1");
}

/// A link that the first patch writes is left as it is by the second.
#[test]
fn links_pass_through_a_chain_of_patches() {
    let stage = stage();
    for number in ["1.1", "1.2", "1.3"] {
        let with_link = version(number)
            .link("lib/new", "deep/libz.so")
            .link(&format!("lib/only-{number}"), "words.txt");
        stage
            .site
            .release_with(&with_link, |options| options.patches.count = 1);
    }
    stage.updates_by("1.3", &[Way::Patches(3)]);
    stage.equals_package("1.3");
}
