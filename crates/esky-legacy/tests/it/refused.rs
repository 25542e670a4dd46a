//! Patches that nobody should apply.

use std::io::Cursor;
use std::ops::ControlFlow;

use esky_legacy::{Command, Damage, Error, Limits, Result, Tree, Writer};

use crate::trees::{apply, digest_of, fixture, go_on, make, on_disk, tree};

fn patch(commands: &[Command]) -> Vec<u8> {
    let mut patch = Vec::new();
    let mut writer = Writer::new(&mut patch).expect("to memory");
    for command in commands {
        writer.write(command).expect("to memory");
    }
    patch
}

fn limited(old: &Tree, patch: &[u8], limits: &Limits) -> Result<Tree> {
    esky_legacy::apply(old, Cursor::new(patch), limits, &mut go_on)
}

fn path(text: &str) -> String {
    text.to_owned()
}

fn outcome(commands: &[Command]) -> Result<Tree> {
    apply(
        &tree([("a", b"12".as_slice()), ("d/x", b"3")]),
        &patch(commands),
    )
}

/// The original took the first 64 bytes of a patch for a whole one.
#[test]
fn a_patch_without_a_digest_of_the_whole_tree_at_its_end_is_refused() {
    let join = Command::JoinPath(path("a"));
    let cut_off: [&[Command]; 3] = [
        &[],
        &[join.clone(), Command::Remove],
        &[join, Command::Insert(b"x".to_vec()), Command::End],
    ];
    for commands in cut_off {
        let refused = outcome(commands);
        assert!(matches!(refused, Err(Error::Damaged(Damage::Truncated))));
    }
    let digest = digest_of(&tree([("a", b"12".as_slice()), ("d/x", b"3")]));
    let verify = Command::Verify(digest);
    assert!(outcome(std::slice::from_ref(&verify)).is_ok());
    assert!(outcome(&[verify.clone(), Command::End]).is_ok());
    let more = outcome(&[
        verify.clone(),
        Command::JoinPath(path("a")),
        Command::Remove,
    ]);
    assert!(matches!(more, Err(Error::Damaged(Damage::Truncated))));
    let behind = outcome(&[verify, Command::End, Command::End]);
    assert!(matches!(behind, Err(Error::Damaged(Damage::Trailing))));
}

#[test]
fn nothing_goes_above_the_root() {
    let above: [&[Command]; 6] = [
        &[Command::PopPath],
        &[Command::PopJoinPath(path("x"))],
        &[Command::Remove],
        &[Command::MakeDirectory],
        &[Command::CopyFrom(path("a"))],
        &[Command::Insert(b"x".to_vec()), Command::End],
    ];
    for commands in above {
        let refused = outcome(commands);
        let left = matches!(refused, Err(Error::Damaged(Damage::LeavesTree)));
        assert!(left, "{commands:?}");
    }
}

#[test]
fn what_is_not_there_cannot_be_used() {
    let at = |name: &str| Command::JoinPath(path(name));
    let missing: [&[Command]; 5] = [
        &[at("b"), Command::CopyFrom(path("c"))],
        &[at("b"), Command::MoveFrom(path("c"))],
        &[at("b"), Command::CopyFrom(path("b"))],
        &[at("b"), Command::Verify([0; 16])],
        &[at("no"), at("x"), Command::Insert(Vec::new()), Command::End],
    ];
    for commands in missing {
        let refused = outcome(commands);
        assert!(
            matches!(refused, Err(Error::Missing { .. })),
            "{commands:?}"
        );
    }
    for size in [3, u64::MAX] {
        for command in [Command::Copy(size), Command::Skip(size)] {
            let refused = outcome(&[at("a"), command]);
            assert!(matches!(refused, Err(Error::OtherSource { .. })));
        }
    }
    let no_zip = outcome(&[at("a"), Command::Zip]);
    assert!(matches!(no_zip, Err(Error::Damaged(Damage::Zip(_)))));
}

#[test]
fn a_copy_of_a_copy_ends_at_the_limits() {
    let mut commands = vec![Command::JoinPath(path("d"))];
    for _ in 0..100 {
        commands.push(Command::JoinPath(path("d")));
        commands.push(Command::MakeDirectory);
    }
    let deep = outcome(&commands);
    assert!(matches!(deep, Err(Error::Limit { .. })));
    let mut commands = vec![Command::JoinPath(path("b"))];
    for number in 0..40 {
        // Each directory holds the one before twice.
        let before = if number == 0 {
            path("d")
        } else {
            format!("b{}", number - 1)
        };
        commands.push(Command::PopJoinPath(format!("b{number}")));
        commands.push(Command::MakeDirectory);
        for half in ["l", "r"] {
            commands.push(Command::PopJoinPath(format!("t{half}")));
            commands.push(Command::CopyFrom(before.clone()));
            commands.push(Command::PopJoinPath(format!("b{number}/{half}")));
            commands.push(Command::PopPath);
            commands.push(Command::PopJoinPath(format!("b{number}")));
            commands.push(Command::JoinPath(path(half)));
            commands.push(Command::MakeDirectory);
            commands.push(Command::PopPath);
        }
        commands.push(Command::PopJoinPath(format!("c{number}")));
        commands.push(Command::CopyFrom(format!("b{number}")));
    }
    assert!(outcome(&commands).is_err());
}

#[test]
fn memory_and_work_are_limited() {
    let packed = make(&Tree::default(), &tree([("zeros", &[0; 4 << 20][..])]));
    assert!(packed.len() < 1000);
    let limits = Limits::default().with_memory(1 << 20);
    let refused = limited(&Tree::default(), &packed, &limits);
    assert!(matches!(refused, Err(Error::Limit { what: "memory", .. })));
    let mut limits = Limits::default();
    limits.work = 1 << 20;
    let refused = limited(&Tree::default(), &packed, &limits);
    assert!(matches!(refused, Err(Error::Limit { what: "work", .. })));
    let mut limits = Limits::default();
    limits.patch = packed.len() as u64 - 1;
    let refused = limited(&Tree::default(), &packed, &limits);
    assert!(matches!(refused, Err(Error::Limit { .. })));
}

#[test]
fn zips_in_zips_end_at_the_limit() {
    let directory = fixture("09-nested-zip");
    let patch = std::fs::read(directory.join("patch")).expect("the patch");
    let mut limits = Limits::default();
    limits.nesting = 1;
    let old = on_disk(&directory.join("source"));
    let refused = limited(&old, &patch, &limits);
    assert!(matches!(
        refused,
        Err(Error::Limit {
            what: "zips in zips",
            ..
        })
    ));
}

#[test]
fn the_caller_can_end_the_work() {
    let patch = make(&Tree::default(), &tree([("a", b"1".as_slice())]));
    let mut left = 2;
    let mut pulse = || {
        left -= 1;
        if left == 0 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    let limits = Limits::default();
    let ended = esky_legacy::apply(&Tree::default(), Cursor::new(patch), &limits, &mut pulse);
    assert!(matches!(ended, Err(Error::Cancelled)));
}

#[cfg(unix)]
#[test]
fn links_in_the_old_tree_are_refused() {
    let scratch = tempfile::tempdir().expect("a directory");
    std::os::unix::fs::symlink("/etc", scratch.path().join("link")).expect("a link");
    let refused = Tree::of_directory(scratch.path(), &Limits::default());
    assert!(matches!(refused, Err(Error::Special { .. })));
}
