//! Places below a directory that is held open: whatever somebody else prepares there, nothing outside is touched.
#![cfg(unix)]

use esky_fs::{ErrorKind, Kind, Mode, Place, Result};
use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;
use tempfile::TempDir;

/// A directory that is held open, with one directory in it; and one outside, with a file.
struct Scene {
    _holder: TempDir,
    inside: PathBuf,
    outside: PathBuf,
    place: Place,
}

impl Scene {
    fn new() -> Self {
        let holder = tempfile::tempdir().unwrap();
        let [inside, outside] = ["inside", "outside"].map(|name| holder.path().join(name));
        fs::create_dir_all(inside.join("dir")).unwrap();
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("file"), "outside").unwrap();
        let place = Place::open(&inside).unwrap();
        Self {
            _holder: holder,
            inside,
            outside,
            place,
        }
    }

    fn assert_untouched(&self, after: &str) {
        let names: Vec<_> = fs::read_dir(&self.outside)
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(names, ["file"], "{after}");
        let text = fs::read_to_string(self.outside.join("file")).unwrap();
        assert_eq!(text, "outside", "{after}");
    }
}

type Work = fn(&Place) -> Result<()>;

/// Everything that can be done to a file, with its name.
const FILE_WORK: [(&str, Work); 12] = [
    ("read", |file| esky_fs::read_limited(file, 99).map(drop)),
    ("read if there", |file| {
        esky_fs::read_optional(file, 99).map(drop)
    }),
    ("read the beginning", |file| {
        esky_fs::read_prefix(file, 99).map(drop)
    }),
    ("write slot", |file| {
        esky_fs::write_slot_in_place(file, b"slot")
    }),
    ("append", |file| esky_fs::open_for_append(file).map(drop)),
    ("update", |file| esky_fs::open_for_update(file).map(drop)),
    ("lock", |file| {
        esky_fs::FileLock::try_exclusive_or_create(file).map(drop)
    }),
    ("lock what is there", |file| {
        esky_fs::FileLock::try_exclusive(file).map(drop)
    }),
    ("lock a version", |file| {
        esky_fs::VersionFileLock::try_exclusive(file, file).map(drop)
    }),
    ("set mode", |file| esky_fs::set_mode(file, 0o600)),
    ("create", |file| {
        esky_fs::create_new_file(file, 0o644).map(drop)
    }),
    ("copy", |file| {
        esky_fs::copy_file(file, &file.base().join("copy"), 0o644).map(drop)
    }),
];

/// Everything that can be done in a directory.
const DIRECTORY_WORK: [(&str, Work); 14] = [
    ("list", |dir| esky_fs::read_dir_names(dir).map(drop)),
    ("look", |dir| esky_fs::metadata(&dir.join("file")).map(drop)),
    ("read", |dir| {
        esky_fs::read_optional(&dir.join("file"), 99).map(drop)
    }),
    ("create", |dir| {
        esky_fs::create_new_file(&dir.join("new"), Mode::Shared).map(drop)
    }),
    ("mark", |dir| esky_fs::create_mark(&dir.join("mark"))),
    ("durable", |dir| {
        esky_fs::write_durable(&dir.join("file"), b"x", 0o644)
    }),
    ("create directory", |dir| {
        esky_fs::create_dir(&dir.join("new"))
    }),
    ("create directories", |dir| {
        esky_fs::create_dir_all(&dir.join("a/b"))
    }),
    ("link", |dir| {
        esky_fs::symlink(Path::new("x"), &dir.join("link"))
    }),
    ("remove", |dir| esky_fs::remove_file(&dir.join("file"))),
    ("remove tree", |dir| esky_fs::remove_tree(&dir.join("file"))),
    ("rename into", |dir| {
        let new = dir.base().join("moved");
        esky_fs::create_mark(&new)?;
        esky_fs::rename(&new, &dir.join("file"))
    }),
    ("rename out of", |dir| {
        esky_fs::rename(&dir.join("file"), &dir.base().join("moved"))
    }),
    ("sync", |dir| esky_fs::sync_tree(dir)),
];

#[test]
fn link_in_place_of_a_file_is_not_followed() {
    for (name, work) in FILE_WORK {
        let scene = Scene::new();
        symlink(scene.outside.join("file"), scene.inside.join("link")).unwrap();
        let mode = fs::metadata(scene.outside.join("file"))
            .unwrap()
            .permissions();
        let error = work(&scene.place.join("link")).unwrap_err();
        match name {
            "create" => assert_eq!(error.kind(), ErrorKind::AlreadyExists),
            _ => assert_eq!(error.kind(), ErrorKind::Foreign, "{name}: {error}"),
        }
        assert!(error.to_string().contains("inside/link"), "{name}: {error}");
        scene.assert_untouched(name);
        let after = fs::metadata(scene.outside.join("file"))
            .unwrap()
            .permissions();
        assert_eq!(after, mode, "{name}");
    }
}

#[test]
fn link_in_place_of_a_directory_is_not_followed() {
    for (name, work) in DIRECTORY_WORK {
        for deep in ["link", "dir/link"] {
            let scene = Scene::new();
            symlink(&scene.outside, scene.inside.join(deep)).unwrap();
            let error = work(&scene.place.join(deep)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Foreign, "{name}: {error}");
            scene.assert_untouched(name);
            work(&scene.place.join("dir")).ok();
        }
    }
}

