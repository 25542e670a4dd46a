//! The start-up program, built for tests.

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::shared;

/// Builds it, as it is shipped, in a directory of its own below `target_tmpdir`; once for all tests of a run.
pub fn build(target_tmpdir: &Path) -> PathBuf {
    let directory = target_tmpdir.join("bootstrap");
    let target = musl_target();
    shared::directory("start-up program is built", |_| {
        run_cargo(&directory, target.as_deref());
    });
    directory
        .join(target.unwrap_or_default())
        .join("bootstrap/esky-bootstrap")
}

fn run_cargo(directory: &Path, target: Option<&str>) {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
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
    cargo.arg("--target-dir").arg(directory);
    cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
    if let Some(target) = target {
        cargo.args(["--target", target]);
    } else if cfg!(target_os = "linux") {
        let note =
            "the musl target is not installed: testing a program with a static glibc instead";
        let _ = writeln!(std::io::stderr(), "{note}");
        cargo.env("RUSTFLAGS", "-C target-feature=+crt-static");
    }
    assert!(
        cargo.status().expect("cargo runs").success(),
        "the start-up program does not build"
    );
}

/// The target for static programs on this machine, if its standard library is installed.
pub fn musl_target() -> Option<String> {
    if !cfg!(target_os = "linux") {
        return None;
    }
    let target = format!("{}-unknown-linux-musl", std::env::consts::ARCH);
    let output = Command::new(rustc())
        .args(["--print", "target-libdir", "--target", &target])
        .output()
        .expect("rustc runs");
    let libraries = String::from_utf8(output.stdout).expect("a path");
    Path::new(libraries.trim()).is_dir().then_some(target)
}

/// The compiler that the tests were built with.
pub fn rustc() -> OsString {
    std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into())
}
