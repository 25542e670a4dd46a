//! `esky cleanup`: old versions and left-overs go, unless somebody still runs them.

use std::fmt;
use std::path::Path;

use esky::{Esky, Leftover};
use serde::Serialize;

use super::kept::Kept;
use crate::arguments::CleanupArguments;
use crate::exit;
use crate::failure::Failure;
use crate::terminal::Terminal;
use crate::text;

/// The answer: which versions went, which stay, whether anything is left to do, and what could not be done now.
#[derive(Serialize)]
struct Outcome {
    removed: Vec<String>,
    kept: Vec<String>,
    complete: bool,
    left: Vec<Left>,
    /// Files that did not come with the versions that were removed.
    kept_files: Vec<Kept>,
}

/// What the system refused.
#[derive(Serialize)]
pub(super) struct Left {
    path: String,
    cause: String,
    hint: Option<String>,
}

impl Left {
    pub(super) fn all(refused: Vec<Leftover>) -> Vec<Self> {
        let left = refused.into_iter().map(|left| Self {
            path: left.path.display().to_string(),
            cause: left.cause,
            hint: left.hint,
        });
        left.collect()
    }

    /// Warns the user about each file that is left. The command does not fail: the app works, and the next run tries again.
    pub(super) fn tell(all: &[Self], terminal: &Terminal) {
        for left in all {
            terminal.message(&format!("warning: left for later: {}", left.cause));
            if let Some(hint) = &left.hint {
                terminal.message(hint);
            }
        }
    }
}

pub(crate) fn run(arguments: &CleanupArguments, terminal: &Terminal) -> Result<i32, Failure> {
    let outcome = clean(&arguments.app_dir)
        .map_err(|error| Failure::from(error).about_path(&arguments.app_dir))?;
    terminal.show(&outcome)?;
    Left::tell(&outcome.left, terminal);
    Kept::tell(&outcome.kept_files, terminal);
    if !outcome.complete && outcome.left.is_empty() {
        terminal.message("some versions are in use; run `esky cleanup` again when they have ended");
    }
    Ok(exit::SUCCESS)
}

fn clean(path: &Path) -> esky::Result<Outcome> {
    let app = Esky::open_without_finder(path)?;
    // Held from the first look to the last, so that the answer tells what this command did.
    let _guard = app.lock()?;
    let before = versions(&app)?;
    let left = app.cleanup()?;
    let kept = versions(&app)?;
    let removed = before
        .into_iter()
        .filter(|version| !kept.contains(version))
        .collect();
    Ok(Outcome {
        removed,
        kept,
        complete: left.is_empty(),
        left: Left::all(left.refused),
        kept_files: Kept::all(left.kept),
    })
}

fn versions(app: &Esky) -> esky::Result<Vec<String>> {
    let versions = app.app_dir().versions()?.into_iter();
    Ok(versions.map(|installed| installed.app.version).collect())
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (label, versions) in [("removed", &self.removed), ("kept", &self.kept)] {
            for version in versions {
                writeln!(formatter, "{label:7}  {}", text::printable(version))?;
            }
        }
        Ok(())
    }
}
