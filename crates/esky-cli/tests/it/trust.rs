//! What says whom to believe about updates is damaged on the disk of a user.

use std::fs;
use std::path::{Path, PathBuf};

use esky_format::name::current_platform;

use crate::repository::{initialized, release, run};
use crate::support::{Reply, Scene};

/// An app that was released and installed.
fn installed(scene: &Scene) {
    initialized(scene);
    let signed = release(scene, "1.0", &["--json"]).json();
    let package = scene.path("").join(signed["path"].as_str().unwrap());
    esky_testkit::apps::extract(&package, &scene.path("app"));
}

/// The same, released once more and updated.
fn updated(scene: &Scene) {
    installed(scene);
    assert_eq!(release(scene, "1.1", &[]).code, 0);
    let reply = update(scene);
    assert_eq!(reply.code, 0, "{reply:?}");
}

fn update(scene: &Scene) -> Reply {
    run(scene, &["update", "app", "repo"])
}

fn control(scene: &Scene, version: &str, name: &str) -> PathBuf {
    let directory = format!("demo-{version}.{}/esky-files/{name}", current_platform());
    scene.path("app").join(directory)
}

fn lose(path: &Path) {
    fs::remove_file(path).unwrap();
}

fn scratch(path: &Path) {
    fs::write(path, "{}").unwrap();
}

#[test]
fn a_damaged_root_of_trust_is_read_from_a_copy_and_mended() {
    for damage in [lose, scratch] {
        let scene = Scene::new();
        updated(&scene);
        let root = control(&scene, "1.1", "root.json");
        let right = fs::read(&root).unwrap();
        damage(&root);
        let reply = run(&scene, &["verify", "app", "--repair", "repo"]);
        assert_eq!(reply.code, 0, "{reply:?}");
        assert_eq!(fs::read(&root).unwrap(), right);
        damage(&root);
        assert_eq!(release(&scene, "1.2", &[]).code, 0);
        let reply = update(&scene);
        assert!(reply.stdout.contains("from 1.1 to 1.2"), "{reply:?}");
    }
}

#[test]
fn damaged_settings_are_mended_and_stop_no_update() {
    for damage in [lose, scratch] {
        let scene = Scene::new();
        updated(&scene);
        let settings = control(&scene, "1.1", "settings.txt");
        let right = fs::read(&settings).unwrap();
        damage(&settings);
        let reply = run(&scene, &["verify", "app", "--repair", "repo"]);
        assert_eq!(reply.code, 0, "{reply:?}");
        assert_eq!(fs::read(&settings).unwrap(), right);
        damage(&settings);
        assert_eq!(release(&scene, "1.2", &[]).code, 0);
        let reply = update(&scene);
        assert!(reply.stdout.contains("from 1.1 to 1.2"), "{reply:?}");
    }
}

/// A root that is not the one of the package is no root, whoever put it there.
#[test]
fn a_root_of_trust_that_is_not_the_listed_one_is_not_believed() {
    let scene = Scene::new();
    updated(&scene);
    for version in ["1.0", "1.1"] {
        scratch(&control(&scene, version, "root.json"));
    }
    fs::remove_dir_all(scene.path("app").join("updates")).unwrap();
    let reply = update(&scene);
    assert_eq!(reply.code, 1, "{reply:?}");
    assert!(reply.stderr.contains("root.json is damaged"), "{reply:?}");
    assert!(reply.stderr.contains("esky verify --repair"), "{reply:?}");
}

/// All that tells whom to believe, together with the list that knows its hash.
const ALL: [&str; 3] = ["file-list.txt", "root.json", "settings.txt"];

/// If the list of files is lost too, esky has no hash to compare with and checks the signatures instead.
#[test]
fn a_list_that_was_lost_with_the_root_of_trust_is_mended_with_it() {
    for damage in [lose, scratch] {
        for names in [&ALL[..2], &ALL] {
            let scene = Scene::new();
            updated(&scene);
            let files = names.iter().map(|name| control(&scene, "1.1", name));
            let files: Vec<PathBuf> = files.collect();
            let right: Vec<Vec<u8>> = files.iter().map(|path| fs::read(path).unwrap()).collect();
            files.iter().for_each(|path| damage(path));
            let found = run(&scene, &["verify", "app"]);
            assert_ne!(found.code, 0, "{found:?}");
            assert!(found.stderr.contains("esky verify"), "{found:?}");
            assert!(found.stderr.contains("--repair"), "{found:?}");
            let reply = run(&scene, &["verify", "app", "--repair", "repo"]);
            assert_eq!(reply.code, 0, "{names:?}: {reply:?}");
            for (path, right) in files.iter().zip(&right) {
                assert_eq!(&fs::read(path).unwrap(), right, "{}", path.display());
            }
            files.iter().for_each(|path| damage(path));
            assert_eq!(release(&scene, "1.2", &[]).code, 0);
            let reply = update(&scene);
            assert!(reply.stdout.contains("from 1.1 to 1.2"), "{reply:?}");
        }
    }
}

#[test]
fn the_only_version_is_mended_from_the_root_that_was_fetched() {
    for names in [&ALL[..2], &ALL] {
        let scene = Scene::new();
        installed(&scene);
        let check = run(&scene, &["update", "app", "repo", "--check"]);
        assert!(check.stdout.contains("is up to date"), "{check:?}");
        for name in names {
            scratch(&control(&scene, "1.0", name));
        }
        let reply = run(&scene, &["verify", "app", "--repair", "repo"]);
        assert_eq!(reply.code, 0, "{names:?}: {reply:?}");
        let reply = run(&scene, &["verify", "app"]);
        assert_eq!(reply.code, 0, "{names:?}: {reply:?}");
    }
}

/// An app must refuse unsigned updates even when its own files are damaged.
#[test]
fn an_app_that_lost_everything_in_one_version_still_takes_signed_updates_only() {
    for damage in [lose, scratch] {
        let scene = Scene::new();
        updated(&scene);
        for name in ALL {
            damage(&control(&scene, "1.1", name));
        }
        scene.package("1.2");
        for words in [
            &["update", "app", "site"][..],
            &["verify", "app", "--repair", "site"],
        ] {
            let reply = run(&scene, words);
            assert_eq!(reply.code, 1, "{words:?}: {reply:?}");
            assert!(!reply.stdout.contains("1.2"), "{reply:?}");
        }
    }
}
