//! Builds the start-up program and a small program for it to start.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The start-up program, as it is shipped: static where that is possible here.
pub(crate) fn bootstrap() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(build_bootstrap)
}

/// A program that reports how it was started; see `inner.rs`.
pub(crate) fn inner() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(build_inner)
}

/// Whether the program could be built against musl.
pub(crate) fn is_musl() -> bool {
    musl_target().is_some()
}

fn build_bootstrap() -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bootstrap");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args([
        "build",
        "--quiet",
        "--package",
        "esky-bootstrap",
        "--profile",
        "bootstrap",
        "--features",
        "standalone",
    ]);
    cargo.arg("--target-dir").arg(&directory);
    cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
    let mut built = directory;
    if let Some(target) = musl_target() {
        built.push(&target);
        cargo.args(["--target", &target]);
    } else if cfg!(target_os = "linux") {
        eprintln!(
            "the musl target is not installed: testing a program with a static glibc instead"
        );
        cargo.env("RUSTFLAGS", "-C target-feature=+crt-static");
    }
    assert!(
        cargo.status().unwrap().success(),
        "the start-up program does not build"
    );
    built.join("bootstrap/esky-bootstrap")
}

fn musl_target() -> Option<String> {
    if !cfg!(target_os = "linux") {
        return None;
    }
    let target = format!("{}-unknown-linux-musl", std::env::consts::ARCH);
    let output = Command::new(rustc())
        .args(["--print", "target-libdir", "--target", &target])
        .output()
        .unwrap();
    let libraries = String::from_utf8(output.stdout).unwrap();
    Path::new(libraries.trim()).is_dir().then_some(target)
}

fn build_inner() -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/inner.rs");
    let built = Path::new(env!("CARGO_TARGET_TMPDIR")).join("inner");
    let fresh = built.with_extension(std::process::id().to_string());
    let mut compile = Command::new(rustc());
    compile
        .args(["--edition", "2024", "-o"])
        .args([&fresh, &source]);
    assert!(
        compile.status().unwrap().success(),
        "the inner program does not build"
    );
    // Another test run may be using the old one.
    std::fs::rename(&fresh, &built).unwrap();
    built
}

fn rustc() -> OsString {
    std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into())
}
