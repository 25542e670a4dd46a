//! Staging: what is refused, and what a broken-off try leaves.

use crate::fixture::{App, FILES, PLATFORM, app_version, content, install, stage};
use esky_format::file_list::FileList;
use esky_install::{Damage, EntryFault, Error};
use std::fs;
use std::io::{self, Read};

/// Delivers some bytes, then fails.
struct FailsAfter(&'static [u8]);

impl Read for FailsAfter {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer)? {
            0 => Err(io::Error::new(io::ErrorKind::InvalidData, "bad block")),
            count => Ok(count),
        }
    }
}

#[test]
fn staged_version_is_no_version() {
    let app = App::with_versions(&["1"]);
    let path = stage(&app.open(), "2").unwrap();
    assert_eq!(path, app.version_dir("2"));
    assert_eq!(app.starts(), "1");
    assert_eq!(app.open().versions().unwrap().len(), 1);
    assert_eq!(app.open().staged("2").unwrap(), Some(path));
    assert_eq!(app.open().staged("3").unwrap(), None);
}

#[test]
fn appdata_layout_is_kept() {
    let app = App::with_versions_in("appdata", &["1"]);
    let path = stage(&app.open(), "2").unwrap();
    assert_eq!(
        path,
        app.root()
            .join("appdata")
            .join(app_version("2").directory_name())
    );
}

#[test]
fn failing_package_names_the_entry_and_leaves_nothing() {
    let app = App::with_versions(&["1"]);
    let before = app.everything().len();
    let opened = app.open();
    let mut staging = opened.stage(&app_version("2")).unwrap();
    let error = staging
        .add_file("lib/data.bin", 0o644, 100, &mut FailsAfter(b"some"))
        .unwrap_err();
    assert!(
        matches!(&error, Error::Source { path, source } if path == "lib/data.bin" && source.kind() == io::ErrorKind::InvalidData)
    );
    drop(staging);
    assert!(!app.version_dir("2").exists());
    // The state directory and the staging lock stay.
    assert_eq!(app.everything().len(), before + 2);
}

#[test]
fn more_or_fewer_bytes_than_declared_are_refused() {
    let app = App::with_versions(&["1"]);
    let opened = app.open();
    let mut staging = opened.stage(&app_version("2")).unwrap();
    let fault = |result: esky_install::Result<()>| match result.unwrap_err() {
        Error::Damaged { fault, .. } => fault,
        other => panic!("{other}"),
    };
    let short = fault(staging.add_file("short", 0o644, 10, &mut &b"12345"[..]));
    assert_eq!(
        short,
        Damage::Size {
            expected: 10,
            found: 5
        }
    );
    let endless = fault(staging.add_file("endless", 0o644, 10, &mut io::repeat(7)));
    assert!(matches!(endless, Damage::Size { expected: 10, found } if found < 100));
}

#[test]
fn evil_paths_are_refused() {
    let app = App::with_versions(&["1"]);
    let opened = app.open();
    let mut staging = opened.stage(&app_version("2")).unwrap();
    for path in [
        "../evil",
        "/evil",
        "a/../../evil",
        "c:evil",
        "a\\evil",
        "con",
        "a/",
        "",
    ] {
        let error = staging
            .add_file(path, 0o644, 0, &mut io::empty())
            .unwrap_err();
        assert!(
            matches!(
                error,
                Error::BadEntry {
                    fault: EntryFault::Path(_),
                    ..
                }
            ),
            "{path}: {error}"
        );
        assert!(
            staging
                .add_program(path, 0o755, 0, &mut io::empty())
                .is_err(),
            "{path}"
        );
        assert!(staging.add_directory(path, 0o755).is_err(), "{path}");
        assert!(staging.add_symlink(path, "x").is_err(), "{path}");
    }
    let error = staging.add_symlink("link", "../../etc/passwd").unwrap_err();
    assert!(
        matches!(
            error,
            Error::BadEntry {
                fault: EntryFault::Path(_),
                ..
            }
        ),
        "{error}"
    );
}

#[cfg(unix)]
#[test]
fn file_below_a_link_or_a_file_is_refused() {
    let app = App::with_versions(&["1"]);
    let opened = app.open();
    let mut staging = opened.stage(&app_version("2")).unwrap();
    staging.add_directory("real", 0o755).unwrap();
    staging.add_symlink("link", "real").unwrap();
    staging
        .add_file("file", 0o644, 0, &mut io::empty())
        .unwrap();
    for path in ["link/x", "file/x", "file", "link"] {
        let error = staging
            .add_file(path, 0o644, 0, &mut io::empty())
            .unwrap_err();
        assert!(
            matches!(
                error,
                Error::BadEntry {
                    fault: EntryFault::Collision,
                    ..
                }
            ),
            "{path}: {error}"
        );
    }
}

