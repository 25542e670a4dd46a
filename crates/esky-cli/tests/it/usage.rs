//! The command line itself: help, version, and what is wrong with it.

use crate::support::esky;

#[test]
fn help_names_every_command_and_exit_code() {
    let reply = esky(["--help"]);
    assert_eq!((reply.code, reply.stderr.as_str()), (0, ""));
    for word in [
        "init",
        "release",
        "status",
        "refresh",
        "yank",
        "rotate",
        "recover",
        "serve",
        "pack",
        "update",
        "list",
        "verify",
        "cleanup",
        "info",
        "completions",
        "man",
    ] {
        assert!(
            reply.stdout.contains(&format!("\n  {word} ")),
            "{word}: {}",
            reply.stdout
        );
    }
    let codes = reply.stdout.split("Exit codes:\n").nth(1).unwrap();
    assert_eq!(
        codes,
        "    0  done
    1  failed; the error says what and why
    2  the command line is wrong
    3  `update --check` found no update
    4  `verify` found damaged or missing files
    5  another updater is at work on the app directory
    6  `status` found something that has to be signed again
  130  stopped by Ctrl-C
"
    );
}

#[test]
fn every_command_has_help_of_its_own() {
    for command in [
        "pack",
        "update",
        "list",
        "verify",
        "cleanup",
        "info",
        "completions",
        "man",
    ] {
        let reply = esky([command, "--help"]);
        assert_eq!(reply.code, 0);
        assert!(
            reply.stdout.contains(&format!("Usage: esky {command}")),
            "{}",
            reply.stdout
        );
    }
}

#[test]
fn version_is_that_of_the_crate() {
    let reply = esky(["--version"]);
    assert_eq!(
        reply.stdout,
        format!("esky {}\n", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn no_command_shows_the_help_and_is_a_usage_error() {
    let reply = esky::<&str>([]);
    assert_eq!((reply.code, reply.stdout.as_str()), (2, ""));
    assert!(reply.stderr.contains("Commands:"), "{}", reply.stderr);
}

#[test]
fn an_unknown_option_is_named_and_a_similar_one_is_offered() {
    let reply = esky(["update", "app", "site", "--chekc"]);
    assert_eq!((reply.code, reply.stdout.as_str()), (2, ""));
    assert!(
        reply
            .stderr
            .starts_with("error: unexpected argument '--chekc' found\n")
    );
    assert!(
        reply
            .stderr
            .contains("a similar argument exists: '--check'"),
        "{}",
        reply.stderr
    );
}

#[test]
fn a_usage_error_is_a_json_document_if_that_was_asked_for() {
    let reply = esky(["--json", "verify"]);
    assert_eq!((reply.code, reply.stderr.as_str()), (2, ""));
    let error = &reply.json()["error"];
    assert_eq!(error["operation"], "esky");
    assert!(
        error["cause"].as_str().unwrap().contains("<APPDIR>"),
        "{error}"
    );
    assert_eq!(error["hint"], "see `esky --help`");
}

#[test]
fn proxy_and_no_proxy_exclude_each_other() {
    let reply = esky([
        "update",
        "app",
        "site",
        "--proxy",
        "http://localhost:1",
        "--no-proxy",
    ]);
    assert_eq!(reply.code, 2);
    assert!(
        reply.stderr.contains("cannot be used with '--no-proxy'"),
        "{}",
        reply.stderr
    );
}

#[test]
fn a_header_without_a_colon_is_refused() {
    let reply = esky(["update", "app", "site", "--header", "token"]);
    assert_eq!(reply.code, 2);
    assert!(
        reply.stderr.contains("a header is written NAME:VALUE"),
        "{}",
        reply.stderr
    );
}
