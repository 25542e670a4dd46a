//! One module per command: what it asks of the libraries, and its answer in words and in JSON.

mod cleanup;
mod completions;
mod decide;
mod diff;
mod info;
mod inspect;
mod installed;
mod kept;
mod list;
mod man;
mod owner;
pub(crate) mod pack;
mod patch;
mod repository;
mod serve;
mod update;
mod verify;
mod why;

use std::path::Path;

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
    let as_owner = |app_dir: &Path| owner::act_as_owner(app_dir, terminal, environment);
    let (name, outcome) = match command {
        Command::Init(arguments) => ("init", repository::init(&arguments, terminal, environment)),
        Command::Import(arguments) => (
            "import",
            repository::import(&arguments, terminal, environment),
        ),
        Command::Release(arguments) => (
            "release",
            repository::release(arguments, terminal, environment),
        ),
        Command::Status(arguments) => (
            "status",
            repository::status(&arguments, terminal, environment),
        ),
        Command::Refresh(arguments) => (
            "refresh",
            repository::refresh(&arguments, terminal, environment),
        ),
        Command::Yank(arguments) => ("yank", repository::yank(&arguments, terminal, environment)),
        Command::Rotate(arguments) => (
            "rotate",
            repository::rotate(&arguments, terminal, environment),
        ),
        Command::Recover(arguments) => (
            "recover",
            repository::recover(&arguments, terminal, environment),
        ),
        Command::Keys(arguments) => ("keys", repository::keys(&arguments, terminal, environment)),
        Command::Sign(arguments) => ("sign", repository::sign(&arguments, terminal, environment)),
        Command::Publish(arguments) => (
            "publish",
            repository::publish(&arguments, terminal, environment),
        ),
        Command::Serve(arguments) => ("serve", serve::run(&arguments, terminal, environment)),
        Command::Pack(arguments) => ("pack", pack::run(arguments, terminal, environment)),
        Command::Update(arguments) => (
            "update",
            as_owner(&arguments.app_dir)
                .and_then(|()| update::run(&arguments, terminal, environment)),
        ),
        Command::List(arguments) => (
            "list",
            as_owner(Path::new(&arguments.place))
                .and_then(|()| list::run(&arguments, terminal, environment)),
        ),
        Command::Verify(arguments) => (
            "verify",
            as_owner(&arguments.app_dir)
                .and_then(|()| verify::run(&arguments, terminal, environment)),
        ),
        Command::Why(arguments) => (
            "why",
            as_owner(&arguments.app_dir).and_then(|()| why::run(&arguments, terminal)),
        ),
        Command::Rollback(arguments) => (
            "rollback",
            as_owner(&arguments.app_dir).and_then(|()| decide::roll_back(&arguments, terminal)),
        ),
        Command::Pin(arguments) => (
            "pin",
            as_owner(&arguments.app_dir).and_then(|()| decide::pin(&arguments, terminal)),
        ),
        Command::Unpin(arguments) => (
            "unpin",
            as_owner(&arguments.app_dir).and_then(|()| decide::unpin(&arguments, terminal)),
        ),
        Command::Skip(arguments) => (
            "skip",
            as_owner(&arguments.app_dir).and_then(|()| decide::skip(&arguments, terminal)),
        ),
        Command::Unhold(arguments) => (
            "unhold",
            as_owner(&arguments.app_dir).and_then(|()| decide::unhold(&arguments, terminal)),
        ),
        Command::Confirm(arguments) => (
            "confirm",
            as_owner(&arguments.app_dir).and_then(|()| decide::confirm(&arguments, terminal)),
        ),
        Command::Cleanup(arguments) => (
            "cleanup",
            as_owner(&arguments.app_dir).and_then(|()| cleanup::run(&arguments, terminal)),
        ),
        Command::Kept(arguments) => (
            "kept",
            as_owner(&arguments.app_dir).and_then(|()| kept::run(&arguments, terminal)),
        ),
        Command::Info(arguments) => (
            "info",
            as_owner(&arguments.path).and_then(|()| info::run(&arguments, terminal)),
        ),
        Command::Diff(arguments) => ("diff", diff::run(&arguments, terminal, environment)),
        Command::Patch(arguments) => ("patch", patch::run(&arguments, terminal, environment)),
        Command::Inspect(arguments) => ("inspect", inspect::run(&arguments, terminal)),
        Command::Completions(arguments) => ("completions", completions::run(&arguments, terminal)),
        Command::Man(arguments) => ("man", man::run(&arguments, terminal)),
    };
    outcome.map_err(|failure| failure.during(name))
}
