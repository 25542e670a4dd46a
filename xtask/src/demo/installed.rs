//! The user's side of the demo: the unzipped app, started through its top-level program.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use zip::ZipArchive;

use super::releases::{BROKEN, note_of};

const NAME: &str = "hello";

/// The app as a user has it.
pub(crate) struct Installed {
    root: PathBuf,
}

impl Installed {
    /// Unpacks the package into a new directory, as a user would with any zip program.
    pub(crate) fn unzip(package: &Path, root: &Path) -> Result<Self> {
        let file = fs::File::open(package)?;
        let mut archive = ZipArchive::new(file)
            .with_context(|| format!("{} is no zip that can be read", package.display()))?;
        let bytes = (0..archive.len()).try_fold(0, |sum, index| {
            anyhow::Ok(sum + archive.by_index_raw(index)?.size())
        })?;
        archive.extract(root)?;
        println!(
            "   {} entries, {}",
            archive.len(),
            crate::tools::human_size(bytes)
        );
        Ok(Self {
            root: root.to_path_buf(),
        })
    }

    /// The app directory.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Starts the app, which has to be `version` and show that its data file and C extension work.
    pub(crate) fn run_and_expect(&self, version: &str) -> Result<()> {
        expect_told(&self.listen(&["run"])?, version)
    }

    /// Starts the app, which has to end with the mistake that its release has.
    pub(crate) fn run_and_expect_a_crash(&self) -> Result<()> {
        println!("   $ {NAME} run");
        let output = self.program(&["run"]).stdin(Stdio::null()).output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        show(said.lines().last().unwrap_or_default());
        ensure!(
            !output.status.success() && said.contains(BROKEN),
            "the broken release should have failed with {BROKEN:?}"
        );
        Ok(())
    }

    /// Has the app, which is at `from`, update itself to `to`.
    pub(crate) fn update(&self, url: &str, from: &str, to: &str) -> Result<()> {
        let said = self.listen(&["update", url])?;
        let wanted = format!("{from}: installed {to}");
        ensure!(said.contains(&wanted), "the app did not say `{wanted}`");
        expect_patch_at_first_try(&said)
    }

    /// Has the app, which is at `version`, look for updates; there has to be none.
    pub(crate) fn find_nothing_new(&self, url: &str, version: &str) -> Result<()> {
        let said = self.listen(&["update", url])?;
        let wanted = format!("{version} is the newest version");
        ensure!(said.contains(&wanted), "the app did not say `{wanted}`");
        Ok(())
    }

