//! Several updaters of one signed app at once, as when a person starts it three times in a hurry.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use super::programs::Programs;
use super::story::{Stage, said};
use crate::tools::windows::{Wine, on_disk_z};

const ROUNDS: usize = 12;
const UPDATERS: usize = 3;
/// How the command ends when another one is at work.
const LOCKED: i32 = 5;

/// One installs; the others are told, or find nothing left to do.
pub(super) fn run(wine: &Wine, programs: &Programs) -> Result<()> {
    let stage = Stage::new(wine, programs)?;
    let developer = Developer {
        stage: &stage,
        keys: tempfile::tempdir()?,
    };
    developer.esky(&["init", "--app", "hello", "--yes"])?;
    let first = developer.release("1.0")?;
    developer.release("1.1")?;
    let repository = on_disk_z(&developer.repository());
    for round in 0..ROUNDS {
        let app = stage.unzip(&first, &format!("at once {round}"))?;
        let outputs = at_once(|| {
            let mut update = wine.command(&programs.esky);
            update.args(["update", &on_disk_z(&app), &repository]);
            update
        })?;
        let mut updated = 0;
        for output in &outputs {
            if output.status.code() != Some(LOCKED) {
                updated += usize::from(said(output)?.starts_with("updated hello"));
            }
        }
        ensure!(
            updated == 1,
            "{updated} of {UPDATERS} have updated: {outputs:?}"
        );
        stage.expect_hello(&app, "1.1")?;
        let left = left_on_its_way(&app.join("updates/metadata"))?;
        ensure!(left.is_empty(), "left behind: {left:?}");
    }
    Ok(())
}

fn at_once(command: impl Fn() -> Command) -> Result<Vec<Output>> {
    let start = |_| {
        let mut command = command();
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn()
    };
    let running = (0..UPDATERS).map(start).collect::<Result<Vec<_>, _>>()?;
    let ended = running.into_iter().map(|child| child.wait_with_output());
    Ok(ended.collect::<Result<_, _>>()?)
}

fn left_on_its_way(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut left = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "new") {
            left.push(path);
        }
    }
    Ok(left)
}

/// Releases on Windows, with keys made for this run.
struct Developer<'a> {
    stage: &'a Stage<'a>,
    /// Outside of the stage: that may be in a checkout, where esky keeps no keys.
    keys: TempDir,
}

impl Developer<'_> {
    fn place(&self) -> &Path {
        self.stage.root()
    }

    fn repository(&self) -> PathBuf {
        self.place().join("repo")
    }

    fn esky(&self, arguments: &[&str]) -> Result<String> {
        let mut command = self.stage.esky_command(arguments);
        // Wine sets APPDATA itself, so that the keys of an earlier run would be in the way.
        command
            .args(["--key-dir", &on_disk_z(&self.keys.path().join("keys"))])
            .current_dir(self.place())
            .env("ESKY_ROOT_PASSPHRASE", "correct horse");
        said(&command.output()?).with_context(|| format!("esky.exe {}", arguments.join(" ")))
    }

    /// Gives the package.
    fn release(&self, version: &str) -> Result<PathBuf> {
        let frozen = self.stage.frozen(version)?;
        let bootstrap = self.stage.bootstrap();
        let (frozen, bootstrap) = (on_disk_z(&frozen), on_disk_z(&bootstrap));
        let words = ["release", &frozen, "--version", version];
        self.esky(&[&words[..], &["--bootstrap", &bootstrap]].concat())?;
        let ending = format!("hello-{version}.win-amd64.zip");
        find(&self.repository().join("targets"), &ending)?
            .with_context(|| format!("no package of {version} in the repository"))
    }
}

fn find(directory: &Path, ending: &str) -> Result<Option<PathBuf>> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let found = match path.is_dir() {
            true => find(&path, ending)?,
            false => path.to_string_lossy().ends_with(ending).then_some(path),
        };
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}
