//! The client workflow: its requests, its cache, and servers that attack it.

use std::fs;
use std::time::Duration;

use esky::{Error, HttpFault, Monitor, RetryPolicy};
use esky_testkit::repository::{Vendor, now};
use esky_testkit::server::Fault;
use esky_trust::{Mismatch, Role};

use crate::signed::Signed;

const PATH: &str = "app/stable/linux/app-1.zip";

#[test]
fn a_new_client_asks_for_each_file_once_and_an_up_to_date_one_for_two() {
    let mut signed = Signed::new();
    signed.offer(PATH, b"content");
    assert_eq!(signed.get(PATH).unwrap().unwrap(), b"content");
    let target = Signed::url_path(PATH, b"content");
    let expected = [
        "/metadata/2.root.json",
        "/metadata/timestamp.json",
        "/metadata/2.snapshot.json",
        "/metadata/2.targets.json",
        &target,
    ];
    assert_eq!(signed.requests(0), expected);
    assert_eq!(signed.get(PATH).unwrap().unwrap(), b"content");
    assert_eq!(
        signed.requests(5),
        ["/metadata/2.root.json", "/metadata/timestamp.json"]
    );
    let bytes: u64 = signed.server.seen()[5..]
        .iter()
        .map(|request| request.sent)
        .sum();
    assert!(bytes <= 20_000, "{bytes}");
}

#[test]
fn without_consistent_snapshots_files_have_their_plain_names() {
    let mut signed = Signed::new();
    signed.vendor.root.consistent_snapshot = false;
    signed.vendor.publish_root();
    signed.vendor.delegate("targets", "a/../b", &["*"], false);
    signed.offer("x", b"content");
    signed.server.page("/targets/x", "content");
    assert_eq!(signed.get("x").unwrap().unwrap(), b"content");
    assert_eq!(signed.get("nonexistent target").unwrap(), None);
    let requests = signed.requests(0);
    assert!(requests.contains(&"/metadata/snapshot.json".to_owned()));
    assert!(
        requests.contains(&"/metadata/a%2F..%2Fb.json".to_owned()),
        "{requests:?}"
    );
    assert!(signed.cached().contains_key("a%2F..%2Fb.json"));
}

#[test]
fn the_cache_holds_the_bytes_as_they_were_received() {
    let mut signed = Signed::new();
    signed.vendor.rotate(Role::Root);
    let second = signed.vendor.publish_root();
    signed.serve();
    signed.refresh().unwrap();
    let cached = signed.cached();
    assert_eq!(cached["root.json"], second);
    for role in ["snapshot", "targets"] {
        assert_eq!(cached[&format!("{role}.json")], signed.vendor.file(role, 1));
    }
    assert_eq!(
        cached["timestamp.json"],
        signed.vendor.files["timestamp.json"]
    );
    assert_eq!(signed.repository().last_refresh(), Some(now()));
}

#[test]
fn a_tampered_cache_is_an_absent_cache() {
    let mut signed = Signed::new();
    signed.vendor.rotate(Role::Root);
    signed.vendor.publish_root();
    signed.serve();
    signed.refresh().unwrap();
    let good = signed.cached();
    let stranger = Vendor::new();
    for name in [
        "root.json",
        "timestamp.json",
        "snapshot.json",
        "targets.json",
        "root_history/2.root.json",
    ] {
        let path = signed.cache().join(name);
        let foreign = match name {
            "timestamp.json" => stranger.files["timestamp.json"].clone(),
            name => {
                let role = name.trim_end_matches(".json").rsplit(['/', '.']).next();
                stranger.file(role.unwrap(), 1).to_vec()
            }
        };
        for spoilt in [&b""[..], b"{}", &foreign, &good["root.json"][..99]] {
            fs::write(&path, spoilt).unwrap();
            signed.refresh().unwrap();
            assert_eq!(signed.cached(), good, "{name}");
        }
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        let refreshed = signed.refresh();
        assert!(matches!(refreshed, Err(Error::Disk(_)) | Ok(_)), "{name}");
        fs::remove_dir(&path).unwrap();
        signed.refresh().unwrap();
        assert_eq!(signed.cached(), good, "{name}");
    }
}

