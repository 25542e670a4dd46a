//! Modes of what is published, whatever the umask is and the freezer has left.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{Reply, Scene};

const UMASK: &str = "umask 077; exec \"$@\"";

fn with_narrow_umask(scene: &Scene, words: &[&str]) -> Reply {
    let bootstrap = scene.bootstrap();
    let mut command = Command::new("/bin/sh");
    command.args(["-c", UMASK, "sh", env!("CARGO_BIN_EXE_esky")]);
    command.args(words).current_dir(scene.path(""));
    command.env("ESKY_BOOTSTRAP", bootstrap);
    let reply = Reply::from(command.output().unwrap());
    assert_eq!(reply.code, 0, "{reply:?}");
    reply
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

/// The modes below a directory, its own among them, that others than the owner cannot read.
fn unreadable(path: &Path) -> Vec<(PathBuf, u32)> {
    let mut found = Vec::new();
    let wanted = if path.is_dir() { 0o755 } else { 0o644 };
    if mode(path) & wanted != wanted {
        found.push((path.to_owned(), mode(path)));
    }
    if path.is_dir() {
        let entries = fs::read_dir(path).unwrap();
        found.extend(entries.flat_map(|entry| unreadable(&entry.unwrap().path())));
    }
    found
}

#[test]
fn what_a_web_server_hands_out_is_readable_whatever_the_umask() {
    let scene = Scene::new();
    let frozen = scene.frozen("1.0");
    let frozen = frozen.to_str().unwrap();
    with_narrow_umask(&scene, &["init", "p", "--app", "demo", "--key-dir", "keys"]);
    let keys = ["--project", "p", "--key-dir", "keys"];
    let release = ["release", frozen, "--version", "1.0"];
    with_narrow_umask(&scene, &[&release[..], &keys].concat());
    let pack = ["pack", frozen, "--name", "demo", "--version", "1.0"];
    let place = ["-o", "web/site", "--index"];
    with_narrow_umask(&scene, &[&pack[..], &place].concat());
    for place in ["p/repo", "web"] {
        assert_eq!(unreadable(&scene.path(place)), [], "{place}");
    }
    for entry in fs::read_dir(scene.path("keys/demo")).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path) & 0o077, 0, "{}", path.display());
    }
}

#[test]
fn files_that_start_as_another_user_are_refused_by_name() {
    let scene = Scene::new();
    let (frozen, bootstrap) = (scene.frozen("1.0"), scene.bootstrap());
    let pack = |bits: u32| {
        let helper = scene.write_program("frozen-1.0/lib/helper");
        fs::set_permissions(helper, fs::Permissions::from_mode(bits)).unwrap();
        let (frozen, bootstrap) = (frozen.to_str().unwrap(), bootstrap.to_str().unwrap());
        let words = ["pack", frozen, "--name", "demo", "--version", "1.0"];
        scene.run(
            words
                .into_iter()
                .chain(["--bootstrap", bootstrap, "-o", "site"]),
        )
    };
    for bits in [0o4755, 0o2755, 0o6777] {
        let reply = pack(bits);
        assert_eq!(reply.code, 1, "{bits:o}: {reply:?}");
        let said = "lib/helper: has the setuid or setgid bit";
        assert!(reply.stderr.contains(said), "{reply:?}");
    }
    assert_eq!(pack(0o755).code, 0);
}

#[test]
fn others_may_write_to_nothing_that_is_packed() {
    let scene = Scene::new();
    scene.frozen("1.0");
    let open = |path: &str, bits| {
        fs::set_permissions(scene.path(path), fs::Permissions::from_mode(bits)).unwrap();
    };
    open("frozen-1.0/lib/data.txt", 0o666);
    open("frozen-1.0/lib", 0o2777);
    open("frozen-1.0/demo", 0o777);
    let (frozen, bootstrap) = (scene.path("frozen-1.0"), scene.bootstrap());
    let words = ["pack", frozen.to_str().unwrap(), "--name", "demo"];
    let how = ["--version", "1.0", "--json", "--bootstrap"];
    let reply = scene.run(
        words
            .iter()
            .chain(&how)
            .chain(&[bootstrap.to_str().unwrap()]),
    );
    assert_eq!(reply.code, 0, "{reply:?}");
    let package = scene.path(reply.json()["path"].as_str().unwrap());
    let modes = modes_in(&fs::read(package).unwrap());
    assert!(modes.len() > 5, "{modes:?}");
    assert!(modes.iter().all(|mode| mode & 0o7002 == 0), "{modes:?}");
}

/// The modes in the central directory of a zip.
fn modes_in(package: &[u8]) -> Vec<u32> {
    let entries = package
        .windows(42)
        .filter(|entry| entry.starts_with(b"PK\x01\x02"));
    let modes = entries.map(|entry| u32::from(u16::from_le_bytes([entry[40], entry[41]])));
    modes.collect()
}
