//! The release that leads tufup's clients across.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::ops::ControlFlow;
use std::path::Path;

use esky_fs::faults::{Plan, arm};
use esky_publish::PackOptions;
use esky_publish::repository::{
    Bridged, ImportFault, PatchOptions, Project, ReleaseOptions, Released, RepositoryError,
    RepositoryResult, Source, Yank, release, tufup_bridge, yank,
};
use esky_trust::{Json, TargetFile};
use flate2::read::GzDecoder;

use super::importing::Mover;
use super::{Workshop, now};

/// An imported app, ready to be released.
struct Crossing {
    mover: Mover,
    project: Project,
}

impl Crossing {
    fn new() -> Self {
        let mover = Mover::new();
        let project = mover.import().unwrap().project;
        Self { mover, project }
    }

    fn release(&self, version: &str, change: fn(&mut PackOptions)) -> Released {
        let mut pack = self.mover.app.options();
        pack.version = version.to_owned();
        change(&mut pack);
        let options = ReleaseOptions {
            source: Source::Directory(Box::new(pack)),
            channel: None,
            notes: None,
            minimum_version: None,
            allow_older: false,
            patches: PatchOptions::default(),
        };
        let signers = self.mover.signers();
        let mut progress = |_| ControlFlow::Continue(());
        release(&self.project, &options, &signers, now(), &mut progress).unwrap()
    }

    fn bridge(&self, target: &str) -> RepositoryResult<Bridged> {
        let mut progress = |_| ControlFlow::Continue(());
        tufup_bridge(
            &self.project,
            target,
            &self.mover.signers(),
            now(),
            &mut progress,
        )
    }

    fn fault(&self, target: &str) -> ImportFault {
        match self.bridge(target).unwrap_err() {
            RepositoryError::Import(fault) => fault,
            other => panic!("{other}"),
        }
    }

    fn targets(&self) -> BTreeMap<String, TargetFile> {
        self.mover.followed().targets().unwrap().targets.clone()
    }
}

/// Name in the metadata of the compact package beside a package.
fn compact_of(released: &Released) -> String {
    format!("{}.esky", released.target.strip_suffix(".zip").unwrap())
}

/// Mode and content by path; a link's content is where it leads.
type Tree = BTreeMap<String, (u32, Vec<u8>)>;

fn unpacked_tar(path: &Path) -> Tree {
    let mut archive = tar::Archive::new(GzDecoder::new(File::open(path).unwrap()));
    let mut tree = Tree::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().to_str().unwrap().to_owned();
        let mode = entry.header().mode().unwrap();
        let mut content = Vec::new();
        match entry.link_name().unwrap() {
            Some(target) => content.extend(target.to_str().unwrap().bytes()),
            None => drop(entry.read_to_end(&mut content).unwrap()),
        }
        tree.insert(path, (mode, content));
    }
    tree
}

fn unpacked_zip(path: &Path) -> Tree {
    let mut archive = zip::ZipArchive::new(File::open(path).unwrap()).unwrap();
    let entries = 0..archive.len();
    let entries = entries.map(|at| {
        let mut entry = archive.by_index(at).unwrap();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        // All links have the same mode here.
        let mode = match entry.is_symlink() {
            true => 0o777,
            false => entry.unix_mode().unwrap() & 0o777,
        };
        (entry.name().unwrap().into_owned(), (mode, content))
    });
    entries.collect()
}

#[test]
fn the_archive_unpacks_to_what_the_package_unpacks_to() {
    let crossing = Crossing::new();
    let deep = format!("{}/{}/module.py", "long-name".repeat(9), "x".repeat(120));
    crossing.mover.app.file(&deep, b"deep");
    #[cfg(unix)]
    crossing
        .mover
        .app
        .link("_internal/libcore.so.1", "libcore.so");
    for (version, change) in [
        ("2.0", (|_| ()) as fn(&mut PackOptions)),
        ("2.1", |pack| pack.appdata_dir = true),
    ] {
        let released = crossing.release(version, change);
        let bridged = crossing.bridge(&released.target).unwrap();
        let archive = unpacked_tar(&bridged.path);
        let mut package = unpacked_zip(&released.path);
        // The directory of the version has no entry of its own in packages.
        let top = archive
            .keys()
            .find(|path| !package.contains_key(*path))
            .cloned();
        package.insert(top.unwrap(), (0o755, Vec::new()));
        assert_eq!(archive, package, "{version}");
        assert!(
            archive
                .keys()
                .any(|path| path.ends_with("esky-files/root.json"))
        );
        assert!(archive.contains_key("prog"));
    }
}

