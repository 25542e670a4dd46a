//! Any sequence of what writers, starts, people and power cuts do, against a model of what they promise.
//!
//! The model knows versions as numbers and decisions as sets; it knows nothing of slots, marks and manifests.

use crate::fixture::{App, stage_with};
use esky_format::settings::Settings;
use esky_fs::faults::{Plan, arm};
use esky_install::{AppDir, Error, InstalledVersion, Refusal, UpdateLock};
use proptest::prelude::*;
use proptest::test_runner::Config;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};
use std::collections::BTreeSet;

const MAX_TRIES: u32 = 3;

/// What happens.
#[derive(Clone, Copy, Debug)]
enum Event {
    /// A version is fetched and installed.
    Install(u32),
    /// The same, killed after so many operations on the disk.
    BrokenInstall(u32, u64),
    /// The app is started and crashes.
    CrashingStart,
    /// The app is started and says that it has come up.
    GoodStart,
    /// A person, or the app, goes back.
    RollBack,
    Pin(u32),
    Unpin,
    Skip(u32),
    Unhold(u32),
    CleanUp,
    /// What every writer does first.
    Recover,
}

/// What the app directory promises.
#[derive(Clone, Debug)]
struct Model {
    current: u32,
    /// Starts so far of the version on trial.
    trial: Option<u32>,
    fallback: Option<u32>,
    on_disk: BTreeSet<u32>,
    held: BTreeSet<u32>,
    skipped: BTreeSet<u32>,
    pinned: Option<u32>,
}

impl Model {
    /// A trial that has failed is over for everyone who looks.
    fn settle(&mut self) {
        if self.trial.is_none_or(|tries| tries < MAX_TRIES) {
            return;
        }
        let failed = self.current;
        self.hold(failed);
        let others = self.others(failed);
        self.become_current(others[0], others.get(1).copied());
    }

    /// The versions that could take a version's place, best first.
    fn others(&self, but: u32) -> Vec<u32> {
        let usable = |version: &u32| {
            let stands_back = self.trial.is_some() && *version == self.current;
            *version != but && !self.held.contains(version) && !stands_back
        };
        let first = [self.current].into_iter().chain(self.fallback);
        let mut order: Vec<u32> = first.filter(usable).collect();
        let rest = self.on_disk.iter().rev().copied();
        order.extend(
            rest.filter(usable)
                .filter(|version| *version != self.current && Some(*version) != self.fallback),
        );
        order
    }

    fn hold(&mut self, version: u32) {
        self.held.insert(version);
    }

    /// A version that is trusted takes over, and nothing newer than it is taken for news.
    fn become_current(&mut self, version: u32, fallback: Option<u32>) {
        self.trial = None;
        self.current = version;
        self.fallback = fallback;
        self.stay();
    }

    /// A version that is newer than the current one and on disk is not wanted, or it would be the current one.
    fn stay(&mut self) {
        let newer = self.on_disk.iter().filter(|other| **other > self.current);
        let unknown = newer.filter(|other| !self.held.contains(other));
        self.skipped.extend(unknown.copied().collect::<Vec<_>>());
    }

    fn may_install(&self, version: u32) -> bool {
        !self.held.contains(&version) && self.pinned.is_none_or(|pinned| pinned == version)
    }

    fn install(&mut self, version: u32) {
        if self.may_install(version) {
            self.on_disk.insert(version);
            if version > self.current {
                self.fallback = self.others(version).first().copied();
                self.current = version;
                self.trial = self.fallback.map(|_| 0);
                self.skipped.remove(&version);
                self.stay();
            }
        }
    }

    /// What the pin has kept from starting starts, and must show that it comes up. A version that one would go back to
    /// waits until somebody looks for updates.
    fn unpin(&mut self) {
        self.pinned = None;
        let takes_over = |version: &u32| {
            let unwanted = self.held.contains(version) || self.skipped.contains(version);
            *version > self.current && Some(*version) != self.fallback && !unwanted
        };
        if let Some(newest) = self.on_disk.iter().rev().copied().find(takes_over) {
            self.install(newest);
        }
    }

    fn clean_up(&mut self) {
        let (current, fallback) = (self.current, self.fallback);
        self.on_disk
            .retain(|version| *version == current || Some(*version) == fallback);
    }
}

impl ReferenceStateMachine for Model {
    type State = Self;
    type Transition = Event;

