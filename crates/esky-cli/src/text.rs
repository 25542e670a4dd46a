//! How numbers and tables are worded.

use chrono::TimeZone;

const STEP: f64 = 1000.0;
const UNITS: [&str; 4] = ["KB", "MB", "GB", "TB"];

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

/// A path as it is typed in a command of this system's shell.
pub(crate) fn argument(path: &str) -> String {
    let path = printable(path);
    let is_plain = |letter: char| letter.is_alphanumeric() || "/\\:._-+=@,~".contains(letter);
    match path.chars().all(is_plain) && !path.is_empty() {
        true => path,
        // No path on Windows holds a quotation mark.
        false if cfg!(windows) => format!("\"{path}\""),
        false => format!("'{}'", path.replace('\'', r"'\''")),
    }
}

/// Seconds since 1970 as `2026-11-25 18:30 +0100`, in the time zone of this machine.
pub(crate) fn local_time(seconds: i64) -> String {
    match chrono::Local.timestamp_opt(seconds, 0).single() {
        Some(time) => time.format("%Y-%m-%d %H:%M %z").to_string(),
        None => time(seconds.unsigned_abs()),
    }
}

/// Seconds since 1970 as `2026-11-25 17:30 UTC`. The calendar is that of Howard Hinnant's `civil_from_days`.
pub(crate) fn time(seconds: u64) -> String {
    let (days, second_of_day) = (seconds / 86_400, seconds % 86_400);
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute) = (second_of_day / 3600, second_of_day / 60 % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02} UTC")
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

    #[cfg(unix)]
    #[test]
    fn paths_in_commands_are_typed_as_the_shell_reads_them() {
        assert_eq!(argument("/opt/demo-1.0"), "/opt/demo-1.0");
        assert_eq!(argument("/opt/My App"), "'/opt/My App'");
        assert_eq!(argument("/opt/it's $HOME"), r"'/opt/it'\''s $HOME'");
        assert_eq!(argument("/opt/приложение"), "/opt/приложение");
    }

    #[cfg(windows)]
    #[test]
    fn paths_in_commands_are_typed_as_the_shell_reads_them() {
        assert_eq!(argument(r"C:\demo"), r"C:\demo");
        assert_eq!(
            argument(r"C:\Program Files\demo"),
            "\"C:\\Program Files\\demo\""
        );
    }

    #[test]
    fn sizes_are_worded_with_one_decimal() {
        let cases = [
            (0, "0 bytes"),
            (1, "1 byte"),
            (999, "999 bytes"),
            (1000, "1.0 KB"),
            (999_949, "999.9 KB"),
            (999_950, "1.0 MB"),
            (67_700_000, "67.7 MB"),
            (u64::MAX, "18446744.1 TB"),
        ];
        for (size, expected) in cases {
            assert_eq!(bytes(size), expected);
        }
    }

    #[test]
    fn times_are_worded_as_dates() {
        let cases = [
            (0, "1970-01-01 00:00 UTC"),
            (951_782_400, "2000-02-29 00:00 UTC"),
            (1_764_085_859, "2025-11-25 15:50 UTC"),
            (4_107_542_399, "2100-02-28 23:59 UTC"),
        ];
        for (seconds, expected) in cases {
            assert_eq!(time(seconds), expected);
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
