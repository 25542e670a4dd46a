//! Files that another program has open while an app is updated, and a directory that it works in.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::programs::Programs;
use super::story::{PATIENCE, Stage};
use crate::tools::windows::{Wine, on_disk_z};

const READING: u32 = 1;
const EVERYTHING: u32 = 7;

/// What others have open fails no update. It is told and left for later, and keeps nothing else.
pub(super) fn run(wine: &Wine, programs: &Programs) -> Result<()> {
    let stage = Stage::new(wine, programs)?;
    let first = stage.pack("1.0", &programs.bootstrap())?;
    let app = stage.unzip(&first, "held")?;
    stage.pack("1.1", &programs.bootstrap())?;
    stage.update(&app)?;
    stage.expect_hello(&app, "1.1")?;

    let old = app.join("hello-1.0.win-amd64");
    let holder = |number: usize, file: &Path, sharing, seconds| {
        let sign = stage.root().join(format!("held-{number}"));
        Holder::start(wine, programs, (&old, file), sharing, (sign, seconds))
    };
    let in_old = old.join("lib/module-3.txt");
    let held = [
        holder(0, &in_old, READING, 600)?,
        holder(1, &app.join("esky-state/programs.txt"), EVERYTHING, 600)?,
        holder(2, &app.join("hello.exe"), EVERYTHING, 600)?,
    ];
    held.iter().try_for_each(Holder::expect)?;
    // It takes the file as soon as it is unpacked, and has it for five seconds.
    let unpacked = app.join("hello-1.2.win-amd64/lib/module-50.txt");
    let scanner = holder(3, &unpacked, READING, 5)?;

    stage.pack("1.2", &programs.bootstrap())?;
    let told = stage.update_and_tell(&app)?;
    scanner.end()?;
    ensure!(told.contains("updated hello"), "the update said {told:?}");
    ensure!(
        told.contains("left for later") && told.contains("module-3.txt"),
        "what was left was not told: {told:?}"
    );
    println!("   {}", told.trim_end().replace('\n', "\n   "));
    stage.expect_hello(&app, "1.2")?;
    ensure!(in_old.exists(), "a file that is open was removed");
    ensure!(
        !old.join("hello.exe").exists(),
        "one file that is open kept the rest"
    );
    for holder in held {
        holder.end()?;
    }
    stage.esky(&["cleanup", &on_disk_z(&app)])?;
    ensure!(!old.exists(), "what was left for later is still there");
    stage.expect_looks(&app, "Hello to all 1.2 icons 1")?;
    stage.esky(&["verify", &on_disk_z(&app)]).map(drop)
}

/// A program that has a file open. It works in the old version's directory.
struct Holder {
    child: Child,
    sign: PathBuf,
}

impl Holder {
    fn start(
        wine: &Wine,
        programs: &Programs,
        (works_in, file): (&Path, &Path),
        sharing: u32,
        (sign, seconds): (PathBuf, u32),
    ) -> Result<Self> {
        let child = wine
            .command(programs.holder())
            .current_dir(works_in)
            .args([on_disk_z(file), sharing.to_string()])
            .args([on_disk_z(&sign), (seconds * 1000).to_string()])
            .stdin(Stdio::null())
            // No pipes: Wine's server, if this program starts it, has them open for as long as it runs, and no end would come.
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        Ok(Self { child, sign })
    }

    /// Waits until it has the file.
    fn expect(&self) -> Result<()> {
        let begun = Instant::now();
        while !self.sign.exists() {
            ensure!(begun.elapsed() < PATIENCE, "the file was not opened");
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Lets it close the file. It must have had it.
    fn end(mut self) -> Result<()> {
        let had_it = fs::remove_file(&self.sign);
        let status = self.child.wait()?;
        ensure!(status.success(), "the program that holds a file: {status}");
        Ok(had_it?)
    }
}

/// The program at the top is called `hello.exe`, and later versions call it `Hello.exe`. That is one name on Windows.
pub(super) fn other_letters(wine: &Wine, programs: &Programs) -> Result<()> {
    let stage = Stage::new(wine, programs)?;
    let first = stage.pack_program("1.0", "hello.exe")?;
    let app = stage.unzip(&first, "other letters")?;
    for version in ["1.1", "1.2", "1.3"] {
        stage.pack_program(version, "Hello.exe")?;
        stage.update(&app)?;
        stage.expect_hello(&app, version)?;
    }
    ensure!(
        !app.join("hello-1.0.win-amd64").exists(),
        "the version that nobody needs is still there"
    );
    stage.esky(&["verify", &on_disk_z(&app)]).map(drop)
}
