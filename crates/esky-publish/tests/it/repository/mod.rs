//! Stories and faults of signed repositories.

mod bridging;
mod hosting;
mod importing;
mod keys;
mod legacy_site;
mod patching;
mod publishing;
mod reader;
mod rehearsing;
mod requests;
mod several;
mod spoilt;
mod succession;
mod tampering;

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use esky_publish::repository::{
    InitOptions, KeyStore, PatchOptions, Project, ReleaseOptions, Released, RepositoryResult,
    Signers, Source, init, release,
};
use esky_testkit::shared;
use esky_trust::sign::{RecoveryWords, Signer, SigningKey};
use esky_trust::{KeyKind, Time};

use crate::app::App;

const PASSPHRASE: &str = "correct horse";
const DAY: i64 = 86_400;

/// When everything happens, unless a test says otherwise.
fn now() -> Time {
    Time::from_unix(1_800_000_000)
}

fn in_days(days: i64) -> Time {
    Time::from_unix(now().to_unix() + days * DAY)
}

fn store(app: &App) -> KeyStore {
    KeyStore::new(&app.place().join("keys"), "app")
}

fn init_options(app: &App) -> InitOptions {
    InitOptions {
        directory: app.place().to_owned(),
        app: "app".into(),
        url: None,
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// What all workshops start from. Encrypting a key is slow on purpose, and so is opening it.
struct First {
    place: PathBuf,
    words: String,
    root_seed: Vec<u8>,
}

impl First {
    fn get() -> &'static Self {
        static FIRST: OnceLock<First> = OnceLock::new();
        FIRST.get_or_init(|| {
            let directory = shared::directory("esky-publish workshop", Self::make);
            Self {
                place: directory.join("place"),
                words: fs::read_to_string(directory.join("words")).unwrap(),
                root_seed: fs::read(directory.join("root seed")).unwrap(),
            }
        })
    }

    fn make(directory: &Path) {
        let app = App::new();
        let made = init(&init_options(&app), &store(&app), PASSPHRASE, now()).unwrap();
        let words = made.recovery.to_text();
        let root = reader::newest_root(&made.project.repository);
        let key = store(&app).open_root_key(&root, PASSPHRASE).unwrap().key;
        assert_eq!(key.kind(), KeyKind::Ed25519);
        copy(app.place(), &directory.join("place"));
        fs::write(directory.join("words"), words.as_bytes()).unwrap();
        fs::write(directory.join("root seed"), key.seed()).unwrap();
    }

    fn root_key(&self) -> SigningKey {
        let seed: [u8; 32] = self.root_seed.as_slice().try_into().unwrap();
        SigningKey::from_seed(KeyKind::Ed25519, &seed.into()).unwrap()
    }
}

/// An app with a repository.
struct Workshop {
    app: App,
    store: KeyStore,
    project: Project,
    recovery: RecoveryWords,
}

impl Workshop {
    fn new() -> Self {
        let first = First::get();
        Self::copy_of(&first.place, &first.words)
    }

    /// A copy of what another workshop has on disk.
    fn copy_of(place: &Path, words: &str) -> Self {
        let app = App::new();
        copy(place, app.place());
        Self {
            project: Project::find(app.place()).unwrap(),
            store: store(&app),
            app,
            recovery: RecoveryWords::parse(words).unwrap(),
        }
    }

    /// The release keys of the person.
    fn signers(&self) -> Signers {
        let mut signers = Signers::default();
        for line in self.store.release_keys().unwrap() {
            signers.add(line.key);
        }
        signers
    }

    /// The release keys and the root key.
    fn all_signers(&self) -> Signers {
        let root = reader::newest_root(&self.project.repository);
        let mut signers = self.signers();
        let first = First::get().root_key();
        if root.roles.root.key_ids.contains(first.key_id()) {
            signers.add(first);
        } else {
            signers.add(self.store.open_root_key(&root, PASSPHRASE).unwrap().key);
        }
        signers
    }

    fn options(&self, version: &str) -> ReleaseOptions {
        let mut pack = self.app.options();
        pack.version = version.to_owned();
        ReleaseOptions {
            source: Source::Directory(Box::new(pack)),
            channel: None,
            notes: Some(format!("New in {version}")),
            minimum_version: None,
            allow_older: false,
            patches: PatchOptions::default(),
        }
    }

    /// Releases the directory with its version in it.
    fn release(&self, version: &str) -> RepositoryResult<Released> {
        self.app.file("version.txt", version.as_bytes());
        self.release_as(&self.options(version))
    }

    fn release_as(&self, options: &ReleaseOptions) -> RepositoryResult<Released> {
        self.release_with(options, &self.signers())
    }

    fn release_with(
        &self,
        options: &ReleaseOptions,
        signers: &Signers,
    ) -> RepositoryResult<Released> {
        let mut progress = |_| ControlFlow::Continue(());
        release(&self.project, options, signers, now(), &mut progress)
    }

    fn metadata(&self, name: &str) -> PathBuf {
        self.project.repository.join("metadata").join(name)
    }
}
