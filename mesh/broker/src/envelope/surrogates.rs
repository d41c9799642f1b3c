//! Escapes of half a character, which Go reads as U+FFFD and serde refuses.

/// Replaces each `\uD800` … `\uDFFF` that is not one of a pair by `\ufffd`. The text is JSON already.
pub(super) fn without_lone_surrogates(text: String) -> String {
    if !text.contains("\\u") {
        return text;
    }
    let bytes = text.as_bytes();
    let mut fixed = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] != b'\\' {
            at += 1;
            continue;
        }
        let Some(unit) = unit(bytes, at) else {
            at += 2; // another escape; what it escapes is no beginning of one
            continue;
        };
        let pair = (0xd800..0xdc00).contains(&unit).then(|| self::unit(bytes, at + 6)).flatten();
        if pair.is_some_and(|low| (0xdc00..0xe000).contains(&low)) {
            at += 12;
            continue;
        }
        if (0xd800..0xe000).contains(&unit) {
            fixed[at + 2..at + 6].copy_from_slice(b"fffd");
        }
        at += 6;
    }
    String::from_utf8(fixed).unwrap_or(text)
}

/// Returns the code unit that is escaped there, if one is.
fn unit(bytes: &[u8], at: usize) -> Option<u32> {
    let digits = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
    u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::without_lone_surrogates;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(without_lone_surrogates(text.to_owned()), expected);
    }

    #[test]
    fn halves_are_replaced_and_pairs_stay() {
        check(r#""a\ud83d\ude00b""#, r#""a\ud83d\ude00b""#);
        check(r#""\ud83d""#, r#""\ufffd""#);
        check(r#""\ude00\ud83d\ud83d\ude00""#, r#""\ufffd\ufffd\ud83d\ude00""#);
        check(r#""\\ud83d \n ž""#, r#""\\ud83d \n ž""#);
        check(r#""\u0041""#, r#""\u0041""#);
    }
}
