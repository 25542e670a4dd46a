//! An app that was released with tufup moves to esky.

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use esky_fs::faults::{Plan, arm};
use esky_publish::repository::{
    ImportFault, ImportOptions, Imported, KeyStore, PatchOptions, ReleaseOptions, RepositoryError,
    RepositoryResult, Signers, Source, import_tufup, init, recover, release, rotate_release_key,
};
use esky_testkit::tufup::Tufup;
use esky_trust::sign::{KeyFault, SigningKey};
use esky_trust::{KeyId, KeyKind, Role, Time, TrustedSet};
use zeroize::Zeroizing;

use super::reader::follow;
use super::{PASSPHRASE, in_days, init_options, now, store};
use crate::app::App;

/// A key as securesystemslib encrypts it, its passphrase and its seed.
const ENCRYPTED: &[u8] = include_bytes!("../../../src/repository/import/encrypted_key.txt");
const KEY_PASSPHRASE: &str = "pass word \u{e9}";
const SEED: &str = "11f9221b7b0860c5a4d44b31f353e940fb04a8835350fd6625d7bc3918dfcbf6";

/// A developer's machine on which tufup was used.
pub(super) struct Mover {
    pub(super) app: App,
    pub(super) tufup: Tufup,
    pub(super) store: KeyStore,
}

impl Mover {
    pub(super) fn new() -> Self {
        let app = App::new();
        Self {
            tufup: Tufup::new(app.place(), now()),
            store: store(&app),
            app,
        }
    }

    fn options(&self) -> ImportOptions {
        ImportOptions {
            tufup: self.tufup.directory.clone(),
            directory: self.app.place().to_owned(),
            app: None,
            url: None,
            key_dirs: Vec::new(),
        }
    }

    pub(super) fn import(&self) -> RepositoryResult<Imported> {
        self.import_at(now())
    }

    fn import_at(&self, now: Time) -> RepositoryResult<Imported> {
        let mut nobody = |_: &Path| panic!("nothing is encrypted");
        import_tufup(&self.options(), &self.store, PASSPHRASE, &mut nobody, now)
    }

    fn import_typing(&self, passphrase: Option<&str>) -> RepositoryResult<Imported> {
        let mut ask = |path: &Path| {
            assert_eq!(path, self.tufup.path("keystore/root"));
            passphrase.map(|text| Zeroizing::new(text.to_owned()))
        };
        import_tufup(&self.options(), &self.store, PASSPHRASE, &mut ask, now())
    }

    /// The keys that sign releases, from the store.
    pub(super) fn signers(&self) -> Signers {
        let mut signers = Signers::default();
        for line in self.store.release_keys().unwrap() {
            signers.add(line.key);
        }
        signers
    }

    pub(super) fn repository(&self) -> PathBuf {
        self.app.place().join("repo")
    }

    /// What an app follows that was shipped with the first root.
    pub(super) fn followed(&self) -> TrustedSet {
        let first = self.tufup.path("repository/metadata/1.root.json");
        follow(&self.repository(), &fs::read(first).unwrap(), now()).unwrap()
    }

    pub(super) fn failure(&self) -> ImportFault {
        match self.import() {
            Err(RepositoryError::Import(fault)) => fault,
            Err(other) => panic!("{other}"),
            Ok(_) => panic!("it was imported"),
        }
    }

    pub(super) fn assert_nothing_was_made(&self) {
        assert!(!self.repository().exists() && !self.store.directory().exists());
        assert!(!self.app.place().join("esky.toml").exists());
    }
}

