//! What is trusted at one moment, and the rules by which a file joins it.
//!
//! The order is that of the specification's client workflow (section 5.3 to 5.7): roots first, then the timestamp, the
//! snapshot, and targets. A file that breaks a rule changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::{Error, Result};
use crate::metadata::{
    Delegations, MetaFile, Role, Root, Snapshot, TargetFile, Targets, Timestamp, Unverified,
    Verified,
};
use crate::time::Time;

/// Most delegated roles that are asked for one target.
pub const MAX_DELEGATIONS: usize = 32;

/// What has been verified so far.
#[derive(Clone, Debug)]
pub struct TrustedSet {
    now: Time,
    root: Verified<Root>,
    timestamp: Option<Verified<Timestamp>>,
    snapshot: Option<Verified<Snapshot>>,
    targets: BTreeMap<Place, Verified<Targets>>,
}

/// A role counts as verified only for the delegator whose keys it was verified with.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    delegator: String,
    role: String,
}

impl Place {
    fn new(delegator: &str, role: &str) -> Self {
        Self {
            delegator: delegator.to_owned(),
            role: role.to_owned(),
        }
    }
}

/// What became of a timestamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimestampUpdate {
    /// It is newer, and trusted now.
    New,
    /// It has the version that was trusted already; that one stays.
    Unchanged,
}

/// An answer to the question for a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Search<'a> {
    /// This is it.
    Found(&'a TargetFile),
    /// No role that is trusted with it names it.
    NotFound,
    /// First this role must be given to [`TrustedSet::update_targets`]; then ask again.
    Needs {
        /// The role.
        role: String,
        /// The role that delegates to it.
        delegator: String,
    },
}

impl TrustedSet {
    /// Starts from a root that is trusted because of where it came from: it must be signed by its own keys. Whether
    /// it has expired is asked later, for newer roots may follow.
    pub fn new(root: &[u8], now: Time) -> Result<Self> {
        let root = Unverified::<Root>::parse(Role::Root.name(), root)?;
        Ok(Self {
            now,
            root: root.verify_self()?,
            timestamp: None,
            snapshot: None,
            targets: BTreeMap::new(),
        })
    }

    /// The time at which nothing may have expired.
    pub fn now(&self) -> Time {
        self.now
    }

    /// The root.
    pub fn root(&self) -> &Root {
        &self.root
    }

    /// The timestamp, if there is one.
    pub fn timestamp(&self) -> Option<&Timestamp> {
        self.timestamp.as_deref()
    }

    /// The snapshot, if there is one.
    pub fn snapshot(&self) -> Option<&Snapshot> {
        self.snapshot.as_deref()
    }

    /// The top-level targets, if they are there.
    pub fn targets(&self) -> Option<&Targets> {
        let place = Place::new(Role::Root.name(), Role::Targets.name());
        self.targets.get(&place).map(|targets| &**targets)
    }

    /// Takes the next root: signed by the keys of this one and by its own, and one version above.
    pub fn update_root(&mut self, bytes: &[u8]) -> Result<()> {
        if self.timestamp.is_some() {
            return Err(out_of_order(Role::Root));
        }
        let root = Unverified::<Root>::parse(Role::Root.name(), bytes)?;
        root.check(self.root.authority(Role::Root))?;
        let root = root.verify_self()?;
        expect_version(Role::Root.name(), root.version, self.root.version + 1)?;
        self.root = root;
        Ok(())
    }

    /// Takes the timestamp of an earlier run. It may have expired: it still says which versions there have been.
    pub fn load_timestamp(&mut self, bytes: &[u8]) -> Result<()> {
        let timestamp = self.verify_timestamp(bytes)?;
        self.timestamp = Some(timestamp);
        Ok(())
    }

