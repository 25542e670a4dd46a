//! Packages that the original wrote, in each of its layouts.

use crate::tree::{Node, Tree};
use esky_archive::{Limits, Package};
use std::fs::File;
use std::ops::ControlFlow;
use std::path::PathBuf;

fn unpack(layout: &str, version: &str) -> (Tree, bool) {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/legacy");
    let name = format!("synth-{version}.linux-x86_64.zip");
    let reader = File::open(directory.join(layout).join(&name)).unwrap();
    let mut package = Package::open(&name, reader, &Limits::default()).unwrap();
    assert_eq!(package.app().package_name(), name);
    let total = package.unpacked_size();
    let mut last = 0;
    let mut tree = Tree::default();
    package
        .unpack(&mut tree, &mut |progress| {
            assert_eq!(progress.total, total);
            assert!(progress.done >= last);
            last = progress.done;
            ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!(last, total);
    (tree, package.in_appdata())
}

#[test]
fn all_layouts_give_the_same_tree() {
    for version in ["0.1", "0.2", "0.3"] {
        let (flat, flat_in_appdata) = unpack("oldlayout", version);
        let (appdata, in_appdata) = unpack("appdata", version);
        let (prefixed, prefixed_in_appdata) = unpack("prefixed", version);
        assert_eq!(flat.nodes, appdata.nodes);
        assert_eq!(flat.nodes, prefixed.nodes);
        assert_eq!(
            (flat_in_appdata, in_appdata, prefixed_in_appdata),
            (false, true, false)
        );
    }
}

#[test]
fn modes_and_programs_are_kept() {
    let (tree, _) = unpack("oldlayout", "0.1");
    let mode = |path: &str| match tree.nodes[path] {
        Node::File(mode, _) | Node::Program(mode, _) | Node::Directory(mode) => mode,
        Node::Symlink(_) => 0,
    };
    assert_eq!(mode("/prog"), 0o755);
    assert_eq!(mode("/libcore.so.1"), 0o755);
    assert_eq!(mode("prog"), 0o755);
    assert_eq!(mode("data/readme.txt"), 0o644);
    assert_eq!(mode("data"), 0o755);
}