#[test]
fn the_chain_goes_on_with_the_same_keys_and_targets() {
    let mover = Mover::new();
    let before = contents(&mover.tufup.directory);
    let imported = mover.import().unwrap();
    assert_eq!(
        contents(&mover.tufup.directory),
        before,
        "tufup's directory is only read"
    );
    assert_eq!((imported.root_version, imported.targets), (2, 3));
    assert!(imported.expired.is_empty());
    let trusted = mover.followed();
    let (root, old) = (trusted.root(), &mover.tufup.root);
    assert!(root.consistent_snapshot && root.expires > in_days(4 * 365));
    for role in [Role::Timestamp, Role::Snapshot, Role::Targets] {
        assert_eq!(root.roles.get(role), old.roles.get(role), "{role}");
    }
    assert_eq!(root.roles.root.key_ids[0].as_str(), "root of tufup");
    assert_eq!(
        (root.roles.root.key_ids.len(), root.roles.root.threshold),
        (2, 1)
    );
    let ids = imported.keys.iter().map(|key| key.id.as_str());
    assert_eq!(ids.filter(|id| id.ends_with(" of tufup")).count(), 4);
    assert_eq!(
        trusted.targets().unwrap().targets,
        mover.tufup.targets.targets
    );
    for (name, file) in &mover.tufup.targets.targets {
        let hash = file.hashes.file_name_prefix().unwrap();
        for place in [name.clone(), format!("{hash}.{name}")] {
            let copy = fs::read(mover.repository().join("targets").join(place)).unwrap();
            assert_eq!(copy, name.as_bytes());
        }
    }
    for name in ["1.root.json", "2.snapshot.json", "2.targets.json"] {
        let old = name.replace("2.", "");
        let old = fs::read(mover.tufup.path("repository/metadata").join(old)).unwrap();
        let kept = fs::read(mover.repository().join("metadata").join(name)).unwrap();
        assert_eq!(kept, old, "{name}");
    }
}

/// As long as a cache on the way says that there is no second root.
#[test]
fn who_does_not_see_the_new_root_yet_reads_the_repository_too() {
    let mover = Mover::new();
    mover.import().unwrap();
    let metadata = mover.repository().join("metadata");
    let read = |name: &str| fs::read(metadata.join(name)).unwrap();
    let mut trusted = TrustedSet::new(&read("1.root.json"), now()).unwrap();
    trusted.update_timestamp(&read("timestamp.json")).unwrap();
    trusted.update_snapshot(&read("snapshot.json")).unwrap();
    let targets = read("targets.json");
    trusted.update_targets("targets", "root", &targets).unwrap();
    assert!(trusted.targets().unwrap().version > mover.tufup.targets.version);
}

#[test]
fn releases_rotations_and_recovery_work_as_after_init() {
    let mover = Mover::new();
    let imported = mover.import().unwrap();
    assert_eq!(imported.release_keys.lines().count(), 3);
    let options = ReleaseOptions {
        source: Source::Directory(Box::new(mover.app.options())),
        channel: None,
        notes: None,
        minimum_version: None,
        allow_older: false,
        patches: PatchOptions::default(),
    };
    let mut progress = |_| ControlFlow::Continue(());
    let (project, store) = (&imported.project, &mover.store);
    let released = release(project, &options, &mover.signers(), now(), &mut progress).unwrap();
    assert!(
        mover
            .followed()
            .targets()
            .unwrap()
            .targets
            .contains_key(&released.target)
    );
    let root = mover.followed().root().clone();
    let mut signers = mover.signers();
    signers.add(store.open_root_key(&root, PASSPHRASE).unwrap().key);
    let (rotated, _) = rotate_release_key(project, store, signers, now()).unwrap();
    let old: Vec<_> = rotated.old.iter().map(|id| id.as_str()).collect();
    assert_eq!(
        old,
        [
            "timestamp of tufup",
            "snapshot of tufup",
            "targets of tufup"
        ]
    );
    assert_eq!(mover.followed().root().version, 3);
    let (words, signers) = (&imported.recovery, mover.signers());
    recover(project, store, words, PASSPHRASE, signers, true, now()).unwrap();
    let root = mover.followed().root().clone();
    let tufups = |id: &&KeyId| id.as_str().ends_with("of tufup");
    assert_eq!(
        (root.version, root.keys.keys().filter(tufups).count()),
        (4, 0)
    );
}