#[test]
fn clients_of_tufups_find_it_and_no_patches_that_lead_elsewhere() {
    let crossing = Crossing::new();
    let released = crossing.release("2.0", |_| ());
    assert!(crossing.targets().contains_key("app-1.1.patch"));
    let bridged = crossing.bridge(&released.target).unwrap();
    assert_eq!(
        (bridged.target.as_str(), bridged.already),
        ("app-2.0.tar.gz", false)
    );
    let targets = crossing.targets();
    let names: Vec<_> = targets.keys().collect();
    let expected = [
        "app-1.0.tar.gz",
        "app-1.1.tar.gz",
        "app-2.0.tar.gz",
        &compact_of(&released),
        &released.target,
    ];
    assert_eq!(names, expected.iter().collect::<Vec<_>>());
    let file = &targets["app-2.0.tar.gz"];
    let custom = Json::parse(br#"{"tufup": {"required": false}, "user": null}"#).unwrap();
    assert_eq!(file.custom, Some(custom));
    let plain = crossing.mover.repository().join("targets/app-2.0.tar.gz");
    assert_eq!(fs::read(plain).unwrap(), fs::read(&bridged.path).unwrap());
    let again = crossing.bridge(&released.target).unwrap();
    assert_eq!(
        again,
        Bridged {
            already: true,
            ..bridged
        }
    );
    assert_eq!(crossing.targets(), targets, "nothing was changed");
}

#[test]
fn a_bridge_that_nobody_would_cross_is_refused() {
    let crossing = Crossing::new();
    let released = crossing.release("1.0.5", |_| ());
    let fault = crossing.fault(&released.target);
    assert_eq!(
        fault.to_string(),
        "tufup's clients have 1.1, which is not older than 1.0.5"
    );
    let released = crossing.release("2.0rc1", |_| ());
    let fault = crossing.fault(&released.target);
    assert!(
        matches!(fault, ImportFault::BridgeVersion { .. }),
        "{fault}"
    );
    for no_release in ["app-1.1.tar.gz", "app/stable/x/y.zip"] {
        let error = crossing.bridge(no_release).unwrap_err();
        assert!(
            matches!(error, RepositoryError::NotReleased { .. }),
            "{error}"
        );
    }
}

#[test]
fn without_an_app_of_tufups_there_is_nothing_to_bridge() {
    let workshop = Workshop::new();
    let released = workshop.release("1.0").unwrap();
    let mut progress = |_| ControlFlow::Continue(());
    let (project, signers) = (&workshop.project, workshop.signers());
    let error = tufup_bridge(project, &released.target, &signers, now(), &mut progress);
    let error = error.unwrap_err();
    assert!(
        error.hint().unwrap().contains("esky import tufup"),
        "{error}"
    );
}

#[test]
fn a_withdrawn_version_is_withdrawn_from_clients_of_tufups_too() {
    let crossing = Crossing::new();
    let released = crossing.release("2.0", |_| ());
    crossing.bridge(&released.target).unwrap();
    let signers = crossing.mover.signers();
    let withdraw = Yank::Withdraw {
        reason: "broken".into(),
    };
    let changed = yank(&crossing.project, "2.0", &withdraw, &signers, now()).unwrap();
    let gone = [&compact_of(&released), &released.target, "app-2.0.tar.gz"];
    assert_eq!(changed.targets, gone);
    assert!(!crossing.targets().contains_key("app-2.0.tar.gz"));
    yank(&crossing.project, "2.0", &Yank::Offer, &signers, now()).unwrap();
    assert!(!crossing.bridge(&released.target).unwrap().already);
    assert!(crossing.targets().contains_key("app-2.0.tar.gz"));
}

/// Killed after every operation on the disk in turn: clients of tufup's see the bridge or none of it.
#[test]
fn a_bridge_that_is_broken_off_anywhere_is_invisible_and_finished_by_the_next() {
    let crossing = Crossing::new();
    let mut versions = (20..).map(|minor| format!("2.{minor}"));
    let mut operations = 0;
    for count in 0.. {
        let released = crossing.release(&versions.next().unwrap(), |_| ());
        let target = format!("app-{}.tar.gz", released.packed.app.version);
        let armed = arm(Plan::StopAfter(count));
        let result = crossing.bridge(&released.target);
        let tried = armed.operations();
        drop(armed);
        crossing.targets();
        if result.is_ok() && tried <= count {
            operations = count;
            break;
        }
        crossing.bridge(&released.target).unwrap();
        assert!(crossing.targets().contains_key(&target), "after {count}");
    }
    assert!(
        operations > 15,
        "{operations} operations are too few to be true"
    );
}
