//! Releases of an app with large dependencies, frozen by PyInstaller into a directory and into one program.
//!
//! What was frozen stays in `target/bench-delta/apps`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::bench::empty;
use crate::bench::measure::quiet;
use crate::tools::{Venv, venv};

const PYINSTALLER: &str = "pyinstaller>=6.10,<7";
const SOURCES: [(&str, &str); 4] = [
    ("main.py", include_str!("app/main.py")),
    ("figures.py", include_str!("app/figures.py")),
    ("safe.py", include_str!("app/safe.py")),
    ("app.spec", include_str!("app/app.spec")),
];
/// The line that is edited, and what becomes of it.
const EDIT: (&str, &str) = (
    "{len(orders)} orders, {total} pieces",
    "{total} pieces in {len(orders)} orders",
);

const FIRST: [&str; 7] = [
    "PySide6-Essentials==6.10.2",
    "numpy==2.3.4",
    "pandas==3.0.2",
    "pillow==12.1.0",
    "requests==2.32.4",
    "cryptography==46.0.6",
    "pydantic==2.12.4",
];
const PATCH_LEVEL: [&str; 7] = [
    "PySide6-Essentials==6.10.3",
    "numpy==2.3.5",
    "pandas==3.0.3",
    "pillow==12.1.1",
    "requests==2.32.5",
    "cryptography==46.0.7",
    "pydantic==2.12.5",
];
const MINOR_LEVEL: [&str; 7] = [
    "PySide6-Essentials==6.11.0",
    "numpy==2.4.3",
    "pandas==3.1.0",
    "pillow==12.2.0",
    "requests==2.33.0",
    "cryptography==47.0.0",
    "pydantic==2.13.0",
];

/// One release of the app.
pub(super) struct Frozen {
    /// A directory with a program in it.
    pub(super) directory: PathBuf,
    /// One program with everything in it.
    pub(super) program: PathBuf,
}

/// The releases that are compared with the first one.
pub(super) struct Releases {
    pub(super) first: Frozen,
    pub(super) edited: Frozen,
    pub(super) patch_level: Frozen,
    pub(super) minor_level: Frozen,
}

/// Freezes what is not there yet.
pub(super) fn releases(place: &Path) -> Result<Releases> {
    fs::create_dir_all(place)?;
    let environment = venv(&place.join("venv"))?;
    let freeze = |name, dependencies, edit| freeze(place, &environment, name, dependencies, edit);
    Ok(Releases {
        first: freeze("first", FIRST, None)?,
        edited: freeze("edited", FIRST, Some(EDIT))?,
        patch_level: freeze("patch-level", PATCH_LEVEL, None)?,
        minor_level: freeze("minor-level", MINOR_LEVEL, None)?,
    })
}

/// The note of what it was made of is written last: without it the release is made anew.
fn freeze(
    place: &Path,
    environment: &Venv,
    name: &str,
    dependencies: [&str; 7],
    edit: Option<(&str, &str)>,
) -> Result<Frozen> {
    let result = place.join(name);
    let note = result.join("made-of.txt");
    let sources = sources(edit)?;
    let recipe = format!("{}\n{sources:?}\n", dependencies.join("\n"));
    if fs::read_to_string(&note).is_ok_and(|made_of| made_of == recipe) {
        return Ok(Frozen::at(&result));
    }
    println!("freezing the app: {name}");
    environment.pip_install(&[PYINSTALLER])?;
    environment.pip_install(&dependencies)?;
    let work = place.join("work");
    empty(&work)?;
    for (file, source) in sources {
        fs::write(work.join(file), source)?;
    }
    let mut pyinstaller = Command::new(environment.program("pyinstaller"));
    pyinstaller
        .current_dir(&work)
        .args(["--log-level", "ERROR", "app.spec"]);
    quiet(&mut pyinstaller)?;
    empty(&result)?;
    for built in ["onedir", "onefile"] {
        fs::rename(work.join("dist").join(built), result.join(built))
            .with_context(|| format!("PyInstaller made no {built}"))?;
    }
    fs::remove_dir_all(&work)?;
    fs::write(&note, recipe)?;
    Ok(Frozen::at(&result))
}

fn sources(edit: Option<(&str, &str)>) -> Result<Vec<(&'static str, String)>> {
    let (old, new) = edit.unwrap_or_default();
    let sources = SOURCES.map(|(name, source)| (name, source.to_owned()));
    if edit.is_none() {
        return Ok(sources.to_vec());
    }
    let edited = sources
        .clone()
        .map(|(name, source)| (name, source.replace(old, new)));
    if edited == sources {
        bail!("no source of the app holds the line that is to be edited");
    }
    Ok(edited.to_vec())
}

impl Frozen {
    fn at(place: &Path) -> Self {
        Self {
            directory: place.join("onedir"),
            program: place.join("onefile"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_edit_changes_one_line_of_one_file() {
        let (old, new) = (
            sources(None).expect("sources"),
            sources(Some(EDIT)).expect("sources"),
        );
        let lines = |sources: &[(&str, String)]| -> Vec<String> {
            sources
                .iter()
                .flat_map(|(_, source)| source.lines().map(str::to_owned))
                .collect()
        };
        let (old, new) = (lines(&old), lines(&new));
        let changed = old.iter().zip(&new).filter(|(old, new)| old != new).count();
        assert_eq!((old.len(), changed), (new.len(), 1));
    }
}