#[test]
fn roots_that_followed_are_taken_over_too() {
    let mut mover = Mover::new();
    mover.tufup.rotate_root_key();
    let imported = mover.import().unwrap();
    assert_eq!(imported.root_version, 3);
    let root = mover.followed().root().clone();
    assert_eq!(root.version, 3);
    assert_eq!(root.roles.root.key_ids[0].as_str(), "second-root of tufup");
}

#[test]
fn a_root_that_needs_several_keys_needs_them_from_then_on() {
    let mut mover = Mover::new();
    mover.tufup.add_root_key();
    let name = "keystore/root-key-2 of tufup";
    let apart = mover.app.place().join("apart");
    fs::rename(mover.tufup.path(name), &apart).unwrap();
    match mover.failure() {
        ImportFault::MissingKey {
            needed, present, ..
        } => assert_eq!((needed, present), (2, 1)),
        other => panic!("{other}"),
    }
    fs::rename(&apart, mover.tufup.path(name)).unwrap();
    mover.import().unwrap();
    let root = mover.followed().root().roles.root.clone();
    assert_eq!((root.threshold, root.key_ids.len()), (2, 3));
    for version in [1, 2] {
        assert!(mover.store.root_key(version).exists(), "{version}");
    }
}

/// The next name would be that of a key which the root after the next brings.
#[test]
fn more_root_keys_than_can_be_kept_are_refused() {
    let mut mover = Mover::new();
    mover.tufup.add_root_key();
    mover.tufup.add_root_key();
    match mover.failure() {
        ImportFault::TooManyRootKeys { found, most } => assert_eq!((found, most), (3, 2)),
        other => panic!("{other}"),
    }
    mover.assert_nothing_was_made();
}

/// tufup's timestamps are good for a day, so this is how most repositories are found.
#[test]
fn what_has_expired_is_signed_anew() {
    let mover = Mover::new();
    let imported = mover.import_at(much_later()).unwrap();
    assert_eq!(imported.expired.len(), 4);
    let first = mover.tufup.path("repository/metadata/1.root.json");
    let later = in_days(540);
    follow(&mover.repository(), &fs::read(first).unwrap(), later).unwrap();
}

#[test]
fn encrypted_keys_need_their_passphrase() {
    let mut mover = Mover::new();
    mover.tufup.set_root_key(encrypted_key(), ENCRYPTED);
    for (typed, expected) in [(None, None), (Some("wrong"), Some(KeyFault::Passphrase))] {
        let error = mover.import_typing(typed).map(drop).unwrap_err();
        match error {
            RepositoryError::Import(ImportFault::Encrypted { .. }) => assert_eq!(expected, None),
            RepositoryError::Import(ImportFault::KeyFile { fault, .. }) => {
                assert_eq!(Some(fault), expected);
            }
            other => panic!("{other}"),
        }
        mover.assert_nothing_was_made();
    }
    let imported = mover.import_typing(Some(KEY_PASSPHRASE)).unwrap();
    assert!(
        imported
            .keys
            .iter()
            .any(|key| key.id.as_str() == "encrypted")
    );
}

#[test]
fn keys_that_are_kept_elsewhere_are_found_there() {
    let mover = Mover::new();
    let elsewhere = mover.app.place().join("stick");
    fs::create_dir(&elsewhere).unwrap();
    fs::rename(mover.tufup.path("keystore/root"), elsewhere.join("root")).unwrap();
    match mover.failure() {
        ImportFault::MissingKey {
            role,
            present,
            looked_for,
            ..
        } => {
            assert_eq!((role, present), (Role::Root, 0));
            assert_eq!(looked_for, [mover.tufup.path("keystore/root")]);
        }
        other => panic!("{other}"),
    }
    let mut options = mover.options();
    options.key_dirs = vec![elsewhere];
    let mut nobody = |_: &Path| None;
    import_tufup(&options, &mover.store, PASSPHRASE, &mut nobody, now()).unwrap();
}

