//! The app whose program is running: what a program does first, and how it starts anew.
//!
//! ```no_run
//! use esky::{ProgramStart, Started, run_startup_hooks};
//!
//! fn main() -> esky::Result<()> {
//!     let executable = std::env::current_exe().unwrap_or_default();
//!     let start = ProgramStart::new(executable, std::env::args_os(), std::env::vars_os());
//!     let app = match run_startup_hooks(start) {
//!         Started::App(app) => app,
//!         Started::Finished { exit_code } => std::process::exit(exit_code),
//!         Started::NotInstalled => return Ok(()), // a build that was started where it was built
//!     };
//!     // … the app; after an update:
//!     app.relaunch(&[])
//! }
//! ```

mod program;
mod trial;

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use esky_install::{VersionLock, clean_environment};

use crate::{Error, Esky, Result};

/// The first argument of a start that only cleans up. The original gives it too, with a pickle behind it.
const SPAWN_CLEANUP: &str = "--esky-spawn-cleanup";
/// By this the original asks its program to change files as an administrator.
const SPAWN_SUDO: &str = "--esky-spawn-sudo";
/// How long a start that only cleans up waits for the program that started it.
const CLEANUP_PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(100);

/// How the running program was started. The library reads neither the environment nor the command line by itself.
#[derive(Clone, Debug)]
pub struct ProgramStart {
    executable: PathBuf,
    arguments: Vec<OsString>,
    variables: Vec<(OsString, OsString)>,
    freezer_directory: Option<PathBuf>,
    confirms_itself: bool,
}

impl ProgramStart {
    /// `executable` is the running program; `arguments` are those of the process, the program's name among them;
    /// `variables` are its environment.
    pub fn new(
        executable: impl Into<PathBuf>,
        arguments: impl IntoIterator<Item = OsString>,
        variables: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Self {
        Self {
            executable: executable.into(),
            arguments: arguments.into_iter().skip(1).collect(),
            variables: variables.into_iter().collect(),
            freezer_directory: None,
            confirms_itself: false,
        }
    }

    /// Names the directory where the freezer keeps or has unpacked the program's files (PyInstaller: `sys._MEIPASS`).
    #[must_use]
    pub fn with_freezer_directory(mut self, directory: Option<PathBuf>) -> Self {
        self.freezer_directory = directory;
        self
    }

    /// Leaves it to the app to say, by [`RunningApp::confirm`], that a new version works: neither staying up nor
    /// ending well counts.
    #[must_use]
    pub fn confirmed_by_the_app(mut self) -> Self {
        self.confirms_itself = true;
        self
    }
}

/// What a program is to do after the start-up hooks.
#[derive(Debug)]
pub enum Started {
    /// Go on: this is the app.
    App(RunningApp),
    /// Exit: it was started only to do something for esky, and that is done.
    Finished {
        /// The code to exit with.
        exit_code: i32,
    },
    /// Go on without esky: the program does not lie in a version directory.
    NotInstalled,
}

/// The app that the running program belongs to. As long as it lives, this version is in use and is not removed.
#[derive(Debug)]
pub struct RunningApp {
    app: Esky,
    start: ProgramStart,
    _in_use: Option<VersionLock>,
}

/// What a program of an app does first.
///
/// Holds the running version in use, so that no update removes it. If the version is on trial and confirms itself, begins the
/// wait for its confirmation. If an earlier version failed its trial, records that. If the program was started only to
/// clean up after an update, does that. Fails never: an app must start whatever is wrong with its directory.
pub fn run_startup_hooks(start: ProgramStart) -> Started {
    let Ok(app) = Esky::open_without_finder(&start.executable) else {
        return Started::NotInstalled;
    };
    if app.active_version().is_none() {
        return Started::NotInstalled;
    }
    let in_use = app.active_directory().and_then(|path| {
        // Without write access, or on a file system without locks, the app must start all the same.
        VersionLock::keep_from_children(&path).ok()?;
        VersionLock::shared(&path).ok()
    });
    match start.arguments.first().and_then(|first| first.to_str()) {
        Some(SPAWN_CLEANUP) => Started::Finished {
            exit_code: i32::from(clean_up_patiently(&app).is_err()),
        },
        // Old code asks for its helper with more rights here. It takes this for a refusal.
        Some(SPAWN_SUDO) => Started::Finished { exit_code: 1 },
        _ => {
            // Whoever has the right to write does it at the next start or update.
            let _ = app.record_rollback();
            trial::begin(&app, &start);
            Started::App(RunningApp {
                app,
                start,
                _in_use: in_use,
            })
        }
    }
}

impl RunningApp {
    /// The app, without a finder: give it one by [`Esky::with_finder`] to look for updates.
    pub fn app(&self) -> &Esky {
        &self.app
    }

    /// Says that this version has come up, so that its trial is over. `false` if it is not on trial.
    pub fn confirm(&self) -> Result<bool> {
        self.app.confirm()
    }

    /// The environment for programs that do not belong to the app: without what the freezer and the start-up program put
    /// into this program's own.
    pub fn clean_environment(&self) -> Vec<(OsString, OsString)> {
        let start = &self.start;
        let freezer_directory = start.freezer_directory.as_deref();
        let root = self.app.app_dir().root();
        clean_environment(&start.variables, Some(root), freezer_directory)
    }

    /// The program at the top of the app directory that starts this program: what to run, or to name in a shortcut. Its
    /// path stays the same from version to version.
    pub fn launcher(&self) -> PathBuf {
        program::launcher(self.app.app_dir(), &self.start.executable)
    }

    /// Starts the app anew with these arguments, in a clean environment, so that its newest version runs.
    ///
    /// On Unix this process becomes the new one, and the call returns only if that fails. A program that its freezer
    /// unpacks at each start, and every program on Windows, is started beside this one: when the call returns without
    /// an error, exit at once.
    pub fn relaunch(&self, arguments: &[&OsStr]) -> Result<()> {
        let environment = self.clean_environment();
        let launcher = self.launcher();
        let started = if self.starts_beside() {
            program::start_beside(&launcher, arguments, environment)
        } else {
            program::become_program(&launcher, arguments, environment)
        };
        started.map_err(|source| Error::CannotStart {
            program: launcher,
            source,
        })
    }

    /// Starts a process that cleans up when this one has ended.
    pub fn clean_up_at_exit(&self) -> Result<()> {
        let launcher = self.launcher();
        program::start_detached(&launcher, SPAWN_CLEANUP, self.clean_environment()).map_err(
            |source| Error::CannotStart {
                program: launcher,
                source,
            },
        )
    }

    /// Whether [`RunningApp::relaunch`] starts the app beside this process. A program in one file has a parent that waits
    /// for it and then removes what it had unpacked: it must end, and not become another program.
    pub fn starts_beside(&self) -> bool {
        let unpacked = self.start.freezer_directory.as_deref();
        cfg!(windows) || unpacked.is_some_and(|path| !path.starts_with(self.app.app_dir().root()))
    }
}

/// Cleans up, waiting a few seconds for the program that asked for it to end. `false` if something must still wait.
pub fn clean_up_patiently(app: &Esky) -> Result<bool> {
    let deadline = Instant::now() + CLEANUP_PATIENCE;
    loop {
        let done = match app.cleanup() {
            Err(Error::Install(esky_install::Error::Locked { .. })) => false,
            settled => settled?.is_empty(),
        };
        if done || Instant::now() >= deadline {
            return Ok(done);
        }
        thread::sleep(PAUSE);
    }
}
