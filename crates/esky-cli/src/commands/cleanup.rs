//! `esky cleanup`: old versions and left-overs go, unless somebody still runs them.

use std::fmt;
use std::path::Path;

use esky::Esky;
use serde::Serialize;

use crate::arguments::CleanupArguments;
use crate::exit;
use crate::failure::Failure;
use crate::terminal::Terminal;
use crate::text;

/// The answer: which versions went, which stay, and whether anything is left to do.
#[derive(Serialize)]
struct Outcome {
    removed: Vec<String>,
    kept: Vec<String>,
    complete: bool,
}

pub(crate) fn run(arguments: &CleanupArguments, terminal: &Terminal) -> Result<i32, Failure> {
    let outcome = clean(&arguments.app_dir)
        .map_err(|error| Failure::from(error).about_path(&arguments.app_dir))?;
    terminal.show(&outcome)?;
    if !outcome.complete {
        terminal.message("some versions are in use; run `esky cleanup` again when they have ended");
    }
    Ok(exit::SUCCESS)
}

fn clean(path: &Path) -> esky::Result<Outcome> {
    let app = Esky::open_without_finder(path)?;
    // Held from the first look to the last, so that the answer tells what this command did.
    let _guard = app.lock()?;
    let before = versions(&app)?;
    let complete = app.cleanup()?;
    let kept = versions(&app)?;
    let removed = before
        .into_iter()
        .filter(|version| !kept.contains(version))
        .collect();
    Ok(Outcome {
        removed,
        kept,
        complete,
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
