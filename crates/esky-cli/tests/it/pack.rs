//! `esky pack`, from a frozen directory to a package and an index of packages.

use std::fs;

use esky_format::name::current_platform;

use crate::support::{Reply, Scene, command};

fn pack<const COUNT: usize>(scene: &Scene, options: [&str; COUNT]) -> Reply {
    let (frozen, bootstrap) = (scene.frozen("1.0"), scene.bootstrap());
    let (frozen, bootstrap) = (frozen.to_str().unwrap(), bootstrap.to_str().unwrap());
    let first = [
        "pack",
        frozen,
        "--name",
        "demo",
        "--version",
        "1.0",
        "--bootstrap",
        bootstrap,
    ];
    scene.run(first.into_iter().chain(options))
}

#[test]
fn the_answer_tells_where_the_package_is_and_what_is_in_it() {
    let scene = Scene::new();
    let reply = pack(&scene, ["-o", "site"]);
    assert_eq!(reply.code, 0, "{reply:?}");
    assert_eq!(reply.stderr, "Packing demo 1.0\n");
    let mut lines = reply.stdout.lines();
    let path = format!("site/demo-1.0.{}.zip", current_platform());
    assert_eq!(lines.next(), Some(path.as_str()));
    assert!(
        lines.next().unwrap().contains(" files, "),
        "{}",
        reply.stdout
    );
    assert_eq!(lines.next(), Some("  programs  demo"));
    assert!(lines.next().unwrap().starts_with("  freezer   none"));
    assert!(lines.next().unwrap().starts_with("  trial     "));
    assert!(
        lines.next().unwrap().starts_with("  sha256    "),
        "{}",
        reply.stdout
    );
    assert!(scene.path(&path).is_file());
}

#[test]
fn a_listing_that_has_a_newer_version_is_told() {
    let scene = Scene::new();
    let frozen = scene.frozen("1");
    let bootstrap = scene.bootstrap();
    let packed = |name: &str, version: &str, more: &[&str]| {
        let what = ["pack", frozen.to_str().unwrap(), "--name", name];
        let how = ["-o", "site", "--bootstrap", bootstrap.to_str().unwrap()];
        let which = ["--version", version];
        let reply = scene.run([&what[..], &how, &which, more].concat());
        assert_eq!(reply.code, 0, "{reply:?}");
        reply
    };
    let warned = |reply: Reply| reply.stderr.contains("warning: ");
    for version in ["1.0", "1.10"] {
        assert!(!warned(packed("demo", version, &["--index"])), "{version}");
    }
    let reply = packed("demo", "1.9", &["--index"]);
    let said = "warning: demo 1.9 is not newer than 1.10, which is listed there already: ";
    assert!(reply.stderr.contains(said), "{reply:?}");
    assert!(warned(packed("demo", "1.10", &["--index"])));
    assert!(!warned(packed("demo", "1.8", &[])), "nothing is listed");
    assert!(!warned(packed("another", "1.0", &["--index"])));
    let json = packed("demo", "1.7", &["--index", "--json"]);
    assert_eq!(json.json()["not_newer_than"], "1.10");
    assert_eq!(json.stderr, "");
}

#[test]
fn json_has_the_documented_keys() {
    let scene = Scene::new();
    let reply = pack(&scene, ["--json", "--index", "-o", "site"]);
    assert_eq!((reply.code, reply.stderr.as_str()), (0, ""));
    let document = reply.json();
    let path = document["path"].as_str().unwrap();
    assert_eq!(
        document["size"],
        fs::metadata(scene.path(path)).unwrap().len()
    );
    assert_eq!(document["name"], "demo");
    assert_eq!(document["version"], "1.0");
    assert_eq!(document["platform"], current_platform());
    assert_eq!(document["programs"], serde_json::json!(["demo"]));
    assert_eq!(document["freezer"], serde_json::Value::Null);
    assert_eq!(document["cleaned"], serde_json::json!([]));
    assert_eq!(document["sha256"].as_str().unwrap().len(), 64);
    assert!(document["files"].as_u64() >= Some(3));
    assert!(document["unpacked_size"].as_u64() > Some(0));
    assert_eq!(document["index"], "site/index.html");
    let index = fs::read_to_string(scene.path("site/index.html")).unwrap();
    assert!(
        index.contains(path.strip_prefix("site/").unwrap()),
        "{index}"
    );
}

