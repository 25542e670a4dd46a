//! What is published was tried on a copy of the app before.

use std::fs;

use esky_publish::repository::{CompactMade, PatchOutcome, Released};
use esky_publish::{PackOptions, TrialOptions};
use esky_trust::{PackageKind, Release};

use super::{Workshop, now, reader};
use crate::app::elf;

fn kinds_of(workshop: &Workshop, version: &str) -> Vec<&'static str> {
    let targets = reader::targets(&workshop.project.repository, now());
    let said = targets
        .iter()
        .map(|(path, file)| Release::read(path, file).unwrap().unwrap());
    let of_version = said.filter(|release| release.version == version);
    let kinds = of_version.map(|release| match release.kind {
        PackageKind::Full => "zip",
        PackageKind::Compact { .. } => "compact",
        PackageKind::Patch { .. } => "patch",
    });
    let mut kinds: Vec<_> = kinds.collect();
    kinds.sort_unstable();
    kinds
}

fn is_published(released: &Released) -> bool {
    let is_published = |outcome: &PatchOutcome| matches!(outcome, PatchOutcome::Published { .. });
    let mut patches = released.patches.iter();
    matches!(released.compact, CompactMade::Published { .. })
        && patches.all(|made| is_published(&made.outcome))
}

/// Apps give only so much memory to patches. A patch that wants more costs every one of them a useless download.
#[test]
fn what_no_app_could_use_is_not_published_and_told() {
    let workshop = Workshop::new();
    let first = workshop.release("1.0").unwrap();
    assert!(is_published(&first), "{first:?}");
    workshop.app.file("version.txt", b"1.1");
    let mut options = workshop.options("1.1");
    options.patches.app_memory = 1000;
    let released = workshop.release_as(&options).unwrap();
    let PatchOutcome::Refused { reason } = &released.patches[0].outcome else {
        panic!("{:?}", released.patches);
    };
    assert!(reason.contains("memory"), "{reason}");
    assert!(
        matches!(&released.compact, CompactMade::Refused { reason } if reason.contains("memory")),
        "{:?}",
        released.compact
    );
    assert_eq!(kinds_of(&workshop, "1.1"), ["zip"]);
    let next = workshop.release("1.2").unwrap();
    assert!(is_published(&next) && next.patches.len() == 2, "{next:?}");
    assert_eq!(
        kinds_of(&workshop, "1.2"),
        ["compact", "patch", "patch", "zip"]
    );
}

/// Releases 1.0 and 1.1 and expects that all of it can be used.
fn expect_published(change: impl Fn(&mut PackOptions)) {
    expect_published_by(&Workshop::new(), change);
}

fn expect_published_by(workshop: &Workshop, change: impl Fn(&mut PackOptions)) {
    for version in ["1.0", "1.1"] {
        workshop.app.file("version.txt", version.as_bytes());
        let mut options = workshop.options(version);
        if let esky_publish::repository::Source::Directory(pack) = &mut options.source {
            change(pack);
        }
        let released = workshop.release_as(&options).unwrap();
        assert!(is_published(&released), "{released:?}");
    }
    assert_eq!(kinds_of(workshop, "1.1"), ["compact", "patch", "zip"]);
    let left = fs::read_dir(workshop.app.place().join("repo.staging")).unwrap();
    assert_eq!(left.count(), 2, "the lock, and what keeps it out of git");
}

#[test]
fn versions_for_other_systems_than_this_one_are_tried_too() {
    let workshop = Workshop::new();
    let program = elf(183);
    workshop.app.program("prog", &program);
    fs::write(workshop.app.bootstrap(), &program).unwrap();
    expect_published_by(&workshop, |pack| {
        pack.platform = Some("linux-aarch64".to_owned());
    });
}

#[test]
fn versions_in_the_layout_of_the_original_are_tried_too() {
    expect_published(|pack| pack.appdata_dir = true);
}

#[test]
fn versions_on_trial_with_a_self_test_are_not_started_by_a_rehearsal() {
    expect_published(|pack| {
        pack.trial = TrialOptions {
            self_test: Some("prog".to_owned()),
            ..TrialOptions::default()
        };
    });
}

#[cfg(unix)]
#[test]
fn links_empty_files_and_modes_are_part_of_the_rehearsal() {
    let workshop = Workshop::new();
    workshop.app.file("_internal/empty.txt", b"");
    workshop.app.link("_internal/link.so", "libcore.so");
    workshop.app.link("all", "_internal");
    let mode = |path: &str, mode: u32| {
        use std::os::unix::fs::PermissionsExt;
        let path = workshop.app.directory().join(path);
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    fs::create_dir(workshop.app.directory().join("nothing")).unwrap();
    for (version, bits) in [("1.0", 0o755), ("1.1", 0o700), ("1.2", 0o750)] {
        mode("nothing", bits);
        mode("_internal/empty.txt", bits & 0o666);
        mode("_internal/libcore.so", bits);
        let released = workshop.release(version).unwrap();
        assert!(is_published(&released), "{released:?}");
    }
}
