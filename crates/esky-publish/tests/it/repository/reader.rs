//! A reader of a repository, by the client workflow of the specification and no code of the vendor's side.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use esky_trust::{PackageKind, Release, Root, TargetFile, Time, TrustedSet};
use sha2::{Digest, Sha256};

/// What an app that was shipped with a root sees: the versions that are offered to it, each with a package that is what
/// was signed for.
pub(super) fn offered(repository: &Path, root: &[u8], now: Time) -> Result<Vec<String>, String> {
    let trusted = follow(repository, root, now)?;
    let mut versions = Vec::new();
    for (path, file) in &trusted.targets().ok_or("no targets")?.targets {
        let release = Release::read(path, file).map_err(|fault| fault.to_string())?;
        let release = release.ok_or("a target that is no release")?;
        if release.yanked.is_some() {
            continue;
        }
        let (directory, name) = path.rsplit_once('/').unwrap();
        let hash = file.hashes.file_name_prefix().unwrap();
        let package = repository.join(format!("targets/{directory}/{hash}.{name}"));
        let bytes = fs::read(&package).map_err(|error| format!("{package:?}: {error}"))?;
        let found: String = Sha256::digest(&bytes)
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect();
        if found != hash || bytes.len() as u64 != file.length {
            return Err(format!("{package:?} is not what was signed for"));
        }
        if release.kind == PackageKind::Full {
            versions.push(release.version);
        }
    }
    Ok(versions)
}

/// All that is named, as seen by an app with the first root.
pub(super) fn targets(repository: &Path, now: Time) -> BTreeMap<String, TargetFile> {
    let first = fs::read(repository.join("metadata/1.root.json")).unwrap();
    let trusted = follow(repository, &first, now).unwrap();
    trusted.targets().unwrap().targets.clone()
}

pub(super) fn newest_root(repository: &Path) -> Root {
    let first = fs::read(repository.join("metadata/1.root.json")).unwrap();
    follow_roots(repository, &first, Time::from_unix(0))
        .unwrap()
        .root()
        .clone()
}

fn follow_roots(repository: &Path, root: &[u8], now: Time) -> Result<TrustedSet, String> {
    let words = |error: esky_trust::Error| error.to_string();
    let mut trusted = TrustedSet::new(root, now).map_err(words)?;
    let metadata = repository.join("metadata");
    while let Ok(next) =
        fs::read(metadata.join(format!("{}.root.json", trusted.root().version + 1)))
    {
        trusted.update_root(&next).map_err(words)?;
    }
    Ok(trusted)
}

pub(super) fn follow(repository: &Path, root: &[u8], now: Time) -> Result<TrustedSet, String> {
    let words = |error: esky_trust::Error| error.to_string();
    let metadata = repository.join("metadata");
    let read =
        |name: String| fs::read(metadata.join(&name)).map_err(|error| format!("{name}: {error}"));
    let mut trusted = follow_roots(repository, root, now)?;
    trusted
        .update_timestamp(&read("timestamp.json".into())?)
        .map_err(words)?;
    let version = trusted.timestamp().unwrap().snapshot.version;
    trusted
        .update_snapshot(&read(format!("{version}.snapshot.json"))?)
        .map_err(words)?;
    let version = trusted.targets_meta("targets").map_err(words)?.version;
    let targets = read(format!("{version}.targets.json"))?;
    trusted
        .update_targets("targets", "root", &targets)
        .map_err(words)?;
    Ok(trusted)
}
