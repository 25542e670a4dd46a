//! How numbers and tables are worded.

const STEP: f64 = 1000.0;
const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];

/// A size as people read it: `512 bytes`, `1.5 MB`.
pub(crate) fn bytes(size: u64) -> String {
    if size < 1000 {
        return count(size, "byte");
    }
    let mut value = size as f64 / STEP;
    let mut unit = 0;
    // 999.95 and above would be shown as 1000.0
    while value >= 999.95 && unit + 1 < UNITS.len() {
        value /= STEP;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// `1 file`, `2 files`.
pub(crate) fn count(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// Rows with the columns lined up and no spaces at line ends.
pub(crate) fn table<const COLUMNS: usize>(rows: &[[String; COLUMNS]]) -> String {
    let mut widths = [0; COLUMNS];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    rows.iter().map(|row| line(row, &widths)).collect()
}

fn line(row: &[String], widths: &[usize]) -> String {
    let padded = row
        .iter()
        .zip(widths)
        .map(|(cell, width)| format!("{cell:<width$}"));
    let text = padded.collect::<Vec<_>>().join("  ");
    format!("{}\n", text.trim_end())
}

/// Text from outside, fit for a terminal: control characters are shown as escapes instead of being obeyed.
pub(crate) fn printable(text: &str) -> String {
    let escape = |c: char| {
        if c.is_control() {
            c.escape_default().to_string()
        } else {
            c.to_string()
        }
    };
    text.chars().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_worded_with_one_decimal() {
        let cases = [
            (0, "0 bytes"),
            (1, "1 byte"),
            (999, "999 bytes"),
            (1000, "1.0 kB"),
            (999_949, "999.9 kB"),
            (999_950, "1.0 MB"),
            (67_700_000, "67.7 MB"),
            (u64::MAX, "18446744.1 TB"),
        ];
        for (size, expected) in cases {
            assert_eq!(bytes(size), expected);
        }
    }

    #[test]
    fn columns_line_up() {
        let rows = [
            ["a".to_owned(), "b".to_owned()],
            ["longer".to_owned(), String::new()],
        ];
        assert_eq!(table(&rows), "a       b\nlonger\n");
    }

    #[test]
    fn escape_codes_from_outside_are_not_obeyed() {
        assert_eq!(printable("1.0\u{1b}[31m\nü"), "1.0\\u{1b}[31m\\nü");
    }
}
