//! Damage to an installed app, with the real start-up program: what starts, what is said about it, and how it heals.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use esky_format::name::current_platform;

use crate::support::{Reply, Scene};

const LIBRARY: &str = "_internal/libpython3.12.so.1.0";
const MODULES: &str = "_internal/base_library.zip";

/// The start-up program, as it is shipped.
fn bootstrap() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
    BUILT.get_or_init(|| esky_testkit::bootstrap::build(target))
}

/// An app as PyInstaller makes it: a script that carries its cookie, and that names its version.
fn package(scene: &Scene, version: &str, output: &str) -> PathBuf {
    let directory = format!("frozen-{version}");
    let cookie = [b'M', b'E', b'I', 0x0c, 0x0b, 0x0a, 0x0b, 0x0e];
    let script = format!("#!/bin/sh\necho {version} is up\nexit 0\n# ");
    let program = [script.as_bytes(), &cookie, b"\n"].concat();
    let program = scene.write(&format!("{directory}/demo"), program);
    set_mode(&program, 0o755);
    scene.write(&format!("{directory}/{LIBRARY}"), "interpreter");
    scene.write(&format!("{directory}/{MODULES}"), "modules");
    scene.write(
        &format!("{directory}/data.txt"),
        format!("data of {version}\n"),
    );
    let bootstrap = bootstrap().to_str().unwrap();
    let reply = scene.run([
        "pack",
        &directory,
        "--name",
        "demo",
        "--version",
        version,
        "--output",
        output,
        "--json",
        "--bootstrap",
        bootstrap,
    ]);
    assert_eq!(reply.code, 0, "{reply:?}");
    scene.path(reply.json()["path"].as_str().unwrap())
}

/// 1.0, updated to 1.1, which has come up.
fn updated() -> Scene {
    let scene = Scene::new();
    esky_testkit::apps::extract(&package(&scene, "1.0", "site"), &scene.path("app"));
    package(&scene, "1.1", "site");
    assert_eq!(says(&scene, &["update", "app", "site", "-q"]).code, 0);
    assert_eq!(says(&scene, &["confirm", "app"]).code, 0);
    assert_eq!(started(&scene), "1.1 is up\n");
    scene
}

fn says(scene: &Scene, arguments: &[&str]) -> Reply {
    scene.run(arguments)
}

fn started(scene: &Scene) -> String {
    let output = Command::new(scene.path("app/demo")).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

fn version(scene: &Scene, version: &str) -> PathBuf {
    scene.path(&format!("app/demo-{version}.{}", current_platform()))
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

type Damage = fn(&Path);

const DAMAGES: [(&str, Damage, &str); 4] = [
    (
        "chmod 000",
        |version| set_mode(&version.join("demo"), 0),
        "demo must not be executed",
    ),
    (
        "a truncated program",
        |version| fs::write(version.join("demo"), "#!/bin/sh\n").unwrap(),
        "demo has 10 bytes instead of ",
    ),
    (
        "a missing directory",
        |version| fs::remove_dir_all(version.join("_internal")).unwrap(),
        "_internal/base_library.zip is missing",
    ),
    (
        "a missing library",
        |version| fs::remove_file(version.join(LIBRARY)).unwrap(),
        "_internal/libpython3.12.so.1.0 is missing",
    ),
];

#[test]
fn what_is_said_to_start_is_what_starts() {
    for (what, damage, cause) in DAMAGES {
        let scene = updated();
        damage(&version(&scene, "1.1"));
        assert_eq!(started(&scene), "1.0 is up\n", "{what}");
        let why = says(&scene, &["why", "app"]).stdout;
        let first = "demo 1.0 starts: the state record names it as the fallback.\n";
        assert!(why.starts_with(first), "{what}: {why}");
        assert!(
            why.contains(&format!("\n1.1 cannot be started: {cause}")),
            "{what}: {why}"
        );
        assert!(why.contains("verify ") && why.contains("--repair"), "{why}");
        let document = says(&scene, &["why", "app", "--json"]).json();
        let undone = &document["last_rollback"];
        assert_eq!(undone["version"], "1.1", "{what}: {document}");
        assert!(
            undone["reason"].as_str().unwrap().contains(cause),
            "{document}"
        );
        let list = says(&scene, &["list", "app"]).stdout;
        assert!(
            list.contains(&format!("1.1  cannot be started: {cause}")),
            "{list}"
        );
        assert!(list.contains("1.0  starts"), "{list}");
    }
}
