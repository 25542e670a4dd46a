//! `esky pack`: a freezer's output becomes a package.

pub(crate) mod bootstrap;

use std::fmt;
use std::ops::ControlFlow;
use std::path::PathBuf;

use esky_format::name::{AppVersion, current_platform};
use esky_format::settings::Confirm;
use esky_publish::{PackOptions, Packed, TrialOptions};
use serde::Serialize;

use crate::Environment;
use crate::arguments::{PackArguments, PackingArguments, TrialArguments, WhoConfirms};
use crate::exit;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::terminal::Terminal;
use crate::text;

/// The list of packages that `--index` writes.
const INDEX: &str = "index.html";

/// The answer.
#[derive(Serialize)]
struct Outcome {
    path: String,
    name: String,
    version: String,
    platform: String,
    programs: Vec<String>,
    freezer: Option<String>,
    cleaned: Vec<String>,
    confirm: &'static str,
    self_test: Option<String>,
    files: u64,
    size: u64,
    unpacked_size: u64,
    sha256: String,
    index: Option<String>,
    /// A version that the index had before, if this one is not newer.
    not_newer_than: Option<String>,
}

pub(crate) fn run(
    arguments: PackArguments,
    terminal: &Terminal,
    environment: &Environment,
) -> Result<i32, Failure> {
    let directory = arguments.directory.clone();
    let options = options(arguments, environment)?;
    let progress = terminal.progress();
    progress.phase(&format!("Packing {} {}", options.name, options.version));
    let packed = esky_publish::pack(&options, &mut show(&progress, environment))
        .map_err(|error| Failure::from(error).about_path(&directory))?;
    drop(progress);
    let index = options
        .index
        .then(|| options.output_dir.join(INDEX).display().to_string());
    if let Some(listed) = &packed.not_newer_than {
        terminal.message(&not_newer(&packed.app, listed));
    }
    terminal.show(&Outcome::new(packed, index))?;
    Ok(exit::SUCCESS)
}

fn not_newer(app: &AppVersion, listed: &str) -> String {
    let (name, version) = (text::printable(&app.name), text::printable(&app.version));
    let listed = text::printable(listed);
    format!(
        "warning: {name} {version} is not newer than {listed}, which is listed there already: copies that have {listed} are not \
         offered it"
    )
}

/// Shows how far packing is, and stops it when it is to be stopped.
pub(crate) fn show<'a>(
    progress: &'a Progress,
    environment: &'a Environment,
) -> impl FnMut(esky_publish::Progress) -> ControlFlow<()> + 'a {
    move |amount| {
        progress.bytes(amount.done, Some(amount.total));
        environment.cancel.flow()
    }
}

fn options(arguments: PackArguments, environment: &Environment) -> Result<PackOptions, Failure> {
    let PackArguments {
        directory,
        name,
        version,
        output,
        index,
        packing,
    } = arguments;
    let mut options = packing_options(packing, (directory, name, version, output), environment)?;
    options.index = index;
    Ok(options)
}

/// The options that all that packs has in common. `what` is the directory, the app, its version, and where to.
pub(crate) fn packing_options(
    arguments: PackingArguments,
    what: (PathBuf, String, String, PathBuf),
    environment: &Environment,
) -> Result<PackOptions, Failure> {
    let (directory, name, version, output) = what;
    let platform = arguments.platform.as_deref().unwrap_or(current_platform());
    let bootstrap = bootstrap::find(arguments.bootstrap, platform, environment)?;
    let mut options = PackOptions::new(directory, name, version, bootstrap, output);
    options.platform = arguments.platform;
    options.programs = Some(arguments.programs).filter(|programs| !programs.is_empty());
    options.appdata_dir = arguments.appdata_dir;
    options.compress = !arguments.no_compress;
    options.trial = trial(arguments.trial);
    Ok(options)
}

fn trial(arguments: TrialArguments) -> TrialOptions {
    TrialOptions {
        confirm: match arguments.confirm {
            WhoConfirms::App => Confirm::App,
            WhoConfirms::Bootstrap => Confirm::Bootstrap,
            WhoConfirms::Nobody => Confirm::Nobody,
        },
        confirm_after: arguments.confirm_after,
        max_tries: arguments.max_tries,
        self_test: arguments.self_test,
        self_test_seconds: arguments.self_test_seconds,
    }
}

/// Who confirms, as a word that `--confirm` takes.
fn word(confirm: Confirm) -> &'static str {
    match confirm {
        Confirm::App => "app",
        Confirm::Bootstrap => "bootstrap",
        Confirm::Nobody => "nobody",
    }
}

impl Outcome {
    fn new(packed: Packed, index: Option<String>) -> Self {
        Self {
            path: packed.path.display().to_string(),
            name: packed.app.name,
            version: packed.app.version,
            platform: packed.app.platform,
            programs: packed.programs,
            freezer: packed.freezer,
            cleaned: packed.cleaned,
            confirm: word(packed.settings.confirm),
            self_test: packed.settings.self_test.map(|test| test.program),
            files: packed.files,
            size: packed.size,
            unpacked_size: packed.unpacked_size,
            sha256: packed
                .sha256
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect(),
            index,
            not_newer_than: packed.not_newer_than,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{}", text::printable(&self.path))?;
        let files = text::count(self.files, "file");
        let (unpacked, packed) = (text::bytes(self.unpacked_size), text::bytes(self.size));
        writeln!(formatter, "  {files}, {unpacked}, packed to {packed}")?;
        writeln!(
            formatter,
            "  programs  {}",
            text::printable(&self.programs.join(", "))
        )?;
        let freezer = self.freezer.as_deref();
        writeln!(
            formatter,
            "  freezer   {}",
            freezer.unwrap_or("none that is known")
        )?;
        let trial = match self.confirm {
            "app" => "confirmed by the app",
            "bootstrap" => "confirmed by the start-up program, which watches the first starts",
            _ => "none: trusted at once",
        };
        writeln!(formatter, "  trial     {trial}")?;
        writeln!(formatter, "  sha256    {}", self.sha256)
    }
}
