//! Environments: where commands go that speak to services (spec/toolkit 1.4). Which one counts: `--env`, `MICRO_ENV`,
//! the one selected, `local`.
//!
//! What a registry or a proxy is told by flag or variable wins over the environment.

mod state_file;

use std::collections::BTreeMap;

use serde_json::json;

use crate::arguments::Invocation;
use crate::exit::Exit;
use crate::output::{Output, say, say_json};
use crate::session::Failure;
use state_file::StateFile;

/// The environment without services of the toolkit: it is there unless another one is selected.
const LOCAL: &str = "local";
/// That of `micro server` on this host.
const SERVER: &str = "server";
/// What is shown for no address.
const NO_ADDRESS: &str = "none";
/// The environments that everybody has, with the address of their proxy.
const BUILT_IN: [(&str, &str); 3] = [(LOCAL, NO_ADDRESS), (SERVER, "127.0.0.1:8081"), ("platform", "proxy.micro.mu")];
/// The port of a proxy that is named without one.
const PROXY_PORT: u16 = 443;
/// The registry of `micro server`, which is asked itself while there is no proxy.
const SERVER_REGISTRY: &str = "127.0.0.1:8000";

/// Where a command goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Way {
    /// The address of a registry of the kind `service`; none: what the command finds by itself.
    pub(crate) registry: Option<String>,
    /// The proxy through which calls go.
    pub(crate) proxy: Option<String>,
}

/// One environment.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Environment {
    name: String,
    /// As it was given; empty for none.
    address: String,
}

/// Returns where a command goes: `MICRO_PROXY_ADDRESS` for one command, else the environment.
///
/// # Errors
/// When the environment is unknown.
pub(crate) fn way(invocation: &Invocation) -> Result<Way, Failure> {
    let environment = Environments::of(invocation).current()?.clone();
    if let Some(address) = invocation.setting("proxy_address") {
        return Ok(Way::through(address));
    }
    Ok(match (environment.name.as_str(), environment.address.as_str()) {
        (LOCAL, _) | (_, "" | NO_ADDRESS) => Way { registry: None, proxy: None },
        (SERVER, _) => Way { registry: Some(SERVER_REGISTRY.to_owned()), proxy: None },
        (_, address) => Way::through(address),
    })
}

impl Way {
    /// Everything goes through a proxy: it finds the service by its name, the registry's too.
    fn through(address: &str) -> Self {
        let has_port = address.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let address = if has_port { address.to_owned() } else { format!("{address}:{PROXY_PORT}") };
        Self { registry: Some(address.clone()), proxy: Some(address) }
    }
}

/// `micro env`.
pub(crate) fn list(invocation: &Invocation) -> Exit {
    let environments = Environments::of(invocation);
    invocation.finish(environments.current().map(|current| match invocation.output {
        Output::Text => say(&environments.shown(&current.name)),
        Output::Json => {
            let one = |one: Environment| json!({ "name": one.name, "address": one.address, "current": one == current });
            say_json(&json!(environments.all().map(one).collect::<Vec<_>>()));
        }
    }))
}

/// `micro env get`.
pub(crate) fn get(invocation: &Invocation) -> Exit {
    let environments = Environments::of(invocation);
    invocation.finish(environments.current().map(|current| match invocation.output {
        Output::Text => say(&format!("{}\n", current.name)),
        Output::Json => say_json(&json!({ "name": current.name, "address": current.address })),
    }))
}

/// `micro env set NAME`.
pub(crate) fn set(invocation: &Invocation) -> Exit {
    let mut environments = Environments::of(invocation);
    let name = invocation.words().first().map_or("", String::as_str);
    if environments.find(name).is_none() {
        return invocation.finish(Err(Failure(format!("Environment '{name}' does not exist"))));
    }
    environments.state.select(name);
    invocation.finish(environments.save())
}

/// `micro env add NAME [ADDRESS]`.
pub(crate) fn add(invocation: &Invocation) -> Exit {
    let mut environments = Environments::of(invocation);
    let [name, rest @ ..] = invocation.words() else { return Exit::Usage };
    if is_built_in(name) {
        return invocation.finish(Err(Failure(format!("Environment '{name}' is built in and cannot be changed"))));
    }
    environments.own.insert(name.clone(), rest.first().cloned().unwrap_or_default());
    invocation.finish(environments.save_all())
}

/// `micro env del NAME`. Where it was selected, `local` is.
pub(crate) fn delete(invocation: &Invocation) -> Exit {
    let mut environments = Environments::of(invocation);
    let name = invocation.words().first().map_or("", String::as_str);
    if is_built_in(name) {
        return invocation.finish(Err(Failure(format!("Environment '{name}' is built in and cannot be deleted"))));
    }
    if environments.own.remove(name).is_none() {
        return invocation.finish(Err(Failure(format!("Environment '{name}' does not exist"))));
    }
    if environments.state.selected() == Some(name) {
        environments.state.select(LOCAL);
    }
    invocation.finish(environments.save_all())
}

fn is_built_in(name: &str) -> bool {
    BUILT_IN.iter().any(|(built_in, _)| *built_in == name)
}

/// All environments, and which one was asked for.
#[derive(Debug)]
struct Environments {
    state: StateFile,
    /// Those that users added, by name.
    own: BTreeMap<String, String>,
    wanted: Option<String>,
}

impl Environments {
    fn of(invocation: &Invocation) -> Self {
        let state = StateFile::read(invocation.variables.get("HOME").map(String::as_str));
        let own = state.environments().into_iter().filter(|(name, _)| !is_built_in(name)).collect();
        Self { state, own, wanted: invocation.setting("env").map(str::to_owned) }
    }

    /// In the order they are shown: the built-in ones first, then by name.
    fn all(&self) -> impl Iterator<Item = Environment> {
        let built_in = BUILT_IN.iter().map(|(name, address)| (*name, *address));
        let own = self.own.iter().map(|(name, address)| (name.as_str(), address.as_str()));
        built_in.chain(own).map(|(name, address)| Environment { name: name.to_owned(), address: address.to_owned() })
    }

    fn find(&self, name: &str) -> Option<Environment> {
        self.all().find(|environment| environment.name == name)
    }

    fn current(&self) -> Result<Environment, Failure> {
        let name = self.wanted.as_deref().or_else(|| self.state.selected()).unwrap_or(LOCAL);
        let unknown = || format!("Env \"{name}\" not found. See `micro env` for available environments.");
        self.find(name).ok_or_else(|| Failure(unknown()))
    }

    fn shown(&self, current: &str) -> String {
        let width = self.all().map(|environment| environment.name.chars().count()).max().unwrap_or_default() + 3;
        self.all().fold(String::new(), |text, Environment { name, address }| {
            let mark = if name == current { '*' } else { ' ' };
            let address = if address.is_empty() { NO_ADDRESS } else { &address };
            text + &format!("{mark} {name:width$}{address}\n")
        })
    }

    /// Saves the environments, the built-in ones among them as in Micro v2, and the rest.
    fn save_all(mut self) -> Result<(), Failure> {
        let all = self.all().map(|environment| (environment.name, environment.address)).collect();
        self.state.set_environments(&all);
        self.save()
    }

    fn save(self) -> Result<(), Failure> {
        self.state.write().map_err(|error| Failure(error.to_string()))
    }
}

#[cfg(test)]
mod tests;
