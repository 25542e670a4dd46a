//! The cheapest way is taken, and when it is barred the next one.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use esky::{
    Error, Esky, Event, FetchOptions, HttpOptions, HttpTransport, Monitor, RetryPolicy,
    SignedVersionFinder, Way,
};
use esky_fs::faults::{Plan, arm};
use esky_testkit::apps::{Place, Release, directory_name, extract, noise};
use esky_testkit::server::Fault;

use crate::signed_updates::{Stage, served};
use crate::story::quick_options;

const LARGE: usize = 600_000;

/// A large file that stays, and small ones of which each version has its own.
fn version(number: &str) -> Release {
    Release::new(number)
        .size(LARGE)
        .file(
            "lib/words.txt",
            format!("the words of {number}\n").repeat(50),
        )
        .file(&format!("lib/only-{number}/note.txt"), number)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Zip,
    Compact,
    Patch,
}

impl Kind {
    fn of(package: &Path) -> Self {
        let name = package.file_name().unwrap().to_string_lossy();
        match (name.ends_with(".zip"), name.contains(".from-")) {
            (true, _) => Self::Zip,
            (_, true) => Self::Patch,
            _ => Self::Compact,
        }
    }
}

fn stage() -> Stage {
    Stage::with(&version("1.0"))
}

impl Stage {
    fn release(&self, number: &str, patches: usize) {
        self.site
            .release_with(&version(number), |options| options.patches.count = patches);
    }

    /// The packages of a version that are of a kind.
    pub(crate) fn of_kind(&self, version: &str, kind: Kind) -> Vec<PathBuf> {
        let all = self.all_packages(version).into_iter();
        all.filter(|path| Kind::of(path) == kind).collect()
    }

    fn bar(&self, version: &str, kind: Kind) {
        for package in self.of_kind(version, kind) {
            self.server
                .fault(&served(self, &package), Fault::Status(404));
        }
    }

    fn bytes_of(&self, version: &str) -> u64 {
        let packages = self.all_packages(version).into_iter();
        packages
            .map(|path| self.server.sent_at(&served(self, &path)))
            .sum()
    }

