//! A sink that remembers, and shortcuts to fill it.

use esky_archive::{EntryFault, Error, Limits, Package, PackageFault, Result, SinkError, TreeSink};
use std::collections::BTreeMap;
use std::io::{Cursor, Read};
use std::ops::ControlFlow;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Node {
    Directory(u32),
    File(u32, Vec<u8>),
    Symlink(String),
    Program(u32, Vec<u8>),
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Tree {
    pub(crate) nodes: BTreeMap<String, Node>,
    /// The calls in their order.
    pub(crate) order: Vec<String>,
}

impl Tree {
    fn put(&mut self, path: &str, node: Node) {
        self.order.push(path.to_owned());
        let key = match node {
            Node::Program(..) => format!("/{path}"),
            _ => path.to_owned(),
        };
        assert!(self.nodes.insert(key, node).is_none(), "{path} came twice");
    }
}

impl TreeSink for Tree {
    fn directory(&mut self, path: &str, mode: u32) -> Result<(), SinkError> {
        self.put(path, Node::Directory(mode));
        Ok(())
    }

    fn file(
        &mut self,
        path: &str,
        mode: u32,
        size: u64,
        content: &mut dyn Read,
    ) -> Result<(), SinkError> {
        let bytes = read(size, content)?;
        self.put(path, Node::File(mode, bytes));
        Ok(())
    }

    fn symlink(&mut self, path: &str, target: &str) -> Result<(), SinkError> {
        self.put(path, Node::Symlink(target.to_owned()));
        Ok(())
    }

    fn program(
        &mut self,
        path: &str,
        mode: u32,
        size: u64,
        content: &mut dyn Read,
    ) -> Result<(), SinkError> {
        let bytes = read(size, content)?;
        self.put(path, Node::Program(mode, bytes));
        Ok(())
    }
}

fn read(size: u64, content: &mut dyn Read) -> Result<Vec<u8>, SinkError> {
    let mut bytes = Vec::new();
    content.read_to_end(&mut bytes)?;
    assert_eq!(bytes.len() as u64, size);
    Ok(bytes)
}

pub(crate) fn open(bytes: Vec<u8>) -> Result<Package<Cursor<Vec<u8>>>> {
    open_with(bytes, &Limits::default())
}

pub(crate) fn open_with(bytes: Vec<u8>, limits: &Limits) -> Result<Package<Cursor<Vec<u8>>>> {
    Package::open("app.zip", Cursor::new(bytes), limits)
}

/// Opens, which must work, and unpacks.
pub(crate) fn unpack(bytes: Vec<u8>) -> Result<Tree> {
    let mut package = open(bytes).unwrap();
    let mut tree = Tree::default();
    package.unpack(&mut tree, &mut |_| ControlFlow::Continue(()))?;
    Ok(tree)
}

/// As [`unpack`], for a version that was installed or released before.
pub(crate) fn unpack_known(bytes: Vec<u8>) -> Result<Tree> {
    let mut package = open_with(bytes, &Limits::default().with_unclear_names())?;
    let mut tree = Tree::default();
    package.unpack(&mut tree, &mut |_| ControlFlow::Continue(()))?;
    Ok(tree)
}

/// What opening fails with.
pub(crate) fn refusal(bytes: Vec<u8>) -> Error {
    match open(bytes) {
        Ok(_) => panic!("the package was opened"),
        Err(error) => {
            assert!(error.to_string().contains("app.zip"), "{error}");
            error
        }
    }
}

/// Why the package as a whole is refused.
pub(crate) fn package_fault(bytes: Vec<u8>) -> PackageFault {
    match refusal(bytes) {
        Error::Package { fault, .. } => fault,
        other => panic!("{other:?}"),
    }
}

/// The entry that is refused and why.
pub(crate) fn entry_fault(bytes: Vec<u8>) -> (String, EntryFault) {
    match refusal(bytes) {
        Error::Entry { entry, fault, .. } => (entry, fault),
        other => panic!("{other:?}"),
    }
}
