//! `esky diff`: makes a patch.

use std::fmt;

use serde::Serialize;

use crate::Environment;
use crate::arguments::DiffArguments;
use crate::exit;
use crate::failure::Failure;
use crate::terminal::Terminal;
use crate::text;

#[derive(Serialize)]
struct Outcome {
    path: String,
    size: u64,
    written: usize,
    removed: usize,
    output: u64,
    memory: u64,
}

pub(crate) fn run(
    arguments: &DiffArguments,
    terminal: &Terminal,
    environment: &Environment,
) -> Result<i32, Failure> {
    let progress = terminal.progress();
    progress.phase("Comparing");
    let mut show = |done, total| {
        progress.bytes(done, Some(total));
        environment.cancel.flow()
    };
    let made = esky_patch::make(&arguments.old, &arguments.new, &arguments.output, &mut show)?;
    drop(progress);
    terminal.show(&Outcome {
        path: arguments.output.display().to_string(),
        size: made.size,
        written: made.written,
        removed: made.removed,
        output: made.output,
        memory: made.memory,
    })?;
    Ok(exit::SUCCESS)
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let written = text::count(self.written as u64, "file");
        let removed = match self.removed {
            0 => String::new(),
            removed => format!(", removes {removed}"),
        };
        writeln!(formatter, "{}", text::printable(&self.path))?;
        writeln!(formatter, "  size    {}", text::bytes(self.size))?;
        writeln!(
            formatter,
            "  writes  {written} of {} together{removed}",
            text::bytes(self.output)
        )?;
        writeln!(
            formatter,
            "  memory  {} to apply it",
            text::bytes(self.memory)
        )
    }
}
