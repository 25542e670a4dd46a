//! Names and links that could harm on some platform: one test per fault, named after it.

use crate::craft::{file, good, good_and, inside, link, zip};
use crate::tree::{Node, entry_fault, unpack, unpack_known};
use esky_archive::EntryFault;
use esky_format::path::PathFault;

fn name_fault(name: &str) -> PathFault {
    let (entry, fault) = entry_fault(good_and([file(name, b"evil")]));
    assert_eq!(entry, name.trim_end_matches('/'));
    match fault {
        EntryFault::Path(fault) => fault,
        other => panic!("{other:?}"),
    }
}

#[test]
fn dot_dot() {
    assert_eq!(name_fault(&inside("../../evil")), PathFault::Dots);
    assert_eq!(name_fault("../evil"), PathFault::Dots);
}

#[test]
fn absolute_path() {
    assert_eq!(name_fault("/etc/passwd"), PathFault::Absolute);
}

#[test]
fn backslash() {
    assert_eq!(name_fault(&inside("..\\evil")), PathFault::Backslash);
}

#[test]
fn drive_letter() {
    assert_eq!(name_fault("C:/evil"), PathFault::Colon);
    assert_eq!(name_fault("C:evil"), PathFault::Colon);
}

#[test]
fn alternate_data_stream() {
    assert_eq!(name_fault(&inside("prog:evil")), PathFault::Colon);
}

#[test]
fn nul_in_a_name() {
    assert_eq!(name_fault(&inside("a\0b")), PathFault::Control);
}

#[test]
fn reserved_windows_names() {
    for name in ["CON", "nul.txt", "Com1", "lpt9.tar.gz", "aux"] {
        assert_eq!(name_fault(&inside(name)), PathFault::Reserved, "{name}");
    }
}

#[test]
fn name_ending_with_a_dot_or_space() {
    for name in ["evil.", "evil "] {
        assert_eq!(name_fault(&inside(name)), PathFault::TrailingDotOrSpace);
    }
}

#[test]
fn empty_name() {
    assert_eq!(name_fault(""), PathFault::Empty);
    assert_eq!(name_fault(&inside("a//b")), PathFault::EmptyComponent);
}

#[test]
fn name_that_is_not_utf8() {
    let mut item = file("x", b"");
    item.name = b"caf\xe9".to_vec();
    assert_eq!(entry_fault(good_and([item])).1, EntryFault::NotUtf8);
}

#[test]
fn case_collision() {
    let items = [file(&inside("Data"), b"1"), file(&inside("data"), b"2")];
    let (_, fault) = entry_fault(good_and(items));
    assert_eq!(fault, EntryFault::Collision(inside("Data")));
}

#[test]
fn case_collision_of_directories() {
    let items = [file(&inside("Lib/a"), b"1"), file(&inside("lib/b"), b"2")];
    let (_, fault) = entry_fault(good_and(items));
    assert_eq!(fault, EntryFault::Collision(inside("Lib")));
}

#[test]
fn accents_written_in_two_ways() {
    let items = [
        file(&inside("T\u{e9}.txt"), b"1"),
        file(&inside("Te\u{301}.txt"), b"2"),
    ];
    let bytes = good_and(items);
    let (_, fault) = entry_fault(bytes.clone());
    assert_eq!(fault, EntryFault::Collision(inside("T\u{e9}.txt")));
    assert!(unpack_known(bytes).is_ok(), "what is out already is read");
}

#[test]
fn text_that_is_turned_around() {
    let name = inside("annex\u{202e}txt.exe");
    assert_eq!(name_fault(&name), PathFault::Invisible('\u{202e}'));
    assert!(unpack_known(good_and([file(&name, b"1")])).is_ok());
    assert_eq!(
        link_fault("l", "a\u{2066}b"),
        PathFault::Invisible('\u{2066}')
    );
}

#[test]
fn too_many_directories_in_one_another() {
    let name = inside(&("a/".repeat(32_740) + "a"));
    let (entry, fault) = entry_fault(good_and([file(&name, b"evil")]));
    assert_eq!(fault, EntryFault::Path(PathFault::PathTooLong));
    assert!(entry.len() < 1100 && name.starts_with(entry.trim_end_matches('…')));
    let name = inside(&("a/".repeat(64) + "a"));
    assert_eq!(name_fault(&name), PathFault::TooDeep);
}

#[test]
fn duplicates() {
    let (entry, fault) = entry_fault(good_and([file(&inside("prog"), b"another")]));
    assert_eq!((entry, fault), (inside("prog"), EntryFault::Duplicate));
}

fn link_fault(path: &str, target: &str) -> PathFault {
    match entry_fault(good_and([link(&inside(path), target)])).1 {
        EntryFault::Link { fault, .. } => fault,
        other => panic!("{other:?}"),
    }
}

#[test]
fn symlink_to_an_absolute_path() {
    assert_eq!(link_fault("l", "/etc"), PathFault::Absolute);
}

#[test]
fn symlink_leaving_the_tree() {
    assert_eq!(link_fault("l", "../prog"), PathFault::LeavesTree);
    assert_eq!(link_fault("a/b/l", "../../../x"), PathFault::LeavesTree);
}

#[test]
fn symlink_leaving_the_tree_by_way_of_another() {
    assert_eq!(link_fault("l", "a/../x"), PathFault::LeavesTree);
}

#[test]
fn symlink_without_a_target() {
    assert_eq!(link_fault("l", ""), PathFault::Empty);
}

#[test]
fn symlink_with_an_endless_target() {
    let long = "a/".repeat(4000) + "a";
    let (_, fault) = entry_fault(good_and([link(&inside("l"), &long)]));
    assert_eq!(fault, EntryFault::LinkTarget);
}

#[test]
fn symlink_among_the_programs() {
    let mut items = good();
    items[0] = link("prog", "elsewhere");
    assert_eq!(entry_fault(zip(&items)).1, EntryFault::ProgramLink);
}

#[test]
fn file_below_a_symlink() {
    let items = [link(&inside("d"), "data"), file(&inside("d/evil"), b"1")];
    let (entry, fault) = entry_fault(good_and(items));
    assert_eq!(entry, inside("d/evil"));
    assert_eq!(fault, EntryFault::BelowNonDirectory(inside("d")));
}

#[test]
fn file_below_a_file() {
    let (_, fault) = entry_fault(good_and([file(&inside("prog/evil"), b"1")]));
    assert_eq!(fault, EntryFault::BelowNonDirectory(inside("prog")));
}

#[test]
fn special_file() {
    let mut item = file(&inside("pipe"), b"");
    item.mode = 0o010_644;
    let (_, fault) = entry_fault(good_and([item]));
    assert_eq!(fault, EntryFault::Special(0o010_644));
}

#[test]
fn setuid_is_dropped() {
    let mut item = file(&inside("tool"), b"");
    item.mode = 0o104_755;
    let tree = unpack(good_and([item])).unwrap();
    assert_eq!(tree.nodes["tool"], Node::File(0o755, Vec::new()));
}