    fn init_state() -> BoxedStrategy<Self> {
        Just(Self {
            current: 1,
            trial: None,
            fallback: None,
            on_disk: BTreeSet::from([1]),
            held: BTreeSet::new(),
            skipped: BTreeSet::new(),
            pinned: None,
        })
        .boxed()
    }

    fn transitions(_: &Self) -> BoxedStrategy<Event> {
        let version = 1_u32..=4;
        prop_oneof![
            5 => version.clone().prop_map(Event::Install),
            2 => (version.clone(), 0_u64..60).prop_map(|(version, at)| Event::BrokenInstall(version, at)),
            6 => Just(Event::CrashingStart),
            2 => Just(Event::GoodStart),
            1 => Just(Event::RollBack),
            1 => version.clone().prop_map(Event::Pin),
            1 => Just(Event::Unpin),
            1 => version.clone().prop_map(Event::Skip),
            1 => version.prop_map(Event::Unhold),
            2 => Just(Event::CleanUp),
            1 => Just(Event::Recover),
        ]
        .boxed()
    }

    fn apply(mut model: Self, event: &Event) -> Self {
        model.settle();
        match *event {
            // Broken off, it is run again.
            Event::Install(version) | Event::BrokenInstall(version, _) => model.install(version),
            Event::Recover => {}
            Event::CrashingStart => model.trial = model.trial.map(|tries| tries + 1),
            Event::GoodStart => model.trial = None,
            Event::RollBack => {
                let left = model.current;
                if let Some(target) = model.others(left).first().copied() {
                    let fallback = model.others(left).get(1).copied();
                    model.hold(left);
                    model.become_current(target, fallback);
                    model.pinned = None;
                }
            }
            Event::Pin(version) if model.on_disk.contains(&version) => {
                if version != model.current {
                    let fallback = model.others(version).first().copied();
                    model.trial = None;
                    model.current = version;
                    model.fallback = fallback;
                    model.held.remove(&version);
                }
                model.pinned = Some(version);
            }
            Event::Pin(_) => {}
            Event::Unpin => model.unpin(),
            Event::Skip(version) => drop(model.skipped.insert(version)),
            Event::Unhold(version) => {
                let held = model.held.remove(&version);
                let known = model.skipped.remove(&version) || held;
                // It would start without anybody having asked for that.
                let takes_over = version > model.current && Some(version) != model.fallback;
                if known && takes_over && model.pinned.is_none() {
                    model.on_disk.remove(&version);
                }
            }
            Event::CleanUp => model.clean_up(),
        }
        model
    }

    /// Nobody installs what is older than everything that is there; only so may old decisions be forgotten.
    fn preconditions(model: &Self, event: &Event) -> bool {
        match event {
            Event::Install(version) | Event::BrokenInstall(version, _) => {
                model.on_disk.first().is_none_or(|oldest| version >= oldest)
            }
            _ => true,
        }
    }
}

/// The real thing.
struct Real(App);

impl Real {
    fn open(&self) -> AppDir {
        self.0.open()
    }

    fn with_lock<T>(&self, act: impl FnOnce(&AppDir, &UpdateLock) -> T) -> T {
        let opened = self.open();
        act(&opened, &opened.lock().unwrap())
    }

    /// As the client does it: finish what was begun, fetch what is not there, install.
    fn install(&self, version: &str) -> esky_install::Result<()> {
        let opened = self.open();
        let lock = opened.lock()?;
        opened.recover(&lock)?;
        let is_there = |found: &InstalledVersion| found.app.version == version && found.complete;
        let was_there =
            opened.versions()?.iter().any(is_there) || opened.staged(version)?.is_some();
        let fetch = || stage_with(&opened, version, Some(&Settings::default())).map(drop);
        if !was_there {
            fetch()?;
        }
        match opened.install(version, &lock) {
            // What an earlier run had fetched is not whole any more, and was removed.
            Err(error) if was_there && error.is_damage() => {
                fetch()?;
                opened.install(version, &lock).map(drop)
            }
            settled => settled.map(drop),
        }
    }

    /// Killed at some operation; whatever is left, the old or the new version starts, whole.
    fn break_off(&self, version: &str, at: u64) {
        let before = self.0.starts();
        let armed = arm(Plan::StopAfter(at));
        let _ = self.install(version);
        drop(armed);
        let after = self.0.starts();
        assert!(
            after == before || after == version,
            "{before}, then {after}"
        );
    }

