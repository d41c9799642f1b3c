//! JSON as it was written: what is sent and shown keeps the order of members and every digit.

use mesh_rpc::json::syntax_error;
use serde_json::value::RawValue;

/// Returns the object at the beginning of a text; what follows it is not looked at. `null` counts as one.
///
/// # Errors
/// In the words of Go: that of its decoder, or that the value is something else.
pub(super) fn first_object(text: &str) -> Result<&str, String> {
    let value = first(text)?;
    let kind = match value.as_bytes().first() {
        Some(b'{' | b'n') => return Ok(value),
        Some(b'[') => "array",
        Some(b'"') => "string",
        Some(b't' | b'f') => "bool",
        _ => "number",
    };
    Err(format!("json: cannot unmarshal {kind} into Go value of type map[string]interface {{}}"))
}

fn first(text: &str) -> Result<&str, String> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<&RawValue>();
    match values.next() {
        None => Err("EOF".to_owned()),
        Some(Ok(value)) => Ok(value.get()),
        Some(Err(error)) => Err(match syntax_error(text.as_bytes()) {
            // A decoder waits for more, and none comes.
            Some(reason) if reason == "unexpected end of JSON input" => "unexpected EOF".to_owned(),
            Some(reason) => reason,
            None => error.to_string(),
        }),
    }
}

/// Returns JSON with one member a line, a tab for each level: Go's `json.Indent`.
///
/// # Errors
/// In the words of Go, where the bytes are no JSON.
pub(super) fn indented(bytes: &[u8]) -> Result<String, String> {
    if let Some(reason) = syntax_error(bytes) {
        return Err(reason);
    }
    let text = String::from_utf8_lossy(bytes);
    let mut indented = String::with_capacity(text.len() + text.len() / 4);
    let mut level = 0;
    let (mut inside, mut escaped, mut opened) = (false, false, false);
    for character in text.chars() {
        if inside {
            indented.push(character);
            (escaped, inside) = (character == '\\' && !escaped, character != '"' || escaped);
            continue;
        }
        if character.is_ascii_whitespace() {
            continue;
        }
        let closes = matches!(character, '}' | ']');
        if opened && !closes {
            level += 1;
            break_line(&mut indented, level);
        }
        match character {
            '{' | '[' => {}
            ',' => {
                indented.push(character);
                break_line(&mut indented, level);
                continue;
            }
            ':' => {
                indented.push_str(": ");
                continue;
            }
            '}' | ']' if !opened => {
                level -= 1;
                break_line(&mut indented, level);
            }
            character => inside = character == '"',
        }
        opened = matches!(character, '{' | '[');
        indented.push(character);
    }
    Ok(indented)
}

fn break_line(text: &mut String, level: usize) {
    text.push('\n');
    text.extend(std::iter::repeat_n('\t', level));
}

#[cfg(test)]
mod tests {
    use super::{first_object, indented};

    #[test]
    fn the_first_object_is_taken_as_it_was_written() {
        for (text, expected) in [
            (r#"{"b":1.50, "a":9007199254740993}"#, r#"{"b":1.50, "a":9007199254740993}"#),
            (r#" {"a":{}} --output raw"#, r#"{"a":{}}"#),
            ("null", "null"),
        ] {
            assert_eq!(first_object(text), Ok(expected));
        }
    }

    #[test]
    fn what_is_none_is_told_as_go_tells_it() {
        for (text, expected) in [
            ("{name}", "invalid character 'n' looking for beginning of object key string"),
            ("[1]", "json: cannot unmarshal array into Go value of type map[string]interface {}"),
            ("\"x\"", "json: cannot unmarshal string into Go value of type map[string]interface {}"),
            ("5", "json: cannot unmarshal number into Go value of type map[string]interface {}"),
            ("true", "json: cannot unmarshal bool into Go value of type map[string]interface {}"),
            (" ", "EOF"),
            ("{\"a\":", "unexpected EOF"),
        ] {
            assert_eq!(first_object(text), Err(expected.to_owned()), "{text}");
        }
    }

    #[test]
    fn json_is_indented_by_tabs() {
        let text = r#"{"a":[1,{}, [ ],{"b":"x, \"{:}"}],"c":-0.10e5,"d":null}"#;
        let expected = "{\n\t\"a\": [\n\t\t1,\n\t\t{},\n\t\t[],\n\t\t{\n\t\t\t\"b\": \"x, \\\"{:}\"\n\t\t}\n\t],\n\t\"c\": -0.10e5,\n\t\"d\": null\n}";
        assert_eq!(indented(text.as_bytes()).as_deref(), Ok(expected));
        for same in ["{}", "[]", "1", "\"\\\\\""] {
            assert_eq!(indented(same.as_bytes()).as_deref(), Ok(same));
        }
        assert_eq!(indented(b"").unwrap_err(), "unexpected end of JSON input");
    }
}
