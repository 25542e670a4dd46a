//! Completions and manual pages, made from the table of commands.

use std::fs;

use crate::support::{Scene, esky};

const COMMANDS: [&str; 31] = [
    "init",
    "import",
    "release",
    "status",
    "refresh",
    "yank",
    "rotate",
    "recover",
    "keys",
    "sign",
    "publish",
    "serve",
    "pack",
    "update",
    "list",
    "verify",
    "cleanup",
    "kept",
    "why",
    "rollback",
    "pin",
    "unpin",
    "skip",
    "unhold",
    "confirm",
    "info",
    "diff",
    "patch",
    "inspect",
    "completions",
    "man",
];

#[test]
fn every_shell_gets_a_script_that_knows_every_command() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let reply = esky(["completions", shell]);
        assert_eq!((reply.code, reply.stderr.as_str()), (0, ""));
        for command in COMMANDS {
            assert!(reply.stdout.contains(command), "{shell}: {command}");
        }
    }
}

#[test]
fn an_unknown_shell_is_refused_with_the_known_ones() {
    let reply = esky(["completions", "tcsh"]);
    assert_eq!(reply.code, 2);
    assert!(
        reply.stderr.contains("bash, elvish, fish, powershell, zsh"),
        "{}",
        reply.stderr
    );
}

#[test]
fn the_manual_page_has_the_exit_codes() {
    let reply = esky(["man"]);
    assert_eq!(reply.code, 0);
    assert!(reply.stdout.contains(".TH esky 1"), "{}", reply.stdout);
    assert!(
        reply
            .stdout
            .contains(".SH \"EXIT STATUS\"\n.TP\n\\fB0\\fR\ndone\n")
    );
}

#[test]
fn one_manual_page_is_written_per_command() {
    let scene = Scene::new();
    let reply = scene.run(["man", "--output", "share/man1", "--json"]);
    assert_eq!(reply.code, 0, "{reply:?}");
    assert_eq!(
        reply.json()["written"].as_array().unwrap().len(),
        COMMANDS.len() + 1
    );
    for command in COMMANDS {
        let page = fs::read_to_string(scene.path(&format!("share/man1/esky-{command}.1"))).unwrap();
        assert!(page.contains(".SH OPTIONS"), "{page}");
    }
    assert!(scene.path("share/man1/esky.1").is_file());
}

#[test]
fn a_place_where_pages_cannot_be_written_is_named() {
    let scene = Scene::new();
    scene.write("taken", "a file");
    let reply = scene.run(["man", "--output", "taken/man1"]);
    assert_eq!(reply.code, 1);
    assert!(
        reply.stderr.starts_with("error: cannot create taken"),
        "{}",
        reply.stderr
    );
}
