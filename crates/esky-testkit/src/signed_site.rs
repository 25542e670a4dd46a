//! The signed repository of the test app, made as its developer would.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

use esky_publish::repository::{
    InitOptions, KeyStore, PatchOptions, Project, ReleaseOptions, Released, Signers, Source, Yank,
    init, refresh, release, rotate_release_key, yank,
};
use esky_trust::{KeyKind, Time, sign::SigningKey};
use tempfile::TempDir;

use crate::apps::{NAME, Release, options};
use crate::shared;

const PASSPHRASE: &str = "correct horse";

/// A repository, the keys for it, and the sources of the app beside it.
pub struct SignedSite {
    directory: TempDir,
    project: Project,
    store: KeyStore,
}

/// What all sites start from: encrypting a key is slow on purpose, and so is opening it.
struct First {
    place: PathBuf,
    root_seed: Vec<u8>,
}

impl First {
    fn get() -> &'static Self {
        static FIRST: OnceLock<First> = OnceLock::new();
        FIRST.get_or_init(|| {
            let directory = shared::directory("signed site", Self::make);
            Self {
                place: directory.join("place"),
                root_seed: fs::read(directory.join("root seed")).expect("a seed"),
            }
        })
    }

    fn make(directory: &Path) {
        let place = directory.join("place");
        let store = store(&place);
        let options = InitOptions {
            directory: place,
            app: NAME.to_owned(),
            url: None,
        };
        let made = init(&options, &store, PASSPHRASE, now()).expect("a new repository");
        let root = esky_publish::repository::newest_root(&made.project).expect("a root");
        let key = store.open_root_key(&root, PASSPHRASE).expect("a root key");
        fs::write(directory.join("root seed"), key.key.seed()).expect("a file");
    }

    fn root_key(&self) -> SigningKey {
        let seed: [u8; 32] = self.root_seed.as_slice().try_into().expect("a seed");
        SigningKey::from_seed(KeyKind::Ed25519, &seed.into()).expect("a key")
    }
}

fn store(directory: &Path) -> KeyStore {
    KeyStore::new(&directory.join("keys"), NAME)
}

impl SignedSite {
    /// A repository that offers nothing yet. All have the same keys.
    pub fn new() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        copy(&First::get().place, directory.path());
        Self {
            project: Project::find(directory.path()).expect("a project"),
            store: store(directory.path()),
            directory,
        }
    }

    /// The directory that is served.
    pub fn repository(&self) -> PathBuf {
        self.project.repository.clone()
    }

    /// Releases a version on the usual channel.
    pub fn release(&self, version: &Release) -> Released {
        self.release_with(version, |_| ())
    }

    /// Releases a version with other options.
    pub fn release_with(
        &self,
        version: &Release,
        change: impl FnOnce(&mut ReleaseOptions),
    ) -> Released {
        let work = tempfile::tempdir().expect("a temporary directory");
        let mut options = ReleaseOptions {
            source: Source::Directory(Box::new(options(version, work.path(), work.path()))),
            channel: None,
            notes: None,
            minimum_version: None,
            allow_older: false,
            patches: PatchOptions::default(),
        };
        change(&mut options);
        let mut go_on = |_| ControlFlow::Continue(());
        let released = release(&self.project, &options, &self.signers(), now(), &mut go_on);
        released.expect("a release")
    }

    /// Withdraws a version.
    pub fn yank(&self, version: &str) {
        let reason = "a test".to_owned();
        let what = Yank::Withdraw { reason };
        yank(&self.project, version, &what, &self.signers(), now()).expect("a yank");
    }

    /// Signs again, as if it were so many days from now; a negative number is the past.
    pub fn refresh_in(&self, days: i64) {
        let time = Time::from_unix(now().to_unix() + days * 86_400);
        refresh(&self.project, &self.signers(), time).expect("a refresh");
    }

    /// Puts a new key in the place of the release key.
    pub fn rotate(&self) {
        let mut signers = self.signers();
        signers.add(First::get().root_key());
        rotate_release_key(&self.project, &self.store, signers, now()).expect("a rotation");
    }

    /// A copy of the repository as it is now, to be served later by somebody who holds things back.
    pub fn copy_repository(&self) -> PathBuf {
        let name = format!(
            "copy {}",
            fs::read_dir(self.directory.path()).map_or(0, Iterator::count)
        );
        let place = self.directory.path().join(name);
        copy(&self.repository(), &place);
        place
    }

    fn signers(&self) -> Signers {
        let mut signers = Signers::default();
        for line in self.store.release_keys().expect("release keys") {
            signers.add(line.key);
        }
        signers
    }
}

impl Default for SignedSite {
    fn default() -> Self {
        Self::new()
    }
}

fn now() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let seconds = since.map_or(0, |since| since.as_secs());
    Time::from_unix(i64::try_from(seconds).unwrap_or(i64::MAX))
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a directory");
    for entry in fs::read_dir(from).expect("a directory") {
        let entry = entry.expect("an entry");
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).expect("a copy");
        }
    }
}
