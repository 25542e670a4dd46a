//! OLPC canonical JSON, <http://wiki.laptop.org/go/Canonical_JSON>: names sorted, no space, and strings as they are
//! except for `"` and `\`.

use super::Json;

pub(super) fn encode(value: &Json) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(value, &mut bytes);
    bytes
}

fn write(value: &Json, bytes: &mut Vec<u8>) {
    match value {
        Json::Null => bytes.extend_from_slice(b"null"),
        Json::Bool(true) => bytes.extend_from_slice(b"true"),
        Json::Bool(false) => bytes.extend_from_slice(b"false"),
        Json::Integer(number) => bytes.extend_from_slice(number.to_string().as_bytes()),
        Json::Text(text) => write_text(text, bytes),
        Json::List(elements) => {
            bytes.push(b'[');
            for (index, element) in elements.iter().enumerate() {
                separate(index, bytes);
                write(element, bytes);
            }
            bytes.push(b']');
        }
        Json::Object(members) => {
            bytes.push(b'{');
            for (index, (name, member)) in members.iter().enumerate() {
                separate(index, bytes);
                write_text(name, bytes);
                bytes.push(b':');
                write(member, bytes);
            }
            bytes.push(b'}');
        }
    }
}

fn separate(index: usize, bytes: &mut Vec<u8>) {
    if index > 0 {
        bytes.push(b',');
    }
}

fn write_text(text: &str, bytes: &mut Vec<u8>) {
    bytes.push(b'"');
    for byte in text.bytes() {
        if matches!(byte, b'"' | b'\\') {
            bytes.push(b'\\');
        }
        bytes.push(byte);
    }
    bytes.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(text: &str) -> String {
        String::from_utf8(encode(&Json::parse(text.as_bytes()).unwrap())).unwrap()
    }

    #[test]
    fn names_are_sorted_and_space_is_dropped() {
        let text = "{ \"b\" : [ 1 , null, true,false ],\n\"a\" : {\"\u{e9}\": -5, \"z\": \"\"} }";
        assert_eq!(
            canonical(text),
            "{\"a\":{\"z\":\"\",\"\u{e9}\":-5},\"b\":[1,null,true,false]}"
        );
    }

    #[test]
    fn only_quotes_and_backslashes_are_escaped() {
        assert_eq!(
            canonical(r#""a\"b\\c\nd\t\u0001\/\u00e9""#),
            "\"a\\\"b\\\\c\nd\t\u{1}/\u{e9}\""
        );
    }

    #[test]
    fn names_are_sorted_by_code_point_not_by_utf16_unit() {
        assert_eq!(
            canonical("{\"\u{1f600}\": 1, \"\u{fffd}\": 2}"),
            "{\"\u{fffd}\":2,\"\u{1f600}\":1}"
        );
    }
}
