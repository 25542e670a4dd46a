//! The client of signed repositories as a program of its own: to be compared with clients of others by test suites that
//! speak to programs.
//!
//! ```text
//! esky-tuf-client --metadata-dir DIR init ROOT_FILE
//! esky-tuf-client --metadata-dir DIR --metadata-url URL refresh
//! esky-tuf-client --metadata-dir DIR --metadata-url URL --target-name PATH… --target-base-url URL --target-dir DIR download
//! ```
//!
//! It is a thin shell around what apps run: `Repository` refreshes, and targets are fetched as packages of an update are. It
//! makes exactly the requests of the specification, for it makes one attempt at each. Exit code 0 for success and
//! 1 for any failure, wrong usage and faults of its own included. Runs with one directory of metadata wait for each other.

#![allow(
    clippy::print_stderr,
    clippy::exit,
    reason = "a program for tests: it speaks and ends as it is asked to"
)]

use std::error::Error as StdError;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::exit;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::{Parser, Subcommand};
use esky::{HttpOptions, HttpTransport, Monitor, Proxy, Repository, RepositoryPlaces, RetryPolicy};
use esky_fs::{FileLock, Place};
use esky_trust::{Hashes, Time, percent_encode};

/// A root is small.
const ROOT_LIMIT: u64 = 512 << 10;
const FILE_MODE: u32 = 0o644;
/// Names of files much longer than this are refused by many systems.
const LONGEST_NAME: usize = 240;
/// The root that was trusted first. All the rest of the directory is verified from it at each start, `root.json` included.
const PINNED_ROOT: &str = "pinned-root";
const NEWEST_ROOT: &str = "root.json";
const LOCK: &str = "lock";

type Outcome<T> = Result<T, Box<dyn StdError>>;

/// A client of The Update Framework
#[derive(Parser)]
#[command(name = "esky-tuf-client")]
struct Arguments {
    /// Where trusted metadata is kept
    #[arg(long)]
    metadata_dir: PathBuf,
    /// Where the repository's metadata is
    #[arg(long)]
    metadata_url: Option<String>,
    /// Target to download; repeat for more
    #[arg(long = "target-name")]
    target_names: Vec<String>,
    /// Where the repository's targets are
    #[arg(long)]
    target_base_url: Option<String>,
    /// Where targets are put
    #[arg(long)]
    target_dir: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Trust this root
    Init { root_file: PathBuf },
    /// Bring the metadata up to date
    Refresh,
    /// Bring the metadata up to date and fetch targets
    Download,
}

fn main() {
    let ran = std::panic::catch_unwind(|| Arguments::try_parse().map(run));
    let failure = match ran {
        Ok(Ok(Ok(()))) => exit(0),
        Ok(Ok(Err(error))) => error.to_string(),
        Ok(Err(usage)) if !usage.use_stderr() => {
            let _ = usage.print();
            exit(0)
        }
        Ok(Err(usage)) => usage.to_string(),
        Err(_) => "a fault of this program".to_owned(),
    };
    // Nobody may be listening; the exit code says enough.
    let _ = writeln!(std::io::stderr(), "{failure}");
    exit(1)
}

fn run(arguments: Arguments) -> Outcome<()> {
    let directory = &arguments.metadata_dir;
    match &arguments.command {
        Command::Init { root_file } => init(directory, root_file),
        Command::Refresh => {
            let _alone = lock(directory)?;
            refreshed(&arguments).map(drop)
        }
        Command::Download => {
            let _alone = lock(directory)?;
            download(&arguments)
        }
    }
}

fn init(directory: &Path, root_file: &Path) -> Outcome<()> {
    let root = esky_fs::read_limited(root_file, ROOT_LIMIT)?;
    esky_trust::TrustedSet::new(&root, Time::from_unix(0))?;
    esky_fs::create_dir_all(directory)?;
    let _alone = lock(directory)?;
    for name in [PINNED_ROOT, NEWEST_ROOT] {
        esky_fs::write_durable(&directory.join(name), &root, FILE_MODE)?;
    }
    Ok(())
}

/// Waits until no other run uses the directory.
fn lock(directory: &Path) -> Outcome<FileLock> {
    let path = directory.join(LOCK);
    match FileLock::try_exclusive_or_create(&path)? {
        Some(lock) => Ok(lock),
        None => Ok(FileLock::exclusive(&path)?),
    }
}

/// The root that was trusted first; a directory that was not made here has the newest one only.
fn pinned_root(directory: &Path) -> Outcome<Vec<u8>> {
    match esky_fs::read_optional(&directory.join(PINNED_ROOT), ROOT_LIMIT)? {
        Some(root) => Ok(root),
        None => Ok(esky_fs::read_limited(
            &directory.join(NEWEST_ROOT),
            ROOT_LIMIT,
        )?),
    }
}

/// The repository, up to date.
fn refreshed(arguments: &Arguments) -> Outcome<Repository> {
    let root = pinned_root(&arguments.metadata_dir)?;
    let metadata_url = arguments.metadata_url.clone();
    let places = RepositoryPlaces {
        metadata_url: metadata_url.ok_or("--metadata-url is missing")?,
        targets_url: arguments.target_base_url.clone().unwrap_or_default(),
        cache: Place::open(&arguments.metadata_dir)?,
    };
    let transport = HttpTransport::new(HttpOptions {
        proxy: Proxy::None,
        retry: RetryPolicy::NEVER,
        ..HttpOptions::default()
    })?;
    let mut repository = Repository::open(&root, places, Arc::new(transport))?;
    repository.refresh(now()?, &Monitor::silent())?;
    Ok(repository)
}

fn download(arguments: &Arguments) -> Outcome<()> {
    let targets = arguments
        .target_dir
        .as_ref()
        .ok_or("--target-dir is missing")?;
    if arguments.target_base_url.is_none() {
        return Err("--target-base-url is missing".into());
    }
    if arguments.target_names.is_empty() {
        return Err("--target-name is missing".into());
    }
    let monitor = Monitor::silent();
    let mut repository = refreshed(arguments)?;
    for path in &arguments.target_names {
        let found = repository.find_target(path, &monitor)?;
        let file = found.ok_or_else(|| format!("there is no target {path:?}"))?;
        esky_fs::create_dir_all(targets)?;
        repository.download_target(path, &file, &targets.join(file_name(path)), &monitor)?;
    }
    Ok(())
}

/// A name for each path that no other path has, and that no file on its way to a name has: those end in `.part` or `.meta`.
fn file_name(path: &str) -> String {
    let mut name = percent_encode(path);
    for ending in [".part", ".meta"] {
        if let Some(stem) = name.strip_suffix(ending) {
            name = format!("{stem}%2E{}", &ending[1..]);
        }
    }
    if name.len() > LONGEST_NAME {
        let hashes = Hashes::of(path.as_bytes());
        return format!("%{}", hashes.file_name_prefix().unwrap_or_default());
    }
    name
}

fn now() -> Outcome<Time> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH)?;
    Ok(Time::from_unix(i64::try_from(since.as_secs())?))
}
