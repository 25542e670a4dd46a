//! The same story for every freezer: release 1.0, install it, start it, release 1.1, update, start again.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::person::Person;
use super::workshop::Workshop;
use super::{NEW, NEWEST, OLD};
use crate::tools::windows::Wine;
use crate::tools::{Server, expect_links, human_size, output, serve_with_nginx};

/// What a freezer made of a version.
pub(crate) struct Made {
    /// A package that `bdist_esky` wrote, or a directory to be packed.
    pub(crate) path: PathBuf,
    /// The programs, where a directory has more executables than the app has programs.
    pub(crate) programs: Vec<&'static str>,
}

/// Who brings the app to the next version.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Updater {
    /// The app, which then starts itself anew.
    Itself,
    /// `esky update`, from outside.
    Command,
}

/// What serves the releases.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Host {
    EskyServe,
    Nginx,
}

/// The terms of a row's story.
pub(crate) struct Terms<'a> {
    pub(crate) updater: Updater,
    /// How the app is called at the top of its directory.
    pub(crate) program: &'static str,
    /// What `esky` has to recognise.
    pub(crate) freezer: Option<&'static str>,
    pub(crate) bootstrap: &'a Path,
    /// Whether there have to be symbolic links in what the freezer makes.
    pub(crate) has_links: bool,
    pub(crate) host: Host,
    /// Where the app is one for Windows and this is not.
    pub(crate) wine: Option<&'a Wine>,
    pub(crate) versions: String,
}

/// What a story that went well tells.
pub(crate) struct Passed {
    pub(crate) versions: String,
    pub(crate) recognised: String,
    pub(crate) ran: String,
    pub(crate) package: u64,
    pub(crate) fetched: u64,
}

/// Plays it in `place`; the first thing that is not as it should be ends it with an error.
pub(crate) fn play(
    workshop: &Workshop,
    place: &Path,
    terms: Terms<'_>,
    freeze: &dyn Fn(&str) -> Result<Made>,
) -> Result<Passed> {
    let project = place.join("project");
    fs::create_dir_all(&project)?;
    let esky = || workshop.esky(&project, terms.bootstrap);
    output(esky().args(["init", "--app", "hello"])).context("`esky init`")?;
    let old = release(&mut esky(), &freeze(OLD)?, OLD)?;
    let recognised = old["freezer"].as_str();
    ensure!(
        recognised == terms.freezer,
        "recognised as {recognised:?}, which should be {:?}",
        terms.freezer
    );
    let person = match terms.host {
        Host::EskyServe => Person::here(place),
        Host::Nginx => Person::who_is_not_root(place)?,
    };
    let installed = person.installed();
    let package = Path::new(old["path"].as_str().context("no path in the answer")?);
    person.install(package)?;
    let app = App {
        program: installed.join(terms.program),
        person: &person,
        wine: terms.wine,
    };
    app.says(&["run"], &format!("hello {OLD}"))?;
    expect_links(installed, terms.has_links)?;

    let server = match terms.host {
        Host::EskyServe => Server::start(esky().args(["serve", "--port", "0"]))?,
        Host::Nginx => serve_with_nginx(&project.join("repo"))?,
    };
    let new = release(&mut esky(), &freeze(NEW)?, NEW)?;
    let before = server.totals();
    let told = match terms.updater {
        Updater::Itself => app.says(&["update", &server.url()], &format!("hello {NEW}"))?,
        Updater::Command => update_from_outside(&mut esky(), installed, &server.url())?,
    };
    expect_patch_at_first_try(&told)?;
    let fetched = server.totals().since(&before).bytes;
    app.says(&["run"], &format!("hello {NEW}"))?;
    if terms.host == Host::Nginx {
        release(&mut esky(), &freeze(NEWEST)?, NEWEST)?;
        app.update_twice_at_once(&server.url())?;
    }
    output(esky().arg("verify").arg(installed)).context("`esky verify`")?;
    let size = |key: &str| new[key].as_u64().unwrap_or(0);
    println!(
        "   package {}, update {}",
        human_size(size("size")),
        human_size(fetched)
    );
    Ok(Passed {
        versions: terms.versions,
        recognised: recognised.unwrap_or("any directory").to_owned(),
        ran: what_was_run(terms.updater, terms.host).to_owned(),
        package: size("size"),
        fetched,
    })
}

fn update_from_outside(esky: &mut Command, app: &Path, url: &str) -> Result<String> {
    let done = esky.arg("update").arg(app).arg(url).output();
    let done = done.context("`esky update`")?;
    let told = String::from_utf8_lossy(&done.stderr).into_owned();
    ensure!(done.status.success(), "`esky update` failed:\n{told}");
    Ok(told)
}

