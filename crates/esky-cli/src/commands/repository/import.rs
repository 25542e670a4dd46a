//! `esky import`: an app that another tool released.

use std::fmt;
use std::path::Path;

use esky_publish::repository::{
    ImportOptions, Imported, ImportedKey, KeyStore, import_tufup, imported_app,
};
use serde::Serialize;
use zeroize::Zeroizing;

use super::init::{CI_SNIPPET, new_passphrase, numbered};
use super::keys::{ask, key_directory};
use super::now;
use crate::Environment;
use crate::arguments::{ImportArguments, OtherTool};
use crate::exit;
use crate::failure::Failure;
use crate::source::place_of_repository;
use crate::terminal::Terminal;
use crate::text;

#[derive(Serialize)]
struct Outcome {
    app: String,
    project: String,
    repository: String,
    root_version: u64,
    targets: usize,
    keys: Vec<Key>,
    /// Roles whose metadata had expired.
    expired: Vec<String>,
    root_key_file: String,
    release_key_file: String,
    recovery_words: String,
    /// Only if it was made here.
    root_passphrase: Option<String>,
    signing_key: String,
}

#[derive(Serialize)]
struct Key {
    id: String,
    roles: Vec<String>,
    from: String,
}

pub(crate) fn run(
    arguments: &ImportArguments,
    terminal: &Terminal,
    environment: &Environment,
) -> Result<i32, Failure> {
    let OtherTool::Tufup = arguments.tool;
    let url = arguments
        .url
        .as_deref()
        .map(place_of_repository)
        .transpose()?;
    let options = ImportOptions {
        tufup: arguments.directory.clone(),
        directory: arguments.project.clone(),
        app: arguments.app.clone(),
        url,
        key_dirs: arguments.other_keys.clone(),
    };
    let directory = key_directory(arguments.key_dir.as_ref(), environment)?;
    let store = KeyStore::new(&directory, &imported_app(&options)?);
    let (passphrase, made) = match &environment.root_passphrase {
        Some(passphrase) => (passphrase.clone(), false),
        None => (new_passphrase()?, true),
    };
    let mut ask = |path: &Path| type_passphrase(path, environment);
    let imported = import_tufup(&options, &store, &passphrase, &mut ask, now())?;
    terminal.show(&Outcome::new(
        &imported,
        &store,
        made.then(|| passphrase.to_string()),
    ))?;
    Ok(exit::SUCCESS)
}

/// Nothing typed is no passphrase.
fn type_passphrase(path: &Path, environment: &Environment) -> Option<Zeroizing<String>> {
    let path = text::printable(&path.display().to_string());
    let typed = ask(environment, &format!("tufup's passphrase of {path}: ")).ok()?;
    (!typed.is_empty()).then_some(typed)
}

impl Outcome {
    fn new(imported: &Imported, store: &KeyStore, passphrase: Option<String>) -> Self {
        let project = &imported.project;
        let key = |key: &ImportedKey| Key {
            id: key.id.as_str().to_owned(),
            roles: key.roles.iter().map(ToString::to_string).collect(),
            from: key.from.display().to_string(),
        };
        Self {
            app: project.app.clone(),
            project: project.path.display().to_string(),
            repository: project.repository.display().to_string(),
            root_version: imported.root_version,
            targets: imported.targets,
            keys: imported.keys.iter().map(key).collect(),
            expired: imported.expired.iter().map(ToString::to_string).collect(),
            root_key_file: store.root_key(1).display().to_string(),
            release_key_file: store.release_key(1).display().to_string(),
            recovery_words: imported.recovery.to_text().to_string(),
            root_passphrase: passphrase,
            signing_key: imported.release_keys.to_string(),
        }
    }

    fn taken(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let targets = text::count(self.targets as u64, "target");
        writeln!(
            formatter,
            "{} moves to esky: {} goes on with root {} and {targets}\n",
            text::printable(&self.app),
            text::printable(&self.repository),
            self.root_version,
        )?;
        for key in &self.keys {
            let (roles, id) = (key.roles.join(", "), text::printable(&key.id));
            writeln!(formatter, "  {roles:<10} {id}")?;
        }
        if !self.expired.is_empty() {
            let roles = self.expired.join(", ");
            writeln!(formatter, "\nHad expired and was signed anew: {roles}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.taken(formatter)?;
        writeln!(
            formatter,
            "\nA recovery key is new. Write its words on paper. They are kept nowhere and never shown again:\n"
        )?;
        write!(formatter, "{}", numbered(&self.recovery_words))?;
        let (root, release) = (&self.root_key_file, &self.release_key_file);
        writeln!(formatter, "\nThe root key: {}", text::printable(root))?;
        if let Some(passphrase) = &self.root_passphrase {
            writeln!(
                formatter,
                "Its passphrase, for the same paper:\n\n    {passphrase}\n"
            )?;
        }
        writeln!(
            formatter,
            "The keys that sign releases: {}",
            text::printable(release)
        )?;
        writeln!(
            formatter,
            "A build server takes all of it from the variable ESKY_SIGNING_KEY:\n"
        )?;
        for line in self.signing_key.lines() {
            writeln!(formatter, "    {line}")?;
        }
        writeln!(formatter, "\n{CI_SNIPPET}")?;
        writeln!(
            formatter,
            "Next: esky release DIR --version V --tufup-bridge, then put the repository where tufup's was."
        )
    }
}
