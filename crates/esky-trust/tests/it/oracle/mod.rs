//! Another implementation of the specification, fed the same repositories: the verdicts must be the same, and so must be
//! what is trusted afterwards, but for the differences that are listed here with their reasons.

mod changes;
mod sigstore;

use esky_testkit::repository::{Vendor, now};
use esky_trust::{Error, Malformed, TargetFile};
use proptest::prelude::*;

use crate::client::Client;
use changes::{Change, DELEGATED, changes};
use sigstore::TheirClient;

/// A target of the delegated role.
const PATH: &str = "a/b";

fn vendor() -> Vendor {
    let mut vendor = Vendor::new();
    vendor.delegate("targets", DELEGATED, &["a/*"], false);
    vendor.add_target("top", b"top");
    let delegated = vendor.delegated.get_mut(DELEGATED).unwrap();
    delegated
        .targets
        .insert(PATH.to_owned(), TargetFile::describe(b"content"));
    vendor.publish_targets();
    vendor
}

/// What both clients say of a repository: the length of the target if there is one, or no.
#[derive(Debug)]
struct Verdicts {
    ours: Result<Option<u64>, Error>,
    theirs: sigstore_tuf::Result<Option<u64>>,
    /// Whether both trust the same bytes afterwards.
    same_trust: bool,
    /// Whether the type of some key is not that of its scheme.
    odd_key: bool,
}

/// Lets both clients follow an honest repository, and then the changed one.
fn verdicts(change: &Change) -> Verdicts {
    let mut vendor = vendor();
    let (mut ours, theirs) = (Client::of(&vendor), TheirClient::of(&vendor));
    assert!(ours.find(&vendor, PATH).unwrap().is_some());
    assert!(theirs.find(&vendor, PATH).unwrap().is_some());
    change.publish(&mut vendor);
    let found = ours.find(&vendor, PATH);
    let verdict = theirs.find(&vendor, PATH);
    let roles = ["root", "timestamp", "snapshot", "targets", DELEGATED];
    let same_trust = roles.iter().all(|role| match ours.cache.get(*role) {
        Some(bytes) => theirs.cached(role).as_ref() == Some(bytes),
        None => theirs
            .cached(role)
            .is_none_or(|bytes| bytes == vendor.file(role, 1)),
    });
    Verdicts {
        ours: found.map(|found| found.map(|file| file.length)),
        theirs: verdict,
        same_trust,
        odd_key: vendor.files.values().any(|bytes| has_odd_key(bytes)),
    }
}

fn has_odd_key(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let count = |member: &str| text.matches(&format!("\"{member}\": \"ed25519\"")).count();
    count("keytype") != count("scheme")
}

impl Verdicts {
    fn are_the_same(&self) -> bool {
        match (&self.ours, &self.theirs) {
            (Ok(ours), Ok(theirs)) => ours == theirs && self.same_trust,
            (Err(ours), Err(theirs)) => self.same_trust || !is_same_reason(ours, theirs),
            _ => false,
        }
    }

    fn are_explained(&self) -> bool {
        match (&self.ours, &self.theirs) {
            // Esky is stricter, as python-tuf is too.
            (Err(Error::Malformed { fault, .. }), Ok(_)) => is_stricter(fault),
            // What expires now has expired; with them, it is good for a moment more.
            (Err(Error::Expired { expired, .. }), Ok(_)) => *expired == now(),
            // A role that is delegated to must be listed; they pass over it.
            (Err(Error::NotListed { .. }), Ok(_)) => true,
            // The type of a key and its scheme must fit each other; they look at the scheme only.
            (Err(Error::NotSigned { .. }), _) => self.odd_key,
            // Keys of other kinds may look like anything, for they are passed over, and `null` is as good as nothing.
            (Ok(_), Err(sigstore_tuf::Error::Json(_))) => true,
            _ => false,
        }
    }
}

/// Where both refuse for the same reason, they have come equally far.
fn is_same_reason(ours: &Error, theirs: &sigstore_tuf::Error) -> bool {
    use sigstore_tuf::Error as Theirs;
    matches!(
        (ours, theirs),
        (Error::Expired { .. }, Theirs::Expired { .. })
            | (Error::Rollback { .. }, Theirs::Rollback { .. })
            | (Error::NotSigned { .. }, Theirs::ThresholdNotMet { .. })
            | (Error::Mismatch { .. }, Theirs::IntegrityMismatch(_))
    )
}

/// What they let pass, or find out only when they need it.
fn is_stricter(fault: &Malformed) -> bool {
    const STRICTER: [&str; 7] = [
        "a list without repetitions",
        "a list of roles with different names",
        "a name that can be delegated to",
        "a time such as 2030-01-31T12:00:00Z",
        "a version 1 of the specification",
        "an integer of at least 1",
        "an integer from 1 to 2^53",
    ];
    match fault {
        Malformed::Missing { field } => field == "signed.delegations.roles",
        Malformed::Unexpected { field, expected } => {
            STRICTER.contains(expected)
                || (field.ends_with(".hashes") && *expected == "an object of hashes")
        }
        _ => false,
    }
}

proptest! {
    #[test]
    fn a_changed_repository_gets_the_same_verdict_from_another_implementation(change in changes()) {
        let verdicts = verdicts(&change);
        prop_assert!(verdicts.are_the_same() || verdicts.are_explained(), "{:?}", verdicts);
    }
}
