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
pub(crate) fn bootstrap() -> &'static Path {
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
        "demo has no execute permission",
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

#[test]
fn the_next_update_heals_it() {
    for (what, damage, cause) in DAMAGES {
        let scene = updated();
        damage(&version(&scene, "1.1"));
        let check = says(&scene, &["update", "app", "site", "-q", "--check"]);
        assert_eq!(check.code, 0, "{what}: {check:?}");
        assert!(
            check
                .stdout
                .contains(&format!("1.1 cannot be started: {cause}")),
            "{check:?}"
        );
        let update = says(&scene, &["update", "app", "site", "-q"]);
        assert_eq!(update.code, 0, "{what}: {update:?}");
        assert!(
            update.stdout.starts_with("repaired demo 1.1"),
            "{what}: {update:?}"
        );
        heals(&scene, what);
    }
}

#[test]
fn a_repair_without_a_version_is_that_of_the_damaged_one() {
    for (what, damage, _) in DAMAGES {
        let scene = updated();
        damage(&version(&scene, "1.1"));
        let found = says(&scene, &["verify", "app", "-q"]);
        assert_eq!(found.code, 4, "{what}: {found:?}");
        assert!(found.stdout.contains("version 1.1 is damaged"), "{found:?}");
        let repair = says(&scene, &["verify", "app", "-q", "--repair", "site"]);
        assert_eq!(repair.code, 0, "{what}: {repair:?}");
        heals(&scene, what);
    }
}

fn heals(scene: &Scene, what: &str) {
    assert_eq!(started(scene), "1.1 is up\n", "{what}");
    let why = says(scene, &["why", "app"]).stdout;
    assert!(
        why.starts_with("demo 1.1 starts: the state record names it.\n"),
        "{what}: {why}"
    );
    let intact = says(scene, &["verify", "app", "-q"]);
    assert_eq!(intact.code, 0, "{what}: {intact:?}");
    let nothing = says(scene, &["update", "app", "site", "-q"]);
    assert_eq!(nothing.stdout, "demo 1.1 is up to date\n", "{what}");
}

#[test]
fn the_only_version_heals_too() {
    for (what, damage, _) in DAMAGES {
        let scene = Scene::new();
        esky_testkit::apps::extract(&package(&scene, "1.1", "site"), &scene.path("app"));
        damage(&version(&scene, "1.1"));
        let why = says(&scene, &["why", "app"]).stdout;
        assert!(
            why.contains("It is damaged, and nothing better is there: "),
            "{why}"
        );
        let update = says(&scene, &["update", "app", "site", "-q"]);
        assert!(
            update.stdout.starts_with("repaired demo 1.1"),
            "{what}: {update:?}"
        );
        assert_eq!(started(&scene), "1.1 is up\n", "{what}");
    }
}

#[test]
fn a_damaged_version_that_is_offered_no_more_gives_way_to_a_newer_one() {
    let scene = updated();
    fs::remove_file(version(&scene, "1.1").join(LIBRARY)).unwrap();
    fs::remove_dir_all(scene.path("site")).unwrap();
    fs::create_dir(scene.path("site")).unwrap();
    let nothing = says(&scene, &["update", "app", "site", "-q"]);
    assert!(
        nothing.stdout.contains("1.1 cannot be started: "),
        "{nothing:?}"
    );
    assert!(nothing.stdout.contains("verify --repair"), "{nothing:?}");
    assert_eq!(started(&scene), "1.0 is up\n");
    package(&scene, "1.2", "site");
    assert_eq!(says(&scene, &["update", "app", "site", "-q"]).code, 0);
    assert_eq!(started(&scene), "1.2 is up\n");
    let why = says(&scene, &["why", "app"]).stdout;
    assert!(why.contains("If it cannot, 1.0 does: "), "{why}");
}

/// As Python's zipfile, some file managers and FAT leave it.
#[test]
fn an_app_that_was_unpacked_without_modes_heals_with_the_next_update() {
    let scene = Scene::new();
    esky_testkit::apps::extract(&package(&scene, "1.0", "site"), &scene.path("app"));
    for program in [scene.path("app/demo"), version(&scene, "1.0").join("demo")] {
        set_mode(&program, 0o644);
    }
    let found = says(&scene, &["verify", "app", "-q"]);
    assert_eq!(
        found.stdout.matches("damaged   demo\n").count(),
        2,
        "{found:?}"
    );
    let nothing_new = says(&scene, &["update", "app", "site", "-q"]);
    assert_eq!(nothing_new.code, 0, "{nothing_new:?}");
    assert_eq!(started(&scene), "1.0 is up\n");
    assert_eq!(says(&scene, &["verify", "app", "-q"]).code, 0);
}

#[test]
fn a_program_at_the_top_that_lost_its_execute_bit_is_damage_and_heals() {
    for heal in [
        &["update", "app", "site", "-q"][..],
        &["verify", "app", "-q", "--repair", "site"],
        &["cleanup", "app", "-q"],
    ] {
        let scene = updated();
        set_mode(&scene.path("app/demo"), 0o644);
        let found = says(&scene, &["verify", "app", "-q"]);
        assert_eq!(
            (found.code, &found.stdout[..15]),
            (4, "damaged   demo\n"),
            "{found:?}"
        );
        assert_eq!(says(&scene, heal).code, 0, "{heal:?}");
        assert_eq!(started(&scene), "1.1 is up\n", "{heal:?}");
        assert_eq!(says(&scene, &["verify", "app", "-q"]).code, 0, "{heal:?}");
    }
}

#[test]
fn what_everybody_may_write_is_damage_and_fewer_rights_for_others_are_not() {
    let scene = updated();
    let data = version(&scene, "1.1").join("data.txt");
    for mode in [0o600, 0o664, 0o444] {
        set_mode(&data, mode);
        assert_eq!(says(&scene, &["verify", "app", "-q"]).code, 0, "{mode:o}");
    }
    for mode in [0o646, 0o4644, 0o200] {
        set_mode(&data, mode);
        assert_eq!(says(&scene, &["verify", "app", "-q"]).code, 4, "{mode:o}");
        let repair = says(&scene, &["verify", "app", "-q", "--repair", "site"]);
        assert!(
            repair.stdout.starts_with("repaired  data.txt\n"),
            "{repair:?}"
        );
    }
    set_mode(&version(&scene, "1.1"), 0o777);
    assert_eq!(says(&scene, &["verify", "app", "-q"]).code, 4);
    assert_eq!(
        says(&scene, &["verify", "app", "-q", "--repair", "site"]).code,
        0
    );
}