/// Whoever opens a FIFO waits for somebody at the other end. Nobody is there.
#[test]
fn fifo_and_socket_in_place_of_a_file_are_told_and_not_waited_for() {
    for (name, work) in FILE_WORK {
        let (tell, told) = mpsc::channel();
        // A thread of its own, for it could wait for ever.
        std::thread::spawn(move || {
            let scene = Scene::new();
            let fifo = scene.inside.join("fifo");
            assert!(
                Command::new("mkfifo")
                    .arg(&fifo)
                    .status()
                    .unwrap()
                    .success()
            );
            let _socket = UnixListener::bind(scene.inside.join("socket")).unwrap();
            for special in ["fifo", "socket"] {
                let error = work(&scene.place.join(special)).unwrap_err();
                let _ = tell.send((special, error.kind()));
            }
        });
        for _ in 0..2 {
            let (special, kind) = told.recv_timeout(Duration::from_secs(60)).unwrap();
            match name {
                "create" => assert_eq!(kind, ErrorKind::AlreadyExists, "{special}"),
                _ => assert_eq!(kind, ErrorKind::Foreign, "{name}: {special}"),
            }
        }
    }
}

#[test]
fn devices_are_not_opened() {
    let device = Place::open(Path::new("/dev")).unwrap();
    let error = esky_fs::read_limited(&device.join("zero"), 9).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Foreign);
    assert!(
        error.to_string().contains("it is not a regular file"),
        "{error}"
    );
    assert!(error.hint().unwrap().contains("remove /dev/zero"));
}

#[test]
fn links_themselves_can_be_made_read_and_removed() {
    let scene = Scene::new();
    let link = scene.place.join("dir/link");
    esky_fs::symlink(&scene.outside, &link).unwrap();
    assert_eq!(
        esky_fs::metadata(&link).unwrap().unwrap().kind,
        Kind::Symlink
    );
    assert_eq!(esky_fs::read_symlink(&link).unwrap(), scene.outside);
    esky_fs::remove_tree(&scene.place.join("dir")).unwrap();
    scene.assert_untouched("removing a directory with a link in it");
}

#[test]
fn paths_that_lead_out_of_the_directory_are_refused() {
    let scene = Scene::new();
    for path in ["../outside/file", "dir/../../outside/file"] {
        let error = esky_fs::read_limited(&scene.place.join(path), 99).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Foreign, "{error}");
    }
    let absolute = scene.place.join(scene.outside.join("file"));
    assert!(esky_fs::write_slot_in_place(&absolute, b"x").is_err());
    assert!(esky_fs::remove_tree(&scene.place.join("..")).is_err());
    scene.assert_untouched("paths that lead out");
}

#[test]
fn directory_itself_may_be_reached_by_links() {
    let scene = Scene::new();
    let link = scene.outside.with_file_name("link");
    symlink(&scene.inside, &link).unwrap();
    let place = Place::open(&link).unwrap();
    esky_fs::write_durable(&place.join("dir/file"), b"x", 0o644).unwrap();
    assert_eq!(fs::read(scene.inside.join("dir/file")).unwrap(), b"x");
    assert_eq!(place.join("dir").path(), link.join("dir"));
}

/// Somebody exchanges a directory for a link to outside, over and over, while everything is done in it.
#[test]
fn directory_that_is_exchanged_for_a_link_meanwhile_leads_nowhere() {
    const ROUNDS: usize = 100;
    let scene = Scene::new();
    let done = AtomicBool::new(false);
    let dir = scene.inside.join("dir");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let aside = scene.inside.join("aside");
            while !done.load(Ordering::Relaxed) {
                if fs::rename(&dir, &aside).is_ok() {
                    let _ = symlink(&scene.outside, &dir);
                    let _ = fs::remove_file(&dir);
                    let _ = fs::remove_dir_all(&dir);
                    let _ = fs::rename(&aside, &dir);
                }
            }
        });
        for _ in 0..ROUNDS {
            for (name, work) in DIRECTORY_WORK {
                let _ = work(&scene.place.join("dir"));
                scene.assert_untouched(name);
            }
            let deep = scene.place.join("dir/a/b");
            let _ = esky_fs::create_dir_all(&deep);
            let _ = esky_fs::write_durable(&deep.join("file"), b"x", 0o600);
            let _ = esky_fs::remove_tree(&scene.place.join("dir"));
            let _ = esky_fs::create_dir_all(&scene.place.join("dir"));
            scene.assert_untouched("removal");
        }
        done.store(true, Ordering::Relaxed);
    });
}

#[test]
fn deep_tree_is_removed_without_recursion() {
    let scene = Scene::new();
    let mut place = scene.place.join("deep");
    esky_fs::create_dir(&place).unwrap();
    for _ in 0..200 {
        place = place.join("d");
        esky_fs::create_dir(&place).unwrap();
    }
    esky_fs::remove_tree(&scene.place.join("deep")).unwrap();
    assert!(!scene.inside.join("deep").exists());
}
