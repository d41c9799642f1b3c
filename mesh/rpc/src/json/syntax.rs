//! What Go says of a text that is not JSON: the words of `encoding/json`, which peers and the command line show.

/// Returns the error that Go's `json.Unmarshal` and `json.Valid` find in a text before they look at types, or nothing
/// where the text is JSON.
///
/// ```
/// use mesh_rpc::json::syntax_error;
///
/// assert_eq!(syntax_error(b"{}"), None);
/// let error = syntax_error(b"{bad").unwrap();
/// assert_eq!(error, "invalid character 'b' looking for beginning of object key string");
/// ```
pub fn syntax_error(text: &[u8]) -> Option<String> {
    let mut scanner = Scanner { text, at: 0, open: Vec::new() };
    scanner.document().err()
}

/// The deepest nesting that Go reads.
const DEPTH_MAX: usize = 10_000;

struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
    /// The objects (true) and lists that are open.
    open: Vec<bool>,
}

type Step<T> = Result<T, String>;

impl Scanner<'_> {
    fn document(&mut self) -> Step<()> {
        self.value()?;
        while let Some(is_object) = self.open.last().copied() {
            self.after_item(is_object)?;
        }
        match self.skip_space() {
            None => Ok(()),
            Some(byte) => Err(wrong(byte, "after top-level value")),
        }
    }

    /// Reads a scalar, or opens an object or list up to its first scalar.
    fn value(&mut self) -> Step<()> {
        loop {
            match self.required()? {
                b'{' => {
                    self.open(true)?;
                    if self.skip_space() == Some(b'}') {
                        self.close();
                        return Ok(());
                    }
                    self.key()?;
                }
                b'[' => {
                    self.open(false)?;
                    if self.skip_space() == Some(b']') {
                        self.close();
                        return Ok(());
                    }
                }
                b'"' => return self.string(),
                b'-' | b'0'..=b'9' => return self.number(),
                b't' => return self.literal("true"),
                b'f' => return self.literal("false"),
                b'n' => return self.literal("null"),
                byte => return Err(wrong(byte, "looking for beginning of value")),
            }
        }
    }

    /// Goes on after an item of an object or list: another one, or its end.
    fn after_item(&mut self, is_object: bool) -> Step<()> {
        match (self.required()?, is_object) {
            (b'}', true) | (b']', false) => {
                self.close();
                Ok(())
            }
            (b',', true) => {
                self.at += 1;
                self.key()?;
                self.value()
            }
            (b',', false) => {
                self.at += 1;
                self.value()
            }
            (byte, true) => Err(wrong(byte, "after object key:value pair")),
            (byte, false) => Err(wrong(byte, "after array element")),
        }
    }

    /// Reads a key and its colon.
    fn key(&mut self) -> Step<()> {
        match self.required()? {
            b'"' => self.string()?,
            byte => return Err(wrong(byte, "looking for beginning of object key string")),
        }
        match self.required()? {
            b':' => self.at += 1,
            byte => return Err(wrong(byte, "after object key")),
        }
        Ok(())
    }

    fn string(&mut self) -> Step<()> {
        self.at += 1;
        loop {
            match self.next()? {
                b'"' => return Ok(()),
                b'\\' => match self.next()? {
                    b'b' | b'f' | b'n' | b'r' | b't' | b'\\' | b'/' | b'"' => {}
                    b'u' => {
                        for _ in 0..4 {
                            let byte = self.next()?;
                            if !byte.is_ascii_hexdigit() {
                                return Err(wrong(byte, "in \\u hexadecimal character escape"));
                            }
                        }
                    }
                    byte => return Err(wrong(byte, "in string escape code")),
                },
                byte if byte < 0x20 => return Err(wrong(byte, "in string literal")),
                _ => {}
            }
        }
    }

    fn number(&mut self) -> Step<()> {
        let mut first = self.next()?;
        if first == b'-' {
            first = self.next()?;
        }
        match first {
            b'0' => {}
            b'1'..=b'9' => self.digits(),
            byte => return Err(wrong(byte, "in numeric literal")),
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digit("after decimal point in numeric literal")?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digit("in exponent of numeric literal")?;
        }
        Ok(())
    }

    /// Reads one digit or more.
    fn digit(&mut self, place: &str) -> Step<()> {
        match self.next()? {
            b'0'..=b'9' => {
                self.digits();
                Ok(())
            }
            byte => Err(wrong(byte, place)),
        }
    }

    fn digits(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
    }

    fn literal(&mut self, word: &str) -> Step<()> {
        for expected in word.bytes() {
            let byte = self.next()?;
            if byte != expected {
                let place = format!("in literal {word} (expecting {})", quoted(expected));
                return Err(wrong(byte, &place));
            }
        }
        Ok(())
    }

    fn open(&mut self, is_object: bool) -> Step<()> {
        self.at += 1;
        self.open.push(is_object);
        if self.open.len() > DEPTH_MAX { Err("exceeded max depth".to_owned()) } else { Ok(()) }
    }

    fn close(&mut self) {
        self.at += 1;
        self.open.pop();
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn next(&mut self) -> Step<u8> {
        let byte = self.peek().ok_or("unexpected end of JSON input")?;
        self.at += 1;
        Ok(byte)
    }

    /// Returns the next byte that is no white space, without taking it.
    fn skip_space(&mut self) -> Option<u8> {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
        self.peek()
    }

    fn required(&mut self) -> Step<u8> {
        self.skip_space().ok_or_else(|| "unexpected end of JSON input".to_owned())
    }
}

