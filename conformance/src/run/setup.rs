//! One set-up: its nodes, its process, its cases.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context, Result};
use indexmap::IndexMap;
use serde_json::{Value, json};

use super::request::Prepared;
use super::{Batch, Failure, Summary};
use crate::case::{Case, Expect, LongServiceSpec, NodeKind, Setup, Step};
use crate::client::Answer;
use crate::decided::{self, Decided, Explainer, Question, records};
use crate::expect::{Observed, differences};
use crate::node::{Call, Node};
use crate::peer::Peer;
use crate::process::Gateway;

/// What is answered where a request cannot be read.
const BAD_REQUEST: u16 = 400;

/// A request whose decision is compared with `explain` when the set-up's cases are through.
struct Asked<'b> {
    case: &'b Case,
    question: Question,
    expect: Expect,
    request: String,
    status: Option<u16>,
    called: bool,
}

/// A running set-up.
struct Running<'b> {
    batch: &'b Batch<'b>,
    setup: Setup,
    gateway: Gateway,
    fixed: IndexMap<String, Node>,
    registered: Vec<(String, String)>,
    asked: Vec<Asked<'b>>,
}

/// Runs the cases of a set-up. Whatever goes wrong is a failure of the case it goes wrong in.
pub(super) async fn run(program: &Path, batch: &Batch<'_>, peer: &Peer) -> Summary {
    let mut summary = Summary::default();
    let mut running = match Running::start(program, batch).await {
        Ok(running) => running,
        Err(error) => {
            summary.failures = batch.cases.iter().map(|case| Failure::of_case(case, &batch.name, &error)).collect();
            return summary;
        }
    };
    for case in &batch.cases {
        match peer {
            Peer::Missing(why) if case.needs_peer() => summary.skipped.push((case.id.clone(), why.clone())),
            _ => running.case(case, peer.address(), &mut summary).await,
        }
    }
    if let Err(error) = running.explain(program, &mut summary).await {
        let case = batch.cases.first().map(|case| Failure::of_case(case, &batch.name, &error.context("explain")));
        summary.failures.extend(case);
    }
    summary.passed = batch.cases.len() - summary.skipped.len() - summary.failed();
    summary
}

impl<'b> Running<'b> {
    async fn start(program: &Path, batch: &'b Batch<'b>) -> Result<Self> {
        let mut setup = batch.setup.clone();
        let mut fixed = IndexMap::new();
        for (name, spec) in &setup.nodes {
            let node = Node::start(spec).await?;
            setup.env.insert(name.clone(), node.address().to_string());
            fixed.insert(name.clone(), node);
        }
        let gateway = Gateway::start(program, &setup).await?;
        Ok(Self { batch, setup, gateway, fixed, registered: Vec::new(), asked: Vec::new() })
    }

    async fn case(&mut self, case: &'b Case, peer: Option<SocketAddr>, summary: &mut Summary) {
        match self.steps(case, peer).await {
            Ok(failures) => summary.failures.extend(failures),
            Err(error) => summary.failures.push(Failure::of_case(case, &self.batch.name, &error)),
        }
    }

    async fn steps(&mut self, case: &'b Case, peer: Option<SocketAddr>) -> Result<Vec<Failure>> {
        let nodes = self.offer(case, peer).await.context("register the services of the case")?;
        let mut failures = Vec::new();
        for (index, step) in case.all_steps().iter().enumerate() {
            for time in 0..step.request.long().times.unwrap_or(1) {
                let mark = format!("{}.{index}.{time}", case.id.replace(' ', "-"));
                failures.extend(self.step(case, step, &nodes, mark).await?);
            }
        }
        Ok(failures)
    }

