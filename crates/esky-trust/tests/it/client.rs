//! A client in memory: the specification's workflow over a map of files.

use std::collections::BTreeMap;

use esky_testkit::repository::{Vendor, now};
use esky_trust::{Error, Result, Search, TargetFile, Time, TimestampUpdate, TrustedSet};

/// Keeps what it has verified, as a cache on disk would.
pub(crate) struct Client {
    pinned: Vec<u8>,
    pub(crate) cache: BTreeMap<String, Vec<u8>>,
    pub(crate) now: Time,
}

impl Client {
    pub(crate) fn of(vendor: &Vendor) -> Self {
        Self {
            pinned: vendor.file("root", 1).to_vec(),
            cache: BTreeMap::new(),
            now: now(),
        }
    }

    /// Refreshes; the cache changes only by what was verified.
    pub(crate) fn refresh(&mut self, vendor: &Vendor) -> Result<TrustedSet> {
        let mut set = TrustedSet::new(&self.pinned, self.now)?;
        self.take_roots(&mut set, vendor)?;
        if let Some(bytes) = self.cache.get("timestamp") {
            let _ = set.load_timestamp(bytes);
        }
        let bytes = &vendor.files["timestamp.json"];
        if set.update_timestamp(bytes)? == TimestampUpdate::New {
            self.cache.insert("timestamp".into(), bytes.clone());
        }
        if let Some(bytes) = self.cache.get("snapshot") {
            let _ = set.load_snapshot(bytes);
        }
        if !set.snapshot_is_current() {
            let version = set.timestamp().unwrap().snapshot.version;
            let bytes = fetch(vendor, &set, "snapshot", version)?;
            set.update_snapshot(bytes)?;
            self.cache.insert("snapshot".into(), bytes.to_vec());
        }
        self.take_targets(&mut set, vendor, "targets", "root")?;
        Ok(set)
    }

    pub(crate) fn find(&mut self, vendor: &Vendor, path: &str) -> Result<Option<TargetFile>> {
        let mut set = self.refresh(vendor)?;
        loop {
            match set.search(path) {
                Search::Found(file) => return Ok(Some(file.clone())),
                Search::NotFound => return Ok(None),
                Search::Needs { role, delegator } => {
                    self.take_targets(&mut set, vendor, &role, &delegator)?;
                }
            }
        }
    }

    fn take_roots(&mut self, set: &mut TrustedSet, vendor: &Vendor) -> Result<()> {
        while let Some(bytes) = vendor
            .files
            .get(&format!("{}.root.json", set.root().version + 1))
        {
            set.update_root(bytes)?;
            self.cache.insert("root".into(), bytes.clone());
        }
        Ok(())
    }

    fn take_targets(
        &mut self,
        set: &mut TrustedSet,
        vendor: &Vendor,
        role: &str,
        delegator: &str,
    ) -> Result<()> {
        if let Some(bytes) = self.cache.get(role)
            && set.update_targets(role, delegator, bytes).is_ok()
        {
            return Ok(());
        }
        let version = set.targets_meta(role)?.version;
        let bytes = fetch(vendor, set, role, version)?;
        set.update_targets(role, delegator, bytes)?;
        self.cache.insert(role.into(), bytes.to_vec());
        Ok(())
    }
}

fn fetch<'a>(vendor: &'a Vendor, set: &TrustedSet, role: &str, version: u64) -> Result<&'a [u8]> {
    let role_name = esky_trust::percent_encode(role);
    let name = match set.root().consistent_snapshot {
        true => format!("{version}.{role_name}.json"),
        false => format!("{role_name}.json"),
    };
    let bytes = vendor.files.get(&name).map(Vec::as_slice);
    bytes.ok_or(Error::NotListed { file: name })
}

/// Plays an attack on a client that has refreshed before: it must be refused without changing what is trusted, and the
/// client must go on well when the attack is over.
pub(crate) fn attack(prepare: impl FnOnce(&mut Vendor), spoil: impl FnOnce(&mut Vendor)) -> Error {
    let mut vendor = Vendor::new();
    prepare(&mut vendor);
    let mut client = Client::of(&vendor);
    client.refresh(&vendor).unwrap();
    let before = client.cache.clone();
    let mut spoilt = vendor.copy();
    spoil(&mut spoilt);
    let error = client.refresh(&spoilt).unwrap_err();
    for (role, bytes) in before {
        let is_refused = role == "targets" || error.to_string().starts_with(&role);
        assert!(
            !is_refused || client.cache[&role] == bytes,
            "{role}: {error}"
        );
    }
    vendor.publish_later(100);
    client.refresh(&vendor).unwrap();
    error
}
