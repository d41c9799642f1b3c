//! The words for what is wrong with a value.

use super::{
    failure::{Expected, Kind, Raw},
    reader::Target,
};
use crate::{
    diagnostic::{Code, Diagnostic, Fix},
    path::DocumentPath,
    schema,
    source::{SourceMap, Span},
    suggest::did_you_mean,
    tree::{Map, Node, Resolved, unquoted_brace},
    value::{ValueFacts, shortened},
};

/// Makes the finding of a failure; none where another finding has said it already.
pub(super) fn finding(sources: &SourceMap, path: &DocumentPath, target: Target<'_>, raw: &Raw) -> Option<Diagnostic> {
    let mark = target.mark;
    let finding = |message: String| Diagnostic::error(raw.code(), message).path(path.clone());
    Some(match &raw.kind {
        Kind::MissingKey { key } => {
            missing_keys(finding(String::new()), target, raw.type_name.unwrap_or_default(), key)?
        }
        _ if raw.code() == Code::UnknownVersion => unknown_version(finding(String::new()), target),
        Kind::UnknownValue { found, known } => {
            suggest(finding(format!("`{found}` is not known here")), mark, found, known)
        }
        Kind::WrongType { expected } => wrong_type(sources, finding(String::new()), target, expected),
        Kind::SeveralKeys { known } => {
            let count = target.node.as_map().map_or(0, Map::len);
            finding(format!("one key was expected, found {count}"))
                .label(mark, "only one can stand here")
                .help(one_of(known))
        }
        Kind::OutOfRange { message, allowed, .. } => finding(message.clone()).label(mark, allowed.as_str()),
        Kind::Refused { reason } => refused(finding(String::new()), sources, target, raw, reason),
    })
}

/// A text that is no value of its type: what it is not, why, and how it may look.
fn refused(finding: Diagnostic, sources: &SourceMap, target: Target<'_>, raw: &Raw, reason: &str) -> Diagnostic {
    let Some(facts) = raw.facts() else {
        return Diagnostic { message: reason.to_owned(), ..finding }.label(target.mark, "");
    };
    // The name of an entry is judged by its key.
    let text = match target.node.as_scalar().filter(|_| target.mark == target.node.span) {
        Some(scalar) => scalar.text.as_str(),
        None => sources.slice(target.mark).trim_matches(['"', '\'']),
    };
    let message = match text {
        "" => format!("an empty text is not {}", facts.what),
        text => format!("`{}` is not {}", shortened(text), facts.what),
    };
    let finding = Diagnostic { message, ..finding }.label(target.mark, reason);
    match facts {
        ValueFacts { examples: "", .. } => finding,
        ValueFacts { code: Code::BadName, examples, .. } => finding.help(*examples),
        // A reason that shows how to write it needs no further example.
        _ if reason.contains('`') => finding,
        ValueFacts { examples, .. } => finding.help(format!("for example {examples}")),
    }
}

fn unknown_version(finding: Diagnostic, target: Target<'_>) -> Diagnostic {
    let message = match target.node.as_scalar() {
        Some(scalar) => format!("`{}` is no version of the document", shortened(&scalar.text)),
        None => format!("{} is no version of the document", target.node.describe()),
    };
    let fix = Fix { span: target.mark, replacement: "micro/v1".to_owned(), title: None };
    Diagnostic { message, ..finding }.label(target.mark, "the only version is `micro/v1`").fix(fix)
}

fn wrong_type(sources: &SourceMap, finding: Diagnostic, target: Target<'_>, expected: &Expected) -> Diagnostic {
    let Target { node, mark } = target;
    if *expected == Expected::Text && is_bare_brace(node, sources) {
        let text = sources.get(node.span.source).text();
        return Diagnostic { path: finding.path, ..*unquoted_brace(text, node.span) };
    }
    let message = format!("expected {expected}, found {}", node.describe());
    let finding = Diagnostic { message, ..finding }.label(mark, "");
    let Some(replacement) = node.as_scalar().and_then(|scalar| match (expected, scalar.resolve()) {
        (_, Resolved::Null) => None,
        (Expected::Bool, Resolved::Text(word)) => boolean_of_old(word).map(str::to_owned),
        (Expected::List, _) => Some(format!("[{}]", sources.slice(node.span))),
        (Expected::Text, _) => Some(format!("\"{}\"", scalar.text)),
        _ => None,
    }) else {
        return finding;
    };
    let fix = Fix { span: node.span, replacement: replacement.clone(), title: None };
    finding.help(format!("write `{replacement}`")).fix(fix)
}

