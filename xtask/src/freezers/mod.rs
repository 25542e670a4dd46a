//! Every freezer, shown by a run: freeze, pack, release, install, update from 1.0 to 1.1, start. The table of it is
//! docs/freezers.md.

mod bbfreeze;
mod bdist;
mod native;
mod person;
mod story;
mod table;
mod windows;
mod workshop;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::report::{Group, Report};
use crate::tools::Built;
use story::Passed;
pub(crate) use workshop::Workshop;

/// The app before and after its update.
const OLD: &str = "1.0";
const NEW: &str = "1.1";
/// What two instances update to at the same time.
const NEWEST: &str = "1.2";

/// What a row does in its directory.
type Play = Box<dyn Fn(&Workshop, &Path) -> Result<Passed>>;

/// One row of the table.
struct Row {
    freezer: &'static str,
    platform: &'static str,
    /// Why it cannot run on this machine, if so.
    obstacle: Option<String>,
    run: Play,
}

impl Row {
    /// A row that runs if nothing is in the way.
    fn new(
        freezer: &'static str,
        platform: &'static str,
        obstacle: Option<String>,
        run: impl Fn(&Workshop, &Path) -> Result<Passed> + 'static,
    ) -> Self {
        Self {
            freezer,
            platform,
            obstacle,
            run: Box::new(run),
        }
    }

    /// The name of its directory, and what `--only` takes.
    fn slug(&self) -> String {
        format!("{} {}", self.freezer, self.platform)
            .to_lowercase()
            .replace(|sign: char| !sign.is_alphanumeric(), "-")
    }
}

/// How a row ended.
enum Ending {
    Passed(Passed),
    Failed(String),
    NotRun(String),
}

/// Runs all rows, or those whose slug contains a word given with `--only`; the table keeps what it says of the others.
pub(crate) fn main(arguments: &[String]) -> Result<ExitCode> {
    let only = match arguments {
        [] => None,
        [flag, word] if flag == "--only" => Some(word.to_lowercase()),
        _ => bail!("usage: cargo xtask freezers [--only WORD]"),
    };
    let mut rows = rows();
    rows.retain(|row| only.as_ref().is_none_or(|word| row.slug().contains(word)));
    if rows.is_empty() {
        bail!("no row fits; these are: {}", slugs());
    }
    let workshop = Workshop::set_up()?;
    let mut group = Group::new("freezers");
    let endings: Vec<(Row, Ending)> = rows
        .into_iter()
        .map(|row| {
            let ending = run(&row, &workshop, &mut group);
            (row, ending)
        })
        .collect();
    table::print(&endings);
    table::write(&self::rows(), &endings)?;
    let mut report = Report::default();
    report.add(group);
    Ok(report.close())
}

/// The apps that are like people's apps: with large libraries, symbolic links and nginx. A part of `cargo xtask test`.
pub(crate) fn apps_with_libraries(built: &Built) -> Group {
    let mut group = Group::new("Apps with libraries");
    let mut workshop = None;
    group.step("the developer's tools", || {
        workshop = Some(Workshop::with(built)?);
        Ok(())
    });
    if let Some(workshop) = workshop {
        for row in bdist::rows_with_libraries() {
            run(&row, &workshop, &mut group);
        }
    }
    group
}

fn slugs() -> String {
    let slugs: Vec<String> = rows().iter().map(Row::slug).collect();
    slugs.join(", ")
}

fn rows() -> Vec<Row> {
    let mut rows = bdist::rows();
    rows.extend(bdist::rows_with_libraries());
    rows.push(bbfreeze::row());
    rows.extend(native::rows());
    rows.extend(windows::rows());
    rows.push(Row::new(
        "py2app",
        "macOS",
        Some(
            "nothing here runs on macOS: UNPROVEN, written against the documented layout and tested on a made-up bundle"
                .to_owned(),
        ),
        |_, _| bail!("there is no macOS here"),
    ));
    rows
}

fn run(row: &Row, workshop: &Workshop, group: &mut Group) -> Ending {
    let what = format!("{} on {}", row.freezer, row.platform);
    if let Some(why) = &row.obstacle {
        group.skip(&what, why);
        return Ending::NotRun(why.clone());
    }
    let mut ending = None;
    group.step(&what, || {
        let place = workshop.place(&row.slug())?;
        match (row.run)(workshop, &place) {
            Ok(passed) => ending = Some(Ending::Passed(passed)),
            Err(error) => {
                ending = Some(Ending::Failed(format!("{error:#}")));
                return Err(error);
            }
        }
        Ok(())
    });
    ending.unwrap_or_else(|| Ending::Failed("its directory could not be made".to_owned()))
}
