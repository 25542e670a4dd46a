//! Sources on the web: what is sent, what is said when they fail, and how failures end.

use esky_format::name::current_platform;
use esky_testkit::server::{Fault, Server};

use crate::support::UPDATED;
use crate::support::{Reply, Scene};

fn package(version: &str) -> String {
    format!("/demo-{version}.{}.zip", current_platform())
}

/// An installed 1.0 and a server that offers 1.1.
fn offered() -> (Scene, Server) {
    let scene = Scene::new();
    scene.installed("1.0");
    scene.package("1.1");
    let server = Server::start(scene.path("site"));
    (scene, server)
}

fn update(scene: &Scene, source: &str, options: &[&str]) -> Reply {
    scene.run(["update", "app", source].iter().chain(options))
}

#[test]
fn an_update_from_the_web_is_downloaded_and_installed() {
    let (scene, server) = offered();
    let reply = update(&scene, &server.url("/"), &[]);
    assert_eq!(
        (reply.code, reply.stdout.as_str()),
        (0, "updated demo from 1.0 to 1.1\n"),
        "{reply:?}"
    );
    assert!(
        reply
            .stderr
            .contains("Found version 1.1\nDownloading\nUnpacking\n"),
        "{}",
        reply.stderr
    );
    assert_eq!(scene.run(["list", "app"]).stdout, UPDATED);
}

#[test]
fn offered_versions_are_listed_newest_first() {
    let (scene, server) = offered();
    let reply = scene.run(["list", &server.url("/"), "--name", "demo"]);
    assert_eq!(
        (reply.code, reply.stdout.as_str()),
        (0, "1.1\n1.0\n"),
        "{reply:?}"
    );
}

#[test]
fn a_broken_download_goes_on_and_the_person_is_told_why() {
    let (scene, server) = offered();
    server.fault_once(&package("1.1"), Fault::CloseAfter(100));
    let reply = update(&scene, &server.url("/"), &[]);
    assert_eq!(reply.code, 0, "{reply:?}");
    assert!(
        reply.stderr.contains("trying again: http://"),
        "{}",
        reply.stderr
    );
}

#[test]
fn an_address_where_nothing_is_says_so() {
    let (scene, server) = offered();
    let source = server.url("/nowhere/");
    let reply = update(&scene, &source, &[]);
    assert_eq!((reply.code, reply.stdout.as_str()), (1, ""));
    assert!(
        reply.stderr.ends_with(&format!(
            "error: {source}: the server answered 404 (not found)
hint: check the address; the file is not there
"
        )),
        "{}",
        reply.stderr
    );
}

#[test]
fn the_address_is_in_the_json_error() {
    let (scene, server) = offered();
    let source = server.url("/nowhere/");
    let reply = update(&scene, &source, &["--json"]);
    assert_eq!((reply.code, reply.stderr.as_str()), (1, ""));
    assert_eq!(reply.json()["error"]["path"], source);
}

#[test]
fn a_server_that_wants_credentials_points_to_the_option() {
    let (scene, server) = offered();
    server.fault("/", Fault::Status(401));
    let reply = update(&scene, &server.url("/"), &[]);
    assert_eq!(reply.code, 1);
    assert!(
        reply
            .stderr
            .contains("hint: the server wants credentials; give them by `--header")
    );
}

#[test]
fn headers_go_to_the_source_and_not_to_where_it_redirects() {
    let (scene, server) = offered();
    let elsewhere = Server::start(scene.path("site"));
    server.fault(
        &package("1.1"),
        Fault::Redirect(elsewhere.url(&package("1.1"))),
    );
    let reply = update(
        &scene,
        &server.url("/"),
        &["--header", "Authorization: Bearer secret"],
    );
    assert_eq!(reply.code, 0, "{reply:?}");
    for request in server.seen() {
        assert_eq!(
            request.header("authorization"),
            Some("Bearer secret"),
            "{request:?}"
        );
    }
    assert!(!elsewhere.seen().is_empty());
    for request in elsewhere.seen() {
        assert_eq!(request.header("authorization"), None, "{request:?}");
    }
}

#[test]
fn requests_go_through_the_named_proxy() {
    let (scene, proxy) = offered();
    let source = "http://releases.example/";
    let reply = update(&scene, source, &["--check", "--proxy", &proxy.url("")]);
    assert_eq!(reply.code, 0, "{reply:?}");
    assert_eq!(proxy.seen()[0].target, source);
}

#[test]
fn the_proxy_of_the_environment_is_used_unless_it_is_refused() {
    let (scene, server) = offered();
    let nowhere = Server::empty();
    let source = server.url("/");
    let check = |option: &[&str]| {
        let arguments = [
            "update",
            scene.path("app").to_str().unwrap(),
            &source,
            "--check",
        ]
        .map(str::to_owned)
        .into_iter()
        .chain(option.iter().map(|&option| option.to_owned()));
        let mut command = crate::support::command(arguments);
        command.env("http_proxy", nowhere.url(""));
        command.output().unwrap().status.code()
    };
    assert_eq!(check(&["--no-proxy"]), Some(0));
    assert!(nowhere.seen().is_empty());
    assert_eq!(check(&[]), Some(1));
    assert_eq!(nowhere.seen()[0].target, source);
}

#[test]
fn a_silent_server_is_given_up() {
    let (scene, server) = offered();
    server.fault("/", Fault::StallAtOnce);
    let reply = update(&scene, &server.url("/"), &["--timeout", "0.1"]);
    assert_eq!((reply.code, reply.stdout.as_str()), (1, ""));
    assert!(reply.stderr.contains("timed out"), "{}", reply.stderr);
}

#[test]
fn a_page_in_the_place_of_a_package_leaves_the_old_version_in_place() {
    let (scene, server) = offered();
    server.page(&package("1.1"), "<html>please log in</html>");
    let reply = update(&scene, &server.url("/"), &[]);
    assert_eq!((reply.code, reply.stdout.as_str()), (1, ""));
    assert!(
        reply.stderr.contains("received a web page"),
        "{}",
        reply.stderr
    );
    assert_eq!(scene.run(["list", "app"]).stdout, "1.0  starts\n");
}
