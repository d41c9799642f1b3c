//! What was decided about a request: as the access record of the running program has it, and as `explain` says it
//! offline. Both must agree.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use indexmap::IndexMap;
use serde_json::Value;

use crate::case::Setup;
use crate::process::{self, Gateway, Launch};
use crate::wait::until;

/// The field that marks a request, so that its access record is found again.
pub const MARK: &str = "x-request-id";

/// A decision.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decided {
    /// The route's id.
    pub route: Option<String>,
    /// Its handler.
    pub handler: Option<String>,
    /// The service that is called.
    pub service: Option<String>,
    /// The method that is called.
    pub method: Option<String>,
    /// The status, where the gateway itself answers; an access record does not tell.
    pub status: Option<u64>,
}

impl fmt::Display for Decided {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |part: &Option<String>| part.clone().unwrap_or_else(|| "-".to_owned());
        let Self { route, handler, service, method, status } = self;
        write!(f, "route {:?}, handler {}, ", text(route), text(handler))?;
        write!(f, "service {}, method {}, status {status:?}", text(service), text(method))
    }
}

/// A request that reached the decision, as `explain` is asked about it.
#[derive(Clone, Debug)]
pub struct Question {
    /// The mark of its access record.
    pub mark: String,
    /// The listener it went to.
    pub listener: String,
    /// Its method.
    pub method: String,
    /// Its target, without the host.
    pub target: String,
    /// Its `Host`.
    pub host: String,
    /// Its other fields.
    pub headers: Vec<(String, String)>,
    /// The names that were registered.
    pub given: Vec<String>,
}

/// Asks `micro explain` about a running process: the same files, variables and flags, offline.
#[derive(Debug)]
pub struct Explainer {
    program: PathBuf,
    before: Vec<String>,
    env: IndexMap<String, String>,
    routes: Value,
}

impl Explainer {
    /// Prepares to ask about a process that was started as a set-up says.
    ///
    /// # Errors
    /// When its admin listener does not tell its routes.
    pub async fn of(program: &Path, setup: &Setup, gateway: &Gateway) -> Result<Self> {
        let preset = if setup.document.is_some() { "gateway" } else { "api" };
        let mut before = setup.global.clone();
        before.extend(["explain", "--output=json", "--preset", preset].map(str::to_owned));
        for file in gateway.files() {
            before.extend(["--config".to_owned(), file.to_string_lossy().into_owned()]);
        }
        let mut env = setup.env.clone();
        env.extend(setup.args.iter().filter_map(|flag| variable(flag)));
        Ok(Self { program: program.to_owned(), before, env, routes: gateway.ask("/routes").await? })
    }

    /// Asks what a request leads to.
    ///
    /// # Errors
    /// When the answer is not JSON, with exit code 0.
    pub async fn explain(&self, question: &Question) -> Result<Decided> {
        let mut args = self.before.clone();
        args.push(format!("--listener={}", question.listener));
        args.push(format!("--given={}", question.given.join(",")));
        for (name, value) in &question.headers {
            args.extend(["-H".to_owned(), format!("{name}: {value}")]);
        }
        args.push(format!("{} http://{}{}", question.method, question.host, question.target));
        let output = process::run(&self.program, Launch { args: args.clone(), env: self.env.clone() }).await?;
        ensure!(output.status.success(), "{args:?}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
        let answer: Value = serde_json::from_slice(&output.stdout)
            .with_context(|| format!("{args:?} answered {:?}", String::from_utf8_lossy(&output.stdout)))?;
        let text = |name: &str| answer[name].as_str().map(str::to_owned);
        let status = answer["status"].as_u64();
        Ok(Decided {
            route: text("route"),
            handler: text("handler"),
            service: text("service"),
            method: text("method"),
            status,
        })
    }

    /// Reads a decision off an access record.
    pub fn recorded(&self, record: &Value) -> Decided {
        let text = |name: &str| record[name].as_str().map(str::to_owned);
        let service = text("cluster");
        let method = text("rpc").map(|path| method(&path, service.as_deref().unwrap_or_default()));
        let route = text("route");
        let handler = route.as_deref().and_then(|route| self.handler(route));
        Decided { route, handler, service, method, status: None }
    }

    /// Looks a route's handler up in what the admin listener says.
    fn handler(&self, route: &str) -> Option<String> {
        find(&self.routes, route)
    }
}

/// `explain` knows the flags of every command, and those of `micro api` by their variables: `--enable_rpc` is
/// `MICRO_API_ENABLE_RPC=true`.
fn variable(flag: &str) -> Option<(String, String)> {
    let (name, value) = flag.trim_start_matches('-').split_once('=').unwrap_or((flag.trim_start_matches('-'), "true"));
    flag.starts_with('-').then(|| (format!("MICRO_API_{}", name.to_ascii_uppercase()), value.to_owned()))
}

fn find(value: &Value, route: &str) -> Option<String> {
    match value {
        Value::Array(list) => list.iter().find_map(|item| find(item, route)),
        Value::Object(map) => {
            let named = ["route", "id"].iter().any(|key| map.get(*key).is_some_and(|id| id == route));
            match map.get("handler").and_then(Value::as_str) {
                Some(handler) if named => Some(handler.to_owned()),
                _ => map.values().find_map(|item| find(item, route)),
            }
        }
        _ => None,
    }
}

/// Returns the method of a gRPC path: `Say.Hello` of `/go.micro.srv.greeter.Say/Hello`. Other forms stand as they are.
fn method(path: &str, service: &str) -> String {
    let below =
        path.strip_prefix('/').and_then(|rest| rest.strip_prefix(service)).and_then(|rest| rest.strip_prefix('.'));
    below.map_or_else(|| path.to_owned(), |rest| rest.replacen('/', ".", 1))
}

/// Waits for the access records of requests, and returns them by their marks.
///
/// # Errors
/// When one does not come.
pub async fn records(gateway: &Gateway, marks: &[&str]) -> Result<BTreeMap<String, Value>> {
    let mut found = BTreeMap::new();
    let all_there = async || {
        let lines = gateway.stdout().all();
        let records = lines.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        found = records.filter_map(|record| Some((record["request_id"].as_str()?.to_owned(), record))).collect();
        marks.iter().all(|mark| found.contains_key(*mark)).then_some(())
    };
    let waited = until("the access records of all requests", all_there).await;
    let missing = || marks.iter().filter(|mark| !found.contains_key(**mark)).collect::<Vec<_>>();
    waited.with_context(|| format!("missing: {:?}", missing()))?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_method_is_read_off_the_path() {
        let check = |path: &str, expected: &str| assert_eq!(method(path, "a.b"), expected, "{path}");
        check("/a.b.Say/Hello", "Say.Hello");
        check("/a.b.É/Ñandú", "É.Ñandú");
        check("Foo.Bar.Baz", "Foo.Bar.Baz");
        check("/other.Say/Hello", "/other.Say/Hello");
    }

    #[test]
    fn the_handler_of_a_route_is_found() {
        let routes = serde_json::json!({ "listeners": [{ "routes": [{ "id": "/a", "handler": "proxy" }] }] });
        assert_eq!(find(&routes, "/a").as_deref(), Some("proxy"));
        assert_eq!(find(&routes, "/b"), None);
    }
}
