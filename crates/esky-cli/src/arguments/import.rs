//! Options of what moves an app here from another tool.

use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};

/// Take over the repository and the keys of an app that another tool released
///
/// Installed copies go on with the same chain of signatures. Writes esky.toml and repo/ into the directory of the app's
/// sources, and keys outside of it; the other tool's directory is only read. The recovery words that it shows are kept
/// nowhere: write them on paper.
#[derive(Args, Debug)]
pub(crate) struct ImportArguments {
    /// The tool
    #[arg(value_enum, value_name = "TOOL")]
    pub(crate) tool: OtherTool,
    /// Directory in which the tool was used; tufup has its .tufup-repo-config there
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) directory: PathBuf,
    /// Directory of the app's sources, where esky.toml is written
    #[arg(long, value_name = "DIR", default_value = ".", hide_default_value = true, value_hint = ValueHint::DirPath)]
    pub(crate) project: PathBuf,
    /// Name of the app [default: that which the tool knows]
    #[arg(long, alias = "app-name", value_name = "NAME")]
    pub(crate) app: Option<String>,
    /// Where users' copies will find the repository
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url)]
    pub(crate) url: Option<String>,
    /// Directory of private keys that are kept apart; repeat for more
    #[arg(long = "keys", value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) other_keys: Vec<PathBuf>,
    /// Where keys are kept from now on, outside any git tree [default: the person's configuration directory]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) key_dir: Option<PathBuf>,
}

/// A tool whose apps can move here.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum OtherTool {
    /// The Update Framework for Python apps
    Tufup,
}
