//! Which version starts, situation by situation.

use esky_format::name::AppVersion;
use esky_format::state::{Candidate, Held, Reason, Slot, Snapshot, Status, choose};

fn candidate(version: &str, complete: bool) -> Candidate {
    let directory = directory(version);
    let app = AppVersion::parse_directory(&directory).unwrap();
    Candidate {
        directory,
        app,
        in_appdata: false,
        complete,
    }
}

fn directory(version: &str) -> String {
    format!("demo-{version}.linux-x86_64")
}

fn snapshot(versions: &[&str], slot: Option<Slot>) -> Snapshot {
    let candidates = versions
        .iter()
        .map(|version| candidate(version, true))
        .collect();
    Snapshot {
        slots: [None, slot],
        candidates,
        ..Snapshot::default()
    }
}

fn order(snapshot: &Snapshot) -> Vec<(&str, Reason)> {
    let version = |index: usize| snapshot.candidates[index].app.version.as_str();
    choose(snapshot)
        .into_iter()
        .map(|choice| (version(choice.candidate), choice.reason))
        .collect()
}

fn good(version: &str) -> Slot {
    Slot::good(4, directory(version))
}

fn trial(version: &str, fallback: &str) -> Slot {
    Slot {
        status: Status::Trial,
        fallback: Some(directory(fallback)),
        ..good(version)
    }
}

fn hold(slot: &mut Slot, version: &str) {
    slot.held.push(Held {
        version: version.into(),
        reason: "did not start".into(),
        time: 1,
    });
}

#[test]
fn without_a_record_the_newest_complete_one_starts() {
    let mut on_disk = snapshot(&["0.9", "0.10", "0.2"], None);
    on_disk.candidates.push(candidate("0.11", false));
    let expected = [
        ("0.10", Reason::Newest),
        ("0.9", Reason::Another),
        ("0.2", Reason::Another),
        ("0.11", Reason::Partial),
    ];
    assert_eq!(order(&on_disk), expected);
}

#[test]
fn a_single_half_installed_version_starts() {
    let on_disk = Snapshot {
        candidates: vec![candidate("1.0", false)],
        ..Snapshot::default()
    };
    assert_eq!(order(&on_disk), [("1.0", Reason::Partial)]);
}

#[test]
fn the_recorded_version_starts_although_a_held_one_is_newer() {
    let mut slot = good("1.0");
    hold(&mut slot, "1.1");
    let on_disk = snapshot(&["1.1", "1.0", "0.9"], Some(slot));
    assert_eq!(
        order(&on_disk),
        [
            ("1.0", Reason::Current),
            ("0.9", Reason::Another),
            ("1.1", Reason::Failed)
        ]
    );
}

#[test]
fn a_newer_version_put_by_an_old_client_starts() {
    let on_disk = snapshot(&["1.0", "1.1"], Some(good("1.0")));
    assert_eq!(
        order(&on_disk),
        [("1.1", Reason::NewerThanRecorded), ("1.0", Reason::Current)]
    );
}

#[test]
fn a_newer_version_does_not_start_when_it_is_unfinished_unwanted_or_of_another_app() {
    let mut unfinished = snapshot(&["1.0"], Some(good("1.0")));
    unfinished.candidates.push(candidate("1.1", false));
    let skipped = snapshot(
        &["1.0", "1.1"],
        Some(Slot {
            skipped: vec!["1.1".into()],
            ..good("1.0")
        }),
    );
    let pinned = snapshot(
        &["1.0", "1.1"],
        Some(Slot {
            pinned: Some("1.0".into()),
            ..good("1.0")
        }),
    );
    let mut other = snapshot(&["1.0", "1.1"], Some(good("1.0")));
    other.candidates[1].app.name = "other".into();
    for on_disk in [unfinished, skipped, pinned, other] {
        assert_eq!(order(&on_disk)[0], ("1.0", Reason::Current));
    }
}

#[test]
fn the_fallback_comes_before_other_versions() {
    let mut slot = good("1.0");
    slot.fallback = Some(directory("0.8"));
    let on_disk = snapshot(&["0.9", "0.8"], Some(slot));
    assert_eq!(
        order(&on_disk),
        [("0.8", Reason::Fallback), ("0.9", Reason::Another)]
    );
}

#[test]
fn a_trial_is_counted_until_it_is_confirmed() {
    let mut on_disk = snapshot(&["1.0", "1.1"], Some(trial("1.1", "1.0")));
    assert_eq!(order(&on_disk)[0], ("1.1", Reason::OnTrial));
    assert_eq!(choose(&on_disk)[0].counts_try, Some(4));
    assert_eq!(choose(&on_disk)[1].counts_try, None);
    on_disk.confirmed = true;
    assert_eq!(order(&on_disk)[0], ("1.1", Reason::Current));
    assert_eq!(choose(&on_disk)[0].counts_try, None);
}

#[test]
fn after_too_many_tries_the_fallback_starts() {
    let mut on_disk = snapshot(&["1.0", "1.1"], Some(trial("1.1", "1.0")));
    on_disk.tries = 3;
    assert_eq!(
        order(&on_disk),
        [("1.0", Reason::Fallback), ("1.1", Reason::Failed)]
    );
}

#[test]
fn a_second_instance_is_no_failed_try() {
    let mut on_disk = snapshot(&["1.0", "1.1"], Some(trial("1.1", "1.0")));
    (on_disk.tries, on_disk.live) = (3, true);
    assert_eq!(order(&on_disk)[0], ("1.1", Reason::OnTrial));
    assert_eq!(choose(&on_disk)[0].counts_try, None);
}

#[test]
fn the_same_version_in_both_layouts_starts_from_appdata() {
    let mut on_disk = snapshot(&["1.0", "1.0"], None);
    on_disk.candidates[1].in_appdata = true;
    assert_eq!(choose(&on_disk)[0].candidate, 1);
}

#[test]
fn nothing_on_disk_is_nothing_to_start() {
    assert_eq!(choose(&snapshot(&[], Some(good("1.0")))), []);
}
