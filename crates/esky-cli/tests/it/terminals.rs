//! What is drawn on terminals of several widths.

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::path::Path;
use std::process::Command;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::repository::{initialized, release};
use crate::support::{Scene, command};

/// Our end of a terminal, and the end for the command.
fn pseudo_terminal(columns: u16) -> (File, File) {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&ours).unwrap();
    unlockpt(&ours).unwrap();
    let size = Winsize {
        ws_row: 24,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    tcsetwinsize(&ours, size).unwrap();
    let name = ptsname(&ours, Vec::new()).unwrap().into_string().unwrap();
    let theirs = OpenOptions::new()
        .read(true)
        .write(true)
        .open(name)
        .unwrap();
    (ours.into(), theirs)
}

/// What the command writes to standard error if that is a terminal of this kind and width.
fn drawn(mut command: Command, kind: &str, columns: u16) -> String {
    let (mut terminal, stderr) = pseudo_terminal(columns);
    let reader = std::thread::spawn(move || {
        let mut drawn = Vec::new();
        // When the other end is closed, some systems report the end of the file and some an error.
        let _ = terminal.read_to_end(&mut drawn);
        drawn
    });
    let output = command.env("TERM", kind).stderr(stderr).output().unwrap();
    // The command's end of the terminal, which would keep the reader waiting.
    drop(command);
    let drawn = String::from_utf8(reader.join().unwrap()).unwrap();
    assert_eq!(output.status.code(), Some(0), "{drawn:?}");
    drawn
}

/// The lines as they appear: what a control sequence does is left out.
fn lines(drawn: &str) -> Vec<String> {
    let mut plain = String::new();
    let mut characters = drawn.chars();
    while let Some(character) = characters.next() {
        match character {
            '\u{1b}' => {
                let _ = characters.by_ref().find(char::is_ascii_alphabetic);
                plain.push('\n');
            }
            '\r' => plain.push('\n'),
            character => plain.push(character),
        }
    }
    let lines = plain.lines().filter(|line| !line.trim().is_empty());
    lines.map(str::to_owned).collect()
}

/// The lines of a bar, none of which is longer than the terminal is wide.
fn bars(drawn: &str, columns: u16) -> Vec<String> {
    let lines = lines(drawn);
    let bars = lines.into_iter().filter(|line| line.contains('%'));
    let bars: Vec<String> = bars.collect();
    for line in &bars {
        let width = line.chars().count();
        assert!(width <= columns.into(), "{width} of {columns}: {line:?}");
    }
    bars
}

fn verify(app_dir: &Path) -> Command {
    command(["verify", app_dir.to_str().unwrap()])
}

#[test]
fn a_bar_is_drawn_and_cleared() {
    let scene = Scene::new();
    let drawn = drawn(verify(&scene.installed("1.0")), "xterm", 80);
    assert!(drawn.contains("Checking demo 1.0"), "{drawn:?}");
    assert!(
        drawn.is_ascii(),
        "the bar of the library's own style: {drawn:?}"
    );
    assert!(drawn.ends_with("\u{1b}[2K"), "{drawn:?}");
}

#[test]
fn a_dumb_terminal_gets_plain_lines() {
    let scene = Scene::new();
    let drawn = drawn(verify(&scene.installed("1.0")), "dumb", 80);
    assert_eq!(drawn, "Checking demo 1.0\r\n");
}

/// Bytes that no packing makes fewer, others for each seed (xorshift).
fn noise(seed: u64) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..200_000).map(|_| next()).collect()
}

/// A signed app at 1.0, and 1.1 with other data in its repository.
fn offered() -> Scene {
    let scene = Scene::new();
    initialized(&scene);
    for (version, seed) in [("1.0", 10), ("1.1", 11)] {
        scene.write(&format!("frozen-{version}/lib/blob"), noise(seed));
        let reply = release(&scene, version, &["--json", "--patches", "0"]);
        assert_eq!(reply.code, 0, "{reply:?}");
        if version == "1.0" {
            let package = scene.path(reply.json()["path"].as_str().unwrap());
            esky_testkit::apps::extract(&package, &scene.path("app"));
        }
    }
    scene
}

fn updated_on(columns: u16) -> Vec<String> {
    let scene = offered();
    let server = Serving::start(&scene);
    let app = scene.path("app");
    let update = command([
        "update",
        app.to_str().unwrap(),
        &server.url,
        "--limit-rate",
        "80K",
    ]);
    bars(&drawn(update, "xterm", columns), columns)
}

/// `esky serve`, which is ended with the test.
struct Serving {
    child: std::process::Child,
    url: String,
}

impl Serving {
    fn start(scene: &Scene) -> Self {
        use std::io::{BufRead, BufReader};
        let mut serve = command(["serve", "repo", "--port", "0", "--json"]);
        serve.current_dir(scene.path(""));
        let mut child = serve
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut said = BufReader::new(child.stdout.take().unwrap());
        said.read_line(&mut line).unwrap();
        let said: serde_json::Value = serde_json::from_str(&line).unwrap();
        let url = said["url"].as_str().unwrap().to_owned();
        Self { child, url }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn an_update_draws_bars_with_all_that_there_is_room_for() {
    let bars = updated_on(80);
    let of_download: Vec<_> = bars
        .iter()
        .filter(|line| line.starts_with("Downloading ["))
        .collect();
    assert!(!of_download.is_empty(), "its size is known: {bars:?}");
    let with_rate = |line: &&String| line.contains(" KB/s, ") && line.ends_with(" left");
    assert!(of_download.iter().any(with_rate), "{bars:?}");
}

#[test]
fn in_a_narrow_terminal_no_bar_is_longer_than_a_line() {
    for columns in [40, 24] {
        let bars = updated_on(columns);
        let of_download = bars.iter().any(|line| line.starts_with("Downloading "));
        assert!(of_download, "{bars:?}");
    }
}

#[test]
fn a_long_name_is_cut_where_the_line_ends() {
    let scene = Scene::new();
    let (frozen, bootstrap) = (scene.frozen("1.0"), scene.bootstrap());
    let name = "An App With A Name That Is Longer Than Some Terminals Are Wide";
    for columns in [80, 40] {
        let mut pack = command(["pack", frozen.to_str().unwrap(), "--name", name]);
        pack.args([
            "--version",
            "1.0",
            "--bootstrap",
            bootstrap.to_str().unwrap(),
        ]);
        pack.current_dir(scene.path(""));
        let drawn = drawn(pack, "xterm", columns);
        for line in lines(&drawn) {
            assert!(
                line.chars().count() <= columns.into(),
                "{columns}: {line:?}"
            );
        }
    }
}
