//! What all tests of a run share and what takes long to make, such as encrypted keys and the start-up program.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Set by cargo-nextest, which runs each test in a process of its own.
const RUN: &str = "NEXTEST_RUN_ID";

/// A directory that `make` has filled, once for all tests of this run. Nobody changes it afterwards.
///
/// Where several processes come first at once each makes one, and one of these counts.
pub fn directory(name: &str, make: impl FnOnce(&Path)) -> PathBuf {
    let shared = run().join(name);
    if !shared.is_dir() {
        let fresh = tempfile::tempdir_in(run()).expect("a temporary directory");
        make(fresh.path());
        let renamed = fs::rename(fresh.path(), &shared);
        assert!(renamed.is_ok() || shared.is_dir(), "{renamed:?}");
    }
    shared
}

/// Not in `target`: keys have no place in a git tree.
fn run() -> &'static Path {
    static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
    DIRECTORY.get_or_init(|| match std::env::var(RUN) {
        Ok(id) => {
            let directory = std::env::temp_dir().join(format!("esky-tests-{id}"));
            fs::create_dir_all(&directory).expect("a temporary directory");
            directory
        }
        Err(_) => tempfile::Builder::new()
            .prefix("esky-tests-")
            .tempdir()
            .expect("a temporary directory")
            .keep(),
    })
}
