//! The page docs/bench-delta.md, and what the figures are held against.

use super::Row;
use super::peers::{BSDIFF, Measured, Tool};
use crate::bench::measure::Usage;
use crate::bench::table::{Figure, Table, markdown};
use crate::tools::human_size;

/// Our bytes through those of the best other tool, as the geometric mean.
const TO_BEST_OTHER: f64 = 0.35;
/// Our bytes through those of the reference, on the worst pair.
const TO_REFERENCE: f64 = 1.05;
const MIB: u64 = 1 << 20;

/// Compares with the limits.
pub(super) fn judge(rows: &[Row], tools: &[Tool], table: &mut Table) {
    let failed = rows.iter().filter(|row| row.ours().is_none()).count();
    table.add(Figure::new(
        "pairs whose new file our patch does not give",
        failed.to_string(),
        "0".to_owned(),
        failed == 0,
    ));
    judge_bytes(rows, table);
    judge_processor(rows, tools, table);
    judge_memory(rows, table);
}

fn judge_bytes(rows: &[Row], table: &mut Table) {
    let mean = mean_to_best_other(rows);
    table.add(Figure::new(
        "our bytes against the best other tool's, geometric mean",
        format!("{mean:.3}x"),
        format!("<= {TO_BEST_OTHER}x"),
        mean <= TO_BEST_OTHER,
    ));
    let ratios = || {
        rows.iter().filter_map(|row| {
            let ratio = row.ours()?.bytes as f64 / row.pair.reference as f64;
            Some((ratio, row.pair.name))
        })
    };
    add_worst(
        table,
        "our bytes against the reference, worst pair",
        ratios().map(|(ratio, name)| Held::ratio(ratio, TO_REFERENCE, name)),
    );
    let below = ratios().filter(|(ratio, _)| *ratio < 1.0).count();
    table.add(Figure::new(
        "pairs below the reference",
        format!("{below} of {}", rows.len()),
        "most".to_owned(),
        2 * below > rows.len(),
    ));
}

fn judge_processor(rows: &[Row], tools: &[Tool], table: &mut Table) {
    let bsdiff = tools.iter().position(|tool| tool.name == BSDIFF);
    let held = rows.iter().filter_map(|row| {
        let theirs = row.results.get(bsdiff?)?.as_ref()?;
        Some(Held::processor(row.ours()?, theirs, row.pair.name))
    });
    add_worst(
        table,
        "CPU time of making a patch against bsdiff's, worst pair",
        held,
    );
}

fn judge_memory(rows: &[Row], table: &mut Table) {
    let sizes = |row: &Row| (row.pair.larger(), row.pair.name);
    let create = rows.iter().filter_map(|row| {
        let (size, name) = sizes(row);
        Some(Held::memory_of_making(row.ours()?, size, name))
    });
    add_worst(table, "memory of making a patch, worst pair", create);
    let apply = rows.iter().filter_map(|row| {
        let (size, name) = sizes(row);
        Some(Held::memory_of_applying(row.ours()?, size, name))
    });
    add_worst(table, "memory of applying a patch, worst pair", apply);
}

/// One measured value beside its limit.
pub(super) struct Held {
    /// Of the limit; up to 1 is well.
    share: f64,
    measured: String,
    limit: String,
}

impl Held {
    /// A ratio.
    fn ratio(ratio: f64, limit: f64, name: &str) -> Self {
        Self::new(
            ratio / limit,
            format!("{ratio:.2}x ({name})"),
            format!("{limit}x"),
        )
    }

    /// Anything, as a share of what is allowed.
    pub(super) fn new(share: f64, measured: String, limit: String) -> Self {
        Self {
            share,
            measured,
            limit: format!("<= {limit}"),
        }
    }

    /// The CPU time of making a patch against another tool's.
    pub(super) fn processor(ours: &Measured, theirs: &Measured, name: &str) -> Self {
        let [ours, theirs] = [ours, theirs].map(|measured| measured.create.processor.as_secs_f64());
        Self::ratio(ours / theirs, 1.0, name)
    }

    /// Memory of making a patch of files of which the largest has `largest` bytes.
    pub(super) fn memory_of_making(ours: &Measured, largest: u64, name: &str) -> Self {
        let limit = 12 * largest + 64 * MIB;
        Self::memory(
            ours.create.peak_memory,
            limit,
            "12 times the file and 64 MiB",
            name,
        )
    }

    /// Memory of applying a patch that changes files of which the largest has `largest` bytes.
    pub(super) fn memory_of_applying(ours: &Measured, largest: u64, name: &str) -> Self {
        let limit = (96 * MIB).max(2 * largest);
        Self::memory(
            ours.apply.peak_memory,
            limit,
            "96 MiB or twice the file",
            name,
        )
    }

    fn memory(used: u64, limit: u64, words: &str, name: &str) -> Self {
        let share = used as f64 / limit as f64;
        let (used, limit) = (human_size(used), human_size(limit));
        Self::new(
            share,
            format!("{used} ({name})"),
            format!("{limit}, {words}"),
        )
    }
}

