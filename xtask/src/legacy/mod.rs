//! Apps in the field that carry the original esky, the real one from the package index, and their way to ours.
//!
//! Each is frozen with the original at 0.1 on Python 2.7, updates itself by its own `auto_update` to a 0.2 that was released
//! with `esky release --legacy-site`, and from there to a signed 0.3.

mod new;
mod old;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::demo::Steps;
use crate::tools::python2::MISSING;
use crate::tools::{self, Server};
use new::Developer;
use old::{OldPython, VARIANTS, Variant};

/// The version that the original's clients bring, and the one after it.
const VERSIONS: [&str; 2] = ["0.2", "0.3"];

/// Why the story cannot be told on this machine, if it cannot.
pub(crate) fn obstacle() -> Option<String> {
    if !cfg!(target_os = "linux") {
        return Some("the old freezers are run on Linux only".to_owned());
    }
    OldPython::find().is_none().then(|| MISSING.to_owned())
}

/// Tells the story for every variant; the first thing that is not as it should be is an error. A wheel may be there already.
pub(crate) fn run(wheel: Option<PathBuf>) -> Result<()> {
    if let Some(obstacle) = obstacle() {
        anyhow::bail!(obstacle);
    }
    let root = tools::target_dir().join("legacy");
    let mut steps = Steps::start();
    let python = OldPython::find().context("a Python 2.7")?;
    for variant in &VARIANTS {
        steps.run(&format!("Freeze 0.1 with {variant}"), || {
            let _ = fs::remove_dir_all(place(&root, variant));
            let package = python.freeze(variant, &root)?;
            unzip(&package, &app_of(&root, variant))?;
            site(&root, variant, &package)
        })?;
    }
    let developer = steps.run("Move the app to Python 3 and this esky; make keys", || {
        Developer::set_up(&root, wheel)
    })?;
    steps.run("Release 0.2, also for the old copies", || {
        let frozen = developer.freeze(VERSIONS[0])?;
        let sites: Vec<PathBuf> = VARIANTS
            .iter()
            .map(|variant| place(&root, variant).join("site"))
            .collect();
        developer.release(&frozen, VERSIONS[0], &sites)
    })?;
    for variant in &VARIANTS {
        steps.run(&format!("{variant}: 0.1 updates itself to 0.2"), || {
            let app = app_of(&root, variant);
            expect(&app, &[], "running 0.1")?;
            let server = developer.serve(&place(&root, variant).join("site"))?;
            expect(&app, &["update", &server.url()], "updated to 0.2")?;
            starts_the_old_one_too(&app)?;
            expect(&app, &[], "running 0.2")
        })?;
    }
    steps.run("Release 0.3", || {
        let frozen = developer.freeze(VERSIONS[1])?;
        developer.release(&frozen, VERSIONS[1], &[])
    })?;
    let server = developer.serve_repository()?;
    for variant in &VARIANTS {
        steps.run(&format!("{variant}: 0.2 goes on to the signed 0.3"), || {
            go_on(&app_of(&root, variant), &server, &developer)
        })?;
    }
    steps.finish(&server.totals());
    Ok(())
}

/// Verified, patched, and nothing of the original is left.
fn go_on(app: &Path, server: &Server, developer: &Developer) -> Result<()> {
    expect(app, &["update", &server.url()], "updated to 0.3")?;
    expect(app, &[], "running 0.3")?;
    developer.clean_up(app)?;
    expect(app, &[], "running 0.3")?;
    developer.verify(app, VERSIONS[1])?;
    for directory in [app.to_path_buf(), app.join("appdata")] {
        for name in names(&directory)? {
            ensure!(
                !name.starts_with("demo-0.1."),
                "{name} is still in {}",
                directory.display()
            );
        }
    }
    Ok(())
}

/// The start-up program is ours by now. Where the new version is lost, it starts the old one.
fn starts_the_old_one_too(app: &Path) -> Result<()> {
    let copy = app.with_file_name("copy");
    let _ = fs::remove_dir_all(&copy);
    tools::run(Command::new("cp").arg("-a").args([app, &copy]))?;
    for directory in [copy.clone(), copy.join("appdata")] {
        for name in names(&directory)? {
            if name.starts_with("demo-0.2.") {
                fs::remove_dir_all(directory.join(name))?;
            }
        }
    }
    expect(&copy, &[], "running 0.1")
}

/// Runs the app's program from the top of its directory.
fn expect(app: &Path, arguments: &[&str], expected: &str) -> Result<()> {
    println!("   $ prog {}", arguments.join(" "));
    let said = tools::output(Command::new(app.join("prog")).args(arguments))?;
    println!("   | {}", said.trim_end());
    ensure!(said.trim_end() == expected, "not {expected:?} but {said:?}");
    Ok(())
}

fn names(directory: &Path) -> Result<Vec<String>> {
    if !directory.is_dir() {
        return Ok(Vec::new());
    }
    let entries = fs::read_dir(directory)?;
    let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    names.collect()
}

fn place(root: &Path, variant: &Variant) -> PathBuf {
    root.join(variant.name())
}

fn app_of(root: &Path, variant: &Variant) -> PathBuf {
    place(root, variant).join("app")
}

/// Where the old copies look for updates.
fn site(root: &Path, variant: &Variant, package: &Path) -> Result<()> {
    let site = place(root, variant).join("site");
    fs::create_dir_all(&site)?;
    let name = package.file_name().context("a package has a name")?;
    fs::copy(package, site.join(name))?;
    Ok(())
}

/// As a user would.
fn unzip(package: &Path, directory: &Path) -> Result<()> {
    fs::create_dir_all(directory)?;
    let mut archive = zip::ZipArchive::new(fs::File::open(package)?)?;
    archive.extract(directory)?;
    Ok(())
}
