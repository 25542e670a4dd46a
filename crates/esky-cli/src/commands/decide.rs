//! What a person decides about versions: `rollback`, `pin`, `unpin`, `skip`, `unhold`, `confirm`.

use std::fmt;
use std::path::Path;

use esky::Esky;
use serde::Serialize;

use crate::arguments::{
    ConfirmArguments, PinArguments, RollbackArguments, SkipArguments, UnholdArguments,
    UnpinArguments,
};
use crate::exit;
use crate::failure::Failure;
use crate::terminal::Terminal;
use crate::text;

/// The answer to all of them: what starts now, and one sentence.
#[derive(Serialize)]
struct Outcome {
    starts: String,
    changed: bool,
    #[serde(skip)]
    sentence: String,
}

pub(crate) fn roll_back(
    arguments: &RollbackArguments,
    terminal: &Terminal,
) -> Result<i32, Failure> {
    decide(&arguments.app_dir, terminal, |app| {
        let left = app.version();
        let now = app.roll_back(arguments.version.as_deref(), &arguments.reason)?;
        let (left, now) = (text::printable(&left), text::printable(&now.app.version));
        Ok((true, format!("{now} starts from now on; {left} is held")))
    })
}

pub(crate) fn pin(arguments: &PinArguments, terminal: &Terminal) -> Result<i32, Failure> {
    decide(&arguments.app_dir, terminal, |app| {
        let version = arguments.version.clone().unwrap_or_else(|| app.version());
        app.pin(&version)?;
        let version = text::printable(&version);
        Ok((true, format!("{version} stays, whatever is offered")))
    })
}

pub(crate) fn unpin(arguments: &UnpinArguments, terminal: &Terminal) -> Result<i32, Failure> {
    decide(&arguments.app_dir, terminal, |app| {
        if app.decisions()?.pinned.is_none() {
            return Ok((false, "nothing was pinned".to_owned()));
        }
        app.unpin()?;
        Ok((true, "newer versions are offered again".to_owned()))
    })
}

pub(crate) fn skip(arguments: &SkipArguments, terminal: &Terminal) -> Result<i32, Failure> {
    decide(&arguments.app_dir, terminal, |app| {
        app.skip(&arguments.version)?;
        let version = text::printable(&arguments.version);
        Ok((true, format!("{version} is not offered any more")))
    })
}

pub(crate) fn unhold(arguments: &UnholdArguments, terminal: &Terminal) -> Result<i32, Failure> {
    decide(&arguments.app_dir, terminal, |app| {
        let changed = app.unhold(&arguments.version)?;
        let version = text::printable(&arguments.version);
        let sentence = match changed {
            true => format!("{version} may be offered again"),
            false => format!("{version} was neither held nor skipped"),
        };
        Ok((changed, sentence))
    })
}

pub(crate) fn confirm(arguments: &ConfirmArguments, terminal: &Terminal) -> Result<i32, Failure> {
    decide(&arguments.app_dir, terminal, |app| {
        let version = text::printable(&app.version());
        Ok(match app.confirm()? {
            true => (true, format!("{version} is confirmed")),
            false => (false, format!("{version} is not on trial")),
        })
    })
}

fn decide(
    path: &Path,
    terminal: &Terminal,
    decision: impl FnOnce(&Esky) -> esky::Result<(bool, String)>,
) -> Result<i32, Failure> {
    let failure = |error| Failure::from(error).about_path(path);
    let app = Esky::open_without_finder(path).map_err(failure)?;
    let (changed, sentence) = decision(&app).map_err(failure)?;
    let best = app
        .app_dir()
        .best()
        .map_err(|error| failure(error.into()))?;
    terminal.show(&Outcome {
        starts: best.app.version,
        changed,
        sentence,
    })?;
    Ok(exit::SUCCESS)
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{}", self.sentence)
    }
}