/// Adds the one that comes closest to its limit, or goes furthest above it.
pub(super) fn add_worst(table: &mut Table, what: &str, held: impl Iterator<Item = Held>) {
    if let Some(worst) = held.max_by(|one, other| one.share.total_cmp(&other.share)) {
        table.add(Figure::new(
            what,
            worst.measured,
            worst.limit,
            worst.share <= 1.0,
        ));
    }
}

fn mean_to_best_other(rows: &[Row]) -> f64 {
    let ratio = |row: &Row| Some(row.ours()?.bytes as f64 / row.best_other()? as f64);
    geometric_mean(&rows.iter().filter_map(ratio).collect::<Vec<f64>>())
}

fn geometric_mean(ratios: &[f64]) -> f64 {
    let sum: f64 = ratios.iter().map(|ratio| ratio.ln()).sum();
    (sum / ratios.len() as f64).exp()
}

/// The whole page.
pub(super) fn page(
    rows: &[Row],
    tools: &[Tool],
    missing: &[String],
    apps: &str,
    table: &Table,
) -> String {
    let gone: String = missing
        .iter()
        .map(|name| format!("Not to be had in this run: {name}.\n\n"))
        .collect();
    format!(
        "# Patches compared\n\n\
        Written by `cargo xtask bench delta`, all of it in one run.\n\n\
        Measured on: {}.\n\n\
        ![Sizes of patches](bench-delta.svg)\n\n\
        {}\n{gone}\
        ## Bytes\n\n\
        Patches between two releases of one file, as people get them from package registries. *Reference* is what an \
        early prototype of esky's patches needed for the same releases. A tool *failed* if what its patch gives was not \
        the new file, byte by byte.\n\n{}\n\
        ## Making a patch\n\n\
        CPU seconds of all threads, and peak memory in MB.\n\n{}\n\
        ## Applying it\n\n{}\n{apps}\
        ## The tools\n\n\
        bsdiff and xdelta3 (`-9 -S lzma`) are Debian's, zstd ran with `--patch-from` and `--long`, HDiffPatch is the module \
        `hdiffpatch` with lzma2 at its best (within Python, whose start is counted), bidiff is the crate, packed by zstd at \
        level 19. esky is the command as released; what it does includes applying the patch once before it is written. \
        Memory is never below 10 MB, which is what measuring takes. How it is measured is told in `xtask/src/bench/delta/`.\n",
        table.setting(),
        table.text(),
        bytes(rows, tools),
        usage(rows, tools, |measured| &measured.create),
        usage(rows, tools, |measured| &measured.apply),
    )
}

fn bytes(rows: &[Row], tools: &[Tool]) -> String {
    let mut head = vec!["pair", "from", "new file"];
    head.extend(tools.iter().map(|tool| tool.name));
    head.extend(["to the best other", "reference", "to the reference"]);
    let ratio = |ours: Option<u64>, other: Option<u64>| {
        let ratio = ours
            .zip(other)
            .map(|(ours, other)| ours as f64 / other as f64);
        ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}x"))
    };
    let cells = rows.iter().map(|row| {
        let ours = row.ours().map(|measured| measured.bytes);
        let mut cells = vec![
            row.pair.name.to_owned(),
            row.pair.from.to_owned(),
            thousands(row.pair.larger()),
        ];
        cells.extend(
            row.results
                .iter()
                .map(|result| of(result, |measured| thousands(measured.bytes))),
        );
        cells.push(ratio(ours, row.best_other()));
        cells.push(thousands(row.pair.reference));
        cells.push(ratio(ours, Some(row.pair.reference)));
        cells
    });
    markdown(&head, cells)
}

fn usage(rows: &[Row], tools: &[Tool], which: fn(&Measured) -> &Usage) -> String {
    let mut head = vec!["pair"];
    head.extend(tools.iter().map(|tool| tool.name));
    let shown = |measured: &Measured| {
        let usage = which(measured);
        let megabytes = usage.peak_memory as f64 / 1e6;
        format!("{:.2} s, {megabytes:.0}", usage.processor.as_secs_f64())
    };
    let cells = rows.iter().map(|row| {
        let mut cells = vec![row.pair.name.to_owned()];
        cells.extend(row.results.iter().map(|result| of(result, shown)));
        cells
    });
    markdown(&head, cells)
}

fn of(result: &Option<Measured>, show: impl Fn(&Measured) -> String) -> String {
    result.as_ref().map_or_else(|| "failed".to_owned(), show)
}

/// 1234567 as 1,234,567.
pub(super) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut shown = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_three() {
        let shown = [0, 999, 1000, 1_234_567].map(thousands);
        assert_eq!(shown, ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn twice_and_half_are_one_on_average() {
        assert!((geometric_mean(&[2.0, 0.5]) - 1.0).abs() < 1e-12);
    }
}