#[test]
fn names_of_our_own_bookkeeping_are_refused() {
    let app = App::with_versions(&["1"]);
    let opened = app.open();
    let mut staging = opened.stage(&app_version("2")).unwrap();
    for path in [
        "esky-files/bootstrap-manifest-old.txt",
        "esky-files/bootstrap/prog",
        "esky-files/bootstrap",
    ] {
        let error = staging
            .add_file(path, 0o644, 0, &mut io::empty())
            .unwrap_err();
        assert!(
            matches!(
                error,
                Error::BadEntry {
                    fault: EntryFault::Reserved,
                    ..
                }
            ),
            "{path}: {error}"
        );
    }
}

#[test]
fn second_stager_is_told_to_wait_and_the_first_goes_on() {
    let app = App::with_versions(&["1"]);
    let opened = app.open();
    let first = opened.stage(&app_version("2")).unwrap();
    assert!(matches!(
        app.open().stage(&app_version("2")),
        Err(Error::Locked { .. })
    ));
    first.finish().unwrap();
    assert!(app.open().stage(&app_version("3")).is_ok());
}

#[test]
fn staging_again_replaces_what_was_staged() {
    let app = App::with_versions(&["1"]);
    let path = stage(&app.open(), "2").unwrap();
    fs::write(path.join("left-over"), "x").unwrap();
    stage(&app.open(), "2").unwrap();
    assert!(!path.join("left-over").exists());
}

#[test]
fn remains_of_a_killed_stager_are_replaced() {
    let app = App::with_versions(&["1"]);
    let path = app.version_dir("2");
    fs::create_dir_all(path.join("esky-files")).unwrap();
    fs::write(path.join("half"), "x").unwrap();
    assert_eq!(app.open().staged("2").unwrap(), None);
    stage(&app.open(), "2").unwrap();
    assert!(!path.join("half").exists());
}

#[test]
fn installed_version_is_not_staged_again() {
    let app = App::with_versions(&["1"]);
    assert!(matches!(
        stage(&app.open(), "1"),
        Err(Error::AlreadyInstalled { .. })
    ));
    drop(install(&app.open(), "2").unwrap());
    assert!(matches!(
        stage(&app.open(), "2"),
        Err(Error::AlreadyInstalled { .. })
    ));
    assert_eq!(app.starts(), "2");
}

#[test]
fn directory_of_somebody_else_with_our_name_is_not_touched() {
    let app = App::with_versions(&["1"]);
    fs::create_dir(app.version_dir("2")).unwrap();
    fs::write(app.version_dir("2").join("thesis.txt"), "mine").unwrap();
    assert!(stage(&app.open(), "2").is_err());
    assert_eq!(
        fs::read(app.version_dir("2").join("thesis.txt")).unwrap(),
        b"mine"
    );
}

fn stage_with_list(app: &App, list: &str) -> esky_install::Result<std::path::PathBuf> {
    let opened = app.open();
    let mut staging = opened.stage(&app_version("2"))?;
    staging.add_file(
        "esky-files/file-list.txt",
        0o644,
        list.len() as u64,
        &mut list.as_bytes(),
    )?;
    for (name, mode) in FILES {
        let bytes = content("2", name);
        staging.add_file(name, mode, bytes.len() as u64, &mut &*bytes)?;
    }
    staging.finish()
}

fn list_of_version_2(change: impl Fn(&mut FileList)) -> String {
    let source = App::with_versions(&["1"]);
    let opened = source.open();
    let mut staging = opened.stage(&app_version("2")).unwrap();
    for (name, mode) in FILES {
        let bytes = content("2", name);
        staging
            .add_file(name, mode, bytes.len() as u64, &mut &*bytes)
            .unwrap();
    }
    let path = staging.finish().unwrap();
    let bytes = fs::read(path.join("esky-files/file-list.txt")).unwrap();
    let mut list = FileList::parse(&bytes, &esky_format::file_list::Limits::default()).unwrap();
    change(&mut list);
    list.write()
}

#[test]
fn list_of_the_package_is_kept_if_it_fits() {
    let app = App::with_versions(&["1"]);
    let list = list_of_version_2(|_| {});
    let path = stage_with_list(&app, &list).unwrap();
    assert_eq!(
        fs::read_to_string(path.join("esky-files/file-list.txt")).unwrap(),
        list
    );
}

