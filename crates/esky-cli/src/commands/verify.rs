//! `esky verify`: every file of an installed version against its list; with `--repair`, what is wrong is fetched again.

use std::fmt;

use esky::Esky;
use esky_install::{AppDir, VerifyReport};
use serde::Serialize;

use super::update;
use crate::Environment;
use crate::arguments::VerifyArguments;
use crate::exit;
use crate::failure::Failure;
use crate::source::Source;
use crate::terminal::Terminal;
use crate::text;

/// The answer. A version is intact when nothing is damaged and nothing is missing; files beyond the list are only
/// told, because apps do write beside themselves.
#[derive(Serialize)]
struct Outcome {
    version: String,
    intact: bool,
    checked: usize,
    damaged: Vec<String>,
    missing: Vec<String>,
    extra: Vec<String>,
    /// What a repair has mended; the lists above are those from after it.
    repaired: Vec<String>,
}

pub(crate) fn run(
    arguments: &VerifyArguments,
    terminal: &Terminal,
    environment: &Environment,
) -> Result<i32, Failure> {
    let failure = |error| Failure::from(error).about_path(&arguments.app_dir);
    let app_dir = AppDir::open(&arguments.app_dir).map_err(failure)?;
    let version = match &arguments.version {
        Some(version) => version.clone(),
        None => app_dir.wanted().map_err(failure)?.app.version,
    };
    let repaired = match &arguments.repair {
        Some(source) => repair(arguments, source, &version, terminal, environment)?,
        None => Vec::new(),
    };
    let progress = terminal.progress();
    progress.phase(&format!("Checking {} {version}", app_dir.name()));
    let report = app_dir
        .verify(&version, &mut |done, total| {
            progress.bytes(done, Some(total))
        })
        .map_err(|error| without_list(arguments, error))?;
    drop(progress);
    let outcome = Outcome::new(version, report, repaired);
    terminal.show(&outcome)?;
    Ok(if outcome.intact {
        exit::SUCCESS
    } else {
        exit::DAMAGED
    })
}

/// A version that has no list, or a damaged one, gets it from its package.
fn without_list(arguments: &VerifyArguments, error: esky_install::Error) -> Failure {
    use esky_install::Error::{BadFileList, NoFileList};
    let is_list = matches!(error, NoFileList { .. } | BadFileList { .. });
    let hint = is_list.then(|| {
        let app_dir = text::argument(&arguments.app_dir.display().to_string());
        format!(
            "`esky verify {app_dir} --repair SOURCE` takes the list from the package, and an update brings a new one"
        )
    });
    let failure = Failure::from(error).about_path(&arguments.app_dir);
    failure.with_hint(hint)
}

fn repair(
    arguments: &VerifyArguments,
    source: &str,
    version: &str,
    terminal: &Terminal,
    environment: &Environment,
) -> Result<Vec<String>, Failure> {
    let failure = |error| Failure::from(error).about_path(&arguments.app_dir);
    let app = Esky::open_without_finder(&arguments.app_dir).map_err(failure)?;
    let finder = Source::parse(source)?.finder(app.app_dir(), &arguments.network)?;
    let monitor = update::monitor(terminal.progress(), &environment.cancel);
    app.with_finder(finder)
        .repair_version(version, &monitor)
        .map_err(failure)
}

impl Outcome {
    fn new(version: String, report: VerifyReport, repaired: Vec<String>) -> Self {
        Self {
            version,
            intact: report.is_intact(),
            checked: report.checked,
            damaged: report.damaged,
            missing: report.missing,
            extra: report.extra,
            repaired,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lists = [
            ("repaired", &self.repaired),
            ("damaged", &self.damaged),
            ("missing", &self.missing),
            ("extra", &self.extra),
        ];
        for (label, paths) in lists {
            for path in paths {
                writeln!(formatter, "{label:8}  {}", text::printable(path))?;
            }
        }
        let checked = text::count(self.checked as u64, "file");
        let bad = self.damaged.len() + self.missing.len();
        let version = text::printable(&self.version);
        match self.intact {
            true => writeln!(formatter, "version {version} is intact: {checked} checked"),
            false => writeln!(
                formatter,
                "version {version} is damaged: {bad} of {checked} bad"
            ),
        }
    }
}
