//! The rows that the laboratory prints, added up and put into a table.
//!
//! A row is `| kind | what | calls, faults or steps | runs, trees or finds | wrong |`.

const HEAD: &str = "\
| kind | what | calls, faults or steps | runs, trees or finds | wrong |
| --- | --- | ---: | ---: | ---: |
";

/// Everything printed so far.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    rows: Vec<Row>,
    skipped: Vec<String>,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    kind: String,
    what: String,
    of: u64,
    done: u64,
    wrong: u64,
}

impl Figures {
    /// Adds the rows and skips among other lines.
    pub(crate) fn read(&mut self, heard: &str) {
        self.rows.extend(heard.lines().filter_map(Row::parse));
        self.rows.sort_unstable();
        let skips = heard
            .lines()
            .filter_map(|line| line.strip_prefix("SKIPPED "));
        self.skipped.extend(skips.map(str::to_owned));
        self.skipped.sort_unstable();
    }

    /// Whether nothing was printed at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// What the whole run comes to.
    pub(crate) fn closing_line(&self, seconds: u64) -> String {
        let (planted, caught) = (
            self.sum("planted", |row| row.of),
            self.sum("planted", |row| row.done),
        );
        let wrong: u64 = self.rows.iter().map(|row| row.wrong).sum();
        let skipped = match self.skipped.len() {
            0 => String::new(),
            count => format!(", {count} skipped"),
        };
        let fuzzed = match self.sum("fuzzed", |row| row.done) {
            0 => String::new(),
            inputs => format!(", {inputs} inputs fuzzed"),
        };
        format!(
            "{} operations faulted, {} different states after a power cut and {} on real disks checked, \
             {wrong} violations, {caught} of {planted} planted faults caught{fuzzed}{skipped}, {seconds} s",
            self.sum("fault", |row| row.done),
            self.sum("power cut", |row| row.done),
            self.sum("real disk", |row| row.done),
        )
    }

    /// The table for the page, with what was left out and the closing line below it.
    pub(crate) fn table(&self, full: bool, seconds: u64) -> String {
        let mut table = HEAD.to_owned();
        for row in &self.rows {
            let Row {
                kind,
                what,
                of,
                done,
                wrong,
            } = row;
            table += &format!("| {kind} | {what} | {of} | {done} | {wrong} |\n");
        }
        for skip in &self.skipped {
            table += &format!("\nSkipped: {skip}\n");
        }
        let profile = if full { "Full" } else { "Bounded" };
        table + &format!("\n{profile} run: {}.\n", self.closing_line(seconds))
    }

    fn sum(&self, kind: &str, of: impl Fn(&Row) -> u64) -> u64 {
        self.rows
            .iter()
            .filter(|row| row.kind == kind)
            .map(of)
            .sum()
    }
}

impl Row {
    fn parse(line: &str) -> Option<Self> {
        let line = line.strip_prefix("| ")?.strip_suffix(" |")?;
        let mut cells = line.split(" | ");
        let (kind, what) = (cells.next()?.to_owned(), cells.next()?.to_owned());
        let mut number = || cells.next()?.parse().ok();
        let (of, done, wrong) = (number()?, number()?, number()?);
        Some(Self {
            kind,
            what,
            of,
            done,
            wrong,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(lines: &str) -> Figures {
        let mut figures = Figures::default();
        figures.read(lines);
        figures
    }

    #[test]
    fn the_table_has_the_rows_in_a_fixed_order_and_what_was_skipped() {
        let figures = heard(
            "running 2 tests\n| power cut | b | 1 | 2 | 0 |\ntest x ... ok\n| fault | a | 3 | 4 | 0 |\nSKIPPED xfs: no mkfs\n",
        );
        let table = figures.table(true, 9);
        let rows = "| fault | a | 3 | 4 | 0 |\n| power cut | b | 1 | 2 | 0 |\n\nSkipped: xfs: no mkfs\n\nFull run: ";
        assert!(table.contains(rows), "{table}");
    }

    #[test]
    fn the_closing_line_adds_up_each_kind() {
        let figures = heard(
            "| fault | a | 3 | 4 | 0 |\n| fault | b | 3 | 5 | 1 |\n| planted | c | 12 | 11 | 1 |\n| power cut | d | 3 | 7 | 0 |\n",
        );
        assert_eq!(
            figures.closing_line(9),
            "9 operations faulted, 7 different states after a power cut and 0 on real disks checked, \
             2 violations, 11 of 12 planted faults caught, 9 s"
        );
    }

    #[test]
    fn what_only_looks_like_a_row_is_none() {
        assert!(heard("| what | calls | runs | wrong |\n| - |\n|\n").is_empty());
    }
}
