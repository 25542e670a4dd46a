//! The story: 1.0, 1.1, 1.2, a second instance all the while; and updates that are killed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use std::{io, thread};

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;
use zip::ZipArchive;

use super::programs::Programs;
use crate::tools::windows::{Wine, on_disk_z};
use crate::tools::{find_python, workspace_root};

/// How often an update is killed, spread evenly over the time that it takes.
const KILLS: u32 = 12;
/// With what code the app ends when it was interrupted.
const TIDIED_UP: i32 = 7;
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// An app is updated twice while an instance of it runs; the old version goes when that one has ended, and so does the
/// old start-up program.
pub(super) fn run(wine: &Wine, programs: &Programs) -> Result<()> {
    let stage = Stage::new(wine, programs)?;
    let first = stage.pack("1.0", &programs.bootstrap())?;
    let app = stage.unzip(&first, "app directory \u{fc}")?;
    stage.expect_hello(&app, "1.0")?;
    stage.expect_looks(&app, "Hello to all 1.0 icons 1")?;

    let running = stage.stay(&app)?;
    stage.pack("1.1", &programs.bootstrap())?;
    stage.update(&app)?;
    stage.expect_hello(&app, "1.1")?;

    let old = fs::read(app.join("hello.exe"))?;
    stage.pack("1.2", &programs.bootstrap())?;
    stage.update(&app)?;
    ensure!(
        fs::read(app.join("hello.exe"))? == old,
        "a start-up program was replaced while it ran"
    );
    stage.expect_hello(&app, "1.2")?;
    ensure!(
        app.join("hello-1.0.win-amd64/hello.exe").is_file(),
        "the version of a running instance was removed"
    );
    stage.end(running, "1.0")?;

    stage.esky(&["cleanup", &on_disk_z(&app)])?;
    ensure!(
        fs::read(app.join("hello.exe"))? != old,
        "the start-up program that waited was not put in place"
    );
    ensure!(
        !app.join("hello-1.0.win-amd64").exists(),
        "the version that nobody needs is still there"
    );
    stage.expect_hello(&app, "1.2")?;
    stage.expect_looks(&app, "Hello to all 1.2 icons 1")?;
    stage.esky(&["verify", &on_disk_z(&app)]).map(drop)
}

/// Wherever an update is killed, the app starts, and the next update does the rest.
pub(super) fn kills(wine: &Wine, programs: &Programs) -> Result<()> {
    let stage = Stage::new(wine, programs)?;
    let first = stage.pack("1.0", &programs.bootstrap())?;
    stage.pack("1.1", &programs.bootstrap())?;
    let whole = stage.unzip(&first, "never killed")?;
    let begun = Instant::now();
    stage.update(&whole)?;
    let time = begun.elapsed();
    // Wine's own server ends with its last program, and a kill could hit its start: this one keeps it.
    let keeper = stage.stay(&whole)?;
    let mut new = 0;
    for number in 0..KILLS {
        let app = stage.unzip(&first, &format!("killed {number}"))?;
        let mut update = stage.begin_update(&app)?;
        thread::sleep(time * number / KILLS);
        update.kill()?;
        update.wait()?;
        let hello = stage.hello(&app)?;
        ensure!(
            hello == "hello 1.0" || hello == "hello 1.1",
            "killed after {number}/{KILLS} of an update, the app said {hello:?}"
        );
        new += u32::from(hello == "hello 1.1");
        stage.update(&app)?;
        stage.expect_hello(&app, "1.1")?;
        stage.esky(&["verify", &on_disk_z(&app)])?;
    }
    stage.end(keeper, "1.1")?;
    println!(
        "   killed {KILLS} times within {:.1} s: {new} times the new version was there already",
        time.as_secs_f32()
    );
    Ok(())
}

/// Ctrl-C at a console is for the program: the start-up program waits until that has tidied up, and ends as it does.
pub(super) fn interrupt(wine: &Wine, programs: &Programs) -> Result<()> {
    let stage = Stage::new(wine, programs)?;
    let first = stage.pack("1.0", &programs.bootstrap())?;
    let app = stage.unzip(&first, "interrupted")?;
    let told = stage.root.path().join("told");
    let mut program = wine.command(app.join("hello.exe"));
    program.args(["--interrupt", &on_disk_z(&told)]);
    let output = at_terminal(&program)?.output()?;
    ensure!(
        output.status.code() == Some(TIDIED_UP),
        "interrupted, the start-up program ended with {}: {}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    let told = fs::read_to_string(told).context("the program did not tidy up")?;
    ensure!(told == "Ctrl-C", "what the program got was {told:?}");
    println!("   hello.exe got Ctrl-C, took its time and ended with {TIDIED_UP}");
    Ok(())
}

/// The same command at a terminal of its own, where somebody presses Ctrl-C.
fn at_terminal(command: &Command) -> Result<Command> {
    let mut wrapped = Command::new(find_python()?.executable);
    wrapped
        .arg(workspace_root().join("xtask/src/windows/terminal.py"))
        .arg(PATIENCE.as_secs().to_string())
        .arg(command.get_program())
        .args(command.get_args());
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            wrapped.env(name, value);
        }
    }
    Ok(wrapped)
}

/// Directories for one story.
pub(super) struct Stage<'a> {
    wine: &'a Wine,
    programs: &'a Programs,
    root: TempDir,
}

impl<'a> Stage<'a> {
    pub(super) fn new(wine: &'a Wine, programs: &'a Programs) -> Result<Self> {
        let root = tempfile::tempdir_in(wine.disk())?;
        fs::create_dir(root.path().join("releases"))?;
        Ok(Self {
            wine,
            programs,
            root,
        })
    }