#[test]
fn the_same_input_gives_the_same_package() {
    let sums =
        [Scene::new(), Scene::new()].map(|scene| pack(&scene, ["--json"]).json()["sha256"].clone());
    assert_eq!(sums[0], sums[1]);
}

#[test]
fn the_old_layout_and_storing_are_options() {
    let scene = Scene::new();
    let reply = pack(&scene, ["--json", "--appdata-dir", "--no-compress"]);
    assert_eq!(reply.code, 0, "{reply:?}");
    let document = reply.json();
    assert!(document["size"].as_u64() > document["unpacked_size"].as_u64());
    let info = scene
        .run(["info", document["path"].as_str().unwrap(), "--json"])
        .json();
    assert_eq!(info["layout"], "appdata");
}

#[test]
fn a_directory_that_is_not_there_is_named() {
    let scene = Scene::new();
    let bootstrap = scene.bootstrap();
    let reply = scene.run(
        [
            "pack",
            "nowhere",
            "--name",
            "demo",
            "--version",
            "1.0",
            "--bootstrap",
        ]
        .map(Into::into)
        .into_iter()
        .chain([bootstrap.into_os_string()]),
    );
    assert_eq!((reply.code, reply.stdout.as_str()), (1, ""));
    assert!(
        reply
            .stderr
            .contains("error: nowhere is not a directory\nhint: "),
        "{}",
        reply.stderr
    );
}

#[test]
fn a_missing_program_is_named() {
    let scene = Scene::new();
    let reply = pack(&scene, ["--exe", "other"]);
    assert_eq!((reply.code, reply.stdout.as_str()), (1, ""));
    assert!(
        reply.stderr.contains("other: no such program"),
        "{}",
        reply.stderr
    );
    assert!(
        !scene
            .path(&format!("demo-1.0.{}.zip", current_platform()))
            .exists()
    );
}

#[test]
fn a_missing_start_up_program_says_how_to_name_one() {
    let scene = Scene::new();
    let frozen = scene.frozen("1.0");
    let arguments = [
        "pack",
        frozen.to_str().unwrap(),
        "--name",
        "demo",
        "--version",
        "1.0",
    ];
    let reply = scene.run(
        arguments
            .into_iter()
            .chain(["--platform", "amiga-68k", "--json"]),
    );
    assert_eq!((reply.code, reply.stderr.as_str()), (1, ""));
    let error = &reply.json()["error"];
    assert_eq!(error["operation"], "pack");
    assert_eq!(error["cause"], "there is no start-up program for amiga-68k");
    assert_eq!(
        error["hint"],
        "name one by `--bootstrap FILE` or in ESKY_BOOTSTRAP"
    );
}

#[test]
fn the_start_up_program_may_come_from_the_environment() {
    let scene = Scene::new();
    let frozen = scene.frozen("1.0");
    let mut command = command([
        "pack",
        frozen.to_str().unwrap(),
        "--name",
        "demo",
        "--version",
        "1.0",
    ]);
    command.args(["--output", scene.path("site").to_str().unwrap()]);
    let output = command
        .env("ESKY_BOOTSTRAP", scene.bootstrap())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn an_impossible_version_is_refused() {
    let scene = Scene::new();
    let (frozen, bootstrap) = (scene.frozen("1.0"), scene.bootstrap());
    let reply = scene.run([
        "pack",
        frozen.to_str().unwrap(),
        "--name",
        "demo",
        "--version",
        "../1.0",
        "--bootstrap",
        bootstrap.to_str().unwrap(),
    ]);
    assert_eq!(reply.code, 1);
    assert!(
        reply.stderr.contains("\"../1.0\" cannot be a version"),
        "{}",
        reply.stderr
    );
}
