//! `micro check`: all findings of each document.

use config_schema::Report;
use gateway_snapshot::Compiled;
use serde_json::{Value, json};

use super::documents;
use crate::arguments::Invocation;
use crate::exit::Exit;
use crate::output::{Output, complain_report, say, say_json};

/// Checks documents as the gateway would read them.
pub(crate) fn check(invocation: &Invocation) -> Exit {
    let documents = match documents(invocation) {
        Ok(documents) => documents,
        Err(exit) => return exit,
    };
    let mut exit = Exit::Done;
    let mut results = Vec::new();
    for (name, origin) in documents {
        let result = origin.compile();
        if result.is_err() {
            exit = Exit::Invalid;
        }
        match invocation.output {
            Output::Text => print(&name, &result),
            Output::Json => results.push(json_of(&name, &result)),
        }
    }
    if invocation.output == Output::Json {
        say_json(&json!({ "documents": results }));
    }
    exit
}

/// Findings go to standard error, as those of every command do.
fn print(name: &str, result: &Result<Compiled, Report>) {
    match result {
        Ok(compiled) => {
            complain_report(&compiled.warnings);
            say(&format!("{name}: ok\n"));
        }
        Err(report) => complain_report(report),
    }
}

fn json_of(name: &str, result: &Result<Compiled, Report>) -> Value {
    let (digest, report) = match result {
        Ok(compiled) => (Some(&compiled.loaded.digest), &*compiled.warnings),
        Err(report) => (None, report),
    };
    let mut value = json!({ "document": name, "valid": digest.is_some(), "digest": digest });
    if let (Value::Object(value), Value::Object(findings)) = (&mut value, report.to_json()) {
        value.extend(findings);
    }
    value
}
