//! `micro explain`: where a request leads and why. The decision is the one that traffic gets.

use std::fmt::Write;

use gateway_exchange::Head;
use gateway_snapshot::{Compiled, Explanation, Given, Listener};
use serde_json::json;

use super::listener;
use crate::arguments::Invocation;
use crate::document::Origin;
use crate::exit::Exit;
use crate::output::{Output, complain, complain_report, say, say_json};

/// What is asked.
#[derive(Debug, PartialEq, Eq)]
struct Question<'i> {
    /// Method and URL.
    request: &'i str,
    headers: Vec<(&'i str, &'i str)>,
    /// The names that are registered; all are if nobody says.
    given: Option<Vec<String>>,
    /// The listener, if it does not follow from the URL.
    listener: Option<&'i str>,
}

/// Explains one request.
pub(crate) fn explain(invocation: &Invocation) -> Exit {
    let Invocation { preset, settings, variables, .. } = invocation;
    let question = match Question::of(invocation) {
        Ok(question) => question,
        Err(reason) => {
            complain(&format!("Incorrect Usage. {reason}\n"));
            return Exit::Usage;
        }
    };
    let compiled = match Origin::of_settings(*preset, settings, variables).compile() {
        Ok(compiled) => compiled,
        Err(report) => {
            complain_report(&report);
            return Exit::Invalid;
        }
    };
    match answer(&compiled, &question) {
        Ok(explanation) => {
            match invocation.output {
                Output::Text => say(&told(&explanation)),
                Output::Json => say_json(&json!(explanation)),
            }
            Exit::Done
        }
        Err(reason) => {
            complain(&format!("error: {reason}\n"));
            Exit::Failed
        }
    }
}

impl<'i> Question<'i> {
    fn of(invocation: &'i Invocation) -> Result<Self, String> {
        let header = |text: &'i String| match text.split_once(':') {
            Some((name, value)) if !name.trim().is_empty() => Ok((name.trim(), value.trim())),
            _ => Err(format!("a header is written `Name: value`, not `{text}`")),
        };
        let values = &invocation.values;
        let names = values.all("given").iter().flat_map(|names| names.split(',')).map(str::trim);
        let names = names.filter(|name| !name.is_empty()).map(str::to_owned);
        Ok(Self {
            request: invocation.words().first().map_or("", String::as_str),
            headers: values.all("header").iter().map(header).collect::<Result<_, _>>()?,
            given: values.given("given").map(|_| names.collect()),
            listener: values.text("listener"),
        })
    }
}

fn answer(compiled: &Compiled, question: &Question<'_>) -> Result<Explanation, String> {
    let request = request(question.request)?;
    let (_, url) = request.split_once(' ').unwrap_or_default();
    let listener = listener::choose(&compiled.snapshot, url, question.listener)?;
    let given = question.given.clone().map_or(Given::All, Given::Names);
    Ok(ask(compiled, listener, &given, &request, &question.headers))
}

/// `GET` may be left out.
fn request(text: &str) -> Result<String, String> {
    let text = text.trim();
    let request = if text.contains(' ') { text.to_owned() } else { format!("GET {text}") };
    let url = request.split_once(' ').map_or("", |(_, url)| url.trim());
    if url.starts_with("http://") || url.starts_with("https://") {
        return Ok(request);
    }
    Err(format!("`{text}` is no request such as 'GET http://localhost:8080/path'"))
}

/// Explains a request to a listener. A head that the gateway refuses before it decides is explained as refused.
pub(super) fn ask(
    compiled: &Compiled,
    listener: &Listener,
    given: &Given,
    request: &str,
    headers: &[(&str, &str)],
) -> Explanation {
    match Head::parse(request, headers) {
        Ok(head) => gateway_snapshot::explain(&compiled.snapshot, listener, given, &head),
        Err(error) => Explanation {
            request: request.to_owned(),
            host: String::new(),
            listener: listener.id.to_string(),
            route: None,
            handler: None,
            service: None,
            method: None,
            status: Some(error.status().as_u16()),
            cause: Some(error.cause().name()),
            detail: Some(error.detail().to_owned()),
            considered: Vec::new(),
            candidates: Vec::new(),
            policies: Vec::new(),
            all_registered: *given == Given::All,
        },
    }
}

/// Tells an explanation for people: first what happens, then why.
fn told(explanation: &Explanation) -> String {
    let mut text = format!("{} for {}\n\n", explanation.request, or_none(&explanation.host));
    what_happens(&mut text, explanation);
    routes(&mut text, explanation);
    candidates(&mut text, explanation);
    policies(&mut text, explanation);
    text
}

fn what_happens(text: &mut String, explanation: &Explanation) {
    let mut line = |name: &str, value: &str| line(text, &format!("{name:<10}{value}"));
    line("listener", &explanation.listener);
    line("route", explanation.route.as_deref().unwrap_or("none matches"));
    for (name, value) in [
        ("handler", explanation.handler),
        ("service", explanation.service.as_deref()),
        ("method", explanation.method.as_deref()),
    ] {
        if let Some(value) = value {
            line(name, value);
        }
    }
    if let Some(status) = explanation.status {
        let because = match (explanation.cause, &explanation.detail) {
            (Some(cause), Some(detail)) => format!(" ({cause}: {detail})"),
            _ => String::new(),
        };
        line("status", &format!("{status}{because}"));
    }
}

fn routes(text: &mut String, explanation: &Explanation) {
    if explanation.considered.is_empty() {
        return;
    }
    line(text, "\nroutes of the listener, in the order of the document");
    let width = |field: fn(&gateway_snapshot::Considered) -> &str| {
        explanation.considered.iter().map(|route| field(route).chars().count()).max().unwrap_or(0).min(40)
    };
    let (id, condition) = (width(|route| &route.route), width(|route| &route.condition));
    for route in &explanation.considered {
        // A route without a name is called by its match: once is enough.
        if route.route == route.condition {
            line(text, &format!("  {:<id$}  {}", route.route, route.outcome));
        } else {
            line(text, &format!("  {:<id$}  {:<condition$}  {}", route.route, route.condition, route.outcome));
        }
    }
}

fn candidates(text: &mut String, explanation: &Explanation) {
    if explanation.candidates.is_empty() {
        return;
    }
    line(text, "\nservices looked for, in this order");
    for candidate in &explanation.candidates {
        let known = if candidate.registered { "registered" } else { "not registered" };
        line(text, &format!("  {} {}: {known}", candidate.service, candidate.method).replace(" :", ":"));
    }
    if explanation.all_registered {
        line(text, "  every name counts as registered; say which are with --given NAME,…");
    }
}

fn policies(text: &mut String, explanation: &Explanation) {
    if explanation.policies.is_empty() {
        return;
    }
    line(text, "\npolicies, in the order in which they run");
    for policy in &explanation.policies {
        line(text, &format!("  {:<10}{} ({})", policy.policy, policy.setting, policy.merging));
    }
}

fn line(text: &mut String, line: &str) {
    writeln!(text, "{line}").expect("a string takes everything");
}

fn or_none(host: &str) -> &str {
    if host.is_empty() { "no host" } else { host }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_method_may_be_left_out() {
        let check = |text: &str, expected: Option<&str>| assert_eq!(request(text).ok().as_deref(), expected, "{text}");
        check("http://h/a", Some("GET http://h/a"));
        check(" POST https://h/a ", Some("POST https://h/a"));
        check("GET /a", None);
        check("localhost:8080/a", None);
    }
}
