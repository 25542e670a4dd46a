//! Directories, links and removal.

use esky_fs::ErrorKind;
#[cfg(unix)]
use esky_fs::Kind;
use std::fs;
use std::path::Path;

#[test]
fn directory_that_exists_is_fine_and_a_file_in_its_place_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let deep = directory.path().join("a/b/c");
    esky_fs::create_dir_all(&deep).unwrap();
    esky_fs::create_dir_all(&deep).unwrap();
    fs::write(deep.join("file"), "").unwrap();
    assert!(esky_fs::create_dir_all(&deep.join("file")).is_err());
    assert!(esky_fs::create_dir_all(&deep.join("file/below")).is_err());
}

#[test]
fn removal_does_not_follow_links() {
    let directory = tempfile::tempdir().unwrap();
    let (tree, outside) = (
        directory.path().join("tree"),
        directory.path().join("outside"),
    );
    fs::create_dir_all(&tree).unwrap();
    fs::create_dir_all(&outside).unwrap();
    fs::write(outside.join("mine"), "mine").unwrap();
    esky_fs::symlink(&outside, &tree.join("link")).unwrap();
    esky_fs::symlink(&outside, &directory.path().join("top-link")).unwrap();
    esky_fs::remove_tree(&tree).unwrap();
    esky_fs::remove_tree(&directory.path().join("top-link")).unwrap();
    assert_eq!(fs::read_to_string(outside.join("mine")).unwrap(), "mine");
    assert!(!tree.exists());
}

#[cfg(target_os = "linux")]
#[test]
fn what_cannot_be_removed_stays_alone_and_is_named() {
    use std::process::Command;
    let directory = tempfile::tempdir().unwrap();
    let tree = directory.path().join("tree");
    let stuck = tree.join("a/b/stuck");
    fs::create_dir_all(tree.join("a/b")).unwrap();
    for name in ["a/b/stuck", "a/free", "z"] {
        fs::write(tree.join(name), "").unwrap();
    }
    let mark = |mark: &str| Command::new("chattr").arg(mark).arg(&stuck).output();
    if !mark("+i").is_ok_and(|done| done.status.success()) {
        eprintln!("SKIPPED what_cannot_be_removed_stays_alone_and_is_named: needs root and chattr");
        return;
    }
    let removed = esky_fs::remove_tree(&tree);
    mark("-i").unwrap();
    let error = removed.unwrap_err();
    assert_eq!(
        (error.kind(), error.path()),
        (ErrorKind::Permission, &*stuck)
    );
    assert!(!tree.join("z").exists() && !tree.join("a/free").exists());
    esky_fs::remove_tree(&tree).unwrap();
    assert!(!tree.exists());
}

#[test]
fn removing_what_is_gone_is_fine() {
    let gone = Path::new("/nonexistent/gone");
    esky_fs::remove_tree(gone).unwrap();
    esky_fs::remove_file(gone).unwrap();
    assert!(esky_fs::remove_empty_dir(gone).unwrap());
}

#[test]
fn two_names_of_one_file_are_known_as_such() {
    let directory = tempfile::tempdir().unwrap();
    let [file, same, other] = ["file", "same", "other"].map(|name| directory.path().join(name));
    fs::write(&file, "x").unwrap();
    fs::hard_link(&file, &same).unwrap();
    fs::write(&other, "x").unwrap();
    let is_same = |right: &Path| esky_fs::is_same_file(&file, right).unwrap();
    assert!(is_same(&file) && is_same(&same));
    assert!(!is_same(&other) && !is_same(&directory.path().join("none")));
    let in_capitals = directory.path().join("FILE");
    assert_eq!(is_same(&in_capitals), in_capitals.exists());
}

#[test]
fn directory_with_something_in_it_is_not_removed_as_empty() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("x"), "").unwrap();
    assert!(!esky_fs::remove_empty_dir(directory.path()).unwrap());
}

#[cfg(unix)]
#[test]
fn kinds_are_told_apart_without_following_links() {
    let directory = tempfile::tempdir().unwrap();
    let place = |name: &str| directory.path().join(name);
    fs::write(place("file"), "12").unwrap();
    fs::create_dir(place("directory")).unwrap();
    esky_fs::symlink(Path::new("nowhere"), &place("link")).unwrap();
    let kind = |name: &str| {
        esky_fs::metadata(&place(name))
            .unwrap()
            .map(|found| found.kind)
    };
    assert_eq!(kind("file"), Some(Kind::File));
    assert_eq!(kind("directory"), Some(Kind::Directory));
    assert_eq!(kind("link"), Some(Kind::Symlink));
    assert_eq!(kind("none"), None);
    assert_eq!(kind("file/below"), None);
    assert!(esky_fs::exists(&place("link")).unwrap());
    assert_eq!(
        esky_fs::read_symlink(&place("link")).unwrap(),
        Path::new("nowhere")
    );
    assert_eq!(
        esky_fs::read_dir_names(directory.path()).unwrap(),
        ["directory", "file", "link"]
    );
}

#[test]
fn missing_room_is_an_error_before_it_is_used() {
    let directory = tempfile::tempdir().unwrap();
    assert!(esky_fs::free_space(directory.path()).unwrap() > 0);
    let error = esky_fs::require_space(directory.path(), u64::MAX).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoSpace);
    assert!(
        error.to_string().starts_with("cannot find room at "),
        "{error}"
    );
}

#[test]
fn tree_that_is_a_single_file_is_made_durable_too() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "x").unwrap();
    esky_fs::sync_tree(&file).unwrap();
    esky_fs::sync_tree(directory.path()).unwrap();
}
