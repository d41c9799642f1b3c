//! Commands that speak to a running process, through its admin API.

mod client;
mod config_show;
mod reload;

use std::collections::BTreeMap;

use config_schema::document::Admin;
use config_schema::settings::{GivenBy, Setting};
use config_schema::value::{Secret, SecretSource};
use http::StatusCode;

use crate::arguments::Invocation;
use crate::document::Origin;

pub(crate) use config_show::config_show;
pub(crate) use reload::reload;

/// Where the process is asked unless told otherwise.
const DEFAULT_ADDRESS: &str = "127.0.0.1:8099";

/// Where the process is asked, and the token it asks for.
#[derive(Debug)]
struct Process {
    address: String,
    token: Option<String>,
    /// The document that is named does not load, and with it a token in it.
    token_unread: bool,
}

impl Process {
    /// Takes address and token as they are given, else from the document that is named, else the defaults. A document
    /// that does not load is no reason not to ask: it may be the very one that the process is to read again.
    fn of(invocation: &Invocation) -> Result<Self, String> {
        let token = invocation.values.text("admin_token").map(str::parse::<Secret>).transpose();
        let token = token.map_err(|error| error.to_string())?;
        let Invocation { preset, settings, variables, .. } = invocation;
        let origin = Origin::of_settings(*preset, settings, variables);
        let compiled = origin.has_files().then(|| origin.compile());
        let token_unread = token.is_none() && matches!(compiled, Some(Err(_)));
        let admin: Option<Admin> = compiled.and_then(Result::ok).map(|compiled| compiled.loaded.document.admin.clone());
        let of_document = admin.as_ref().and_then(|admin| admin.address.get()).map(|address| address.to_string());
        let address = invocation
            .setting("admin")
            .map(str::to_owned)
            .or(of_document)
            .unwrap_or_else(|| DEFAULT_ADDRESS.to_owned());
        // `:8099` and `0.0.0.0:8099` are where it listens; from here it is this host.
        let address = match address.rsplit_once(':') {
            Some(("" | "0.0.0.0" | "[::]", port)) => format!("127.0.0.1:{port}"),
            _ => address,
        };
        let secret = token.as_ref().or(admin.as_ref().and_then(|admin| admin.token.as_ref()));
        let token = secret.map(|secret| secret_text(secret, variables)).transpose()?;
        Ok(Self { address, token, token_unread })
    }

    /// Returns what to say beside an answer that is none.
    fn hint(&self, status: StatusCode) -> &'static str {
        if status == StatusCode::UNAUTHORIZED && self.token_unread {
            "help: the document that is named does not load, so its token is not known: give it as --admin_token\n"
        } else {
            ""
        }
    }
}

/// Returns whether a flag names a process. A variable does not: it says where a process should listen.
pub(crate) fn is_asked(invocation: &Invocation) -> bool {
    let is_flag = |setting: &Setting| matches!(setting.by, GivenBy::Flag(_));
    invocation.settings.iter().any(|setting| setting.row.flags.contains(&"admin") && is_flag(setting))
}

/// Reads a secret from where it is.
///
/// # Errors
/// Says what is missing.
pub(crate) fn secret_text(secret: &Secret, variables: &BTreeMap<String, String>) -> Result<String, String> {
    let text = match secret.source() {
        SecretSource::Literal(text) => text.clone(),
        SecretSource::Variable(name) => {
            variables.get(name).cloned().ok_or_else(|| format!("the variable `{name}` is not set"))?
        }
        SecretSource::File(path) => {
            let text =
                std::fs::read_to_string(path).map_err(|error| format!("the file `{path}` cannot be read: {error}"))?;
            text.lines().next().unwrap_or_default().trim().to_owned()
        }
    };
    if text.is_empty() { Err(format!("the secret {secret} is empty")) } else { Ok(text) }
}
