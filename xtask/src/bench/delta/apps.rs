//! Whole apps: one edited line, and dependencies of newer releases, as a directory and as one program.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};

use super::freeze::{self, Frozen};
use super::peers::{Measured, Tool};
use super::report::{Held, add_worst, thousands};
use super::trees::{changed, grow, sizes};
use crate::bench::empty;
use crate::bench::measure::Usage;
use crate::bench::table::{Figure, Table, markdown};
use crate::tools::human_size;

/// Bytes of a patch for one edited line.
const EDITED_LINE: u64 = 3_000;
/// New bytes a second on one core.
const SPEED: f64 = 100e6;
/// CPU seconds for applying a patch to 100 MB of one program.
const PROGRAM: f64 = 3.0;
const LARGE_TREE: u64 = 300_000_000;
const LARGE_TREE_TIME: Duration = Duration::from_secs(10);

/// Two releases of an app.
struct Pair {
    name: &'static str,
    kind: Kind,
    old: PathBuf,
    new: PathBuf,
    /// Size of the patch that a prototype made of such an app.
    reference: Option<u64>,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Directory,
    Program,
    /// A directory of 300 MB, for its time only.
    Large,
}

/// What came of one pair.
pub(super) struct Row {
    pair: Pair,
    size: u64,
    largest: u64,
    changed_files: usize,
    largest_changed: u64,
    ours: Measured,
    /// One patch for each changed file; nothing for the tree that is there for its time.
    bsdiff: Option<Measured>,
}

/// Freezes the apps and measures them.
pub(super) fn measure(
    place: &Path,
    ours: &Tool,
    bsdiff: &Tool,
    python: &Path,
    scratch: &Path,
) -> Result<Vec<Row>> {
    let pairs = pairs(place)?;
    let rows = pairs.into_iter().map(|pair| {
        println!("\n== {}", pair.name);
        let name = pair.name;
        Row::measure(pair, ours, bsdiff, python, scratch).with_context(|| name.to_owned())
    });
    rows.collect()
}

fn pairs(place: &Path) -> Result<Vec<Pair>> {
    let releases = freeze::releases(place)?;
    let first = &releases.first;
    let pair = |name, kind, new: &Frozen, reference| {
        let of = |frozen: &Frozen| match kind {
            Kind::Program => frozen.program.clone(),
            _ => frozen.directory.clone(),
        };
        Pair {
            name,
            kind,
            old: of(first),
            new: of(new),
            reference,
        }
    };
    let (edited, patch_level, minor_level) = (
        &releases.edited,
        &releases.patch_level,
        &releases.minor_level,
    );
    Ok(vec![
        pair(
            "one edited line, directory",
            Kind::Directory,
            edited,
            Some(2_019),
        ),
        pair(
            "one edited line, one program",
            Kind::Program,
            edited,
            Some(1_029),
        ),
        pair(
            "dependencies one patch level up, directory",
            Kind::Directory,
            patch_level,
            Some(464_736),
        ),
        pair(
            "dependencies one patch level up, one program",
            Kind::Program,
            patch_level,
            Some(486_676),
        ),
        pair(
            "dependencies one minor level up, directory",
            Kind::Directory,
            minor_level,
            Some(5_067_797),
        ),
        pair(
            "dependencies one minor level up, one program",
            Kind::Program,
            minor_level,
            None,
        ),
        large_tree(&place.join("large"), first, edited)?,
    ])
}

fn is_empty(file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|found| found.len() == 0)
}

/// The app with one edited line among 300 MB of files.
fn large_tree(place: &Path, first: &Frozen, edited: &Frozen) -> Result<Pair> {
    empty(place)?;
    let (old, new) = (place.join("old"), place.join("new"));
    grow(&first.directory, &old, LARGE_TREE)?;
    grow(&first.directory, &new, LARGE_TREE)?;
    for file in changed(&first.directory, &edited.directory)? {
        let name = file.new.strip_prefix(&edited.directory)?;
        fs::copy(&file.new, new.join(name))?;
    }
    Ok(Pair {
        name: "one edited line among 300 MB",
        kind: Kind::Large,
        old,
        new,
        reference: None,
    })
}

impl Row {
    fn measure(
        pair: Pair,
        ours: &Tool,
        bsdiff: &Tool,
        python: &Path,
        scratch: &Path,
    ) -> Result<Self> {
        let (sizes, changed) = (sizes(&pair.new)?, changed(&pair.old, &pair.new)?);
        let ours = ours.measure(python, &pair.old, &pair.new, scratch)?;
        println!("esky: {ours}");
        // bsdiff reads no empty file, and makes none.
        let nothing = scratch.join("nothing");
        fs::write(&nothing, [0])?;
        let mut theirs = None;
        if pair.kind != Kind::Large {
            for file in changed.iter().filter(|file| file.size > 0) {
                let old = file.old.as_deref().filter(|old| !is_empty(old));
                let old = old.unwrap_or(&nothing);
                let measured = bsdiff.measure(python, old, &file.new, scratch)?;
                theirs = Some(match theirs {
                    Some(sum) => add(sum, measured),
                    None => measured,
                });
            }
        }
        if let Some(theirs) = &theirs {
            println!("bsdiff: {theirs}");
        }
        Ok(Self {
            size: sizes.iter().sum(),
            largest: sizes.into_iter().max().unwrap_or_default(),
            changed_files: changed.len(),
            largest_changed: changed
                .iter()
                .map(|file| file.size)
                .max()
                .unwrap_or_default(),
            ours,
            bsdiff: theirs,
            pair,
        })
    }

