//! `esky why`: which version starts, for which reason, and what was decided about the others.

use std::fmt;
use std::path::Path;

use esky_install::{AppDir, Decisions, StartChoice};
use serde::Serialize;

use crate::arguments::WhyArguments;
use crate::exit;
use crate::failure::Failure;
use crate::terminal::Terminal;
use crate::text;

#[derive(Serialize)]
struct Outcome {
    name: String,
    #[serde(skip)]
    path: String,
    order: Vec<Place>,
    trial: Option<Trial>,
    fallback: Option<String>,
    held: Vec<Event>,
    skipped: Vec<String>,
    pinned: Option<String>,
    last_rollback: Option<Event>,
}

/// One version, at its place in the order in which they would be tried.
#[derive(Serialize)]
struct Place {
    version: String,
    reason: String,
    in_use: bool,
    /// What keeps it from starting.
    obstacle: Option<String>,
}

#[derive(Serialize)]
struct Trial {
    version: String,
    tries: u32,
    max_tries: u32,
    confirm_after: u32,
    confirmed_by: &'static str,
    /// Whether starts by this user are counted.
    counted: bool,
}

const BY_BOOTSTRAP: &str = "bootstrap";
const BY_APP: &str = "app";

/// Something that happened to a version; the time is in seconds since 1970.
#[derive(Serialize)]
struct Event {
    version: String,
    reason: String,
    time: u64,
}

pub(crate) fn run(arguments: &WhyArguments, terminal: &Terminal) -> Result<i32, Failure> {
    let outcome = read(&arguments.app_dir)
        .map_err(|error| Failure::from(error).about_path(&arguments.app_dir))?;
    terminal.show(&outcome)?;
    Ok(exit::SUCCESS)
}

fn read(path: &Path) -> esky_install::Result<Outcome> {
    let app_dir = AppDir::open(path)?;
    let order = app_dir.start_order()?;
    let decisions = app_dir.decisions()?;
    Ok(Outcome::new(&app_dir, order, decisions))
}

impl Outcome {
    fn new(app_dir: &AppDir, order: Vec<StartChoice>, decisions: Decisions) -> Self {
        let place = |choice: StartChoice| Place {
            version: choice.version.app.version,
            reason: choice.reason.to_string(),
            in_use: choice.version.in_use,
            obstacle: choice.version.obstacle.map(|found| found.to_string()),
        };
        let event = |version, reason, time| Event {
            version,
            reason,
            time,
        };
        Self {
            name: app_dir.name().to_owned(),
            path: app_dir.root().display().to_string(),
            order: order.into_iter().map(place).collect(),
            trial: decisions.trial.map(|trial| Trial {
                version: trial.version,
                tries: trial.tries,
                max_tries: trial.max_tries,
                confirm_after: trial.confirm_after,
                confirmed_by: if trial.watched { BY_BOOTSTRAP } else { BY_APP },
                counted: trial.counted,
            }),
            fallback: decisions.fallback,
            held: decisions
                .held
                .into_iter()
                .map(|held| event(held.version, held.reason, held.time))
                .collect(),
            skipped: decisions.skipped,
            pinned: decisions.pinned,
            last_rollback: decisions
                .last_rollback
                .map(|undone| event(undone.version, undone.reason, undone.time)),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.order(formatter)?;
        self.trial(formatter)?;
        if let Some(version) = &self.pinned {
            let version = text::printable(version);
            writeln!(
                formatter,
                "{version} is pinned: no other version is offered."
            )?;
        }
        for held in &self.held {
            let (version, reason) = (
                text::printable(&held.version),
                text::printable(&held.reason),
            );
            let time = text::time(held.time);
            writeln!(formatter, "{version} is held since {time}: {reason}.")?;
        }
        for version in &self.skipped {
            writeln!(formatter, "{} is skipped.", text::printable(version))?;
        }
        Ok(())
    }
}

impl Outcome {
    fn order(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, choice) in self.order.iter().enumerate() {
            let version = text::printable(&choice.version);
            let in_use = if choice.in_use { " It is running." } else { "" };
            let reason = &choice.reason;
            let name = text::printable(&self.name);
            match (place, &choice.obstacle) {
                (0, None) => writeln!(formatter, "{name} {version} starts: {reason}.{in_use}")?,
                (0, Some(obstacle)) => {
                    let obstacle = text::printable(obstacle);
                    writeln!(formatter, "{name} {version} starts: {reason}.{in_use}")?;
                    writeln!(
                        formatter,
                        "It is damaged, and nothing better is there: {obstacle}."
                    )?;
                }
                (_, Some(obstacle)) => {
                    let obstacle = text::printable(obstacle);
                    writeln!(
                        formatter,
                        "{version} cannot be started: {obstacle}.{in_use}"
                    )?;
                }
                (1, None) => {
                    writeln!(formatter, "If it cannot, {version} does: {reason}.{in_use}")?;
                }
                (_, None) => writeln!(formatter, "Then {version}: {reason}.{in_use}")?,
            }
        }
        if self.order.iter().any(|choice| choice.obstacle.is_some()) {
            let path = text::argument(&self.path);
            writeln!(
                formatter,
                "`esky verify {path} --repair SOURCE` repairs it, and so does the next update."
            )?;
        }
        Ok(())
    }

    fn trial(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(trial) = &self.trial else {
            return Ok(());
        };
        let version = text::printable(&trial.version);
        let (tries, most, seconds) = (trial.tries, trial.max_tries, trial.confirm_after);
        let confirmed = match trial.confirmed_by {
            BY_APP => "the app says so, or runs its start-up hooks and stays up for",
            _ => "it exits with 0, or stays up for",
        };
        let so_far = text::count(tries.into(), "unconfirmed start");
        writeln!(
            formatter,
            "{version} is on trial, with {so_far} so far: it is confirmed when {confirmed} {seconds} seconds, and undone \
             after {most} unconfirmed starts."
        )?;
        if !trial.counted {
            let (path, argument) = (text::printable(&self.path), text::argument(&self.path));
            writeln!(
                formatter,
                "Your starts are neither counted nor do they confirm it, because you may not write to {path}. An account \
                 that may write there confirms it by starting it or by `esky confirm {argument}`, or goes back by `esky \
                 rollback {argument}`."
            )?;
        }
        Ok(())
    }
}
