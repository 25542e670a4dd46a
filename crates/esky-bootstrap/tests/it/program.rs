//! Builds the start-up program and a small program for it to start.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The start-up program, as it is shipped: static where that is possible here.
pub(crate) fn bootstrap() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| esky_testkit::bootstrap::build(Path::new(env!("CARGO_TARGET_TMPDIR"))))
}

/// A program that reports how it was started; see `inner.rs`.
pub(crate) fn inner() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(build_inner)
}

/// Whether the program could be built against musl.
pub(crate) fn is_musl() -> bool {
    esky_testkit::bootstrap::musl_target().is_some()
}

fn build_inner() -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/inner.rs");
    let directory = esky_testkit::shared::directory("inner program", |directory| {
        let mut compile = Command::new(esky_testkit::bootstrap::rustc());
        compile
            .args(["--edition", "2024", "-o"])
            .args([&directory.join("inner"), &source]);
        assert!(
            compile.status().unwrap().success(),
            "the inner program does not build"
        );
    });
    directory.join("inner")
}
