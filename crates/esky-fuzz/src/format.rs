//! Files in the app directory and the names in it.

use esky_format::file_list::{Entry, FileList, Kind, Limits};
use esky_format::name::{AppVersion, join_app_version, split_app_version};
use esky_format::path::{check_link, check_relative};
use esky_format::relaunch::{PrivateDirectories, clean};
use esky_format::settings::{Confirm, SelfTest, Settings};
use esky_format::state::{
    Candidate, Held, Marks, Rollback, SLOT_SIZE, Slot, Snapshot, Status, Trial, choose,
};
use esky_format::{manifest, version};

/// What decodes was encoded, byte for byte where this esky knows every key.
pub(crate) fn slot(bytes: &[u8]) {
    let Some(slot) = Slot::decode(bytes) else {
        return;
    };
    assert!(slot.seq > 0 && !slot.current.is_empty());
    if let Ok(again) = slot.encode() {
        assert_eq!(Slot::decode(&again).as_ref(), Some(&slot));
    }
}

pub(crate) fn slot_seeds() -> Vec<Vec<u8>> {
    let plain = Slot::good(1, "demo-1.0.linux-x86_64");
    let full = Slot {
        seq: 7,
        status: Status::Trial(Trial {
            id: 6,
            max_tries: 3,
            confirm_after: 60,
            watched: true,
        }),
        current: "demo-1.1.linux-x86_64".into(),
        fallback: Some("demo-1.0.linux-x86_64".into()),
        held: vec![Held {
            version: "0.9".into(),
            reason: "it did not start\n".into(),
            time: 1_700_000_000,
        }],
        pinned: Some("1.1".into()),
        skipped: vec!["1.05".into()],
        minimum_bootstrap: 1,
        last_rollback: Some(Rollback {
            version: "0.9".into(),
            reason: "crashed".into(),
            time: 1_700_000_000,
        }),
    };
    let slots = [plain, full];
    slots
        .iter()
        .map(|slot| slot.encode().unwrap().to_vec())
        .collect()
}

/// Any two slots and any marks: every version there is stands in the order exactly once.
pub(crate) fn start_order(bytes: &[u8]) {
    let (first, rest) = bytes.split_at(bytes.len().min(SLOT_SIZE));
    let (second, marks) = rest.split_at(rest.len().min(SLOT_SIZE));
    let candidate = |text: &str, complete| Candidate {
        directory: text.to_owned(),
        app: AppVersion::parse_directory(text).unwrap(),
        in_appdata: false,
        complete,
        obstacle: None,
    };
    let snapshot = Snapshot {
        slots: [Slot::decode(first), Slot::decode(second)],
        unreadable: marks.first() == Some(&b'u'),
        candidates: vec![
            candidate("demo-1.0.linux-x86_64", true),
            candidate("demo-1.1.linux-x86_64", true),
            candidate("demo-0.9.linux-x86_64", true),
            candidate("demo-1.2.linux-x86_64", false),
        ],
        marks: Marks::parse(marks, marks.first() == Some(&b'c')),
        live: marks.last() == Some(&b'l'),
    };
    let mut order: Vec<usize> = choose(&snapshot)
        .iter()
        .map(|choice| choice.candidate)
        .collect();
    order.sort_unstable();
    assert_eq!(order, [0, 1, 2, 3]);
}

pub(crate) fn settings(bytes: &[u8]) {
    if let Ok(settings) = Settings::parse(bytes) {
        assert_eq!(
            Settings::parse(settings.write().as_bytes()).as_ref(),
            Ok(&settings)
        );
        if let Some(test) = settings.self_test {
            assert_safe(&test.program);
        }
    }
}

pub(crate) fn settings_seeds() -> Vec<Vec<u8>> {
    let full = Settings {
        confirm: Confirm::Bootstrap,
        confirm_after: 5,
        max_tries: 2,
        self_test: Some(SelfTest {
            program: "my app".into(),
            seconds: 9,
        }),
        channel: Some("beta".into()),
    };
    let all = [full, Settings::default(), Settings::absent()];
    all.iter()
        .map(|settings| settings.write().into_bytes())
        .collect()
}

pub(crate) fn file_list(bytes: &[u8]) {
    let Ok(list) = FileList::parse(bytes, &Limits::default()) else {
        return;
    };
    let again = list.write();
    assert_eq!(
        FileList::parse(again.as_bytes(), &Limits::default()).as_ref(),
        Ok(&list)
    );
    for Entry { path, kind } in &list.entries {
        assert_safe(path);
        if let Kind::Symlink { target } = kind {
            assert_stays_inside(path, target);
        }
    }
}

pub(crate) fn file_list_seeds() -> Vec<Vec<u8>> {
    let entry = |path: &str, kind| Entry {
        path: path.into(),
        kind,
    };
    let list = FileList {
        app: AppVersion::parse_directory("demo-1.0.linux-x86_64").unwrap(),
        entries: vec![
            entry("lib", Kind::Directory { mode: 0o755 }),
            entry(
                "lib/a b.txt",
                Kind::File {
                    mode: 0o644,
                    size: 9,
                    sha256: [7; 32],
                },
            ),
            entry(
                "lib/link",
                Kind::Symlink {
                    target: "a b.txt".into(),
                },
            ),
            entry(
                "prog",
                Kind::Program {
                    mode: 0o755,
                    size: 100,
                    sha256: [8; 32],
                },
            ),
        ],
    };
    let empty = FileList {
        entries: Vec::new(),
        ..list.clone()
    };
    vec![list.write().into_bytes(), empty.write().into_bytes()]
}

