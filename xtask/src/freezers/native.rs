//! Directories that no freezer made: a C and a Rust program, updated from outside.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::Row;
use super::story::{Host, Made, Passed, Terms, Updater, play};
use super::workshop::{Workshop, write_app};
use crate::tools::{is_on_path, output};

/// A compiler and what it compiles.
#[derive(Clone, Copy)]
struct Language {
    row: &'static str,
    compiler: &'static str,
    options: &'static [&'static str],
    file: &'static str,
    source: &'static str,
}

const C: Language = Language {
    row: "any directory (C)",
    compiler: "cc",
    options: &["-O1"],
    file: "hello.c",
    source: include_str!("apps/hello.c"),
};
const RUST: Language = Language {
    row: "any directory (Rust)",
    compiler: "rustc",
    options: &["-O"],
    file: "hello.rs",
    source: include_str!("apps/hello.rs"),
};

/// One row for each language.
pub(crate) fn rows() -> Vec<Row> {
    [C, RUST]
        .map(|language| {
            let compiler = language.compiler;
            let obstacle =
                (!is_on_path(compiler)).then(|| format!("there is no compiler `{compiler}`"));
            Row::new(
                language.row,
                std::env::consts::OS,
                obstacle,
                move |workshop, place| run(workshop, place, language),
            )
        })
        .into()
}

fn run(workshop: &Workshop, place: &Path, language: Language) -> Result<Passed> {
    let told = output(Command::new(language.compiler).arg("--version"))?;
    let terms = Terms {
        updater: Updater::Command,
        has_links: false,
        host: Host::EskyServe,
        program: "hello",
        freezer: None,
        bootstrap: &workshop.bootstrap,
        wine: None,
        versions: told.lines().next().unwrap_or_default().to_owned(),
    };
    play(workshop, place, terms, &|version| {
        let source = place.join("sources").join(version).join(language.file);
        write_app(language.source, version, &source)?;
        let path = place.join("frozen").join(version);
        fs::create_dir_all(&path)?;
        let mut command = Command::new(language.compiler);
        command.args(language.options).arg(&source);
        output(command.arg("-o").arg(path.join("hello")))?;
        Ok(Made {
            path,
            programs: Vec::new(),
        })
    })
}
