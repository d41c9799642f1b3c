//! The message of a request: from words, a file or standard input.

use std::io::Read;

use super::json;
use crate::session::Failure;

/// The most bytes of a message that is read from a file or standard input: a service takes 4 MiB.
const BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Returns the message that words give: joined by a blank, or `@FILE`, or `@-` for standard input.
pub(super) fn of_words(words: &[String], stdin: bool) -> Result<String, Failure> {
    match words {
        _ if stdin => read("standard input", std::io::stdin()),
        [word] if word == "@-" => read("standard input", std::io::stdin()),
        [word] => match word.strip_prefix('@') {
            Some(path) => {
                let file = std::fs::File::open(path);
                read(path, file.map_err(|error| Failure(format!("open {path}: {error}")))?)
            }
            None => Ok(word.clone()),
        },
        words => Ok(words.join(" ")),
    }
}

/// Returns the JSON object in a text; an empty one is `{}`.
pub(super) fn object(text: &str) -> Result<&str, Failure> {
    if text.is_empty() { Ok("{}") } else { json::first_object(text).map_err(Failure) }
}

fn read(name: &str, from: impl Read) -> Result<String, Failure> {
    let mut text = String::new();
    from.take(BYTES_MAX).read_to_string(&mut text).map_err(|error| Failure(format!("reading {name}: {error}")))?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::of_words;

    #[test]
    fn words_are_joined_and_files_are_read() {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        assert_eq!(of_words(&words(&["{\"a\":", "1}"]), false).unwrap(), "{\"a\": 1}");
        assert_eq!(of_words(&[], false).unwrap(), "");
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"{}").unwrap();
        assert_eq!(of_words(&words(&[&format!("@{}", file.path().display())]), false).unwrap(), "{}");
        assert!(of_words(&words(&["@/nowhere"]), false).unwrap_err().0.starts_with("open /nowhere: "));
    }
}
