//! `esky rotate` and `esky recover`: new keys in the place of old ones.

use std::fmt;

use esky_publish::repository::{self, KeyStore, Rotated};
use esky_trust::Role;
use esky_trust::sign::RecoveryWords;
use serde::Serialize;
use zeroize::Zeroizing;

use super::init::{new_passphrase, numbered};
use super::keys::{Workplace, ask};
use super::now;
use crate::Environment;
use crate::arguments::{RecoverArguments, RotateArguments, Which};
use crate::exit;
use crate::failure::Failure;
use crate::terminal::Terminal;
use crate::text;

/// New keys, and what must be shown now or never.
#[derive(Serialize, Default)]
struct Outcome {
    root_version: u64,
    root_key_file: Option<String>,
    root_passphrase: Option<String>,
    release_key_file: Option<String>,
    signing_key: Option<String>,
    recovery_words: Option<String>,
}

pub(crate) fn rotate(
    arguments: &RotateArguments,
    terminal: &Terminal,
    environment: &Environment,
) -> Result<i32, Failure> {
    let workplace = Workplace::find(&arguments.keys, environment)?;
    let (project, store) = (&workplace.project, workplace.store()?);
    let root = repository::newest_root(project)?;
    let wanted = [(&root, Role::Root)];
    let signers = workplace.all_signers(&arguments.keys, &wanted, environment)?;
    let mut outcome = Outcome::default();
    match arguments.role {
        Which::Release => {
            let (rotated, line) = repository::rotate_release_key(project, store, signers, now())?;
            outcome.released(store, &rotated, &line);
        }
        Which::Root => {
            let phrase = root_passphrase(environment)?;
            let rotated = repository::rotate_root_key(project, store, &phrase, signers, now())?;
            outcome.rooted(store, &rotated, &phrase, environment);
        }
        Which::Recovery => {
            let (rotated, words) = repository::rotate_recovery_key(project, signers, now())?;
            outcome.root_version = rotated.root_version;
            outcome.recovery_words = Some(words.to_text().to_string());
        }
    }
    terminal.show(&outcome)?;
    Ok(exit::SUCCESS)
}

pub(crate) fn recover(
    arguments: &RecoverArguments,
    terminal: &Terminal,
    environment: &Environment,
) -> Result<i32, Failure> {
    let workplace = Workplace::find(&arguments.keys, environment)?;
    let (project, store) = (&workplace.project, workplace.store()?);
    let words = ask(environment, "The 24 recovery words: ")?;
    let words = RecoveryWords::parse(&words).map_err(|fault| {
        Failure::from_error(&fault).with_hint(Some("compare the words with the paper"))
    })?;
    let phrase = root_passphrase(environment)?;
    let keep = arguments.keep_release_key;
    let signers = workplace.release_signers(&arguments.keys, environment)?;
    let recovered = repository::recover(project, store, &words, &phrase, signers, keep, now())?;
    let mut outcome = Outcome::default();
    outcome.rooted(store, &recovered.root, &phrase, environment);
    if let Some((rotated, line)) = &recovered.release {
        outcome.released(store, rotated, line);
    }
    terminal.show(&outcome)?;
    Ok(exit::SUCCESS)
}

/// The new root key gets the passphrase of the environment, else a new one.
pub(super) fn root_passphrase(environment: &Environment) -> Result<Zeroizing<String>, Failure> {
    match &environment.root_passphrase {
        Some(passphrase) => Ok(passphrase.clone()),
        None => new_passphrase(),
    }
}

impl Outcome {
    fn released(&mut self, store: &KeyStore, rotated: &Rotated, line: &str) {
        let file = store.release_key(rotated.root_version);
        self.root_version = rotated.root_version;
        self.release_key_file = Some(file.display().to_string());
        self.signing_key = Some(line.to_owned());
    }

    fn rooted(
        &mut self,
        store: &KeyStore,
        rotated: &Rotated,
        passphrase: &str,
        environment: &Environment,
    ) {
        let file = store.root_key(rotated.root_version);
        self.root_version = rotated.root_version;
        self.root_key_file = Some(file.display().to_string());
        let made = environment.root_passphrase.is_none();
        self.root_passphrase = made.then(|| passphrase.to_owned());
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.root_key_file {
            writeln!(formatter, "new root key: {}", text::printable(file))?;
        }
        if let Some(passphrase) = &self.root_passphrase {
            writeln!(
                formatter,
                "its passphrase, for the paper with the recovery words:\n\n    {passphrase}\n"
            )?;
        }
        if let Some(file) = &self.release_key_file {
            writeln!(formatter, "new release key: {}", text::printable(file))?;
        }
        if let Some(line) = &self.signing_key {
            writeln!(
                formatter,
                "for the build server, as ESKY_SIGNING_KEY:\n\n    {line}\n"
            )?;
        }
        if let Some(words) = &self.recovery_words {
            writeln!(
                formatter,
                "new recovery words, for a new paper; the old ones are worth nothing now:\n"
            )?;
            writeln!(formatter, "{}", numbered(words))?;
        }
        writeln!(
            formatter,
            "put the repository, which has root {} now, on your web server",
            self.root_version
        )
    }
}