/// `{name}` without quotes is a map with one key and no value.
fn is_bare_brace(node: &Node, sources: &SourceMap) -> bool {
    let one_empty_key = |map: &Map| map.len() == 1 && map.values().all(|entry| entry.node.is_null());
    node.as_map().is_some_and(one_empty_key) && sources.slice(node.span).starts_with('{')
}

/// The truth values of YAML 1.1, which are plain words in 1.2.
fn boolean_of_old(word: &str) -> Option<&'static str> {
    match word.to_ascii_lowercase().as_str() {
        "yes" | "on" | "y" => Some("true"),
        "no" | "off" | "n" => Some("false"),
        _ => None,
    }
}

/// So many keys of a map are looked at for misspellings: enough for any map that a person wrote.
const WRITTEN_MAX: usize = 50;

/// Names what is missing in a map; nothing where a value was there and is in error already, or where a misspelt key
/// was reported in its place.
fn missing_keys(finding: Diagnostic, target: Target<'_>, type_name: &str, key: &str) -> Option<Diagnostic> {
    let Target { node, mark } = target;
    if node.get(key).is_some() {
        return None;
    }
    let map = node.as_map();
    if let Some(entry) = map.and_then(|map| map.get(key)) {
        let message = format!("the key `{key}` has no value");
        return Some(Diagnostic { message, ..finding }.label(entry.key, "a value is needed"));
    }
    let misspelt = |key: &str| {
        map.into_iter().flatten().take(WRITTEN_MAX).any(|(written, _)| is_misspelt(written, key, type_name))
    };
    let written = |key: &str| map.is_some_and(|map| map.contains_key(key));
    let required = schema::required_keys(type_name).iter().map(String::as_str);
    let missing: Vec<&str> = required.filter(|key| !written(key) && !misspelt(key)).collect();
    let (message, label) = match missing.as_slice() {
        [] => return None,
        [only] => (format!("the key `{only}` is missing"), format!("`{only}` is needed here")),
        [first @ .., last] => {
            let list = first.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ");
            (format!("the keys {list} and `{last}` are missing"), "they are needed here".to_owned())
        }
    };
    Some(Diagnostic { message, ..finding }.label(mark, label))
}

/// Whether an unknown key was reported as a misspelling of this one.
fn is_misspelt(written: &str, key: &str, type_name: &str) -> bool {
    let known = schema::property_names(type_name);
    !known.iter().any(|name| name == written) && did_you_mean(written, known.iter().map(String::as_str)) == Some(key)
}

/// Says what was meant, or what there is.
fn suggest(finding: Diagnostic, span: Span, found: &str, known: &[&str]) -> Diagnostic {
    match did_you_mean(found, known.iter().copied()) {
        Some(meant) => {
            let fix = Fix { span, replacement: meant.to_owned(), title: None };
            finding.label(span, format!("did you mean `{meant}`?")).fix(fix)
        }
        None => finding.label(span, "").help(one_of(known)),
    }
}

/// Says of an unknown key what was meant, where it would belong, or what there is.
pub(super) fn unknown_key(finding: Diagnostic, span: Span, key: &str, known: &[&str]) -> Diagnostic {
    match place_of(key) {
        Some(place) if did_you_mean(key, known.iter().copied()).is_none() => {
            finding.label(span, "").help(format!("`{key}` stands {place}"))
        }
        _ => suggest(finding, span, key, known),
    }
}

/// Where a key stands that was written in the wrong place.
fn place_of(key: &str) -> Option<&'static str> {
    const PLACES: [(&str, &str); 8] = [
        ("Proxy", "under its handler: `handler: { proxy: { … } }`"),
        ("Redirect", "under its handler: `handler: { redirect: { … } }`"),
        ("Respond", "under its handler: `handler: { respond: { … } }`"),
        ("PolicySet", "in a policy set: `policies: { NAME: { … } }`"),
        ("Limits", "under `limits` of a listener"),
        ("Match", "under `match` of a route"),
        ("Pool", "under `pool` of a service"),
        ("Route", "in a route"),
    ];
    PLACES
        .iter()
        .find(|(name, _)| schema::property_names(name).iter().any(|known| known == key))
        .map(|(_, place)| *place)
}

fn one_of(known: &[&str]) -> String {
    format!("known here: {}", known.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", "))
}
