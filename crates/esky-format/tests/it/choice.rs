//! Which version starts, situation by situation.

use esky_format::name::AppVersion;
use esky_format::state::{
    Candidate, Held, Marks, Reason, Slot, Snapshot, Status, Trial, TrialState, choose, settle,
    trial_state,
};

fn candidate(version: &str, complete: bool) -> Candidate {
    let directory = directory(version);
    let app = AppVersion::parse_directory(&directory).unwrap();
    Candidate {
        directory,
        app,
        in_appdata: false,
        complete,
        obstacle: None,
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

const TRIAL: Trial = Trial {
    id: 3,
    max_tries: 3,
    confirm_after: 60,
    watched: false,
};

fn trial(version: &str, fallback: &str) -> Slot {
    Slot {
        status: Status::Trial(TRIAL),
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
fn a_start_belongs_to_the_trial_until_it_is_confirmed() {
    let mut on_disk = snapshot(&["1.0", "1.1"], Some(trial("1.1", "1.0")));
    assert_eq!(order(&on_disk)[0], ("1.1", Reason::OnTrial));
    assert_eq!(choose(&on_disk)[0].trial, Some(TRIAL));
    assert_eq!(choose(&on_disk)[1].trial, None);
    on_disk.marks.confirmed = true;
    assert_eq!(order(&on_disk)[0], ("1.1", Reason::Current));
    assert_eq!(choose(&on_disk)[0].trial, None);
}

#[test]
fn after_too_many_tries_the_fallback_starts() {
    let mut on_disk = snapshot(&["1.0", "1.1"], Some(trial("1.1", "1.0")));
    on_disk.marks.tries = 3;
    let expected = [("1.0", Reason::Fallback), ("1.1", Reason::Failed)];
    assert_eq!(order(&on_disk), expected);
}

#[test]
fn after_a_failed_launch_the_fallback_starts_at_once() {
    let mut on_disk = snapshot(&["1.0", "1.1"], Some(trial("1.1", "1.0")));
    on_disk.marks = Marks::parse(b"sf", false);
    assert_eq!(order(&on_disk)[0], ("1.0", Reason::Fallback));
}

#[test]
fn a_version_that_failed_and_is_confirmed_after_all_stays() {
    let mut on_disk = snapshot(&["1.0", "1.1"], Some(trial("1.1", "1.0")));
    on_disk.marks = Marks::parse(b"sss", true);
    assert_eq!(order(&on_disk)[0], ("1.1", Reason::Current));
    assert_eq!(settle(&on_disk, 9), None);
}

#[test]
fn while_an_instance_is_running_its_trial_has_not_failed() {
    let mut on_disk = snapshot(&["1.0", "1.1"], Some(trial("1.1", "1.0")));
    (on_disk.marks.tries, on_disk.live) = (3, true);
    assert_eq!(order(&on_disk)[0], ("1.1", Reason::OnTrial));
    assert_eq!(trial_state(&on_disk), TrialState::Running(TRIAL));
}

#[test]
fn settling_a_failed_trial_records_the_fallback_and_holds_the_version() {
    let mut on_disk = snapshot(&["0.9", "1.0", "1.1"], Some(trial("1.1", "1.0")));
    on_disk.marks.tries = 3;
    let settled = settle(&on_disk, 1234).unwrap();
    assert_eq!((settled.seq, settled.status), (5, Status::Good));
    assert_eq!(settled.current, directory("1.0"));
    assert_eq!(settled.fallback, Some(directory("0.9")));
    assert!(settled.is_held("1.1"));
    let undone = settled.last_rollback.clone().unwrap();
    assert_eq!((undone.version.as_str(), undone.time), ("1.1", 1234));
    on_disk.slots = [None, Some(settled)];
    assert_eq!(settle(&on_disk, 99), None, "twice is once");
    assert_eq!(order(&on_disk)[0], ("1.0", Reason::Current));
}

#[test]
fn going_back_does_not_stop_at_a_version_in_between() {
    let mut on_disk = snapshot(&["1.0", "1.1", "1.2"], Some(trial("1.2", "1.0")));
    on_disk.marks.tries = 3;
    assert_eq!(order(&on_disk)[0].0, "1.0");
    on_disk.slots = [None, settle(&on_disk, 1)];
    assert_eq!(order(&on_disk)[0], ("1.0", Reason::Current));
}

#[test]
fn a_failed_trial_with_nothing_to_go_back_to_is_left_as_it_is() {
    let mut on_disk = snapshot(&["1.1"], Some(trial("1.1", "1.0")));
    on_disk.marks.tries = 3;
    assert_eq!(settle(&on_disk, 1), None);
    assert_eq!(order(&on_disk), [("1.1", Reason::Failed)]);
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
