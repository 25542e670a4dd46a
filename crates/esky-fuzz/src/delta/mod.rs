//! Patches, and what is looked into when they are made: executables and packed streams.

mod memory;
mod programs;

use esky_delta::{Limits, Patch, apply, create, deflate, diff, work};

use crate::format::assert_safe;
use memory::{Files, go_on};

/// No patch needs more for such small files.
const MEMORY: u64 = 64 << 20;
const OUTPUT: u64 = 1 << 20;
const CHECKSUM: usize = 4;
/// Units of work that any patch may make, and that it may make for each byte of itself, of the old and of the new files: bits of
/// which models decode ten for a byte, and of which they find hundreds in one byte of a patch.
const LEAST_WORK: u64 = 1 << 20;
const MOST_WORK: u64 = 2000;

/// Whatever the patch of a tree is, it writes no more than the limit, and to safe paths only. Checksums are made right first:
/// they keep accidents out, and this is about those who compute them anew.
pub(crate) fn patch_of_tree(bytes: &[u8]) {
    tree_patch(bytes);
    if let Some(mended) = with_right_checksums(bytes) {
        tree_patch(&mended);
    }
}

fn tree_patch(bytes: &[u8]) {
    let old = old();
    let mut new = Files::default();
    work::taken();
    let is_applied = open_and_apply(bytes, &old, &mut new);
    assert_in_proportion(bytes.len() + old.size() + new.size());
    if !is_applied {
        return;
    }
    for (path, _) in new.iter() {
        assert_safe(path);
    }
    assert!(new.size() as u64 <= OUTPUT);
}

fn open_and_apply(bytes: &[u8], old: &Files, new: &mut Files) -> bool {
    let patch = Patch::open(bytes, &limits());
    patch.and_then(|patch| patch.apply(old, new)).is_ok()
}

/// The work of reading a patch is bounded by what is read and written, not by what the patch says.
fn assert_in_proportion(bytes: usize) {
    let (done, most) = (work::taken(), LEAST_WORK + MOST_WORK * bytes as u64);
    assert!(done <= most, "{done} units of work for {bytes} bytes");
}

/// The same for the patch of one file, which either gives the right bytes or none.
pub(crate) fn patch_of_file(bytes: &[u8]) {
    let mut mended = bytes.to_vec();
    if let Some(end) = bytes.len().checked_sub(CHECKSUM) {
        seal(&mut mended, 0, end);
    }
    for patch in [bytes, &mended] {
        let (old, mut new) = (text(0), Vec::new());
        work::taken();
        let _ = apply(&old, patch, &mut new, &limits());
        assert_in_proportion(patch.len() + old.len() + new.len());
        assert!(new.len() as u64 <= OUTPUT);
    }
}

/// A file of any sort, and what becomes of it by two small changes: the patch between them leads from one to the other.
pub(crate) fn changed_file(bytes: &[u8]) {
    let mut changed = bytes.to_vec();
    let at = bytes.len() / 2;
    changed.splice(at..at, *b"new");
    if let Some(byte) = changed.get_mut(bytes.len() / 3) {
        *byte ^= 0x10;
    }
    let (old, new) = (
        Files::from([("f", bytes.to_vec())]),
        Files::from([("f", changed)]),
    );
    let patch = between(&old, &new);
    let opened = Patch::open(patch.as_slice(), &Limits::default()).unwrap();
    let mut made = Files::default();
    opened.apply(&old, &mut made).unwrap();
    assert!(made == new);
}

/// With its checksum made right, 261 bytes of which an index of 12 MB is unpacked, and nothing of it is right.
const SLOW_HEAD: &[u8] = include_bytes!("../../seeds/patch_of_tree-slow-head");

pub(crate) fn tree_seeds() -> Vec<Vec<u8>> {
    let archive = |changed| [b"before".as_slice(), &zlib(&text(changed))].concat();
    let renamed = Files::from([("b", text(1)), ("moved", text(0)), ("z", archive(1))]);
    let packed = Files::from([("a", text(0)), ("z", archive(7))]);
    let patches = [renamed, packed, Files::default()]
        .iter()
        .map(|new| between(&old(), new))
        .collect();
    [patches, vec![SLOW_HEAD.to_vec()]].concat()
}

