//! What an app directory holds, and which of its versions starts.

use std::fmt;
use std::path::Path;

use esky_format::layout::APPDATA_DIR;
use esky_install::{AppDir, StartChoice};
use serde::Serialize;

use crate::commands::installed::{self, Row};
use crate::failure::Failure;
use crate::text;

#[derive(Serialize)]
pub(super) struct Description {
    kind: &'static str,
    path: String,
    name: String,
    platform: String,
    layout: &'static str,
    starts: Option<Start>,
    versions: Vec<Row>,
}

/// The version that starts, and why it is that one.
#[derive(Serialize)]
struct Start {
    version: String,
    reason: String,
}

pub(super) fn describe(path: &Path) -> Result<Description, Failure> {
    read(path).map_err(|error| Failure::from(error).about_path(path))
}

fn read(path: &Path) -> esky_install::Result<Description> {
    let app_dir = AppDir::open(path)?;
    let in_appdata = app_dir.versions_dir().ends_with(APPDATA_DIR);
    let order = app_dir.start_order()?;
    let decisions = app_dir.decisions()?;
    Ok(Description {
        kind: "app-directory",
        path: app_dir.root().display().to_string(),
        name: app_dir.name().to_owned(),
        platform: app_dir.platform().to_owned(),
        layout: if in_appdata { "appdata" } else { "flat" },
        starts: order.first().map(Start::new),
        versions: installed::rows(
            order.into_iter().map(|choice| choice.version).collect(),
            &decisions,
        ),
    })
}

impl Start {
    fn new(choice: &StartChoice) -> Self {
        Self {
            version: choice.version.app.version.clone(),
            reason: choice.reason.to_string(),
        }
    }
}

impl fmt::Display for Description {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "app directory {}", text::printable(&self.path))?;
        writeln!(formatter, "  name      {}", text::printable(&self.name))?;
        writeln!(formatter, "  platform  {}", text::printable(&self.platform))?;
        writeln!(formatter, "  layout    {}", self.layout)?;
        match &self.starts {
            Some(start) => writeln!(
                formatter,
                "  starts    {}, because {}",
                text::printable(&start.version),
                start.reason
            )?,
            None => writeln!(formatter, "  starts    nothing")?,
        }
        writeln!(formatter, "versions")?;
        installed::table(&self.versions)
            .lines()
            .try_for_each(|line| writeln!(formatter, "  {line}"))
    }
}
