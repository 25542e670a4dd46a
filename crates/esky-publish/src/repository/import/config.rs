//! `.tufup-repo-config`: where tufup keeps what, and which keys there are.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::ImportFault;
use crate::repository::error::RepositoryResult;

const FILE: &str = ".tufup-repo-config";
const LIMIT: u64 = 1 << 20;

/// What tufup was told.
pub(super) struct Config {
    /// Name of the app, which tufup's clients look for in the names of targets.
    pub(super) app: String,
    /// Directory of the metadata.
    pub(super) metadata: PathBuf,
    /// Directory of the targets.
    pub(super) targets: PathBuf,
    /// Directory of the keys.
    pub(super) keys: PathBuf,
    /// The names of all keys.
    pub(super) key_names: Vec<String>,
}

/// Other members are of no interest here.
#[derive(Deserialize)]
struct Said {
    app_name: String,
    repo_dir: String,
    keys_dir: String,
    key_map: BTreeMap<String, Vec<String>>,
}

/// Reads the settings in the directory in which tufup works.
pub(super) fn read(directory: &Path) -> RepositoryResult<Config> {
    let path = directory.join(FILE);
    let Some(bytes) = esky_fs::read_optional(&path, LIMIT)? else {
        return Err(ImportFault::NotTufup {
            directory: directory.to_owned(),
            file: FILE,
        }
        .into());
    };
    let said: Said = serde_json::from_slice(&bytes).map_err(|fault| ImportFault::BadConfig {
        path,
        reason: fault.to_string(),
    })?;
    // Older versions on Windows wrote backslashes.
    let place = |text: &str| directory.join(text.replace('\\', "/"));
    let repository = place(&said.repo_dir);
    let mut key_names: Vec<String> = said.key_map.into_values().flatten().collect();
    key_names.sort();
    key_names.dedup();
    Ok(Config {
        app: said.app_name,
        metadata: repository.join("metadata"),
        targets: repository.join("targets"),
        keys: place(&said.keys_dir),
        key_names,
    })
}
