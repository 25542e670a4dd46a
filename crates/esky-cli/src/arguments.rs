//! The one table of commands and options. Parsing, `--help`, shell completions and man pages all come from it.

mod patches;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint, value_parser};
use clap_complete::Shell;

use crate::exit;

pub(crate) use patches::{DiffArguments, InspectArguments, PatchArguments};

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
    Pack(PackArguments),
    Update(UpdateArguments),
    List(ListArguments),
    Verify(VerifyArguments),
    Cleanup(CleanupArguments),
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
    /// Program to be started from the top of the app directory; repeat for more [default: those found at the top of DIR]
    #[arg(long = "exe", value_name = "NAME")]
    pub(crate) programs: Vec<String>,
    /// Directory to write the package into
    #[arg(short, long, value_name = "DIR", default_value = ".", value_hint = ValueHint::DirPath)]
    pub(crate) output: PathBuf,
    /// Keep version directories under `appdata/`, as esky 0.9 did
    #[arg(long)]
    pub(crate) appdata_dir: bool,
    /// Platform that the app was frozen for [default: that of its programs]
    #[arg(long, value_name = "PLATFORM")]
    pub(crate) platform: Option<String>,
    /// Store files instead of compressing them
    #[arg(long)]
    pub(crate) no_compress: bool,
    /// Also write index.html, which lists the packages in the output directory for hosts that list nothing themselves
    #[arg(long)]
    pub(crate) index: bool,
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
    /// The start-up program, which stays with the first starts and watches them
    Bootstrap,
    /// The app, by `esky.run_startup_hooks()` or `esky.confirm()` in it
    App,
    /// Nobody: a new version is trusted at once
    Nobody,
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

/// How a web source is reached.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Network options")]
pub(crate) struct NetworkArguments {
    /// Proxy to use [default: the one that HTTPS_PROXY, HTTP_PROXY or ALL_PROXY name]
    #[arg(long, value_name = "URL", conflicts_with = "no_proxy")]
    pub(crate) proxy: Option<String>,
    /// Use no proxy, whatever the environment says
    #[arg(long)]
    pub(crate) no_proxy: bool,
    /// Header to send along, such as `Authorization: Bearer …`; repeat for more
    #[arg(long = "header", value_name = "NAME:VALUE", value_parser = parse_header)]
    pub(crate) headers: Vec<Header>,
    /// Give up when a connection or a read takes longer than this
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds)]
    pub(crate) timeout: Option<Duration>,
}

/// One `--header`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Header {
    pub(crate) name: String,
    pub(crate) value: String,
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

fn parse_header(text: &str) -> Result<Header, String> {
    let (name, value) = text
        .split_once(':')
        .ok_or("a header is written NAME:VALUE")?;
    let (name, value) = (name.trim(), value.trim());
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if name.is_empty() || !name.chars().all(is_token) {
        return Err("the name of the header is not one that HTTP allows".to_owned());
    }
    if value.chars().any(char::is_control) {
        return Err("the value of the header holds a control character".to_owned());
    }
    Ok(Header {
        name: name.to_owned(),
        value: value.to_owned(),
    })
}

fn parse_seconds(text: &str) -> Result<Duration, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.001..=86_400.0).contains(&seconds) => {
            Ok(Duration::from_secs_f64(seconds))
        }
        _ => Err("give a number of seconds above 0 and up to 86400".to_owned()),
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

    #[test]
    fn a_header_is_split_at_its_first_colon() {
        let header = parse_header("Authorization: Basic a:b").unwrap();
        assert_eq!(
            (header.name.as_str(), header.value.as_str()),
            ("Authorization", "Basic a:b")
        );
    }

    #[test]
    fn headers_that_would_break_the_request_are_refused() {
        for text in ["", "name", ": value", "two words: value", "name: a\r\nb: c"] {
            assert!(parse_header(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn timeouts_out_of_range_are_refused() {
        for text in ["0", "-1", "nan", "inf", "soon", "1e9"] {
            assert!(parse_seconds(text).is_err(), "{text:?}");
        }
        assert_eq!(parse_seconds("0.5").unwrap(), Duration::from_millis(500));
    }
}
