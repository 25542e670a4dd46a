//! The two output streams: results on standard output, everything said to a person on standard error.
//!
//! A closed standard output (`esky list … | head -1`) is no failure. A closed standard error is none either: there is
//! nobody left to tell.

use std::fmt::Display;
use std::io::{self, Write};

use clap::builder::styling::{AnsiColor, Style};
use clap::error::ErrorKind;
use serde::Serialize;

use crate::Environment;
use crate::arguments::{ColorChoice, GlobalArguments};
use crate::exit;
use crate::failure::Failure;
use crate::progress::Progress;

const ERROR: Style = AnsiColor::Red.on_default().bold();
const CAUSE: Style = Style::new().bold();
const HINT: Style = AnsiColor::Cyan.on_default().bold();

/// Where and how the command speaks.
#[derive(Debug)]
pub(crate) struct Terminal {
    json: bool,
    quiet: bool,
    colored: bool,
    draws_bars: bool,
}

impl Terminal {
    pub(crate) fn new(global: &GlobalArguments, environment: &Environment) -> Self {
        Self {
            json: global.json,
            quiet: global.quiet,
            colored: is_colored(global.color, environment.stderr_is_terminal, environment),
            draws_bars: environment.stderr_is_terminal && !global.quiet,
        }
    }

    /// Prints the result of the command: its JSON form for scripts, its words for people.
    pub(crate) fn show<Outcome: Serialize + Display>(
        &self,
        outcome: &Outcome,
    ) -> Result<(), Failure> {
        if self.json {
            print_document(outcome)
        } else {
            self.print(&outcome.to_string())
        }
    }

    /// Prints text on standard output as it is.
    pub(crate) fn print(&self, text: &str) -> Result<(), Failure> {
        write_result(text.as_bytes())
    }

    /// Says something to the person; scripts and `--quiet` do not hear it.
    pub(crate) fn message(&self, text: &str) {
        if !self.quiet && !self.json {
            write_message(&format!("{text}\n"));
        }
    }

    /// Tells what went wrong: on standard error, or as the one JSON document.
    pub(crate) fn failure(&self, failure: &Failure) {
        if self.json {
            // A broken standard output leaves only the exit code to speak.
            let _ = print_document(&failure.document());
        } else {
            write_message(&self.describe(failure));
        }
    }

    /// A display for work that takes a while: a bar on a terminal, a line per phase elsewhere.
    pub(crate) fn progress(&self) -> Progress {
        match (self.draws_bars, self.quiet || self.json) {
            (true, _) => Progress::bar(),
            (false, true) => Progress::silent(),
            (false, false) => Progress::lines(),
        }
    }

    fn describe(&self, failure: &Failure) -> String {
        let mut text = self.labelled(ERROR, "error", failure.message());
        for cause in failure.causes() {
            text += &self.labelled(CAUSE, "  caused by", cause);
        }
        if let Some(hint) = failure.hint() {
            text += &self.labelled(HINT, "hint", hint);
        }
        text
    }

    fn labelled(&self, style: Style, label: &str, text: &str) -> String {
        if self.colored {
            format!("{style}{label}:{style:#} {text}\n")
        } else {
            format!("{label}: {text}\n")
        }
    }
}

/// Prints clap's answer to a command line that runs nothing: help and version, or what is wrong with it.
pub(crate) fn print_usage(
    error: &clap::Error,
    global: &GlobalArguments,
    environment: &Environment,
) -> i32 {
    let is_mistake = error.use_stderr();
    if global.json && is_mistake {
        let message = match error.kind() {
            ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
                "no command was given".to_owned()
            }
            _ => first_paragraph(&error.to_string()),
        };
        let failure = Failure::usage(message).with_hint(Some("see `esky --help`"));
        let _ = print_document(&failure.document());
        return exit::USAGE;
    }
    let is_terminal = if is_mistake {
        environment.stderr_is_terminal
    } else {
        environment.stdout_is_terminal
    };
    let styled = error.render();
    let text = match is_colored(global.color, is_terminal, environment) {
        true => styled.ansi().to_string(),
        false => styled.to_string(),
    };
    if is_mistake {
        write_message(&text);
        return exit::USAGE;
    }
    match write_result(text.as_bytes()) {
        Ok(()) => exit::SUCCESS,
        Err(failure) => failure.code(),
    }
}

fn is_colored(choice: ColorChoice, is_terminal: bool, environment: &Environment) -> bool {
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => is_terminal && !environment.no_color,
    }
}

fn first_paragraph(text: &str) -> String {
    let paragraph = text.split("\n\n").next().unwrap_or_default();
    paragraph
        .trim_start_matches("error: ")
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

fn print_document<Document: Serialize>(document: &Document) -> Result<(), Failure> {
    let mut bytes = serde_json::to_vec(document).map_err(|error| Failure::from_error(&error))?;
    bytes.push(b'\n');
    write_result(&bytes)
}

fn write_result(bytes: &[u8]) -> Result<(), Failure> {
    let mut output = io::stdout().lock();
    match output.write_all(bytes).and_then(|()| output.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::new(format!(
            "cannot write to standard output: {error}"
        ))),
        _ => Ok(()),
    }
}

fn write_message(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terminal(color: ColorChoice, environment: &Environment) -> Terminal {
        Terminal::new(
            &GlobalArguments {
                json: false,
                quiet: false,
                color,
            },
            environment,
        )
    }

    fn failure() -> Failure {
        Failure::new("it broke").with_hint(Some("mend it"))
    }

    #[test]
    fn no_escape_codes_unless_on_a_terminal() {
        let terminal = terminal(ColorChoice::Auto, &Environment::default());
        assert_eq!(
            terminal.describe(&failure()),
            "error: it broke\nhint: mend it\n"
        );
    }

    #[test]
    fn colors_on_a_terminal() {
        let environment = Environment {
            stderr_is_terminal: true,
            ..Environment::default()
        };
        assert!(
            terminal(ColorChoice::Auto, &environment)
                .describe(&failure())
                .contains("\u{1b}[")
        );
        assert!(
            !terminal(ColorChoice::Never, &environment)
                .describe(&failure())
                .contains('\u{1b}')
        );
    }

    #[test]
    fn no_color_is_obeyed_but_always_wins() {
        let environment = Environment {
            stderr_is_terminal: true,
            no_color: true,
            ..Environment::default()
        };
        assert!(
            !terminal(ColorChoice::Auto, &environment)
                .describe(&failure())
                .contains('\u{1b}')
        );
        assert!(
            terminal(ColorChoice::Always, &environment)
                .describe(&failure())
                .contains('\u{1b}')
        );
    }

    #[test]
    fn a_usage_error_is_cut_to_its_message() {
        assert_eq!(
            first_paragraph("error: bad thing\n  more\n\nUsage: esky"),
            "bad thing more"
        );
    }
}
