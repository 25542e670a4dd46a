//! JSON as metadata may be written: objects without repeated names, integers only, no deep nesting, nothing behind it.

mod canonical;
mod parse;
#[cfg(feature = "sign")]
mod text;

use std::collections::BTreeMap;

/// The members of an object, in the order of their names' bytes.
pub type Object = BTreeMap<String, Json>;

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Json {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number; the parser gives those from -2^63 to 2^64 - 1.
    Integer(i128),
    /// A string.
    Text(String),
    /// An array.
    List(Vec<Json>),
    /// An object.
    Object(Object),
}

/// Why bytes are not JSON that metadata may be written in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonFault {
    /// Not JSON, or something stands behind it.
    #[error("not JSON: stops making sense at line {line}, column {column}")]
    Syntax {
        /// From 1.
        line: usize,
        /// From 0.
        column: usize,
    },
    /// Two members of one object have the same name, so that two readers may see two different things.
    #[error("the name {} stands twice in one object", crate::error::Shown(name))]
    DuplicateName {
        /// The name.
        name: String,
    },
    /// Deeper than [`Json::MAX_DEPTH`].
    #[error("nested deeper than {} levels", Json::MAX_DEPTH)]
    TooDeep,
    /// A fraction, an exponent, or more digits than metadata has use for.
    #[error("a number is not an integer, or is too large")]
    NotAnInteger,
}

impl Json {
    /// Deepest nesting of arrays and objects that is read.
    pub const MAX_DEPTH: usize = 32;

    /// Reads one value; white space around it is fine, everything else is not.
    pub fn parse(bytes: &[u8]) -> Result<Self, JsonFault> {
        parse::parse(bytes)
    }

    /// The one spelling that is signed: OLPC canonical JSON. It is no JSON where strings hold control characters.
    pub fn canonical(&self) -> Vec<u8> {
        canonical::encode(self)
    }

    /// Ordinary JSON for a file, one member per line, with a newline at its end.
    #[cfg(feature = "sign")]
    pub fn to_text(&self) -> String {
        text::write(self)
    }

    /// The text, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The members, if it is an object.
    pub fn as_object(&self) -> Option<&Object> {
        match self {
            Self::Object(members) => Some(members),
            _ => None,
        }
    }
}

impl From<&str> for Json {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<u64> for Json {
    fn from(number: u64) -> Self {
        Self::Integer(number.into())
    }
}
