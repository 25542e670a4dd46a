//! The commands on a signed repository: `init`, `import`, `release`, `status`, `refresh`, `yank`, `rotate`, `recover`,
//! `keys`, `sign`, `publish`.

mod import;
mod init;
mod key_changes;
mod keys;
mod release;
mod requests;
mod rotate;
mod status;
mod upkeep;

pub(crate) use import::run as import;
pub(crate) use init::run as init;
pub(crate) use key_changes::run as keys;
pub(crate) use release::run as release;
pub(crate) use requests::{publish, sign};
pub(crate) use rotate::{recover, rotate};
pub(crate) use status::run as status;
pub(crate) use upkeep::{refresh, yank};

use std::time::{SystemTime, UNIX_EPOCH};

use esky_trust::Time;

/// The time by the machine's clock.
fn now() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let seconds = since.map_or(0, |since| since.as_secs());
    Time::from_unix(i64::try_from(seconds).unwrap_or(i64::MAX))
}