    /// Starts a second instance that stays up.
    pub(crate) fn hold(&self, version: &str) -> Result<Holder> {
        let mut child = self
            .program(&["hold"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("the app could not be started")?;
        let stdout = child.stdout.take().context("stdout is a pipe")?;
        let mut holder = Holder {
            child,
            stdout: BufReader::new(stdout),
        };
        let mut line = String::new();
        holder.stdout.read_line(&mut line)?;
        show(&line);
        let wanted = format!("{NAME} {version} is waiting");
        ensure!(line.trim_end() == wanted, "the app did not say `{wanted}`");
        println!("   process {}", holder.child.id());
        Ok(holder)
    }

    /// Fails unless exactly these versions are in the app directory.
    pub(crate) fn expect_versions(&self, wanted: &[&str]) -> Result<()> {
        let found = self.versions()?;
        println!("   versions on disk: {}", joined(&found));
        let wanted: BTreeSet<String> = wanted.iter().map(|text| (*text).to_owned()).collect();
        ensure!(
            found == wanted,
            "the versions on disk should be {}",
            joined(&wanted)
        );
        Ok(())
    }

    /// Fails unless this version is in the app directory, whatever else is there.
    pub(crate) fn expect_version_among(&self, wanted: &str) -> Result<()> {
        let found = self.versions()?;
        println!("   versions on disk: {}", joined(&found));
        ensure!(found.contains(wanted), "{wanted} should be on disk");
        Ok(())
    }

    fn versions(&self) -> Result<BTreeSet<String>> {
        let prefix = format!("{NAME}-");
        let mut versions = BTreeSet::new();
        for entry in fs::read_dir(&self.root)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            let rest = name.strip_prefix(&prefix);
            if let Some((version, _platform)) = rest.and_then(|rest| rest.rsplit_once('.')) {
                versions.insert(version.to_owned());
            }
        }
        Ok(versions)
    }

    /// Runs the app to its end, shows its lines as they come, and gives them back.
    fn listen(&self, arguments: &[&str]) -> Result<String> {
        println!("   $ {NAME} {}", arguments.join(" "));
        let mut child = self
            .program(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("the app could not be started")?;
        let stdout = child.stdout.take().context("stdout is a pipe")?;
        let mut said = String::new();
        for line in BufReader::new(stdout).lines() {
            let line = line?;
            show(&line);
            said.push_str(&line);
            said.push('\n');
        }
        let status = child.wait()?;
        ensure!(
            status.success(),
            "`{NAME} {}` failed ({status})",
            arguments.join(" ")
        );
        Ok(said)
    }

    fn program(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(
            self.root
                .join(format!("{NAME}{}", std::env::consts::EXE_SUFFIX)),
        );
        // A user's machine has none of the variables of the developer's Python.
        command
            .args(arguments)
            .env_remove("PYTHONHOME")
            .env_remove("PYTHONPATH");
        command
    }
}

/// An instance that waits for a line on its standard input; killed if the demo fails before that.
pub(crate) struct Holder {
    child: Child,
    stdout: BufReader<ChildStdout>,
}

impl Holder {
    /// Whether it still waits.
    pub(crate) fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Sends the line it waits for; it then has to read its data file and end well.
    pub(crate) fn release(mut self, version: &str) -> Result<()> {
        match self.child.stdin.take() {
            Some(mut stdin) => stdin.write_all(b"go on\n")?,
            None => bail!("the instance has no standard input"),
        }
        let mut said = String::new();
        self.stdout.read_to_string(&mut said)?;
        said.lines().for_each(show);
        let status = self.child.wait()?;
        ensure!(
            status.success(),
            "the running {version} ended badly ({status})"
        );
        expect_told(&said, version)
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        // After a release the process is gone and both are errors that say so.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What `hello update` prints if nothing but a patch (or the changed files, where they are no larger) was fetched, and nothing twice.
fn expect_patch_at_first_try(said: &str) -> Result<()> {
    let plans: Vec<&str> = said
        .lines()
        .filter_map(|line| line.strip_prefix("  planned: "))
        .collect();
    let is_small = plans
        .iter()
        .all(|plan| plan.starts_with("a patch") || plan.starts_with("the changed files"));
    ensure!(
        plans.len() == 1 && is_small && !said.contains("  retrying"),
        "the update was not by a patch at the first try: {plans:?}"
    );
    Ok(())
}

/// What `hello run` prints if all of the version's own files are there and its C extension works.
fn expect_told(said: &str, version: &str) -> Result<()> {
    let notes: Vec<&str> = said
        .lines()
        .filter_map(|line| line.strip_prefix("  "))
        .collect();
    let note = note_of(version);
    ensure!(
        notes.contains(&note.as_str()),
        "the app did not read `{note}` from its data file"
    );
    let wanted = format!(
        "{NAME} {version}: {count} notes, {} bytes packed, a picture of {count}x8",
        packed_size(&notes),
        count = notes.len()
    );
    ensure!(
        said.lines().any(|line| line == wanted),
        "the app did not say `{wanted}`"
    );
    Ok(())
}

/// The size of a short list of short texts in MessagePack: a byte for the list, one or two before each text.
fn packed_size(notes: &[&str]) -> usize {
    let texts = notes.iter().map(|note| match note.len() {
        length @ 0..32 => 1 + length,
        length => 2 + length,
    });
    1 + texts.sum::<usize>()
}

fn joined(versions: &BTreeSet<String>) -> String {
    let versions: Vec<&str> = versions.iter().map(String::as_str).collect();
    versions.join(", ")
}

fn show(line: &str) {
    println!("   | {}", line.trim_end());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_update_that_needed_more_than_a_patch_is_noticed() {
        let good = "  planned: a patch 0 % of 943 bytes\n  downloading\n";
        assert!(expect_patch_at_first_try(good).is_ok());
        let again = format!("{good}  retrying: it does not give the version\n");
        assert!(expect_patch_at_first_try(&again).is_err());
        let whole = "  planned: the whole version 0 % of 45,800,000 bytes\n";
        assert!(expect_patch_at_first_try(whole).is_err());
        assert!(expect_patch_at_first_try(&format!("{good}{whole}")).is_err());
    }

    #[test]
    fn an_app_that_lost_its_data_file_is_noticed() {
        let note = note_of("1.0");
        let good = format!(
            "hello 1.0: 1 notes, {} bytes packed, a picture of 1x8\n  {note}\n",
            note.len() + 2
        );
        assert!(expect_told(&good, "1.0").is_ok());
        assert!(expect_told(&good, "1.1").is_err());
        assert!(
            expect_told(
                "hello 1.0: 0 notes, 1 bytes packed, a picture of 0x8\n",
                "1.0"
            )
            .is_err()
        );
    }
}
