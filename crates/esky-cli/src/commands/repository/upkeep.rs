//! `esky refresh` and `esky yank`.

use std::fmt;

use esky_publish::repository::{self, Yank};
use serde::Serialize;

use super::keys::Workplace;
use super::{now, requests};
use crate::Environment;
use crate::arguments::{RefreshArguments, YankArguments};
use crate::exit;
use crate::failure::Failure;
use crate::terminal::Terminal;
use crate::text;

#[derive(Serialize)]
struct Refreshed {
    repository: String,
    restored: Vec<String>,
    /// How many files are offered.
    targets: usize,
    request: Option<String>,
}

pub(crate) fn refresh(
    arguments: &RefreshArguments,
    terminal: &Terminal,
    environment: &Environment,
) -> Result<i32, Failure> {
    let workplace = Workplace::find(&arguments.keys, environment)?;
    let signers = workplace.release_signers(&arguments.keys, environment)?;
    let refreshed = repository::refresh(&workplace.project, &signers, now())?;
    terminal.show(&Refreshed {
        restored: refreshed.restored,
        targets: refreshed.targets,
        request: refreshed.request.map(|path| path.display().to_string()),
        repository: workplace.project.repository.display().to_string(),
    })?;
    Ok(exit::SUCCESS)
}

#[derive(Serialize)]
struct Yanked {
    version: String,
    withdrawn: bool,
    targets: Vec<String>,
    request: Option<String>,
}

pub(crate) fn yank(
    arguments: &YankArguments,
    terminal: &Terminal,
    environment: &Environment,
) -> Result<i32, Failure> {
    let workplace = Workplace::find(&arguments.keys, environment)?;
    let signers = workplace.version_signers(&arguments.keys, environment)?;
    let what = match arguments.undo {
        true => Yank::Offer,
        false => Yank::Withdraw {
            reason: arguments.reason.clone(),
        },
    };
    let version = &arguments.version;
    let yanked = repository::yank(&workplace.project, version, &what, &signers, now())?;
    terminal.show(&Yanked {
        version: version.clone(),
        withdrawn: !arguments.undo,
        targets: yanked.targets,
        request: yanked.request.map(|path| path.display().to_string()),
    })?;
    Ok(exit::SUCCESS)
}

impl fmt::Display for Refreshed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let repository = text::printable(&self.repository);
        for name in &self.restored {
            writeln!(formatter, "restored the line ends of metadata/{name}")?;
        }
        match self.targets {
            0 => writeln!(
                formatter,
                "signed again; there is nothing to publish yet: `esky release` makes the first release"
            )?,
            _ => writeln!(
                formatter,
                "signed again; put {repository} on your web server"
            )?,
        }
        match &self.request {
            Some(request) => {
                writeln!(
                    formatter,
                    "The list of versions is old, and several must sign for it."
                )?;
                requests::waiting(request, formatter)
            }
            None => Ok(()),
        }
    }
}

impl fmt::Display for Yanked {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(request) = &self.request {
            return requests::waiting(request, formatter);
        }
        let done = match self.withdrawn {
            true => "is not offered any more",
            false => "is offered again",
        };
        let packages = text::count(self.targets.len() as u64, "package");
        writeln!(
            formatter,
            "{} {done} ({packages} changed)",
            text::printable(&self.version)
        )
    }
}
