//! What passed, failed and was skipped, group by group; nothing is skipped without a reason.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Result;

/// The outcome of one group of tests.
#[derive(Debug)]
pub(crate) struct Group {
    name: String,
    begun: Instant,
    passed: usize,
    failures: Vec<String>,
    skips: Vec<Skip>,
}

#[derive(Debug)]
struct Skip {
    what: String,
    why: String,
}

impl Group {
    /// An empty group.
    pub(crate) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            begun: Instant::now(),
            passed: 0,
            failures: Vec::new(),
            skips: Vec::new(),
        }
    }

    /// Runs one step under a heading and counts it; a failing step is shown and does not stop the others.
    pub(crate) fn step(&mut self, what: &str, action: impl FnOnce() -> Result<()>) -> bool {
        println!("\n== {}: {what}", self.name);
        let outcome = action();
        if let Err(error) = &outcome {
            println!("FAILED {what}: {error:#}");
            self.fail(what);
        } else {
            self.passed += 1;
        }
        outcome.is_ok()
    }

    /// Counts tests that passed.
    pub(crate) fn pass(&mut self, count: usize) {
        self.passed += count;
    }

    /// Counts a test that failed.
    pub(crate) fn fail(&mut self, what: &str) {
        self.failures.push(what.to_owned());
    }

    /// Counts a test that could not run here.
    pub(crate) fn skip(&mut self, what: &str, why: &str) {
        println!("SKIPPED {what}: {why}");
        self.skips.push(Skip {
            what: what.to_owned(),
            why: why.to_owned(),
        });
    }

    /// `N passed, N failed, N skipped`
    pub(crate) fn line(&self) -> String {
        counts(self.passed, self.failures.len(), self.skips.len())
    }
}

/// Every group of a run.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// Each with the time that it took.
    groups: Vec<(Group, Duration)>,
    notes: Vec<String>,
}

impl Report {
    /// Adds a group that has run.
    pub(crate) fn add(&mut self, group: Group) {
        let time = group.begun.elapsed();
        self.groups.push((group, time));
    }

    /// Adds a line that is shown before the totals.
    pub(crate) fn note(&mut self, line: String) {
        self.notes.push(line);
    }

    /// Prints each group, each failure and skip, the notes, and the totals as the very last line.
    ///
    /// The exit code says whether anything failed; an error message after that line would hide it from scripts.
    pub(crate) fn close(self) -> ExitCode {
        println!("\n== Summary");
        let names = self.groups.iter().map(|(group, _)| group.name.len());
        let width = names.max().unwrap_or(0);
        for (group, time) in &self.groups {
            println!(
                "{:width$}  {}, in {} s",
                group.name,
                group.line(),
                time.as_secs()
            );
            for failure in &group.failures {
                println!("    failed: {failure}");
            }
            for skip in &group.skips {
                println!("    skipped: {}: {}", skip.what, skip.why);
            }
        }
        for note in &self.notes {
            println!("{note}");
        }
        let failed = self.sum(|group| group.failures.len());
        let last_line = counts(
            self.sum(|group| group.passed),
            failed,
            self.sum(|group| group.skips.len()),
        );
        println!("{last_line}");
        if failed == 0 {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }

    fn sum(&self, of: impl Fn(&Group) -> usize) -> usize {
        self.groups.iter().map(|(group, _)| of(group)).sum()
    }
}

fn counts(passed: usize, failed: usize, skipped: usize) -> String {
    format!("{passed} passed, {failed} failed, {skipped} skipped")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_step_is_counted_and_the_next_one_runs() {
        let mut group = Group::new("example");
        assert!(!group.step("first", || anyhow::bail!("broken")));
        assert!(group.step("second", || Ok(())));
        group.skip("third", "no such machine");
        assert_eq!(group.line(), "1 passed, 1 failed, 1 skipped");
    }

    #[test]
    fn a_report_with_a_failure_ends_with_a_failure() {
        let mut report = Report::default();
        let mut group = Group::new("example");
        group.fail("it");
        report.add(group);
        assert_eq!(report.close(), ExitCode::FAILURE);
    }
}
