//! An app that was released with tufup, by the commands that a developer types.

use std::time::{SystemTime, UNIX_EPOCH};

use esky_testkit::tufup::Tufup;
use esky_trust::Time;

use crate::support::{Reply, Scene, command};

/// A folder in which tufup was used for the app `app`.
fn tufup(scene: &Scene) -> Tufup {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let now = Time::from_unix(since.as_secs().try_into().unwrap());
    Tufup::new(&scene.path(""), now)
}

/// The command with the keys of this folder.
fn run(scene: &Scene, words: &[&str]) -> Reply {
    let output = command(words)
        .env("XDG_CONFIG_HOME", scene.path("config"))
        .env("ESKY_ROOT_PASSPHRASE", "correct horse")
        .current_dir(scene.path(""))
        .output();
    Reply::from(output.unwrap())
}

fn release(scene: &Scene, version: &str) -> Reply {
    let (frozen, bootstrap) = (scene.frozen(version), scene.bootstrap());
    let words = ["release", frozen.to_str().unwrap(), "--version", version];
    let options = ["--bootstrap", bootstrap.to_str().unwrap(), "--tufup-bridge"];
    run(scene, &[&words[..], &options, &["--json"]].concat())
}

#[test]
fn two_commands_lead_an_app_from_tufup_to_esky() {
    let scene = Scene::new();
    tufup(&scene);
    let reply = run(&scene, &["import", "tufup", "tufup"]);
    assert_eq!((reply.code, reply.stderr.as_str()), (0, ""), "{reply:?}");
    for part in [
        "app moves to esky: ./repo goes on with root 2 and 3 targets",
        "  root       root of tufup",
        "  timestamp  timestamp of tufup",
        "\n     1 ",
        "secrets.ESKY_SIGNING_KEY",
        "--tufup-bridge",
    ] {
        assert!(reply.stdout.contains(part), "{part}: {}", reply.stdout);
    }
    assert_eq!(reply.stdout.matches("ESKY-SIGNING-KEY-1").count(), 3);
    let released = release(&scene, "2.0");
    assert_eq!(released.code, 0, "{released:?}");
    let archive = released.json()["tufup_bridge"].as_str().unwrap().to_owned();
    assert!(archive.ends_with(".app-2.0.tar.gz"), "{archive}");
    assert!(scene.path(&archive).is_file());
    let status = run(&scene, &["status"]);
    assert_eq!(status.code, 0, "{status:?}");
    let again = run(&scene, &["import", "tufup", "tufup"]);
    assert_eq!(again.code, 1);
    assert!(
        again.stderr.contains("esky.toml is there already"),
        "{again:?}"
    );
}

/// What a build server has, which has no directory of keys.
#[test]
fn the_keys_of_several_roles_come_from_one_variable() {
    let scene = Scene::new();
    tufup(&scene);
    let imported = run(
        &scene,
        &["import", "tufup", "tufup", "--app-name", "other", "--json"],
    );
    let imported = imported.json();
    assert_eq!(
        (&imported["app"], &imported["root_version"]),
        (&"other".into(), &2.into())
    );
    assert_eq!(imported["keys"].as_array().unwrap().len(), 4);
    assert_eq!(imported["expired"].as_array().unwrap().len(), 0);
    let refreshed = command(["refresh"])
        .env(
            "ESKY_SIGNING_KEY",
            imported["signing_key"].as_str().unwrap(),
        )
        .current_dir(scene.path(""))
        .output();
    let refreshed = Reply::from(refreshed.unwrap());
    assert_eq!(refreshed.code, 0, "{refreshed:?}");
}

#[test]
fn what_cannot_be_taken_over_is_explained() {
    let scene = Scene::new();
    let reply = run(&scene, &["import", "tufup", "."]);
    assert_eq!(reply.code, 1);
    assert_eq!(
        reply.stderr,
        "error: . is no directory of tufup's: it has no .tufup-repo-config\n\
         hint: give the directory in which `tufup init` ran; it has .tufup-repo-config, and below it the repository\n"
    );
    let encrypted = tufup(&scene);
    let key = "00@@@@1@@@@00@@@@00@@@@00";
    encrypted.write("keystore/root", key.as_bytes());
    let reply = run(&scene, &["import", "tufup", "tufup"]);
    assert!(
        reply
            .stderr
            .contains("root is encrypted\nhint: type the passphrase"),
        "{reply:?}"
    );
    assert_eq!(run(&scene, &["import", "other", "."]).code, 2);
    let words = ["import", "tufup", "tufup", "--url", "example.com/x"];
    let reply = run(&scene, &words);
    assert_eq!(reply.code, 2);
    assert!(reply.stderr.contains("did you mean https://example.com/x?"));
    assert!(!scene.path("repo").exists() && !scene.path("config").exists());
}

#[test]
fn a_bridge_that_cannot_be_built_is_refused_before_anything_is_released() {
    let scene = Scene::new();
    tufup(&scene);
    assert_eq!(run(&scene, &["import", "tufup", "tufup"]).code, 0);
    for (version, part) in [("2.0-beta", "such as 2.0"), ("0.9", "a higher version")] {
        let reply = release(&scene, version);
        assert_eq!(reply.code, 1);
        let hint = reply.json()["error"]["hint"].as_str().unwrap().to_owned();
        assert!(hint.contains(part), "{reply:?}");
        assert!(!scene.path("repo/targets/app").exists());
    }
}
