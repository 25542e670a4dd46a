//! Any order of everything that can happen to an installed app, on a real directory beside a model of a few sets.
//!
//! After each step the directory must be what the model says, and besides: what starts is whole; during a trial so is the
//! version to go back to; versions that run are whole; a held version neither starts nor is offered.

mod model;

use crate::fixture::{App, stage_with};
use esky_format::settings::Settings;
use esky_format::state::Reason;
use esky_fs::Operation;
use esky_fs::faults::{Plan, arm};
use esky_install::{AppDir, Refusal, Result, VersionLock};
use model::{FIRST, Kill, Model, Seen, Transition, Version, Writing};
use proptest::test_runner::Config;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};
use std::collections::BTreeSet;

prop_state_machine! {
    #![proptest_config(Config {
        cases: 200,
        failure_persistence: None,
        ..Config::default()
    })]

    #[test]
    fn whatever_happens_in_whatever_order_the_promises_hold(sequential 1..30 => Story);
}

/// An app directory and the instances that run from it.
struct Story {
    app: App,
    running: Vec<(Version, VersionLock)>,
}

impl Story {
    fn seen(&self) -> Seen {
        let opened = self.app.open();
        let decisions = opened.decisions().unwrap();
        let versions = opened.versions().unwrap();
        let complete = versions.iter().filter(|version| version.complete);
        let held = decisions.held.iter().map(|held| number(&held.version));
        let seen = Seen {
            installed: complete
                .map(|version| number(&version.app.version))
                .collect(),
            starts: number(&self.app.starts()),
            trial: decisions.trial.map(|trial| trial.tries),
            fallback: decisions.fallback.as_deref().map(number),
            held: held.collect(),
            skipped: decisions.skipped.iter().map(|text| number(text)).collect(),
            pinned: decisions.pinned.as_deref().map(number),
        };
        seen.without_old_notes()
    }

    /// Runs to its end, or to where it is killed.
    fn write(&self, writing: &Writing) -> Result<()> {
        let app = self.app.open();
        let lock = app.lock()?;
        let text = |version: Version| version.to_string();
        match *writing {
            Writing::Install(version) => {
                make_ready(&app, &text(version))?;
                app.install(&text(version), &lock).map(drop)
            }
            Writing::RollBack(to) => app
                .roll_back(to.map(text).as_deref(), "no", &lock)
                .map(drop),
            Writing::Pin(version) => app.pin(&text(version), &lock),
            Writing::Unpin => app.unpin(&lock),
            Writing::Skip(version) => app.skip(&text(version), &lock),
            Writing::Unhold(version) => app.unhold(&text(version), &lock).map(drop),
            Writing::CleanUp => app.cleanup(&lock, None).map(drop),
        }
    }

    /// Killed, it has left what was before or what was asked for; run again, it does the rest.
    fn killed(&self, writing: &Writing, kill: Kill, goal: &Seen) {
        let before = self.seen();
        let armed = arm(match kill {
            Kill::After(operations) => Plan::StopAfter(operations),
            Kill::InRecord => Plan::StopAt(Operation::Write, "slot-"),
        });
        let _ = self.write(writing);
        drop(armed);
        let seen = self.seen();
        let kept = |before: &BTreeSet<Version>, seen: &BTreeSet<Version>, goal| {
            before.intersection(goal).all(|note| seen.contains(note))
        };
        assert!(
            (seen.starts == before.starts || seen.starts == goal.starts)
                && (seen.pinned == before.pinned || seen.pinned == goal.pinned)
                && kept(&before.held, &seen.held, &goal.held)
                && kept(&before.skipped, &seen.skipped, &goal.skipped),
            "{writing:?}, killed {kill:?}: {before:?} has become {seen:?}"
        );
        // Going back twice would go further back; all else may be asked for again.
        if seen != *goal || !matches!(writing, Writing::RollBack(_)) {
            self.write(writing).unwrap();
        }
    }

    /// As the bootstrap starts a version.
    fn start(&mut self, comes_up: bool) {
        let order = self.app.open().start_order().unwrap();
        let best = &order[0];
        if best.reason == Reason::OnTrial && !best.version.in_use {
            self.app.count_start();
        }
        if comes_up {
            let running = VersionLock::shared(&best.version.path).unwrap();
            self.running
                .push((number(&best.version.app.version), running));
        } else if best.reason == Reason::OnTrial {
            self.app.mark(b"f");
        }
    }

    fn end(&mut self, version: Version) {
        let place = self
            .running
            .iter()
            .position(|(running, _)| *running == version);
        self.running.swap_remove(place.unwrap());
    }

    /// Twice is the same as once, and nothing stays to be done.
    fn assert_settles(self) {
        drop(self.running);
        let opened = self.app.open();
        let lock = opened.lock().unwrap();
        opened.cleanup(&lock, None).unwrap();
        opened.cleanup(&lock, None).unwrap();
        let once = self.app.everything();
        opened.recover(&lock).unwrap();
        opened.cleanup(&lock, None).unwrap();
        assert_eq!(self.app.everything(), once);
    }
}

impl StateMachineTest for Story {
    type SystemUnderTest = Self;
    type Reference = Model;

    fn init_test(_model: &Model) -> Self {
        let first = FIRST.map(|version| version.to_string());
        let app = App::with_versions(&first.each_ref().map(String::as_str));
        // The first record has no other slot to fall back to; what a torn one leads to is told in `trials.rs`.
        let opened = app.open();
        opened.unpin(&opened.lock().unwrap()).unwrap();
        Self {
            app,
            running: Vec::new(),
        }
    }

    fn apply(mut story: Self, model: &Model, transition: Transition) -> Self {
        match &transition {
            Transition::Write(writing) => {
                let outcome = story.write(writing);
                assert_eq!(outcome.is_err(), model.refused, "{outcome:?}");
            }
            Transition::Killed(writing, _) if model.refused => {
                story.write(writing).unwrap_err();
            }
            Transition::Killed(writing, kill) => story.killed(writing, *kill, &model.seen()),
            Transition::Start => story.start(true),
            Transition::StartFails => story.start(false),
            Transition::End(version) => story.end(*version),
            Transition::Confirm(version) => {
                story.app.open().confirm(&version.to_string()).unwrap();
            }
            Transition::PowerCut => story.running.clear(),
        }
        story
    }

    fn check_invariants(story: &Self, model: &<Model as ReferenceStateMachine>::State) {
        let seen = story.seen();
        assert_eq!(seen, model.seen());
        let running = story.running.iter().map(|(version, _)| *version);
        let fallback = seen.fallback.filter(|_| seen.trial.is_some());
        assert_eq!(fallback.is_some(), seen.trial.is_some());
        let needed: BTreeSet<Version> = running.chain(fallback).collect();
        for version in needed {
            story.app.assert_whole(&version.to_string());
        }
        let decisions = story.app.open().decisions().unwrap();
        for version in &seen.held {
            let refusal = decisions.refusal(&version.to_string());
            assert!(matches!(refusal, Some(Refusal::Held { .. })), "{version}");
            assert_ne!(*version, seen.starts);
        }
    }

    fn teardown(story: Self, _model: Model) {
        story.assert_settles();
    }
}

/// Stages a version unless an earlier run has done so.
fn make_ready(app: &AppDir, version: &str) -> Result<()> {
    let versions = app.versions()?;
    let is_there = versions.iter().any(|found| found.app.version == version);
    if !is_there && app.staged(version)?.is_none() {
        stage_with(app, version, Some(&Settings::default()))?;
    }
    Ok(())
}

fn number(version: &str) -> Version {
    version.parse().unwrap()
}
