//! What went wrong, in the form in which it is told: one sentence, its causes, and what the person can do.

mod convert;

use std::error::Error;
use std::path::Path;

use esky::trust::Time;
use serde::Serialize;

use crate::{exit, text};

/// A failed command. Made from any library's error; printed by the terminal, as words or as JSON.
#[derive(Debug)]
pub(crate) struct Failure {
    code: i32,
    operation: &'static str,
    subject: Option<String>,
    message: String,
    causes: Vec<String>,
    hint: Option<String>,
}

/// The JSON form, `{"error": …}`. Its keys are documented and stay.
#[derive(Serialize)]
pub(crate) struct Document<'a> {
    error: Details<'a>,
}

#[derive(Serialize)]
struct Details<'a> {
    operation: &'a str,
    path: Option<&'a str>,
    cause: String,
    hint: Option<&'a str>,
}

impl Failure {
    /// A failure that this crate itself found.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            code: exit::FAILURE,
            operation: "esky",
            subject: None,
            message: message.into(),
            causes: Vec::new(),
            hint: None,
        }
    }

    /// A command line that cannot be carried out as written.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(message).exit_with(exit::USAGE)
    }

    /// A failure that a library reported, with the whole chain of its causes.
    pub(crate) fn from_error(error: &(dyn Error + 'static)) -> Self {
        let mut failure = Self::new(error.to_string());
        let mut source = error.source();
        while let Some(cause) = source {
            failure.add_cause(cause.to_string());
            source = cause.source();
        }
        failure
    }

    pub(crate) fn exit_with(mut self, code: i32) -> Self {
        self.code = code;
        self
    }

    pub(crate) fn with_hint(mut self, hint: Option<impl Into<String>>) -> Self {
        self.hint = hint.map(|hint| as_message(&hint.into())).or(self.hint);
        self
    }

    /// Names the path or address that the command was about, unless that is known already.
    pub(crate) fn about(mut self, subject: impl Into<String>) -> Self {
        self.subject.get_or_insert(subject.into());
        self
    }

    pub(crate) fn about_path(self, path: &Path) -> Self {
        self.about(path.display().to_string())
    }

    /// Names the command that failed.
    pub(crate) fn during(mut self, operation: &'static str) -> Self {
        self.operation = operation;
        self
    }

    /// Puts the local form of times in the place of that which libraries write.
    pub(crate) fn in_local_time(mut self, times: &[Time]) -> Self {
        for time in times {
            let (universal, local) = (time.to_string(), text::local_time(time.to_unix()));
            let texts = self.causes.iter_mut().chain(self.hint.as_mut());
            for text in texts.chain([&mut self.message]) {
                *text = text.replace(&universal, &local);
            }
        }
        self
    }

    pub(crate) fn code(&self) -> i32 {
        self.code
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    pub(crate) fn causes(&self) -> &[String] {
        &self.causes
    }

    pub(crate) fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    pub(crate) fn document(&self) -> Document<'_> {
        let mut cause = self.message.clone();
        for deeper in &self.causes {
            cause.push_str(": ");
            cause.push_str(deeper);
        }
        Document {
            error: Details {
                operation: self.operation,
                path: self.subject.as_deref(),
                cause,
                hint: self.hint.as_deref(),
            },
        }
    }

    /// Many errors repeat their source in their own text; a person wants to read it once.
    fn add_cause(&mut self, cause: String) {
        let told = |text: &String| text.contains(cause.as_str());
        if !told(&self.message) && !self.causes.iter().any(told) {
            self.causes.push(cause);
        }
    }
}

/// Messages of the command begin small and have no period at their end; some library sentences do.
fn as_message(sentence: &str) -> String {
    let sentence = sentence.trim_end_matches('.');
    let mut characters = sentence.chars();
    match characters.next() {
        Some(first) => first.to_lowercase().chain(characters).collect(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot read the list: {source}")]
    struct Repeating {
        source: io::Error,
    }

    #[derive(Debug, thiserror::Error)]
    #[error("cannot check the app")]
    struct Outer {
        source: Repeating,
    }

    #[test]
    fn each_cause_is_told_once() {
        let error = Outer {
            source: Repeating {
                source: io::Error::other("disk on fire"),
            },
        };
        let failure = Failure::from_error(&error);
        assert_eq!(failure.message(), "cannot check the app");
        assert_eq!(failure.causes(), ["cannot read the list: disk on fire"]);
    }

    #[test]
    fn the_document_has_all_four_keys_even_when_empty() {
        let failure = Failure::new("no such thing").during("info");
        let text = serde_json::to_string(&failure.document()).unwrap();
        assert_eq!(
            text,
            r#"{"error":{"operation":"info","path":null,"cause":"no such thing","hint":null}}"#
        );
    }

    #[test]
    fn the_first_subject_is_kept() {
        let failure = Failure::new("x").about("inner").about("outer");
        assert_eq!(failure.subject.as_deref(), Some("inner"));
    }
}
