//! One cell of the table: a version on trial is started once, ends in some way, and is confirmed or not.

use std::fmt;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::NAME;

/// Ways to end, and whether the exit code is 0 (`None`: it does not end by itself).
const WAYS: [(&str, Option<bool>); 15] = [
    ("return", Some(true)),
    ("sys.exit(0)", Some(true)),
    ("sys.exit(3)", Some(false)),
    ("SystemExit(1)", Some(false)),
    ("SystemExit('fatal')", Some(false)),
    ("SystemExit in asyncio", Some(false)),
    ("exception", Some(false)),
    ("exception in an exit function", Some(true)),
    ("exception in a thread, then 0", Some(true)),
    ("os._exit(0)", Some(true)),
    ("os._exit(4)", Some(false)),
    ("exit code of an event loop", Some(false)),
    ("segmentation fault", Some(false)),
    ("SIGKILL", Some(false)),
    ("stays up", None),
];

const CHILDREN: [&str; 5] = [
    "none",
    "multiprocessing",
    "fork",
    "the same program",
    "double fork",
];

/// Cells that are run at the same time: they mostly wait.
const THREADS: usize = 6;
const LONGEST: Duration = Duration::from_secs(60);
/// Longer than any child stays up.
const AFTERWARDS: Duration = Duration::from_secs(4);
const PAUSE: Duration = Duration::from_millis(50);

/// Who confirms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Confirm {
    Bootstrap,
    App,
}

impl Confirm {
    pub(super) const ALL: [Self; 2] = [Self::Bootstrap, Self::App];

    /// As `--confirm` takes it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Bootstrap => "bootstrap",
            Self::App => "app",
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) confirm: Confirm,
    pub(super) way: &'static str,
    pub(super) children: &'static str,
    ends_well: Option<bool>,
}

/// What became of the trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Confirmed,
    Counted,
}

impl Outcome {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Counted => "counted",
        }
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (confirm, way, children) = (self.confirm.word(), self.way, self.children);
        write!(formatter, "confirm {confirm}, {way}, children: {children}")
    }
}

impl Cell {
    pub(super) fn all() -> impl Iterator<Item = Self> {
        Confirm::ALL.into_iter().flat_map(|confirm| {
            WAYS.into_iter().flat_map(move |(way, ends_well)| {
                CHILDREN.into_iter().map(move |children| Self {
                    confirm,
                    way,
                    children,
                    ends_well,
                })
            })
        })
    }

    /// What docs/design/bootstrap.md says.
    pub(super) fn expected(&self) -> Outcome {
        let confirmed = match self.ends_well {
            None => true,
            Some(ends_well) => ends_well && self.confirm == Confirm::Bootstrap,
        };
        if confirmed {
            Outcome::Confirmed
        } else {
            Outcome::Counted
        }
    }

    /// Starts the app once in a copy of an app directory.
    fn run(&self, template: &Path, place: &Path) -> Result<Outcome> {
        copy(template, place)?;
        let mut app = Command::new(place.join(NAME));
        app.args([self.way, self.children])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .env_remove("PYTHONHOME")
            .env_remove("PYTHONPATH")
            .process_group(0);
        let mut app = app.spawn().context("the app does not start")?;
        let group = app.id();
        let started = Instant::now();
        if self.ends_well.is_none() {
            while outcome(place)? == Outcome::Counted && started.elapsed() < LONGEST {
                thread::sleep(PAUSE);
            }
        } else {
            while app.try_wait()?.is_none() {
                if started.elapsed() > LONGEST {
                    kill(group);
                    bail!("{self}: it did not end");
                }
                thread::sleep(PAUSE);
            }
            if self.children != "none" {
                thread::sleep(AFTERWARDS);
            }
        }
        let outcome = outcome(place);
        kill(group);
        let _ = app.wait();
        fs::remove_dir_all(place).with_context(|| format!("cannot remove {}", place.display()))?;
        outcome
    }
}

/// Runs every cell; `template` gives the app directory for a way to confirm.
pub(super) fn run_all(
    place: &Path,
    template: impl Fn(Confirm) -> Result<PathBuf>,
) -> Result<Vec<(Cell, Outcome)>> {
    let templates: Vec<(Confirm, PathBuf)> = Confirm::ALL
        .into_iter()
        .map(|confirm| Ok((confirm, template(confirm)?)))
        .collect::<Result<_>>()?;
    let cells: Vec<Cell> = Cell::all().collect();
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(cell) = cells.get(number) else {
                        return;
                    };
                    let template = templates
                        .iter()
                        .find(|(confirm, _)| *confirm == cell.confirm);
                    let place = place.join(format!("cell-{number}"));
                    let outcome = template.map(|(_, template)| cell.run(template, &place));
                    if let (Some(outcome), Ok(mut done)) = (outcome, done.lock()) {
                        done.push((number, outcome));
                    }
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_default();
    done.sort_by_key(|(number, _)| *number);
    done.into_iter()
        .map(|(number, outcome)| Ok((cells[number], outcome?)))
        .collect()
}

fn outcome(app_directory: &Path) -> Result<Outcome> {
    for entry in fs::read_dir(app_directory.join("esky-state"))? {
        if entry?
            .file_name()
            .to_string_lossy()
            .starts_with("confirmed-")
        {
            return Ok(Outcome::Confirmed);
        }
    }
    Ok(Outcome::Counted)
}

/// Also the children, which stayed in the group or will end soon.
fn kill(group: u32) {
    let _ = Command::new("kill")
        .args(["-KILL", "--", &format!("-{group}")])
        .stderr(Stdio::null())
        .status();
}

/// Files of versions are shared with the template, since nobody writes to them; what is written or locked is copied.
fn copy(template: &Path, place: &Path) -> Result<()> {
    cp("-al", template, place)?;
    let state = place.join("esky-state");
    fs::remove_dir_all(&state)?;
    cp("-a", &template.join("esky-state"), &state)?;
    for entry in fs::read_dir(place)? {
        let lock = entry?.path().join("esky-files/lockfile.txt");
        if lock.exists() {
            let text = fs::read(&lock)?;
            fs::remove_file(&lock)?;
            fs::write(&lock, text)?;
        }
    }
    Ok(())
}

fn cp(option: &str, from: &Path, to: &Path) -> Result<()> {
    let copied = Command::new("cp").arg(option).arg(from).arg(to).status()?;
    anyhow::ensure!(copied.success(), "cannot copy {}", from.display());
    Ok(())
}