    async fn step(
        &mut self,
        case: &'b Case,
        step: &Step,
        nodes: &[(String, Node)],
        mark: String,
    ) -> Result<Option<Failure>> {
        let spec = step.request.long();
        let listeners = self.gateway.listeners();
        let (listener, address) = match &spec.listener {
            Some(name) => listeners.get_key_value(name),
            None => listeners.first(),
        }
        .map(|(name, address)| (name.clone(), *address))
        .context("there is no such listener")?;
        let all = || self.fixed.iter().chain(nodes.iter().map(|(name, node)| (name, node)));
        all().for_each(|(_, node)| node.calls().clear());
        let addresses: Vec<_> = nodes.iter().map(|(name, node)| (name.as_str(), node.address())).collect();
        let prepared = Prepared::new(spec, address, mark, &addresses)?;
        let answer = prepared.send(address).await.with_context(|| prepared.text())?;
        let calls: Vec<(String, Call)> = all()
            .flat_map(|(name, node)| node.calls().all().into_iter().map(move |call| (name.clone(), call)))
            .collect();
        let found = differences(&step.expect, &Observed { answer: &answer, calls: &calls });
        let mut given: Vec<String> = case.services.iter().map(|service| service.long().name).collect();
        given.dedup();
        if let Some(question) = prepared.question(&listener, &given)? {
            let (expect, request) = (step.expect.clone(), prepared.text());
            let (status, called) = (status_of(&answer), !calls.is_empty());
            self.asked.push(Asked { case, question, expect, request, status, called });
        }
        Ok((!found.is_empty())
            .then(|| self.failure(case, &prepared.text(), &step.expect, found, &got(&answer, &calls))))
    }

    fn failure(&self, case: &Case, request: &str, expect: &Expect, differences: Vec<String>, got: &str) -> Failure {
        Failure {
            request: request.to_owned(),
            expected: said(expect),
            differences,
            got: got.to_owned(),
            ..Failure::of_case(case, &self.batch.name, &anyhow::anyhow!(""))
        }
    }

    /// Starts and registers what a case needs, takes away what the one before had, and waits until the gateway knows.
    async fn offer(&mut self, case: &Case, peer: Option<SocketAddr>) -> Result<Vec<(String, Node)>> {
        let mut table: IndexMap<String, Vec<SocketAddr>> = IndexMap::new();
        for (service, node) in std::mem::take(&mut self.registered) {
            self.gateway.deregister(&service, &node).await?;
            table.insert(service, Vec::new());
        }
        let mut nodes = Vec::new();
        for (index, spec) in case.services.iter().enumerate() {
            let LongServiceSpec { name, protocol, node } = spec.long();
            let address = if node.kind == NodeKind::Peer {
                peer.context("there is no Go service")?
            } else {
                let started = Node::start(&node).await?;
                let address = started.address();
                nodes.push((name.clone(), started));
                address
            };
            let id = format!("{}-{index}", case.id.replace(' ', "-"));
            let more = protocol.map_or(Value::Null, |protocol| json!({ "protocol": protocol }));
            self.gateway.register(&name, &id, address, more).await?;
            self.registered.push((name.clone(), id));
            table.entry(name).or_default().push(address);
        }
        let table: Vec<_> = table.into_iter().collect();
        self.gateway.knows(&table).await?;
        Ok(nodes)
    }

    /// Compares each decision with what `explain` says of the same request and the same registered names.
    async fn explain(&self, program: &Path, summary: &mut Summary) -> Result<()> {
        let explainer = Explainer::of(program, &self.setup, &self.gateway).await?;
        let readable = self.asked.iter().filter(|asked| asked.status != Some(BAD_REQUEST));
        let marks: Vec<&str> = readable.map(|asked| asked.question.mark.as_str()).collect();
        let mut records = records(&self.gateway, &marks).await?;
        for asked in &self.asked {
            let mark = asked.question.mark.as_str();
            let explained = explainer.explain(&asked.question).await?;
            // What cannot even be read as a request is refused before it has an id, and before anything is decided.
            let unreadable = explained.route.is_none() && explained.status == Some(BAD_REQUEST.into());
            if !unreadable && !records.contains_key(mark) {
                records = decided::records(&self.gateway, &[mark]).await?;
            }
            let record = records.get(mark).unwrap_or(&Value::Null);
            let found = disagreements(asked, record, &explainer.recorded(record), &explained);
            if found.is_empty() {
                summary.explained += 1;
            } else {
                let got = format!("access record: {record}\nexplained: {explained}");
                summary.failures.push(self.failure(asked.case, &asked.request, &asked.expect, found, &got));
            }
        }
        Ok(())
    }
}

