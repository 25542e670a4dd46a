//! The parser: serde_json finds the tokens, this decides what is accepted.

use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::{Json, JsonFault, Object};

pub(super) fn parse(bytes: &[u8]) -> Result<Json, JsonFault> {
    let refusal = RefCell::new(None);
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let seed = Seed {
        depth: 0,
        refusal: &refusal,
    };
    let value = seed
        .deserialize(&mut deserializer)
        .and_then(|value| deserializer.end().map(|()| value));
    value.map_err(|error| {
        refusal.take().unwrap_or(JsonFault::Syntax {
            line: error.line(),
            column: error.column(),
        })
    })
}

/// Reads one value. What it refuses by itself it leaves in `refusal`, for serde's errors carry text only.
#[derive(Clone, Copy)]
struct Seed<'a> {
    depth: usize,
    refusal: &'a RefCell<Option<JsonFault>>,
}

impl Seed<'_> {
    fn refuse<T, E: Error>(self, fault: JsonFault) -> Result<T, E> {
        *self.refusal.borrow_mut() = Some(fault);
        Err(E::custom("refused"))
    }

    fn deeper<E: Error>(self) -> Result<Self, E> {
        if self.depth == Json::MAX_DEPTH {
            return self.refuse(JsonFault::TooDeep);
        }
        Ok(Self {
            depth: self.depth + 1,
            ..self
        })
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Json;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Integer(value.into()))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Integer(value.into()))
    }

    fn visit_f64<E: Error>(self, _value: f64) -> Result<Json, E> {
        self.refuse(JsonFault::NotAnInteger)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Text(value.to_owned()))
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Json, E> {
        Ok(Json::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Json, A::Error> {
        let inner = self.deeper()?;
        let mut list = Vec::new();
        while let Some(element) = elements.next_element_seed(inner)? {
            list.push(element);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Json, A::Error> {
        let inner = self.deeper()?;
        let mut object = Object::new();
        while let Some(name) = members.next_key::<String>()? {
            if object.contains_key(&name) {
                return self.refuse(JsonFault::DuplicateName { name });
            }
            object.insert(name, members.next_value_seed(inner)?);
        }
        Ok(Json::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> JsonFault {
        parse(text.as_bytes()).unwrap_err()
    }

    #[test]
    fn values_of_every_kind_are_read() {
        let value =
            parse(b" {\"a\": [null, true, -1, 18446744073709551615, \"\\u00e9\"]}\n").unwrap();
        let list = vec![
            Json::Null,
            Json::Bool(true),
            Json::Integer(-1),
            Json::Integer(u64::MAX.into()),
            Json::from("\u{e9}"),
        ];
        assert_eq!(
            value,
            Json::Object(Object::from([("a".to_owned(), Json::List(list))]))
        );
    }

    #[test]
    fn duplicate_names_are_refused_however_they_are_spelt() {
        let name = "a".to_owned();
        let fault = JsonFault::DuplicateName { name };
        assert_eq!(refused("{\"a\": 1, \"a\": 1}"), fault);
        assert_eq!(refused("{\"x\": [{\"a\": 1, \"\\u0061\": 2}]}"), fault);
    }

    #[test]
    fn trailing_bytes_are_refused() {
        for text in ["{} {}", "{}x", "{}\0", "1 2", "\u{feff}{}"] {
            assert!(matches!(refused(text), JsonFault::Syntax { .. }), "{text}");
        }
    }

    #[test]
    fn invalid_utf8_is_refused_in_names_and_values() {
        for bytes in [
            &b"{\"\xff\": 1}"[..],
            b"[\"\xc0\x80\"]",
            b"\"\xed\xa0\x80\"",
            b"\xff",
        ] {
            assert!(matches!(parse(bytes), Err(JsonFault::Syntax { .. })));
        }
        assert!(matches!(refused("\"\\ud800\""), JsonFault::Syntax { .. }));
    }

    #[test]
    fn nesting_ends_at_the_limit() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(parse(nested(Json::MAX_DEPTH).as_bytes()).is_ok());
        assert_eq!(refused(&nested(Json::MAX_DEPTH + 1)), JsonFault::TooDeep);
        assert_eq!(refused(&"[".repeat(1 << 20)), JsonFault::TooDeep);
        assert_eq!(refused(&"{\"a\":".repeat(1 << 18)), JsonFault::TooDeep);
    }

    #[test]
    fn numbers_that_are_no_integers_are_refused() {
        for text in ["1.5", "1e3", "1.0", "-0", "18446744073709551616", "1e400"] {
            assert!(
                matches!(
                    refused(text),
                    JsonFault::NotAnInteger | JsonFault::Syntax { .. }
                ),
                "{text}"
            );
        }
    }

    #[test]
    fn truncated_files_are_refused() {
        let whole = "{\"signed\": {\"a\": [1, \"x\"]}, \"signatures\": []}";
        for end in 0..whole.len() {
            assert!(parse(&whole.as_bytes()[..end]).is_err(), "{end}");
        }
    }
}