    /// Takes the repository's timestamp: not older than the one that is here, nor naming an older snapshot.
    pub fn update_timestamp(&mut self, bytes: &[u8]) -> Result<TimestampUpdate> {
        let timestamp = self.verify_timestamp(bytes)?;
        if let Some(trusted) = &self.timestamp {
            not_older(Role::Timestamp.name(), timestamp.version, trusted.version)?;
            if timestamp.version == trusted.version {
                self.check_fresh(Role::Timestamp.name(), trusted.expires)?;
                return Ok(TimestampUpdate::Unchanged);
            }
            let (found, known) = (timestamp.snapshot.version, trusted.snapshot.version);
            not_older(Role::Snapshot.name(), found, known)?;
        }
        self.check_fresh(Role::Timestamp.name(), timestamp.expires)?;
        self.timestamp = Some(timestamp);
        Ok(TimestampUpdate::New)
    }

    /// Takes the snapshot of an earlier run, which may have expired or been replaced: see
    /// [`TrustedSet::snapshot_is_current`].
    pub fn load_snapshot(&mut self, bytes: &[u8]) -> Result<()> {
        self.final_timestamp(Role::Snapshot)?;
        let snapshot = self.verify_snapshot(bytes)?;
        self.snapshot = Some(snapshot);
        Ok(())
    }

    /// Whether the snapshot that is here is the one the timestamp names, and has not expired.
    pub fn snapshot_is_current(&self) -> bool {
        self.final_snapshot().is_ok()
    }

    /// Takes the repository's snapshot: the bytes and the version that the timestamp names, and no targets metadata
    /// in it gone or older than in the snapshot that is here.
    pub fn update_snapshot(&mut self, bytes: &[u8]) -> Result<()> {
        let named = &self.final_timestamp(Role::Snapshot)?.snapshot;
        named.check("snapshot.json", bytes)?;
        let snapshot = self.verify_snapshot(bytes)?;
        expect_version(Role::Snapshot.name(), snapshot.version, named.version)?;
        if let Some(trusted) = &self.snapshot {
            check_no_rollback(trusted, &snapshot)?;
        }
        self.check_fresh(Role::Snapshot.name(), snapshot.expires)?;
        self.snapshot = Some(snapshot);
        Ok(())
    }

    /// What the snapshot says of the metadata of a role.
    pub fn targets_meta(&self, role: &str) -> Result<&MetaFile> {
        let file = format!("{role}.json");
        match self.final_snapshot()?.meta.get(&file) {
            Some(meta) => Ok(meta),
            None => Err(Error::NotListed { file }),
        }
    }

    /// Takes targets metadata, of an earlier run or of the repository: the bytes and the version that the snapshot
    /// names. Top-level targets are delegated by the root.
    pub fn update_targets(&mut self, role: &str, delegator: &str, bytes: &[u8]) -> Result<()> {
        let meta = self.targets_meta(role)?;
        meta.check(&format!("{role}.json"), bytes)?;
        let targets = self.verify_targets(role, delegator, bytes)?;
        expect_version(role, targets.version, meta.version)?;
        self.check_fresh(role, targets.expires)?;
        self.targets.insert(Place::new(delegator, role), targets);
        Ok(())
    }

