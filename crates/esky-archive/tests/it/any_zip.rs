//! Zip files that are not packages.

use crate::craft::{deflated, file, link, zip};
use crate::tree::{Node, Tree};
use esky_archive::{Archive, EntryFault, Error, Limits, Result};
use std::io::Cursor;
use std::ops::ControlFlow;

fn open(bytes: Vec<u8>) -> Archive<Cursor<Vec<u8>>> {
    Archive::open("any.zip", Cursor::new(bytes), &Limits::default()).unwrap()
}

/// Extracts each file to where `place` says.
fn extract(bytes: Vec<u8>, place: impl Fn(&str) -> Option<&str>) -> Result<Tree> {
    let mut archive = open(bytes);
    let names: Vec<_> = archive.names().map(str::to_owned).collect();
    let paths = names.iter().map(|name| place(name).map(str::to_owned));
    let selection = archive.select(paths)?;
    let mut tree = Tree::default();
    selection.unpack(&mut tree, &mut |_| ControlFlow::Continue(()))?;
    Ok(tree)
}

#[test]
fn files_and_links_are_extracted_with_the_directories_that_they_lie_in() {
    let bytes = zip(&[
        link("a/link", "b/text"),
        deflated("a/b/text", b"some text"),
        file("top", b"x"),
    ]);
    let tree = extract(bytes, |name| Some(name)).unwrap();
    assert_eq!(tree.order, ["a", "a/b", "a/b/text", "top", "a/link"]);
    assert_eq!(
        tree.nodes["a/b/text"],
        Node::File(0o644, b"some text".to_vec())
    );
    assert_eq!(tree.nodes["a/link"], Node::Symlink("b/text".to_owned()));
}

#[test]
fn what_counts_is_the_path_that_was_chosen_and_not_the_name() {
    let bytes = || zip(&[file("../out", b"x"), link("in", "../up"), file("same", b"")]);
    let renamed = extract(bytes(), |name| match name {
        "../out" => Some("here"),
        "in" => Some("deep/in"),
        _ => None,
    });
    assert_eq!(renamed.unwrap().order, ["deep", "here", "deep/in"]);
    let fault = |place: fn(&str) -> Option<&str>| match extract(bytes(), place).unwrap_err() {
        Error::Entry { fault, .. } => fault,
        other => panic!("{other:?}"),
    };
    assert!(matches!(fault(|name| Some(name)), EntryFault::Path(_)));
    assert!(matches!(
        fault(|name| (name == "in").then_some(name)),
        EntryFault::Link { .. }
    ));
    assert_eq!(fault(|_| Some("one")), EntryFault::Duplicate);
}

#[test]
fn more_than_the_limit_is_refused_before_anything_is_chosen() {
    let limits = Limits::default().with_unpacked_size(3);
    let bytes = zip(&[file("a", b"xx"), file("b", b"xx")]);
    assert!(Archive::open("any.zip", Cursor::new(bytes), &limits).is_err());
}
