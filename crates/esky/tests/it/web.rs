//! Redirects, other hosts, credentials and proxies.

use std::fs;
use std::sync::Arc;

use esky::{HttpOptions, Monitor, Proxy};
use esky_testkit::apps::{self, Release};
use esky_testkit::proxy::{ProxyServer, Rule};
use esky_testkit::server::{Fault, Server};
use esky_testkit::tls::{Identity, TlsServer};

use crate::story::{Story, quick_options};

fn offering() -> Story {
    let story = Story::new();
    story.place.offer(&Release::new("1.1"));
    story
}

#[test]
fn links_are_relative_to_where_the_listing_was_redirected_to() {
    let story = offering();
    let start = Server::empty();
    start.fault("/latest", Fault::Redirect(story.server.url("/")));
    let app = story.app_at(&start.url("/latest"), quick_options());
    app.auto_update(&Monitor::silent()).unwrap();
    story.assert_updated_to("1.1");
}

#[test]
fn a_package_may_be_redirected_to_another_host() {
    let story = Story::new();
    let name = apps::package_name("1.1");
    story.server.page("/", format!("<a href={name}>"));
    let mirror = apps::Place::new();
    mirror.offer(&Release::new("1.1"));
    let host = Server::start(mirror.packages());
    let path = story.package_path("1.1");
    story.server.fault(&path, Fault::Redirect(host.url(&path)));
    story.app().auto_update(&Monitor::silent()).unwrap();
    story.assert_updated_to("1.1");
}

#[test]
fn credentials_are_not_carried_to_another_host() {
    let story = offering();
    let start = Server::empty();
    start.fault("/latest", Fault::Redirect(story.server.url("/")));
    let known = start.url("/");
    let options = HttpOptions {
        headers: Some(Arc::new(move |url| {
            let header = ("Authorization".to_owned(), "Bearer secret".to_owned());
            if url.starts_with(&known) {
                vec![header]
            } else {
                Vec::new()
            }
        })),
        ..quick_options()
    };
    let app = story.app_at(&start.url("/latest"), options);
    app.auto_update(&Monitor::silent()).unwrap();
    assert_eq!(
        start.seen()[0].header("authorization"),
        Some("Bearer secret")
    );
    assert!(
        story
            .server
            .seen()
            .iter()
            .all(|seen| seen.header("authorization").is_none())
    );
}

#[test]
fn a_name_and_password_in_the_address_are_sent_to_its_host_only() {
    let story = offering();
    let start = Server::empty();
    start.fault("/latest", Fault::Redirect(story.server.url("/")));
    let url = start.url("/latest").replace("http://", "http://me:secret@");
    story
        .app_at(&url, quick_options())
        .auto_update(&Monitor::silent())
        .unwrap();
    assert_eq!(
        start.seen()[0].header("authorization"),
        Some("Basic bWU6c2VjcmV0")
    );
    assert!(
        story
            .server
            .seen()
            .iter()
            .all(|seen| seen.header("authorization").is_none())
    );
}

#[test]
fn requests_say_who_asks_and_want_no_compression() {
    let story = offering();
    story.app().find_update(&Monitor::silent()).unwrap();
    let seen = &story.server.seen()[0];
    assert!(seen.header("user-agent").unwrap().starts_with("esky/"));
    assert_eq!(seen.header("accept-encoding"), Some("identity"));
}

#[test]
fn a_redirect_off_the_web_is_refused() {
    let story = offering();
    story
        .server
        .fault("/", Fault::Redirect("file:///etc/passwd".into()));
    story.fails_saying(&["file:///etc/passwd", "refused"]);
}

#[test]
fn a_proxy_fetches_plain_urls_without_the_client_knowing_the_host() {
    let story = Story::new();
    let package = story.place.offer(&Release::new("1.1"));
    let proxy = Server::empty();
    proxy.page(
        "/dir/",
        format!("<a href=\"{}\">", apps::package_name("1.1")),
    );
    let path = format!("/dir/{}", apps::package_name("1.1"));
    proxy.page(&path, fs::read(package).unwrap());
    let options = HttpOptions {
        proxy: Proxy::Url(proxy.url("").replace("http://", "http://me:secret@")),
        ..quick_options()
    };
    let app = story.app_at("http://host.invalid/dir/", options);
    app.auto_update(&Monitor::silent()).unwrap();
    story.assert_updated_to("1.1");
    let first = &proxy.seen()[0];
    assert_eq!(first.target, "http://host.invalid/dir/");
    assert_eq!(
        first.header("proxy-authorization"),
        Some("Basic bWU6c2VjcmV0")
    );
    assert!(story.server.seen().is_empty());
}

#[test]
fn encrypted_urls_go_through_a_tunnel_of_the_proxy() {
    let story = Story::new();
    let behind = Server::empty();
    let server = TlsServer::start(
        Identity::self_signed(&["host.invalid"], false),
        behind.address(),
    );
    let proxy = ProxyServer::start(Rule::Pass, server.address());
    let options = HttpOptions {
        proxy: Proxy::Url(proxy.url()),
        ..quick_options()
    };
    let app = story.app_at("https://host.invalid/", options);
    let error = story.fails_safely(&app);
    assert_eq!(proxy.seen()[0].target, "host.invalid:443");
    let text = error.to_string();
    assert!(
        text.contains("https://host.invalid/") && text.contains("self-signed"),
        "the server's certificate came through: {text}"
    );
}

#[test]
fn a_server_that_does_not_speak_tls_is_an_error_and_no_more() {
    let story = offering();
    let url = story.server.url("/").replace("http://", "https://");
    let error = story.fails_safely(&story.app_at(&url, quick_options()));
    let text = error.to_string();
    assert!(
        text.contains(&url) && text.contains("no secure connection") && text.contains("TLS"),
        "{text}"
    );
    assert!(error.hint().unwrap().contains("http://"));
}
