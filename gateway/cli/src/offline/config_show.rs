//! `micro config show`: what the document amounts to, and who said so. Secrets are masked where it is written.

use config_schema::{Effective, Origin as ValueOrigin};
use gateway_admin::with_origins;

use crate::arguments::Invocation;
use crate::document::Origin;
use crate::exit::Exit;
use crate::output::{Output, complain_report, say, say_json};

/// Shows the document of files, variables and flags.
pub(crate) fn config_show(invocation: &Invocation) -> Exit {
    let Invocation { preset, settings, variables, .. } = invocation;
    match Origin::of_settings(*preset, settings, variables).compile() {
        Ok(compiled) => {
            complain_report(&compiled.warnings);
            print(&compiled.loaded.effective(), invocation);
            Exit::Done
        }
        Err(report) => {
            complain_report(&report);
            Exit::Invalid
        }
    }
}

/// Without `--effective` only what somebody said is shown, one value a line.
fn print(effective: &Effective, invocation: &Invocation) {
    let is_whole = invocation.values.is_on("effective");
    let with_origin = invocation.values.is_on("origin");
    match (invocation.output, with_origin) {
        (Output::Json, true) => say_json(&with_origins(effective)),
        (Output::Json, false) => say_json(effective.to_json()),
        (Output::Text, true) if is_whole => say(&effective.to_yaml_with_origin()),
        (Output::Text, false) if is_whole => say(&effective.to_yaml()),
        (Output::Text, _) => say(&said(effective, with_origin)),
    }
}

fn said(effective: &Effective, with_origin: bool) -> String {
    let said = effective.iter().filter(|value| value.origin != ValueOrigin::Default);
    let line = |value: &config_schema::EffectiveValue| {
        let origin = if with_origin { format!("  # {}", value.origin) } else { String::new() };
        format!("{}: {}{origin}\n", value.path, value.value)
    };
    said.map(line).collect()
}
