//! The whole story of an app, for people to watch: freeze, release, install, update twice while an old instance runs, and
//! come back from a release that crashes.
//!
//! Every step checks what it shows; the first thing that is not as it should be ends the demo with an error.

mod installed;
mod releases;
mod steps;

use std::path::{Path, PathBuf};
use std::{fs, thread};

use anyhow::{Context, Result, bail, ensure};

use crate::tools::{self, Server};
use installed::Installed;
use releases::{Release, Workshop};
pub(crate) use steps::Steps;

/// The freezers that the demo can use, as `--freezer` and `bdist_esky` name them.
const FREEZERS: [&str; 2] = ["PyInstaller", "cx_Freeze"];
const OLD: &str = "1.0";
const MIDDLE: &str = "1.1";
const NEW: &str = "1.2";
/// A release with a mistake in it.
const BAD: &str = "1.3";

/// Runs the demo; `arguments` are those after `cargo xtask demo`.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let Wishes { freezer, wheel } = Wishes::read(arguments)?;
    let mut steps = Steps::start();
    let stage = Stage::new(freezer);

    let workshop = steps.run("Set up: bootstrap, wheel, virtual environment", || {
        Workshop::set_up(freezer, &stage.root, wheel)
    })?;
    let releases = steps.run(
        &format!("Freeze and pack {OLD}, {MIDDLE}, {NEW} and a broken {BAD} with {freezer}"),
        || freeze_all(&workshop),
    )?;
    let server = workshop.serve()?;
    let app = install(&mut steps, &stage, &workshop, &releases[0])?;
    let verify = |version: &str| workshop.verify(app.root(), version);

    let mut holder = None;
    steps.run(
        &format!("Start {OLD} and leave it running to the end"),
        || {
            holder = Some(app.hold(OLD)?);
            Ok(())
        },
    )?;
    update(&mut steps, &workshop, &server, &app, &releases[1], OLD)?;
    steps.run(
        &format!("Start again: {MIDDLE} runs, which confirms it"),
        || {
            app.run_and_expect(MIDDLE)?;
            app.expect_versions(&[OLD, MIDDLE])
        },
    )?;
    update(&mut steps, &workshop, &server, &app, &releases[2], MIDDLE)?;

    steps.run(
        &format!("Start again: {NEW} runs and cleans up, but for the {OLD} in use"),
        || {
            app.run_and_expect(NEW)?;
            app.expect_versions(&[OLD, MIDDLE, NEW])?;
            ensure!(
                holder.as_mut().is_some_and(installed::Holder::is_running),
                "the running {OLD} ended although nobody asked it to"
            );
            verify(NEW)
        },
    )?;
    steps.run(
        &format!("The {OLD} that ran all the time answers from its own files, and ends"),
        || match holder.take() {
            Some(holder) => holder.release(OLD),
            None => bail!("no instance of {OLD} was started"),
        },
    )?;
    steps.run(
        &format!("Start once more: {OLD} goes, {MIDDLE} is kept to go back to"),
        || {
            app.run_and_expect(NEW)?;
            app.expect_versions(&[MIDDLE, NEW])?;
            verify(NEW)
        },
    )?;
    update(&mut steps, &workshop, &server, &app, &releases[3], NEW)?;
    steps.run(
        &format!("{BAD} crashes three times; at the fourth start {NEW} is back by itself"),
        || {
            for _ in 0..3 {
                app.run_and_expect_a_crash()?;
            }
            app.run_and_expect(NEW)?;
            workshop.why(app.root(), BAD)
        },
    )?;
    steps.run(
        &format!("{BAD} is not offered again, and {NEW} goes on"),
        || {
            app.find_nothing_new(&server.url(), NEW)?;
            app.run_and_expect(NEW)?;
            app.expect_versions(&[MIDDLE, NEW])?;
            verify(NEW)
        },
    )?;
    steps.finish(&server.totals());
    Ok(())
}

/// Where the demo plays.
struct Stage {
    root: PathBuf,
    installed: PathBuf,
}

impl Stage {
    fn new(freezer: &str) -> Self {
        let root = tools::target_dir().join("demo").join(freezer);
        Self {
            installed: root.join("installed"),
            root,
        }
    }
}

/// What a person, or `cargo xtask test`, asks for.
#[derive(Debug, PartialEq, Eq)]
struct Wishes {
    freezer: &'static str,
    /// A wheel that is there already.
    wheel: Option<PathBuf>,
}

