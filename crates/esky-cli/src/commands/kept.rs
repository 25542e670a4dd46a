//! `esky kept`: files of the user's that were in versions which have been removed.

use std::fmt;

use esky::{AppDir, KeptFiles};
use serde::Serialize;

use crate::arguments::KeptArguments;
use crate::exit;
use crate::failure::Failure;
use crate::terminal::Terminal;
use crate::text;

/// The answer: one entry for each directory in `kept`.
#[derive(Serialize)]
struct Outcome {
    kept: Vec<Kept>,
}

/// Files of the user's from one version.
#[derive(Serialize)]
pub(super) struct Kept {
    version: String,
    directory: String,
    files: u64,
    bytes: u64,
}

impl Kept {
    pub(super) fn all(kept: Vec<KeptFiles>) -> Vec<Self> {
        let kept = kept.into_iter().map(|kept| Self {
            version: kept.version,
            directory: kept.directory.display().to_string(),
            files: kept.files,
            bytes: kept.bytes,
        });
        kept.collect()
    }

    /// Says where the files are that were in a version which was removed just now.
    pub(super) fn tell(all: &[Self], terminal: &Terminal) {
        for kept in all {
            terminal.message(&kept.to_string());
        }
    }
}

pub(crate) fn run(arguments: &KeptArguments, terminal: &Terminal) -> Result<i32, Failure> {
    let kept = AppDir::open(&arguments.app_dir)
        .and_then(|app| app.kept_files())
        .map_err(|error| Failure::from(error).about_path(&arguments.app_dir))?;
    terminal.show(&Outcome {
        kept: Kept::all(kept),
    })?;
    Ok(exit::SUCCESS)
}

impl fmt::Display for Kept {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let files = match self.files {
            1 => "1 file".to_owned(),
            files => format!("{files} files"),
        };
        write!(
            formatter,
            "kept {files} ({}) that did not come with {}: {}",
            text::bytes(self.bytes),
            text::printable(&self.version),
            text::printable(&self.directory)
        )
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for kept in &self.kept {
            writeln!(formatter, "{kept}")?;
        }
        Ok(())
    }
}
