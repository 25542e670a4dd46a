//! The one table of commands and options. Parsing, `--help`, shell completions and man pages all come from it.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
use clap_complete::Shell;

use crate::exit;

mod import;
mod keys;
mod network;
mod packing;
mod patches;
mod repository;

pub(crate) use import::{ImportArguments, OtherTool};
pub(crate) use keys::{
    AddKeyArguments, Duty, KeysAction, KeysArguments, Kind, ListKeysArguments, NewKeyArguments,
    PublishArguments, RemoveKeyArguments, SignArguments, SignedBySeveral, SplitArguments,
    ThresholdArguments,
};
pub(crate) use network::{Header, NetworkArguments};
pub(crate) use packing::{PackArguments, PackingArguments, TrialArguments, WhoConfirms};
pub(crate) use patches::{DiffArguments, InspectArguments, PatchArguments};
pub(crate) use repository::{
    InitArguments, KeyArguments, RecoverArguments, RefreshArguments, ReleaseArguments,
    RotateArguments, ServeArguments, StatusArguments, Which, YankArguments,
};

/// Keep frozen apps fresh: pack releases, update installed copies, check them
#[derive(Debug, Parser)]
#[command(
    name = "esky",
    version,
    after_help = exit::help(),
    subcommand_required = true,
    arg_required_else_help = true,
    disable_help_subcommand = true,
    max_term_width = 100
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: GlobalArguments,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options that every command takes.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Global options")]
pub(crate) struct GlobalArguments {
    /// Print one JSON document on standard output, for scripts
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Print results and errors only: no progress, no messages
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// When to use colors; `auto` means on a terminal, unless NO_COLOR is set
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "WHEN",
        default_value = "auto"
    )]
    pub(crate) color: ColorChoice,
}

/// When the output is colored.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum ColorChoice {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Init(InitArguments),
    Import(ImportArguments),
    Release(ReleaseArguments),
    Status(StatusArguments),
    Refresh(RefreshArguments),
    Yank(YankArguments),
    Rotate(RotateArguments),
    Recover(RecoverArguments),
    Keys(KeysArguments),
    Sign(SignArguments),
    Publish(PublishArguments),
    Serve(ServeArguments),
    Pack(PackArguments),
    Update(UpdateArguments),
    List(ListArguments),
    Verify(VerifyArguments),
    Cleanup(CleanupArguments),
    Kept(KeptArguments),
    Why(WhyArguments),
    Rollback(RollbackArguments),
    Pin(PinArguments),
    Unpin(UnpinArguments),
    Skip(SkipArguments),
    Unhold(UnholdArguments),
    Confirm(ConfirmArguments),
    Info(InfoArguments),
    Diff(DiffArguments),
    Patch(PatchArguments),
    Inspect(InspectArguments),
    Completions(CompletionsArguments),
    Man(ManArguments),
}

/// Bring an app directory to the newest version offered
///
/// The running version is never touched; whatever happens on the way, the old or the new version starts.
#[derive(Args, Debug)]
pub(crate) struct UpdateArguments {
    /// App directory to update
    #[arg(value_name = "APPDIR", value_hint = ValueHint::DirPath)]
    pub(crate) app_dir: PathBuf,
    /// Where releases are: a web address that lists packages, or a directory of them
    #[arg(value_name = "SOURCE")]
    pub(crate) source: String,
    /// Only tell whether there is an update (exit code 3 if there is none)
    #[arg(long)]
    pub(crate) check: bool,
    #[command(flatten)]
    pub(crate) network: NetworkArguments,
}

/// List the versions in an app directory, or those that a source offers
#[derive(Args, Debug)]
pub(crate) struct ListArguments {
    /// App directory, web address, or directory of packages
    #[arg(value_name = "APPDIR|SOURCE", value_hint = ValueHint::AnyPath)]
    pub(crate) place: String,
    /// Name of the app to look for at a source
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Platform to look for at a source [default: this one]
    #[arg(long, value_name = "PLATFORM")]
    pub(crate) platform: Option<String>,
    #[command(flatten)]
    pub(crate) network: NetworkArguments,
}

/// Check every file of an installed version against its recorded size and hash
#[derive(Args, Debug)]
pub(crate) struct VerifyArguments {
    /// App directory to check
    #[arg(value_name = "APPDIR", value_hint = ValueHint::DirPath)]
    pub(crate) app_dir: PathBuf,
    /// Version to check [default: the one that starts]
    #[arg(long, value_name = "VERSION")]
    pub(crate) version: Option<String>,
    /// Fetch what is damaged or missing, and nothing else, from this source: a web address that lists packages, or a directory of them
    #[arg(long, value_name = "SOURCE")]
    pub(crate) repair: Option<String>,
    #[command(flatten)]
    pub(crate) network: NetworkArguments,
}

/// Remove old versions that nobody runs, and what broken-off updates left behind
#[derive(Args, Debug)]
pub(crate) struct CleanupArguments {
    /// App directory to clean
    #[arg(value_name = "APPDIR", value_hint = ValueHint::DirPath)]
    pub(crate) app_dir: PathBuf,
}

