//! Broken YAML in our words: what the parser says, where, and what to do about the common slips.

use std::ops::Range;

use granit_parser::{ErrorKind, ScanError};

use super::DEPTH_MAX;
use crate::{
    diagnostic::{Code, Diagnostic, Fix},
    source::{SourceId, Span},
};

/// Makes the finding of a parser error.
pub(super) fn explain(error: &ScanError, text: &str, source: SourceId) -> Box<Diagnostic> {
    let at = error.marker().byte_offset().unwrap_or(text.len()).min(text.len());
    let at = (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    if *error.kind() == ErrorKind::RecursionLimitExceeded {
        return too_deep(Span::new(source, at..at + 1));
    }
    if let Some((token, value)) = brace_without_quotes(text, at) {
        return braces_in_value(text, Span::new(source, token), Span::new(source, value));
    }
    let rest = text.get(at..).unwrap_or_default();
    let width = match error.kind() {
        ErrorKind::UnknownAnchor => rest.find(|c: char| c.is_whitespace() || ",[]{}".contains(c)).unwrap_or(rest.len()),
        _ => rest.chars().next().filter(|c| *c != '\n').map_or(0, char::len_utf8),
    };
    let span = Span::new(source, at..at + width);
    let words = words(error.kind());
    let mut finding = Diagnostic::error(words.code, words.message).label(span, words.label);
    if let Some(help) = words.help {
        finding = finding.help(help);
    }
    finding.into()
}

/// The finding of nesting over the limit.
pub(super) fn too_deep(span: Span) -> Box<Diagnostic> {
    let message = format!("the document is nested more than {DEPTH_MAX} levels deep");
    Diagnostic::error(Code::TooDeep, message).label(span, "this level is one too many").into()
}

/// The finding of `{name}` without quotes where YAML reads a map.
pub(crate) fn unquoted_brace(text: &str, span: Span) -> Box<Diagnostic> {
    braces_in_value(text, span, span)
}

/// The finding of a token with braces; quotes are put around the value that it is a part of.
fn braces_in_value(text: &str, token: Span, value: Span) -> Box<Diagnostic> {
    let written = |span: Span| text.get(span.range()).unwrap_or_default();
    let fix =
        Fix { span: value, replacement: quoted(written(value)), title: Some("put the value in quotes".to_owned()) };
    Diagnostic::error(Code::UnquotedBrace, format!("the braces of `{}` need quotes here", written(token)))
        .label(token, "YAML takes the brace for the start of a map")
        .fix(fix)
        .into()
}

/// Double quotes read best; where they would change what the text means, single ones do not.
fn quoted(text: &str) -> String {
    if text.contains(['"', '\\']) { format!("'{}'", text.replace('\'', "''")) } else { format!("\"{text}\"") }
}

struct Words {
    code: Code,
    message: String,
    label: &'static str,
    help: Option<&'static str>,
}

fn words(kind: &ErrorKind) -> Words {
    flow_words(kind).unwrap_or_else(|| match kind {
        ErrorKind::UnknownAnchor => Words {
            code: Code::BadAlias,
            ..syntax(
                "an alias names no anchor",
                "no `&` with this name stands before",
                Some("a text that begins with `*` needs quotes"),
            )
        },
        ErrorKind::MappingValueNotAllowed | ErrorKind::InvalidColonPlacement => syntax(
            "a `:` stands where no key can be",
            "YAML takes what stands before for a key",
            Some("put a value that holds `: ` in quotes, and check that keys of one map begin in the same column"),
        ),
        ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation
        | ErrorKind::TabNotAllowed
        | ErrorKind::TabInPlainScalar => syntax("a tab stands in the indentation", "", Some("indent with blanks")),
        ErrorKind::UnclosedQuotedScalar | ErrorKind::DocumentIndicatorInQuotedScalar => {
            syntax("a quote is never closed", "it begins here", None)
        }
        ErrorKind::ExpectedBlockMappingKey | ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey => {
            syntax("a key with `:` was expected", "here", Some("keys of one map begin in the same column"))
        }
        ErrorKind::InvalidIndentation => {
            syntax("the indentation fits nothing above", "here", Some("keys of one map begin in the same column"))
        }
        ErrorKind::UnexpectedCharacter { character } => {
            let message = format!("a value cannot begin with `{}`", character.escape_debug());
            syntax(message, "here", Some("put the value in quotes"))
        }
        ErrorKind::UnknownQuotedScalarEscape => syntax(
            "a text in double quotes holds an unknown escape",
            "it begins here",
            Some("write `\\\\` for a backslash, or use single quotes"),
        ),
        other => syntax(other.to_string(), "here", None),
    })
}

/// What goes wrong between brackets and braces.
fn flow_words(kind: &ErrorKind) -> Option<Words> {
    Some(match kind {
        ErrorKind::UnclosedFlowCollection { open } => {
            syntax(format!("a `{open}` is never closed"), "it begins here", None)
        }
        ErrorKind::MisplacedFlowCollectionEnd => syntax("a bracket is closed that was never opened", "", None),
        ErrorKind::MismatchedFlowCollectionEnd { open, close } => {
            syntax(format!("a `{open}` is closed by `{close}`"), "", None)
        }
        ErrorKind::ExpectedFlowMappingSeparator => syntax(
            "a `,` or `}` was expected",
            "before this",
            Some("a value that holds `,`, `{`, `}`, `[` or `]` needs quotes inside of braces"),
        ),
        ErrorKind::ExpectedFlowSequenceSeparator => syntax(
            "a `,` or `]` was expected",
            "before this",
            Some("a value that holds `,`, `{`, `}`, `[` or `]` needs quotes inside of brackets"),
        ),
        _ => return None,
    })
}

fn syntax(message: impl Into<String>, label: &'static str, help: Option<&'static str>) -> Words {
    Words { code: Code::Syntax, message: message.into(), label, help }
}

/// Finds the token around `at` whose brace made a flow mapping break, and the value that it is a part of:
/// `${REGION}` and `hello from ${REGION}` in `{ body: hello from ${REGION} }`.
///
/// YAML ends a plain scalar at a brace inside of a flow collection and starts a map there, so the error stands at the
/// brace or after its `}`. The token runs to the blank, comma or closing brace that belongs to the map around it.
fn brace_without_quotes(text: &str, at: usize) -> Option<(Range<usize>, Range<usize>)> {
    // A value is short. To look through a line of megabytes for each of its braces would take for ever.
    const LOOKED_AT: usize = 1_000;
    let text = text.get(..text.ceil_char_boundary(at.saturating_add(LOOKED_AT)))?;
    let from = text.floor_char_boundary(at.saturating_sub(LOOKED_AT));
    let line_start = text.get(from..at)?.rfind('\n').map_or(from, |newline| from + newline + 1);
    let line_end = text.get(at..)?.find('\n').map_or(text.len(), |newline| at + newline);
    let line = text.get(line_start..line_end)?;
    let braces = line.match_indices('{').map(|(offset, _)| offset);
    let in_text = |range: Range<usize>| range.start + line_start..range.end + line_start;
    // The parser gives up at the brace itself, or at what follows the map it saw there.
    let gave_up_at = |token: &Range<usize>| token.start + line_start < at && at <= token.end + line_start;
    let token = braces.filter_map(|brace| token_with_brace(line, brace)).find(gave_up_at)?;
    let value = value_around(line, &token);
    Some((in_text(token), in_text(value)))
}

/// Widens a token to the value that it is a part of: from what begins a value to what ends one.
fn value_around(line: &str, token: &Range<usize>) -> Range<usize> {
    let before = line.get(..token.start).unwrap_or_default();
    let after = line.get(token.end..).unwrap_or_default();
    let begins = |(at, _): (usize, &str)| at + 1;
    let colon = before.rmatch_indices(": ").next().map(begins);
    let bracket = before.rmatch_indices([',', '[', '{']).next().map(begins);
    let start = colon.max(bracket).unwrap_or_default();
    let blanks = before.len() - before.get(start..).unwrap_or_default().trim_start().len();
    let end = end_of_value(after, |rest| rest.trim_start().starts_with('#'));
    blanks..token.end + after.get(..end).unwrap_or_default().trim_end().len()
}

/// Returns where the value ends in a text that is inside of it: before a comma, a closing bracket or brace that it did
/// not open, or a blank at which `stops` says so of the rest.
fn end_of_value(text: &str, stops: impl Fn(&str) -> bool) -> usize {
    let mut depth = 0_usize;
    for (offset, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            '}' | ',' | ']' if depth == 0 => return offset,
            c if c.is_whitespace() && depth == 0 && stops(text.get(offset..).unwrap_or_default()) => return offset,
            _ => {}
        }
    }
    text.len()
}

