//! `esky release`: pack, sign, publish.

use std::fmt;

use esky_publish::repository::{ReleaseOptions, Released, release};
use serde::Serialize;

use super::keys::Workplace;
use super::now;
use crate::Environment;
use crate::arguments::ReleaseArguments;
use crate::commands::pack;
use crate::exit;
use crate::failure::Failure;
use crate::terminal::Terminal;
use crate::text;

const NOTES_LIMIT: u64 = 64 << 10;

#[derive(Serialize)]
struct Outcome {
    app: String,
    version: String,
    platform: String,
    channel: String,
    path: String,
    target: String,
    size: u64,
    already: bool,
    repository: String,
}

pub(crate) fn run(
    arguments: ReleaseArguments,
    terminal: &Terminal,
    environment: &Environment,
) -> Result<i32, Failure> {
    let workplace = Workplace::find(&arguments.keys, environment)?;
    let signers = workplace.release_signers(&arguments.keys, environment)?;
    let project = &workplace.project;
    let notes = match &arguments.notes {
        Some(path) => {
            let bytes = esky_fs::read_limited(path, NOTES_LIMIT)?;
            let text = String::from_utf8(bytes);
            Some(text.map_err(|_| Failure::new("the notes are no UTF-8 text").about_path(path))?)
        }
        None => None,
    };
    let (directory, version) = (arguments.directory, arguments.version);
    let staging = project.repository.clone();
    let options = ReleaseOptions {
        pack: pack::packing_options(
            arguments.packing,
            (directory.clone(), project.app.clone(), version, staging),
            environment,
        )?,
        channel: arguments.channel,
        notes,
        minimum_version: arguments.minimum_version,
    };
    let progress = terminal.progress();
    progress.phase(&format!(
        "Packing {} {}",
        options.pack.name, options.pack.version
    ));
    let released = release(
        project,
        &options,
        &signers,
        now(),
        &mut pack::show(&progress, environment),
    );
    drop(progress);
    let released = released.map_err(|error| Failure::from(error).about_path(&directory))?;
    let repository = project.repository.display().to_string();
    terminal.show(&Outcome::new(released, repository))?;
    Ok(exit::SUCCESS)
}

impl Outcome {
    fn new(released: Released, repository: String) -> Self {
        let app = released.packed.app;
        Self {
            app: app.name,
            version: app.version,
            platform: app.platform,
            channel: released.channel,
            path: released.path.display().to_string(),
            target: released.target,
            size: released.packed.size,
            already: released.already,
            repository,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            app,
            version,
            platform,
            channel,
            ..
        } = self;
        let done = if self.already {
            "was released before"
        } else {
            "is released"
        };
        let what = text::printable(&format!(
            "{app} {version} for {platform} {done} on {channel}"
        ));
        writeln!(formatter, "{what}")?;
        writeln!(
            formatter,
            "  package     {} ({})",
            text::printable(&self.path),
            text::bytes(self.size)
        )?;
        writeln!(
            formatter,
            "  to publish  put {} on your web server",
            text::printable(&self.repository)
        )
    }
}
