//! `esky completions`: a completion script made from the table of arguments.

use std::fmt;

use clap::CommandFactory;
use serde::Serialize;

use crate::arguments::{Arguments, CompletionsArguments};
use crate::exit;
use crate::failure::Failure;
use crate::terminal::Terminal;

#[derive(Serialize)]
struct Outcome {
    shell: String,
    script: String,
}

pub(crate) fn run(arguments: &CompletionsArguments, terminal: &Terminal) -> Result<i32, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(
        arguments.shell,
        &mut Arguments::command(),
        "esky",
        &mut script,
    );
    terminal.show(&Outcome {
        shell: arguments.shell.to_string(),
        script: String::from_utf8_lossy(&script).into_owned(),
    })?;
    Ok(exit::SUCCESS)
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.script)
    }
}
