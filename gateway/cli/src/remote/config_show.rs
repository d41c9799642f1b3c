//! `micro config show --admin ADDRESS`: the document that is in force in a running process.

use http::{Method, StatusCode};

use super::Process;
use super::client::ask;
use crate::arguments::Invocation;
use crate::exit::Exit;
use crate::output::{Output, complain, complain_error, say};

/// Shows the document of a running process; it is always the effective one.
pub(crate) fn config_show(invocation: &Invocation) -> Exit {
    let process = match Process::of(invocation) {
        Ok(process) => process,
        Err(reason) => {
            complain(&format!("error: {reason}\n"));
            return Exit::Failed;
        }
    };
    let format = match invocation.output {
        Output::Text => "yaml",
        Output::Json => "json",
    };
    let target = format!("/config?format={format}&origin={}", invocation.values.is_on("origin"));
    match ask(&process, Method::GET, &target, "*/*") {
        Ok(answer) if answer.status == StatusCode::OK => {
            say(&answer.body);
            Exit::Done
        }
        Ok(answer) => {
            let hint = process.hint(answer.status);
            complain(&format!("error: {}: {}\n{hint}", answer.status, answer.body.trim_end()));
            Exit::Failed
        }
        Err(error) => {
            complain_error(&error);
            Exit::Failed
        }
    }
}
