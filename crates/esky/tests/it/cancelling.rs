//! Stopping an update at every stage. The time limits of the connection are set to hours: only cancelling can end
//! these tests.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use esky::{CancelToken, Error, Event, HttpOptions, Monitor, RetryPolicy};
use esky_testkit::apps::Release;
use esky_testkit::server::Fault;

use crate::story::{Story, quick_options};

const HOURS: Duration = Duration::from_secs(7200);

fn patient() -> HttpOptions {
    HttpOptions {
        read_timeout: HOURS,
        connect_timeout: HOURS,
        ..quick_options()
    }
}

/// A monitor that cancels its own work when `when` says so.
fn cancelling(when: impl Fn(&Event) -> bool + Send + Sync + 'static) -> Monitor {
    let token = CancelToken::new();
    let own = token.clone();
    Monitor::new(move |event| {
        if when(event) {
            own.cancel();
        }
    })
    .with_cancel(token)
}

fn assert_cancelled(story: &Story, options: HttpOptions, monitor: &Monitor) {
    let result = story.app_with(options).auto_update(monitor);
    assert!(matches!(result, Err(Error::Cancelled)), "{result:?}");
    story.assert_old_version_stands();
}

fn offering() -> Story {
    let story = Story::new();
    story.place.offer(&Release::new("1.1").size(400_000));
    story
}

#[test]
fn a_token_cancelled_before_stops_at_once() {
    let monitor = Monitor::silent();
    monitor.cancel.cancel();
    assert_cancelled(&offering(), patient(), &monitor);
}

#[test]
fn cancelling_while_the_server_stalls_in_the_middle_of_a_package() {
    let story = offering();
    story
        .server
        .fault(&story.package_path("1.1"), Fault::StallAfter(1000));
    let monitor = cancelling(|event| matches!(event, Event::Downloading { received: 1000, .. }));
    assert_cancelled(&story, patient(), &monitor);
    assert!(
        story
            .downloads()
            .join(format!("{}.part", &story.package_path("1.1")[1..]))
            .exists()
    );
}

#[test]
fn cancelling_while_the_server_does_not_even_answer() {
    let story = Arc::new(offering());
    story.server.fault("/", Fault::StallAtOnce);
    let monitor = Monitor::silent();
    let token = monitor.cancel.clone();
    let watched = Arc::clone(&story);
    let canceller = thread::spawn(move || {
        while watched.server.seen().is_empty() {
            thread::yield_now();
        }
        token.cancel();
    });
    assert_cancelled(&story, patient(), &monitor);
    canceller.join().unwrap();
}

#[test]
fn cancelling_during_the_pause_before_another_attempt() {
    let story = offering();
    story.server.fault("/", Fault::RetryAfter(503, 7200));
    let mut options = patient();
    options.retry = RetryPolicy {
        attempts: 2,
        first_delay: HOURS,
        longest_delay: HOURS,
    };
    let monitor = cancelling(|event| matches!(event, Event::Retrying { .. }));
    assert_cancelled(&story, options, &monitor);
}

#[test]
fn cancelling_while_unpacking() {
    let monitor = cancelling(|event| matches!(event, Event::Unpacking { .. }));
    let story = offering();
    assert_cancelled(&story, patient(), &monitor);
    assert!(!story.version_dir("1.1").exists());
}

#[test]
fn cancelling_before_installing() {
    let story = offering();
    let monitor = cancelling(|event| matches!(event, Event::Ready { .. }));
    let result = story.app_with(patient()).auto_update(&monitor);
    assert!(matches!(result, Err(Error::Cancelled)));
    let app = story.app();
    assert_eq!(app.version(), "1.0");
    app.install_version("1.1", &Monitor::silent()).unwrap();
    story.assert_updated_to("1.1");
}