pub(crate) fn file_seeds() -> Vec<Vec<u8>> {
    let news = [text(1), text(0)[..200].to_vec(), b"other".to_vec()];
    let patches = news.iter().map(|new| create(&text(0), new).unwrap());
    patches.collect()
}

pub(crate) fn elf_seeds() -> Vec<Vec<u8>> {
    [62, 183].map(programs::elf).to_vec()
}

pub(crate) fn pe_seeds() -> Vec<Vec<u8>> {
    [0x8664, 0xaa64].map(programs::pe).to_vec()
}

pub(crate) fn mach_o_seeds() -> Vec<Vec<u8>> {
    let slices = [0x0100_0007, 0x0100_000c].map(programs::mach_o);
    let fat = programs::fat(&slices);
    [slices.to_vec(), vec![fat]].concat()
}

pub(crate) fn packed_seeds() -> Vec<Vec<u8>> {
    let mut zip = b"PK\x03\x04\x14\0\0\0\x08\0".to_vec();
    zip.resize(30, 0);
    zip.extend(deflate(&text(2), 6));
    zip.extend(text(3));
    let two = [
        b"first".as_slice(),
        &zlib(&text(4)),
        b"second",
        &zlib(&text(5)),
    ]
    .concat();
    vec![zip, two]
}

fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.memory = MEMORY;
    limits.output = OUTPUT;
    limits
}

fn between(old: &Files, new: &Files) -> Vec<u8> {
    let mut patch = Vec::new();
    diff(old, new, &mut patch, &mut go_on).unwrap();
    patch
}

fn old() -> Files {
    let archive = [b"before".as_slice(), &zlib(&text(0))].concat();
    Files::from([("a", text(0)), ("b", b"small".to_vec()), ("z", archive)])
}

/// Lines that look alike, of which one is another in each version.
fn text(changed: usize) -> Vec<u8> {
    let line = |number: usize| match number == 3 * changed {
        true => format!("{number}: changed\n"),
        false => format!("{number}: line {}\n", number * number % 41),
    };
    (1..40).map(line).collect::<String>().into_bytes()
}

/// As level 9 packs.
fn zlib(bytes: &[u8]) -> Vec<u8> {
    let (mut a, mut b) = (1u32, 0u32);
    for &byte in bytes {
        a = (a + u32::from(byte)) % 65_521;
        b = (b + a) % 65_521;
    }
    [
        [0x78, 0xda].as_slice(),
        &deflate(bytes, 9),
        &(b << 16 | a).to_be_bytes(),
    ]
    .concat()
}

/// Makes the checksum right that stands at `end`, over what begins at `start`.
fn seal(bytes: &mut [u8], start: usize, end: usize) {
    let sum = crc32fast::hash(&bytes[start..end]).to_le_bytes();
    bytes[end..end + CHECKSUM].copy_from_slice(&sum);
}

/// The checksum of the index, and that of the last unit if there is only one.
fn with_right_checksums(patch: &[u8]) -> Option<Vec<u8>> {
    let mut rest = patch.get(5..)?;
    let _memory_and_output = (number(&mut rest)?, number(&mut rest)?);
    let _unpacked = number(&mut rest)?;
    let (index, hashes) = (number(&mut rest)?, number(&mut rest)?);
    let head = patch.len() - rest.len();
    let end = head
        .checked_add(index.try_into().ok()?)?
        .checked_add(hashes.try_into().ok()?)?;
    let units = end.checked_add(CHECKSUM)?;
    if units > patch.len() {
        return None;
    }
    let mut mended = patch.to_vec();
    seal(&mut mended, 0, end);
    if patch.len() >= units + CHECKSUM {
        seal(&mut mended, units, patch.len() - CHECKSUM);
    }
    Some(mended)
}

fn number(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..63).step_by(7) {
        let (&byte, behind) = rest.split_first()?;
        *rest = behind;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}
