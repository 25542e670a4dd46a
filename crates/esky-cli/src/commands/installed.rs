//! Installed versions as rows, for the commands that show an app directory.

use esky_format::version::compare;
use esky_install::{Decisions, InstalledVersion};
use serde::Serialize;

use crate::text;

/// One version directory.
#[derive(Serialize)]
pub(super) struct Row {
    version: String,
    path: String,
    complete: bool,
    in_use: bool,
    starts: bool,
    on_trial: bool,
    fallback: bool,
    held: bool,
    /// What keeps it from starting.
    obstacle: Option<String>,
}

/// All version directories, the newest first.
pub(super) fn rows(mut versions: Vec<InstalledVersion>, decisions: &Decisions) -> Vec<Row> {
    versions.sort_by(|a, b| compare(&b.app.version, &a.app.version));
    let row = |installed| Row::new(installed, decisions);
    versions.into_iter().map(row).collect()
}

/// The rows for people: version, then what is special about it.
pub(super) fn table(rows: &[Row]) -> String {
    text::table(
        &rows
            .iter()
            .map(|row| [text::printable(&row.version), row.remarks()])
            .collect::<Vec<_>>(),
    )
}

impl Row {
    fn new(installed: InstalledVersion, decisions: &Decisions) -> Self {
        let version = &installed.app.version;
        let trial = decisions.trial.as_ref();
        Self {
            on_trial: trial.is_some_and(|trial| trial.version == *version),
            fallback: decisions.fallback.as_ref() == Some(version),
            held: decisions.held.iter().any(|held| held.version == *version),
            path: installed.path.display().to_string(),
            version: installed.app.version,
            complete: installed.complete,
            in_use: installed.in_use,
            starts: installed.current,
            obstacle: installed.obstacle.map(|found| found.to_string()),
        }
    }

    fn remarks(&self) -> String {
        let remarks = [
            (self.starts, "starts"),
            (self.on_trial, "on trial"),
            (self.in_use, "in use"),
            (self.fallback, "kept to go back to"),
            (self.held, "held"),
            (!self.complete, "not completely installed"),
        ];
        let obstacle = self.obstacle.as_deref().map(text::printable);
        let obstacle = obstacle.map(|found| format!("cannot be started: {found}"));
        remarks
            .iter()
            .filter(|(applies, _)| *applies)
            .map(|(_, remark)| (*remark).to_owned())
            .chain(obstacle)
            .collect::<Vec<_>>()
            .join(", ")
    }
}
