//! Sites of the original with patches that it made: versions 0.1 to 0.3 of an app of scripts and random bytes.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use esky::{DefaultVersionFinder, Error, Esky, Event, HttpTransport, LocalVersionFinder, Monitor};
use esky_testkit::apps::{self, Place};
use esky_testkit::server::Server;

use crate::story::{quick_options, recording, retries};

/// Version 0.1 as the original has installed it.
struct OldApp {
    place: Place,
    server: Server,
    layout: &'static str,
}

const PATCH: &str = "0.3.linux-x86_64.from-0.1.patch";

impl OldApp {
    fn new(layout: &'static str) -> Self {
        let place = Place::new();
        apps::extract(&file(layout, "0.1.linux-x86_64.zip"), &place.appdir());
        let server = Server::start(place.packages());
        Self {
            place,
            server,
            layout,
        }
    }

    fn offer(&self, names: &[&str]) {
        for name in names {
            let target = self.offered(name);
            fs::copy(file(self.layout, name), target).unwrap();
        }
    }

    fn offered(&self, name: &str) -> PathBuf {
        self.place.packages().join(format!("synth-{name}"))
    }

    fn app(&self) -> Esky {
        let transport = HttpTransport::new(quick_options()).unwrap();
        let finder = DefaultVersionFinder::new(self.server.url("/"), Arc::new(transport));
        Esky::open(&self.place.appdir(), Arc::new(finder)).unwrap()
    }

    /// Updates, and compares what is there with what the full package brings. Returns what was tried in vain.
    fn updates_to_the_last_version(&self) -> Vec<String> {
        let (monitor, events) = recording();
        let updated = self.app().auto_update(&monitor).unwrap();
        assert_eq!(updated.as_deref(), Some("0.3"));
        self.stands_at("0.3");
        retries(&events)
    }

    fn stands_at(&self, version: &str) {
        let expected = Place::new();
        let package = file(self.layout, &format!("{version}.linux-x86_64.zip"));
        apps::extract(&package, &expected.appdir());
        let app = self.place.appdir();
        for (path, bytes) in tree(&expected.appdir()) {
            let found = fs::read(app.join(&path)).unwrap();
            if path.ends_with("bootstrap-manifest.txt") {
                // Ours has another order.
                assert_eq!(sorted(&found), sorted(&bytes), "{path:?}");
            } else {
                assert_eq!(found, bytes, "{path:?}");
            }
        }
    }

    fn was_asked_for(&self, name: &str) -> bool {
        !self.server.seen_at(&format!("/synth-{name}")).is_empty()
    }
}

fn file(layout: &str, name: &str) -> PathBuf {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/old-site");
    data.join(layout).join(format!("synth-{name}"))
}

fn sorted(text: &[u8]) -> Vec<&[u8]> {
    let mut lines: Vec<_> = text.split(|byte| *byte == b'\n').collect();
    lines.sort_unstable();
    lines
}

fn tree(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut waiting = vec![root.to_owned()];
    while let Some(directory) = waiting.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                waiting.push(path);
            } else {
                let relative = path.strip_prefix(root).unwrap().to_owned();
                files.insert(relative, fs::read(&path).unwrap());
            }
        }
    }
    files
}

#[test]
fn a_patch_is_enough_in_both_layouts() {
    for layout in ["flat", "appdata"] {
        let old = OldApp::new(layout);
        old.offer(&[PATCH, "0.3.linux-x86_64.zip"]);
        assert!(old.updates_to_the_last_version().is_empty(), "{layout}");
        assert!(!old.was_asked_for("0.3.linux-x86_64.zip"), "{layout}");
    }
}

#[test]
fn a_site_may_have_nothing_but_patches() {
    let old = OldApp::new("flat");
    old.offer(&[
        "0.2.linux-x86_64.from-0.1.patch",
        "0.3.linux-x86_64.from-0.2.patch",
    ]);
    assert!(old.updates_to_the_last_version().is_empty());
}

#[test]
fn a_version_that_came_by_a_patch_or_a_package_takes_the_next_patch() {
    for first in ["0.2.linux-x86_64.from-0.1.patch", "0.2.linux-x86_64.zip"] {
        let old = OldApp::new("flat");
        old.offer(&[first]);
        let updated = old.app().auto_update(&Monitor::silent()).unwrap();
        assert_eq!(updated.as_deref(), Some("0.2"));
        let log = old.place.appdir().join("synth-0.2.linux-x86_64/app.log");
        fs::write(log, "x").unwrap();
        old.offer(&["0.3.linux-x86_64.from-0.2.patch"]);
        let causes = old.updates_to_the_last_version();
        assert!(causes.is_empty(), "{first}: {causes:?}");
    }
}

