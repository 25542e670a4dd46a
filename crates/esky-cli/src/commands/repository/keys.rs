//! The keys at hand: from the environment, a file, or where the person keeps them.

use std::io::{self, BufRead};
use std::path::PathBuf;

use esky_publish::repository::{self, KeyStore, Project, Signers};
use esky_trust::sign::KeyLine;
use esky_trust::{KeyId, Role, Root};
use zeroize::Zeroizing;

use crate::Environment;
use crate::arguments::KeyArguments;
use crate::failure::Failure;

/// The longest key line or list of words.
const LIMIT: u64 = 64 << 10;

/// The project and its keys.
pub(super) struct Workplace {
    pub(super) project: Project,
    /// `None` where no person is: a build server gets its key another way.
    store: Option<KeyStore>,
}

impl Workplace {
    pub(super) fn find(keys: &KeyArguments, environment: &Environment) -> Result<Self, Failure> {
        let project = Project::find(&keys.project)?;
        let directory = key_directory(keys.key_dir.as_ref(), environment).ok();
        let store = directory.map(|directory| KeyStore::new(&directory, &project.app));
        Ok(Self { project, store })
    }

    /// Where the person keeps keys.
    pub(super) fn store(&self) -> Result<&KeyStore, Failure> {
        self.store.as_ref().ok_or_else(no_key_directory)
    }

    /// The keys that sign releases. What is given in so many words comes before what lies around.
    pub(super) fn release_signers(
        &self,
        keys: &KeyArguments,
        environment: &Environment,
    ) -> Result<Signers, Failure> {
        let mut signers = Signers::default();
        let given = match (&keys.key_file, &environment.signing_key) {
            (Some(path), _) => {
                let bytes = Zeroizing::new(esky_fs::read_limited(path, LIMIT)?);
                let text = Zeroizing::new(String::from_utf8_lossy(&bytes).into_owned());
                Some((path.display().to_string(), text))
            }
            (None, Some(text)) => Some(("ESKY_SIGNING_KEY".to_owned(), text.clone())),
            (None, None) => None,
        };
        match given {
            Some((place, text)) => {
                let lines = KeyLine::parse_all(&text);
                signers.add_lines(&self.project.app, &place, lines)?;
            }
            None => {
                for line in self.store()?.release_keys()? {
                    signers.add(line.key);
                }
            }
        }
        Ok(signers)
    }

    /// The keys that sign releases, and what else is here that may say which versions there are: those need a passphrase.
    pub(super) fn version_signers(
        &self,
        keys: &KeyArguments,
        environment: &Environment,
    ) -> Result<Signers, Failure> {
        let root = repository::newest_root(&self.project)?;
        let mut signers = self.release_signers(keys, environment)?;
        if !signers.can_sign(&root, Role::Targets) {
            self.open(&mut signers, &[(&root, Role::Targets)], environment)?;
        }
        Ok(signers)
    }

    /// The keys that sign releases, as far as there are any, and the root key.
    pub(super) fn all_signers(
        &self,
        keys: &KeyArguments,
        wanted: &[(&Root, Role)],
        environment: &Environment,
    ) -> Result<Signers, Failure> {
        let mut signers = self.release_signers(keys, environment)?;
        self.open(&mut signers, wanted, environment)?;
        Ok(signers)
    }

    /// The ids of keys that are here and need a passphrase, of those that a root counts.
    pub(super) fn encrypted_ids(&self, root: &Root) -> Result<Vec<KeyId>, Failure> {
        let Some(store) = &self.store else {
            return Ok(Vec::new());
        };
        let all = Role::ALL.map(|role| (root, role));
        let found = store.encrypted_keys(&all)?;
        Ok(found.into_iter().map(|key| key.id).collect())
    }

    /// Opens the keys that need a passphrase and count for one of these roles.
    fn open(
        &self,
        signers: &mut Signers,
        wanted: &[(&Root, Role)],
        environment: &Environment,
    ) -> Result<(), Failure> {
        let Some(store) = &self.store else {
            return Ok(());
        };
        for key in store.encrypted_keys(wanted)? {
            let file = key.path.file_stem().unwrap_or_default().to_string_lossy();
            let passphrase = passphrase(environment, &format!("Passphrase of the key {file}: "))?;
            signers.add(key.open(&passphrase)?.key);
        }
        Ok(())
    }
}

/// Where keys are kept.
pub(super) fn key_directory(
    given: Option<&PathBuf>,
    environment: &Environment,
) -> Result<PathBuf, Failure> {
    let directory = given.or(environment.key_dir.as_ref()).cloned();
    directory.ok_or_else(no_key_directory)
}

fn no_key_directory() -> Failure {
    Failure::usage("it is not known where this person's keys are kept")
        .with_hint(Some("say where with --key-dir"))
}

/// A passphrase: from the environment, else from the terminal, else the next line of standard input.
fn passphrase(environment: &Environment, prompt: &str) -> Result<Zeroizing<String>, Failure> {
    match &environment.root_passphrase {
        Some(passphrase) => Ok(passphrase.clone()),
        None => ask(environment, prompt),
    }
}

/// What only a person knows. On a terminal it is not shown while it is typed.
pub(super) fn ask(environment: &Environment, prompt: &str) -> Result<Zeroizing<String>, Failure> {
    let answer = match environment.stdin_is_terminal {
        true => rpassword::prompt_password(prompt),
        false => read_line(),
    };
    let answer = answer.map(Zeroizing::new);
    answer.map_err(|error| Failure::new(format!("nothing could be read: {error}")))
}

fn read_line() -> io::Result<String> {
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    line.truncate(line.trim_end_matches(['\r', '\n']).len());
    Ok(line)
}