    fn releases(&self) -> PathBuf {
        self.root.path().join("releases")
    }

    /// `esky pack`, on Windows too.
    pub(super) fn pack(&self, version: &str, bootstrap: &Path) -> Result<PathBuf> {
        self.pack_directory(version, &self.frozen(version)?, bootstrap)
    }

    /// The same for a program of another name, whose start-up program is the same in all versions.
    pub(super) fn pack_program(&self, version: &str, program: &str) -> Result<PathBuf> {
        let frozen = self.root.path().join(format!("frozen-{version}"));
        self.programs
            .frozen_as(version, "1.0", frozen.join(program))?;
        self.pack_directory(version, &frozen, &self.bootstrap())
    }

    fn pack_directory(&self, version: &str, frozen: &Path, bootstrap: &Path) -> Result<PathBuf> {
        self.esky(&[
            "pack",
            &on_disk_z(frozen),
            "--name",
            "hello",
            "--version",
            version,
            "--bootstrap",
            &on_disk_z(bootstrap),
            "--output",
            &on_disk_z(&self.releases()),
        ])?;
        let package = self
            .releases()
            .join(format!("hello-{version}.win-amd64.zip"));
        ensure!(package.is_file(), "there is no {}", package.display());
        Ok(package)
    }

    /// What a freezer would have made.
    pub(super) fn frozen(&self, version: &str) -> Result<PathBuf> {
        let frozen = self.root.path().join(format!("frozen-{version}"));
        self.programs.frozen(version, &frozen)?;
        Ok(frozen)
    }

    pub(super) fn bootstrap(&self) -> PathBuf {
        self.programs.bootstrap()
    }

    pub(super) fn root(&self) -> &Path {
        self.root.path()
    }

    /// As a user would with any zip program.
    pub(super) fn unzip(&self, package: &Path, name: &str) -> Result<PathBuf> {
        let root = self.root.path().join(name);
        ZipArchive::new(fs::File::open(package)?)?.extract(&root)?;
        Ok(root)
    }

    pub(super) fn esky(&self, arguments: &[&str]) -> Result<String> {
        let output = self.esky_command(arguments).output()?;
        said(&output).with_context(|| format!("esky.exe {}", arguments.join(" ")))
    }

    pub(super) fn esky_command(&self, arguments: &[&str]) -> Command {
        let mut command = self.wine.command(&self.programs.esky);
        command.args(arguments);
        command
    }

    pub(super) fn update(&self, app: &Path) -> Result<()> {
        self.update_and_tell(app).map(drop)
    }

    /// Gives all that it said, to people too.
    pub(super) fn update_and_tell(&self, app: &Path) -> Result<String> {
        println!("   esky.exe update");
        let arguments = ["update", &on_disk_z(app), &on_disk_z(&self.releases())];
        let output = self.esky_command(&arguments).output()?;
        let told = said(&output).context("esky.exe update")?;
        Ok(told + &String::from_utf8_lossy(&output.stderr))
    }

    fn begin_update(&self, app: &Path) -> Result<Child> {
        Ok(self
            .wine
            .command(&self.programs.esky)
            .args(["update", &on_disk_z(app), &on_disk_z(&self.releases())])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?)
    }

    /// What the app says when it is started.
    fn hello(&self, app: &Path) -> Result<String> {
        let output = self.wine.command(app.join("hello.exe")).output()?;
        Ok(said(&output)?.trim_end().to_owned())
    }

    pub(super) fn expect_hello(&self, app: &Path, version: &str) -> Result<()> {
        let hello = self.hello(app)?;
        println!("   hello.exe: {hello}");
        ensure!(
            hello == format!("hello {version}"),
            "expected {version}, and the app said {hello:?}"
        );
        Ok(())
    }

    /// What Windows shows of the start-up program is what it would show of the app's own.
    pub(super) fn expect_looks(&self, app: &Path, expected: &str) -> Result<()> {
        let output = self
            .wine
            .command(self.programs.looks())
            .arg(on_disk_z(&app.join("hello.exe")))
            .output()?;
        let looks = said(&output)?;
        ensure!(
            looks.trim_end() == expected,
            "the start-up program looks like {looks:?}"
        );
        println!("   it looks like: {expected}");
        Ok(())
    }

    /// Starts an instance that stays.
    fn stay(&self, app: &Path) -> Result<Child> {
        let child = self
            .wine
            .command(app.join("hello.exe"))
            .args(["--stay", &on_disk_z(&self.sign_of_life())])
            .stdout(Stdio::piped())
            .spawn()?;
        let begun = Instant::now();
        while !self.sign_of_life().exists() {
            ensure!(begun.elapsed() < PATIENCE, "the app did not come up");
            thread::sleep(Duration::from_millis(50));
        }
        println!("   a second instance runs");
        Ok(child)
    }

    /// Lets that instance end; it was the old version to the last.
    fn end(&self, child: Child, version: &str) -> Result<()> {
        fs::remove_file(self.sign_of_life())?;
        let said = said(&child.wait_with_output()?)?;
        ensure!(
            said.contains(&format!("goodbye {version}")),
            "the running instance said {said:?}"
        );
        println!("   the second instance has ended");
        Ok(())
    }

    fn sign_of_life(&self) -> PathBuf {
        self.root.path().join("sign-of-life")
    }
}

/// What a program wrote, if it ended well.
pub(super) fn said(output: &Output) -> Result<String> {
    if !output.status.success() {
        bail!(
            "{}: {}{}",
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
    let text = String::from_utf8(output.stdout.clone());
    Ok(text
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?
        .replace("\r\n", "\n"))
}
