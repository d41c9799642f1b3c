//! "Did you mean …?"

/// Returns the known word nearest to a misspelt one, if one is near: at most a third of the letters differ.
/// Of very many words only the first ones are compared.
pub(crate) fn did_you_mean<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    const LONGEST: usize = 100;
    const KNOWN_MAX: usize = 200;
    if word.len() > LONGEST {
        return None;
    }
    let lower = word.to_lowercase().replace('-', "_");
    let distance = |known: &str| strsim::damerau_levenshtein(&lower, &known.to_lowercase().replace('-', "_"));
    let nearest =
        known.into_iter().take(KNOWN_MAX).map(|known| (distance(known), known)).min_by_key(|(distance, _)| *distance);
    nearest
        .filter(|(distance, known)| *distance <= word.chars().count().max(known.chars().count()) / 3)
        .map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(word: &str, expected: Option<&str>) {
        assert_eq!(did_you_mean(word, ["listeners", "routes", "policies", "tls", "max_age"]), expected, "{word}");
    }

    #[test]
    fn near_words_are_suggested() {
        check("lisenters", Some("listeners"));
        check("route", Some("routes"));
        check("Max-Age", Some("max_age"));
        check("tsl", Some("tls"));
        check("clusters", None);
        check(&"x".repeat(1000), None);
    }
}