    fn refuses(&self, version: &str) {
        let decisions = self.open().decisions().unwrap();
        let refusal = decisions.refusal(version);
        let refused = self.with_lock(|opened, lock| opened.install(version, lock));
        match refusal {
            Some(Refusal::Held { .. }) => assert!(matches!(refused, Err(Error::Held { .. }))),
            Some(Refusal::Pinned { .. }) => assert!(matches!(refused, Err(Error::Pinned { .. }))),
            other => panic!("{version} should not be offered: {other:?}"),
        }
    }

    fn start(&self, comes_up: bool) {
        let decisions = self.open().decisions().unwrap();
        let Some(trial) = decisions.trial else {
            return;
        };
        self.0.count_start();
        if comes_up {
            assert!(self.open().confirm(&trial.version).unwrap());
        }
    }
}

impl StateMachineTest for Real {
    type SystemUnderTest = Self;
    type Reference = Model;

    fn init_test(_: &Model) -> Self {
        Self(App::with_versions(&["1"]))
    }

    fn apply(real: Self, model: &Model, event: Event) -> Self {
        let may_install = |version: u32| model.may_install(version);
        match event {
            Event::Install(version) | Event::BrokenInstall(version, _) if !may_install(version) => {
                real.refuses(&version.to_string());
            }
            Event::Install(version) => real.install(&version.to_string()).unwrap(),
            Event::BrokenInstall(version, at) => {
                let version = version.to_string();
                real.break_off(&version, at);
                real.install(&version).unwrap();
            }
            Event::CrashingStart => real.start(false),
            Event::GoodStart => real.start(true),
            Event::RollBack => {
                drop(real.with_lock(|app, lock| app.roll_back(None, "a test", lock)))
            }
            Event::Pin(version) => {
                drop(real.with_lock(|app, lock| app.pin(&version.to_string(), lock)));
            }
            Event::Unpin => real.with_lock(|app, lock| app.unpin(lock)).unwrap(),
            Event::Skip(version) => {
                real.with_lock(|app, lock| app.skip(&version.to_string(), lock))
                    .unwrap();
            }
            Event::Unhold(version) => drop(
                real.with_lock(|app, lock| app.unhold(&version.to_string(), lock))
                    .unwrap(),
            ),
            Event::CleanUp => {
                assert!(real.with_lock(|app, lock| app.cleanup(lock, None)).unwrap());
            }
            Event::Recover => real.with_lock(|app, lock| app.recover(lock)).unwrap(),
        }
        real
    }

    fn check_invariants(real: &Self, model: &Model) {
        let mut expected = model.clone();
        expected.settle();
        assert_eq!(real.0.starts(), expected.current.to_string(), "what starts");
        let decisions = real.open().decisions().unwrap();
        let text = |version: Option<u32>| version.map(|version| version.to_string());
        assert_eq!(
            decisions.trial.map(|trial| trial.tries),
            expected.trial,
            "the trial"
        );
        assert_eq!(decisions.fallback, text(expected.fallback), "the fallback");
        assert_eq!(decisions.pinned, text(expected.pinned), "the pin");
        if let Some(fallback) = &decisions.fallback {
            real.0.assert_whole(fallback);
        }
        let oldest = expected.on_disk.first().copied().unwrap_or_default();
        let numbers = |versions: Vec<&String>| -> BTreeSet<u32> {
            let numbers = versions.into_iter().map(|version| version.parse().unwrap());
            numbers.filter(|version| *version >= oldest).collect()
        };
        expected.held.retain(|version| *version >= oldest);
        expected.skipped.retain(|version| *version >= oldest);
        let held = decisions.held.iter().map(|held| &held.version).collect();
        assert_eq!(numbers(held), expected.held, "held");
        assert_eq!(
            numbers(decisions.skipped.iter().collect()),
            expected.skipped,
            "skipped"
        );
        let complete = real
            .open()
            .versions()
            .unwrap()
            .into_iter()
            .filter(|found| found.complete);
        let on_disk: BTreeSet<u32> = complete
            .map(|found| found.app.version.parse().unwrap())
            .collect();
        assert_eq!(on_disk, expected.on_disk, "on disk");
    }
}

prop_state_machine! {
    #![proptest_config(Config { cases: 400, failure_persistence: None, ..Config::default() })]

    #[test]
    fn whatever_happens_in_whatever_order_the_promised_version_starts(sequential 1..20 => Real);
}
