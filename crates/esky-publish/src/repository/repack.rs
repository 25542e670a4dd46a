//! A package that was made elsewhere, by `bdist_esky` or on a machine without keys, taken apart to be packed and signed here.

use std::path::Path;

use esky_format::layout::{CONTROL_DIR, SETTINGS, TRUST_ROOT};
use esky_format::settings::{SETTINGS_LIMIT, Settings};

use super::error::{RepositoryError, RepositoryResult};
use super::project::default_channel;
use super::state::METADATA_LIMIT;
use super::unpacked::Unpacked;
use crate::{PackOptions, TrialOptions, TrustOptions};

/// Unpacks a package into a directory that is empty, and tells how to pack it again: the same files, programs, start-up
/// program, platform, trial and trust.
pub(super) fn unpack(package: &Path, place: &Path) -> RepositoryResult<PackOptions> {
    let unpacked = Unpacked::of(package, place)?;
    let app = unpacked.app;
    let control = unpacked.tree.join(CONTROL_DIR);
    let settings = settings(package, &control.join(SETTINGS))?;
    let root = esky_fs::read_optional(&control.join(TRUST_ROOT), METADATA_LIMIT)?;
    esky_fs::remove_tree(&control)?;
    let first = unpacked.manifest.first();
    let first = first.ok_or_else(|| crate::Error::NoProgram {
        directory: package.to_owned(),
        without_permission: Vec::new(),
        in_bin: Vec::new(),
    })?;
    let bootstrap = unpacked.root.join(first);
    let mut options = PackOptions::new(unpacked.tree, app.name, app.version, bootstrap, place);
    options.platform = Some(app.platform);
    options.programs = Some(unpacked.manifest);
    options.appdata_dir = unpacked.in_appdata;
    options.trust = root.map(|root| TrustOptions {
        root,
        channel: settings.channel.clone().unwrap_or_else(default_channel),
    });
    options.trial = trial(settings);
    Ok(options)
}

/// A package without settings is one of the original, whose versions are trusted at once.
fn settings(package: &Path, path: &Path) -> RepositoryResult<Settings> {
    let Some(bytes) = esky_fs::read_optional(path, SETTINGS_LIMIT as u64)? else {
        return Ok(Settings::absent());
    };
    Settings::parse(&bytes).map_err(|fault| RepositoryError::BadPackage {
        path: package.to_owned(),
        reason: fault.to_string(),
    })
}

fn trial(settings: Settings) -> TrialOptions {
    let (self_test, seconds) = match settings.self_test {
        Some(test) => (Some(test.program), test.seconds),
        None => (None, TrialOptions::default().self_test_seconds),
    };
    TrialOptions {
        confirm: settings.confirm,
        confirm_after: settings.confirm_after,
        max_tries: settings.max_tries,
        self_test,
        self_test_seconds: seconds,
    }
}
