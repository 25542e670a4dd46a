//! Why a file of a repository is not believed: always which file, and which rule it breaks.

use std::fmt::{self, Write};

use crate::{JsonFault, Time};

/// Result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Longest foreign text that an error repeats, in characters.
const LONGEST_SHOWN: usize = 200;

/// A file of a repository that is not believed. What was trusted before is trusted still.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// It is not what metadata looks like.
    #[error("{} metadata cannot be used: {fault}", Shown(role))]
    Malformed {
        /// The role whose file it should be.
        role: String,
        /// What is wrong with it.
        #[source]
        fault: Malformed,
    },

    /// Fewer distinct keys than needed have signed it.
    #[error(
        "{} metadata is signed by {signed} of the {threshold} keys that are needed",
        Shown(role)
    )]
    NotSigned {
        /// The role.
        role: String,
        /// Distinct keys of the role with a good signature.
        signed: u64,
        /// Keys that are needed.
        threshold: u64,
    },

    /// It is a different version than the one that was named for it.
    #[error(
        "{} metadata has version {found} where version {expected} belongs",
        Shown(role)
    )]
    WrongVersion {
        /// The role.
        role: String,
        /// Its version.
        found: u64,
        /// The version that belongs there.
        expected: u64,
    },

    /// It is older than what was trusted before: a rollback.
    #[error(
        "{} metadata has version {found}, older than version {trusted} which was trusted before",
        Shown(role)
    )]
    Rollback {
        /// The role whose version went back.
        role: String,
        /// The version now.
        found: u64,
        /// The version that was trusted.
        trusted: u64,
    },

    /// A role that was there before is not listed any more.
    #[error("the snapshot does not list {} any more", Shown(file))]
    Removed {
        /// The file of the role, such as `targets.json`.
        file: String,
    },

    /// It was good until a time that has passed.
    #[error("{} metadata expired on {expired}", Shown(role))]
    Expired {
        /// The role.
        role: String,
        /// When.
        expired: Time,
    },

    /// Its bytes are not those that were named for it.
    #[error("{} is not the file that was signed for: {mismatch}", Shown(file))]
    Mismatch {
        /// The file.
        file: String,
        /// How it differs.
        #[source]
        mismatch: Mismatch,
    },

    /// The snapshot names no such role.
    #[error("the snapshot does not list {}", Shown(file))]
    NotListed {
        /// The file of the role, such as `targets.json`.
        file: String,
    },

    /// The role was not delegated by the one that should have done so.
    #[error("{} does not delegate to {}", Shown(delegator), Shown(role))]
    NotDelegated {
        /// The role.
        role: String,
        /// Who should have delegated to it.
        delegator: String,
    },

    /// A file came before those that it depends on, or after those that depend on it.
    #[error("{} metadata came out of order", Shown(role))]
    OutOfOrder {
        /// The role.
        role: String,
    },
}

impl Error {
    pub(crate) fn malformed(role: &str, fault: impl Into<Malformed>) -> Self {
        Self::Malformed {
            role: role.to_owned(),
            fault: fault.into(),
        }
    }
}

/// What is wrong with the form of a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Malformed {
    /// Not JSON that metadata may be written in.
    #[error(transparent)]
    Json(#[from] JsonFault),
    /// A member that must be there is not.
    #[error("{} is missing", Shown(field))]
    Missing {
        /// The member, with those above it, such as `signed.version`.
        field: String,
    },
    /// A member has a value that it may not have.
    #[error("{} is not {expected}", Shown(field))]
    Unexpected {
        /// The member, with those above it.
        field: String,
        /// What it should be.
        expected: &'static str,
    },
}

/// How bytes differ from those that were named.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Mismatch {
    /// More bytes than there should be.
    #[error("it is longer than {expected} bytes")]
    TooLong {
        /// Length that was signed.
        expected: u64,
    },
    /// Fewer bytes than there should be.
    #[error("it has {found} bytes instead of {expected}")]
    TooShort {
        /// Bytes that came.
        found: u64,
        /// Length that was signed.
        expected: u64,
    },
    /// The bytes are others.
    #[error("its {algorithm} is another")]
    Hash {
        /// The hash that differs.
        algorithm: &'static str,
    },
    /// Nothing that could be compared was signed.
    #[error("no hash is given that this program knows")]
    NoKnownHash,
}

/// Foreign text in a message: on one line, without characters that act on a terminal, and not endless.
pub(crate) struct Shown<'a>(pub(crate) &'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut characters = self.0.chars();
        for character in characters.by_ref().take(LONGEST_SHOWN) {
            match character {
                '\'' | '"' => formatter.write_char(character)?,
                other => write!(formatter, "{}", other.escape_debug())?,
            }
        }
        match characters.next() {
            Some(_) => formatter.write_str("\u{2026}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_names_cannot_act_on_a_terminal() {
        let role = format!("\u{1b}]0;owned\u{7}\n\u{202e}\0'{}", "x".repeat(1 << 20));
        let text = Error::NotListed { file: role }.to_string();
        assert!(text.len() < 600);
        assert!(
            !text.contains(|character: char| character.is_control() || character == '\u{202e}')
        );
        assert!(text.contains("owned"));
    }
}
