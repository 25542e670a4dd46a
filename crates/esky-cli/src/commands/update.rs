//! `esky update`: find, download, install, clean up.

use std::fmt;
use std::sync::Arc;

use esky::{CancelToken, Esky, Event, Monitor, Refusal, Search};
use serde::Serialize;

use super::cleanup::Left;
use super::kept::Kept;
use crate::Environment;
use crate::arguments::UpdateArguments;
use crate::exit;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::source::Source;
use crate::terminal::Terminal;
use crate::text;

/// The answer. `available` is the version that is offered and newer than `installed`, if there is one; `refused` one that is
/// newer still and may not be installed.
#[derive(Serialize)]
struct Outcome {
    name: String,
    platform: String,
    installed: String,
    available: Option<String>,
    updated: bool,
    refused: Option<Refused>,
    damaged: Option<Damaged>,
    /// What could not be cleaned up yet.
    left: Vec<Left>,
    /// Files that did not come with the versions that were removed.
    kept_files: Vec<Kept>,
}

/// The version that should have started and could not.
#[derive(Serialize)]
struct Damaged {
    version: String,
    cause: String,
    repaired: bool,
}

#[derive(Serialize)]
struct Refused {
    version: String,
    reason: String,
    /// The command that allows it.
    allow: String,
}

pub(crate) fn run(
    arguments: &UpdateArguments,
    terminal: &Terminal,
    environment: &Environment,
) -> Result<i32, Failure> {
    let source = Source::parse(&arguments.source)?;
    let failure = |error| Failure::from(error).about_path(&arguments.app_dir);
    let app = Esky::open_without_finder(&arguments.app_dir).map_err(failure)?;
    let app = app.with_finder(source.finder(app.app_dir(), &arguments.network)?);
    let monitor = monitor(terminal.progress(), &environment.cancel);
    let outcome = update(&app, arguments.check, &monitor).map_err(failure)?;
    drop(monitor);
    terminal.show(&outcome)?;
    Left::tell(&outcome.left, terminal);
    Kept::tell(&outcome.kept_files, terminal);
    let found_nothing = arguments.check && outcome.available.is_none();
    Ok(if found_nothing {
        exit::NO_UPDATE
    } else {
        exit::SUCCESS
    })
}

fn update(app: &Esky, only_check: bool, monitor: &Monitor) -> esky::Result<Outcome> {
    let before = app.version();
    let Search {
        update: available,
        refused,
        damaged,
        left,
    } = match only_check {
        true => {
            monitor.emit(Event::Searching);
            app.search(monitor)?
        }
        false => app.search_and_update(monitor)?,
    };
    let app_dir = text::argument(&app.app_dir().root().display().to_string());
    let updated = available.is_some() && !only_check;
    let still_damaged = app.app_dir().wanted()?.obstacle.is_some();
    Ok(Outcome {
        name: app.name().to_owned(),
        platform: app.platform().to_owned(),
        // Another process may have installed what was found.
        installed: if updated { before } else { app.version() },
        updated,
        available,
        refused: refused.map(|(version, refusal)| Refused::new(version, refusal, &app_dir)),
        damaged: damaged.map(|(version, obstacle)| Damaged {
            version,
            cause: obstacle.to_string(),
            repaired: !still_damaged,
        }),
        left: Left::all(left.refused),
        kept_files: Kept::all(left.kept),
    })
}

impl Refused {
    fn new(version: String, refusal: Refusal, app_dir: &str) -> Self {
        let (reason, allow) = match refusal {
            Refusal::Held { reason } => (
                format!("is held: {reason}"),
                format!("unhold {app_dir} {version}"),
            ),
            Refusal::Skipped => (
                "is skipped".to_owned(),
                format!("unhold {app_dir} {version}"),
            ),
            Refusal::Pinned { at } => (
                format!("waits, for the app is pinned at {at}"),
                format!("unpin {app_dir}"),
            ),
        };
        Self {
            version,
            reason,
            allow: format!("esky {allow}"),
        }
    }
}

pub(super) fn monitor(progress: Progress, cancel: &CancelToken) -> Monitor {
    let progress = Arc::new(progress);
    Monitor::new(move |event| tell(&progress, event)).with_cancel(cancel.clone())
}

fn tell(progress: &Progress, event: &Event) {
    match event {
        Event::Searching => progress.phase("Looking for updates"),
        Event::Found { version } => {
            progress.note(&format!("Found version {}", text::printable(version)))
        }
        Event::ClockBehind { now, last_check } => {
            let [now, last_check] = [now, last_check].map(|time| text::local_time(time.to_unix()));
            progress.note(&format!(
                "the clock of this machine says {now}, which is earlier than the last check for updates on {last_check}"
            ));
        }
        Event::Planned { way, bytes } => {
            let size = text::bytes(*bytes);
            progress.note(&format!("Fetching {way}, {size}"));
        }
        Event::Downloading { received, total } => {
            progress.phase("Downloading");
            progress.bytes(*received, *total);
        }
        Event::Retrying { cause } => {
            progress.note(&format!("trying again: {}", text::printable(cause)))
        }
        Event::Unpacking { done, total } => {
            progress.phase("Unpacking");
            progress.bytes(*done, Some(*total));
        }
        Event::Verifying { done, total } => {
            progress.phase("Checking every file");
            progress.bytes(*done, Some(*total));
        }
        Event::Installing { version } => {
            progress.phase(&format!("Installing {}", text::printable(version)))
        }
        Event::CleaningUp => progress.phase("Removing old versions"),
        _ => {}
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = text::printable(&self.name);
        let installed = text::printable(&self.installed);
        if let Some(refused) = &self.refused {
            let words = format!(
                "{} {}; `{}` allows it",
                refused.version, refused.reason, refused.allow
            );
            writeln!(formatter, "{name} {}", text::printable(&words))?;
        }
        if let Some(damaged) = &self.damaged {
            self.damage(damaged, formatter)?;
            if self.available.as_ref() == Some(&damaged.version) {
                return Ok(());
            }
        }
        match self.available.as_deref().map(text::printable) {
            None if self.refused.is_some() => writeln!(formatter, "{name} {installed} stays"),
            None => writeln!(formatter, "{name} {installed} is up to date"),
            Some(version) if self.updated => {
                writeln!(formatter, "updated {name} from {installed} to {version}")
            }
            Some(version) => writeln!(
                formatter,
                "{name} {version} is available, {installed} is installed"
            ),
        }
    }
}

impl Outcome {
    fn damage(&self, damaged: &Damaged, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = format!("{} {}", self.name, damaged.version);
        let (words, cause) = (text::printable(&words), text::printable(&damaged.cause));
        match damaged.repaired {
            true => writeln!(
                formatter,
                "repaired {words}, which could not be started: {cause}"
            ),
            false if self.available.is_some() => {
                writeln!(
                    formatter,
                    "{words} cannot be started: {cause}; an update repairs it"
                )
            }
            false => writeln!(
                formatter,
                "{words} cannot be started: {cause}; `esky verify --repair` with a source that has it repairs it"
            ),
        }
    }
}
