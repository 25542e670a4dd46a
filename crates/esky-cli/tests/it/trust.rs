//! What says whom to believe about updates is damaged on the disk of a user.

use std::fs;
use std::path::{Path, PathBuf};

use esky_format::name::current_platform;

use crate::repository::{initialized, release, run};
use crate::support::{Reply, Scene};

/// An app that was released twice, installed, and updated once.
fn updated(scene: &Scene) {
    initialized(scene);
    let signed = release(scene, "1.0", &["--json"]).json();
    let package = scene.path("").join(signed["path"].as_str().unwrap());
    esky_testkit::apps::extract(&package, &scene.path("app"));
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