/// List the files that did not come with the app and were in versions that have been removed
///
/// Settings, plug-ins and the like that the user or the app has written into a version are kept below APPDIR/kept.
#[derive(Args, Debug)]
pub(crate) struct KeptArguments {
    /// App directory
    #[arg(value_name = "APPDIR", value_hint = ValueHint::DirPath)]
    pub(crate) app_dir: PathBuf,
}

/// Explain which version starts and why, and what was decided about the others
#[derive(Args, Debug)]
pub(crate) struct WhyArguments {
    /// App directory
    #[arg(value_name = "APPDIR", value_hint = ValueHint::DirPath)]
    pub(crate) app_dir: PathBuf,
}

/// Go back to another version, and hold the one that starts now
#[derive(Args, Debug)]
pub(crate) struct RollbackArguments {
    /// App directory
    #[arg(value_name = "APPDIR", value_hint = ValueHint::DirPath)]
    pub(crate) app_dir: PathBuf,
    /// Version to go back to [default: the one recorded for this]
    #[arg(value_name = "VERSION")]
    pub(crate) version: Option<String>,
    /// Why, for whoever asks later
    #[arg(long, value_name = "TEXT", default_value = "it was undone by hand")]
    pub(crate) reason: String,
}

/// Stay at an installed version, whatever is offered, and start it
#[derive(Args, Debug)]
pub(crate) struct PinArguments {
    /// App directory
    #[arg(value_name = "APPDIR", value_hint = ValueHint::DirPath)]
    pub(crate) app_dir: PathBuf,
    /// Version to stay at [default: the one that starts]
    #[arg(value_name = "VERSION")]
    pub(crate) version: Option<String>,
}

/// Let a pinned app update again
#[derive(Args, Debug)]
pub(crate) struct UnpinArguments {
    /// App directory
    #[arg(value_name = "APPDIR", value_hint = ValueHint::DirPath)]
    pub(crate) app_dir: PathBuf,
}

/// Do not want a version; a newer one is offered
#[derive(Args, Debug)]
pub(crate) struct SkipArguments {
    /// App directory
    #[arg(value_name = "APPDIR", value_hint = ValueHint::DirPath)]
    pub(crate) app_dir: PathBuf,
    /// Version to skip
    #[arg(value_name = "VERSION")]
    pub(crate) version: String,
}

/// Allow a version again that is held or skipped
#[derive(Args, Debug)]
pub(crate) struct UnholdArguments {
    /// App directory
    #[arg(value_name = "APPDIR", value_hint = ValueHint::DirPath)]
    pub(crate) app_dir: PathBuf,
    /// Version to allow
    #[arg(value_name = "VERSION")]
    pub(crate) version: String,
}

/// Say that the version on trial has come up, so that it is not undone
#[derive(Args, Debug)]
pub(crate) struct ConfirmArguments {
    /// App directory
    #[arg(value_name = "APPDIR", value_hint = ValueHint::DirPath)]
    pub(crate) app_dir: PathBuf,
}

/// Describe an app directory or a package
#[derive(Args, Debug)]
pub(crate) struct InfoArguments {
    /// App directory, or package file
    #[arg(value_name = "APPDIR|PACKAGE", value_hint = ValueHint::AnyPath)]
    pub(crate) path: PathBuf,
}

/// Print a completion script for a shell
#[derive(Args, Debug)]
pub(crate) struct CompletionsArguments {
    /// Shell to complete for
    #[arg(value_enum, value_name = "SHELL")]
    pub(crate) shell: Shell,
}

/// Print the manual page, or write one page per command
#[derive(Args, Debug)]
pub(crate) struct ManArguments {
    /// Directory to write all pages into, instead of printing the main one
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) output: Option<PathBuf>,
}

impl GlobalArguments {
    /// What a command line that clap refuses, or answers by itself, says about how to answer.
    pub(crate) fn scan(arguments: &[OsString]) -> Self {
        let mut words = arguments.iter().filter_map(|argument| argument.to_str());
        let mut found = Self {
            json: false,
            quiet: false,
            color: ColorChoice::Auto,
        };
        while let Some(word) = words.next() {
            let color = match word.strip_prefix("--color=") {
                None if word == "--color" => words.next(),
                value => value,
            };
            found.json |= word == "--json";
            if let Some(Ok(color)) = color.map(|value| ColorChoice::from_str(value, false)) {
                found.color = color;
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_table_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_refused_command_line_still_says_how_to_answer() {
        let scan = |words: &[&str]| {
            GlobalArguments::scan(&words.iter().map(OsString::from).collect::<Vec<_>>())
        };
        assert!(scan(&["esky", "frob", "--json"]).json);
        assert_eq!(
            scan(&["esky", "--color", "never", "-h"]).color,
            ColorChoice::Never
        );
        assert_eq!(
            scan(&["esky", "-h", "--color=always"]).color,
            ColorChoice::Always
        );
        assert_eq!(scan(&["esky", "--color"]).color, ColorChoice::Auto);
    }
}
