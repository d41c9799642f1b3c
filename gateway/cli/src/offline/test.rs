//! `micro test`: the tests that stand in a document, decided offline.

use config_schema::document::{Document, Expect, TestCase};
use config_schema::{DocumentPath, Origin as ValueOrigin};
use gateway_snapshot::{Compiled, Explanation, Given};
use serde_json::{Value, json};

use super::{documents, explain, listener};
use crate::arguments::Invocation;
use crate::exit::Exit;
use crate::output::{Output, complain, complain_report, say, say_json};

/// What came of one test.
#[derive(Debug)]
struct Outcome {
    name: String,
    /// Where the test stands.
    place: ValueOrigin,
    /// What differs, each with its place; empty for a test that passed.
    failures: Vec<Failure>,
}

/// One expectation that was not met.
#[derive(Debug)]
struct Failure {
    place: ValueOrigin,
    message: String,
}

/// Runs the tests of each document.
pub(crate) fn test(invocation: &Invocation) -> Exit {
    let documents = match documents(invocation) {
        Ok(documents) => documents,
        Err(exit) => return exit,
    };
    let (mut exit, mut results) = (Exit::Done, Vec::new());
    for (name, origin) in documents {
        match origin.compile() {
            Ok(compiled) => {
                complain_report(&compiled.warnings);
                let outcomes = run(&compiled);
                if outcomes.iter().any(|outcome| !outcome.failures.is_empty()) && exit == Exit::Done {
                    exit = Exit::Failed;
                }
                match invocation.output {
                    Output::Text => print(&name, &outcomes),
                    Output::Json => results.push(json_of(&name, &outcomes)),
                }
            }
            Err(report) => {
                complain_report(&report);
                exit = Exit::Invalid;
            }
        }
    }
    if invocation.output == Output::Json {
        say_json(&json!({ "documents": results }));
    }
    exit
}

fn run(compiled: &Compiled) -> Vec<Outcome> {
    let tests = &compiled.loaded.document.tests;
    tests.iter().enumerate().map(|(index, case)| run_one(compiled, index, case)).collect()
}

fn run_one(compiled: &Compiled, index: usize, case: &TestCase) -> Outcome {
    let path = DocumentPath::root().key("tests").index(index);
    let place = |path: DocumentPath| compiled.loaded.origin_of(&path);
    let failures = match explained(compiled, case) {
        Ok(explanation) => differences(&compiled.loaded.document, &case.expect, &explanation)
            .into_iter()
            .map(|(key, message)| Failure { place: place(path.clone().key("expect").key(key)), message })
            .collect(),
        Err(message) => vec![Failure { place: place(path.clone().key("request")), message }],
    };
    let name = case.name.clone().unwrap_or_else(|| case.request.to_string());
    Outcome { name, place: place(path.key("request")), failures }
}

fn explained(compiled: &Compiled, case: &TestCase) -> Result<Explanation, String> {
    let name = case.listener.as_ref().map(config_schema::value::ListenerName::as_str);
    let listener = listener::choose(&compiled.snapshot, &case.request.url, name)?;
    let headers: Vec<(&str, &str)> = case.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let given =
        case.given.as_ref().map_or(Given::All, |names| Given::Names(names.iter().map(ToString::to_string).collect()));
    Ok(explain::ask(compiled, listener, &given, &case.request.to_string(), &headers))
}

/// Compares only what is written.
fn differences(document: &Document, expect: &Expect, found: &Explanation) -> Vec<(&'static str, String)> {
    let table = document.listeners.iter().find(|(name, _)| name.as_str() == found.listener);
    let table = table.map(|(_, listener)| listener.routes.as_str());
    // `meta` is answered by the handler it chooses, and may be called by its own name too.
    let handler = match (found.handler, expect.handler.as_deref()) {
        (Some("meta"), expected) if expected != Some("meta") => Some("rpc"),
        (handler, _) => handler,
    };
    let status = found.status.map(|status| status.to_string());
    let texts = [
        ("listener", expect.listener.as_ref().map(ToString::to_string), Some(found.listener.as_str())),
        ("table", expect.table.as_ref().map(ToString::to_string), table),
        ("route", expect.route.clone(), found.route.as_deref()),
        ("handler", expect.handler.clone(), handler),
        ("service", expect.service.as_ref().map(ToString::to_string), found.service.as_deref()),
        ("method", expect.method.clone(), found.method.as_deref()),
        ("status", expect.status.as_ref().map(|status| status.code().to_string()), status.as_deref()),
    ];
    let different = |(key, expected, found): (&'static str, Option<String>, Option<&str>)| {
        let expected = expected.filter(|expected| Some(expected.as_str()) != found)?;
        Some((key, format!("expected {key} {expected}, found {}", found.unwrap_or("none"))))
    };
    texts.into_iter().filter_map(different).collect()
}

fn print(name: &str, outcomes: &[Outcome]) {
    let failed = outcomes.iter().filter(|outcome| !outcome.failures.is_empty()).count();
    for outcome in outcomes {
        for failure in &outcome.failures {
            complain(&format!("{}: {}: {}\n", failure.place, outcome.name, failure.message));
        }
    }
    say(&format!("{name}: {} of {} tests passed\n", outcomes.len() - failed, outcomes.len()));
}

fn json_of(name: &str, outcomes: &[Outcome]) -> Value {
    let one = |outcome: &Outcome| {
        let failures: Vec<Value> = outcome
            .failures
            .iter()
            .map(|failure| json!({ "place": failure.place.to_string(), "message": failure.message }))
            .collect();
        json!({
            "name": outcome.name,
            "place": outcome.place.to_string(),
            "passed": failures.is_empty(),
            "failures": failures,
        })
    };
    let tests: Vec<Value> = outcomes.iter().map(one).collect();
    let passed = outcomes.iter().filter(|outcome| outcome.failures.is_empty()).count();
    json!({ "document": name, "passed": passed, "failed": outcomes.len() - passed, "tests": tests })
}
