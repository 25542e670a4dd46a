//! Options of what makes packages.

use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint, value_parser};

/// Turn a freezer's output directory into a release package
///
/// Writes NAME-VERSION.PLATFORM.zip. Extracted, it is a working app; put on a web server, installed copies update to it.
/// The same input always gives the same bytes.
#[derive(Args, Debug)]
pub(crate) struct PackArguments {
    /// Directory that the freezer made
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) directory: PathBuf,
    /// Name of the app
    #[arg(long, value_name = "NAME")]
    pub(crate) name: String,
    /// Version of this release
    #[arg(long, value_name = "VERSION")]
    pub(crate) version: String,
    /// Directory to write the package into
    #[arg(short, long, value_name = "DIR", default_value = ".", value_hint = ValueHint::DirPath)]
    pub(crate) output: PathBuf,
    /// Also write index.html, which lists the packages in the output directory for hosts that list nothing themselves
    #[arg(long)]
    pub(crate) index: bool,
    #[command(flatten)]
    pub(crate) packing: PackingArguments,
}

/// How a directory is packed.
#[derive(Args, Debug)]
pub(crate) struct PackingArguments {
    /// Program to be started from the top of the app directory: NAME, or bin/NAME if it lies there; repeat for more [default: those found
    /// at the top of DIR]
    #[arg(long = "exe", value_name = "NAME")]
    pub(crate) programs: Vec<String>,
    /// Keep version directories under `appdata/`, as esky 0.9 did
    #[arg(long)]
    pub(crate) appdata_dir: bool,
    /// Platform that the app was frozen for [default: that of its programs]
    #[arg(long, value_name = "PLATFORM")]
    pub(crate) platform: Option<String>,
    /// Store files instead of compressing them
    #[arg(long)]
    pub(crate) no_compress: bool,
    /// Start-up program to put at the top [default: ESKY_BOOTSTRAP, else the one that came with esky]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) bootstrap: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) trial: TrialArguments,
}

/// What a new version must show before it is trusted.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Trial options")]
pub(crate) struct TrialArguments {
    /// Who confirms that a new version comes up
    #[arg(long, value_enum, value_name = "WHO", default_value = "bootstrap")]
    pub(crate) confirm: WhoConfirms,
    /// Seconds after which a version that is still running counts as confirmed
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = value_parser!(u32).range(1..=86_400))]
    pub(crate) confirm_after: u32,
    /// Unconfirmed starts after which a new version is undone
    #[arg(long, value_name = "NUMBER", default_value_t = 3, value_parser = value_parser!(u32).range(1..=100))]
    pub(crate) max_tries: u32,
    /// Before a new version is installed, run PROGRAM with `--esky-selftest`; it must exit with 0 [default program: the first]
    #[arg(long, value_name = "PROGRAM", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub(crate) self_test: Option<String>,
    /// Seconds that the self-test may take
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = value_parser!(u32).range(1..=3600))]
    pub(crate) self_test_seconds: u32,
}

/// Who confirms that a new version comes up.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum WhoConfirms {
    /// The start-up program: it stays with the first starts and sees how the program ends
    Bootstrap,
    /// The app: by `esky.confirm()`, or by `esky.run_startup_hooks()` and staying up
    App,
    /// Nobody: a new version is trusted at once
    Nobody,
}
