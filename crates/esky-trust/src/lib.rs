//! The Update Framework (specification 1.0): which bytes from a repository may be believed, and how a repository
//! earns that belief.
//!
//! Everything here is a pure function of its arguments: no I/O, and time is an argument. What a caller does with it:
//!
//! * **Verify.** A [`TrustedSet`] starts from one trusted root and takes the repository's files one by one, in the
//!   order of the specification's client workflow. It changes only by what holds; what does not is an [`Error`] that
//!   names the file and the rule. [`TrustedSet::search`] says which target a path is, or which role is needed first.
//! * **Sign** (feature `sign`). A [`Draft`](sign::Draft) of a [`Root`], [`Targets`], [`Snapshot`] or [`Timestamp`] is
//!   signed by keys and written. Keys have text formats for people and for build servers.
//!
//! A file is [`Unverified`] until enough distinct keys have signed it; only then can what it says be read, as
//! [`Verified`]. The decisions behind it are in `docs/design/trust.md`.

mod error;
mod json;
mod key;
mod metadata;
mod pattern;
mod release;
#[cfg(feature = "sign")]
pub mod sign;
mod target_name;
mod time;
mod trusted;

pub use error::{Error, Malformed, Mismatch, Result};
pub use esky_format::percent::encode as percent_encode;
pub use json::{Json, JsonFault, Object};
pub use key::{Key, KeyId, KeyKind};
pub use metadata::{
    Content, DelegatedRole, Delegations, DigestCheck, Hashes, MetaFile, Paths, Role, RoleKeys,
    Root, RootRoles, Signature, Snapshot, TargetFile, Targets, Timestamp, Unverified, Verified,
};
pub use release::{PackageIndex, PackageKind, Release, ReleaseFault, Wanted, release_path};
pub use target_name::{TargetNameFault, check_target_name};
pub use time::Time;
pub use trusted::{MAX_DELEGATIONS, Search, TimestampUpdate, TrustedSet};
