//! Several commands at once, as real processes.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use esky_testkit::apps::extract;
use esky_testkit::server::Server;

use crate::repository::{initialized, release, run};
use crate::support::{Reply, Scene, UPDATED, command};

/// Exit code of a command that finds another one at work.
const LOCKED: i32 = 5;
/// More of them by hand: `ESKY_PAIRS=200 cargo test -p esky-cli --test it pairs`.
const PAIRS: usize = 20;

fn pairs() -> usize {
    let wanted = std::env::var("ESKY_PAIRS").ok();
    wanted.map_or(PAIRS, |number| number.parse().unwrap())
}

fn at_once(commands: Vec<Command>) -> Vec<Reply> {
    let start = |mut command: Command| {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    };
    let running: Vec<_> = commands.into_iter().map(start).collect();
    let outputs = running.into_iter().map(|child| child.wait_with_output());
    outputs.map(|output| Reply::from(output.unwrap())).collect()
}

fn copy(from: &Path, to: &Path) {
    let status = Command::new("cp").arg("-a").args([from, to]).status();
    assert!(status.unwrap().success());
}

/// A signed 1.0 as it is after unzipping, and a server that offers 1.1.
fn offered(scene: &Scene) -> (PathBuf, Server) {
    initialized(scene);
    let released = release(scene, "1.0", &["--json"]);
    let package = scene.path(released.json()["path"].as_str().unwrap());
    let fresh = scene.path("fresh");
    extract(&package, &fresh);
    assert_eq!(release(scene, "1.1", &[]).code, 0);
    (fresh, Server::start(scene.path("repo")))
}

fn update(app: &Path, url: &str) -> Command {
    command(["update", app.to_str().unwrap(), url])
}

fn leftovers(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(leftovers(&path));
        } else if path.extension().is_some_and(|extension| extension == "new") {
            found.push(path);
        }
    }
    found
}

#[test]
fn of_pairs_of_updates_one_installs_and_the_other_is_told_or_finds_nothing_left_to_do() {
    let scene = Scene::new();
    let (fresh, server) = offered(&scene);
    let newest = fs::read(scene.path("repo/metadata/timestamp.json")).unwrap();
    for number in 0..pairs() {
        let app = scene.path(&format!("app-{number}"));
        copy(&fresh, &app);
        let url = server.url("/");
        let replies = at_once(vec![update(&app, &url), update(&app, &url)]);
        let updated = |reply: &&Reply| reply.stdout == "updated demo from 1.0 to 1.1\n";
        assert_eq!(replies.iter().filter(updated).count(), 1, "{replies:#?}");
        for reply in &replies {
            let is_up_to_date = reply.stdout == "demo 1.1 is up to date\n";
            let fits = match reply.code {
                0 => updated(&reply) || is_up_to_date,
                code => code == LOCKED && reply.stderr.contains("is changing the app directory"),
            };
            assert!(fits, "{replies:#?}");
        }
        let listed = scene.run(["list", app.to_str().unwrap()]);
        assert_eq!(listed.stdout, UPDATED);
        let kept = fs::read(app.join("updates/metadata/timestamp.json")).unwrap();
        assert_eq!(kept, newest, "the record of the newest metadata");
        assert_eq!(leftovers(&app), Vec::<PathBuf>::new());
        fs::remove_dir_all(app).unwrap();
    }
}

#[test]
fn checks_and_clean_ups_beside_an_update_never_fail() {
    let scene = Scene::new();
    let (fresh, server) = offered(&scene);
    let url = server.url("/");
    for number in 0..pairs() / 2 {
        let app = scene.path(&format!("app-{number}"));
        copy(&fresh, &app);
        let path = app.to_str().unwrap();
        let check = || command(["update", "--check", path, &url]);
        let mut commands = vec![update(&app, &url)];
        commands.extend((0..4).map(|_| check()));
        commands.extend(["list", "why", "verify"].map(|word| command([word, path])));
        commands.push(command(["cleanup", path]));
        let replies = at_once(commands);
        let cleaned = replies.last().unwrap();
        assert!([0, LOCKED].contains(&cleaned.code), "{cleaned:?}");
        assert!([0, LOCKED].contains(&replies[0].code), "{replies:#?}");
        for reply in &replies[1..5] {
            // 3: nothing newer, any more.
            assert!([0, 3].contains(&reply.code), "{reply:?}");
        }
        for reply in &replies[5..8] {
            assert_eq!(reply.code, 0, "{reply:?}");
        }
        fs::remove_dir_all(app).unwrap();
    }
}

#[test]
fn of_releases_at_once_one_is_made_and_the_other_is_told() {
    let scene = Scene::new();
    initialized(&scene);
    let (frozen, bootstrap) = (scene.frozen("1.0"), scene.bootstrap());
    let frozen = frozen.to_str().unwrap();
    let mut made = 0;
    for number in 0..6 {
        let releasing = |version: String| {
            let words = ["release", frozen, "--version", &version, "--json"];
            let mut release = command(words);
            release.args(["--bootstrap", bootstrap.to_str().unwrap()]);
            release.env("XDG_CONFIG_HOME", scene.path("config"));
            release.current_dir(scene.path(""));
            release
        };
        let versions = [format!("1.{number}.1"), format!("1.{number}.2")];
        let replies = at_once(versions.map(releasing).into());
        for reply in &replies {
            assert!([0, LOCKED].contains(&reply.code), "{replies:#?}");
        }
        made += replies.iter().filter(|reply| reply.code == 0).count();
    }
    assert!(made >= 6, "of each two, one at least");
    let status = run(&scene, &["status", "--json"]).json();
    assert_eq!(status["health"], "good");
    let offered = status["releases"].as_array().unwrap().iter();
    let versions: BTreeSet<String> = offered.map(|offer| offer["version"].to_string()).collect();
    assert_eq!(versions.len(), made, "{versions:?}");
    assert_eq!(leftovers(&scene.path("repo")), Vec::<PathBuf>::new());
}