    /// New bytes a second on one core.
    fn speed(&self) -> f64 {
        self.size as f64 / self.ours.apply.processor.as_secs_f64()
    }
}

/// One after the other: times add up, memory does not.
fn add(one: Measured, other: Measured) -> Measured {
    let usage = |one: Usage, other: Usage| Usage {
        time: one.time + other.time,
        processor: one.processor + other.processor,
        peak_memory: one.peak_memory.max(other.peak_memory),
    };
    Measured {
        bytes: one.bytes + other.bytes,
        create: usage(one.create, other.create),
        apply: usage(one.apply, other.apply),
    }
}

/// Compares with the limits.
pub(super) fn judge(rows: &[Row], table: &mut Table) {
    for row in rows.iter().filter(|row| row.pair.name.contains("edited")) {
        table.add(Figure::size(row.pair.name, row.ours.bytes, EDITED_LINE));
    }
    let held = rows.iter().filter_map(|row| {
        Some(Held::processor(
            &row.ours,
            row.bsdiff.as_ref()?,
            row.pair.name,
        ))
    });
    add_worst(
        table,
        "CPU time of making an app's patch against bsdiff's, worst pair",
        held,
    );
    let held = rows
        .iter()
        .map(|row| Held::memory_of_making(&row.ours, row.largest, row.pair.name));
    add_worst(table, "memory of making an app's patch, worst pair", held);
    let held = rows
        .iter()
        .map(|row| Held::memory_of_applying(&row.ours, row.largest_changed, row.pair.name));
    add_worst(table, "memory of applying an app's patch, worst pair", held);
    for row in rows.iter().filter(|row| row.pair.kind == Kind::Large) {
        judge_time(row, table);
    }
    judge_speed(rows, table);
}

fn judge_time(row: &Row, table: &mut Table) {
    let time = row.ours.create.time;
    table.add(Figure::new(
        "time of making a patch for one edited line among 300 MB",
        format!("{:.1} s", time.as_secs_f64()),
        format!("<= {} s", LARGE_TREE_TIME.as_secs()),
        time <= LARGE_TREE_TIME,
    ));
}

fn judge_speed(rows: &[Row], table: &mut Table) {
    let slowest = rows
        .iter()
        .min_by(|one, other| one.speed().total_cmp(&other.speed()));
    if let Some(row) = slowest {
        table.add(Figure::new(
            "speed of applying an app's patch on one core, worst pair",
            format!("{:.0} MB/s ({})", row.speed() / 1e6, row.pair.name),
            format!(">= {:.0} MB/s", SPEED / 1e6),
            row.speed() >= SPEED,
        ));
    }
    let programs = rows.iter().filter(|row| row.pair.kind == Kind::Program);
    let held = programs.map(|row| {
        let seconds = 100e6 / row.speed();
        Held::new(
            seconds / PROGRAM,
            format!("{seconds:.2} s ({})", row.pair.name),
            format!("{PROGRAM} s"),
        )
    });
    add_worst(
        table,
        "CPU time of patching 100 MB of one program, worst pair",
        held,
    );
}

/// The part of the page about apps.
pub(super) fn section(rows: &[Row]) -> String {
    let head = [
        "app",
        "size",
        "changed files",
        "the largest",
        "esky",
        "bsdiff",
        "ratio",
        "reference",
        "esky makes it in",
        "bsdiff",
        "esky applies it in",
        "bsdiff",
        "MB/s",
    ];
    let usage = |usage: &Usage| {
        let megabytes = usage.peak_memory as f64 / 1e6;
        format!("{:.2} s, {megabytes:.0}", usage.processor.as_secs_f64())
    };
    let dash = || "-".to_owned();
    let cells = rows.iter().map(|row| {
        let (ours, theirs) = (&row.ours, row.bsdiff.as_ref());
        let of_theirs = |show: &dyn Fn(&Measured) -> String| theirs.map_or_else(dash, show);
        vec![
            row.pair.name.to_owned(),
            human_size(row.size),
            row.changed_files.to_string(),
            human_size(row.largest_changed),
            thousands(ours.bytes),
            of_theirs(&|theirs| thousands(theirs.bytes)),
            of_theirs(&|theirs| format!("{:.3}x", ours.bytes as f64 / theirs.bytes as f64)),
            row.pair.reference.map_or_else(dash, thousands),
            usage(&ours.create),
            of_theirs(&|theirs| usage(&theirs.create)),
            usage(&ours.apply),
            of_theirs(&|theirs| usage(&theirs.apply)),
            format!("{:.0}", row.speed() / 1e6),
        ]
    });
    format!(
        "## Whole apps\n\n\
        An app with PySide6-Essentials, numpy, pandas, pillow, requests, cryptography and pydantic, frozen by PyInstaller into \
        a directory and into one program. bsdiff makes one patch for each changed file. *Reference* is what the prototype \
        needed for such an app, with other versions of its dependencies. Seconds are CPU seconds, memory is in MB; MB/s are \
        bytes of the whole new app through the CPU seconds of `esky patch`, which copies and verifies what did not change.\n\n{}\n",
        markdown(&head, cells)
    )
}
