//! JSON as it is written to files: one member per line, indented by one space, so that version control shows changes.

use super::Json;

pub(super) fn write(value: &Json) -> String {
    let mut text = String::new();
    write_value(value, 1, &mut text);
    text.push('\n');
    text
}

fn write_value(value: &Json, depth: usize, text: &mut String) {
    match value {
        Json::Null => text.push_str("null"),
        Json::Bool(value) => text.push_str(if *value { "true" } else { "false" }),
        Json::Integer(number) => text.push_str(&number.to_string()),
        Json::Text(content) => write_text(content, text),
        Json::List(elements) if elements.is_empty() => text.push_str("[]"),
        Json::Object(members) if members.is_empty() => text.push_str("{}"),
        Json::List(elements) => {
            text.push('[');
            for (index, element) in elements.iter().enumerate() {
                begin_line(index, depth, text);
                write_value(element, depth + 1, text);
            }
            end_lines(depth, text);
            text.push(']');
        }
        Json::Object(members) => {
            text.push('{');
            for (index, (name, member)) in members.iter().enumerate() {
                begin_line(index, depth, text);
                write_text(name, text);
                text.push_str(": ");
                write_value(member, depth + 1, text);
            }
            end_lines(depth, text);
            text.push('}');
        }
    }
}

fn begin_line(index: usize, depth: usize, text: &mut String) {
    if index > 0 {
        text.push(',');
    }
    text.push('\n');
    text.extend(std::iter::repeat_n(' ', depth));
}

fn end_lines(depth: usize, text: &mut String) {
    text.push('\n');
    text.extend(std::iter::repeat_n(' ', depth - 1));
}

fn write_text(content: &str, text: &mut String) {
    text.push('"');
    for character in content.chars() {
        match character {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            control if control < ' ' => {
                text.push_str(&format!("\\u{:04x}", u32::from(control)));
            }
            plain => text.push(plain),
        }
    }
    text.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_back_as_it_was_written() {
        let source = b"{\"a\": [], \"b\": {}, \"c\": [1, {\"d\": \"x\\n\\u0001\\\"\\\\\\u00e9\"}], \"e\": null}";
        let value = Json::parse(source).unwrap();
        let text = write(&value);
        assert_eq!(Json::parse(text.as_bytes()), Ok(value));
        assert!(text.starts_with("{\n \"a\": [],\n \"b\": {},\n \"c\": [\n  1,\n"));
        assert!(text.ends_with("\n}\n"));
    }
}
