//! An app whose program lies in `bin/`, from `esky init` to installed copies that update themselves.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use esky_format::name::current_platform;
use esky_testkit::apps::extract;
use esky_testkit::server::Server;

use crate::damage::bootstrap;
use crate::repository::{initialized, run};
use crate::support::{Reply, Scene, make_executable};

/// A program that names its version and ends with this code. Told to, it updates the app that it belongs to.
fn frozen(scene: &Scene, version: &str, code: i32) -> PathBuf {
    let directory = format!("frozen-{version}");
    let script = format!(
        r#"#!/bin/sh
test "$1" = update && exec "$2" update "$(dirname "$0")/../.." "$3" --quiet
echo "{version} is up: $1"
exit {code}
"#
    );
    make_executable(&scene.write(&format!("{directory}/bin/tool"), script));
    make_executable(&scene.write(&format!("{directory}/bin/helper"), "#!/bin/sh\n"));
    let data = format!("data of {version}\n");
    scene.write(&format!("{directory}/lib/data.txt"), data);
    scene.path(&directory)
}

fn released(scene: &Scene, path: &str, options: &[&str]) -> Reply {
    let words = ["release", path, "--json"];
    let reply = run(scene, &[&words[..], options].concat());
    assert_eq!(reply.code, 0, "{reply:?}");
    reply
}

fn release(scene: &Scene, version: &str, code: i32) -> Reply {
    let frozen = frozen(scene, version, code);
    let bootstrap = bootstrap().to_str().unwrap();
    let how = ["--exe", "bin/tool", "--bootstrap", bootstrap];
    let which = ["--version", version];
    released(
        scene,
        frozen.to_str().unwrap(),
        &[&how[..], &which].concat(),
    )
}

fn start(scene: &Scene, arguments: &[&str]) -> Output {
    let mut command = Command::new(scene.path("app/tool"));
    command.args(arguments).output().unwrap()
}

fn says(scene: &Scene) -> String {
    let output = start(scene, &["hello"]);
    assert!(output.stderr.is_empty(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The app updates itself; what was said.
fn updates_itself(scene: &Scene, server: &Server) -> String {
    let command = env!("CARGO_BIN_EXE_esky");
    let output = start(scene, &["update", command, &server.url("/")]);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// 1.0 is released and installed.
fn installed() -> (Scene, Server) {
    let scene = Scene::new();
    initialized(&scene);
    let first = release(&scene, "1.0", 0).json();
    let package = first["path"].as_str().unwrap();
    extract(&scene.path(package), &scene.path("app"));
    let server = Server::start(scene.path("repo"));
    (scene, server)
}

#[test]
fn it_updates_itself_and_falls_back() {
    let (scene, server) = installed();
    assert_eq!(says(&scene), "1.0 is up: hello\n");
    assert!(!scene.path("app/helper").exists());

    release(&scene, "1.1", 0);
    let update = updates_itself(&scene, &server);
    assert!(
        update.starts_with("updated demo from 1.0 to 1.1"),
        "{update}"
    );
    assert_eq!(says(&scene), "1.1 is up: hello\n");
    let list = scene.run(["list", "app"]);
    assert!(list.stdout.starts_with("1.1  starts\n"), "{list:?}");

    release(&scene, "1.2", 1);
    updates_itself(&scene, &server);
    for _ in 0..3 {
        assert_eq!(says(&scene), "1.2 is up: hello\n");
    }
    assert_eq!(says(&scene), "1.1 is up: hello\n");
    let why = scene.run(["why", "app"]);
    assert!(why.stdout.starts_with("demo 1.1 starts"), "{why:?}");
}

#[test]
fn damage_to_it_is_found_and_repaired() {
    let (scene, server) = installed();
    release(&scene, "1.1", 0);
    updates_itself(&scene, &server);
    assert_eq!(says(&scene), "1.1 is up: hello\n");
    let version = scene.path(&format!("app/demo-1.1.{}", current_platform()));
    fs::remove_file(version.join("bin/tool")).unwrap();
    assert_eq!(says(&scene), "1.0 is up: hello\n");
    let why = scene.run(["why", "app"]).stdout;
    assert!(
        why.contains("1.1 cannot be started: bin/tool is missing"),
        "{why}"
    );
    updates_itself(&scene, &server);
    assert_eq!(says(&scene), "1.1 is up: hello\n");
}

/// The manifest of a package has only the name of the program.
#[test]
fn a_package_of_it_is_released_without_naming_the_program_again() {
    let (scene, server) = installed();
    let frozen = frozen(&scene, "1.1", 0);
    let bootstrap = bootstrap().to_str().unwrap();
    let pack = ["pack", frozen.to_str().unwrap(), "--exe", "bin/tool"];
    let what = ["--name", "demo", "--version", "1.1", "--json"];
    let how = ["--self-test", "--bootstrap", bootstrap];
    let reply = scene.run(pack.iter().chain(&what).chain(&how));
    assert_eq!(reply.code, 0, "{reply:?}");
    released(&scene, reply.json()["path"].as_str().unwrap(), &[]);
    updates_itself(&scene, &server);
    assert_eq!(says(&scene), "1.1 is up: hello\n");
}

#[test]
fn without_its_name_the_command_says_what_to_name() {
    let scene = Scene::new();
    initialized(&scene);
    frozen(&scene, "1.0", 0);
    let bootstrap = bootstrap().to_str().unwrap();
    let reply = run(
        &scene,
        &[
            "release",
            "frozen-1.0",
            "--version",
            "1.0",
            "--bootstrap",
            bootstrap,
        ],
    );
    assert_eq!(reply.code, 1, "{reply:?}");
    let hint = "hint: name the program that lies in bin/: `--exe bin/helper`";
    assert!(reply.stderr.contains(hint), "{reply:?}");
}