    /// Looks for a target: first in the top-level targets, then in the roles they trust with it, in order, each with
    /// those it trusts in turn before the next. After a terminating role no other is asked. Every role is asked once.
    pub fn search(&self, path: &str) -> Search<'_> {
        let mut waiting = vec![Place::new(Role::Root.name(), Role::Targets.name())];
        let mut visited = BTreeSet::new();
        while let Some(place) = waiting.pop() {
            if visited.len() > MAX_DELEGATIONS {
                return Search::NotFound;
            }
            if visited.contains(&place.role) {
                continue;
            }
            let Some(targets) = self.targets.get(&place) else {
                let Place { delegator, role } = place;
                return Search::Needs { role, delegator };
            };
            if let Some(file) = targets.targets.get(path) {
                return Search::Found(file);
            }
            if let Some(delegations) = &targets.delegations {
                push_delegated(&mut waiting, &place.role, delegations, path);
            }
            visited.insert(place.role);
        }
        Search::NotFound
    }

    fn verify_timestamp(&self, bytes: &[u8]) -> Result<Verified<Timestamp>> {
        if self.snapshot.is_some() {
            return Err(out_of_order(Role::Timestamp));
        }
        self.check_fresh(Role::Root.name(), self.root.expires)?;
        let timestamp = Unverified::parse(Role::Timestamp.name(), bytes)?;
        timestamp.verify(self.root.authority(Role::Timestamp))
    }

    fn verify_snapshot(&self, bytes: &[u8]) -> Result<Verified<Snapshot>> {
        if !self.targets.is_empty() {
            return Err(out_of_order(Role::Snapshot));
        }
        let snapshot = Unverified::parse(Role::Snapshot.name(), bytes)?;
        snapshot.verify(self.root.authority(Role::Snapshot))
    }

    fn verify_targets(
        &self,
        role: &str,
        delegator: &str,
        bytes: &[u8],
    ) -> Result<Verified<Targets>> {
        let targets = Unverified::<Targets>::parse(role, bytes)?;
        if delegator == Role::Root.name() && role == Role::Targets.name() {
            return targets.verify(self.root.authority(Role::Targets));
        }
        let found = self
            .targets
            .iter()
            .find(|(place, _)| place.role == delegator);
        let authority = found
            .and_then(|(_, targets)| targets.delegations.as_ref())
            .and_then(|delegations| delegations.authority(role))
            .ok_or_else(|| Error::NotDelegated {
                role: role.to_owned(),
                delegator: delegator.to_owned(),
            })?;
        targets.verify(authority)
    }

    fn final_timestamp(&self, for_role: Role) -> Result<&Verified<Timestamp>> {
        let timestamp = self.timestamp.as_ref();
        let timestamp = timestamp.ok_or_else(|| out_of_order(for_role))?;
        self.check_fresh(Role::Timestamp.name(), timestamp.expires)?;
        Ok(timestamp)
    }

    fn final_snapshot(&self) -> Result<&Verified<Snapshot>> {
        let named = &self.final_timestamp(Role::Targets)?.snapshot;
        let snapshot = self.snapshot.as_ref();
        let snapshot = snapshot.ok_or_else(|| out_of_order(Role::Targets))?;
        expect_version(Role::Snapshot.name(), snapshot.version, named.version)?;
        self.check_fresh(Role::Snapshot.name(), snapshot.expires)?;
        Ok(snapshot)
    }

    fn check_fresh(&self, role: &str, expires: Time) -> Result<()> {
        if self.now < expires {
            return Ok(());
        }
        Err(Error::Expired {
            role: role.to_owned(),
            expired: expires,
        })
    }
}

fn push_delegated(
    waiting: &mut Vec<Place>,
    delegator: &str,
    delegations: &Delegations,
    path: &str,
) {
    let mut next = Vec::new();
    for role in delegations.roles.iter().filter(|role| role.covers(path)) {
        next.push(Place::new(delegator, &role.name));
        if role.terminating {
            waiting.clear();
            break;
        }
    }
    waiting.extend(next.into_iter().rev());
}

fn check_no_rollback(trusted: &Snapshot, new: &Snapshot) -> Result<()> {
    for (file, known) in &trusted.meta {
        let Some(found) = new.meta.get(file) else {
            return Err(Error::Removed { file: file.clone() });
        };
        let role = file.strip_suffix(".json").unwrap_or(file);
        not_older(role, found.version, known.version)?;
    }
    Ok(())
}

fn not_older(role: &str, found: u64, trusted: u64) -> Result<()> {
    if found >= trusted {
        return Ok(());
    }
    Err(Error::Rollback {
        role: role.to_owned(),
        found,
        trusted,
    })
}

fn expect_version(role: &str, found: u64, expected: u64) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    Err(Error::WrongVersion {
        role: role.to_owned(),
        found,
        expected,
    })
}

fn out_of_order(role: Role) -> Error {
    Error::OutOfOrder {
        role: role.name().to_owned(),
    }
}
