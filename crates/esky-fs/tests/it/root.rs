//! Root becomes somebody else, in a process of its own: there is no way back.
#![cfg(target_os = "linux")]

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, lchown};
use std::path::Path;
use std::process::Command;
use std::sync::mpsc;

const USER: u32 = 61_001;
const GROUP: u32 = 61_000;

/// The four ids (real, effective, saved, of the file system) and the groups of the calling thread.
fn identity() -> Vec<String> {
    let status = fs::read_to_string("/proc/thread-self/status").unwrap();
    let lines = status.lines().filter_map(|line| {
        let (key, values) = line.split_once(':')?;
        let wanted = ["Uid", "Gid", "Groups", "CapEff", "CapPrm"].contains(&key);
        wanted.then(|| {
            format!(
                "{key} {}",
                values.split_whitespace().collect::<Vec<_>>().join(" ")
            )
        })
    });
    lines.collect()
}

fn become_the_owner_in_all_threads(directory: &Path) {
    let (begin, wait) = mpsc::channel::<()>();
    let earlier = std::thread::spawn(move || {
        wait.recv().unwrap();
        identity()
    });
    let account = esky_fs::become_owner(directory).unwrap().unwrap();
    assert_eq!((account.id, account.name.as_deref()), (USER, None));
    assert_eq!(esky_fs::acting_as(), Some(&account));
    begin.send(()).unwrap();
    let wanted = [
        format!("Uid {USER} {USER} {USER} {USER}"),
        format!("Gid {GROUP} {GROUP} {GROUP} {GROUP}"),
        format!("Groups {GROUP}"),
        "CapPrm 0000000000000000".to_owned(),
        "CapEff 0000000000000000".to_owned(),
    ];
    assert_eq!(identity(), wanted);
    assert_eq!(earlier.join().unwrap(), wanted);
    assert!(fs::write(directory.join("../of-root"), "").is_err());
    // It is the owner now, so there is nothing more to become.
    assert_eq!(esky_fs::become_owner(directory).unwrap(), None);
}

#[test]
fn root_becomes_the_owner_of_a_directory_for_good() {
    const NAME: &str = "ESKY_TEST_OWNER";
    if let Some(directory) = std::env::var_os(NAME) {
        return become_the_owner_in_all_threads(Path::new(&directory));
    }
    let place = tempfile::tempdir().unwrap();
    if fs::metadata(place.path()).unwrap().uid() != 0 {
        eprintln!("SKIPPED root_becomes_the_owner_of_a_directory_for_good: needs root");
        return;
    }
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let directory = place.path().join("of-the-user");
    fs::create_dir(&directory).unwrap();
    lchown(&directory, Some(USER), Some(GROUP)).unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args([
            "root::root_becomes_the_owner_of_a_directory_for_good",
            "--exact",
            "--nocapture",
        ])
        .env(NAME, &directory)
        .current_dir("/")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn who_is_not_root_or_owns_the_directory_becomes_nobody() {
    let place = tempfile::tempdir().unwrap();
    assert_eq!(esky_fs::become_owner(place.path()).unwrap(), None);
    assert_eq!(
        esky_fs::become_owner(&place.path().join("none")).unwrap(),
        None
    );
    let file = place.path().join("file");
    fs::write(&file, "").unwrap();
    assert_eq!(esky_fs::become_owner(&file).unwrap(), None);
    assert_eq!(esky_fs::acting_as(), None);
}
