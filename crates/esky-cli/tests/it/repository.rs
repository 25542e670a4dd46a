//! A signed repository from nothing, by the commands that a developer types.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::Stdio;

use esky_format::name::current_platform;

use crate::support::{Reply, Scene, command};

pub(crate) const PASSPHRASE: (&str, &str) = ("ESKY_ROOT_PASSPHRASE", "correct horse");

/// A folder in which `esky init` was run; its answer.
pub(crate) fn initialized(scene: &Scene) -> Reply {
    let reply = run(scene, &["init", "--app", "demo", "--json", "-y"]);
    assert_eq!(reply.code, 0, "{reply:?}");
    reply
}

/// The command with the keys of this folder.
pub(crate) fn run(scene: &Scene, words: &[&str]) -> Reply {
    typed(scene, words, "")
}

/// The same with something on standard input.
fn typed(scene: &Scene, words: &[&str], input: &str) -> Reply {
    let mut child = command(words)
        .env("XDG_CONFIG_HOME", scene.path("config"))
        .env(PASSPHRASE.0, PASSPHRASE.1)
        .current_dir(scene.path(""))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    Reply::from(child.wait_with_output().unwrap())
}

pub(crate) fn release(scene: &Scene, version: &str, options: &[&str]) -> Reply {
    let (frozen, bootstrap) = (scene.frozen(version), scene.bootstrap());
    let words = ["release", frozen.to_str().unwrap(), "--version", version];
    let bootstrap = ["--bootstrap", bootstrap.to_str().unwrap()];
    run(scene, &[&words[..], &bootstrap, options].concat())
}

#[test]
fn three_commands_make_a_signed_release() {
    let scene = Scene::new();
    let reply = run(&scene, &["init", "--app", "demo"]);
    assert_eq!((reply.code, reply.stderr.as_str()), (0, ""), "{reply:?}");
    assert!(
        reply.stdout.contains("\n     1 "),
        "the words are numbered: {}",
        reply.stdout
    );
    assert!(
        reply.stdout.contains("ESKY-SIGNING-KEY-1"),
        "{}",
        reply.stdout
    );
    assert!(
        reply.stdout.contains("secrets.ESKY_SIGNING_KEY"),
        "{}",
        reply.stdout
    );
    let reply = release(&scene, "1.0", &[]);
    assert_eq!(reply.code, 0, "{reply:?}");
    let platform = current_platform();
    let first = format!("demo 1.0 for {platform} is released on stable\n");
    assert!(reply.stdout.starts_with(&first), "{}", reply.stdout);
    let reply = release(&scene, "1.0", &[]);
    assert!(
        reply.stdout.contains("was released before"),
        "{}",
        reply.stdout
    );
    let status = run(&scene, &["status"]);
    assert_eq!(status.code, 0, "{status:?}");
    for part in ["root", "timestamp", "needs 1 of 2 keys, 1 here", "stable"] {
        assert!(status.stdout.contains(part), "{part}: {}", status.stdout);
    }
}

#[test]
fn json_has_the_documented_keys() {
    let scene = Scene::new();
    let made = initialized(&scene).json();
    assert_eq!(made["app"], "demo");
    assert_eq!(
        made["recovery_words"].as_str().unwrap().split(' ').count(),
        24
    );
    assert!(made["root_passphrase"].is_null(), "it was given");
    let notes = scene.write("notes.txt", "Faster.\n");
    let released = release(
        &scene,
        "1.0",
        &["--json", "--notes", notes.to_str().unwrap()],
    )
    .json();
    assert_eq!(
        (&released["version"], &released["already"]),
        (&"1.0".into(), &false.into())
    );
    assert!(
        scene
            .path("")
            .join(released["path"].as_str().unwrap())
            .is_file()
    );
    let status = run(&scene, &["status", "--json"]).json();
    assert_eq!(status["health"], "good");
    assert_eq!(status["releases"][0]["version"], "1.0");
    assert_eq!(status["roles"].as_array().unwrap().len(), 4);
}

/// What `bdist_esky` and machines without keys make.
#[test]
fn a_package_is_signed_as_it_is() {
    let scene = Scene::new();
    initialized(&scene);
    let package = scene.package_with("1.0", &["--confirm", "nobody", "--appdata-dir"]);
    let path = package.to_str().unwrap();
    let released = run(&scene, &["release", path, "--json"]);
    assert_eq!(released.code, 0, "{released:?}");
    assert_eq!(released.json()["version"], "1.0");
    let signed = scene
        .path("")
        .join(released.json()["path"].as_str().unwrap());
    let app = scene.path("app");
    esky_testkit::apps::extract(&signed, &app);
    let version = app.join(format!("appdata/demo-1.0.{}", current_platform()));
    let read = |name: &str| std::fs::read_to_string(version.join(name)).unwrap();
    assert!(read("esky-files/root.json").contains("\"root\""));
    assert!(read("esky-files/settings.txt").contains("confirm nobody"));
    assert_eq!(read("lib/data.txt"), "data of 1.0\n");
    assert!(
        run(&scene, &["release", path])
            .stdout
            .contains("was released before")
    );
    assert_eq!(run(&scene, &["release", path, "--version", "2.0"]).code, 2);
    assert_eq!(
        std::fs::read_dir(scene.path("repo.staging"))
            .unwrap()
            .count(),
        2,
        "the lock, and what keeps it out of version control"
    );
}

