//! Commands that read a document and say what they see; nothing is bound, nothing is sent.

mod check;
mod config_show;
mod explain;
mod listener;
mod test;

use serde_json::json;

use crate::VERSION;
use crate::arguments::Invocation;
use crate::document::Origin;
use crate::exit::Exit;
use crate::output::{Output, complain, say, say_json};

pub(crate) use check::check;
pub(crate) use config_show::config_show;
pub(crate) use explain::explain;
pub(crate) use test::test;

/// `micro version`.
pub(crate) fn version(invocation: &Invocation) -> Exit {
    match invocation.output {
        Output::Text => say(&format!("micro version {VERSION}\n")),
        Output::Json => say_json(&json!({ "version": VERSION })),
    }
    Exit::Done
}

/// The documents that a command is given: each file on its own, and those of `--config` together as one.
fn documents(invocation: &Invocation) -> Result<Vec<(String, Origin)>, Exit> {
    let Invocation { preset, settings, variables, .. } = invocation;
    let one = |file: &String| (file.clone(), Origin::of_files(*preset, vec![file.clone()], settings, variables));
    let mut documents: Vec<_> = invocation.words().iter().map(one).collect();
    if documents.is_empty() {
        let origin = Origin::of_settings(*preset, settings, variables);
        if !origin.has_files() {
            complain("no document is named: give a file, or `--config FILE`\n");
            return Err(Exit::Usage);
        }
        documents.push((origin.files().collect::<Vec<_>>().join(" + "), origin));
    }
    Ok(documents)
}
