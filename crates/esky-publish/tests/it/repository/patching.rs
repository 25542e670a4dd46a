//! What a release brings besides its zip.

use std::fs;
use std::ops::ControlFlow;

use esky_publish::repository::{PatchOutcome, ReleaseStep, RepositoryError, Yank, release, yank};
use esky_trust::{PackageKind, Release};

use super::{Workshop, now, reader};

/// What is said of all packages, with their sizes.
fn packages(workshop: &Workshop) -> Vec<(String, PackageKind, u64)> {
    let targets = reader::targets(&workshop.project.repository, now());
    let said = targets.iter().map(|(path, file)| {
        let release = Release::read(path, file).unwrap().unwrap();
        (release.version, release.kind, file.length)
    });
    said.collect()
}

fn patches(workshop: &Workshop) -> Vec<(String, String)> {
    let packages = packages(workshop).into_iter();
    let patches = packages.filter_map(|(version, kind, _)| match kind {
        PackageKind::Patch { from } => Some((from, version)),
        _ => None,
    });
    patches.collect()
}

fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed | 1;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) as u8
    };
    (0..length).map(|_| next()).collect()
}

#[test]
fn a_release_brings_patches_from_the_last_ones_and_a_compact_package() {
    let workshop = Workshop::new();
    workshop.app.file("data.bin", &noise(1, 300_000));
    for version in ["1.0", "1.1", "1.2"] {
        workshop.release(version).unwrap();
    }
    let pairs = [("1.0", "1.1"), ("1.0", "1.2"), ("1.1", "1.2")];
    let pairs = pairs.map(|(from, to)| (from.to_owned(), to.to_owned()));
    assert_eq!(patches(&workshop), pairs);
    for (version, kind, size) in packages(&workshop) {
        match kind {
            PackageKind::Full => assert!(size > 300_000, "{version}"),
            PackageKind::Compact { index } => {
                assert!(
                    size > 300_000 && index.length < 2000,
                    "{version}: {index:?}"
                );
            }
            PackageKind::Patch { from } => {
                assert!(size < 2000, "from {from} to {version}: {size} bytes");
            }
        }
    }
}

#[test]
fn patches_come_from_so_many_releases_as_was_said_and_from_none_that_was_withdrawn() {
    let workshop = Workshop::new();
    for version in ["1.0", "1.1", "1.2"] {
        workshop.release(version).unwrap();
    }
    let withdraw = Yank::Withdraw {
        reason: "it eats files".into(),
    };
    yank(
        &workshop.project,
        "1.1",
        &withdraw,
        &workshop.signers(),
        now(),
    )
    .unwrap();
    workshop.app.file("version.txt", b"2.0");
    let mut options = workshop.options("2.0");
    options.patches.count = 2;
    let made = workshop.release_as(&options).unwrap().patches;
    let from: Vec<&str> = made.iter().map(|made| made.from.as_str()).collect();
    assert_eq!(from, ["1.2", "1.0"]);
    options = workshop.options("2.1");
    options.patches.count = 0;
    assert_eq!(workshop.release_as(&options).unwrap().patches, []);
}

#[test]
fn a_patch_is_left_out_when_the_changed_files_are_no_more() {
    let workshop = Workshop::new();
    workshop.app.file("data.bin", &noise(1, 100_000));
    // All these names stand in a patch, as those of files to be removed.
    for number in 0..100 {
        let name: String = noise(number, 40)
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect();
        workshop.app.file(&format!("old/{name}"), b"");
    }
    workshop.release("1.0").unwrap();
    fs::remove_dir_all(workshop.app.options().directory.join("old")).unwrap();
    workshop.app.file("data.bin", &noise(2, 100_000));
    let mut options = workshop.options("1.1");
    options.patches.count = 1;
    let made = workshop.release_as(&options).unwrap().patches;
    assert_eq!(made[0].from, "1.0");
    let PatchOutcome::Larger { size, files } = made[0].outcome else {
        panic!("{made:?}");
    };
    assert!(size >= files && files > 100_000, "{made:?}");
    assert_eq!(patches(&workshop), []);
}

#[test]
fn a_damaged_earlier_package_costs_its_patch_and_not_the_release() {
    let workshop = Workshop::new();
    let path = workshop.release("1.0").unwrap().path;
    let size = fs::metadata(&path).unwrap().len();
    fs::write(&path, vec![0; size as usize]).unwrap();
    let made = workshop.release("1.1").unwrap().patches;
    assert!(
        matches!(&made[..], [made] if matches!(made.outcome, PatchOutcome::Failed { .. })),
        "{made:?}"
    );
    assert_eq!(patches(&workshop), []);
}

#[test]
fn making_patches_can_be_cancelled_and_leaves_the_repository_as_it_was() {
    let workshop = Workshop::new();
    workshop.release("1.0").unwrap();
    let before = packages(&workshop);
    workshop.app.file("version.txt", b"1.1");
    let (options, signers) = (workshop.options("1.1"), workshop.signers());
    let mut stop = |step| match step {
        ReleaseStep::Packing(_) => ControlFlow::Continue(()),
        ReleaseStep::Patching(_) => ControlFlow::Break(()),
    };
    let error = release(&workshop.project, &options, &signers, now(), &mut stop).unwrap_err();
    assert!(
        matches!(error, RepositoryError::Patch(esky_patch::Error::Cancelled)),
        "{error}"
    );
    assert_eq!(packages(&workshop), before);
    workshop.release("1.1").unwrap();
}