    /// Updates, and tells the ways that were tried.
    pub(crate) fn ways(&self) -> esky::Result<(Option<String>, Vec<Way>)> {
        let ways = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&ways);
        let monitor = Monitor::new(move |event| {
            if let Event::Planned { way, .. } = event {
                seen.lock().unwrap().push(*way);
            }
        });
        let updated = self.app().auto_update(&monitor)?;
        let ways = ways.lock().unwrap().clone();
        Ok((updated, ways))
    }

    pub(crate) fn updates_by(&self, version: &str, ways: &[Way]) {
        let (updated, tried) = self.ways().unwrap();
        assert_eq!((updated.as_deref(), &tried[..]), (Some(version), ways));
        self.stands_at(version);
        let left = fs::read_dir(self.place.appdir().join("updates/downloads"));
        let left: Vec<_> = left
            .into_iter()
            .flatten()
            .map(|entry| entry.unwrap().path())
            .collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

#[test]
fn a_patch_brings_the_next_version_and_nothing_else_travels() {
    let stage = stage();
    stage.release("1.1", 5);
    stage.bar("1.1", Kind::Zip);
    stage.bar("1.1", Kind::Compact);
    stage.updates_by("1.1", &[Way::Patches(1)]);
    assert!(
        stage.bytes_of("1.1") < 2000,
        "{} bytes",
        stage.bytes_of("1.1")
    );
}

#[test]
fn patches_are_chained_for_those_who_were_away() {
    let stage = stage();
    for number in ["1.1", "1.2", "1.3"] {
        stage.release(number, 1);
        stage.bar(number, Kind::Zip);
        stage.bar(number, Kind::Compact);
    }
    stage.updates_by("1.3", &[Way::Patches(3)]);
}

#[test]
fn without_a_patch_only_the_changed_files_travel() {
    let stage = stage();
    stage.release("1.1", 0);
    stage.bar("1.1", Kind::Zip);
    stage.updates_by("1.1", &[Way::ChangedFiles]);
    assert!(
        stage.bytes_of("1.1") < 4000,
        "{} bytes",
        stage.bytes_of("1.1")
    );
}

#[test]
fn a_server_that_sends_no_parts_sends_the_whole() {
    let stage = stage();
    stage.release("1.1", 0);
    stage.bar("1.1", Kind::Zip);
    for package in stage.of_kind("1.1", Kind::Compact) {
        stage
            .server
            .fault(&served(&stage, &package), Fault::NoRanges);
    }
    let (updated, ways) = stage.ways().unwrap();
    assert_eq!(updated.as_deref(), Some("1.1"));
    // What does not compress is a little smaller in the zip.
    assert_eq!(ways, [Way::Full, Way::Compact]);
    stage.stands_at("1.1");
}

#[test]
fn when_a_way_is_barred_the_next_cheapest_is_taken() {
    let stage = stage();
    stage.release("1.1", 5);
    stage.bar("1.1", Kind::Patch);
    stage.updates_by("1.1", &[Way::Patches(1), Way::ChangedFiles]);

    stage.release("1.2", 5);
    stage.bar("1.2", Kind::Patch);
    stage.bar("1.2", Kind::Compact);
    stage.updates_by("1.2", &[Way::Patches(1), Way::Full]);
}

#[test]
fn a_file_that_somebody_has_changed_is_fetched() {
    for change in ["lib/data.bin", "lib/words.txt", "prog"] {
        for remove in [false, true] {
            let stage = stage();
            stage.release("1.1", 5);
            stage.bar("1.1", Kind::Zip);
            let path = stage
                .place
                .appdir()
                .join(directory_name("1.0"))
                .join(change);
            if remove {
                fs::remove_file(path).unwrap();
            } else {
                let mut bytes = fs::read(&path).unwrap();
                let middle = bytes.len() / 2;
                bytes[middle] ^= 1;
                fs::write(path, bytes).unwrap();
            }
            let (updated, ways) = stage.ways().unwrap();
            assert_eq!(updated.as_deref(), Some("1.1"), "{change}");
            assert!(ways.len() <= 3, "{change}: {ways:?}");
            stage.stands_at("1.1");
        }
    }
}

#[test]
fn changed_files_that_came_half_way_are_gone_on_with() {
    let stage = stage();
    let release = version("1.1").file("lib/new.bin", noise(2_000_000).split_off(LARGE));
    stage
        .site
        .release_with(&release, |options| options.patches.count = 0);
    stage.bar("1.1", Kind::Zip);
    let package = &stage.of_kind("1.1", Kind::Compact)[0];
    let path = served(&stage, package);
    let options = HttpOptions {
        retry: RetryPolicy::NEVER,
        ..quick_options()
    };
    let transport = Arc::new(HttpTransport::new(options).unwrap());
    let app = stage.open(Arc::new(SignedVersionFinder::new(
        stage.server.url("/"),
        transport,
    )));
    // The new file is one piece of the package: the first run ends in the middle of it, and so does the second.
    for _ in 0..2 {
        stage.server.fault(&path, Fault::CloseAfter(400_000));
        app.auto_update(&Monitor::silent()).unwrap_err();
    }
    stage.server.heal(&path);
    assert_eq!(
        app.auto_update(&Monitor::silent()).unwrap().as_deref(),
        Some("1.1")
    );
    let (sent, size) = (
        stage.server.sent_at(&path),
        fs::metadata(package).unwrap().len(),
    );
    assert!(sent < size, "{sent} bytes of {size}");
    stage.stands_at("1.1");
}

#[test]
fn changed_files_that_were_spoilt_half_way_are_fetched_again() {
    let stage = stage();
    let release = version("1.1").file("lib/new.bin", noise(2_000_000).split_off(LARGE));
    stage
        .site
        .release_with(&release, |options| options.patches.count = 0);
    stage.bar("1.1", Kind::Zip);
    let path = served(&stage, &stage.of_kind("1.1", Kind::Compact)[0]);
    stage.server.fault(&path, Fault::CloseAfter(400_000));
    let options = HttpOptions {
        retry: RetryPolicy::NEVER,
        ..quick_options()
    };
    let transport = Arc::new(HttpTransport::new(options).unwrap());
    let app = stage.open(Arc::new(SignedVersionFinder::new(
        stage.server.url("/"),
        transport,
    )));
    app.auto_update(&Monitor::silent()).unwrap_err();
    let downloads = stage.place.appdir().join("updates/downloads");
    let parts = fs::read_dir(downloads).unwrap().map(|entry| entry.unwrap());
    let parts = parts.map(|entry| entry.path());
    let parts: Vec<_> = parts
        .filter(|path| path.extension().is_some_and(|ending| ending == "parts"))
        .collect();
    let mut bytes = fs::read(&parts[0]).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&parts[0], bytes).unwrap();
    stage.server.heal(&path);
    let (updated, ways) = stage.ways().unwrap();
    assert_eq!(
        (updated.as_deref(), &ways[..]),
        (Some("1.1"), &[Way::ChangedFiles][..])
    );
    stage.stands_at("1.1");
}

