//! What Windows refuses while another program has a file open, how it says so, and what is made of that. The numbers are those of
//! docs/platforms.md, where the table is.
#![cfg(windows)]

use esky_fs::{ErrorKind, Result};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::windows::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::thread;
use tempfile::TempDir;

const DOCUMENT: &str = include_str!("../../../../docs/platforms.md");

const READ: u32 = 1;
const WRITE: u32 = 2;
const DELETION: u32 = 4;
/// What the other program lets others do, with its name in the table.
const SHARED: [(&str, u32); 5] = [
    ("nothing", 0),
    ("reading", READ),
    ("reading, writing", READ | WRITE),
    ("reading, deletion", READ | DELETION),
    ("everything", READ | WRITE | DELETION),
];

type Raw = fn(&Scene) -> io::Result<()>;
type Ours = fn(&Scene) -> Result<()>;

/// What is done to the file, by the system's own call and by ours.
const WORK: [(&str, Raw, Ours); 5] = [
    (
        "open for reading",
        |scene| File::open(&scene.file).map(drop),
        |scene| esky_fs::read_limited(&scene.file, 9).map(drop),
    ),
    (
        "open for writing",
        |scene| OpenOptions::new().write(true).open(&scene.file).map(drop),
        |scene| esky_fs::write_slot_in_place(&scene.file, b"slot"),
    ),
    (
        "put another in its place",
        |scene| fs::rename(&scene.other, &scene.file),
        |scene| esky_fs::rename(&scene.other, &scene.file),
    ),
    (
        "rename",
        |scene| fs::rename(&scene.file, scene.file.with_extension("moved")),
        |scene| esky_fs::rename(&scene.file, &scene.file.with_extension("moved")),
    ),
    (
        "remove",
        |scene| fs::remove_file(&scene.file),
        |scene| esky_fs::remove_file(&scene.file),
    ),
];

/// A file, and another one beside it.
struct Scene {
    _holder: TempDir,
    file: PathBuf,
    other: PathBuf,
}

impl Scene {
    fn new() -> Self {
        let holder = tempfile::tempdir().unwrap();
        let [file, other] = ["file", "other"].map(|name| holder.path().join(name));
        fs::write(&file, "file").unwrap();
        fs::write(&other, "other").unwrap();
        Self {
            _holder: holder,
            file,
            other,
        }
    }
}

fn hold(file: &Path, shared: u32) -> File {
    let mut options = OpenOptions::new();
    options.read(true).share_mode(shared).open(file).unwrap()
}

/// The table's cell: what the system says. What we say must be the same, or that the file is in use.
fn cell(shared: u32, raw: Raw, ours: Ours) -> String {
    let scene = Scene::new();
    let held = hold(&scene.file, shared);
    let number = raw(&scene).err().map(|error| error.raw_os_error().unwrap());
    drop(held);
    let scene = Scene::new();
    let _held = hold(&scene.file, shared);
    match (ours(&scene), number) {
        (Ok(()), None) => "–".to_owned(),
        (Err(error), Some(number)) => {
            assert_eq!(error.kind(), ErrorKind::Busy, "{error}");
            assert!(error.hint().unwrap().contains("file"), "{error}");
            number.to_string()
        }
        (ours, number) => panic!("the system says {number:?}, and we {ours:?}"),
    }
}

#[test]
fn table_of_refusals_is_as_documented() {
    let rows: Vec<_> = WORK
        .into_iter()
        .map(|(name, raw, ours)| {
            let cells = SHARED.map(|(_, shared)| thread::spawn(move || cell(shared, raw, ours)));
            (name, cells)
        })
        .collect();
    let heading = SHARED.map(|(name, _)| name).join(" | ");
    let mut lines = vec![format!("| what is done | {heading} |")];
    for (name, cells) in rows {
        let cells = cells.map(|cell| cell.join().unwrap());
        lines.push(format!("| {name} | {} |", cells.join(" | ")));
    }
    for line in &lines {
        let is_documented = DOCUMENT.lines().any(|documented| documented == line);
        assert!(is_documented, "not in the table:\n{}", lines.join("\n"));
    }
}

#[test]
fn who_has_a_file_open_for_a_second_is_waited_for() {
    for (name, _, ours) in WORK {
        let scene = Scene::new();
        let held = hold(&scene.file, 0);
        let closing = thread::spawn(move || {
            thread::sleep(std::time::Duration::from_secs(1));
            drop(held);
        });
        let done = ours(&scene);
        assert!(done.is_ok(), "{name}: {}", done.unwrap_err());
        closing.join().unwrap();
    }
}

#[test]
fn open_file_keeps_a_tree_from_being_durable_and_loses_nothing() {
    let scene = Scene::new();
    let tree = scene.file.parent().unwrap();
    let held = hold(&scene.file, READ);
    let error = esky_fs::sync_tree(tree).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Busy, "{error}");
    assert_eq!(error.path(), scene.file);
    drop(held);
    esky_fs::sync_tree(tree).unwrap();
}

#[test]
fn open_file_stays_alone_when_its_tree_is_removed() {
    let scene = Scene::new();
    let tree = scene.file.with_file_name("tree");
    fs::create_dir_all(tree.join("a/b")).unwrap();
    for name in ["a/b/held", "a/free", "z"] {
        fs::write(tree.join(name), "").unwrap();
    }
    let held = hold(&tree.join("a/b/held"), READ);
    let error = esky_fs::remove_tree(&tree).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Busy, "{error}");
    assert_eq!(error.path(), tree.join("a").join("b").join("held"));
    assert!(!tree.join("z").exists() && !tree.join("a/free").exists());
    drop(held);
    esky_fs::remove_tree(&tree).unwrap();
    assert!(!tree.exists());
}

#[test]
fn read_only_files_are_removed_with_their_tree() {
    let scene = Scene::new();
    let tree = scene.file.with_file_name("tree");
    fs::create_dir(&tree).unwrap();
    for number in 0..20 {
        let file = tree.join(number.to_string());
        fs::write(&file, "").unwrap();
        let mut permissions = fs::metadata(&file).unwrap().permissions();
        permissions.set_readonly(true);
        fs::set_permissions(&file, permissions).unwrap();
    }
    esky_fs::remove_tree(&tree).unwrap();
    assert!(!tree.exists());
}
