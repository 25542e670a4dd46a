//! Carries out the commands of a patch.

use std::io::{Read, Seek, SeekFrom};
use std::sync::Arc;

use crate::Pulse;
use crate::command::{Command, Reader};
use crate::digest;
use crate::error::{Damage, Error, Result};
use crate::limits::{Budget, Limits};
use crate::patching::Patching;
use crate::tree::{Content, FILE_MODE, Node, Tree, missing};
use crate::zip::{self, Behind};

/// In the directory that stands for a zip: what its outline and its contents are called.
const OUTLINE: &str = "outline";
const CONTENTS: &str = "contents";

/// What a patch makes of a tree. The files of the old one are only read.
///
/// # Errors
///
/// If the patch is damaged in any way, was made for another tree, asks for more than the limits, or does not end with
/// the right digest of the whole result.
pub fn apply<R: Read + Seek>(
    tree: &Tree,
    mut patch: R,
    limits: &Limits,
    pulse: Pulse<'_>,
) -> Result<Tree> {
    let start = patch.stream_position().map_err(Error::Input)?;
    let mut budget = Budget::new(limits, pulse);
    let mut outcome = run(tree, &mut patch, Behind::WithSignature, &mut budget);
    if matches!(outcome, (Err(_), true)) {
        // Nothing in the patch tells which Python it was made with.
        patch.seek(SeekFrom::Start(start)).map_err(Error::Input)?;
        outcome = run(tree, &mut patch, Behind::WithoutSignature, &mut budget);
    }
    outcome.0
}

/// Goes through the patch once; also tells whether it makes a difference how sizes behind the data are written.
fn run<R: Read>(
    tree: &Tree,
    patch: R,
    behind: Behind,
    budget: &mut Budget<'_>,
) -> (Result<Tree>, bool) {
    let reader = match Reader::open(patch, &budget.limits) {
        Ok(reader) => reader,
        Err(error) => return (Err(error), false),
    };
    let mut machine = Machine {
        reader,
        budget,
        behind,
        met_sizes_behind: false,
    };
    let outcome = machine.patch(tree);
    (outcome, machine.met_sizes_behind)
}

/// What ended a block.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Command,
    File,
}

/// A tree, and where in it the commands are.
struct Place {
    tree: Tree,
    at: Vec<String>,
    /// The last command has compared the whole tree.
    is_verified: bool,
}

impl Place {
    fn new(tree: Tree, at: &[&str]) -> Self {
        Self {
            tree,
            at: at.iter().map(|&name| name.to_owned()).collect(),
            is_verified: false,
        }
    }

    fn join(&mut self, path: &str, limits: &Limits) -> Result<()> {
        self.at.extend(path.split('/').map(str::to_owned));
        check_depth(self.at.len(), limits)
    }

    fn pop(&mut self) -> Result<()> {
        self.at.pop().map(drop).ok_or(Damage::LeavesTree.into())
    }

    /// A path beside the present one.
    fn beside(&self, path: &str) -> Result<Vec<String>> {
        let (_, parent) = self.at.split_last().ok_or(Damage::LeavesTree)?;
        let names = path.split('/').map(str::to_owned);
        Ok(parent.iter().cloned().chain(names).collect())
    }
}

fn check_depth(depth: usize, limits: &Limits) -> Result<()> {
    if depth > limits.depth {
        return Err(Error::Limit {
            what: "directories in directories",
            limit: limits.depth as u64,
        });
    }
    Ok(())
}

struct Machine<'a, 'b, R> {
    reader: Reader<R>,
    budget: &'a mut Budget<'b>,
    behind: Behind,
    met_sizes_behind: bool,
}

impl<R: Read> Machine<'_, '_, R> {
    fn patch(&mut self, tree: &Tree) -> Result<Tree> {
        let mut place = Place::new(tree.clone(), &[]);
        let end = self.block(&mut place, 0)?;
        if end == End::Command && self.reader.next_command()?.is_some() {
            return Err(Damage::Trailing.into());
        }
        if place.is_verified {
            Ok(place.tree)
        } else {
            Err(Damage::Truncated.into())
        }
    }

    /// Carries out commands to the end of a block.
    fn block(&mut self, place: &mut Place, nesting: usize) -> Result<End> {
        let mut open: Option<Patching> = None;
        loop {
            self.budget.work(1)?;
            let command = self.reader.next_command()?;
            if let Some(command) = command
                .as_ref()
                .filter(|command| command.is_about_content())
            {
                place.is_verified = false;
                let file = match &mut open {
                    Some(file) => file,
                    None => open.insert(Patching::open(&place.tree, &place.at)?),
                };
                self.content(file, command, nesting)?;
                continue;
            }
            if let Some(file) = open.take() {
                file.finish(&mut place.tree)?;
            }
            match command {
                None => return Ok(End::File),
                Some(Command::End) => return Ok(End::Command),
                Some(command) => self.step(place, command)?,
            }
        }
    }