#[test]
fn no_more_travels_than_the_app_allows() {
    let stage = stage();
    stage
        .site
        .release_with(&version("1.1").file("lib/new.bin", noise(90_000)), |_| ());
    let finder = |most_bytes| {
        stage.finder(&stage.server).with_options(FetchOptions {
            most_bytes,
            ..FetchOptions::default()
        })
    };
    let app = stage.open(Arc::new(finder(Some(50_000))));
    let error = app.auto_update(&Monitor::silent()).unwrap_err();
    assert!(
        matches!(
            error,
            Error::DownloadLimit {
                allowed: 50_000,
                ..
            }
        ),
        "{error}"
    );
    assert_eq!(stage.bytes_of("1.1"), 0);
    stage.stands_at("1.0");
    let app = stage.open(Arc::new(finder(Some(100_000))));
    assert_eq!(
        app.auto_update(&Monitor::silent()).unwrap().as_deref(),
        Some("1.1")
    );
}

#[test]
fn a_patch_that_wants_more_memory_than_the_app_allows_is_passed_over() {
    let stage = stage();
    stage.release("1.1", 5);
    let finder = stage.finder(&stage.server).with_options(FetchOptions {
        memory: 1000,
        ..FetchOptions::default()
    });
    let app = stage.open(Arc::new(finder));
    assert_eq!(
        app.auto_update(&Monitor::silent()).unwrap().as_deref(),
        Some("1.1")
    );
    stage.stands_at("1.1");
    let zips = stage.of_kind("1.1", Kind::Zip);
    assert!(stage.server.sent_at(&served(&stage, &zips[0])) > 0);
}

/// Killed after every operation on the disk: what was there stands, and the next run ends the update.
#[test]
fn an_update_by_patches_or_files_that_is_killed_anywhere_is_ended_by_the_next() {
    for (patches, bar) in [(1, Kind::Compact), (0, Kind::Patch)] {
        let mut stage = stage();
        for number in ["1.1", "1.2"] {
            stage.release(number, patches);
            stage.bar(number, Kind::Zip);
            stage.bar(number, bar);
        }
        for count in 0.. {
            stage.place = Place::new();
            extract(&stage.of_kind("1.0", Kind::Zip)[0], &stage.place.appdir());
            let armed = arm(Plan::StopAfter(count));
            let result = stage.update();
            drop(armed);
            if result.is_ok() {
                assert!(count > 30, "{count} operations");
                stage.stands_at("1.2");
                break;
            }
            let app = Esky::open_without_finder(&stage.place.appdir()).unwrap();
            let stands = app.version();
            assert!(
                ["1.0", "1.2"].contains(&stands.as_str()),
                "after {count}: {stands}"
            );
            stage.stands_at(&stands);
            stage.update().unwrap();
            stage.stands_at("1.2");
        }
    }
}
