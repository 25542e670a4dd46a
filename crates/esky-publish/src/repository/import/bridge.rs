//! The release that leads tufup's clients across: an esky package once more as an archive of tufup's.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use esky_format::version::compare;
use esky_trust::{Hashes, Json, Object, Release, TargetFile, Targets, Time};
use sha2::{Digest, Sha256};

use super::{FILE_MODE, ImportFault, archive};
use crate::Progress;
use crate::repository::error::{RepositoryError, RepositoryResult};
use crate::repository::init::ONLINE;
use crate::repository::layout;
use crate::repository::project::Project;
use crate::repository::request::Request;
use crate::repository::served::move_into_place;
use crate::repository::signers::Signers;
use crate::repository::stage::{Change, Stage, StagedPackage};
use crate::repository::state::{Accept, State};

const ARCHIVE: &str = ".tar.gz";
const PATCH: &str = ".patch";
/// What tufup's clients look at in `custom`.
const TUFUP: &str = "tufup";

/// An archive for tufup's clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bridged {
    /// The archive, in the repository.
    pub path: PathBuf,
    /// Its name in the metadata.
    pub target: String,
    /// Its size in bytes.
    pub size: u64,
    /// Whether it was there before, exactly so; then nothing was changed.
    pub already: bool,
}

/// Fails if a version could not be offered to tufup's clients: to be asked before it is released.
pub fn check_tufup_bridge(project: &Project, version: &str) -> RepositoryResult<()> {
    let state = State::read(&project.repository, Accept::Newest)?;
    bridge_name(&project.app, state.targets(), version)?;
    Ok(())
}

/// Offers a released package to tufup's clients too. Unpacked by them over the old app, it is an app directory of esky's,
/// with the root of trust in it.
///
/// tufup's patches are not offered any more: none leads to this archive, and its clients would take those that lead to
/// older ones for it.
///
/// A crash at any instant leaves the repository as it was to everyone who reads it, or the archive offered; the same call
/// finishes what is left.
pub fn tufup_bridge(
    project: &Project,
    released: &str,
    signers: &Signers,
    now: Time,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> RepositoryResult<Bridged> {
    let _lock = project.lock()?;
    project.clear_staging()?;
    let state = State::read(&project.repository, Accept::Newest)?;
    for role in ONLINE {
        signers.require(state.root(), role)?;
    }
    let (package, version) = find(project, state.targets(), released)?;
    let target = bridge_name(&project.app, state.targets(), &version)?;
    let staged = project.staging().join(&target);
    archive::write(&package, &staged, progress)?;
    let file = describe(&staged)?;
    let known = state.targets().targets.get(&target);
    if known.is_some_and(|known| known.hashes != file.hashes) {
        return Err(RepositoryError::AlreadyReleased { target });
    }
    let path = layout::target(&project.repository, &target, &file.hashes).unwrap_or_default();
    let (size, already) = (file.length, known.is_some());
    if !already {
        // For clients that were told not to ask for names with hashes. Nothing names it yet.
        let plain = layout::plain_target(&project.repository, &target);
        let copy = staged.with_extension("copy");
        esky_fs::copy_file(&staged, &copy, FILE_MODE)?;
        move_into_place(&copy, &plain)?;
        let mut targets = state.targets().clone();
        targets.targets.retain(|name, _| !is_patch(name));
        targets.targets.insert(target.clone(), file.clone());
        let change = Change {
            targets: Some(targets),
            ..Change::default()
        };
        let packages = vec![StagedPackage {
            path: staged,
            target: target.clone(),
            file,
        }];
        let request = Request::new(&project.app, &state, change, signers, now)?;
        let place = &project.repository;
        Stage::next(place, &state, request, packages, signers, now)?.publish()?;
    }
    project.clear_staging()?;
    Ok(Bridged {
        path,
        target,
        size,
        already,
    })
}

/// Takes the archives of a version away from tufup's clients, which know no other way of withdrawing. Tells which.
pub(in crate::repository) fn withdraw(
    targets: &mut BTreeMap<String, TargetFile>,
    version: &str,
) -> Vec<String> {
    let is_bridge = |name: &String, file: &TargetFile| {
        let custom = file.custom.as_ref().and_then(Json::as_object);
        custom.is_some_and(|custom| custom.contains_key(TUFUP))
            && split(name, ARCHIVE).is_some_and(|(_, found)| found == version)
    };
    let bridges = targets.extract_if(.., |name, file| is_bridge(name, file));
    bridges.map(|(name, _)| name).collect()
}

/// The package of a release, and its version.
fn find(
    project: &Project,
    targets: &Targets,
    released: &str,
) -> RepositoryResult<(PathBuf, String)> {
    let missing = || RepositoryError::NotReleased {
        version: released.to_owned(),
    };
    let file = targets.targets.get(released).ok_or_else(missing)?;
    let release = Release::read(released, file).ok().flatten();
    let path = layout::target(&project.repository, released, &file.hashes);
    path.zip(release.map(|release| release.version))
        .ok_or_else(missing)
}

/// The name of the archive, by the rules by which tufup's clients choose.
fn bridge_name(app: &str, targets: &Targets, version: &str) -> Result<String, ImportFault> {
    if !is_plain_version(version) {
        let version = version.to_owned();
        return Err(ImportFault::BridgeVersion { version });
    }
    let names = targets.targets.keys();
    let archives: Vec<_> = names.filter_map(|name| split(name, ARCHIVE)).collect();
    let apps: BTreeSet<&str> = archives.iter().map(|(app, _)| *app).collect();
    let app = match (apps.first(), apps.len()) {
        (None, _) => return Err(ImportFault::NoTufupRelease),
        (Some(only), 1) => only,
        _ => apps.get(app).ok_or_else(|| ImportFault::SeveralApps {
            names: apps.iter().map(|app| (*app).to_owned()).collect(),
        })?,
    };
    let versions = archives.iter().filter(|(of, _)| of == app);
    let newest = versions.map(|(_, version)| *version);
    let newest = newest.max_by(|one, two| compare(one, two));
    match newest {
        Some(newest) if newest != version && compare(newest, version) != Ordering::Less => {
            Err(ImportFault::NotNewer {
                version: version.to_owned(),
                newest: newest.to_owned(),
            })
        }
        _ => Ok(format!("{app}-{version}{ARCHIVE}")),
    }
}

/// App and version in the name of a target, as tufup reads it: the name is as long as letters, digits, `_` and `-` go.
/// tufup's targets are in no directory; esky's are.
fn split<'a>(target: &'a str, suffix: &str) -> Option<(&'a str, &'a str)> {
    let stem = target.strip_suffix(suffix)?;
    if stem.contains('/') {
        return None;
    }
    let is_word = |character: char| character.is_alphanumeric() || "_-".contains(character);
    let words = stem.find(|character| !is_word(character));
    let words = &stem[..words.unwrap_or(stem.len())];
    // The version has at least one character.
    let dashes = words.rmatch_indices('-').map(|(at, _)| at);
    let at = dashes.into_iter().find(|at| at + 1 < stem.len())?;
    let (app, version) = (&stem[..at], &stem[at + 1..]);
    (!app.is_empty()).then_some((app, version))
}

