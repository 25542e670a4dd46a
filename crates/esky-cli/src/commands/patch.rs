//! `esky patch`: applies a patch.

use std::fmt;

use esky_patch::Limits;
use serde::Serialize;

use crate::Environment;
use crate::arguments::PatchArguments;
use crate::exit;
use crate::failure::Failure;
use crate::terminal::Terminal;
use crate::text;

#[derive(Serialize)]
struct Outcome {
    path: String,
    written: usize,
    kept: usize,
    removed: usize,
    size: u64,
}

pub(crate) fn run(
    arguments: &PatchArguments,
    terminal: &Terminal,
    environment: &Environment,
) -> Result<i32, Failure> {
    let progress = terminal.progress();
    progress.phase("Patching");
    let mut show = |done, total| {
        progress.bytes(done, Some(total));
        environment.cancel.flow()
    };
    let mut limits = Limits::default();
    limits.memory = arguments.max_memory.saturating_mul(1_000_000);
    let (old, patch, new) = (&arguments.old, &arguments.patch, &arguments.output);
    let applied = esky_patch::apply(old, patch, new, &limits, &mut show)?;
    drop(progress);
    terminal.show(&Outcome {
        path: new.display().to_string(),
        written: applied.written,
        kept: applied.kept,
        removed: applied.removed,
        size: applied.size,
    })?;
    Ok(exit::SUCCESS)
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let files = text::count((self.written + self.kept) as u64, "file");
        writeln!(formatter, "{}", text::printable(&self.path))?;
        writeln!(
            formatter,
            "  {files}, {}: {} patched, {} copied, {} gone",
            text::bytes(self.size),
            self.written,
            self.kept,
            self.removed
        )
    }
}
