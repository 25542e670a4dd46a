//! Releases, and what readers see while they are made.

use std::collections::BTreeSet;
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use esky_fs::faults::{Plan, arm};
use esky_publish::repository::{
    Health, RepositoryError, Signers, Yank, init, refresh, release, status, yank,
};
use esky_trust::sign::SigningKey;
use esky_trust::{KeyKind, Role};

use super::reader::offered;
use super::{PASSPHRASE, Workshop, in_days, init_options, now};

fn names(directory: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(directory).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

fn root_of(workshop: &Workshop) -> Vec<u8> {
    fs::read(workshop.metadata("1.root.json")).unwrap()
}

#[test]
fn a_new_repository_offers_nothing_to_those_who_trust_it() {
    let workshop = Workshop::new();
    let repository = &workshop.project.repository;
    assert_eq!(offered(repository, &root_of(&workshop), now()), Ok(vec![]));
    let expected = [
        "1.root.json",
        "1.snapshot.json",
        "1.targets.json",
        "timestamp.json",
    ];
    assert_eq!(
        names(&repository.join("metadata")),
        expected.map(str::to_owned).into()
    );
    let status = status(&workshop.project, &workshop.signers(), &[], now()).unwrap();
    assert_eq!(status.health(), Health::Good);
    let release_key_at_hand = |role: Role| {
        let role = status
            .roles
            .iter()
            .find(|found| found.role == role)
            .unwrap();
        role.keys.iter().filter(|key| key.at_hand).count()
    };
    assert_eq!(release_key_at_hand(Role::Timestamp), 1);
    assert_eq!(release_key_at_hand(Role::Root), 0);
}

#[test]
fn a_second_init_touches_nothing() {
    let workshop = Workshop::new();
    let before = root_of(&workshop);
    let options = init_options(&workshop.app);
    for missing in ["nothing", "esky.toml", "repo"] {
        let path = workshop.app.place().join(missing);
        if path.is_dir() {
            fs::rename(&path, workshop.app.place().join("moved")).unwrap();
        } else {
            let _ = fs::remove_file(path);
        }
        let refused = init(&options, &workshop.store, PASSPHRASE, now())
            .err()
            .unwrap();
        assert!(
            matches!(refused, RepositoryError::AlreadyThere { .. }),
            "{refused}"
        );
    }
    assert_eq!(
        fs::read(workshop.app.place().join("moved/metadata/1.root.json")).unwrap(),
        before
    );
}

#[test]
fn releases_are_seen_by_apps_with_the_first_root() {
    let workshop = Workshop::new();
    let first = workshop.release("1.0").unwrap();
    let second = workshop.release("1.1").unwrap();
    assert!(!first.already && second.path.is_file());
    let versions = offered(&workshop.project.repository, &root_of(&workshop), now());
    assert_eq!(versions, Ok(vec!["1.0".to_owned(), "1.1".to_owned()]));
    assert_eq!(
        second.target,
        "app/stable/linux-x86_64/app-1.1.linux-x86_64.zip"
    );
    assert_eq!(
        names(&workshop.app.place().join("repo.staging")),
        [".gitignore", "lock"].map(str::to_owned).into()
    );
}

#[test]
fn the_package_knows_its_root_and_its_channel() {
    let workshop = Workshop::new();
    let released = workshop.release("1.0").unwrap();
    let package = fs::File::open(released.path).unwrap();
    let mut zip = zip::ZipArchive::new(package).unwrap();
    let mut text = |name: &str| {
        let name = format!("app-1.0.linux-x86_64/esky-files/{name}");
        std::io::read_to_string(zip.by_name(&name).unwrap()).unwrap()
    };
    assert_eq!(text("root.json").as_bytes(), root_of(&workshop));
    assert!(text("settings.txt").contains("\nchannel stable\n"));
    assert!(text("file-list.txt").contains("esky-files/root.json"));
}

#[test]
fn releasing_the_same_again_changes_nothing_and_other_contents_are_refused() {
    let workshop = Workshop::new();
    workshop.release("1.0").unwrap();
    let before = names(&workshop.project.repository.join("metadata"));
    assert!(workshop.release("1.0").unwrap().already);
    assert_eq!(names(&workshop.project.repository.join("metadata")), before);
    workshop.app.file("late.txt", b"an afterthought");
    let refused = workshop.release("1.0").unwrap_err();
    assert!(
        matches!(refused, RepositoryError::AlreadyReleased { .. }),
        "{refused}"
    );
    assert!(offered(&workshop.project.repository, &root_of(&workshop), now()).is_ok());
}

/// Killed after every operation on the disk in turn: readers see the release or none of it, and the next run ends it.
#[test]
fn a_release_that_is_broken_off_anywhere_is_invisible_and_finished_by_the_next() {
    let mut operations = 0;
    for count in 0.. {
        let workshop = Workshop::new();
        workshop.release("1.0").unwrap();
        workshop.app.file("version.txt", b"1.1");
        let (options, signers) = (workshop.options("1.1"), workshop.signers());
        let armed = arm(Plan::StopAfter(count));
        let mut progress = |_| ControlFlow::Continue(());
        let result = release(&workshop.project, &options, &signers, now(), &mut progress);
        let tried = armed.operations();
        drop(armed);
        let seen = offered(&workshop.project.repository, &root_of(&workshop), now()).unwrap();
        assert!(
            seen == ["1.0"] || seen == ["1.0", "1.1"],
            "after {count}: {seen:?}"
        );
        if result.is_ok() && tried <= count {
            assert_eq!(seen, ["1.0", "1.1"]);
            operations = count;
            break;
        }
        workshop.release("1.1").unwrap();
        let seen = offered(&workshop.project.repository, &root_of(&workshop), now()).unwrap();
        assert_eq!(seen, ["1.0", "1.1"], "after {count} and another run");
    }
    assert!(
        operations > 20,
        "{operations} operations are too few to be true"
    );
}

#[test]
fn without_the_release_key_nothing_is_packed() {
    let workshop = Workshop::new();
    let options = workshop.options("1.0");
    let mut packed = false;
    let mut progress = |_| {
        packed = true;
        ControlFlow::Continue(())
    };
    let none = Signers::default();
    let refused = release(&workshop.project, &options, &none, now(), &mut progress).unwrap_err();
    assert!(
        matches!(refused, RepositoryError::MissingKeys { .. }),
        "{refused}"
    );
    let mut signers = Signers::default();
    signers.add(SigningKey::generate(KeyKind::Ed25519).unwrap());
    let refused = release(&workshop.project, &options, &signers, now(), &mut progress).unwrap_err();
    assert!(
        matches!(refused, RepositoryError::MissingKeys { .. }),
        "{refused}"
    );
    assert!(!packed);
}

#[test]
fn a_yanked_version_is_not_offered_until_it_is_offered_again() {
    let workshop = Workshop::new();
    let package = workshop.release("1.0").unwrap().path;
    workshop.release("1.1").unwrap();
    let say = |version: &str, what: &Yank| {
        yank(&workshop.project, version, what, &workshop.signers(), now())
    };
    let withdraw = Yank::Withdraw {
        reason: "it eats files".into(),
    };
    let see = || offered(&workshop.project.repository, &root_of(&workshop), now()).unwrap();
    let packages = say("1.0", &withdraw).unwrap();
    assert_eq!(packages.targets.len(), 2, "the zip and the compact package");
    assert_eq!(say("1.0", &withdraw).unwrap().targets.len(), 0);
    assert_eq!(see(), ["1.1"]);
    assert!(package.is_file(), "who is fetching it now can go on");
    assert_eq!(say("1.0", &Yank::Offer).unwrap(), packages);
    assert_eq!(see(), ["1.0", "1.1"]);
    let unknown = say("9.9", &withdraw).unwrap_err();
    assert!(
        matches!(unknown, RepositoryError::NotReleased { .. }),
        "{unknown}"
    );
}

#[test]
fn refreshing_keeps_a_repository_alive_as_time_goes_by() {
    let workshop = Workshop::new();
    workshop.release("1.0").unwrap();
    let root = root_of(&workshop);
    let repository = &workshop.project.repository;
    let health = |days| {
        let signers = workshop.signers();
        status(&workshop.project, &signers, &[], in_days(days))
            .unwrap()
            .health()
    };
    assert_eq!(
        (health(1), health(23), health(45)),
        (Health::Good, Health::HalfOver, Health::Expired)
    );
    assert!(offered(repository, &root, in_days(46)).is_err(), "frozen");
    for week in 1..=60 {
        refresh(&workshop.project, &workshop.signers(), in_days(7 * week)).unwrap();
        assert_eq!(
            offered(repository, &root, in_days(7 * week)).unwrap(),
            ["1.0"],
            "{week}"
        );
    }
    // The targets were signed again once: not every week, and before their year was over.
    assert!(workshop.metadata("3.targets.json").is_file());
    assert!(!workshop.metadata("5.targets.json").is_file());
}
