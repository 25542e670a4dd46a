//! Which start-up program goes into a package: the one that was named, else the one that came with esky.

use std::path::{Path, PathBuf};

use crate::Environment;
use crate::failure::Failure;

/// Finds the start-up program for a platform.
pub(super) fn find(
    named: Option<PathBuf>,
    platform: &str,
    environment: &Environment,
) -> Result<PathBuf, Failure> {
    if let Some(path) = named.or_else(|| environment.bootstrap.clone()) {
        return Ok(path);
    }
    for path in environment
        .bootstraps_dir
        .iter()
        .flat_map(|directory| supplied(directory, platform))
    {
        if esky_fs::exists(&path)? {
            return Ok(path);
        }
    }
    Err(
        Failure::new(format!("there is no start-up program for {platform}"))
            .with_hint(Some("name one by `--bootstrap FILE` or in ESKY_BOOTSTRAP")),
    )
}

/// Where the programs that come with esky are, the best one for the platform first.
pub fn supplied(directory: &Path, platform: &str) -> impl Iterator<Item = PathBuf> {
    let program = if platform.starts_with("win") {
        "esky-bootstrap.exe"
    } else {
        "esky-bootstrap"
    };
    targets(platform)
        .iter()
        .map(move |target| directory.join(target).join(program))
}

/// The build targets whose programs run on a platform.
fn targets(platform: &str) -> &'static [&'static str] {
    match platform {
        "linux-x86_64" => &["x86_64-unknown-linux-musl", "x86_64-unknown-linux-gnu"],
        "linux-aarch64" => &["aarch64-unknown-linux-musl", "aarch64-unknown-linux-gnu"],
        "linux-i686" => &["i686-unknown-linux-musl", "i686-unknown-linux-gnu"],
        "linux-armv7l" => &[
            "armv7-unknown-linux-musleabihf",
            "armv7-unknown-linux-gnueabihf",
        ],
        "linux-riscv64" => &[
            "riscv64gc-unknown-linux-musl",
            "riscv64gc-unknown-linux-gnu",
        ],
        "win-amd64" => &["x86_64-pc-windows-msvc", "x86_64-pc-windows-gnu"],
        "win32" => &["i686-pc-windows-msvc", "i686-pc-windows-gnu"],
        "win-arm64" => &["aarch64-pc-windows-msvc"],
        _ if platform.starts_with("macosx-") && platform.ends_with("arm64") => {
            &["aarch64-apple-darwin"]
        }
        _ if platform.starts_with("macosx-") => &["x86_64-apple-darwin"],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use esky_format::name::current_platform;

    #[test]
    fn what_was_named_wins_over_the_environment() {
        let environment = Environment {
            bootstrap: Some("from-environment".into()),
            ..Environment::default()
        };
        let named = find(Some("named".into()), "linux-x86_64", &environment).unwrap();
        assert_eq!(named, Path::new("named"));
        let from_environment = find(None, "linux-x86_64", &environment).unwrap();
        assert_eq!(from_environment, Path::new("from-environment"));
    }

    #[test]
    fn the_program_of_the_platform_is_found_beside_the_command() {
        let directory = tempfile::tempdir().unwrap();
        let program = directory
            .path()
            .join("x86_64-pc-windows-gnu/esky-bootstrap.exe");
        esky_fs::create_dir_all(program.parent().unwrap()).unwrap();
        esky_fs::write_durable(&program, b"MZ", 0o755).unwrap();
        let environment = Environment {
            bootstraps_dir: Some(directory.path().into()),
            ..Environment::default()
        };
        assert_eq!(find(None, "win-amd64", &environment).unwrap(), program);
        let failure = find(None, "linux-x86_64", &environment).unwrap_err();
        assert_eq!(
            failure.message(),
            "there is no start-up program for linux-x86_64"
        );
    }

    #[test]
    fn this_platform_has_targets() {
        assert!(!targets(current_platform()).is_empty());
    }
}
