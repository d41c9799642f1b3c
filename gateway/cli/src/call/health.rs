//! `micro health`.

use mesh::Request;
use proto::debug::{HealthRequest, HealthResponse};
use serde_json::{Value, json};

use super::{debug, sidecar};
use crate::arguments::Invocation;
use crate::exit::Exit;
use crate::output::Output;
use crate::registered::versions;
use crate::session::{self, Failure, Session};

/// What a node says that is well.
pub(super) const OK: &str = "ok";

/// `micro health SERVICE`: asks every node, and fails when one is not well. Without a service: the sidecar.
pub(crate) fn health(invocation: &Invocation) -> Exit {
    if invocation.words().is_empty() {
        return sidecar::run(invocation);
    }
    let mut well = true;
    let exit = session::run(invocation, async |session| {
        let (text, all_well) = statuses(&session, invocation.words()).await?;
        well = all_well;
        Ok(text)
    });
    if exit == Exit::Done && !well { Exit::Failed } else { exit }
}

/// Returns what the nodes say, and whether all are well.
pub(super) async fn statuses(session: &Session<'_>, words: &[String]) -> Result<(String, bool), Failure> {
    let Some(name) = words.first() else { return Err(Failure("require service name".to_owned())) };
    if let Some(address) = session.invocation.values.given("address") {
        let request = Request { address: Some(address), ..Request::new(name, "Debug.Health") };
        let answer: Result<HealthResponse, _> = session.client.call_typed(&request, &HealthRequest::default()).await;
        let status = answer.map_err(|error| Failure::of(&error))?.status;
        let well = status == OK;
        return Ok((status, well));
    }
    let mut lines = Vec::new();
    let (mut all_well, mut nodes) = (true, Vec::<Value>::new());
    for service in versions(session, name).await? {
        if lines.is_empty() {
            lines.push(format!("service  {}", service.name));
        }
        lines.push(format!("\nversion {}", service.version));
        lines.push("\nnode\t\taddress:port\t\tstatus".to_owned());
        for node in &service.nodes {
            let answer = debug::ask(session, name, "Debug.Health", node, &HealthRequest::default()).await;
            let status = match answer {
                Ok(HealthResponse { status, .. }) => status,
                Err(error) => error.to_string(),
            };
            all_well &= status == OK;
            lines.push(format!("{}\t\t{}\t\t{status}", node.id, node.address));
            nodes.push(json!({ "id": node.id, "version": service.version, "address": node.address, "status": status }));
        }
    }
    let text = match session.invocation.output {
        Output::Text => lines.join("\n"),
        Output::Json => format!("{:#}", json!({ "service": name, "nodes": nodes })),
    };
    Ok((text, all_well))
}
