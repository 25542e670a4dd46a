//! Apps with a root of trust: what their repository has signed is installed, and nothing else.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use esky::{
    Error, Esky, HttpFault, HttpTransport, LocalVersionFinder, Monitor, RetryPolicy,
    SignedVersionFinder, VersionFinder,
};
use esky_fs::Operation;
use esky_fs::faults::{Plan, arm};
use esky_testkit::apps::{Place, Release, directory_name, extract};
use esky_testkit::server::{Fault, Server};
use esky_testkit::signed_site::SignedSite;

use crate::story::quick_options;

/// A repository on a server, and version 1.0 of the app, installed from it.
pub(crate) struct Stage {
    pub(crate) site: SignedSite,
    pub(crate) server: Server,
    pub(crate) place: Place,
}

impl Stage {
    fn new() -> Self {
        Self::with(&Release::new("1.0"))
    }

    pub(crate) fn with(first: &Release) -> Self {
        let site = SignedSite::new();
        let first = site.release(first);
        let place = Place::new();
        extract(&first.path, &place.appdir());
        Self {
            server: Server::start(site.repository()),
            site,
            place,
        }
    }

    pub(crate) fn app(&self) -> Esky {
        self.app_at(&self.server)
    }

    fn app_at(&self, server: &Server) -> Esky {
        self.open(Arc::new(self.finder(server)))
    }

    pub(crate) fn finder(&self, server: &Server) -> SignedVersionFinder {
        let transport = HttpTransport::new(quick_options()).unwrap();
        SignedVersionFinder::new(server.url("/"), Arc::new(transport))
    }

    pub(crate) fn open(&self, finder: Arc<dyn VersionFinder>) -> Esky {
        Esky::open(&self.place.appdir(), finder).unwrap()
    }

    pub(crate) fn update(&self) -> esky::Result<Option<String>> {
        self.app().auto_update(&Monitor::silent())
    }

    /// An update fails, 1.0 stands as it did, and an honest server is believed afterwards.
    fn fails_safely(&self, server: &Server) -> Error {
        let error = self
            .app_at(server)
            .auto_update(&Monitor::silent())
            .unwrap_err();
        self.stands_at("1.0");
        error
    }

    pub(crate) fn stands_at(&self, version: &str) {
        let app = Esky::open_without_finder(&self.place.appdir()).unwrap();
        assert_eq!(app.version(), version);
        let report = app.verify_version(version, &Monitor::silent()).unwrap();
        assert!(report.is_intact(), "{report:?}");
    }

    fn control_file(&self, name: &str) -> PathBuf {
        let version = self.place.appdir().join(directory_name("1.0"));
        version.join("esky-files").join(name)
    }
}

impl Stage {
    /// Every package that leads to a version: the zip, the compact package, the patches.
    pub(crate) fn all_packages(&self, version: &str) -> Vec<PathBuf> {
        let directory = self.site.repository().join("targets/demo/stable");
        let platforms = fs::read_dir(directory).unwrap();
        let all = platforms.flat_map(|platform| fs::read_dir(platform.unwrap().path()).unwrap());
        let prefix = format!("demo-{version}.");
        let leads_there = |path: &PathBuf| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let (_, name) = name.split_once('.').unwrap();
            name.starts_with(&prefix)
        };
        let all = all.map(|entry| entry.unwrap().path());
        all.filter(leads_there).collect()
    }

    fn packages(&self, version: &str) -> Vec<PathBuf> {
        let found = self.all_packages(version);
        assert!(found.len() >= 3, "{found:?}");
        found
    }

    fn fault_all(&self, version: &str, fault: &Fault) {
        for package in self.packages(version) {
            self.server.fault(&served(self, &package), fault.clone());
        }
    }

    fn sent_of(&self, version: &str) -> u64 {
        let packages = self.packages(version);
        let sent = packages.iter();
        sent.map(|package| self.server.sent_at(&served(self, package)))
            .sum()
    }
}