fn wrong(byte: u8, place: &str) -> String {
    format!("invalid character {} {place}", quoted(byte))
}

/// A byte as Go quotes it: it takes each for a character of its own.
fn quoted(byte: u8) -> String {
    match byte {
        b'\'' => r"'\''".to_owned(),
        b'"' => "'\"'".to_owned(),
        b'\\' => r"'\\'".to_owned(),
        0x07 => r"'\a'".to_owned(),
        0x08 => r"'\b'".to_owned(),
        0x0c => r"'\f'".to_owned(),
        b'\n' => r"'\n'".to_owned(),
        b'\r' => r"'\r'".to_owned(),
        b'\t' => r"'\t'".to_owned(),
        0x0b => r"'\v'".to_owned(),
        byte if byte < 0x20 || byte == 0x7f => format!(r"'\x{byte:02x}'"),
        // What Unicode does not print, in the range that one byte has.
        byte if (0x80..=0xa0).contains(&byte) || byte == 0xad => format!(r"'\u{byte:04x}'"),
        byte => format!("'{}'", char::from(byte)),
    }
}

#[cfg(test)]
mod tests {
    use super::syntax_error;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(syntax_error(text.as_bytes()).as_deref(), Some(expected), "{text}");
    }

    #[test]
    fn what_is_json_has_no_error() {
        for text in [
            "{}",
            "[]",
            " null ",
            "0",
            "-1.5e+3",
            "[1,[2,{\"a\":[]}],true,false]",
            "{\"a\":{\"b\":\"\\u00ff\\n\"},\"c\":[[]]}\n",
            "\"\\\"\"",
        ] {
            assert_eq!(syntax_error(text.as_bytes()), None, "{text}");
            assert!(serde_json::from_str::<serde_json::Value>(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn errors_are_those_of_go() {
        check("", "unexpected end of JSON input");
        check("{bad", "invalid character 'b' looking for beginning of object key string");
        check("{\"a\" 1}", "invalid character '1' after object key");
        check("{\"a\":1 \"b\"}", "invalid character '\"' after object key:value pair");
        check("{\"a\":1,}", "invalid character '}' looking for beginning of object key string");
        check("[1 2]", "invalid character '2' after array element");
        check("[1,]", "invalid character ']' looking for beginning of value");
        check("x", "invalid character 'x' looking for beginning of value");
        check("{} x", "invalid character 'x' after top-level value");
        check("01", "invalid character '1' after top-level value");
        check("-x", "invalid character 'x' in numeric literal");
        check("1.x", "invalid character 'x' after decimal point in numeric literal");
        check("1ex", "invalid character 'x' in exponent of numeric literal");
        check("trux", "invalid character 'x' in literal true (expecting 'e')");
        check("\"a\u{1}\"", "invalid character '\\x01' in string literal");
        check("\"a\n\"", "invalid character '\\n' in string literal");
        check("\"\\x\"", "invalid character 'x' in string escape code");
        check("\"\\u00g0\"", "invalid character 'g' in \\u hexadecimal character escape");
        check("'a'", "invalid character '\\'' looking for beginning of value");
        check("é", "invalid character 'Ã' looking for beginning of value");
        check("{\"a\":", "unexpected end of JSON input");
        check(&"[".repeat(10_001), "exceeded max depth");
    }
}