fn what_was_run(updater: Updater, host: Host) -> &'static str {
    match (updater, host) {
        (Updater::Itself, Host::Nginx) => {
            "froze, packed, signed, installed, started; updated itself from nginx as an ordinary account, restarted itself; then two instances updated at once; verified"
        }
        (Updater::Itself, Host::EskyServe) => {
            "froze, packed, signed, installed, started; updated itself, restarted itself, verified"
        }
        (Updater::Command, _) => {
            "built, packed, signed, installed, started; `esky update`, started, verified"
        }
    }
}

/// The update has to be by a patch (or the changed files, where they are no larger), and nothing may have been tried twice.
fn expect_patch_at_first_try(told: &str) -> Result<()> {
    let lines: Vec<&str> = told.lines().collect();
    let fetched = |line: &&&str| line.to_lowercase().starts_with("fetching ");
    let ways: Vec<&&str> = lines.iter().filter(fetched).collect();
    let is_small = ways.iter().all(|way| {
        let way = way.to_lowercase();
        way.starts_with("fetching a patch") || way.starts_with("fetching the changed files")
    });
    ensure!(
        ways.len() == 1 && is_small && !told.contains("trying again"),
        "the update was not by a patch at the first try:\n{told}"
    );
    Ok(())
}

fn release(esky: &mut Command, made: &Made, version: &str) -> Result<Value> {
    esky.arg("release").arg(&made.path).arg("--json");
    if made.path.is_dir() {
        esky.args(["--version", version]);
        esky.args(made.programs.iter().map(|name| format!("--exe={name}")));
    }
    let what = made.path.file_name().unwrap_or_default();
    println!("   $ esky release {}", what.to_string_lossy());
    let told = output(esky).context("`esky release`")?;
    Ok(serde_json::from_str(&told)?)
}

struct App<'a> {
    program: PathBuf,
    person: &'a Person,
    wine: Option<&'a Wine>,
}

impl App<'_> {
    /// Starts the app, whose last line has to be this. Gives all it said.
    fn says(&self, arguments: &[&str], wanted: &str) -> Result<String> {
        let said = output(&mut self.command(arguments))?;
        said.lines().for_each(|line| println!("   | {line}"));
        let last = last_line(&said);
        ensure!(last == wanted, "the app said {last:?}, not {wanted:?}");
        Ok(said)
    }

    /// Two instances look for updates at the same time, as at the start of a desktop session: at least one updates the app and starts
    /// anew, and the other does too, or says that the first is at it.
    fn update_twice_at_once(&self, url: &str) -> Result<()> {
        let start = || {
            let mut command = self.command(&["update", url]);
            command
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
        };
        let instances = [start()?, start()?];
        let mut updated = 0;
        for instance in instances {
            let done = instance.wait_with_output()?;
            let said = String::from_utf8_lossy(&done.stdout);
            let complaint = String::from_utf8_lossy(&done.stderr);
            said.lines().for_each(|line| println!("   | {line}"));
            ensure!(
                done.status.success(),
                "one of two instances failed:\n{complaint}"
            );
            match last_line(&said) {
                "another process is updating" => {}
                last => {
                    ensure!(last == format!("hello {NEWEST}"), "one said {last:?}");
                    updated += 1;
                }
            }
        }
        ensure!(updated > 0, "neither of two instances updated the app");
        self.says(&["run"], &format!("hello {NEWEST}"))?;
        Ok(())
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = match self.wine {
            Some(wine) => wine.command(&self.program),
            None => Command::new(&self.program),
        };
        println!("   $ hello {}", arguments.join(" "));
        self.person
            .runs(&mut command)
            .args(arguments)
            .stdin(Stdio::null());
        command
    }
}

fn last_line(said: &str) -> &str {
    said.lines().last().unwrap_or_default().trim_end()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_update_that_needed_more_than_a_patch_is_noticed() {
        let good = "Fetching a patch, 943 bytes\nDownloading\nhello 1.1\n";
        assert!(expect_patch_at_first_try(good).is_ok());
        for bad in [
            "hello 1.1\n".to_owned(),
            "fetching the whole version, 45800000 bytes\n".to_owned(),
            format!("{good}trying again: it does not give the version\n"),
            format!("{good}Fetching the changed files, 12 bytes\n"),
        ] {
            assert!(expect_patch_at_first_try(&bad).is_err(), "{bad}");
        }
    }
}
