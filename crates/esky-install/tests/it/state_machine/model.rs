//! What an app directory is to a person: which versions are there, which one starts, what was decided. Sets and numbers,
//! no disk; the promises of `docs/design/crash-safety.md` in their simplest form.

use proptest::prelude::*;
use proptest::sample::select;
use proptest_state_machine::ReferenceStateMachine;
use std::collections::{BTreeMap, BTreeSet};

/// Versions are single digits.
pub(crate) type Version = u8;

pub(crate) const FIRST: [Version; 2] = [1, 2];
const LAST: Version = 6;
const MAX_TRIES: u32 = 3;

/// Something that changes the app directory under its lock.
#[derive(Clone, Debug)]
pub(crate) enum Writing {
    Install(Version),
    RollBack(Option<Version>),
    Pin(Version),
    Unpin,
    Skip(Version),
    Unhold(Version),
    CleanUp,
}

/// Where a writer is killed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kill {
    /// After so many operations on the disk, the last one torn.
    After(u64),
    /// In the middle of writing the state record, if it writes one.
    InRecord,
}

#[derive(Clone, Debug)]
pub(crate) enum Transition {
    Write(Writing),
    /// Killed, and then run again.
    Killed(Writing, Kill),
    /// Started by a person, and up.
    Start,
    /// Started, and its program is missing or no program.
    StartFails,
    /// One instance ends, without a word.
    End(Version),
    Confirm(Version),
    /// All instances are gone at once.
    PowerCut,
}

/// What can be seen from outside.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) installed: BTreeSet<Version>,
    pub(crate) starts: Version,
    /// Starts counted, of the version that starts.
    pub(crate) trial: Option<u32>,
    pub(crate) fallback: Option<Version>,
    pub(crate) held: BTreeSet<Version>,
    pub(crate) skipped: BTreeSet<Version>,
    pub(crate) pinned: Option<Version>,
}

impl Seen {
    /// Notes about versions below all that are there may be forgotten: nothing leads back to them.
    pub(crate) fn without_old_notes(mut self) -> Self {
        let lowest = self.installed.first().copied();
        self.held.retain(|version| Some(*version) >= lowest);
        self.skipped.retain(|version| Some(*version) >= lowest);
        self
    }
}

#[derive(Clone, Debug)]
struct Trial {
    starts: u32,
    unstartable: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Model {
    installed: BTreeSet<Version>,
    /// Versions without settings, as the original packed them: they are never on trial.
    untried: BTreeSet<Version>,
    running: BTreeMap<Version, u32>,
    current: Version,
    fallback: Option<Version>,
    trial: Option<Trial>,
    held: BTreeSet<Version>,
    skipped: BTreeSet<Version>,
    pinned: Option<Version>,
    /// Whether the last transition was refused.
    pub(crate) refused: bool,
}

impl Model {
    fn new() -> Self {
        Self {
            installed: FIRST.into(),
            untried: FIRST.into(),
            running: BTreeMap::new(),
            current: 2,
            fallback: None,
            trial: None,
            held: BTreeSet::new(),
            skipped: BTreeSet::new(),
            pinned: None,
            refused: false,
        }
    }

    pub(crate) fn seen(&self) -> Seen {
        let mut settled = self.clone();
        settled.settle();
        let seen = Seen {
            starts: settled.starts(),
            trial: settled.trial.map(|trial| trial.starts),
            installed: settled.installed,
            fallback: settled.fallback,
            held: settled.held,
            skipped: settled.skipped,
            pinned: settled.pinned,
        };
        seen.without_old_notes()
    }

    fn is_live(&self, version: Version) -> bool {
        self.running.contains_key(&version)
    }

    fn has_failed(&self) -> bool {
        self.trial.as_ref().is_some_and(|trial| {
            trial.unstartable || (trial.starts >= MAX_TRIES && !self.is_live(self.current))
        })
    }

    fn starts(&self) -> Version {
        let mut settled = self.clone();
        settled.settle();
        settled.wanted().unwrap_or(settled.current)
    }

    /// The newest version above the current one that nothing speaks against, as after unpinning.
    fn wanted(&self) -> Option<Version> {
        let newest = self.good().find(|version| *version > self.current)?;
        self.pinned.is_none().then_some(newest)
    }

