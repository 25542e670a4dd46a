//! What packing is asked for, and what it gives.

use std::path::PathBuf;

use esky_format::name::AppVersion;
use esky_format::settings::{Confirm, Settings};

/// What to pack and how.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PackOptions {
    /// The directory a freezer made, with the programs at its top.
    pub directory: PathBuf,
    /// The app's name.
    pub name: String,
    /// The version.
    pub version: String,
    /// The platform in the spelling of package names; by default that of the programs, or of this
    /// machine if the programs are scripts.
    pub platform: Option<String>,
    /// The programs to start from the top of the app directory, by their names at the top of
    /// `directory` or as `bin/NAME`; by default those that the freezer made, else every executable at its top.
    pub programs: Option<Vec<String>>,
    /// Where the package is written; made if missing.
    pub output_dir: PathBuf,
    /// Put the version directory below `appdata/`, the layout of the original's 0.9.
    pub appdata_dir: bool,
    /// The start-up program for the platform.
    pub bootstrap: PathBuf,
    /// Deflate the files.
    pub compress: bool,
    /// Write or refresh `index.html` in the output directory, which lists all packages in it.
    pub index: bool,
    /// What a new version must show before it is trusted.
    pub trial: TrialOptions,
    /// Whom the app believes about updates; without it, whoever answers at the address that the app asks.
    pub trust: Option<TrustOptions>,
}

/// Whom an app believes about updates; it goes into its `esky-files/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustOptions {
    /// Root metadata of the app's repository, as its file is.
    pub root: Vec<u8>,
    /// The channel whose releases the app takes.
    pub channel: String,
}

/// What a new version must show before it is trusted; it goes into `esky-files/settings.txt`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrialOptions {
    /// Who confirms that it comes up. By default the bootstrap, which needs no help from the app.
    pub confirm: Confirm,
    /// Seconds after which a version that is still running counts as confirmed: 1 to 86,400.
    pub confirm_after: u32,
    /// Unconfirmed starts after which it is undone: 1 to 100.
    pub max_tries: u32,
    /// The program to run with `--esky-selftest` before the version becomes the one that starts; the
    /// empty name stands for the first program.
    pub self_test: Option<String>,
    /// Seconds that the self-test may take: 1 to 3600.
    pub self_test_seconds: u32,
}

impl Default for TrialOptions {
    fn default() -> Self {
        let Settings {
            confirm_after,
            max_tries,
            ..
        } = Settings::default();
        Self {
            confirm: Confirm::Bootstrap,
            confirm_after,
            max_tries,
            self_test: None,
            self_test_seconds: 30,
        }
    }
}

impl PackOptions {
    /// The usual options: every executable, the platform of the programs, deflated, no `appdata/`,
    /// no `index.html`.
    pub fn new(
        directory: impl Into<PathBuf>,
        name: impl Into<String>,
        version: impl Into<String>,
        bootstrap: impl Into<PathBuf>,
        output_dir: impl Into<PathBuf>,
    ) -> Self {
        Self {
            directory: directory.into(),
            name: name.into(),
            version: version.into(),
            platform: None,
            programs: None,
            output_dir: output_dir.into(),
            appdata_dir: false,
            bootstrap: bootstrap.into(),
            compress: true,
            index: false,
            trial: TrialOptions::default(),
            trust: None,
        }
    }
}

/// A package that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Packed {
    /// Where it is.
    pub path: PathBuf,
    /// What it holds.
    pub app: AppVersion,
    /// The programs at its top.
    pub programs: Vec<String>,
    /// The freezer that made the directory, if it is one that is known here.
    pub freezer: Option<String>,
    /// Variables of the freezer that are taken out of the environment when another version starts; `*` stands for any end.
    pub cleaned: Vec<String>,
    /// What was decided for it.
    pub settings: Settings,
    /// Its size in bytes.
    pub size: u64,
    /// Files and links in it, those that esky adds included.
    pub files: u64,
    /// The size of all files in it when unpacked.
    pub unpacked_size: u64,
    /// Its SHA-256.
    pub sha256: [u8; 32],
    /// A version that the index had before and that this one is not newer than: installed copies of it, or of a newer one, are not
    /// offered this one.
    pub not_newer_than: Option<String>,
}

/// How far packing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of the directory read so far.
    pub done: u64,
    /// Bytes of the directory in all.
    pub total: u64,
}
