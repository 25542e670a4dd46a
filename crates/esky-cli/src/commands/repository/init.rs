//! `esky init`: keys and a repository.

use std::fmt;
use std::path::Path;

use esky_format::name::{APP_NAME_RULE, check_app_name};
use esky_publish::repository::{
    InitOptions, Initialized, KeyStore, generate_passphrase, guess_app, init,
};
use serde::Serialize;
use zeroize::Zeroizing;

use super::keys::key_directory;
use super::now;
use crate::Environment;
use crate::arguments::InitArguments;
use crate::exit;
use crate::failure::Failure;
use crate::source::place_of_repository;
use crate::terminal::Terminal;
use crate::text;

/// Words in a row, as they fit on a card.
const WORDS_IN_ROW: usize = 4;

#[derive(Serialize)]
struct Outcome {
    app: String,
    project: String,
    repository: String,
    root_key_file: String,
    release_key_file: String,
    recovery_words: String,
    /// Only if it was made here.
    root_passphrase: Option<String>,
    signing_key: String,
    /// What to type next, with what was said here and is kept nowhere.
    next: String,
}

pub(crate) fn run(
    arguments: &InitArguments,
    terminal: &Terminal,
    environment: &Environment,
) -> Result<i32, Failure> {
    let url = arguments
        .url
        .as_deref()
        .map(place_of_repository)
        .transpose()?;
    let app = app_name(arguments)?;
    let directory = key_directory(arguments.key_dir.as_ref(), environment)?;
    let store = KeyStore::new(&directory, &app);
    let (passphrase, made) = match &environment.root_passphrase {
        Some(passphrase) => (passphrase.clone(), false),
        None => (new_passphrase()?, true),
    };
    let options = InitOptions {
        directory: arguments.directory.clone(),
        app,
        url,
    };
    let initialized = init(&options, &store, &passphrase, now())?;
    terminal.show(&Outcome::new(
        &initialized,
        &store,
        made.then(|| passphrase.to_string()),
        next_step(arguments),
    ))?;
    Ok(exit::SUCCESS)
}

/// The release that follows. It has to be told where the project and the keys are, unless they are where it looks by itself.
fn next_step(arguments: &InitArguments) -> String {
    let mut words = "esky release DIR --version 1.0".to_owned();
    if arguments.directory != Path::new(".") {
        words += &format!(" --project {}", quoted(&arguments.directory));
    }
    if let Some(directory) = &arguments.key_dir {
        words += &format!(" --key-dir {}", quoted(directory));
    }
    words
}

/// A path as it is typed.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/\\._-:~+".contains(&byte);
    match text.bytes().all(is_plain) {
        true => text,
        false if cfg!(windows) => format!("\"{text}\""),
        false => format!("'{}'", text.replace('\'', "'\\''")),
    }
}

/// The name is checked before anything is made: keys for a name that no release can have are of no use.
fn app_name(arguments: &InitArguments) -> Result<String, Failure> {
    let named = match &arguments.app {
        Some(app) => Some(app.clone()),
        None => guess_app(&arguments.directory)?,
    };
    let app = named.ok_or_else(|| {
        Failure::usage("the directory has no name").with_hint(Some("name the app with --app"))
    })?;
    check_app_name(&app).map_err(|fault| {
        let hint = match (&arguments.app, fault.suggestion()) {
            (None, Some(near)) => format!("name the app with --app {near:?}: {APP_NAME_RULE}"),
            (None, None) => format!("name the app with --app: {APP_NAME_RULE}"),
            (Some(_), _) => fault.hint(),
        };
        Failure::from_error(&fault).with_hint(Some(hint))
    })?;
    Ok(app)
}

/// A passphrase that is shown once.
pub(super) fn new_passphrase() -> Result<Zeroizing<String>, Failure> {
    generate_passphrase().map_err(|fault| Failure::from_error(&fault))
}

impl Outcome {
    fn new(
        initialized: &Initialized,
        store: &KeyStore,
        passphrase: Option<String>,
        next: String,
    ) -> Self {
        let project = &initialized.project;
        Self {
            app: project.app.clone(),
            project: project.path.display().to_string(),
            repository: project.repository.display().to_string(),
            root_key_file: store.root_key(1).display().to_string(),
            release_key_file: store.release_key(1).display().to_string(),
            recovery_words: initialized.recovery.to_text().to_string(),
            root_passphrase: passphrase,
            signing_key: initialized.release_key.to_string(),
            next,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = |path: &str| text::printable(path);
        writeln!(
            formatter,
            "{} has a signed repository: {}\n",
            path(&self.app),
            path(&self.repository)
        )?;
        writeln!(
            formatter,
            "Write these words on paper. They are kept nowhere and never shown again."
        )?;
        writeln!(
            formatter,
            "They make new keys when yours are lost or stolen (esky recover):\n"
        )?;
        write!(formatter, "{}", numbered(&self.recovery_words))?;
        writeln!(
            formatter,
            "\nThe root key says who may sign: {}",
            path(&self.root_key_file)
        )?;
        if let Some(passphrase) = &self.root_passphrase {
            writeln!(
                formatter,
                "Its passphrase, for the same paper:\n\n    {passphrase}\n"
            )?;
        }
        writeln!(
            formatter,
            "The release key signs versions: {}",
            path(&self.release_key_file)
        )?;
        writeln!(
            formatter,
            "A build server takes it from the variable ESKY_SIGNING_KEY:\n"
        )?;
        writeln!(formatter, "    {}\n", self.signing_key)?;
        writeln!(formatter, "{CI_SNIPPET}")?;
        writeln!(
            formatter,
            "Next: {}, where DIR is what your freezer made.",
            path(&self.next)
        )
    }
}

/// What a build server has to do.
pub(super) const CI_SNIPPET: &str =
    "    # GitHub Actions, with what stands above as the secret ESKY_SIGNING_KEY
    on:
      push: {tags: ['v*']}
      schedule: [{cron: '0 6 * * 1'}]
    env:
      ESKY_SIGNING_KEY: ${{ secrets.ESKY_SIGNING_KEY }}
    # for a tag:      esky release dist/app --version \"${GITHUB_REF_NAME#v}\"
    # every Monday:   esky refresh
    # after both:     upload repo/ to your web server
";

/// Words as they are written on paper.
pub(super) fn numbered(words: &str) -> String {
    let words: Vec<&str> = words.split(' ').collect();
    let rows = words.chunks(WORDS_IN_ROW).enumerate().map(|(row, words)| {
        let numbers = row * WORDS_IN_ROW + 1..;
        let cells = numbers.zip(words);
        let cells: String = cells
            .map(|(number, word)| format!("  {number:>2} {word:<9}"))
            .collect();
        format!("  {}\n", cells.trim_end())
    });
    rows.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_numbered_in_rows() {
        let words = "one two three four five";
        let expected = "     1 one         2 two         3 three       4 four\n     5 five\n";
        assert_eq!(numbered(words), expected);
    }
}