    /// Neither current nor fallback, neither held nor skipped; the newest first.
    fn good(&self) -> impl Iterator<Item = Version> {
        self.others()
            .filter(|version| !self.skipped.contains(version))
    }

    fn others(&self) -> impl Iterator<Item = Version> {
        self.installed.iter().rev().copied().filter(|version| {
            *version != self.current
                && Some(*version) != self.fallback
                && !self.held.contains(version)
        })
    }

    /// The versions to rely on instead of these, the best first; one that may never have run is the last.
    fn proven(&self, but: &[Version]) -> impl Iterator<Item = Version> + use<> {
        let mut order = Vec::from_iter(self.trial.is_none().then_some(self.current));
        order.extend(self.fallback);
        let wanted = self.wanted();
        order.extend(self.others().filter(|version| Some(*version) != wanted));
        order.extend(wanted);
        order.retain(|version| !but.contains(version));
        order.into_iter()
    }

    fn settle(&mut self) {
        if !self.has_failed() {
            return;
        }
        let failed = self.current;
        let mut instead = self.proven(&[failed]);
        let current = instead.next();
        self.fallback = instead.next();
        self.current = current.expect("a trial has something to go back to");
        self.trial = None;
        self.held.insert(failed);
        self.stay();
    }

    /// Nothing newer is to start by itself after going back.
    fn stay(&mut self) {
        let newer = self.installed.range(self.current + 1..);
        self.skipped
            .extend(newer.filter(|version| !self.held.contains(version)));
    }

    /// What every writer does first.
    fn recover(&mut self) {
        self.settle();
        if let Some(wanted) = self.wanted() {
            self.commit(wanted);
        }
    }

    fn commit(&mut self, version: Version) {
        let fallback = self.proven(&[version]).next();
        self.fallback = fallback;
        self.current = version;
        let tried = fallback.filter(|_| !self.untried.contains(&version));
        self.trial = tried.map(|_| Trial {
            starts: 0,
            unstartable: false,
        });
        self.skipped.remove(&version);
        self.stay();
    }

    fn trust(&mut self, version: Version, left: &[Version]) {
        let others = [&[version], left].concat();
        self.fallback = self.proven(&others).next();
        self.current = version;
        self.trial = None;
        self.held.remove(&version);
    }

    /// Says whether it is done.
    fn write(&mut self, writing: &Writing) -> bool {
        if let Writing::Unhold(version) = writing
            && !self.seen().held.contains(version)
            && !self.seen().skipped.contains(version)
        {
            return true;
        }
        self.recover();
        match *writing {
            Writing::Install(version) => return self.install(version),
            Writing::RollBack(to) => return self.roll_back(to),
            Writing::Pin(version) => return self.pin(version),
            Writing::Unpin => self.unpin(),
            Writing::Skip(version) => drop(self.skipped.insert(version)),
            Writing::Unhold(version) => return self.unhold(version),
            Writing::CleanUp => self.clean_up(),
        }
        true
    }

    fn install(&mut self, version: Version) -> bool {
        if self.held.contains(&version) || self.pinned.is_some_and(|pinned| pinned != version) {
            return false;
        }
        if self.installed.insert(version) {
            self.untried.remove(&version);
        }
        if version > self.current {
            self.commit(version);
        }
        true
    }

    fn roll_back(&mut self, to: Option<Version>) -> bool {
        let left = self.current;
        let Some(target) = to.or_else(|| self.proven(&[left]).next()) else {
            return false;
        };
        if target == left || !self.installed.contains(&target) {
            return false;
        }
        self.trust(target, &[left]);
        self.held.insert(left);
        self.stay();
        self.pinned = None;
        true
    }

    fn pin(&mut self, version: Version) -> bool {
        if !self.installed.contains(&version) {
            return false;
        }
        if version != self.current {
            self.trust(version, &[]);
        }
        self.pinned = Some(version);
        true
    }

    /// What the pin has kept from starting starts, and has to show that it comes up.
    fn unpin(&mut self) {
        self.pinned = None;
        if let Some(wanted) = self.wanted() {
            self.commit(wanted);
        }
    }

