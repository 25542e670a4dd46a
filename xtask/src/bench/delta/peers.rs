//! The tools that are compared, and one run of each.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::bench::measure::{Usage, time_and_memory};
use crate::tools::{Venv, cargo, human_size, is_on_path, run, workspace_root};

/// What comes from the system; the others are fetched.
const PROGRAMS: [&str; 4] = ["bsdiff", "bspatch", "xdelta3", "zstd"];
const HDIFFPATCH: &str = "hdiffpatch>=2.6,<3";
const HDIFFPATCH_CREATE: &str = "\
import sys, pathlib, hdiffpatch
old, new, patch = map(pathlib.Path, sys.argv[1:])
packing = hdiffpatch.Lzma2Config.best_compression()
patch.write_bytes(hdiffpatch.diff(old.read_bytes(), new.read_bytes(), packing, validate=False))";
const HDIFFPATCH_APPLY: &str = "\
import sys, pathlib, hdiffpatch
old, patch, new = map(pathlib.Path, sys.argv[1:])
new.write_bytes(hdiffpatch.apply(old.read_bytes(), patch.read_bytes()))";

/// The name of our tool.
pub(super) const OURS: &str = "esky";
/// The name of the tool whose time is the limit of ours.
pub(super) const BSDIFF: &str = "bsdiff";

/// A way to make and apply patches: two commands in which `{old}`, `{new}` and `{patch}` stand for files.
pub(super) struct Tool {
    pub(super) name: &'static str,
    create: Vec<String>,
    apply: Vec<String>,
}

/// What one tool made of one pair.
pub(super) struct Measured {
    /// Of the patch.
    pub(super) bytes: u64,
    pub(super) create: Usage,
    pub(super) apply: Usage,
}

/// All tools: ours, bsdiff, the others.
pub(super) fn tools(place: &Path, esky: &Path, environment: &Venv) -> Result<Vec<Tool>> {
    if let Some(missing) = PROGRAMS.into_iter().find(|program| !is_on_path(program)) {
        bail!(
            "there is no `{missing}` on this machine to compare with (Debian: apt install bsdiff xdelta3 zstd)"
        );
    }
    environment.pip_install(&[HDIFFPATCH])?;
    let (esky, python) = (text(esky), text(&environment.python()));
    let bidiff = text(&build_bidiff(place)?);
    let tool = Tool::new;
    Ok(vec![
        tool(
            OURS,
            &[&esky, "--quiet", "diff", "{old}", "{new}", "-o", "{patch}"],
            &[&esky, "--quiet", "patch", "{old}", "{patch}", "-o", "{new}"],
        ),
        tool(
            BSDIFF,
            &["bsdiff", "{old}", "{new}", "{patch}"],
            &["bspatch", "{old}", "{new}", "{patch}"],
        ),
        tool(
            "xdelta3",
            &[
                "xdelta3", "-e", "-9", "-S", "lzma", "-W", "16777216", "-s", "{old}", "{new}",
                "{patch}",
            ],
            &["xdelta3", "-d", "-s", "{old}", "{patch}", "{new}"],
        ),
        tool(
            "HDiffPatch",
            &[
                &python,
                "-c",
                HDIFFPATCH_CREATE,
                "{old}",
                "{new}",
                "{patch}",
            ],
            &[&python, "-c", HDIFFPATCH_APPLY, "{old}", "{patch}", "{new}"],
        ),
        zstd("zstd -3", "-3"),
        zstd("zstd -19", "-19"),
        tool(
            "bidiff",
            &[&bidiff, "diff", "{old}", "{new}", "{patch}"],
            &[&bidiff, "patch", "{old}", "{patch}", "{new}"],
        ),
    ])
}

fn zstd(name: &'static str, level: &str) -> Tool {
    let from_old = "--patch-from={old}";
    let (create, apply) = ("--long=27", "--long=31");
    Tool::new(
        name,
        &[
            "zstd", "-q", level, create, from_old, "{new}", "-o", "{patch}",
        ],
        &[
            "zstd", "-q", "-d", apply, from_old, "{patch}", "-o", "{new}",
        ],
    )
}

impl Tool {
    fn new(name: &'static str, create: &[&str], apply: &[&str]) -> Self {
        let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Self {
            name,
            create: owned(create),
            apply: owned(apply),
        }
    }

    /// Makes a patch, applies it, and compares what comes out with `new`, byte by byte.
    pub(super) fn measure(
        &self,
        python: &Path,
        old: &Path,
        new: &Path,
        scratch: &Path,
    ) -> Result<Measured> {
        let (patch, result) = (scratch.join("patch"), scratch.join("result"));
        for left in [&patch, &result] {
            remove(left)?;
        }
        let create = time_and_memory(python, &command(&self.create, old, new, &patch)?)?;
        let apply = time_and_memory(python, &command(&self.apply, old, &result, &patch)?)?;
        let is_same = Command::new("diff")
            .args(["-rq", "--no-dereference"])
            .arg(new)
            .arg(&result)
            .status()?;
        if !is_same.success() {
            bail!("what it gives is not the new file");
        }
        Ok(Measured {
            bytes: fs::metadata(&patch)?.len(),
            create,
            apply,
        })
    }
}

impl fmt::Display for Measured {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let usage = |usage: &Usage| {
            let seconds = usage.processor.as_secs_f64();
            format!("{seconds:.2} s and {}", human_size(usage.peak_memory))
        };
        let (create, apply) = (usage(&self.create), usage(&self.apply));
        write!(
            formatter,
            "{} bytes, made in {create}, applied in {apply}",
            self.bytes
        )
    }
}

fn remove(path: &Path) -> Result<()> {
    if path.is_dir() {
        fs::remove_dir_all(path)?;
    } else if path.exists() {
        fs::remove_file(path)?;
    }
    Ok(())
}

fn command(words: &[String], old: &Path, new: &Path, patch: &Path) -> Result<Command> {
    let [old, new, patch] = [old, new, patch].map(text);
    let mut filled = words.iter().map(|word| {
        word.replace("{old}", &old)
            .replace("{new}", &new)
            .replace("{patch}", &patch)
    });
    let mut command = Command::new(filled.next().context("a tool has a program")?);
    command.args(filled);
    Ok(command)
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn build_bidiff(place: &Path) -> Result<PathBuf> {
    let target = place.join("peers");
    run(cargo()
        .current_dir(workspace_root().join("xtask/peers/bidiff"))
        .args(["build", "--quiet", "--release", "--locked", "--target-dir"])
        .arg(&target))?;
    Ok(target.join(format!(
        "release/bidiff-peer{}",
        std::env::consts::EXE_SUFFIX
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_stand_where_their_names_stood_within_words_too() {
        let words = ["tool", "--from={old}", "{new}", "{patch}"].map(str::to_owned);
        let made =
            command(&words, Path::new("a b"), Path::new("n"), Path::new("p")).expect("a command");
        let arguments: Vec<_> = made.get_args().collect();
        assert_eq!(made.get_program(), "tool");
        assert_eq!(arguments, ["--from=a b", "n", "p"]);
    }
}