/// No package was what was signed.
fn is_untrusted_throughout(error: &Error) -> bool {
    let untrusted = |cause: &Error| {
        matches!(
            cause,
            Error::Untrusted { .. }
                | Error::Patch { .. }
                | Error::Http {
                    fault: HttpFault::WrongRange | HttpFault::Status { code: 416, .. },
                    ..
                }
        )
    };
    match error {
        Error::NoUsablePackage { causes, .. } => causes.len() >= 3 && causes.iter().all(untrusted),
        _ => false,
    }
}

/// The path on the server of a file in the repository.
pub(crate) fn served(stage: &Stage, file: &Path) -> String {
    let below = file.strip_prefix(stage.site.repository()).unwrap();
    format!("/{}", below.display())
}

#[test]
fn a_signed_release_is_found_and_installed() {
    let stage = Stage::new();
    stage.site.release_with(&Release::new("1.1"), |options| {
        options.notes = Some("Faster.".into());
    });
    let finder = Arc::new(stage.finder(&stage.server));
    let app = stage.open(finder.clone());
    assert_eq!(
        app.auto_update(&Monitor::silent()).unwrap().as_deref(),
        Some("1.1")
    );
    stage.stands_at("1.1");
    assert_eq!(finder.notes("1.1").as_deref(), Some("Faster."));
    assert_eq!(stage.update().unwrap(), None);
}

#[test]
fn a_check_that_finds_nothing_costs_four_requests_and_little() {
    let stage = Stage::new();
    assert_eq!(stage.update().unwrap(), None);
    let (before, sent) = (stage.server.seen().len(), bytes_sent(&stage.server));
    assert_eq!(stage.update().unwrap(), None);
    let requests = stage.server.seen().len() - before;
    let sent = bytes_sent(&stage.server) - sent;
    assert!(
        requests <= 4 && sent <= 20_000,
        "{requests} requests, {sent} bytes"
    );
}

fn bytes_sent(server: &Server) -> u64 {
    server.seen().iter().map(|seen| seen.sent).sum()
}

#[test]
fn an_app_with_a_root_takes_nothing_from_unsigned_sources() {
    let stage = Stage::new();
    stage.place.offer(&Release::new("1.1"));
    let unsigned = Arc::new(LocalVersionFinder::new(stage.place.packages()));
    let app = stage.open(unsigned);
    let silent = Monitor::silent();
    let refused = [
        app.find_update(&Monitor::silent()).err(),
        app.auto_update(&silent).err(),
        app.fetch_version("1.1", &silent).err(),
        app.install_version("1.1", &silent).err(),
        app.repair_version("1.0", &silent).err(),
    ];
    for error in refused {
        assert!(
            matches!(error, Some(Error::UnsignedSource { .. })),
            "{error:?}"
        );
    }
    stage.stands_at("1.0");
}

#[test]
fn an_app_without_a_root_cannot_verify_a_repository() {
    let stage = Stage::new();
    let unsigned = Place::with_installed(&Release::new("1.0"));
    let finder = Arc::new(stage.finder(&stage.server));
    let app = Esky::open(&unsigned.appdir(), finder).unwrap();
    assert!(matches!(
        app.find_update(&Monitor::silent()),
        Err(Error::NoTrustRoot)
    ));
}

#[test]
fn a_root_that_was_lost_or_spoilt_is_an_error_and_no_licence() {
    let stage = Stage::new();
    stage.place.offer(&Release::new("1.1"));
    let path = stage.control_file("root.json");
    let good = fs::read(&path).unwrap();
    fs::remove_file(&path).unwrap();
    let unsigned = stage.open(Arc::new(LocalVersionFinder::new(stage.place.packages())));
    assert!(matches!(
        unsigned.auto_update(&Monitor::silent()),
        Err(Error::Install(_))
    ));
    fs::write(&path, &good[..good.len() / 2]).unwrap();
    let spoilt = stage.update().unwrap_err();
    assert!(matches!(spoilt, Error::Install(_)), "{spoilt}");
    assert!(
        spoilt.to_string().contains("root.json is damaged"),
        "{spoilt}"
    );
    fs::write(&path, good).unwrap();
    assert_eq!(stage.update().unwrap(), None);
}

