//! Which versions on trial are confirmed: every way to end, with every way to start children, for every freezer and both
//! ways to confirm. The table of it is docs/design/endings.md. And a daemon that updates itself twenty times.

mod cell;
mod daemon;
mod freezer;
mod page;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};

use crate::freezers::Workshop;
use crate::report::{Group, Report};
use crate::tools::{output, run};
use cell::{Cell, Confirm, Outcome};
use freezer::{FREEZERS, Freezer};

/// The app's name and that of its program.
const NAME: &str = "app";

/// Runs all freezers, or those whose name contains a word given with `--only`; the page keeps what it says of the others.
pub(crate) fn main(arguments: &[String]) -> Result<ExitCode> {
    let only = match arguments {
        [] => String::new(),
        [flag, word] if flag == "--only" => word.to_lowercase(),
        _ => bail!("usage: cargo xtask endings [--only WORD]"),
    };
    let chosen: Vec<&Freezer> = FREEZERS
        .iter()
        .filter(|freezer| freezer.name.to_lowercase().contains(&only))
        .collect();
    ensure!(!chosen.is_empty(), "no freezer is called {only:?}");
    let workshop = Workshop::set_up()?;
    let mut group = Group::new("endings");
    for freezer in chosen {
        run_freezer(freezer, &workshop, &mut group);
    }
    let mut report = Report::default();
    report.add(group);
    Ok(report.close())
}

fn run_freezer(freezer: &Freezer, workshop: &Workshop, group: &mut Group) {
    let mut frozen = None;
    group.step(&format!("{} freezes the app", freezer.name), || {
        let place = workshop.place(&format!("endings-{}", freezer.slug()))?;
        let made = freezer.freeze(workshop, &place)?;
        frozen = Some((place, made));
        Ok(())
    });
    let Some((place, frozen)) = frozen else {
        return;
    };
    group.step(&format!("{}: every way to end", freezer.name), || {
        let outcomes = cell::run_all(&place, |confirm| {
            installed_on_trial(
                workshop,
                &place,
                &frozen,
                (confirm, freezer.trial_seconds()),
            )
        })?;
        page::write(freezer, &outcomes)?;
        surprises(&outcomes)
    });
    for confirm in Confirm::ALL {
        let what = format!(
            "{}: a daemon updates itself 20 times, confirm {}",
            freezer.name,
            confirm.word()
        );
        group.step(&what, || {
            daemon::run(workshop, &place, &frozen, confirm, freezer.is_one_file)
        });
    }
}

/// Fails with each cell that was not as documented.
fn surprises(outcomes: &[(Cell, Outcome)]) -> Result<()> {
    let wrong: Vec<String> = outcomes
        .iter()
        .filter(|(cell, outcome)| cell.expected() != *outcome)
        .map(|(cell, outcome)| format!("{cell}: {}", outcome.word()))
        .collect();
    ensure!(
        wrong.is_empty(),
        "not as documented:\n  {}",
        wrong.join("\n  ")
    );
    Ok(())
}

/// An app directory with 1.0 and 1.1, the latter on trial for so many seconds.
fn installed_on_trial(
    workshop: &Workshop,
    place: &Path,
    frozen: &Path,
    trial: (Confirm, &str),
) -> Result<std::path::PathBuf> {
    let (confirm, _) = trial;
    let site = place.join(format!("site-{}", confirm.word()));
    let installed = place.join(format!("installed-{}", confirm.word()));
    remove_leftovers(&[&site, &installed])?;
    for version in ["1.0", "1.1"] {
        pack(workshop, frozen, version, trial, &site)?;
    }
    unzip(&package(&site, "1.0")?, &installed)?;
    let mut update = workshop.esky(place, &workshop.bootstrap);
    output(update.arg("update").arg(&installed).arg(&site)).context("`esky update`")?;
    Ok(installed)
}

fn pack(
    workshop: &Workshop,
    frozen: &Path,
    version: &str,
    (confirm, seconds): (Confirm, &str),
    site: &Path,
) -> Result<()> {
    let mut pack = workshop.esky(site, &workshop.bootstrap);
    pack.arg("pack").arg(frozen);
    pack.args(["--name", NAME, "--version", version, "--exe", NAME]);
    pack.args(["--confirm", confirm.word(), "--confirm-after", seconds]);
    pack.args(["--index", "--quiet", "-o"]).arg(site);
    std::fs::create_dir_all(site)?;
    run(&mut pack)
}

/// What an earlier run left would take part in this one.
fn remove_leftovers(directories: &[&Path]) -> Result<()> {
    for directory in directories {
        if directory.exists() {
            std::fs::remove_dir_all(directory)?;
        }
    }
    Ok(())
}

fn package(site: &Path, version: &str) -> Result<std::path::PathBuf> {
    let start = format!("{NAME}-{version}.");
    std::fs::read_dir(site)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with(&start) && name.ends_with(".zip")
        })
        .with_context(|| format!("no package of {version} in {}", site.display()))
}

fn unzip(package: &Path, directory: &Path) -> Result<()> {
    let file = std::fs::File::open(package)?;
    zip::ZipArchive::new(file)?.extract(directory)?;
    Ok(())
}
