//! A folder as PyInstaller makes it, of about 100 MB: the same on every run on one machine.
//!
//! Its files are this machine's shared libraries and Python's standard library, because compression and file counts
//! decide the figures and zeros would flatter them. What is used a second time is altered, so that no two files are
//! the same.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use super::{Bench, empty};
use crate::tools::{output, run};

/// Name of the app and of its program.
pub(super) const NAME: &str = "bench-app";

const LIBRARIES: u64 = 70_000_000;
const STANDARD_LIBRARY: u64 = 22_000_000;
const DATA: u64 = 8_000_000;
const LARGEST_LIBRARY: u64 = 12_000_000;

/// The generated folder.
pub(super) struct Tree {
    pub(super) path: PathBuf,
    pub(super) files: usize,
    pub(super) size: u64,
}

/// Generates the folder.
pub(super) fn generate(bench: &Bench) -> Result<Tree> {
    let mut tree = Tree {
        path: bench.directory.join("frozen"),
        files: 0,
        size: 0,
    };
    empty(&tree.path)?;
    tree.add_program()?;
    tree.fill("_internal", &shared_libraries()?, LIBRARIES)?;
    tree.fill(
        "_internal/lib",
        &standard_library(&bench.python)?,
        STANDARD_LIBRARY,
    )?;
    tree.add_data()?;
    Ok(tree)
}

impl Tree {
    /// A program that does nothing: what the start of an app costs without the app.
    fn add_program(&mut self) -> Result<()> {
        let program = self.path.join(NAME);
        let source = self.path.with_file_name("program.c");
        fs::write(&source, "int main(void) { return 0; }\n")?;
        run(Command::new("cc")
            .arg("-O2")
            .arg("-o")
            .arg(&program)
            .arg(&source))?;
        self.files += 1;
        self.size += fs::metadata(&program)?.len();
        Ok(())
    }

    /// Copies the sources, over and over if they do not suffice, until there is so much.
    fn fill(&mut self, folder: &str, sources: &[PathBuf], wanted: u64) -> Result<()> {
        let goal = self.size + wanted;
        let mut round = 0;
        while self.size < goal {
            let before = self.size;
            for source in sources {
                if self.size >= goal {
                    return Ok(());
                }
                let Ok(mut content) = fs::read(source) else {
                    continue;
                };
                alter(&mut content, round);
                let name = source.file_name().unwrap_or_default().to_string_lossy();
                let path = format!("{folder}/{round}-{}/{name}", self.files / 40);
                self.add(&path, &content)?;
            }
            if self.size == before {
                bail!("nothing to fill {folder} with was found on this machine");
            }
            round += 1;
        }
        Ok(())
    }

    /// Pictures and archives do not compress: numbers of a generator stand for them.
    fn add_data(&mut self) -> Result<()> {
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        for number in 0..16 {
            let content: Vec<u8> = std::iter::repeat_with(|| next(&mut state))
                .take((DATA / 16 / 8) as usize)
                .flat_map(u64::to_le_bytes)
                .collect();
            self.add(&format!("_internal/data/{number}.bin"), &content)?;
        }
        Ok(())
    }

    fn add(&mut self, path: &str, content: &[u8]) -> Result<()> {
        let path = self.path.join(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(&path, content)?;
        self.files += 1;
        self.size += content.len() as u64;
        Ok(())
    }
}

/// The first round is the file itself; later ones differ in one byte of each page.
fn alter(content: &mut [u8], round: u8) {
    for byte in content.iter_mut().skip(64).step_by(4096) {
        *byte = byte.wrapping_add(round);
    }
}

/// xorshift64
fn next(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

fn shared_libraries() -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for folder in ["/usr/lib", "/usr/local/lib"] {
        walk(Path::new(folder), &mut found);
    }
    found.retain(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let is_library = name.ends_with(".so") || name.contains(".so.");
        is_library && fs::metadata(path).is_ok_and(|data| data.len() <= LARGEST_LIBRARY)
    });
    found.sort();
    Ok(found)
}

fn standard_library(python: &Path) -> Result<Vec<PathBuf>> {
    let script = "import sysconfig; print(sysconfig.get_paths()['stdlib'])";
    let folder = output(Command::new(python).args(["-c", script]))?;
    let mut found = Vec::new();
    walk(Path::new(folder.trim()), &mut found);
    let unwanted = ["site-packages", "test", "tests"];
    found.retain(|path| {
        let is_bundled = path
            .extension()
            .is_some_and(|extension| ["py", "pyc", "so"].iter().any(|kind| extension == *kind));
        is_bundled
            && !path
                .iter()
                .any(|part| unwanted.iter().any(|name| part == *name))
    });
    found.sort();
    Ok(found)
}

/// Every regular file below, links not followed; what cannot be read is left out.
fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => walk(&entry.path(), found),
            Ok(kind) if kind.is_file() => found.push(entry.path()),
            _ => {}
        }
    }
}
