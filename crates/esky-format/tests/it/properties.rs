//! What must hold for any input.

use esky_format::file_list::{Entry, FileList, Kind, Limits};
use esky_format::name::{
    AppVersion, check_app_name, check_release, check_version, join_app_version, split_app_version,
};
use esky_format::path::{check_link, check_relative, check_visible};
use esky_format::settings::{Confirm, SelfTest, Settings};
use esky_format::start_files::{Obstacle, StartFault};
use esky_format::state::{
    Candidate, Choice, Held, Marks, Rollback, SLOT_SIZE, Slot, Snapshot, StartOrder, Status, Trial,
    choose, settle,
};
use esky_format::version::{compare, parse_version};
use esky_format::{manifest, relaunch};
use proptest::collection::{btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use std::collections::BTreeSet;

fn version() -> impl Strategy<Value = String> {
    prop_oneof![
        "[0-9.a-c-]{0,10}",
        "[0-9]{1,3}(\\.[0-9]{1,2}){0,3}((a|b|rc|dev|-|post)[0-9]?)?(\\+[0-9a-c.-]{0,6})?",
        any::<String>()
    ]
}

fn slot() -> impl Strategy<Value = Slot> {
    let held =
        (version(), any::<String>(), any::<u64>()).prop_map(|(version, reason, time)| Held {
            version,
            reason,
            time,
        });
    let undone =
        (version(), any::<String>(), any::<u64>()).prop_map(|(version, reason, time)| Rollback {
            version,
            reason,
            time,
        });
    let lists = (
        vec(held, 0..3),
        option::of(version()),
        vec(version(), 0..3),
        option::of(undone),
    );
    let numbers = (1..u64::MAX, any::<u32>(), option::of(trial()));
    (
        numbers,
        "[a-z]{1,5}-[0-9]\\.x",
        option::of(any::<String>()),
        lists,
    )
        .prop_map(|(numbers, current, fallback, lists)| {
            let (seq, minimum_bootstrap, trial) = numbers;
            let (held, pinned, skipped, last_rollback) = lists;
            let status = trial.map_or(Status::Good, Status::Trial);
            Slot {
                seq,
                status,
                current,
                fallback,
                held,
                pinned,
                skipped,
                minimum_bootstrap,
                last_rollback,
            }
        })
}

fn trial() -> impl Strategy<Value = Trial> {
    let numbers = (any::<u64>(), any::<u32>(), any::<u32>(), any::<bool>());
    numbers.prop_map(|(id, max_tries, confirm_after, watched)| Trial {
        id,
        max_tries,
        confirm_after,
        watched,
    })
}

fn marks() -> impl Strategy<Value = Marks> {
    let numbers = (0u32..5, any::<bool>(), any::<bool>());
    numbers.prop_map(|(tries, launch_failed, confirmed)| Marks {
        tries,
        launch_failed,
        confirmed,
    })
}

fn settings() -> impl Strategy<Value = Settings> {
    let confirm = prop_oneof![
        Just(Confirm::App),
        Just(Confirm::Bootstrap),
        Just(Confirm::Nobody)
    ];
    // Names that Windows reserves begin with other letters.
    let self_test = ("[d-k][a-z0-9 ]{0,8}[a-z]", 1u32..=3600)
        .prop_map(|(program, seconds)| SelfTest { program, seconds });
    (confirm, 1u32..=86_400, 1u32..=100, option::of(self_test)).prop_map(
        |(confirm, confirm_after, max_tries, self_test)| Settings {
            channel: self_test.is_some().then(|| "beta".into()),
            confirm,
            confirm_after,
            max_tries,
            self_test,
        },
    )
}

fn entries() -> impl Strategy<Value = Vec<Entry>> {
    let kind =
        prop_oneof![
            (0u32..0o1000, 0u64..1000, any::<[u8; 32]>())
                .prop_map(|(mode, size, sha256)| Kind::File { mode, size, sha256 }),
            (0u32..0o1000, 0u64..1000, any::<[u8; 32]>())
                .prop_map(|(mode, size, sha256)| Kind::Program { mode, size, sha256 }),
            (0u32..0o1000).prop_map(|mode| Kind::Directory { mode }),
            "[d-k][a-z %]{0,5}[a-z]".prop_map(|target| Kind::Symlink { target }),
        ];
    (btree_set("[a-z %é]{0,6}[b-d]", 0..12), vec(kind, 12)).prop_map(|(paths, kinds)| {
        paths
            .into_iter()
            .zip(kinds)
            .map(|(path, kind)| Entry { path, kind })
            .collect()
    })
}

fn candidates() -> impl Strategy<Value = Vec<Candidate>> {
    let obstacle = option::of(Just(Obstacle {
        path: "prog".into(),
        fault: StartFault::Missing,
    }));
    let one = ("[0-9]\\.[0-9]", any::<bool>(), any::<bool>(), obstacle).prop_map(
        |(version, in_appdata, complete, obstacle)| {
            let directory = format!("demo-{version}.x");
            let app = AppVersion::parse_directory(&directory).unwrap();
            Candidate {
                directory,
                app,
                in_appdata,
                complete,
                obstacle,
            }
        },
    );
    vec(one, 0..8)
}

proptest! {
    #[test]
    fn the_order_of_versions_is_total_and_consistent(one in version(), two in version(), three in version()) {
        prop_assert_eq!(compare(&one, &two), compare(&two, &one).reverse());
        prop_assert_eq!(compare(&one, &one), std::cmp::Ordering::Equal);
        if compare(&one, &two).is_le() && compare(&two, &three).is_le() {
            prop_assert!(compare(&one, &three).is_le());
        }
        prop_assert_eq!(compare(&one, &two).is_eq(), parse_version(&one) == parse_version(&two));
    }

    #[test]
    fn numbers_in_versions_compare_as_numbers(one in "[0-9]{1,20}", two in "[0-9]{1,20}") {
        let number = |text: &str| text.parse::<u128>().unwrap();
        let order = number(&one).cmp(&number(&two));
        prop_assert_eq!(compare(&one, &two), order);
        prop_assert_eq!(compare(&format!("2.{one}rc1"), &format!("2.{two}rc1")), order);
    }

    #[test]
    fn a_name_with_version_and_platform_joins_back(text in "[a-zé0-9._+-]{0,20}") {
        let (name, version, platform) = split_app_version(&text);
        if AppVersion::parse_directory(&text).is_some() {
            prop_assert_eq!(join_app_version(&name, &version, &platform), text);
        }
    }

    #[test]
    fn a_release_that_is_taken_is_read_back(name in "[a-z\u{e9}0-9 ._+()-]{0,12}", version in "[0-9a-c.+_-]{0,10}") {
        let platform = "linux-x86_64".to_owned();
        let app = AppVersion { name, version, platform };
        match check_release(&app) {
            Ok(()) => prop_assert_eq!(AppVersion::parse_directory(&app.directory_name()), Some(app)),
            Err(fault) => prop_assert!(fault.suggestion().is_none_or(|near| near != fault.text)),
        }
    }

    #[test]
    fn any_text_is_checked_and_what_is_suggested_is_taken(text in any::<String>()) {
        let near = check_app_name(&text).err().and_then(|fault| fault.suggestion());
        prop_assert_eq!(near.map_or(Ok(()), |near| check_app_name(&near)), Ok(()));
        let near = check_version(&text).err().and_then(|fault| fault.suggestion());
        prop_assert_eq!(near.map_or(Ok(()), |near| check_version(&near)), Ok(()));
    }

    #[test]
    fn no_text_makes_a_parser_panic(text in any::<String>(), other in any::<String>()) {
        let _ = (split_app_version(&text), parse_version(&text), check_visible(&text));
        let _ = (check_relative(&text), check_link(&text, &other), manifest::parse(text.as_bytes()));
    }

    #[test]
    fn no_bytes_make_a_parser_panic(bytes in vec(any::<u8>(), 0..600)) {
        let _ = (manifest::parse(&bytes), FileList::parse(&bytes, &Limits::default()), Slot::decode(&bytes));
        let mut page = bytes.clone();
        page.resize(SLOT_SIZE, b'\n');
        prop_assert!(Slot::decode(&page).is_none());
        let variables = bytes.split(|byte| *byte == 0).map(|name| (name, name));
        let _ = relaunch::clean(variables, relaunch::PrivateDirectories::default());
    }

    #[test]
    fn slots_survive_the_round_trip_and_notice_damage(slot in slot(), position in 0..SLOT_SIZE, flip in 1u8..=255) {
        if let Ok(bytes) = slot.encode() {
            prop_assert_eq!(Slot::decode(&bytes), Some(slot));
            let mut damaged = bytes;
            damaged[position] ^= flip;
            prop_assert_eq!(Slot::decode(&damaged), None);
            prop_assert_eq!(Slot::decode(&bytes[..position]), None);
        }
    }

    #[test]
    fn file_lists_survive_the_round_trip_and_notice_damage(entries in entries(), position in any::<prop::sample::Index>(), flip in 1u8..=255) {
        let app = AppVersion::parse_directory("demo-1.0.linux-x86_64").unwrap();
        let list = FileList { app, entries };
        let bytes = list.write().into_bytes();
        let parsed = FileList::parse(&bytes, &Limits::default());
        let mut expected = list;
        expected.entries.sort_by_key(|entry| (entry.kind.is_program(), entry.path.clone()));
        prop_assert_eq!(parsed, Ok(expected));
        let mut damaged = bytes;
        let index = position.index(damaged.len());
        damaged[index] ^= flip;
        prop_assert!(FileList::parse(&damaged, &Limits::default()).is_err());
    }

    #[test]
    fn manifests_survive_the_round_trip(names in btree_set("[a-z]{1,8}b", 0..10)) {
        let names: Vec<String> = names.into_iter().collect();
        prop_assert_eq!(manifest::parse(manifest::write(&names).as_bytes()), Ok(names));
    }

    #[test]
    fn a_link_that_passes_stays_inside_step_by_step(path in "[ab]/[ab](/[ab])?", target in "(\\.\\./|\\./|[ab]/){0,4}[ab]") {
        if check_link(&path, &target).is_ok() {
            let mut depth = i32::try_from(path.split('/').count()).unwrap() - 1;
            for component in target.split('/') {
                depth += match component { ".." => -1, "." => 0, _ => 1 };
                prop_assert!(depth >= 0);
            }
        }
    }

    #[test]
    fn every_version_on_disk_gets_exactly_one_place(
        candidates in candidates(), slots in [option::of(slot()), option::of(slot())], marks in marks(), live in any::<bool>(),
        unreadable in any::<bool>(),
    ) {
        let snapshot = Snapshot { slots, unreadable, candidates, marks, live };
        let places: BTreeSet<usize> = choose(&snapshot).iter().map(|choice| choice.candidate).collect();
        prop_assert_eq!(choose(&snapshot).len(), snapshot.candidates.len());
        prop_assert_eq!(places.len(), snapshot.candidates.len());
    }

    /// The start-up program looks at a version only when it is its turn; the library has looked at all of them before.
    #[test]
    fn who_looks_at_versions_one_after_the_other_starts_the_same_one(
        candidates in candidates(), slots in [option::of(slot()), option::of(slot())], marks in marks(), live in any::<bool>(),
        unreadable in any::<bool>(),
    ) {
        let facts = candidates.clone();
        let snapshot = Snapshot { slots, unreadable, candidates, marks, live };
        let mut blind = snapshot.clone();
        blind.candidates.iter_mut().for_each(|candidate| candidate.obstacle = None);
        let mut order = StartOrder::of(&blind);
        let look = |candidate: &Candidate| {
            let index = blind.candidates.iter().position(|other| std::ptr::eq(other, candidate)).unwrap();
            facts[index].obstacle.is_some()
        };
        let one_by_one: Vec<Choice> = std::iter::from_fn(|| order.next(look)).collect();
        prop_assert_eq!(one_by_one, choose(&snapshot));
    }

    #[test]
    fn what_cannot_be_started_comes_last(
        candidates in candidates(), slots in [option::of(slot()), option::of(slot())], marks in marks(), live in any::<bool>(),
        unreadable in any::<bool>(),
    ) {
        let snapshot = Snapshot { slots, unreadable, candidates, marks, live };
        let order = choose(&snapshot);
        let hindered = |choice: &Choice| snapshot.candidates[choice.candidate].obstacle.is_some();
        prop_assert!(order.iter().all(|choice| choice.hindered == hindered(choice)));
        prop_assert!(order.is_sorted_by_key(hindered));
    }

    #[test]
    fn a_settled_record_starts_what_started_before_it_and_needs_no_settling(
        candidates in candidates(), slots in [option::of(slot()), option::of(slot())], marks in marks(), live in any::<bool>(),
        unreadable in any::<bool>(),
    ) {
        let mut snapshot = Snapshot { slots, unreadable, candidates, marks, live };
        let before = choose(&snapshot);
        if let Some(settled) = settle(&snapshot, 1) {
            snapshot.slots = [Some(settled), None];
            prop_assert_eq!(choose(&snapshot)[0].candidate, before[0].candidate);
            prop_assert_eq!(settle(&snapshot, 2), None);
        }
    }

    #[test]
    fn settings_survive_the_round_trip(settings in settings()) {
        prop_assert_eq!(Settings::parse(settings.write().as_bytes()), Ok(settings));
    }

    #[test]
    fn settings_of_any_bytes_never_panic(bytes in vec(any::<u8>(), 0..200)) {
        let _ = Settings::parse(&bytes);
    }
}