#[test]
fn patches_can_follow_a_full_package_of_another_version() {
    let old = OldApp::new("flat");
    old.offer(&["0.2.linux-x86_64.zip", "0.3.linux-x86_64.from-0.2.patch"]);
    assert!(old.updates_to_the_last_version().is_empty());
}

#[test]
fn patches_in_a_directory_are_used_and_stay_there() {
    let old = OldApp::new("flat");
    old.offer(&[PATCH]);
    let finder = LocalVersionFinder::new(old.place.packages());
    let app = Esky::open(&old.place.appdir(), Arc::new(finder)).unwrap();
    let updated = app.auto_update(&Monitor::silent()).unwrap();
    assert_eq!(updated.as_deref(), Some("0.3"));
    old.stands_at("0.3");
    assert!(old.offered(PATCH).exists());
}

/// The original took the end of the file for the end of the patch.
#[test]
fn after_half_a_patch_the_full_package_is_taken() {
    let old = OldApp::new("flat");
    old.offer(&["0.3.linux-x86_64.zip"]);
    let patch = fs::read(file("flat", PATCH)).unwrap();
    for length in [9, 64, patch.len() / 2, patch.len() - 1] {
        fs::write(old.offered(PATCH), &patch[..length]).unwrap();
        let old = OldApp {
            place: Place::new(),
            server: Server::start(old.place.packages()),
            layout: "flat",
        };
        apps::extract(&file("flat", "0.1.linux-x86_64.zip"), &old.place.appdir());
        let causes = old.updates_to_the_last_version();
        assert_eq!(causes.len(), 1, "{causes:?}");
        assert!(causes[0].contains(PATCH), "{causes:?}");
    }
}

#[test]
fn after_a_patch_for_other_files_the_full_package_is_taken() {
    let old = OldApp::new("flat");
    old.offer(&[PATCH, "0.3.linux-x86_64.zip"]);
    let log = "synth-0.1.linux-x86_64/crash.log";
    fs::write(old.place.appdir().join(log), "oh").unwrap();
    assert_eq!(old.updates_to_the_last_version().len(), 1);
    assert_eq!(fs::read(old.place.appdir().join(log)).unwrap(), b"oh");
}

#[test]
fn a_patch_that_leaves_the_tree_is_refused() {
    let old = OldApp::new("flat");
    let patch = b"ESKYPTCH\x01\x01\x09../escape\x0c\x01x\x01\x00";
    fs::write(old.offered(PATCH), patch).unwrap();
    let before = tree(&old.place.appdir().join("synth-0.1.linux-x86_64"));
    let error = old.app().auto_update(&Monitor::silent()).unwrap_err();
    let Error::NoUsablePackage { causes, .. } = &error else {
        panic!("{error}");
    };
    assert!(matches!(causes[..], [Error::OldPatch { .. }]), "{error}");
    assert!(!old.place.path("escape").exists());
    let after = tree(&old.place.appdir().join("synth-0.1.linux-x86_64"));
    assert_eq!(before, after);
    old.stands_at("0.1");
}

#[test]
fn a_patch_that_an_earlier_run_left_damaged_is_fetched_again() {
    let old = OldApp::new("flat");
    old.offer(&[PATCH]);
    let downloads = old.place.appdir().join("updates/downloads");
    fs::create_dir_all(&downloads).unwrap();
    fs::write(downloads.join(format!("synth-{PATCH}")), "damaged").unwrap();
    assert!(old.updates_to_the_last_version().is_empty());
    assert_eq!(fs::read_dir(downloads).unwrap().count(), 0);
}

#[test]
fn cancelling_in_a_patch_leaves_the_old_version() {
    let old = OldApp::new("flat");
    old.offer(&[PATCH]);
    let token = esky::CancelToken::default();
    let events = Mutex::new(token.clone());
    let mut monitor = Monitor::new(move |event| {
        if let Event::Unpacking { .. } = event {
            events.lock().unwrap().cancel();
        }
    });
    monitor.cancel = token;
    let error = old.app().auto_update(&monitor).unwrap_err();
    assert!(matches!(error, Error::Cancelled), "{error}");
    old.stands_at("0.1");
    assert!(!old.place.appdir().join("synth-0.3.linux-x86_64").exists());
}