fn is_patch(target: &str) -> bool {
    split(target, PATCH).is_some()
}

/// A final release by PEP 440, which every client of tufup's takes. One version that cannot be read stops them all.
fn is_plain_version(version: &str) -> bool {
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    version.split('.').all(is_number)
}

fn describe(path: &Path) -> RepositoryResult<TargetFile> {
    let (mut length, mut hash) = (0, Sha256::new());
    esky_fs::read_pieces(path, |piece| {
        length += piece.len() as u64;
        hash.update(piece);
        Ok::<_, RepositoryError>(())
    })?;
    let required = Object::from([("required".to_owned(), Json::Bool(false))]);
    let custom = Object::from([
        ("user".to_owned(), Json::Null),
        (TUFUP.to_owned(), Json::Object(required)),
    ]);
    Ok(TargetFile {
        length,
        hashes: Hashes::from_sha256(&hash.finalize().into()),
        custom: Some(Json::Object(custom)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn targets(names: &[&str]) -> Targets {
        let files = names
            .iter()
            .map(|name| ((*name).to_owned(), TargetFile::describe(b"x")));
        Targets {
            version: 1,
            expires: Time::from_unix(0),
            targets: files.collect(),
            delegations: None,
            extra: Object::new(),
        }
    }

    #[test]
    fn names_are_split_as_tufup_splits_them() {
        for (name, expected) in [
            ("demo-1.0.tar.gz", Some(("demo", "1.0"))),
            ("my-app-1.0rc1.tar.gz", Some(("my-app", "1.0rc1"))),
            ("demo-1.0-2.tar.gz", Some(("demo", "1.0-2"))),
            ("demo-1-2.tar.gz", Some(("demo-1", "2"))),
            ("demo-1-.tar.gz", Some(("demo", "1-"))),
            ("d\u{e9}mo_2-10.tar.gz", Some(("d\u{e9}mo_2", "10"))),
            ("demo.tar.gz", None),
            ("-1.0.tar.gz", None),
            ("demo-.tar.gz", None),
            ("demo/stable/x/demo-1.0.tar.gz", None),
            ("my-app/stable/x/my-app-1.0.tar.gz", None),
            ("demo-1.0.patch", None),
        ] {
            assert_eq!(split(name, ARCHIVE), expected, "{name}");
        }
        assert!(is_patch("demo-1.0.patch") && !is_patch("demo-1.0.tar.gz"));
    }

    #[test]
    fn the_bridge_has_the_name_that_clients_look_for() {
        let one = targets(&[
            "old-1.0.tar.gz",
            "old-1.9.tar.gz",
            "old-1.9.patch",
            "new/stable/x/new-2.zip",
        ]);
        assert_eq!(bridge_name("new", &one, "1.10").unwrap(), "old-1.10.tar.gz");
        assert_eq!(bridge_name("new", &one, "1.9").unwrap(), "old-1.9.tar.gz");
        for version in ["1.8", "1.0"] {
            let fault = bridge_name("new", &one, version).unwrap_err();
            assert!(matches!(fault, ImportFault::NotNewer { .. }), "{fault}");
        }
        let none = bridge_name("new", &targets(&["x.zip"]), "2.0").unwrap_err();
        assert!(matches!(none, ImportFault::NoTufupRelease), "{none}");
        let two = targets(&["a-1.0.tar.gz", "b-3.0.tar.gz"]);
        assert_eq!(bridge_name("a", &two, "2.0").unwrap(), "a-2.0.tar.gz");
        let fault = bridge_name("c", &two, "2.0").unwrap_err();
        assert!(matches!(fault, ImportFault::SeveralApps { .. }), "{fault}");
    }

    #[test]
    fn versions_that_would_stop_or_not_reach_clients_are_refused() {
        for version in ["2", "2.0", "2026.11.26"] {
            assert!(is_plain_version(version), "{version}");
        }
        for version in ["", "2.0-beta", "2.0rc1", "two", "2..0", "1.0.linux"] {
            assert!(!is_plain_version(version), "{version}");
        }
    }
}
