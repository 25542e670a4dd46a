//! Sizes of the files that users get. `cargo xtask test` compares them with their limits and with docs/benchmarks.md, because a
//! page that is measured by hand only says some day what was true once.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::table::Figure;
use crate::tools::{build_bootstrap, build_wheel, human_size, workspace_root};

const PAGE: &str = "docs/benchmarks.md";
/// Compilers and systems differ a little, and not every change needs a new page.
const TOLERANCE: f64 = 0.2;

/// A file that users get.
#[derive(Clone, Copy)]
pub(super) struct Shipped {
    what: &'static str,
    limit: u64,
}

pub(super) const BOOTSTRAP: Shipped = Shipped {
    what: "bootstrap",
    limit: 350 * 1024,
};
pub(super) const WHEEL: Shipped = Shipped {
    what: "wheel",
    limit: 4 * 1024 * 1024,
};

impl Shipped {
    pub(super) fn figure(self, path: &Path) -> Result<Figure> {
        Ok(Figure::size(self.what, size_of(path)?, self.limit))
    }
}

/// Fails if a file is over its limit, or the page says something else of it.
pub(crate) fn check(bootstrap: &Path, wheel: &Path) -> Result<()> {
    let page = fs::read_to_string(page_path())?;
    for (shipped, path) in [(BOOTSTRAP, bootstrap), (WHEEL, wheel)] {
        let (what, size) = (shipped.what, size_of(path)?);
        let (shown, limit) = (human_size(size), human_size(shipped.limit));
        ensure!(
            size <= shipped.limit,
            "the {what} has {shown}, and {limit} are allowed"
        );
        let said = cell(&page, what)
            .with_context(|| format!("{PAGE} does not tell the size of the {what}"))?;
        ensure!(
            is_near(said, size),
            "the {what} has {shown}, and {PAGE} says {said}: `cargo xtask bench sizes` writes it anew"
        );
    }
    Ok(())
}

/// Measures them and puts the figures into the page; the others stay.
pub(crate) fn write() -> Result<()> {
    let (bootstrap, wheel) = (build_bootstrap()?, build_wheel()?);
    let mut page = fs::read_to_string(page_path())?;
    for (shipped, path) in [(BOOTSTRAP, bootstrap), (WHEEL, wheel)] {
        let (what, size) = (shipped.what, human_size(size_of(&path)?));
        page = with_cell(&page, what, &size)
            .with_context(|| format!("{PAGE} has no row for the {what}"))?;
        println!("{what}: {size}");
    }
    Ok(fs::write(page_path(), page)?)
}

fn page_path() -> PathBuf {
    workspace_root().join(PAGE)
}

fn size_of(path: &Path) -> Result<u64> {
    Ok(fs::metadata(path)?.len())
}

/// What the page says in the row of a figure.
fn cell<'a>(page: &'a str, what: &str) -> Option<&'a str> {
    let mut cells = page.lines().map(|line| line.split('|').map(str::trim));
    cells.find_map(|mut cells| (cells.nth(1)? == what).then(|| cells.next())?)
}

/// The page with something else in that row, as wide as before.
fn with_cell(page: &str, what: &str, size: &str) -> Option<String> {
    let old = cell(page, what)?;
    let row = page
        .lines()
        .find(|line| line.starts_with(&format!("| {what} ")))?;
    let padded = format!("{size:width$}", width = old.len());
    let kept = format!("{old:width$}", width = padded.len());
    Some(page.replace(row, &row.replacen(&kept, &padded, 1)))
}

fn is_near(said: &str, size: u64) -> bool {
    let Some((number, unit)) = said.split_once(' ') else {
        return false;
    };
    let unit = match unit {
        "bytes" => 1.0,
        "KB" => 1e3,
        "MB" => 1e6,
        _ => return false,
    };
    let size = size as f64;
    number
        .parse::<f64>()
        .is_ok_and(|number| (number * unit - size).abs() <= size * TOLERANCE)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
| figure    | measured  | limit        |
| bootstrap | 87.4 KB   | <= 358.4 KB  |
| wheel     | 2229.1 KB | <= 4194.3 KB |
";

    #[test]
    fn a_page_that_tells_an_older_size_is_noticed() {
        assert_eq!(cell(TABLE, "wheel"), Some("2229.1 KB"));
        assert_eq!(cell(TABLE, "whee"), None);
        assert!(is_near("2229.1 KB", 2_300_000));
        assert!(!is_near("2229.1 KB", 3_607_000));
        assert!(!is_near("none", 0) && !is_near("1 mile", 1));
    }

    #[test]
    fn a_new_size_takes_the_place_of_the_old_one() {
        for size in ["3607.2 KB", "9 bytes", "12345.6 MB"] {
            let page = with_cell(TABLE, "wheel", size).unwrap();
            assert_eq!(cell(&page, "wheel"), Some(size), "{page}");
            assert_eq!(cell(&page, "bootstrap"), Some("87.4 KB"));
        }
        assert_eq!(with_cell(TABLE, "whee", "1 KB"), None);
    }
}
