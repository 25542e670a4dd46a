//! The stage for most tests: an installed 1.0, a web server with packages, and a record of all events.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use esky::{
    DefaultVersionFinder, Error, Esky, Event, HttpOptions, HttpTransport, Monitor, Proxy,
    RetryPolicy,
};
use esky_testkit::apps::{self, Place, Release};
use esky_testkit::server::Server;

pub(crate) struct Story {
    pub(crate) place: Place,
    pub(crate) server: Server,
    before: BTreeMap<PathBuf, Vec<u8>>,
}

impl Story {
    /// Version 1.0 is installed, nothing is offered yet.
    pub(crate) fn new() -> Self {
        Self::starting_with(&Release::new("1.0"))
    }

    pub(crate) fn starting_with(release: &Release) -> Self {
        let place = Place::with_installed(release);
        let server = Server::start(place.packages());
        let before = tree(&place.appdir());
        Self {
            place,
            server,
            before,
        }
    }

    /// The app as another program sees it, with a finder for the server's listing.
    pub(crate) fn app(&self) -> Esky {
        self.app_with(quick_options())
    }

    pub(crate) fn app_with(&self, options: HttpOptions) -> Esky {
        self.app_at(&self.server.url("/"), options)
    }

    pub(crate) fn app_at(&self, url: &str, options: HttpOptions) -> Esky {
        Esky::open(&self.place.appdir(), finder(url, options)).unwrap()
    }

    /// The app as its own running program sees it.
    pub(crate) fn opened_by(&self, program: &Path) -> Esky {
        Esky::open(program, finder(&self.server.url("/"), quick_options())).unwrap()
    }

    /// Path of a version's package on the server.
    pub(crate) fn package_path(&self, version: &str) -> String {
        format!("/{}", apps::package_name(version))
    }

    pub(crate) fn version_dir(&self, version: &str) -> PathBuf {
        self.place.appdir().join(apps::directory_name(version))
    }

    pub(crate) fn downloads(&self) -> PathBuf {
        self.place.appdir().join("updates/downloads")
    }

    /// Tries to update, expects that to fail, and that nothing was lost: version 1.0 is the one that starts, and
    /// every file of it is as it was.
    pub(crate) fn fails_safely(&self, app: &Esky) -> Error {
        let error = app.auto_update(&Monitor::silent()).unwrap_err();
        self.assert_old_version_stands();
        error
    }

    /// As [`Story::fails_safely`], and the error must say all this.
    pub(crate) fn fails_saying(&self, expected: &[&str]) -> Error {
        let error = self.fails_safely(&self.app());
        for part in expected {
            assert!(
                error.to_string().contains(part),
                "{part:?} is not in: {error}"
            );
        }
        error
    }

    pub(crate) fn assert_old_version_stands(&self) {
        let app = Esky::open_without_finder(&self.place.appdir()).unwrap();
        let best = app.app_dir().best().unwrap();
        assert_eq!((best.app.version.as_str(), best.complete), ("1.0", true));
        assert_eq!(tree(&self.place.appdir()), self.before);
    }

    pub(crate) fn assert_updated_to(&self, version: &str) {
        let app = Esky::open_without_finder(&self.place.appdir()).unwrap();
        assert_eq!(app.version(), version);
        let report = app.verify_version(version, &Monitor::silent()).unwrap();
        assert!(report.is_intact(), "{report:?}");
    }
}

/// No proxy, no pauses between attempts.
pub(crate) fn quick_options() -> HttpOptions {
    HttpOptions {
        proxy: Proxy::None,
        retry: RetryPolicy {
            attempts: 3,
            first_delay: Duration::ZERO,
            longest_delay: Duration::ZERO,
        },
        ..HttpOptions::default()
    }
}

pub(crate) fn single_attempt() -> HttpOptions {
    HttpOptions {
        retry: RetryPolicy::NEVER,
        ..quick_options()
    }
}

/// A monitor that writes down what it is told.
pub(crate) fn recording() -> (Monitor, Arc<Mutex<Vec<Event>>>) {
    let events = Arc::new(Mutex::new(Vec::new()));
    let record = Arc::clone(&events);
    let monitor = Monitor::new(move |event| record.lock().unwrap().push(event.clone()));
    (monitor, events)
}

/// Causes of all retries, in order.
pub(crate) fn retries(events: &Mutex<Vec<Event>>) -> Vec<String> {
    let events = events.lock().unwrap();
    let cause = |event: &Event| match event {
        Event::Retrying { cause } => Some(cause.clone()),
        _ => None,
    };
    events.iter().filter_map(cause).collect()
}

/// All files of the app but esky's own records and work area.
fn tree(appdir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut directories = vec![appdir.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            let inside = path.strip_prefix(appdir).unwrap().to_owned();
            if ["updates", "esky-state", "locked"]
                .iter()
                .any(|ours| inside == Path::new(ours))
            {
                continue;
            }
            if path.is_dir() {
                files.insert(inside, Vec::new());
                directories.push(path);
            } else {
                files.insert(inside, fs::read(&path).unwrap());
            }
        }
    }
    files
}

fn finder(url: &str, options: HttpOptions) -> Arc<DefaultVersionFinder> {
    let transport = HttpTransport::new(options).unwrap();
    Arc::new(DefaultVersionFinder::new(url, Arc::new(transport)))
}
