//! Names of fields as Micro v2 shows them: `fooBar` as `foo_bar`, by the rules of the Go library snaker, which keeps
//! well-known abbreviations in one piece.

/// The abbreviations of Go's linter.
const INITIALISMS: &[&str] = &[
    "ACL", "API", "ASCII", "CPU", "CSS", "DNS", "EOF", "ETA", "GPU", "GUID", "HTML", "HTTP", "HTTPS", "ID", "IP",
    "JSON", "LHS", "OS", "QPS", "RAM", "RHS", "RPC", "SLA", "SMTP", "SQL", "SSH", "TCP", "TLS", "TTL", "UDP", "UI",
    "UID", "UUID", "URI", "URL", "UTF8", "VM", "XML", "XMPP", "XSRF", "XSS", "OAuth",
];

/// Returns a name in lower case, its words joined by `_`.
pub(super) fn snake_case(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut words: Vec<String> = Vec::new();
    let (mut at, mut begun) = (0, 0);
    while at < letters.len() {
        if at > 0 && letters[at].is_uppercase() {
            let rest = letters.get(begun..).unwrap_or_default();
            if let Some(length) = initialism(rest) {
                words.push(rest[..length].iter().collect());
                at += length - 1;
                begun = at;
            } else {
                words.push(letters.get(begun..at).unwrap_or_default().iter().collect());
                begun = at;
            }
        }
        at += 1;
    }
    let last: String = letters.get(begun..).unwrap_or_default().iter().collect();
    if !last.is_empty() {
        words.push(last);
    }
    words.join("_").to_lowercase()
}

/// Returns the length of the longest abbreviation that the letters begin with.
fn initialism(letters: &[char]) -> Option<usize> {
    let begins = |known: &&&str| {
        known.chars().count() <= letters.len() && known.chars().eq(letters.iter().copied().take(known.len()))
    };
    INITIALISMS.iter().filter(begins).map(|known| known.len()).max()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_taken_apart_as_snaker_does() {
        for (name, expected) in [
            ("name", "name"),
            ("fooBar", "foo_bar"),
            ("FooBar", "foo_bar"),
            ("snake_case", "snake_case"),
            ("int32", "int32"),
            ("userID", "user_id"),
            ("IDUser", "id_user"),
            ("XMLParser", "xml_parser"),
            ("a", "a"),
            ("AB", "a_b"),
            ("", ""),
            ("éÀ", "é_à"),
        ] {
            assert_eq!(snake_case(name), expected, "{name}");
        }
    }
}
