//! The two output streams: colors, terminals, and readers that go away.

use std::fs::{File, OpenOptions};
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

#[test]
fn on_a_terminal_a_bar_is_drawn_and_cleared() {
    let drawn = drawn_by_verify("xterm");
    assert!(drawn.contains("Checking demo 1.0"), "{drawn:?}");
    assert!(
        drawn.is_ascii(),
        "the bar of the library's own style: {drawn:?}"
    );
    assert!(drawn.ends_with("\u{1b}[2K"), "{drawn:?}");
}

#[test]
fn a_dumb_terminal_gets_plain_lines() {
    assert_eq!(drawn_by_verify("dumb"), "Checking demo 1.0\r\n");
}

/// What `verify` writes to standard error if that is a terminal of this kind.
fn drawn_by_verify(kind: &str) -> String {
    let scene = Scene::new();
    let app_dir = scene.installed("1.0");
    let (mut terminal, stderr) = pseudo_terminal();
    let mut command = command(["verify", app_dir.to_str().unwrap()]);
    let output = command.env("TERM", kind).stderr(stderr).output().unwrap();
    // The command's end of the terminal, which would keep the reading below waiting.
    drop(command);
    assert_eq!(output.status.code(), Some(0));
    let mut drawn = Vec::new();
    // When the other end is closed, some systems report the end of the file and some an error.
    let _ = terminal.read_to_end(&mut drawn);
    String::from_utf8(drawn).unwrap()
}

/// Our end of a terminal, and the end for the command.
fn pseudo_terminal() -> (File, File) {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&ours).unwrap();
    unlockpt(&ours).unwrap();
    let name = ptsname(&ours, Vec::new()).unwrap().into_string().unwrap();
    let theirs = OpenOptions::new()
        .read(true)
        .write(true)
        .open(name)
        .unwrap();
    (ours.into(), theirs)
}