fn encrypted_key() -> SigningKey {
    let digits = (0..SEED.len()).step_by(2).map(|at| &SEED[at..at + 2]);
    let bytes = digits.map(|pair| u8::from_str_radix(pair, 16).unwrap());
    let seed = <[u8; 32]>::try_from(bytes.collect::<Vec<_>>()).unwrap();
    let key = SigningKey::from_seed(KeyKind::Ed25519, &Zeroizing::new(seed)).unwrap();
    key.with_id(KeyId::new("encrypted"))
}

/// A time at which all that tufup signed has expired.
fn much_later() -> Time {
    in_days(500)
}

/// All files below a directory.
pub(super) fn contents(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(contents(&path));
        } else {
            files.insert(path.clone(), fs::read(path).unwrap());
        }
    }
    files
}

#[test]
fn a_name_that_would_swallow_the_version_is_refused() {
    let mover = Mover::new();
    let mut options = mover.options();
    options.app = Some("app-2".to_owned());
    let mut nobody = |_: &Path| None;
    let error = import_tufup(&options, &mover.store, PASSPHRASE, &mut nobody, now()).map(drop);
    let error = error.unwrap_err();
    assert!(
        matches!(error, RepositoryError::Import(ImportFault::AppName { .. })),
        "{error}"
    );
    mover.assert_nothing_was_made();
}

#[test]
fn a_project_or_keys_that_are_there_stay() {
    let mover = Mover::new();
    init(&init_options(&mover.app), &mover.store, PASSPHRASE, now()).unwrap();
    let before = contents(mover.app.place());
    let error = mover.import().map(drop).unwrap_err();
    assert!(
        matches!(error, RepositoryError::AlreadyThere { .. }),
        "{error}"
    );
    fs::remove_file(mover.app.place().join("esky.toml")).unwrap();
    assert!(mover.import().is_err(), "a repository");
    fs::remove_dir_all(mover.repository()).unwrap();
    match mover.import().map(drop).unwrap_err() {
        RepositoryError::AlreadyThere { path } => assert_eq!(path, mover.store.root_key(1)),
        other => panic!("{other}"),
    }
    fs::remove_file(mover.store.root_key(1)).unwrap();
    match mover.import().map(drop).unwrap_err() {
        RepositoryError::AlreadyThere { path } => assert_eq!(path, mover.store.release_key(1)),
        other => panic!("{other}"),
    }
    let kept = &before[&mover.store.release_key(1)];
    assert_eq!(&fs::read(mover.store.release_key(1)).unwrap(), kept);
}

#[test]
fn keys_of_tufups_are_not_kept_where_they_would_be_committed() {
    let mut mover = Mover::new();
    let tree = mover.app.place().join("tree");
    fs::create_dir_all(tree.join(".git")).unwrap();
    mover.store = KeyStore::new(&tree, "app");
    let error = mover.import().map(drop).unwrap_err();
    assert!(
        matches!(error, RepositoryError::InsideGit { .. }),
        "{error}"
    );
    mover.assert_nothing_was_made();
}

/// Encrypting a key is slow on purpose, so not every operation has its turn.
#[test]
fn an_import_that_is_broken_off_is_done_by_the_next() {
    let mut last = 0;
    for count in (0..).step_by(6) {
        let mover = Mover::new();
        let before = contents(&mover.tufup.directory);
        let armed = arm(Plan::StopAfter(count));
        let result = mover.import();
        let tried = armed.operations();
        drop(armed);
        assert_eq!(contents(&mover.tufup.directory), before, "after {count}");
        if result.is_ok() && tried <= count {
            last = count;
            break;
        }
        if mover.repository().exists() {
            mover.followed();
            fs::remove_dir_all(mover.repository()).unwrap();
        }
        let project = mover.app.place().join("esky.toml");
        if !project.exists() {
            mover.import().unwrap();
            mover.followed();
        }
    }
    assert!(last > 20, "{last} operations are too few to be true");
}
