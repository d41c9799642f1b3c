//! The words of a line, as a shell finds them, save that JSON needs no quotes.

use serde_json::value::RawValue;

/// Takes a line apart at white space. Quotes and backslashes are those of a shell. A word that begins with `{` or `[`
/// goes on to where its JSON ends, or to the end of the line where it is none: the command says what is wrong with it.
///
/// # Errors
/// When a quote is not closed.
pub(super) fn words(line: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while let Some(first) = rest.chars().next() {
        let (word, after) = match first {
            '{' | '[' => json(rest),
            _ => shell(rest)?,
        };
        words.push(word);
        rest = after.trim_start();
    }
    Ok(words)
}

/// Takes JSON off the beginning of a text.
fn json(text: &str) -> (String, &str) {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<&RawValue>();
    let length = match values.next() {
        Some(Ok(value)) => value.get().len(),
        _ => text.trim_end().len(),
    };
    let (word, after) = text.split_at_checked(length).unwrap_or((text, ""));
    (word.to_owned(), after)
}

/// Takes a word off the beginning of a text, as a shell does.
fn shell(text: &str) -> Result<(String, &str), String> {
    let mut word = String::new();
    let mut quote = None;
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match (quote, character) {
            (None, character) if character.is_whitespace() => {
                return Ok((word, text.get(at..).unwrap_or_default()));
            }
            (None, '\'' | '"') => quote = Some(character),
            (Some(open), character) if character == open => quote = None,
            (None | Some('"'), '\\') => match characters.next() {
                // Between double quotes a backslash stands for itself before most characters.
                Some((_, next)) if quote.is_some() && !matches!(next, '"' | '\\') => word.extend(['\\', next]),
                Some((_, next)) => word.push(next),
                None => word.push('\\'),
            },
            (_, character) => word.push(character),
        }
    }
    match quote {
        None => Ok((word, "")),
        Some(quote) => Err(format!("a quote {quote} is not closed")),
    }
}

#[cfg(test)]
mod tests {
    use super::words;

    #[track_caller]
    fn check(line: &str, expected: &[&str]) {
        assert_eq!(words(line).unwrap(), expected, "{line}");
    }

    #[test]
    fn words_are_those_of_a_shell() {
        check("", &[]);
        check("   ", &[]);
        check("get  service\tgreeter ", &["get", "service", "greeter"]);
        check(r#"call a B.C '{"name": "John"}'"#, &["call", "a", "B.C", r#"{"name": "John"}"#]);
        check(r#"a "b c" d\ e 'f"g' "h\"i\n" ''"#, &["a", "b c", "d e", "f\"g", "h\"i\\n", ""]);
        assert_eq!(words("a 'b").unwrap_err(), "a quote ' is not closed");
    }

    #[test]
    fn json_needs_no_quotes() {
        check(
            r#"call a B.C {"name": "John Doe's"} --output raw"#,
            &["call", "a", "B.C", r#"{"name": "John Doe's"}"#, "--output", "raw"],
        );
        check("call a B.C {name: x} ", &["call", "a", "B.C", "{name: x}"]);
        check("publish t [1, 2]", &["publish", "t", "[1, 2]"]);
    }
}
