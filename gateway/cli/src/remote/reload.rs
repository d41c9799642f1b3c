//! `micro reload`: has a running process read its document again, and says how that went.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::Process;
use super::client::{Answer, ask};
use crate::arguments::Invocation;
use crate::exit::Exit;
use crate::output::{Output, complain, complain_error, say, say_json};

/// Asks for a reload.
pub(crate) fn reload(invocation: &Invocation) -> Exit {
    let process = match Process::of(invocation) {
        Ok(process) => process,
        Err(reason) => {
            complain(&format!("error: {reason}\n"));
            return Exit::Failed;
        }
    };
    match ask(&process, Method::POST, "/reload", "application/json") {
        Ok(answer) => tell(&process, &answer, invocation.output),
        Err(error) => {
            complain_error(&error);
            Exit::Failed
        }
    }
}

fn tell(process: &Process, answer: &Answer, output: Output) -> Exit {
    let body: Value = serde_json::from_str(&answer.body).unwrap_or_else(|_| json!({ "detail": answer.body }));
    let text = |key: &str| body.get(key).and_then(Value::as_str).unwrap_or_default();
    if output == Output::Json {
        say_json(&body);
    }
    let exit = match answer.status {
        StatusCode::OK => Exit::Done,
        StatusCode::UNPROCESSABLE_ENTITY => Exit::Invalid,
        _ => Exit::Failed,
    };
    if output == Output::Text {
        match exit {
            Exit::Done => {
                complain(text("report")); // warnings
                let generation = body.get("generation").map(ToString::to_string).unwrap_or_default();
                say(&format!("{}: generation {generation}, digest {}\n", text("outcome"), text("digest")));
            }
            Exit::Invalid => complain(&format!("{}refused: the configuration before stays in force\n", text("report"))),
            _ => {
                let hint = process.hint(answer.status);
                complain(&format!("error: {}: {}{}\n{hint}", answer.status, text("detail"), text("report")));
            }
        }
    }
    exit
}