#[test]
fn a_root_of_the_attackers_own_in_the_cache_is_not_believed() {
    let signed = Signed::new();
    signed.refresh().unwrap();
    let mut attacker = Vendor::new();
    for version in 2..5 {
        attacker.root.version = version;
        let bytes = attacker.publish_root();
        fs::create_dir_all(signed.cache().join("root_history")).unwrap();
        fs::write(
            signed
                .cache()
                .join(format!("root_history/{version}.root.json")),
            &bytes,
        )
        .unwrap();
        fs::write(signed.cache().join("root.json"), &bytes).unwrap();
    }
    let repository = signed.refresh().unwrap();
    assert!(repository.targets().is_some());
    assert_eq!(signed.cached()["root.json"], signed.pinned);
}

#[test]
fn expired_metadata_says_since_when_nothing_could_be_checked() {
    let mut signed = Signed::new();
    signed.vendor.timestamp.expires = now().plus_days(45);
    signed.vendor.publish_timestamp();
    signed.serve();
    signed.refresh().unwrap();
    signed.now = now().plus_days(46);
    let error = signed.refresh().unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, Error::Stale { .. }), "{text}");
    assert!(
        text.starts_with("cannot check for updates: timestamp metadata expired on "),
        "{text}"
    );
    assert!(
        text.contains(&format!("last checked on {}", now())),
        "{text}"
    );
    assert!(error.hint().is_some());
    for days in [0, 44] {
        signed.now = now().plus_days(days);
        signed.refresh().unwrap();
    }
}

#[test]
fn a_server_without_answers_changes_nothing() {
    for code in [404, 403, 500, 503] {
        let mut signed = Signed::new();
        signed.refresh().unwrap();
        signed
            .server
            .fault("/metadata/timestamp.json", Fault::Status(code));
        let error = signed.refuses();
        let is_status = |fault: &HttpFault| matches!(fault, HttpFault::Status { code: found, .. } if *found == code);
        assert!(
            matches!(&error, Error::Http { fault, .. } if is_status(fault)),
            "{error}"
        );
    }
}

#[test]
fn a_root_that_is_withheld_with_an_error_is_not_taken_for_absent() {
    let mut signed = Signed::new();
    signed.refresh().unwrap();
    signed
        .server
        .fault("/metadata/2.root.json", Fault::Status(500));
    signed.vendor.files.insert("2.root.json".into(), Vec::new());
    let before = signed.cached();
    assert!(matches!(signed.refresh(), Err(Error::Http { .. })));
    assert_eq!(signed.cached(), before);
}

#[test]
fn endless_metadata_is_cut_off() {
    for name in [
        "2.root.json",
        "timestamp.json",
        "101.snapshot.json",
        "101.targets.json",
    ] {
        let mut signed = Signed::new();
        signed.refresh().unwrap();
        signed.vendor.publish_later(99);
        signed.serve();
        let path = format!("/metadata/{name}");
        signed.server.fault(&path, Fault::Endless(1 << 30));
        let error = signed.refresh().unwrap_err();
        let is_large = |fault: &HttpFault| matches!(fault, HttpFault::TooLarge { .. });
        assert!(
            matches!(&error, Error::Http { fault, .. } if is_large(fault)),
            "{name}: {error}"
        );
        assert!(signed.server.sent_at(&path) < 64 << 20, "{name}");
        signed.server.heal(&path);
        signed.heal();
        if name != "2.root.json" {
            signed.refresh().unwrap();
        }
    }
}

/// Three attempts without pauses.
const RETRY: RetryPolicy = RetryPolicy {
    attempts: 3,
    first_delay: Duration::ZERO,
    longest_delay: Duration::ZERO,
};

#[test]
fn any_file_of_metadata_survives_faults_that_pass() {
    let faults = [
        Fault::Status(503),
        Fault::RetryAfter(429, 0),
        Fault::Status(500),
        Fault::Status(408),
        Fault::CloseAfter(0),
        Fault::CloseAfter(20),
        Fault::Reset,
    ];
    for name in ["2.root", "timestamp", "101.snapshot", "101.targets"] {
        for fault in &faults {
            let mut signed = Signed::new();
            signed.retry = RETRY;
            signed.vendor.publish_root();
            signed.vendor.publish_later(99);
            signed.serve();
            let path = format!("/metadata/{name}.json");
            signed.server.fault_once(&path, fault.clone());
            signed.server.fault_once(&path, fault.clone());
            let refreshed = signed.refresh();
            assert!(refreshed.is_ok(), "{name}, {fault:?}: {refreshed:?}");
            assert_eq!(signed.server.seen_at(&path).len(), 3, "{name}, {fault:?}");
        }
    }
}

