//! `esky man`: manual pages made from the table of arguments.

use std::fmt;
use std::io::{self, Write};
use std::path::Path;

use clap::{Command, CommandFactory};
use clap_mangen::Man;
use serde::Serialize;

use crate::arguments::{Arguments, ManArguments};
use crate::exit;
use crate::failure::Failure;
use crate::terminal::Terminal;

/// Everyone may read a manual page.
const PAGE_MODE: u32 = 0o644;

#[derive(Serialize)]
#[serde(untagged)]
enum Outcome {
    Page { page: String },
    Written { written: Vec<String> },
}

struct Page {
    file_name: String,
    bytes: Vec<u8>,
}

pub(crate) fn run(arguments: &ManArguments, terminal: &Terminal) -> Result<i32, Failure> {
    let mut command = Arguments::command();
    command.build();
    let outcome = match &arguments.output {
        None => Outcome::Page {
            page: String::from_utf8_lossy(&render(command)?.bytes).into_owned(),
        },
        Some(directory) => Outcome::Written {
            written: write_all(&command, directory)?,
        },
    };
    terminal.show(&outcome)?;
    Ok(exit::SUCCESS)
}

fn write_all(command: &Command, directory: &Path) -> Result<Vec<String>, Failure> {
    esky_fs::create_dir_all(directory)?;
    let mut written = Vec::new();
    for command in [command].into_iter().chain(command.get_subcommands()) {
        let page = render(command.clone())?;
        let path = directory.join(page.file_name);
        esky_fs::write_durable(&path, &page.bytes, PAGE_MODE)?;
        written.push(path.display().to_string());
    }
    Ok(written)
}

fn render(command: Command) -> Result<Page, Failure> {
    let page = Man::new(command);
    let mut bytes = Vec::new();
    write_page(&page, &mut bytes).map_err(|error| Failure::from_error(&error))?;
    Ok(Page {
        file_name: page.get_filename(),
        bytes,
    })
}

/// The sections of clap's own page, with the exit codes where readers of manual pages look for them.
fn write_page(page: &Man, output: &mut Vec<u8>) -> io::Result<()> {
    page.render_title(output)?;
    page.render_name_section(output)?;
    page.render_synopsis_section(output)?;
    page.render_description_section(output)?;
    page.render_options_section(output)?;
    page.render_subcommands_section(output)?;
    writeln!(output, ".SH \"EXIT STATUS\"")?;
    for (code, meaning) in exit::MEANINGS {
        writeln!(
            output,
            ".TP\n\\fB{code}\\fR\n{}",
            meaning.replace('-', "\\-")
        )?;
    }
    Ok(())
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Page { page } => formatter.write_str(page),
            Self::Written { written } => written
                .iter()
                .try_for_each(|path| writeln!(formatter, "{path}")),
        }
    }
}