#[test]
fn a_package_that_is_not_what_was_signed_is_not_unpacked() {
    let stage = Stage::new();
    stage.site.release(&Release::new("1.1").size(300_000));
    let packages = stage.packages("1.1");
    let packages: Vec<(PathBuf, Vec<u8>)> = packages
        .into_iter()
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect();
    let spoil: [fn(&mut Vec<u8>); 4] = [
        |bytes| {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
        },
        |bytes| bytes.push(b'x'),
        |bytes| {
            bytes.pop();
        },
        Vec::clear,
    ];
    for spoil in spoil {
        for (path, good) in &packages {
            let mut bytes = good.clone();
            spoil(&mut bytes);
            fs::write(path, bytes).unwrap();
        }
        let error = stage.fails_safely(&stage.server);
        assert!(is_untrusted_throughout(&error), "{error}");
    }
    for (path, good) in &packages {
        fs::write(path, good).unwrap();
    }
    assert_eq!(stage.update().unwrap().as_deref(), Some("1.1"));
}

#[test]
fn endless_data_ends_where_the_signed_length_ends() {
    let stage = Stage::new();
    stage.site.release(&Release::new("1.1"));
    stage.fault_all("1.1", &Fault::Endless(1 << 30));
    let error = stage.fails_safely(&stage.server);
    assert!(is_untrusted_throughout(&error), "{error}");
    assert!(stage.sent_of("1.1") < 300 << 20);
}

#[test]
fn a_download_goes_on_where_it_broke_off_and_its_beginning_is_not_trusted() {
    for spoil in [false, true] {
        let stage = Stage::new();
        stage.site.release(&Release::new("1.1").size(3_000_000));
        let transport = HttpTransport::new(esky::HttpOptions {
            retry: RetryPolicy::NEVER,
            ..quick_options()
        });
        let finder = SignedVersionFinder::new(stage.server.url("/"), Arc::new(transport.unwrap()));
        let app = stage.open(Arc::new(finder));
        stage.fault_all("1.1", &Fault::CloseAfter(2_000_000));
        app.auto_update(&Monitor::silent()).unwrap_err();
        for package in stage.packages("1.1") {
            stage.server.heal(&served(&stage, &package));
        }
        let before = stage.sent_of("1.1");
        if spoil {
            let downloads = stage.place.appdir().join("updates/downloads");
            let parts = fs::read_dir(downloads)
                .unwrap()
                .map(|entry| entry.unwrap().path());
            let parts = parts
                .into_iter()
                .filter(|path| path.extension() == Some("part".as_ref()));
            for part in parts {
                let mut bytes = fs::read(&part).unwrap();
                bytes[1000] ^= 1;
                fs::write(part, bytes).unwrap();
            }
        }
        assert_eq!(
            app.auto_update(&Monitor::silent()).unwrap().as_deref(),
            Some("1.1")
        );
        stage.stands_at("1.1");
        let sent = stage.sent_of("1.1") - before;
        assert!(spoil || sent < 2_000_000, "{sent} bytes for the last third");
    }
}

#[test]
fn versions_for_others_are_not_offered() {
    let stage = Stage::new();
    stage.site.release_with(&Release::new("1.1"), |options| {
        options.channel = Some("beta".into())
    });
    let other = Release::new("1.2").for_platform("win-arm64");
    stage.site.release(&other);
    stage.site.release(&Release::new("1.3"));
    stage.site.yank("1.3");
    assert_eq!(stage.update().unwrap(), None);
    let beta = stage.finder(&stage.server).with_channel("beta");
    assert_eq!(
        stage
            .open(Arc::new(beta))
            .find_update(&Monitor::silent())
            .unwrap()
            .as_deref(),
        Some("1.1")
    );
}

#[test]
fn versions_below_the_stated_minimum_are_not_installed() {
    let stage = Stage::new();
    stage.site.release(&Release::new("1.1"));
    stage.site.release_with(&Release::new("1.2"), |options| {
        options.minimum_version = Some("1.2".into());
    });
    stage.site.yank("1.2");
    let app = stage.app();
    assert_eq!(app.find_update(&Monitor::silent()).unwrap(), None);
    let error = app.install_version("1.1", &Monitor::silent()).unwrap_err();
    assert!(matches!(error, Error::VersionNotFound { .. }), "{error}");
}

