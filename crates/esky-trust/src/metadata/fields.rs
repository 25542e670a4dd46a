//! Takes an object apart, member by member, with errors that say where.

use crate::error::Malformed;
use crate::json::{Json, Object};
use crate::metadata::MAX_VERSION;

/// An object and where it stands. A member that is `null` counts as absent.
pub(crate) struct Fields {
    place: String,
    members: Object,
}

impl Fields {
    pub(crate) fn new(place: &str, value: Json) -> Result<Self, Malformed> {
        match value {
            Json::Object(members) => Ok(Self {
                place: place.to_owned(),
                members,
            }),
            _ => Err(Malformed::Unexpected {
                field: place.to_owned(),
                expected: "an object",
            }),
        }
    }

    pub(crate) fn optional(&mut self, name: &str) -> Option<Json> {
        self.members
            .remove(name)
            .filter(|value| *value != Json::Null)
    }

    pub(crate) fn required(&mut self, name: &str) -> Result<Json, Malformed> {
        self.optional(name).ok_or_else(|| Malformed::Missing {
            field: self.place_of(name),
        })
    }

    pub(crate) fn text(&mut self, name: &str) -> Result<String, Malformed> {
        match self.required(name)? {
            Json::Text(text) => Ok(text),
            _ => Err(self.unexpected(name, "a text")),
        }
    }

    pub(crate) fn optional_text(&mut self, name: &str) -> Result<Option<String>, Malformed> {
        match self.optional(name) {
            None => Ok(None),
            Some(Json::Text(text)) => Ok(Some(text)),
            Some(_) => Err(self.unexpected(name, "a text")),
        }
    }

    /// `false` when it is not there.
    pub(crate) fn flag(&mut self, name: &str) -> Result<bool, Malformed> {
        match self.optional(name) {
            None => Ok(false),
            Some(Json::Bool(value)) => Ok(value),
            Some(_) => Err(self.unexpected(name, "true or false")),
        }
    }

    pub(crate) fn version(&mut self, name: &str) -> Result<u64, Malformed> {
        let value = self.required(name)?;
        natural(&value)
            .filter(|version| (1..=MAX_VERSION).contains(version))
            .ok_or_else(|| self.unexpected(name, "an integer from 1 to 2^53"))
    }

    pub(crate) fn threshold(&mut self, name: &str) -> Result<u64, Malformed> {
        let value = self.required(name)?;
        natural(&value)
            .filter(|threshold| *threshold >= 1)
            .ok_or_else(|| self.unexpected(name, "an integer of at least 1"))
    }

    pub(crate) fn length(&mut self, name: &str) -> Result<u64, Malformed> {
        self.optional_length(name)?
            .ok_or_else(|| Malformed::Missing {
                field: self.place_of(name),
            })
    }

    pub(crate) fn optional_length(&mut self, name: &str) -> Result<Option<u64>, Malformed> {
        match self.optional(name) {
            None => Ok(None),
            Some(value) => natural(&value)
                .map(Some)
                .ok_or_else(|| self.unexpected(name, "a number of bytes")),
        }
    }

    pub(crate) fn object(&mut self, name: &str) -> Result<Self, Malformed> {
        let value = self.required(name)?;
        Self::new(&self.place_of(name), value)
    }

    pub(crate) fn list(&mut self, name: &str) -> Result<Vec<Json>, Malformed> {
        match self.required(name)? {
            Json::List(elements) => Ok(elements),
            _ => Err(self.unexpected(name, "a list")),
        }
    }

    pub(crate) fn texts(&mut self, name: &str) -> Result<Vec<String>, Malformed> {
        let elements = self.list(name)?;
        let texts = elements.into_iter().map(|element| match element {
            Json::Text(text) => Ok(text),
            _ => Err(self.unexpected(name, "a list of texts")),
        });
        texts.collect()
    }

    /// The members that nobody has taken.
    pub(crate) fn rest(self) -> Object {
        self.members
    }

    pub(crate) fn place_of(&self, name: &str) -> String {
        format!("{}.{name}", self.place)
    }

    pub(crate) fn unexpected(&self, name: &str, expected: &'static str) -> Malformed {
        Malformed::Unexpected {
            field: self.place_of(name),
            expected,
        }
    }
}

fn natural(value: &Json) -> Option<u64> {
    match value {
        Json::Integer(number) => u64::try_from(*number).ok(),
        _ => None,
    }
}
