//! Trees to test with.

use std::io::Cursor;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use esky_legacy::{Content, Limits, Node, Result, Tree, create, digest};

pub(crate) fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(name)
}

pub(crate) fn go_on() -> ControlFlow<()> {
    ControlFlow::Continue(())
}

pub(crate) fn on_disk(path: &Path) -> Tree {
    Tree::of_directory(path, &Limits::default()).expect("a readable directory")
}

pub(crate) fn apply(tree: &Tree, patch: &[u8]) -> Result<Tree> {
    esky_legacy::apply(tree, Cursor::new(patch), &Limits::default(), &mut go_on)
}

pub(crate) fn make(old: &Tree, new: &Tree) -> Vec<u8> {
    let mut patch = Vec::new();
    create(old, new, &mut patch, &Limits::default(), &mut go_on).expect("two small trees");
    patch
}

pub(crate) fn digest_of(tree: &Tree) -> [u8; 16] {
    digest(tree, &Limits::default(), &mut go_on).expect("a small tree")
}

/// A tree of files in memory; a path that ends with a slash is an empty directory.
pub(crate) fn tree<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Tree {
    let mut tree = Tree::default();
    for (path, bytes) in files {
        let put = match path.strip_suffix('/') {
            Some(path) => tree.insert(path, Node::Directory(Arc::default())),
            None => {
                let content = Content::Memory(Arc::new(bytes.to_vec()));
                tree.insert_file(path, 0o644, content)
            }
        };
        put.expect("a path that is free");
    }
    tree
}

/// Everything there is to say about a tree: path, mode, and content of files.
pub(crate) fn all_of(tree: &Tree) -> Vec<(String, u32, Option<Vec<u8>>)> {
    let mut all = Vec::new();
    list("", tree, &mut all);
    all
}

fn list(below: &str, tree: &Tree, all: &mut Vec<(String, u32, Option<Vec<u8>>)>) {
    for (name, node) in tree.entries() {
        let path = format!("{below}{name}");
        match node {
            Node::Directory(directory) => {
                all.push((path.clone(), directory.mode, None));
                list(&format!("{path}/"), directory, all);
            }
            Node::File { mode, content } => {
                let mut bytes = Vec::new();
                let mut reader = content.open().expect("a readable file");
                reader.read_to_end(&mut bytes).expect("a readable file");
                all.push((path, *mode, Some(bytes)));
            }
        }
    }
}