    /// A version that would start by itself then goes out of service.
    fn unhold(&mut self, version: Version) -> bool {
        let mut allowed = self.clone();
        allowed.held.remove(&version);
        allowed.skipped.remove(&version);
        if allowed.wanted() == Some(version) {
            if self.is_live(version) {
                return false;
            }
            allowed.installed.remove(&version);
        }
        *self = allowed;
        true
    }

    fn clean_up(&mut self) {
        let (current, fallback) = (self.current, self.fallback);
        let running = &self.running;
        self.installed.retain(|version| {
            *version == current || Some(*version) == fallback || running.contains_key(version)
        });
    }

    fn start(&mut self, comes_up: bool) {
        let version = self.starts();
        let live = self.is_live(version);
        if version == self.current
            && let Some(trial) = &mut self.trial
        {
            trial.starts += u32::from(!live);
            trial.unstartable |= !comes_up;
        }
        if comes_up {
            *self.running.entry(version).or_default() += 1;
        }
    }

    fn end(&mut self, version: Version) {
        let left = self.running.get(&version).copied().unwrap_or_default();
        match left {
            0 | 1 => drop(self.running.remove(&version)),
            more => drop(self.running.insert(version, more - 1)),
        }
    }

    fn confirm(&mut self, version: Version) {
        if version == self.current {
            self.trial = None;
        }
    }
}

impl ReferenceStateMachine for Model {
    type State = Self;
    type Transition = Transition;

    fn init_state() -> BoxedStrategy<Self> {
        Just(Self::new()).boxed()
    }

    fn transitions(model: &Self) -> BoxedStrategy<Transition> {
        let up: Vec<Version> = model.running.keys().copied().collect();
        let can_confirm = [up.clone(), vec![model.starts()]].concat();
        let end = if up.is_empty() { vec![2] } else { up };
        prop_oneof![
            8 => writing().prop_map(Transition::Write),
            5 => (writing(), kill()).prop_map(|(writing, kill)| Transition::Killed(writing, kill)),
            6 => Just(Transition::Start),
            1 => Just(Transition::StartFails),
            4 => select(end).prop_map(Transition::End),
            2 => select(can_confirm).prop_map(Transition::Confirm),
            1 => Just(Transition::PowerCut),
        ]
        .boxed()
    }

    fn preconditions(model: &Self, transition: &Transition) -> bool {
        match transition {
            Transition::Write(Writing::Install(version))
            | Transition::Killed(Writing::Install(version), _) => {
                !model.installed.contains(version) && Some(version) > model.installed.first()
            }
            Transition::End(version) => model.is_live(*version),
            // A version confirms itself; from outside, only the one that starts can be confirmed.
            Transition::Confirm(version) => model.is_live(*version) || *version == model.starts(),
            _ => true,
        }
    }

    fn apply(mut model: Self, transition: &Transition) -> Self {
        model.refused = false;
        match transition {
            Transition::Write(writing) | Transition::Killed(writing, _) => {
                model.refused = !model.write(writing);
            }
            Transition::Start => model.start(true),
            Transition::StartFails => model.start(false),
            Transition::End(version) => model.end(*version),
            Transition::Confirm(version) => model.confirm(*version),
            Transition::PowerCut => model.running.clear(),
        }
        model
    }
}

/// What is decided is decided within few operations; putting a version there takes many.
fn kill() -> BoxedStrategy<Kill> {
    prop_oneof![
        (0..16_u64).prop_map(Kill::After),
        (0..90_u64).prop_map(Kill::After),
        Just(Kill::InRecord),
    ]
    .boxed()
}

fn writing() -> BoxedStrategy<Writing> {
    let version = || 1..=LAST;
    prop_oneof![
        6 => version().prop_map(Writing::Install),
        1 => Just(Writing::RollBack(None)),
        1 => version().prop_map(|version| Writing::RollBack(Some(version))),
        1 => version().prop_map(Writing::Pin),
        1 => Just(Writing::Unpin),
        1 => version().prop_map(Writing::Skip),
        2 => version().prop_map(Writing::Unhold),
        3 => Just(Writing::CleanUp),
    ]
    .boxed()
}
