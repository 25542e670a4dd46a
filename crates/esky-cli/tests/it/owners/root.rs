//! Root and the apps of others: the command goes on as their owner, and touches nothing that others can exchange.

use std::fs;
use std::os::unix::fs::{MetadataExt, lchown, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use super::users::{ALICE, TEAM, everything_in, give, set_mode, skipped_without_root};
use crate::support::{Reply, Scene};

/// An app of Alice's in a directory of hers, with two newer versions offered; and a file and a directory of root's.
struct Victim {
    scene: Scene,
    app_dir: PathBuf,
    file: PathBuf,
    directory: PathBuf,
}

const SECRET: &str = "#!/bin/sh\n# root's own\n";

impl Victim {
    fn new() -> Self {
        let scene = Scene::new();
        let package = scene.package("1.0");
        let app_dir = scene.path("home/app");
        esky_testkit::apps::extract(&package, &app_dir);
        scene.package("1.1");
        set_mode(&scene.path(""), 0o755);
        let file = scene.write("root/script", SECRET);
        let directory = file.parent().unwrap().to_owned();
        set_mode(&directory, 0o755);
        give(&scene.path("home"), ALICE.id, TEAM);
        Self {
            scene,
            app_dir,
            file,
            directory,
        }
    }

    fn run(&self, arguments: &[&str]) -> Reply {
        let app = self.app_dir.to_str().unwrap();
        let words = arguments.iter().map(|word| match *word {
            "APP" => app,
            word => word,
        });
        self.scene.run(words)
    }

    fn assert_unharmed(&self, after: &str) {
        assert_eq!(fs::read_to_string(&self.file).unwrap(), SECRET, "{after}");
        let found = fs::metadata(&self.directory).unwrap();
        assert_eq!((found.mode() & 0o7777, found.uid()), (0o755, 0), "{after}");
        assert_eq!(everything_in(&self.directory).len(), 2, "{after}");
    }
}

/// Every command that takes an app directory, in an order in which each has something to do.
const COMMANDS: [&[&str]; 15] = [
    &["update", "APP", "site", "--check"],
    &["update", "APP", "site"],
    &["list", "APP"],
    &["why", "APP"],
    &["info", "APP"],
    &["verify", "APP"],
    &["confirm", "APP"],
    &["rollback", "APP", "--reason", "rm -rf /"],
    &["unhold", "APP", "1.1"],
    &["pin", "APP"],
    &["unpin", "APP"],
    &["skip", "APP", "1.1"],
    &["unhold", "APP", "1.1"],
    &["verify", "APP", "--repair", "site"],
    &["cleanup", "APP"],
];

#[test]
fn root_updates_an_app_as_its_owner() {
    let victim = Victim::new();
    if skipped_without_root(&victim.scene, "root_updates_an_app_as_its_owner") {
        return;
    }
    for command in COMMANDS {
        let reply = victim.run(command);
        assert_eq!(reply.code, 0, "{command:?}: {reply:?}");
        let acting = format!("Acting as the user with id {}, who owns", ALICE.id);
        assert!(reply.stderr.starts_with(&acting), "{command:?}: {reply:?}");
    }
    for path in everything_in(&victim.app_dir) {
        let found = fs::symlink_metadata(&path).unwrap();
        assert_eq!(
            (found.uid(), found.gid()),
            (ALICE.id, TEAM),
            "{}",
            path.display()
        );
    }
}

#[test]
fn links_that_the_owner_has_planted_lead_root_nowhere() {
    if skipped_without_root(
        &Scene::new(),
        "links_that_the_owner_has_planted_lead_root_nowhere",
    ) {
        return;
    }
    let files = [
        "esky-state/slot-0",
        "esky-state/slot-1",
        "esky-state/lock",
        "esky-state/staging",
        "esky-state/program.new",
        "esky-state/.programs.txt.new",
        "demo",
    ];
    let directories = [
        "esky-state",
        "updates",
        "updates/metadata",
        "updates/downloads",
        "locked",
        "appdata",
        "demo-1.1.linux-x86_64",
        "demo-1.0.linux-x86_64/esky-files",
    ];
    for name in files.into_iter().chain(directories) {
        let victim = Victim::new();
        let target = match files.contains(&name) {
            true => &victim.file,
            false => &victim.directory,
        };
        plant(&victim.app_dir.join(name), target);
        for command in COMMANDS {
            victim.run(command);
            victim.assert_unharmed(&format!("{name}: {command:?}"));
        }
    }
}

/// Puts a link of Alice's there.
fn plant(link: &Path, target: &Path) {
    let parent = link.parent().unwrap();
    fs::create_dir_all(parent).unwrap();
    let _ = fs::remove_file(link).or_else(|_| fs::remove_dir_all(link));
    symlink(target, link).unwrap();
    for path in [parent, link] {
        lchown(path, Some(ALICE.id), Some(TEAM)).unwrap();
    }
}

#[test]
fn directories_that_are_exchanged_for_links_meanwhile_lead_root_nowhere() {
    const NAMES: [&str; 3] = ["esky-state", "demo-1.1.linux-x86_64", "updates"];
    const ATTEMPTS: usize = 100;
    let test = "directories_that_are_exchanged_for_links_meanwhile_lead_root_nowhere";
    if skipped_without_root(&Scene::new(), test) {
        return;
    }
    let victim = Victim::new();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| exchange(&victim, &NAMES, &done));
        for _ in 0..ATTEMPTS {
            victim.run(&["update", "APP", "site", "--quiet"]);
            victim.run(&["cleanup", "APP", "--quiet"]);
        }
        done.store(true, Ordering::Relaxed);
    });
    victim.assert_unharmed("the exchanges");
}

