//! The table of what was run: on the terminal, and in docs/freezers.md.

use std::fmt::Write;
use std::fs;

use anyhow::{Context, Result};

use super::{Ending, Row};
use crate::tools::{human_size, workspace_root};

const HEAD: &str = "\
# What was run with each freezer

Written by `cargo xtask freezers`, which freezes a small app twice (1.0 and 1.1), packs and signs both, installs 1.0 from its zip and
starts it, has it update from a local server to 1.1, and starts that. A row says what was run, on this one machine and with these
versions; what could not be run says why. How each freezer is recognised and what esky does for it:
[design/freezers.md](design/freezers.md).

`update` is what the app fetched for 1.1, metadata included.

";

/// Shows each row on a line.
pub(crate) fn print(endings: &[(Row, Ending)]) {
    println!();
    for (row, ending) in endings {
        let told = match ending {
            Ending::Passed(passed) => format!("passed   {}", passed.versions),
            Ending::Failed(why) => format!("FAILED   {}", last_line(why)),
            Ending::NotRun(why) => format!("NOT RUN  {why}"),
        };
        println!("{:22} {:8} {told}", row.freezer, row.platform);
    }
}

/// Writes docs/freezers.md: the rows that are in `endings` anew, the others as they stand there.
pub(crate) fn write(all: &[Row], endings: &[(Row, Ending)]) -> Result<()> {
    let path = workspace_root().join("docs/freezers.md");
    let before = fs::read_to_string(&path).unwrap_or_default();
    let mut text = HEAD.to_owned();
    text += "| freezer | platform | versions | recognised as | what was run | package | update | result |\n";
    text += "|---|---|---|---|---|---|---|---|\n";
    for row in all {
        let ending = endings.iter().find(|(ended, _)| ended.slug() == row.slug());
        let start = format!("| {} | {} |", row.freezer, row.platform);
        let kept = before.lines().find(|line| line.starts_with(&start));
        match (ending, kept) {
            (Some((_, ending)), _) => writeln!(text, "{start} {} |", cells(ending))?,
            (None, Some(line)) => writeln!(text, "{line}")?,
            (None, None) => {
                let never = Ending::NotRun("never run yet".to_owned());
                writeln!(text, "{start} {} |", cells(&never))?;
            }
        }
    }
    fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
}

fn cells(ending: &Ending) -> String {
    match ending {
        Ending::Passed(passed) => format!(
            "{} | {} | {} | {} | {} | passed",
            passed.versions,
            passed.recognised,
            passed.ran,
            human_size(passed.package),
            human_size(passed.fetched)
        ),
        Ending::Failed(why) => format!("| | | | | **failed**: {}", cell(last_line(why))),
        Ending::NotRun(why) => format!("| | | | | **not run**: {}", cell(why)),
    }
}

/// Where programs say what went wrong.
fn last_line(text: &str) -> &str {
    text.trim_end().lines().last().unwrap_or_default()
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