#[test]
fn a_package_of_another_app_is_refused() {
    let scene = Scene::new();
    run(&scene, &["init", "--app", "other"]);
    let package = scene.package("1.0");
    let refused = run(&scene, &["release", package.to_str().unwrap()]);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(
        refused
            .stderr
            .contains("the repository is for other, the package for demo"),
        "{refused:?}"
    );
}

#[test]
fn keys_are_not_in_the_project() {
    let scene = Scene::new();
    let made = initialized(&scene).json();
    let key = scene.path("config/esky/keys/demo/release.key");
    assert_eq!(made["release_key_file"], key.to_str().unwrap());
    let secret = std::fs::read_to_string(&key).unwrap();
    for file in [
        "esky.toml",
        "repo/metadata/1.root.json",
        "repo/metadata/1.targets.json",
    ] {
        let text = std::fs::read_to_string(scene.path(file)).unwrap();
        assert!(!text.contains(secret.trim()), "{file}");
    }
}

#[test]
fn a_second_init_is_refused() {
    let scene = Scene::new();
    initialized(&scene);
    let reply = run(&scene, &["init", "--app", "demo"]);
    assert_eq!(reply.code, 1, "{reply:?}");
    assert!(
        reply.stderr.contains("is there already"),
        "{}",
        reply.stderr
    );
    assert!(
        reply.stderr.contains("hint: nothing was changed"),
        "{}",
        reply.stderr
    );
}

#[test]
fn before_the_first_release_there_is_nothing_to_publish() {
    let scene = Scene::new();
    initialized(&scene);
    let reply = run(&scene, &["refresh"]);
    assert_eq!(reply.code, 0, "{reply:?}");
    assert!(reply.stdout.contains("nothing to publish yet"), "{reply:?}");
    assert!(!reply.stdout.contains("web server"), "{reply:?}");
    assert_eq!(release(&scene, "1.0", &[]).code, 0);
    let reply = run(&scene, &["refresh"]);
    assert!(reply.stdout.contains("web server"), "{reply:?}");
    assert!(run(&scene, &["refresh", "--json"]).json()["targets"].as_u64() > Some(0));
}

#[test]
fn a_build_server_has_its_key_in_a_variable() {
    let scene = Scene::new();
    let made = initialized(&scene).json();
    std::fs::remove_dir_all(scene.path("config")).unwrap();
    let reply = run(&scene, &["refresh"]);
    assert_eq!(reply.code, 1, "{reply:?}");
    assert!(
        reply.stderr.contains("ESKY_SIGNING_KEY"),
        "{}",
        reply.stderr
    );
    let refresh = |key: &str| {
        let mut command = command(["refresh"]);
        command
            .env("ESKY_SIGNING_KEY", key)
            .current_dir(scene.path(""));
        Reply::from(command.output().unwrap())
    };
    let key = made["signing_key"].as_str().unwrap();
    let wrapped = format!("\u{feff}\"{key}\"\r\n");
    for key in [key, wrapped.as_str()] {
        let reply = refresh(key);
        assert_eq!(reply.code, 0, "{reply:?}");
    }
    let reply = refresh(&key[..key.len() - 1]);
    assert_eq!(reply.code, 1, "{reply:?}");
    assert!(
        reply.stderr.contains("copy the whole line again"),
        "{}",
        reply.stderr
    );
    assert!(!reply.stderr.contains(&key[30..60]), "the key is not shown");
}

#[test]
fn lost_keys_are_made_again_with_the_words() {
    let scene = Scene::new();
    let made = initialized(&scene).json();
    release(&scene, "1.0", &[]);
    std::fs::remove_dir_all(scene.path("config")).unwrap();
    let words = made["recovery_words"].as_str().unwrap();
    let wrong = typed(&scene, &["recover"], "abandon art\n");
    assert_eq!(wrong.code, 1, "{wrong:?}");
    let reply = typed(&scene, &["recover", "--json"], &format!("{words}\n"));
    assert_eq!(reply.code, 0, "{reply:?}");
    assert_eq!(reply.json()["root_version"], 2);
    assert_eq!(release(&scene, "1.1", &[]).code, 0);
    let rotated = run(&scene, &["rotate", "release", "--json"]);
    assert_eq!(rotated.code, 0, "{rotated:?}");
    assert_ne!(rotated.json()["signing_key"], reply.json()["signing_key"]);
    let rotated = run(&scene, &["rotate", "root"]);
    assert_eq!(rotated.code, 0, "{rotated:?}");
    assert!(rotated.stdout.contains("root 4"), "{}", rotated.stdout);
    let rotated = run(&scene, &["rotate", "recovery"]);
    assert!(rotated.stdout.contains("\n     1 "), "{}", rotated.stdout);
    let old = typed(&scene, &["recover"], &format!("{words}\n"));
    assert_eq!(old.code, 1, "{old:?}");
}