fn exchange(victim: &Victim, names: &[&str], done: &AtomicBool) {
    while !done.load(Ordering::Relaxed) {
        for name in names {
            let (place, aside) = (
                victim.app_dir.join(name),
                victim.app_dir.join(format!("{name}.aside")),
            );
            if fs::rename(&place, &aside).is_ok() {
                let _ = symlink(&victim.directory, &place);
                let _ = fs::remove_file(&place);
                let _ = fs::rename(&aside, &place);
            }
        }
    }
}

fn refused(victim: &Victim, by: &str) {
    for command in [
        ["update", "APP", "site"].as_slice(),
        &["rollback", "APP"],
        &["skip", "APP", "1.1"],
    ] {
        let reply = victim.run(command);
        assert_eq!(reply.code, 1, "{command:?}: {reply:?}");
        assert!(reply.stderr.contains("root must not change"), "{reply:?}");
        assert!(reply.stderr.contains(by), "{reply:?}");
        assert!(reply.stderr.contains("hint: "), "{reply:?}");
    }
    assert!(!victim.app_dir.join("esky-state").exists());
    // What only reads goes on.
    for command in [["list", "APP"], ["why", "APP"], ["verify", "APP"]] {
        let reply = victim.run(&command);
        assert_eq!(reply.code, 0, "{reply:?}");
    }
}

#[test]
fn root_refuses_an_app_of_its_own_that_others_can_write_to() {
    let victim = Victim::new();
    let test = "root_refuses_an_app_of_its_own_that_others_can_write_to";
    if skipped_without_root(&victim.scene, test) {
        return;
    }
    give(&victim.scene.path("home"), 0, 0);
    set_mode(&victim.app_dir, 0o757);
    refused(&victim, "others than root may write in");
    set_mode(&victim.app_dir, 0o775);
    lchown(&victim.app_dir, Some(0), Some(TEAM)).unwrap();
    refused(&victim, "others than root may write in");
    set_mode(&victim.app_dir, 0o755);
    assert_eq!(victim.run(&["update", "APP", "site"]).code, 0);
}

#[test]
fn root_refuses_an_app_of_its_own_that_others_can_exchange() {
    let victim = Victim::new();
    let test = "root_refuses_an_app_of_its_own_that_others_can_exchange";
    if skipped_without_root(&victim.scene, test) {
        return;
    }
    let home = victim.scene.path("home");
    give(&victim.app_dir, 0, 0);
    refused(&victim, "belongs to the user with id");
    lchown(&home, Some(0), Some(0)).unwrap();
    set_mode(&home, 0o777);
    refused(&victim, "others than root may write in");
    // With the sticky bit, as in /tmp, they cannot.
    set_mode(&home, 0o1777);
    assert_eq!(victim.run(&["update", "APP", "site"]).code, 0);
}

/// Releasing unpacks versions and installs them by way of trial, in a directory of its own. Whose the project is does not matter.
#[test]
fn root_releases_in_the_project_of_somebody_else() {
    let scene = Scene::new();
    if skipped_without_root(&scene, "root_releases_in_the_project_of_somebody_else") {
        return;
    }
    let home = scene.path("home");
    fs::create_dir(&home).unwrap();
    lchown(&home, Some(ALICE.id), Some(TEAM)).unwrap();
    let run = |words: &[&str]| {
        let mut command = crate::support::command(words);
        command.env("HOME", scene.path("root")).current_dir(&home);
        command.env("ESKY_BOOTSTRAP", scene.bootstrap());
        let reply = Reply::from(command.output().unwrap());
        assert_eq!(reply.code, 0, "{words:?}: {reply:?}");
    };
    run(&["init", "--app", "demo"]);
    for version in ["1.0", "1.1"] {
        let frozen = scene.frozen(version);
        run(&["release", frozen.to_str().unwrap(), "--version", version]);
    }
}
