//! Keeps frozen apps fresh: finds, fetches, checks and installs updates.
//!
//! ```no_run
//! use std::{path::Path, sync::Arc};
//! use esky::{DefaultVersionFinder, Esky, HttpOptions, Monitor, SystemTransport};
//!
//! fn update(running: &Path) -> esky::Result<()> {
//!     let transport = SystemTransport::new(HttpOptions::default())?;
//!     let finder = DefaultVersionFinder::new("https://example.com/downloads/", Arc::new(transport));
//!     let app = Esky::open(running, Arc::new(finder))?;
//!     let monitor = Monitor::silent();
//!     if let Some(update) = app.check(&monitor)? {
//!         update.download(&monitor)?;
//!         update.install(&monitor)?;
//!     }
//!     Ok(())
//! }
//! ```
//!
//! Two faces over one core: [`Esky`] has the methods of the original (`find_update`, `fetch_version`,
//! `install_version`, `cleanup`, `auto_update`), and [`Esky::check`] gives an [`Update`] that is downloaded and
//! installed step by step. Where versions come from is a [`VersionFinder`]; how bytes travel is a [`Transport`].
//! The library never prints, never exits, and reads the environment only when [`Proxy::FromEnvironment`] asks it to.

mod app;
mod engine;
mod error;
mod extract;
mod fetch;
mod finder;
mod locking;
mod monitor;
mod plan;
mod repository;
mod running;
mod transport;
mod update;

pub use app::Esky;
pub use engine::Search;
pub use error::{Error, HttpFault, Result};
pub use extract::ZipFile;
pub use fetch::{FetchLimit, OpenPackage, PackageBytes, unpack_package};
pub use finder::{
    DefaultVersionFinder, Link, LocalVersionFinder, PackageKind, SignedVersionFinder,
    VersionFinder, VersionGraph, scrape,
};
pub use locking::UpdateGuard;
pub use monitor::{CancelToken, Event, EventHandler, Monitor};
pub use plan::{FetchOptions, Way};
pub use repository::{Repository, RepositoryPlaces};
pub use running::{ProgramStart, RunningApp, Started, clean_up_patiently, run_startup_hooks};
pub use transport::{
    Address, AddressFault, CertificateFault, FileTransport, HeadersHook, HttpOptions,
    HttpTransport, Proxy, ProxyFault, ProxyName, Range, Request, Response, RetryPolicy,
    SystemTransport, ThrottledTransport, Transport, Whose,
};
pub use update::Update;

pub use esky_format as format;
pub use esky_fs::Place;
pub use esky_install::{
    AppDir, Decisions, InstalledVersion, KeptFiles, Leftover, Leftovers, Obstacle, OnTrial,
    Refusal, Trust, VerifyReport, clean_environment,
};
pub use esky_trust as trust;
