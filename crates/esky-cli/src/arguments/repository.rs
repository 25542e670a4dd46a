//! Options of what works on a signed repository.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};

use super::PackingArguments;

/// Make keys and a signed repository for an app
///
/// Asks nothing. Writes esky.toml and repo/ into the directory of the app's sources, and keys outside of it. The
/// recovery words that it shows are kept nowhere: write them on paper.
#[derive(Args, Debug)]
pub(crate) struct InitArguments {
    /// Directory of the app's sources
    #[arg(value_name = "DIR", default_value = ".", value_hint = ValueHint::DirPath)]
    pub(crate) directory: PathBuf,
    /// Name of the app [default: that of pyproject.toml, else that of the directory]
    #[arg(long, value_name = "NAME")]
    pub(crate) app: Option<String>,
    /// Where users' copies will find the repository
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url)]
    pub(crate) url: Option<String>,
    /// Accepted for scripts: nothing is asked anyway
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Where keys are kept, outside any git tree [default: the person's configuration directory]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) key_dir: Option<PathBuf>,
}

/// Pack, sign and publish a version into the repository
///
/// Run again after it was broken off, it does what is left. Readers of the repository never see half of a release.
#[derive(Args, Debug)]
pub(crate) struct ReleaseArguments {
    /// Directory that the freezer made, or package that `bdist_esky` or `esky pack` made
    #[arg(value_name = "DIR|PACKAGE", value_hint = ValueHint::AnyPath)]
    pub(crate) path: PathBuf,
    /// Version of this release [default: that of PACKAGE]
    #[arg(long, value_name = "VERSION")]
    pub(crate) version: Option<String>,
    /// Channel to release to [default: that of esky.toml]
    #[arg(long, value_name = "CHANNEL")]
    pub(crate) channel: Option<String>,
    /// File with what is new, for people
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) notes: Option<PathBuf>,
    /// From now on, refuse to install any version below this one
    #[arg(long, value_name = "VERSION")]
    pub(crate) minimum_version: Option<String>,
    /// Release it although the channel has a newer version: only copies with still older versions are offered it
    #[arg(long)]
    pub(crate) allow_older: bool,
    /// From how many of the last releases patches are made
    #[arg(long, value_name = "COUNT", default_value_t = 5)]
    pub(crate) patches: usize,
    /// Offer the version to installed copies that tufup updates, too: from it on they are updated by esky
    #[arg(long)]
    pub(crate) tufup_bridge: bool,
    /// Put the version on a site for installed copies with the original esky, too: packages, patches, a page of links
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) legacy_site: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) keys: KeyArguments,
    #[command(flatten)]
    pub(crate) packing: PackingArguments,
}

/// Tell what there is, what expires when, and who can sign
///
/// Exit code 6 if half of the time of something is over: then run `esky refresh`.
#[derive(Args, Debug)]
pub(crate) struct StatusArguments {
    #[command(flatten)]
    pub(crate) keys: KeyArguments,
}

/// Sign again what expires soon: to be run weekly, by a build server
#[derive(Args, Debug)]
pub(crate) struct RefreshArguments {
    #[command(flatten)]
    pub(crate) keys: KeyArguments,
}

/// Withdraw a version: it is offered to nobody any more
#[derive(Args, Debug)]
pub(crate) struct YankArguments {
    /// Version to withdraw
    #[arg(value_name = "VERSION")]
    pub(crate) version: String,
    /// Why, for people
    #[arg(long, value_name = "TEXT", default_value = "it was withdrawn")]
    pub(crate) reason: String,
    /// Offer it again
    #[arg(long, conflicts_with = "reason")]
    pub(crate) undo: bool,
    #[command(flatten)]
    pub(crate) keys: KeyArguments,
}

/// Put a new key in the place of one
///
/// Needs the root key, whose passphrase is taken from ESKY_ROOT_PASSPHRASE or asked for.
#[derive(Args, Debug)]
pub(crate) struct RotateArguments {
    /// Which key
    #[arg(value_enum, value_name = "ROLE")]
    pub(crate) role: Which,
    #[command(flatten)]
    pub(crate) keys: KeyArguments,
}

/// A key that can be replaced.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Which {
    /// The key that signs releases
    Release,
    /// The key that says who may sign
    Root,
    /// The key on paper: new words are shown
    Recovery,
}

/// Make new keys with the recovery words, when the old ones are lost or stolen
///
/// The words are asked for, or read from standard input.
#[derive(Args, Debug)]
pub(crate) struct RecoverArguments {
    /// The release key is safe: keep it
    #[arg(long)]
    pub(crate) keep_release_key: bool,
    #[command(flatten)]
    pub(crate) keys: KeyArguments,
}

/// Serve the repository, or a directory, to try things out
///
/// Only this machine is answered, unless --bind says otherwise. It runs until it is stopped.
#[derive(Args, Debug)]
pub(crate) struct ServeArguments {
    /// Directory to serve [default: the repository of the nearest esky.toml]
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) directory: Option<PathBuf>,
    /// Address to listen at
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    pub(crate) bind: IpAddr,
    /// Port to listen at; 0 for any that is free
    #[arg(long, value_name = "PORT", default_value_t = 8000)]
    pub(crate) port: u16,
}

/// Where keys come from.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Key options")]
pub(crate) struct KeyArguments {
    /// Directory of the project [default: the nearest one upwards with an esky.toml]
    #[arg(long, value_name = "DIR", default_value = ".", hide_default_value = true, value_hint = ValueHint::DirPath)]
    pub(crate) project: PathBuf,
    /// Where keys are kept [default: the person's configuration directory]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) key_dir: Option<PathBuf>,
    /// File with a signing key [default: ESKY_SIGNING_KEY, else the release key where keys are kept]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) key_file: Option<PathBuf>,
}