/// Returns the token in which the brace at `brace` stands glued to other text, if it does.
fn token_with_brace(line: &str, brace: usize) -> Option<Range<usize>> {
    let ends_value = |c: char| c.is_whitespace() || matches!(c, ',' | '[' | ']' | '"' | '\'' | '{' | '}');
    let before = line.get(..brace)?;
    let mut start = before.rfind(ends_value).map_or(0, |at| at + 1);
    // A closing brace before is part of the same value: `/{a}/{b}`.
    while start > 0 && line.as_bytes()[start - 1] == b'}' {
        let open = line.get(..start)?.rfind('{')?;
        start = line.get(..open)?.rfind(ends_value).map_or(0, |at| at + 1);
    }
    if line.get(start..brace)?.ends_with(':') {
        return None;
    }
    let end = brace + end_of_value(line.get(brace..)?, |_| true);
    let token = line.get(start..end)?;
    let closed = token.matches('{').count() == token.matches('}').count();
    // A brace at the start is glued to what follows its end, else it is the map it looks like.
    let glued = start < brace || !token.ends_with('}');
    (closed && glued).then_some(start..end)
}

#[cfg(test)]
mod tests {
    use crate::source::{SourceKind, SourceMap};

    fn check(text: &str, expected: &str) {
        let mut sources = SourceMap::default();
        let id = sources.add(SourceKind::File("t.yaml".into()), text.into());
        let findings = super::super::parse(text, id).findings;
        let finding = findings.iter().last().unwrap();
        let label = &finding.labels[0];
        assert_eq!(format!("{}: {}", finding.code, text.get(label.span.range()).unwrap()), expected, "{text}");
    }

