//! The picture of the sizes: for each pair a group of bars, the longest of which is as long in every group.

use std::fmt::Write;

use super::Row;
use super::peers::{OURS, Tool};
use crate::tools::human_size;

/// Its patches are several times larger than the others': the table has them, in the picture they would dwarf the rest.
const LEFT_OUT: &str = "zstd -3";
const COLUMNS: usize = 2;
const COLUMN: f64 = 460.0;
const LABELS: f64 = 84.0;
const BAR: f64 = 15.0;
const GAP: f64 = 3.0;
const HEADING: f64 = 22.0;
const BETWEEN: f64 = 22.0;
const TOP: f64 = 58.0;
/// The longest bar of each group.
const LONGEST: f64 = 290.0;

const STYLE: &str = "\
text { font: 12px system-ui, sans-serif; fill: #444 } \
.title { font-size: 16px; font-weight: 600; fill: #111 } \
.pair { font-weight: 600; fill: #111 } \
.tool { text-anchor: end } \
.ours { fill: #0b7a5c; font-weight: 600 } \
.other { fill: #b9bec6 } \
.page { fill: #fff } \
@media (prefers-color-scheme: dark) { \
text { fill: #b8bcc4 } .title, .pair { fill: #eee } .ours { fill: #35c79a } .other { fill: #565c66 } .page { fill: #14161a } }";

/// Draws it.
pub(super) fn draw(rows: &[Row], tools: &[Tool]) -> String {
    let shown = tools.iter().filter(|tool| tool.name != LEFT_OUT).count();
    let group = HEADING + shown as f64 * (BAR + GAP) + BETWEEN;
    let lines = rows.len().div_ceil(COLUMNS);
    let (width, height) = (COLUMN * COLUMNS as f64 + 20.0, TOP + lines as f64 * group);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\">\n\
        <title>Sizes of patches</title>\n<style>{STYLE}</style>\n\
        <rect class=\"page\" width=\"{width}\" height=\"{height}\"/>\n\
        <text class=\"title\" x=\"20\" y=\"26\">Sizes of patches between two releases</text>\n\
        <text x=\"20\" y=\"44\">shorter is better; each group has a scale of its own</text>\n"
    );
    for (place, row) in rows.iter().enumerate() {
        let left = 20.0 + (place / lines) as f64 * COLUMN;
        let top = TOP + (place % lines) as f64 * group;
        draw_group(&mut svg, row, tools, left, top);
    }
    svg.push_str("</svg>\n");
    svg
}

fn draw_group(svg: &mut String, row: &Row, tools: &[Tool], left: f64, top: f64) {
    let baseline = top + 14.0;
    let name = row.pair.name;
    let _ = writeln!(
        svg,
        "<text class=\"pair\" x=\"{left}\" y=\"{baseline}\">{name}</text>"
    );
    let bars: Vec<(&str, Option<u64>)> = tools
        .iter()
        .zip(&row.results)
        .filter(|(tool, _)| tool.name != LEFT_OUT)
        .map(|(tool, result)| (tool.name, result.as_ref().map(|measured| measured.bytes)))
        .collect();
    let longest = bars.iter().filter_map(|(_, bytes)| *bytes).max();
    let scale = LONGEST / longest.unwrap_or(1) as f64;
    for (place, (name, bytes)) in bars.into_iter().enumerate() {
        let y = top + HEADING + place as f64 * (BAR + GAP);
        draw_bar(svg, name, bytes.map(|bytes| (bytes, scale)), left, y);
    }
}

fn draw_bar(svg: &mut String, name: &str, size: Option<(u64, f64)>, left: f64, y: f64) {
    let class = if name == OURS { "ours" } else { "other" };
    let start = left + LABELS;
    let baseline = y + 12.0;
    let end = start - 6.0;
    let _ = writeln!(
        svg,
        "<text class=\"tool\" x=\"{end}\" y=\"{baseline}\">{name}</text>"
    );
    let (length, label) = match size {
        Some((bytes, scale)) => (bytes as f64 * scale, human_size(bytes)),
        None => (0.0, "failed".to_owned()),
    };
    let after = start + length + 6.0;
    let _ = writeln!(
        svg,
        "<rect class=\"{class}\" x=\"{start}\" y=\"{y}\" width=\"{length:.1}\" height=\"{BAR}\" rx=\"2\"/>\
        <text x=\"{after:.1}\" y=\"{baseline}\">{label}</text>"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_long_as_their_sizes_and_a_failure_has_none() {
        let mut svg = String::new();
        draw_bar(&mut svg, OURS, Some((50, 2.0)), 0.0, 0.0);
        assert!(svg.contains("class=\"ours\""));
        assert!(svg.contains("width=\"100.0\""));
        draw_bar(&mut svg, "other", None, 0.0, 0.0);
        assert!(svg.contains("width=\"0.0\""));
        assert!(svg.contains("failed"));
    }
}
