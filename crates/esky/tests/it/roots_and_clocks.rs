//! Chains of roots that are longer than anybody's, and clocks that were set back.

use std::sync::Mutex;

use esky::trust::Time;
use esky::{Error, Event, Monitor};
use esky_testkit::repository::now;

use crate::signed::Signed;
use crate::story::recording;

#[test]
fn a_long_chain_of_roots_is_followed_to_its_end() {
    let mut signed = Signed::new();
    for _ in 0..70 {
        signed.vendor.publish_root();
    }
    signed.serve();
    signed.refresh().unwrap();
    assert_eq!(signed.requests(0).len(), 70 + 1 + 3);
}

#[test]
fn a_root_in_the_middle_of_a_chain_is_never_taken_for_the_newest() {
    let mut signed = Signed::new();
    for _ in 0..515 {
        signed.vendor.publish_root();
    }
    signed.serve();
    let error = signed.refresh().unwrap_err();
    assert!(
        matches!(
            error,
            Error::MoreRoots {
                followed: 512,
                reached: 513
            }
        ),
        "{error}"
    );
    assert!(error.to_string().contains("the next check continues"));
    assert_eq!(
        signed.requests(0).len(),
        512 + 1,
        "nothing else was asked for"
    );
    signed.refresh().unwrap();
    assert_eq!(signed.requests(513).len(), 3 + 1 + 3);
}

/// What was told of clocks: what they said, and when the check before was.
fn clocks_behind(events: &Mutex<Vec<Event>>) -> Vec<(Time, Time)> {
    let events = events.lock().unwrap();
    let told = events.iter().filter_map(|event| match event {
        Event::ClockBehind { now, last_check } => Some((*now, *last_check)),
        _ => None,
    });
    told.collect()
}

fn refresh(signed: &Signed, monitor: &Monitor) {
    signed.repository().refresh(signed.now, monitor).unwrap();
}

#[test]
fn a_clock_that_was_set_back_does_not_stop_updates_and_is_told_once() {
    let mut signed = Signed::new();
    let (monitor, events) = recording();
    refresh(&signed, &monitor);
    assert_eq!(clocks_behind(&events), []);
    let earlier = Time::from_unix(now().to_unix() - 315_360_000);
    signed.now = earlier;
    refresh(&signed, &monitor);
    assert_eq!(clocks_behind(&events), [(earlier, now())]);
    refresh(&signed, &monitor);
    assert_eq!(clocks_behind(&events).len(), 1);
}

#[test]
fn metadata_that_has_expired_by_a_clock_that_was_set_back_points_to_the_clock() {
    let mut signed = Signed::new();
    signed.now = now().plus_days(40);
    signed.refresh().unwrap();
    signed.vendor.timestamp.expires = now();
    signed.vendor.publish_timestamp();
    signed.serve();
    signed.now = now().plus_days(20);
    let error = signed.refresh().unwrap_err();
    let Error::ClockBehind {
        last_check, source, ..
    } = &error
    else {
        panic!("{error}");
    };
    assert_eq!(*last_check, now().plus_days(40));
    assert!(matches!(**source, Error::Stale { .. }), "{source}");
    assert!(error.times().contains(last_check));
    assert!(error.hint().unwrap().contains("date"));
}