#[test]
fn faults_of_metadata_that_stay_are_given_up() {
    let mut signed = Signed::new();
    signed.retry = RETRY;
    signed.refresh().unwrap();
    let path = "/metadata/timestamp.json";
    let before = signed.server.seen_at(path).len();
    signed.server.fault(path, Fault::Status(503));
    signed.refresh().unwrap_err();
    assert_eq!(signed.server.seen_at(path).len() - before, 3);
}

#[test]
fn metadata_that_breaks_off_is_gone_on_with() {
    let mut signed = Signed::new();
    signed.retry = RETRY;
    for number in 0..500 {
        signed
            .vendor
            .add_target(&format!("{PATH}{number}"), b"content");
    }
    signed.vendor.publish_targets();
    signed.serve();
    let path = "/metadata/2.targets.json";
    let size = signed.vendor.file("targets", 2).len() as u64;
    signed.server.fault(path, Fault::CloseAfter(20_000));
    signed.refresh().unwrap();
    assert_eq!(signed.server.sent_at(path), size);
}

#[test]
fn metadata_cut_off_on_the_way_is_refused() {
    for fault in [
        Fault::CloseAfter(20),
        Fault::ShortBy(5),
        Fault::Redirect("/metadata/timestamp.json".into()),
    ] {
        let mut signed = Signed::new();
        signed.refresh().unwrap();
        signed.server.fault("/metadata/timestamp.json", fault);
        let error = signed.refuses();
        assert!(matches!(error, Error::Http { .. }), "{error}");
    }
}

#[test]
fn a_redirect_off_the_web_is_refused() {
    for to in [
        "file:///etc/passwd",
        "ftp://127.0.0.1/timestamp.json",
        "data:,{}",
    ] {
        let mut signed = Signed::new();
        signed.refresh().unwrap();
        signed
            .server
            .fault("/metadata/timestamp.json", Fault::Redirect(to.into()));
        let error = signed.refuses();
        let is_insecure = |fault: &HttpFault| matches!(fault, HttpFault::InsecureRedirect { .. });
        assert!(
            matches!(&error, Error::Http { fault, .. } if is_insecure(fault)),
            "{error}"
        );
    }
}

#[test]
fn forged_metadata_from_a_stolen_server_is_refused() {
    let mut signed = Signed::new();
    signed.offer(PATH, b"content");
    signed.refresh().unwrap();
    let mut attacker = Vendor::new();
    attacker.add_target(PATH, b"evil");
    attacker.publish_later(5);
    signed.serve_files(&attacker.files);
    let error = signed.refuses();
    let is_unsigned =
        |source: &esky_trust::Error| matches!(source, esky_trust::Error::NotSigned { .. });
    assert!(
        matches!(&error, Error::Untrusted { source, .. } if is_unsigned(source)),
        "{error}"
    );
}

#[test]
fn a_replayed_timestamp_is_refused_across_runs() {
    let mut signed = Signed::new();
    let old = signed.vendor.files.clone();
    signed.vendor.publish_timestamp();
    signed.serve();
    signed.refresh().unwrap();
    signed.serve_files(&old);
    let error = signed.refuses();
    let is_rollback =
        |source: &esky_trust::Error| matches!(source, esky_trust::Error::Rollback { .. });
    assert!(
        matches!(&error, Error::Untrusted { source, .. } if is_rollback(source)),
        "{error}"
    );
}