    fn step(&mut self, place: &mut Place, command: Command) -> Result<()> {
        place.is_verified = false;
        match command {
            Command::SetPath(path) => {
                place.at.clear();
                if !path.is_empty() {
                    place.join(&path, &self.budget.limits)?;
                }
                Ok(())
            }
            Command::JoinPath(path) => place.join(&path, &self.budget.limits),
            Command::PopPath => place.pop(),
            Command::PopJoinPath(path) => {
                place.pop()?;
                place.join(&path, &self.budget.limits)
            }
            Command::Verify(digest) => self.verify(place, digest),
            Command::Remove => place.tree.remove(&place.at).map(drop),
            Command::MakeDirectory => {
                place.tree.remove(&place.at)?;
                let directory = Node::Directory(Arc::default());
                place.tree.put_making_parents(&place.at, directory)
            }
            Command::CopyFrom(path) => {
                let from = place.beside(&path)?;
                place.tree.remove(&place.at)?;
                let node = place.tree.at(&from).cloned();
                self.put(place, node.ok_or_else(|| missing(&from))?)
            }
            Command::MoveFrom(path) => {
                let from = place.beside(&path)?;
                place.tree.remove(&place.at)?;
                let node = place.tree.remove(&from)?;
                self.put(place, node.ok_or_else(|| missing(&from))?)
            }
            Command::Mode(mode) => set_mode(place, mode),
            // Those about content never come here.
            _ => Ok(()),
        }
    }

    fn put(&mut self, place: &mut Place, node: Node) -> Result<()> {
        let height = node.height(self.budget)?;
        check_depth(place.at.len() + height, &self.budget.limits)?;
        place.tree.put(&place.at, node)
    }

    fn verify(&mut self, place: &mut Place, expected: [u8; 16]) -> Result<()> {
        let digest = match place.tree.at(&place.at) {
            _ if place.at.is_empty() => digest::of_tree(&place.tree, self.budget)?,
            Some(node) => digest::of_node(node, self.budget)?,
            None => return Err(missing(&place.at)),
        };
        if digest != expected {
            let path = place.at.join("/");
            return Err(Error::OtherDigest { path });
        }
        place.is_verified = place.at.is_empty();
        Ok(())
    }

    fn content(&mut self, file: &mut Patching, command: &Command, nesting: usize) -> Result<()> {
        let budget = &mut *self.budget;
        match command {
            Command::Copy(size) => file.copy(*size, budget),
            Command::Skip(size) => file.skip(*size),
            Command::Insert(bytes) => file.insert(bytes, budget),
            Command::InsertPacked(packed) => file.insert_packed(packed, budget),
            Command::Difference { size, patch } => file.difference(*size, patch, budget),
            _ => {
                let zip = self.zip(file, nesting + 1)?;
                file.insert(&zip, self.budget)
            }
        }
    }

    /// Takes a zip apart, lets two blocks change it, and puts it together again.
    fn zip(&mut self, file: &Patching, nesting: usize) -> Result<Vec<u8>> {
        let limits = self.budget.limits;
        if nesting > limits.nesting {
            return Err(Error::Limit {
                what: "zips in zips",
                limit: limits.nesting as u64,
            });
        }
        let old = file.old().ok_or(Damage::Zip("there is none"))?;
        let bytes = old.read(self.budget)?;
        let entries = zip::read(&bytes)?;
        self.budget.visit(entries.len() as u64)?;
        self.met_sizes_behind |= entries.iter().any(zip::Entry::has_sizes_behind);

        let outline = zip::outline(&entries, self.behind, self.budget)?;
        let mut place = Place::new(Tree::default(), &[OUTLINE]);
        let content = Content::Memory(Arc::new(outline));
        place.tree.insert_file(OUTLINE, FILE_MODE, content)?;
        self.inner_block(&mut place, nesting)?;
        let Some(Node::File { content, .. }) = place.tree.get(OUTLINE) else {
            return Err(Damage::Kind.into());
        };
        let outline = content.read(self.budget)?;

        let contents = zip::unpack(&bytes, &entries, self.budget)?;
        let mut place = Place::new(Tree::default(), &[CONTENTS]);
        place
            .tree
            .insert(CONTENTS, Node::Directory(Arc::new(contents)))?;
        self.inner_block(&mut place, nesting)?;
        let contents = place.tree.directory(CONTENTS).ok_or(Damage::Kind)?;
        let entries_after = zip::read(&outline)?;
        zip::write(&entries_after, contents, self.behind, self.budget)
    }

    fn inner_block(&mut self, place: &mut Place, nesting: usize) -> Result<()> {
        match self.block(place, nesting)? {
            End::Command => Ok(()),
            End::File => Err(Damage::Truncated.into()),
        }
    }
}

/// The bits of the file type must be those of what is there; of the others those of permission count.
fn set_mode(place: &mut Place, mode: u32) -> Result<()> {
    const KIND: u32 = 0o170_000;
    let is_directory = !matches!(place.tree.at(&place.at), Some(Node::File { .. }));
    let stated = match mode & KIND {
        0o040_000 => Some(true),
        0o100_000 => Some(false),
        0 => None,
        _ => return Err(Damage::Kind.into()),
    };
    if stated.is_some_and(|stated| stated != is_directory) {
        return Err(Damage::Kind.into());
    }
    place.tree.set_mode(&place.at, mode & 0o777)
}
