//! Headings and times of the demo's steps.

use std::time::Instant;

use anyhow::{Context, Result};

use crate::tools::Totals;

/// Counts the steps and says how long each took.
pub(crate) struct Steps {
    count: usize,
    started: Instant,
}

impl Steps {
    /// Nothing done yet.
    pub(crate) fn start() -> Self {
        Self {
            count: 0,
            started: Instant::now(),
        }
    }

    /// Runs one step under its heading; its name is part of the error if it fails.
    pub(crate) fn run<T>(&mut self, what: &str, step: impl FnOnce() -> Result<T>) -> Result<T> {
        self.count += 1;
        println!("\n== {}. {what}", self.count);
        let started = Instant::now();
        let result = step().with_context(|| format!("step {} ({what})", self.count))?;
        println!("   done in {:.2} s", started.elapsed().as_secs_f64());
        Ok(result)
    }

    /// The closing lines.
    pub(crate) fn finish(self, totals: &Totals) {
        println!(
            "\nAll {} steps went as they should, in {:.1} s; the server answered {totals}.",
            self.count,
            self.started.elapsed().as_secs_f64()
        );
    }
}
