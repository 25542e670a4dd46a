//! A whole update from loopback against `curl`, `unzip` and `sync` of the same package, and the memory it takes.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::measure::{Usage, settle, time, time_and_memory};
use super::table::{Figure, Table};
use super::tree::{NAME, Tree};
use super::{Bench, empty, unzip};
use crate::tools::is_on_path;

const ROUNDS: usize = 7;
const TIME_LIMIT: f64 = 1.3;
const MEMORY_LIMIT: u64 = 64 * 1024 * 1024;

/// Measures and adds the figures.
pub(super) fn measure(bench: &Bench, tree: &Tree, table: &mut Table) -> Result<()> {
    if let Some(missing) = ["curl", "unzip"]
        .into_iter()
        .find(|program| !is_on_path(program))
    {
        println!("SKIPPED updating: there is no `{missing}` on this machine to compare with");
        return Ok(());
    }
    let directory = bench.directory.join("update");
    let site = directory.join("site");
    let old = bench.pack(&tree.path, "1.0", &directory.join("old"))?;
    let new = bench.pack(&tree.path, "2.0", &site)?;
    let server = Server::start(&bench.python, &site)?;

    let (mut ours, mut theirs, mut memory) = (Vec::new(), Vec::new(), 0);
    for _ in 0..ROUNDS {
        let usage = update(bench, &directory.join("app"), &old, &server.address)?;
        ours.push(usage.time);
        memory = memory.max(usage.peak_memory);
        theirs.push(by_hand(&directory.join("by-hand"), &server.address, &new)?);
    }
    let what = "update from loopback against curl, unzip, sync";
    table.add(Figure::ratio(what, &ours, &theirs, TIME_LIMIT));
    table.add(Figure::size(
        "peak memory of the update",
        memory,
        MEMORY_LIMIT,
    ));
    Ok(())
}

/// From an installed 1.0 to 2.0: search, download, check, install.
fn update(bench: &Bench, app: &Path, old: &Path, address: &str) -> Result<Usage> {
    unzip(old, app)?;
    settle()?;
    let mut command = Command::new(&bench.esky);
    command
        .args(["--quiet", "update", "--no-proxy"])
        .arg(app)
        .arg(address);
    let usage = time_and_memory(&bench.python, &command)?;
    let installed = fs::read_dir(app)?.flatten().any(|entry| {
        entry
            .file_name()
            .to_string_lossy()
            .starts_with(&format!("{NAME}-2.0."))
    });
    if !installed {
        bail!("the update ended well and 2.0 is not there");
    }
    Ok(usage)
}

fn by_hand(folder: &Path, address: &str, package: &Path) -> Result<Duration> {
    empty(folder)?;
    settle()?;
    let name = package
        .file_name()
        .context("a package has a name")?
        .to_string_lossy();
    let script = "curl --silent --fail --noproxy '*' --output package.zip \"$0\" && unzip -q package.zip && sync";
    time(
        Command::new("sh")
            .current_dir(folder)
            .args(["-c", script])
            .arg(format!("{address}{name}")),
    )
}

/// Python's web server on loopback, ended when dropped.
struct Server {
    process: Child,
    address: String,
}

impl Server {
    fn start(python: &Path, site: &PathBuf) -> Result<Self> {
        let mut process = Command::new(python)
            .args([
                "-u",
                "-m",
                "http.server",
                "--bind",
                "127.0.0.1",
                "--directory",
            ])
            .arg(site)
            .arg("0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let mut line = String::new();
        if let Some(stdout) = process.stdout.take() {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        let mut server = Self {
            process,
            address: String::new(),
        };
        let port = line
            .split("port ")
            .nth(1)
            .and_then(|rest| rest.split(' ').next());
        let port = port.with_context(|| format!("the web server said `{}`", line.trim()))?;
        server.address = format!("http://127.0.0.1:{port}/");
        Ok(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
