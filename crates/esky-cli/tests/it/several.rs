//! Two people release together, by the commands that they type.

use std::path::PathBuf;

use crate::repository::PASSPHRASE;
use crate::support::{Reply, Scene, command};

/// Runs the command as somebody with key files of their own.
fn run(scene: &Scene, person: &str, words: &[&str]) -> Reply {
    let output = command(words)
        .env("XDG_CONFIG_HOME", scene.path(person))
        .env(PASSPHRASE.0, PASSPHRASE.1)
        .current_dir(scene.path(""))
        .output()
        .expect("the command starts");
    Reply::from(output)
}

fn done(scene: &Scene, person: &str, words: &[&str]) -> Reply {
    let reply = run(scene, person, words);
    assert_eq!(reply.code, 0, "{words:?}: {reply:?}");
    reply
}

/// The request that the answer names.
fn request(reply: &Reply) -> String {
    let request = reply.json()["request"].as_str().map(ToOwned::to_owned);
    request.unwrap_or_else(|| panic!("a request: {reply:?}"))
}

fn releasing(scene: &Scene, version: &str) -> [String; 7] {
    let path = |path: PathBuf| path.to_str().expect("UTF-8").to_owned();
    [
        "release".to_owned(),
        path(scene.frozen(version)),
        "--version".to_owned(),
        version.to_owned(),
        "--bootstrap".to_owned(),
        path(scene.bootstrap()),
        "--json".to_owned(),
    ]
}

/// A repository whose versions need both people, made by Ann; Bob has a key of his own.
fn shared(scene: &Scene) {
    done(scene, "ann", &["init", "--app", "demo", "-y"]);
    let made = done(
        scene,
        "bob",
        &["keys", "new", "-o", "bob.json", "--kind", "p256", "--json"],
    );
    assert_eq!(made.json()["kind"], "p256");
    assert!(made.json()["passphrase"].is_null(), "it was given");
    let add = ["keys", "add", "bob.json", "--role", "targets", "--json"];
    assert_eq!(done(scene, "ann", &add).json()["root_version"], 2);
    let request = request(&done(
        scene,
        "ann",
        &["keys", "threshold", "targets", "2", "--json"],
    ));
    done(scene, "bob", &["sign", &request, "--yes"]);
    done(scene, "ann", &["publish", &request]);
}

#[test]
fn two_people_release_a_version() {
    let scene = Scene::new();
    shared(&scene);
    let words = releasing(&scene, "1.0");
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let request = request(&done(&scene, "ann", &words));
    let status = done(&scene, "ann", &["status", "--json"]).json();
    assert_eq!(status["releases"].as_array().map(Vec::len), Some(0));
    let early = run(&scene, "ann", &["publish", &request]);
    assert_eq!(early.code, 1);
    assert!(
        early.stderr.contains("targets needs 2 signature(s)"),
        "{early:?}"
    );

    let shown = done(&scene, "bob", &["sign", &request, "--show"]).stdout;
    for part in ["new: demo/stable/", "targets, by root 3: 1 of 2; signed: "] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let signed = done(&scene, "bob", &["sign", &request, "--yes", "--json"]).json();
    assert_eq!(
        (&signed["signed"], &signed["complete"]),
        (&true.into(), &true.into())
    );
    let published = done(&scene, "ann", &["publish", &request]).stdout;
    assert!(
        published.contains("published; put the repository"),
        "{published}"
    );
    let status = done(&scene, "ann", &["status", "--json"]).json();
    assert_eq!(status["releases"][0]["version"], "1.0");
}

#[test]
fn nobody_signs_what_nobody_has_read() {
    let scene = Scene::new();
    shared(&scene);
    let words = releasing(&scene, "1.0");
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let request = request(&done(&scene, "ann", &words));
    let before = std::fs::read(&request).expect("a request");
    let refused = run(&scene, "bob", &["sign", &request]);
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(refused.stderr.contains("--show"), "{refused:?}");
    assert_eq!(std::fs::read(&request).expect("a request"), before);
}

#[test]
fn the_list_of_keys_says_who_may_sign_and_what_is_here() {
    let scene = Scene::new();
    shared(&scene);
    let listed = done(&scene, "bob", &["keys", "list", "--json"]).json();
    let here: Vec<_> = listed["keys"]
        .as_array()
        .expect("keys")
        .iter()
        .filter(|key| key["at_hand"] == true)
        .collect();
    assert_eq!(here.len(), 1, "{listed}");
    assert_eq!(
        (&here[0]["kind"], &here[0]["roles"][0]),
        (&"p256".into(), &"targets".into())
    );
    let text = done(&scene, "ann", &["keys", "list"]).stdout;
    assert!(text.contains("targets    2 of 2 keys must sign"), "{text}");
}

#[test]
fn a_build_server_gets_a_key_that_releases_nothing() {
    let scene = Scene::new();
    done(&scene, "ann", &["init", "--app", "demo", "-y"]);
    let split = done(&scene, "ann", &["keys", "split", "--json"]).json();
    let file = split["targets_key_file"].as_str().expect("a file");
    assert!(file.ends_with("targets-2.key"), "{file}");
    // Ann has both keys, and releases as before.
    let words = releasing(&scene, "1.0");
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    assert!(done(&scene, "ann", &words).json()["request"].is_null());
    // The build server has the line that it always had.
    let line =
        std::fs::read_to_string(scene.path("ann/esky/keys/demo/release.key")).expect("a key");
    let serve = |words: &[&str]| {
        let mut server = command(words);
        server
            .env("ESKY_SIGNING_KEY", &line)
            .current_dir(scene.path(""));
        Reply::from(server.output().expect("the command starts"))
    };
    assert_eq!(serve(&["refresh"]).code, 0);
    let words = releasing(&scene, "1.1");
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let refused = serve(&words);
    assert_eq!(refused.code, 1, "{refused:?}");
    let cause = refused.json()["error"]["cause"].to_string();
    assert!(
        cause.contains("targets needs 1 signature(s)"),
        "{refused:?}"
    );
}

#[test]
fn keys_that_cannot_be_are_refused_with_a_way_out() {
    let scene = Scene::new();
    done(&scene, "ann", &["init", "--app", "demo", "-y"]);
    scene.write("no.json", "{}");
    for (words, part) in [
        (
            &["keys", "add", "no.json", "--role", "root"][..],
            "no public key",
        ),
        (&["keys", "remove", "zzz"], "no key's id begins with zzz"),
        (&["keys", "threshold", "root", "2"], "--without-spare"),
        (&["keys", "threshold", "targets", "2"], "would have 1"),
        (&["sign", "no.json", "--yes"], "no request"),
        (&["publish", "no.json"], "no request"),
    ] {
        let refused = run(&scene, "ann", words);
        assert_eq!(refused.code, 1, "{words:?}: {refused:?}");
        assert!(refused.stderr.contains(part), "{words:?}: {refused:?}");
    }
}
