//! `esky list`: what is installed in an app directory, or what a source offers.

use std::fmt;
use std::path::Path;

use esky::{LocalVersionFinder, Monitor};
use esky_format::name::{AppVersion, current_platform};
use esky_install::AppDir;
use serde::Serialize;

use super::installed::{self, Row};
use crate::Environment;
use crate::arguments::ListArguments;
use crate::exit;
use crate::failure::Failure;
use crate::source::{self, Source};
use crate::terminal::Terminal;
use crate::text;

#[derive(Serialize)]
#[serde(untagged)]
enum Outcome {
    Installed {
        path: String,
        name: String,
        platform: String,
        installed: Vec<Row>,
    },
    Offered {
        source: String,
        name: String,
        platform: String,
        offered: Vec<String>,
    },
}

pub(crate) fn run(
    arguments: &ListArguments,
    terminal: &Terminal,
    environment: &Environment,
) -> Result<i32, Failure> {
    let outcome = match Source::parse(&arguments.place)? {
        Source::Directory(path) if is_app_dir(&path, arguments)? => installed(&path)?,
        source => offered(&source, arguments, environment)?,
    };
    terminal.show(&outcome)?;
    if let Some(text) = outcome.explain_nothing() {
        terminal.message(&text);
    }
    Ok(exit::SUCCESS)
}

/// A directory is a source if the person says what to look for there, or if there are packages in it.
fn is_app_dir(path: &Path, arguments: &ListArguments) -> Result<bool, Failure> {
    Ok(arguments.name.is_none() && arguments.platform.is_none() && packages(path)?.is_empty())
}

/// What the file names of a directory say about the packages in it.
fn packages(path: &Path) -> Result<Vec<AppVersion>, Failure> {
    let names = esky_fs::read_dir_names(path)?;
    let package = |name: &std::ffi::OsString| {
        AppVersion::parse_directory(name.to_str()?.strip_suffix(".zip")?)
    };
    Ok(names.iter().filter_map(package).collect())
}

fn installed(path: &Path) -> Result<Outcome, Failure> {
    let failure = |error| Failure::from(error).about_path(path);
    let app_dir = AppDir::open(path).map_err(failure)?;
    let decisions = app_dir.decisions().map_err(failure)?;
    Ok(Outcome::Installed {
        path: app_dir.root().display().to_string(),
        name: app_dir.name().to_owned(),
        platform: app_dir.platform().to_owned(),
        installed: installed::rows(app_dir.versions().map_err(failure)?, &decisions),
    })
}

fn offered(
    source: &Source,
    arguments: &ListArguments,
    environment: &Environment,
) -> Result<Outcome, Failure> {
    let name = match &arguments.name {
        Some(name) => name.clone(),
        None => only_name(source)?,
    };
    let platform = arguments
        .platform
        .clone()
        .unwrap_or_else(|| current_platform().to_owned());
    let mut offered = match source {
        Source::Web(url) => {
            let monitor = Monitor::silent().with_cancel(environment.cancel.clone());
            source::web_finder(url, &arguments.network)?
                .offered_versions(&name, &platform, &monitor)?
        }
        Source::Directory(path) => {
            LocalVersionFinder::new(path).offered_versions(&name, &platform)?
        }
    };
    offered.sort_by(|a, b| esky_format::version::compare(b, a));
    Ok(Outcome::Offered {
        source: arguments.place.clone(),
        name,
        platform,
        offered,
    })
}

/// The name of the app, if the source itself tells which one is meant.
fn only_name(source: &Source) -> Result<String, Failure> {
    let mut names: Vec<String> = match source {
        Source::Web(_) => Vec::new(),
        Source::Directory(path) => packages(path)?.into_iter().map(|app| app.name).collect(),
    };
    names.sort();
    names.dedup();
    match <[String; 1]>::try_from(names) {
        Ok([name]) => Ok(name),
        Err(names) if names.is_empty() => Err(Failure::usage(
            "a web address does not say which app is meant",
        )
        .with_hint(Some("add `--name NAME`"))),
        Err(names) => Err(Failure::usage(format!(
            "the directory has packages of {}",
            names.join(", ")
        ))
        .with_hint(Some("choose one by `--name NAME`"))),
    }
}

impl Outcome {
    /// An empty list alone would leave a person wondering.
    fn explain_nothing(&self) -> Option<String> {
        match self {
            Self::Offered {
                source,
                name,
                platform,
                offered,
            } if offered.is_empty() => Some(format!(
                "{} offers no version of {} for {}",
                text::printable(source),
                text::printable(name),
                text::printable(platform)
            )),
            _ => None,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Installed { installed, .. } => formatter.write_str(&installed::table(installed)),
            Self::Offered { offered, .. } => offered
                .iter()
                .try_for_each(|version| writeln!(formatter, "{}", text::printable(version))),
        }
    }
}
