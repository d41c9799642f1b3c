//! Method names out of path segments (spec/gateway 4.1).

/// Appends a segment as a name: cut at `-`, every character that starts a piece or follows a separator in upper case.
///
/// Separators are ASCII characters other than letters, digits and `_`, and white space of any script. They are kept;
/// only `-` is dropped. Letters elsewhere stay as they are: `fooBar` gives `FooBar`, not `Foobar`.
pub(crate) fn push_camel(segment: &str, name: &mut String) {
    for piece in segment.split('-') {
        let mut starts = true;
        for c in piece.chars() {
            if starts {
                push_title(c, name);
            } else {
                name.push(c);
            }
            starts = is_separator(c);
        }
    }
}

fn is_separator(c: char) -> bool {
    if c.is_ascii() { !c.is_ascii_alphanumeric() && c != '_' } else { c.is_whitespace() }
}

/// Title case, one character for one as in Go: what has no single upper-case character (`ß`) stays as it is, the Latin
/// digraphs have a title case of their own, and Georgian has none.
fn push_title(c: char, name: &mut String) {
    let title = match c {
        'Ǆ'..='ǆ' => 'ǅ',
        'Ǉ'..='ǉ' => 'ǈ',
        'Ǌ'..='ǌ' => 'ǋ',
        'Ǳ'..='ǳ' => 'ǲ',
        'ა'..='ჿ' => c,
        c => {
            let mut upper = c.to_uppercase();
            if upper.len() == 1 { upper.next().unwrap_or(c) } else { c }
        }
    };
    name.push(title);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_become_names() {
        let check = |segment: &str, expected: &str| {
            let mut name = String::new();
            push_camel(segment, &mut name);
            assert_eq!(name, expected, "{segment}");
        };
        check("bar", "Bar");
        check("fooBar", "FooBar");
        check("FOO", "FOO");
        check("baz-xyz", "BazXyz");
        check("-bar", "Bar");
        check("bar-", "Bar");
        check("bar--baz", "BarBaz");
        check("baz_qux", "Baz_qux");
        check("_private", "_private");
        check("say.hello", "Say.Hello");
        check("bar baz", "Bar Baz");
        check("foo~x", "Foo~X");
        check("bar:baz", "Bar:Baz");
        check("$bar", "$Bar");
        check("2bar", "2bar");
        check("1.0", "1.0");
        check("ñandú", "Ñandú");
        check("a\u{a0}b", "A\u{a0}B");
        check("a\u{2014}b", "A\u{2014}b");
        check("ßa", "ßa");
        check("ǆa", "ǅa");
        check("აბ", "აბ");
        check("你", "你");
        check("", "");
    }
}
