//! Rules for every file of the project, as git lists them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::tools::{output, workspace_root};

const LONGEST: usize = 500;
/// Pages with a table whose last column names tests, its heading, and how many at least. Fewer would mean that the table is not
/// read as it is written.
const TABLES: [(&str, &str, usize); 2] = [
    ("docs/design/trust.md", "## Threats", 40),
    ("docs/design/legacy.md", "## Faults of the original", 17),
];

/// Fails with every source file that is too long.
pub(crate) fn check_lengths() -> Result<()> {
    let mut faults = Vec::new();
    for path in files()?.iter().filter(|path| is_source(path)) {
        let lines = read(path)?.iter().filter(|byte| **byte == b'\n').count();
        if lines > LONGEST {
            faults.push(format!("{}: {lines} lines", path.display()));
        }
    }
    report(faults)
}

/// Fails with every file that names a directory which exists on one machine only.
pub(crate) fn check_machine_paths() -> Result<()> {
    let places = machine_places();
    let mut faults = Vec::new();
    for path in files()? {
        let content = read(&path)?;
        for (number, line) in content.split(|byte| *byte == b'\n').enumerate() {
            if let Some(place) = named_place(line, &places) {
                faults.push(format!("{}:{}: names {place}", path.display(), number + 1));
            }
        }
    }
    report(faults)
}

/// Fails with every test that a page names for a threat or a fault and that does not exist: without one nothing is stopped.
pub(crate) fn check_threats() -> Result<()> {
    let mut sources = String::new();
    for path in files()?.iter().filter(|path| is_source(path)) {
        sources.push_str(&String::from_utf8_lossy(&read(path)?));
    }
    let mut faults = Vec::new();
    for (path, heading, fewest) in TABLES {
        let page = fs::read_to_string(workspace_root().join(path))
            .with_context(|| format!("cannot read {path}"))?;
        let named = tests_named(&page, heading);
        if named.len() < fewest {
            bail!("{path} names {} tests only", named.len());
        }
        let is_missing = |name: &&str| {
            let forms = [format!("fn {name}()"), format!("def {name}(")];
            !forms.iter().any(|form| sources.contains(form))
        };
        let missing = named.into_iter().filter(is_missing);
        faults.extend(missing.map(|name| format!("{path} names {name}, which is no test")));
    }
    report(faults)
}

/// The names in the last column of a table.
fn tests_named<'a>(page: &'a str, heading: &str) -> Vec<&'a str> {
    let table = page.split_once(heading).map_or("", |(_, rest)| rest);
    let table = table.split("\n## ").next().unwrap_or_default();
    let rows = table
        .lines()
        .filter_map(|line| line.strip_suffix(" |")?.rsplit_once(" | "));
    rows.flat_map(|(_, tests)| tests.split('`'))
        .filter(|name| name.contains('_'))
        .collect()
}

fn report(faults: Vec<String>) -> Result<()> {
    if !faults.is_empty() {
        bail!("\n  {}", faults.join("\n  "));
    }
    Ok(())
}

/// What is committed and what would be: files that git ignores do not count.
fn files() -> Result<Vec<PathBuf>> {
    let list = output(Command::new("git").current_dir(workspace_root()).args([
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
        "--deduplicate",
    ]))
    .context("the project's files are listed by git")?;
    let names = list.split('\0').filter(|name| !name.is_empty());
    let paths = names.map(PathBuf::from);
    Ok(paths
        .filter(|path| workspace_root().join(path).is_file())
        .collect())
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(workspace_root().join(path)).with_context(|| format!("cannot read {}", path.display()))
}

fn is_source(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    matches!(extension, Some("rs" | "py" | "pyi"))
}

/// This checkout, this person's home, and the usual homes of others. Spelt so that this file does not name them.
fn machine_places() -> Vec<String> {
    let mut places: Vec<String> = ["work", "root", "home/runner", "opt/wheels"]
        .iter()
        .map(|place| format!("/{place}/"))
        .collect();
    let home = std::env::var("HOME").unwrap_or_default();
    for directory in [workspace_root().to_string_lossy().into_owned(), home] {
        if directory.len() > 1 {
            places.push(format!("{}/", directory.trim_end_matches('/')));
        }
    }
    places
}

/// A place counts only as the beginning of a path: not as the middle of a longer one.
fn named_place<'a>(line: &[u8], places: &'a [String]) -> Option<&'a str> {
    let begins_path = |at: usize| {
        at == 0
            || !matches!(line[at - 1], b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' | b'.' | b'}' | b')')
    };
    let is_named = |place: &&String| {
        let place = place.as_bytes();
        line.windows(place.len())
            .enumerate()
            .any(|(at, window)| window == place && begins_path(at))
    };
    places.iter().find(is_named).map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_found_only_where_a_path_begins() {
        let places = ["/somebody/".to_owned()];
        assert!(named_place(b"see /somebody/notes", &places).is_some());
        assert!(named_place(b"\"/somebody/notes\"", &places).is_some());
        assert!(named_place(b"see docs/somebody/notes", &places).is_none());
        assert!(named_place(b"see /somebody", &places).is_none());
    }

    #[test]
    fn only_sources_are_measured() {
        assert!(is_source(Path::new("a/b.rs")));
        assert!(is_source(Path::new("a/b.pyi")));
        assert!(!is_source(Path::new("Cargo.lock")));
    }

    #[test]
    fn the_tests_of_a_threat_are_read_from_its_row() {
        let page = "`no_test`\n## Threats\n\n| a | b | `one_test` `another_test` |\n\n## After\n| a | b | `late_test` |\n";
        assert_eq!(
            tests_named(page, "## Threats"),
            ["one_test", "another_test"]
        );
    }
}