#[test]
fn a_withdrawn_version_is_told_as_such() {
    let scene = Scene::new();
    initialized(&scene);
    release(&scene, "1.0", &[]);
    let reply = run(&scene, &["yank", "1.0", "--reason", "it eats files"]);
    assert_eq!(
        (reply.code, reply.stdout.as_str()),
        (0, "1.0 is not offered any more (2 packages changed)\n")
    );
    assert!(
        run(&scene, &["status"])
            .stdout
            .contains("withdrawn: it eats files")
    );
    assert_eq!(run(&scene, &["yank", "1.0", "--undo"]).code, 0);
    assert_eq!(run(&scene, &["yank", "2.0"]).code, 1);
}

/// From nothing to an update over the web, all by the commands of the README. The app has links, as those of PyInstaller do.
#[test]
fn what_was_released_is_served_and_installed_by_its_patch() {
    let scene = Scene::new();
    initialized(&scene);
    for version in ["1.0", "1.1"] {
        let lib = scene.frozen(version).join("lib");
        std::os::unix::fs::symlink("data.txt", lib.join("current")).unwrap();
        std::os::unix::fs::symlink("../lib", lib.join("all")).unwrap();
    }
    let signed = release(&scene, "1.0", &["--json"]).json()["path"]
        .as_str()
        .unwrap()
        .to_owned();
    esky_testkit::apps::extract(&scene.path("").join(signed), &scene.path("app"));
    release(&scene, "1.1", &[]);
    let mut server = command(["serve", "--port", "0", "--json"]);
    server
        .current_dir(scene.path(""))
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut server = server.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(server.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let told: serde_json::Value = serde_json::from_str(&line).unwrap();
    let reply = scene.run([
        "update",
        scene.path("app").to_str().unwrap(),
        told["url"].as_str().unwrap(),
    ]);
    server.kill().unwrap();
    server.wait().unwrap();
    assert_eq!(
        (reply.code, reply.stdout.as_str()),
        (0, "updated demo from 1.0 to 1.1\n"),
        "{reply:?}"
    );
    assert!(reply.stderr.contains("Fetching a patch, "), "{reply:?}");
    assert!(!reply.stderr.contains("trying again"), "{reply:?}");
}

#[test]
fn an_update_that_takes_too_much_is_given_up_before_anything_travels() {
    let scene = Scene::new();
    initialized(&scene);
    let signed = release(&scene, "1.0", &["--json"]).json();
    let package = scene.path("").join(signed["path"].as_str().unwrap());
    esky_testkit::apps::extract(&package, &scene.path("app"));
    release(&scene, "1.1", &[]);
    let (app, source) = (scene.path("app"), scene.path("repo"));
    let update = |limit: &str| {
        let words = ["update", app.to_str().unwrap(), source.to_str().unwrap()];
        scene.run(
            [
                &words[..],
                &["--limit-rate", "50M", "--download-limit", limit],
            ]
            .concat(),
        )
    };
    let refused = update("99");
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.stderr.contains("raise the limit"), "{refused:?}");
    let done = update("100K");
    assert!(done.stdout.contains("from 1.0 to 1.1"), "{done:?}");
    assert!(done.stderr.contains("Fetching a patch, "), "{done:?}");
    for limit in ["0", "1.5M", "lots"] {
        assert_eq!(update(limit).code, 2, "{limit}");
    }
}

#[test]
fn commands_outside_of_a_project_say_how_to_make_one() {
    let scene = Scene::new();
    for words in [
        &["status"][..],
        &["refresh"],
        &["rotate", "root"],
        &["yank", "1.0"],
    ] {
        let reply = run(&scene, words);
        assert_eq!(reply.code, 1, "{reply:?}");
        assert!(reply.stderr.contains("`esky init`"), "{}", reply.stderr);
    }
    assert!(!Path::new(&scene.path("repo.staging")).exists());
}

#[test]
fn the_next_step_that_init_tells_finds_its_keys_and_its_project() {
    let scene = Scene::new();
    let (frozen, bootstrap) = (scene.frozen("1.0"), scene.bootstrap());
    let place = ["init", "my app", "--app", "demo", "--key-dir", "the keys"];
    let reply = run(&scene, &[&place[..], &["--json"]].concat());
    let next = reply.json()["next"].as_str().unwrap().to_owned();
    let words = next.replacen("esky", env!("CARGO_BIN_EXE_esky"), 1);
    let words = words.replacen("DIR", frozen.to_str().unwrap(), 1);
    let output = std::process::Command::new("/bin/sh")
        .args(["-c", &words])
        .current_dir(scene.path(""))
        .env_clear()
        .env("ESKY_BOOTSTRAP", bootstrap)
        .output();
    let reply = Reply::from(output.unwrap());
    assert_eq!(reply.code, 0, "{next}: {reply:?}");
    assert!(scene.path("my app/repo/targets/demo").exists());
}