#[test]
fn package_that_differs_from_its_own_list_is_refused() {
    let app = App::with_versions(&["1"]);
    let missing =
        list_of_version_2(|list| list.entries.retain(|entry| entry.path != "lib/data.bin"));
    assert!(matches!(
        stage_with_list(&app, &missing),
        Err(Error::BadEntry {
            fault: EntryFault::Unlisted,
            ..
        })
    ));
    let other = list_of_version_2(|list| list.app.version = "3".into());
    assert!(matches!(
        stage_with_list(&app, &other),
        Err(Error::Damaged {
            fault: Damage::Content,
            ..
        })
    ));
    let changed = list_of_version_2(|list| {
        for entry in &mut list.entries {
            if let esky_format::file_list::Kind::File { sha256, .. } = &mut entry.kind {
                sha256[0] ^= 1;
            }
        }
    });
    assert!(matches!(
        stage_with_list(&app, &changed),
        Err(Error::Damaged {
            fault: Damage::Content,
            ..
        })
    ));
    assert!(matches!(
        stage_with_list(&app, "nonsense"),
        Err(Error::BadFileList { .. })
    ));
    assert!(!app.version_dir("2").exists());
}

#[test]
fn only_programs_that_the_manifest_names_are_taken() {
    let app = App::with_versions(&["1"]);
    let opened = app.open();
    let mut staging = opened.stage(&app_version("2")).unwrap();
    staging
        .add_program("prog", 0o755, 1, &mut &b"p"[..])
        .unwrap();
    staging
        .add_program("readme.txt", 0o644, 1, &mut &b"r"[..])
        .unwrap();
    staging
        .add_file(
            "esky-files/bootstrap-manifest.txt",
            0o644,
            5,
            &mut &b"prog\n"[..],
        )
        .unwrap();
    staging.finish().unwrap();
    let lock = opened.lock().unwrap();
    opened.install("2", &lock).unwrap();
    assert_eq!(fs::read(app.root().join("prog")).unwrap(), b"p");
    assert!(!app.root().join("readme.txt").exists());
}

/// Patches of the original change the manifest byte by byte; ours has an order of its own.
#[test]
fn manifest_of_a_package_in_another_order_is_kept_beside_ours() {
    for (text, is_kept) in [("tool\nprog\n", true), ("prog\ntool\n", false)] {
        let app = App::with_versions(&["1"]);
        let opened = app.open();
        let mut staging = opened.stage(&app_version("2")).unwrap();
        for name in ["prog", "tool"] {
            staging.add_program(name, 0o755, 1, &mut &b"x"[..]).unwrap();
        }
        let path = "esky-files/bootstrap-manifest.txt";
        let size = text.len() as u64;
        staging
            .add_file(path, 0o644, size, &mut text.as_bytes())
            .unwrap();
        let version = staging.finish().unwrap();
        let kept = fs::read(version.join("esky-files/package-manifest.txt")).ok();
        assert_eq!(kept, is_kept.then(|| text.as_bytes().to_vec()));
        let lock = opened.lock().unwrap();
        opened.install("2", &lock).unwrap();
        let report = opened.verify("2", &mut |_, _| ()).unwrap();
        assert!(report.is_intact());
    }
}

#[test]
fn program_that_only_the_manifest_knows_is_refused() {
    let app = App::with_versions(&["1"]);
    let opened = app.open();
    let mut staging = opened.stage(&app_version("2")).unwrap();
    staging
        .add_file(
            "esky-files/bootstrap-manifest.txt",
            0o644,
            5,
            &mut &b"prog\n"[..],
        )
        .unwrap();
    assert!(matches!(
        staging.finish(),
        Err(Error::BadEntry {
            fault: EntryFault::MissingProgram,
            ..
        })
    ));
}

#[cfg(unix)]
#[test]
fn modes_are_kept_but_not_the_right_to_become_another_user() {
    use std::os::unix::fs::PermissionsExt;
    let app = App::with_versions(&["1"]);
    let opened = app.open();
    let mut staging = opened.stage(&app_version("2")).unwrap();
    for (name, mode) in [
        ("plain", 0o644),
        ("run", 0o755),
        ("root", 0o4755),
        ("secret", 0o400),
        ("none", 0),
    ] {
        staging.add_file(name, mode, 0, &mut io::empty()).unwrap();
    }
    let path = staging.finish().unwrap();
    let mode = |name: &str| fs::metadata(path.join(name)).unwrap().permissions().mode() & 0o7777;
    let modes = ["plain", "run", "root", "secret", "none"].map(mode);
    assert_eq!(modes, [0o644, 0o755, 0o755, 0o600, 0o644]);
    assert!(path.ends_with(format!("demo-2.{PLATFORM}")));
}