#[test]
fn a_target_that_was_exchanged_or_changed_never_gets_its_name() {
    let content = b"what was signed";
    let mut spoilt = vec![
        b"what was signeD".to_vec(),
        b"what was".to_vec(),
        b"what was signed, and more".to_vec(),
        Vec::new(),
    ];
    for bit in 0..8 {
        let mut flipped = content.to_vec();
        flipped[3] ^= 1 << bit;
        spoilt.push(flipped);
    }
    let mut signed = Signed::new();
    signed.offer(PATH, content);
    for bytes in spoilt {
        signed.server.page(&Signed::url_path(PATH, content), bytes);
        let error = signed.get(PATH).unwrap_err();
        let is_mismatch =
            |source: &esky_trust::Error| matches!(source, esky_trust::Error::Mismatch { .. });
        assert!(
            matches!(&error, Error::Untrusted { source, .. } if is_mismatch(source)),
            "{error}"
        );
        let left = fs::read_dir(signed.destination().parent().unwrap())
            .unwrap()
            .count();
        assert_eq!(left, 1, "only the cache is there");
    }
    signed
        .server
        .page(&Signed::url_path(PATH, content), &content[..]);
    assert_eq!(signed.get(PATH).unwrap().unwrap(), content);
}

#[test]
fn an_endless_target_is_cut_off_at_its_signed_length() {
    let mut signed = Signed::new();
    signed.offer(PATH, b"content");
    let url = Signed::url_path(PATH, b"content");
    signed.server.fault(&url, Fault::Endless(1 << 30));
    let error = signed.get(PATH).unwrap_err();
    let is_long = |source: &esky_trust::Error| {
        matches!(
            source,
            esky_trust::Error::Mismatch {
                mismatch: Mismatch::TooLong { .. },
                ..
            }
        )
    };
    assert!(
        matches!(&error, Error::Untrusted { source, .. } if is_long(source)),
        "{error}"
    );
    assert!(signed.server.sent_at(&url) < 64 << 20);
}

#[test]
fn a_target_that_is_there_already_is_fetched_again_only_if_it_is_another() {
    let mut signed = Signed::new();
    signed.offer(PATH, b"content");
    let url = Signed::url_path(PATH, b"content");
    signed.get(PATH).unwrap();
    signed.get(PATH).unwrap();
    assert_eq!(signed.server.seen_at(&url).len(), 1);
    fs::write(signed.destination(), b"Content").unwrap();
    assert_eq!(signed.get(PATH).unwrap().unwrap(), b"content");
    assert_eq!(signed.server.seen_at(&url).len(), 2);
}

#[test]
fn names_that_could_be_paths_are_not_even_looked_up() {
    let mut signed = Signed::new();
    let monitor = Monitor::silent();
    for name in [
        "../../x",
        "/etc/passwd",
        "a\\..\\b",
        "a\0b",
        "dir/NUL",
        "a.zip:stream",
        "a/./b",
        "",
    ] {
        signed.vendor.add_target(name, b"evil");
    }
    signed.vendor.publish_targets();
    signed.serve();
    let mut repository = signed.refresh().unwrap();
    for name in signed.vendor.targets.targets.keys() {
        let error = repository.find_target(name, &monitor).unwrap_err();
        assert!(matches!(error, Error::TargetName { .. }), "{error}");
        assert!(!error.to_string().contains('\0'));
    }
}

#[test]
fn nothing_is_found_before_or_after_a_failed_refresh() {
    let mut signed = Signed::new();
    signed.offer(PATH, b"content");
    let monitor = Monitor::silent();
    let mut repository = signed.repository();
    assert!(matches!(
        repository.find_target(PATH, &monitor),
        Err(Error::NotRefreshed)
    ));
    repository.refresh(signed.now, &monitor).unwrap();
    assert!(repository.find_target(PATH, &monitor).unwrap().is_some());
    signed
        .server
        .fault("/metadata/timestamp.json", Fault::Status(500));
    repository.refresh(signed.now, &monitor).unwrap_err();
    assert!(matches!(
        repository.find_target(PATH, &monitor),
        Err(Error::NotRefreshed)
    ));
}

#[test]
fn a_cancelled_refresh_changes_nothing() {
    let signed = Signed::new();
    let monitor = Monitor::silent();
    monitor.cancel.cancel();
    let mut repository = signed.repository();
    let refreshed = repository.refresh(signed.now, &monitor);
    assert!(matches!(refreshed, Err(Error::Cancelled)));
    assert!(signed.server.seen().is_empty());
}