    /// Checks the text after the fix, and that it is YAML then.
    fn check_fixed(text: &str, expected: &str) {
        let parsed = |text: &str| {
            let mut sources = SourceMap::default();
            let id = sources.add(SourceKind::File("t.yaml".into()), text.into());
            super::super::parse(text, id).findings
        };
        let findings = parsed(text);
        let fix = findings.iter().last().and_then(|finding| finding.fix.clone()).expect(text);
        let mut fixed = text.to_owned();
        fixed.replace_range(fix.span.range(), &fix.replacement);
        assert_eq!(fixed, expected);
        assert_eq!(parsed(&fixed).iter().next(), None, "{fixed}");
    }

    #[test]
    fn braces_without_quotes_are_found_with_their_whole_value() {
        check("match: { path: /greet/{name} }", "unquoted-brace: /greet/{name}");
        check("match: { path: /{name}/x, method: GET }", "unquoted-brace: /{name}/x");
        check("match: {path: /a/{b}/{c}}", "unquoted-brace: /a/{b}/{c}");
        check("- { match: { path: /a }, to: /b/{x=**} }", "unquoted-brace: /b/{x=**}");
        check("a: [/x/{y}]", "unquoted-brace: /x/{y}");
        check("a: {x}/y", "unquoted-brace: {x}/y");
        check("a: { b: hello from ${C:-here} }", "unquoted-brace: ${C:-here}");
        check("a: { b: ${C:-over there} }", "unquoted-brace: ${C:-over there}");
    }

    #[test]
    fn quotes_are_put_around_the_whole_value() {
        check_fixed("a: { b: hello from ${C:-here} }", "a: { b: \"hello from ${C:-here}\" }");
        check_fixed("a: { b: ${C} and ${D}, e: 1 }", "a: { b: \"${C} and ${D}\", e: 1 }");
        check_fixed("a: [x, see /y/{z} there]", "a: [x, \"see /y/{z} there\"]");
        check_fixed("a: {b: {c: d\\e ${F}} }", "a: {b: {c: 'd\\e ${F}'} }");
        check_fixed("a: { b: c ${D} # why\n  }", "a: { b: \"c ${D}\" # why\n  }");
        check_fixed("a: { b:\n    c ${D}\n  }", "a: { b:\n    \"c ${D}\"\n  }");
        check_fixed("a: { b: /{c}/d, e: f }", "a: { b: \"/{c}/d\", e: f }");
    }

    #[test]
    fn other_slips_are_named() {
        check("a: { b: 1 c: 2 }", "syntax: :");
        check("a:\n\tb: 1", "syntax: b");
        check("a: 'x", "syntax: '");
        check("a: [1, 2", "syntax: [");
        check("a: b: c", "syntax: :");
        check("a: *b", "bad-alias: *b");
        check("a: `x`", "syntax: `");
    }
}