/// Returns the status of an answer; nothing for one in gRPC's form, which is always 200.
fn status_of(answer: &Answer) -> Option<u16> {
    answer.values("grpc-status").is_empty().then_some(answer.status)
}

/// Where live decision, explanation and expectation differ. What the access record does not know, because the request
/// was answered before it came to that, is not compared.
fn disagreements(asked: &Asked<'_>, record: &Value, live: &Decided, explained: &Decided) -> Vec<String> {
    let mut found = Vec::new();
    let mut compare = |what: &str, live: &Option<String>, explained: &Option<String>| {
        if live != explained {
            found.push(format!("{what}: decided {live:?}, explained {explained:?}"));
        }
    };
    compare("route", &live.route, &explained.route);
    compare("handler", &live.handler, &explained.handler);
    let names_it_in_its_body = live.handler.as_deref() == Some("rpc endpoint");
    let refused =
        matches!(record["cause"].as_str(), Some("no_service" | "no_route" | "method_not_allowed" | "forbidden"));
    if !names_it_in_its_body && (live.service.is_some() || asked.called || refused) {
        compare("service", &live.service, &explained.service);
    }
    if !names_it_in_its_body && live.method.is_some() {
        compare("method", &live.method, &explained.method);
    }
    if let Some((service, method)) = &asked.expect.decided {
        compare("service, as expected", &Some(service.clone()), &explained.service);
        compare("method, as expected", &Some(method.clone()), &explained.method);
        compare("service, as expected and live", &Some(service.clone()), &live.service);
    }
    // A preflight is answered by a policy, whatever was decided.
    let answered = asked.status.map(u64::from).filter(|_| asked.question.method != "OPTIONS");
    if let (Some(answered), Some(explained)) = (answered, explained.status)
        && answered != explained
    {
        found.push(format!("status: answered {answered}, explained {explained}"));
    }
    found
}

fn got(answer: &Answer, calls: &[(String, Call)]) -> String {
    const BODY_SHOWN: usize = 500;
    let mut lines = vec![answer.to_string()];
    for (name, call) in calls {
        lines.push(format!("-- the node of {name} saw {} {}", call.method, call.target));
        lines.extend(call.headers.iter().map(|(name, value)| format!("{name}: {value}")));
        lines.push(String::from_utf8_lossy(&call.body).chars().take(BODY_SHOWN).collect());
    }
    lines.join("\n")
}

/// What a case says it expects, without what it does not mention.
fn said(expect: &Expect) -> String {
    let Expect { status, headers, body, json, json_part, body_contains, hex, closed, took, call, decided, calls, seen } =
        expect;
    let mut lines = Vec::new();
    let mut say = |name: &str, text: Option<String>| lines.extend(text.map(|text| format!("{name}: {text}")));
    say("status", status.map(|status| status.to_string()));
    say("headers", (!headers.is_empty()).then(|| format!("{headers:?}")));
    say("body", body.clone());
    say("body", json.as_ref().map(ToString::to_string));
    say("body has", json_part.as_ref().map(ToString::to_string));
    say("body in hexadecimal", hex.clone());
    say("body contains", body_contains.clone());
    say("closed", closed.map(|closed| closed.to_string()));
    say("took", took.map(|took| format!("{took:?}")));
    say("call", call.as_ref().map(|call| format!("{call:?}")));
    say("decided", decided.as_ref().map(|decided| format!("{decided:?}")));
    say("calls", calls.map(|calls| calls.to_string()));
    say("seen", seen.as_ref().map(|seen| format!("{seen:?}")));
    lines.join("\n")
}
