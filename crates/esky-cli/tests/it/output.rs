//! The two output streams: colors, and readers that go away.

use std::fs::OpenOptions;
use std::io::Read;
use std::process::Stdio;

use crate::support::UPDATED;
use crate::support::{Scene, command, esky};

const ESCAPE: char = '\u{1b}';

#[test]
fn nothing_but_plain_text_without_a_terminal() {
    let scene = Scene::new();
    let app_dir = scene.installed("1.0");
    scene.package("1.1");
    for reply in [
        scene.run(["update", app_dir.to_str().unwrap(), "site"]),
        scene.run(["info", "nowhere"]),
        scene.run(["frob"]),
        scene.run(["--help"]),
    ] {
        assert!(!reply.stdout.contains([ESCAPE, '\r']), "{reply:?}");
        assert!(!reply.stderr.contains([ESCAPE, '\r']), "{reply:?}");
    }
}

#[test]
fn color_always_colors_errors_and_help() {
    let reply = esky(["info", "nowhere", "--color", "always"]);
    assert!(
        reply
            .stderr
            .contains("\u{1b}[1m\u{1b}[31merror:\u{1b}[0m cannot open"),
        "{reply:?}"
    );
    assert!(esky(["--color=always", "--help"]).stdout.contains(ESCAPE));
}

#[test]
fn no_color_leaves_the_asked_for_colors() {
    let run = |color| {
        let mut command = command(["info", "nowhere", "--color", color]);
        String::from_utf8(command.env("NO_COLOR", "1").output().unwrap().stderr).unwrap()
    };
    assert!(!run("auto").contains(ESCAPE));
    assert!(run("always").contains(ESCAPE));
}

#[test]
fn a_reader_that_went_away_is_no_failure() {
    let mut child = command(["completions", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut stderr = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut stderr)
        .unwrap();
    assert_eq!(
        (child.wait().unwrap().code(), stderr.as_str()),
        (Some(0), "")
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_under_standard_output_is_a_failure() {
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = command(["man"]).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(
        stderr.starts_with("error: cannot write to standard output: "),
        "{stderr}"
    );
}

#[test]
fn an_update_is_finished_even_if_nobody_reads_its_messages() {
    let scene = Scene::new();
    let app_dir = scene.installed("1.0");
    scene.package("1.1");
    let app = app_dir.to_str().unwrap();
    let mut child = command(["update", app, scene.path("site").to_str().unwrap()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop((child.stdout.take(), child.stderr.take()));
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(scene.run(["list", app]).stdout, UPDATED);
}

#[test]
fn names_from_outside_cannot_steer_the_terminal() {
    let scene = Scene::new();
    scene.write("site/demo-1.0\u{1b}[31m.linux-x86_64.zip", "");
    let reply = scene.run([
        "list",
        "site",
        "--name",
        "demo",
        "--platform",
        "linux-x86_64",
    ]);
    assert!(!reply.stdout.contains(ESCAPE), "{reply:?}");
}
