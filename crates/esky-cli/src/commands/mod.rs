//! One module per command: what it asks of the libraries, and its answer in words and in JSON.

mod cleanup;
mod completions;
mod info;
mod installed;
mod list;
mod man;
pub(crate) mod pack;
mod update;
mod verify;

use crate::Environment;
use crate::arguments::Command;
use crate::failure::Failure;
use crate::terminal::Terminal;

/// Runs one command and returns its exit code.
pub(crate) fn run(
    command: Command,
    terminal: &Terminal,
    environment: &Environment,
) -> Result<i32, Failure> {
    let (name, outcome) = match command {
        Command::Pack(arguments) => ("pack", pack::run(arguments, terminal, environment)),
        Command::Update(arguments) => ("update", update::run(&arguments, terminal, environment)),
        Command::List(arguments) => ("list", list::run(&arguments, terminal, environment)),
        Command::Verify(arguments) => ("verify", verify::run(&arguments, terminal)),
        Command::Cleanup(arguments) => ("cleanup", cleanup::run(&arguments, terminal)),
        Command::Info(arguments) => ("info", info::run(&arguments, terminal)),
        Command::Completions(arguments) => ("completions", completions::run(&arguments, terminal)),
        Command::Man(arguments) => ("man", man::run(&arguments, terminal)),
    };
    outcome.map_err(|failure| failure.during(name))
}