impl Wishes {
    fn read(arguments: &[String]) -> Result<Self> {
        let mut wishes = Self {
            freezer: FREEZERS[0],
            wheel: None,
        };
        let mut words = arguments.iter().flat_map(|argument| {
            let parts = if argument.starts_with("--") { 2 } else { 1 };
            argument.splitn(parts, '=')
        });
        while let Some(word) = words.next() {
            match (word, words.next()) {
                ("--freezer", Some(name)) => wishes.freezer = known_freezer(name)?,
                ("--wheel", Some(path)) => wishes.wheel = Some(path.into()),
                _ => bail!(USAGE),
            }
        }
        Ok(wishes)
    }
}

const USAGE: &str = "usage: cargo xtask demo [--freezer PyInstaller|cx_Freeze] [--wheel FILE]";

fn known_freezer(name: &str) -> Result<&'static str> {
    FREEZERS
        .into_iter()
        .find(|known| known.eq_ignore_ascii_case(name))
        .context(USAGE)
}

/// Two at a time: each is a process that keeps one core busy.
fn freeze_all(workshop: &Workshop) -> Result<Vec<Release>> {
    thread::scope(|scope| {
        let second = scope.spawn(|| {
            let new = workshop.freeze(NEW)?;
            anyhow::Ok([new, workshop.freeze_broken(BAD)?])
        });
        let mut releases = vec![workshop.freeze(OLD)?, workshop.freeze(MIDDLE)?];
        releases.extend(tools::joined(second)?);
        Ok(releases)
    })
}

fn install(
    steps: &mut Steps,
    stage: &Stage,
    workshop: &Workshop,
    release: &Release,
) -> Result<Installed> {
    steps.run(
        &format!("Sign {OLD} and install it: unzip it, and start it once"),
        || {
            let package = workshop.release(release)?;
            let app = Installed::unzip(&package, &stage.installed)?;
            tools::expect_links(app.root(), workshop.freezer_makes_links())?;
            app.expect_versions(&[OLD])?;
            app.run_and_expect(OLD)?;
            Ok(app)
        },
    )
}

/// Signs `release`, which puts it on the server, and lets the installed app, which is at `from`, update itself to it.
fn update(
    steps: &mut Steps,
    workshop: &Workshop,
    server: &Server,
    app: &Installed,
    release: &Release,
    from: &str,
) -> Result<()> {
    let to = &release.version;
    steps.run(&format!("Release {to}; {from} updates itself"), || {
        let package = workshop.release(release)?;
        let good = spoil(&package)?;
        let before = server.totals();
        app.update(&server.url(), from, to)?;
        let traffic = server.totals().since(&before);
        println!("   served: {traffic}; the whole package, spoilt, was not needed");
        ensure!(
            traffic.bytes < release.size()? / 4,
            "the server sent {} bytes, no small part of the package",
            traffic.bytes
        );
        // The next release makes a patch from it.
        fs::write(&package, good)?;
        app.expect_version_among(to)
    })
}

/// Whoever takes the whole package now gets nothing out of it: so an update that succeeds has gone through a patch.
fn spoil(package: &Path) -> Result<Vec<u8>> {
    let good = fs::read(package)?;
    fs::write(package, vec![0; good.len()])?;
    Ok(good)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&str]) -> Option<Wishes> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        Wishes::read(&words).ok()
    }

    #[test]
    fn a_freezer_is_found_in_any_spelling_and_others_are_refused() {
        let freezer = |words: &[&str]| Some(read(words)?.freezer);
        assert_eq!(freezer(&[]), Some("PyInstaller"));
        assert_eq!(freezer(&["--freezer", "cx_freeze"]), Some("cx_Freeze"));
        assert_eq!(freezer(&["--freezer=pyinstaller"]), Some("PyInstaller"));
        assert_eq!(freezer(&["--freezer", "py2exe"]), None);
        assert_eq!(freezer(&["--freezer"]), None);
    }

    #[test]
    fn a_wheel_can_be_named_and_nothing_else() {
        let wishes = read(&["--wheel", "a=b/esky.whl", "--freezer=cx_Freeze"]);
        let expected = Wishes {
            freezer: "cx_Freeze",
            wheel: Some("a=b/esky.whl".into()),
        };
        assert_eq!(wishes, Some(expected));
        assert_eq!(read(&["--wheels", "esky.whl"]), None);
    }
}
