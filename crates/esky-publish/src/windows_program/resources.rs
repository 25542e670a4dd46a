//! The tree of a program's resources: kinds, in these names, in these languages.

use std::collections::{BTreeMap, BTreeSet};

use super::image::{u16_at, u32_at};

const DIRECTORY_SIZE: usize = 16;
const ENTRY_SIZE: usize = 8;
const DATA_ENTRY_SIZE: usize = 16;
/// In an entry: this leads to another directory, or this name is text.
const HIGH_BIT: u32 = 0x8000_0000;
/// More of one kind are not looked at.
const NAMES_LIMIT: usize = 1024;

/// One resource in one language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Resource {
    pub(super) kind: u32,
    /// Text stands for a number that no other has.
    pub(super) number: u32,
    pub(super) language: u32,
    pub(super) bytes: Vec<u8>,
}

/// The resources of a program, in the order of the file.
#[derive(Debug, Default)]
pub(super) struct Resources(Vec<Resource>);

impl Resources {
    /// From what begins at an address. What leads out of it is left out.
    pub(super) fn parse(bytes: &[u8], address: u32) -> Self {
        let mut found = Vec::new();
        for (kind, names) in entries(bytes, 0) {
            let wanted = [
                super::ICON,
                super::ICON_GROUP,
                super::VERSION,
                super::MANIFEST,
            ];
            if !wanted.contains(&kind) {
                continue;
            }
            for (number, languages) in below(bytes, names).into_iter().take(NAMES_LIMIT) {
                // One language is enough for an icon, and the first is the program's own.
                let first = below(bytes, languages).into_iter().next();
                found.extend(first.and_then(|(language, data)| {
                    Some(Resource {
                        kind,
                        number,
                        language,
                        bytes: content(bytes, data, address)?,
                    })
                }));
            }
        }
        Self(found)
    }

    /// The first of a kind, which is the one that Windows shows.
    pub(super) fn first(&self, kind: u32) -> Option<&Resource> {
        self.0.iter().find(|found| found.kind == kind)
    }

    /// The one with this number.
    pub(super) fn numbered(&self, kind: u32, number: u32) -> Option<&Resource> {
        self.0
            .iter()
            .find(|found| found.kind == kind && found.number == number)
    }
}

/// The entries of a directory: name and where it leads.
fn entries(bytes: &[u8], at: usize) -> Vec<(u32, u32)> {
    let count = |offset| u16_at(bytes, at + offset).map_or(0, usize::from);
    (0..count(12) + count(14))
        .map_while(|number| {
            let entry = at + DIRECTORY_SIZE + number * ENTRY_SIZE;
            Some((u32_at(bytes, entry)?, u32_at(bytes, entry + 4)?))
        })
        .collect()
}

fn below(bytes: &[u8], target: u32) -> Vec<(u32, u32)> {
    if target & HIGH_BIT == 0 {
        return Vec::new();
    }
    entries(bytes, (target & !HIGH_BIT) as usize)
}

fn content(bytes: &[u8], target: u32, address: u32) -> Option<Vec<u8>> {
    if target & HIGH_BIT != 0 {
        return None;
    }
    let at = target as usize;
    let start = u32_at(bytes, at)?.checked_sub(address)? as usize;
    let end = start.checked_add(u32_at(bytes, at + 4)? as usize)?;
    bytes.get(start..end).map(<[u8]>::to_vec)
}

/// The tree of these resources, to be loaded at an address.
pub(super) fn write(resources: &[Resource], address: u32) -> Vec<u8> {
    let mut kinds: BTreeMap<u32, BTreeMap<u32, &Resource>> = BTreeMap::new();
    for resource in resources {
        let names = kinds.entry(resource.kind).or_default();
        names.insert(resource.number, resource);
    }
    let all: Vec<&Resource> = kinds.values().flat_map(BTreeMap::values).copied().collect();
    let directory = |entries: usize| DIRECTORY_SIZE + entries * ENTRY_SIZE;
    let root = directory(kinds.len());
    let of_kinds: usize = kinds.values().map(|names| directory(names.len())).sum();
    let languages_at = root + of_kinds;
    let data_entries_at = languages_at + all.len() * directory(1);

    let mut tree = Vec::new();
    let mut next = root;
    let starts = kinds.iter().map(|(kind, names)| {
        let start = next;
        next += directory(names.len());
        (*kind, start as u32 | HIGH_BIT)
    });
    add_directory(&mut tree, starts);
    let mut next = languages_at;
    for names in kinds.values() {
        let numbers: BTreeSet<u32> = names.keys().copied().collect();
        let starts = numbers.iter().map(|number| {
            let start = next;
            next += directory(1);
            (*number, start as u32 | HIGH_BIT)
        });
        add_directory(&mut tree, starts);
    }
    for (number, resource) in all.iter().enumerate() {
        let data = data_entries_at + number * DATA_ENTRY_SIZE;
        add_directory(&mut tree, [(resource.language, data as u32)].into_iter());
    }
    add_contents(&mut tree, &all, address);
    tree
}

fn add_directory(tree: &mut Vec<u8>, entries: impl ExactSizeIterator<Item = (u32, u32)>) {
    tree.extend([0; 14]);
    tree.extend((entries.len() as u16).to_le_bytes());
    for (name, target) in entries {
        tree.extend(name.to_le_bytes());
        tree.extend(target.to_le_bytes());
    }
}

fn add_contents(tree: &mut Vec<u8>, resources: &[&Resource], address: u32) {
    let mut at = tree.len() + resources.len() * DATA_ENTRY_SIZE;
    for resource in resources {
        for value in [
            address.wrapping_add(at as u32),
            resource.bytes.len() as u32,
            0,
            0,
        ] {
            tree.extend(value.to_le_bytes());
        }
        at += resource.bytes.len().next_multiple_of(8);
    }
    for resource in resources {
        tree.extend_from_slice(&resource.bytes);
        tree.resize(tree.len().next_multiple_of(8), 0);
    }
}
