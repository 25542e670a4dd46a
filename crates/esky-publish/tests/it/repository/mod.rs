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
use esky_trust::Time;
use esky_trust::sign::{RecoveryWords, Signer, SigningKey};

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

/// An app with a repository.
struct Workshop {
    app: App,
    store: KeyStore,
    project: Project,
    recovery: RecoveryWords,
}

impl Workshop {
    /// Encrypting a key is slow on purpose, so all start from copies of one.
    fn new() -> Self {
        static FIRST: OnceLock<(App, String)> = OnceLock::new();
        let (first, words) = FIRST.get_or_init(|| {
            let app = App::new();
            let initialized = init(&init_options(&app), &store(&app), PASSPHRASE, now()).unwrap();
            let words = initialized.recovery.to_text().to_string();
            (app, words)
        });
        Self::copy_of(first, &RecoveryWords::parse(words).unwrap())
    }

    fn copy_of(first: &App, recovery: &RecoveryWords) -> Self {
        let app = App::new();
        copy(first.place(), app.place());
        Self {
            project: Project::find(app.place()).unwrap(),
            store: store(&app),
            app,
            recovery: RecoveryWords::parse(&recovery.to_text()).unwrap(),
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
        static FIRST: OnceLock<SigningKey> = OnceLock::new();
        let root = reader::newest_root(&self.project.repository);
        let open = || self.store.open_root_key(&root, PASSPHRASE).unwrap().key;
        let mut signers = self.signers();
        let first = FIRST.get_or_init(open);
        if root.roles.root.key_ids.contains(first.key_id()) {
            signers.add(SigningKey::from_seed(first.kind(), &first.seed()).unwrap());
        } else {
            signers.add(open());
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