#[test]
fn what_was_seen_once_cannot_be_taken_back() {
    let stage = Stage::new();
    let old = Server::start(stage.site.copy_repository());
    stage.site.release(&Release::new("1.1"));
    stage.app().find_update(&Monitor::silent()).unwrap();
    let error = stage.fails_safely(&old);
    assert!(matches!(error, Error::Untrusted { .. }), "{error}");
    assert_eq!(stage.update().unwrap().as_deref(), Some("1.1"));
}

#[test]
fn files_of_two_states_are_not_believed_together() {
    let stage = Stage::new();
    stage.site.release(&Release::new("1.1"));
    let mixed = stage.site.copy_repository();
    let metadata = mixed.join("metadata");
    fs::copy(
        metadata.join("2.targets.json"),
        metadata.join("3.targets.json"),
    )
    .unwrap();
    let error = stage.fails_safely(&Server::start(mixed));
    assert!(matches!(error, Error::Untrusted { .. }), "{error}");
}

#[test]
fn a_repository_that_is_frozen_says_since_when() {
    let stage = Stage::new();
    stage.update().unwrap();
    stage.site.refresh_in(-60);
    let error = stage.fails_safely(&stage.server);
    assert!(
        matches!(
            error,
            Error::Stale {
                last_refresh: Some(_),
                ..
            }
        ),
        "{error}"
    );
    let text = error.to_string();
    assert!(
        text.contains("cannot check for updates") && text.contains("last checked"),
        "{text}"
    );
    stage.site.refresh_in(0);
    assert_eq!(stage.update().unwrap(), None);
}

#[test]
fn the_repository_of_somebody_else_is_not_believed() {
    let stage = Stage::new();
    let mut attacker = esky_testkit::repository::Vendor::new();
    attacker.publish_later(1000);
    let server = Server::empty();
    for (name, bytes) in &attacker.files {
        server.page(&format!("/metadata/{name}"), bytes.clone());
    }
    let error = stage.fails_safely(&server);
    assert!(matches!(error, Error::Untrusted { .. }), "{error}");
}

#[test]
fn new_keys_are_followed_by_apps_with_the_first_root() {
    let stage = Stage::new();
    stage.site.rotate();
    stage.site.rotate();
    stage.site.release(&Release::new("1.1"));
    assert_eq!(stage.update().unwrap().as_deref(), Some("1.1"));
    let root = stage
        .place
        .appdir()
        .join(directory_name("1.1"))
        .join("esky-files/root.json");
    assert!(fs::read_to_string(root).unwrap().contains("\"version\": 3"));
    assert_eq!(stage.update().unwrap(), None);
}

#[test]
fn a_damaged_version_is_mended_from_its_signed_package() {
    let stage = Stage::new();
    let path = stage
        .place
        .appdir()
        .join(directory_name("1.0"))
        .join("lib/version.txt");
    fs::write(path, "scratched").unwrap();
    let mended = stage
        .app()
        .repair_version("1.0", &Monitor::silent())
        .unwrap();
    assert_eq!(mended, ["lib/version.txt"]);
    stage.stands_at("1.0");
}

#[test]
fn an_app_that_may_not_be_written_to_is_checked_all_the_same() {
    const READ_ONLY_FILE_SYSTEM: i32 = 30;
    let stage = Stage::new();
    stage.site.rotate();
    stage.site.release(&Release::new("1.1"));
    let mut refused = 0;
    for count in 0.. {
        let cache = stage.place.appdir().join("updates/metadata");
        let _ = fs::remove_dir_all(&cache);
        let armed = arm(Plan::FailOnce(count, READ_ONLY_FILE_SYSTEM));
        let found = stage.app().find_update(&Monitor::silent());
        let log = armed.log();
        drop(armed);
        match log.get(usize::try_from(count).unwrap()) {
            Some((Operation::Create, _)) => refused += 1,
            // A file that was made can be written.
            Some(_) => continue,
            None => break,
        }
        assert_eq!(
            found.unwrap().as_deref(),
            Some("1.1"),
            "at operation {count}"
        );
    }
    assert!(refused > 5, "{refused} files are too few to be true");
}
