//! Servers that misbehave.

use std::fs;

use esky::Monitor;
use esky_testkit::apps::{self, Release};
use esky_testkit::server::Fault;

use crate::story::{Story, quick_options, recording, retries};

fn offering(size: usize) -> Story {
    let story = Story::new();
    story.place.offer(&Release::new("1.1").size(size));
    story
}

#[test]
fn a_server_that_always_closes_early_is_given_up() {
    let story = offering(50_000);
    let path = story.package_path("1.1");
    story.server.fault(&path, Fault::CloseAfter(0));
    story.fails_saying(&[&story.server.url(&path), "the connection ended after 0 of"]);
    assert_eq!(
        story.server.seen_at(&path).len(),
        3,
        "as many attempts as the policy says"
    );
}

#[test]
fn a_server_that_sends_less_than_it_said_is_refused() {
    let story = offering(1000);
    let path = story.package_path("1.1");
    story
        .server
        .fault(&path, Fault::ShortBy(10))
        .fault_once(&path, Fault::ShortBy(10));
    story.fails_saying(&[&story.server.url(&path)]);
}

#[test]
fn a_server_that_sends_more_than_it_said_is_refused() {
    let story = offering(1000);
    let path = story.package_path("1.1");
    story.server.fault(&path, Fault::ExtraBytes(7));
    story.fails_saying(&[&story.server.url(&path), "sent more than the"]);
    assert_eq!(fs::read_dir(story.downloads()).unwrap().count(), 0);
}

#[test]
fn a_listing_longer_than_it_said_is_refused() {
    let story = offering(1000);
    story.server.fault("/", Fault::ExtraBytes(7));
    story.fails_saying(&[&story.server.url("/"), "sent more than the"]);
}

#[test]
fn redirects_in_a_loop_are_refused() {
    let story = offering(1000);
    story.server.fault("/", Fault::Redirect("/b".into()));
    story.server.fault("/b", Fault::Redirect("/".into()));
    story.fails_saying(&[&story.server.url("/b"), "redirects in a loop"]);
}

#[test]
fn endless_redirects_are_refused() {
    let story = offering(1000);
    story.server.fault("/", Fault::Redirect("/0".into()));
    for step in 0..20 {
        let next = format!("/{}", step + 1);
        story
            .server
            .fault(&format!("/{step}"), Fault::Redirect(next));
    }
    story.fails_saying(&["redirects more than 10 times"]);
}

#[test]
fn a_package_that_is_not_there_is_named() {
    let story = offering(1000);
    let path = story.package_path("1.1");
    story.server.fault(&path, Fault::Status(404));
    story.fails_saying(&[&story.server.url(&path), "404 (not found)"]);
    assert_eq!(
        story.server.seen_at(&path).len(),
        1,
        "asking again would not help"
    );
}

#[test]
fn a_listing_that_is_not_there_is_named() {
    let story = offering(1000);
    story.server.fault("/", Fault::Status(404));
    let error = story.fails_saying(&[&story.server.url("/"), "404 (not found)"]);
    assert!(error.hint().unwrap().contains("address"));
}

#[test]
fn a_server_with_an_internal_error_is_asked_again_and_then_given_up() {
    let story = offering(1000);
    let path = story.package_path("1.1");
    story.server.fault(&path, Fault::Status(500));
    story.fails_saying(&[&story.server.url(&path), "500 (internal server error)"]);
    assert_eq!(story.server.seen_at(&path).len(), 3);
}

#[test]
fn a_passing_error_is_waited_out() {
    let story = offering(1000);
    let path = story.package_path("1.1");
    story.server.fault_once("/", Fault::Status(503));
    story
        .server
        .fault_once(&path, Fault::RetryAfter(429, 0))
        .fault_once(&path, Fault::Status(500));
    let (monitor, events) = recording();
    story.app().auto_update(&monitor).unwrap();
    story.assert_updated_to("1.1");
    let causes = retries(&events);
    assert_eq!(causes.len(), 3);
    assert!(causes[1].contains("429") && causes[1].contains(&story.server.url(&path)));
}

#[test]
fn a_server_that_cannot_satisfy_any_range_is_named() {
    let story = offering(1000);
    let path = story.package_path("1.1");
    story.server.fault(&path, Fault::Status(416));
    story.fails_saying(&[&story.server.url(&path), "416 (range not satisfiable)"]);
}

#[test]
fn a_listing_that_is_binary_is_refused() {
    let story = offering(1000);
    story.server.page("/", apps::noise(10_000));
    story.fails_saying(&[&story.server.url("/"), "not text"]);
}

#[test]
fn a_listing_of_100_megabytes_is_refused() {
    let story = offering(1000);
    story.server.fault("/", Fault::Endless(100 << 20));
    story.fails_saying(&[&story.server.url("/"), "larger than the limit"]);
    assert!(
        story.server.sent_at("/") < 64 << 20,
        "it stops reading long before the end"
    );
}

#[test]
fn an_empty_listing_offers_nothing() {
    let story = Story::new();
    story.server.page("/", "");
    assert_eq!(story.app().find_update(&Monitor::silent()).unwrap(), None);
}

#[test]
fn a_server_that_is_not_there_is_named() {
    let story = offering(1000);
    let gone = esky_testkit::server::Server::empty();
    let url = gone.url("/");
    drop(gone);
    let error = story.fails_safely(&story.app_at(&url, quick_options()));
    assert!(error.to_string().contains(&url), "{error}");
    assert!(error.hint().unwrap().contains("network"));
}

#[test]
fn a_slow_server_is_put_up_with() {
    let story = Story::new();
    story.place.offer(&Release::new("1.1").size(10));
    story
        .server
        .fault("/", Fault::Drip(std::time::Duration::ZERO));
    story.app().auto_update(&Monitor::silent()).unwrap();
    story.assert_updated_to("1.1");
}

#[test]
fn a_silent_server_is_given_up_after_the_time_limit() {
    let story = offering(1000);
    story.server.fault("/", Fault::StallAtOnce);
    let mut options = crate::story::single_attempt();
    options.read_timeout = std::time::Duration::from_millis(300);
    let error = story.fails_safely(&story.app_with(options));
    assert!(error.to_string().contains("timed out"), "{error}");
}

#[test]
fn a_server_that_says_no_length_is_believed_if_the_package_is_whole() {
    let story = offering(50_000);
    story
        .server
        .fault(&story.package_path("1.1"), Fault::NoLength);
    story.app().auto_update(&Monitor::silent()).unwrap();
    story.assert_updated_to("1.1");
}