pub(crate) fn manifest(bytes: &[u8]) {
    if let Ok(names) = manifest::parse(bytes) {
        names.iter().for_each(|name| assert_safe(name));
        assert_eq!(
            manifest::parse(manifest::write(&names).as_bytes()),
            Ok(names)
        );
    }
}

pub(crate) fn manifest_seeds() -> Vec<Vec<u8>> {
    vec![
        b"prog\n".to_vec(),
        b"prog.exe\r\nlib\\a.dll\r\n\r\nprog.exe\r\n".to_vec(),
    ]
}

/// What is taken for the name of a version directory is the name of that version's directory.
pub(crate) fn names(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let (name, version, platform) = split_app_version(text);
    if let Some(app) = AppVersion::parse_directory(text) {
        assert_eq!(app.directory_name(), text);
        assert_eq!(join_app_version(&name, &version, &platform), text);
    }
}

pub(crate) fn name_seeds() -> Vec<Vec<u8>> {
    let names = [
        "demo-1.0.linux-x86_64",
        "my-app2-1.0b1.macosx-10_6-intel",
        "a-1.win32",
        "a-b-c",
        "",
    ];
    names.map(|name| name.as_bytes().to_vec()).into()
}

/// Three versions, one on each line: the order is total.
pub(crate) fn version_order(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text.splitn(3, '\n');
    let [a, b, c] = [(); 3].map(|()| lines.next().unwrap_or_default());
    assert!(version::compare(a, a).is_eq());
    assert_eq!(version::compare(a, b), version::compare(b, a).reverse());
    if version::compare(a, b).is_le() && version::compare(b, c).is_le() {
        assert!(version::compare(a, c).is_le());
    }
}

pub(crate) fn version_seeds() -> Vec<Vec<u8>> {
    let lines = [
        "1.0\n1.0.0\n1.0a1",
        "2.4rc1\n2.4-1\n2.4dev",
        "1996.07.12\n3.2.pl0\n0.960923",
    ];
    lines.map(|line| line.as_bytes().to_vec()).into()
}

/// A path, or a link and its target on the next line.
pub(crate) fn paths(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if check_relative(text).is_ok() {
        assert_safe(text);
    }
    if let Some((path, target)) = text.split_once('\n')
        && check_link(path, target).is_ok()
    {
        assert_safe(path);
        assert_stays_inside(path, target);
    }
}

pub(crate) fn path_seeds() -> Vec<Vec<u8>> {
    let paths = [
        "lib/a.txt",
        "a/b\n../c",
        "a/b/c\n../../d/e",
        "..",
        "c:\\x",
        "nul",
        "a/./b",
    ];
    paths.map(|path| path.as_bytes().to_vec()).into()
}

/// Variables between zeros: what was cleaned is clean.
pub(crate) fn environment(bytes: &[u8]) {
    let private = PrivateDirectories {
        app_directory: Some(b"/app"),
        freezer_directory: Some(b"/tmp/_MEI"),
    };
    let parts = bytes.split(|byte| *byte == 0);
    let mut variables: Vec<(&[u8], &[u8])> = parts
        .filter_map(|part| {
            let equals = part.iter().position(|byte| *byte == b'=')?;
            Some((&part[..equals], &part[equals + 1..]))
        })
        .collect();
    let changes = clean(variables.iter().copied(), private);
    for change in &changes {
        variables.retain(|(name, _)| *name != change.name);
        let value = change.value.as_deref();
        variables.extend(value.map(|value| (change.name.as_slice(), value)));
    }
    assert_eq!(clean(variables.into_iter(), private), []);
}

pub(crate) fn environment_seeds() -> Vec<Vec<u8>> {
    let environments = [
        "PATH=/bin\0LD_LIBRARY_PATH=/app/_internal:/lib\0LD_LIBRARY_PATH_ORIG=/lib\0_PYI_ARCHIVE_FILE=/app/p",
        "LD_LIBRARY_PATH=/app/a-1.0.linux-x86_64/_internal:/lib\0TCL_LIBRARY=/tmp/_MEI/tcl",
        "LD_LIBRARY_PATH=/app/x\0_MEIPASS2=/app\0LIBPATH_ORIG=\0LIBPATH=/app",
        "RESOURCEPATH=/app\0EXECUTABLEPATH=/app/p\0PYTHONHOME=/app\0NUITKA_ONEFILE_PARENT=7",
    ];
    environments.map(|text| text.as_bytes().to_vec()).into()
}

/// No system takes the path for anything but a place below where it is put.
pub(crate) fn assert_safe(path: &str) {
    let forbidden = ['\0', '\\', ':', '*', '?', '"', '<', '>', '|'];
    assert!(
        !path.contains(|found: char| forbidden.contains(&found) || found.is_control()),
        "{path:?}"
    );
    for part in path.split('/') {
        assert!(!part.is_empty() && part != "." && part != "..", "{path:?}");
        assert!(!part.ends_with([' ', '.']), "{path:?}");
    }
}

/// Followed step by step the link never leaves the directory.
pub(crate) fn assert_stays_inside(path: &str, target: &str) {
    assert!(!target.starts_with('/'), "{target:?}");
    let mut depth = path.split('/').count() - 1;
    for part in target.split('/') {
        match part {
            "." => {}
            ".." => depth = depth.checked_sub(1).expect("a link that leads out"),
            _ => depth += 1,
        }
    }
}
