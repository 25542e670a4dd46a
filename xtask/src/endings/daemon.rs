//! A program that is never stopped: it updates itself and starts itself anew, twenty times.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::cell::Confirm;
use super::{NAME, pack, package, remove_leftovers, unzip};
use crate::freezers::Workshop;

const UPDATES: usize = 20;
/// Short, so that versions are confirmed on the way.
const TRIAL_SECONDS: &str = "1";
const LONGEST: Duration = Duration::from_secs(600);
const PAUSE: Duration = Duration::from_millis(100);

/// Releases 21 versions, installs the first, starts it, and looks at what is there when the last one runs.
pub(super) fn run(
    workshop: &Workshop,
    place: &Path,
    frozen: &Path,
    confirm: Confirm,
    is_one_file: bool,
) -> Result<()> {
    let directory = |what: &str| place.join(format!("daemon-{what}-{}", confirm.word()));
    let (packed, site) = (directory("packed"), directory("site"));
    let installed = directory("installed");
    remove_leftovers(&[&packed, &site, &installed])?;
    let versions: Vec<String> = (0..=UPDATES).map(|number| format!("1.{number}")).collect();
    for version in &versions {
        pack(workshop, frozen, version, (confirm, TRIAL_SECONDS), &packed)?;
    }
    fs::create_dir_all(&site)?;
    unzip(&package(&packed, &versions[0])?, &installed)?;
    let log = place.join(format!("daemon-{}.log", confirm.word()));
    fs::write(&log, "")?;
    let last = &versions[UPDATES];
    let mut daemon = Command::new(installed.join(NAME));
    daemon.arg("daemon").arg(&site).arg(&log).arg(last);
    daemon
        .stdin(Stdio::null())
        .env_remove("PYTHONHOME")
        .env_remove("PYTHONPATH");
    let mut daemon = daemon.spawn().context("the daemon does not start")?;
    let waited = publish_one_after_another(&log, &versions, &packed, &site);
    let seen = Seen::now(&installed);
    let _ = Command::new("pkill")
        .args(["-KILL", "-f"])
        .arg(&installed)
        .status();
    let _ = daemon.wait();
    waited?;
    seen?.check(&log, &versions, confirm, is_one_file)?;
    for directory in [packed, site, installed] {
        fs::remove_dir_all(directory)?;
    }
    Ok(())
}

/// Offers each version when the one before it runs, till the last one says that it is done.
fn publish_one_after_another(
    log: &Path,
    versions: &[String],
    packed: &Path,
    site: &Path,
) -> Result<()> {
    let started = Instant::now();
    let mut offered = 0;
    loop {
        let text = fs::read_to_string(log).unwrap_or_default();
        if text.ends_with("done\n") {
            return Ok(());
        }
        if started.elapsed() > LONGEST {
            bail!("the daemon did not come to its last version:\n{text}");
        }
        let running = text.lines().count().max(1);
        if offered < running && running < versions.len() {
            offered = running;
            let package = package(packed, &versions[offered])?;
            let name = package.file_name().context("a package without a name")?;
            fs::rename(&package, site.join(name))?;
        }
        thread::sleep(PAUSE);
    }
}

/// What is there while the last version runs.
struct Seen {
    processes: usize,
    versions: usize,
}

impl Seen {
    fn now(installed: &Path) -> Result<Self> {
        let directory = installed.canonicalize()?;
        let of_the_app = |process: &Path| {
            fs::read_link(process.join("exe")).is_ok_and(|program| program.starts_with(&directory))
        };
        let processes = fs::read_dir("/proc")?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|process| of_the_app(process))
            .count();
        let start = format!("{NAME}-1.");
        let versions = fs::read_dir(&directory)?
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| name.starts_with(&start))
            .count();
        Ok(Self {
            processes,
            versions,
        })
    }

    /// One process, and the one that watches if somebody watches; the program of one file has a parent of its own.
    fn check(
        &self,
        log: &Path,
        versions: &[String],
        confirm: Confirm,
        is_one_file: bool,
    ) -> Result<()> {
        let own = if is_one_file { 2 } else { 1 };
        let most = own + usize::from(confirm == Confirm::Bootstrap);
        let (processes, kept) = (self.processes, self.versions);
        println!("   {processes} processes, {kept} versions on disk");
        ensure!(
            processes <= most,
            "{processes} processes are left, not {most}"
        );
        ensure!(kept == 2, "{kept} versions are left, not 2");
        let text = fs::read_to_string(log)?;
        let starts: Vec<&str> = text.lines().filter(|line| *line != "done").collect();
        let begun: Vec<&str> = starts
            .iter()
            .filter_map(|line| line.split('\t').next())
            .collect();
        ensure!(begun == versions, "the versions that ran: {begun:?}");
        for line in &starts[1..] {
            ensure!(
                line.matches("/app-1.").count() <= 1,
                "an old version in the environment: {line}"
            );
        }
        Ok(())
    }
}
