//! Asking the handler `Debug` of single nodes.

use mesh::{CallError, Protocol, Request};
use mesh_registry::Node;
use prost::Message;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::session::Session;

/// Calls a node at its address, whatever its service is called.
pub(super) async fn ask<Q, R>(
    session: &Session<'_>,
    service: &str,
    endpoint: &str,
    node: &Node,
    message: &Q,
) -> Result<R, CallError>
where
    Q: Message + Serialize,
    R: Message + Default + DeserializeOwned,
{
    let request =
        Request { address: Some(&node.address), protocol: Protocol::of(node), ..Request::new(service, endpoint) };
    session.client.call_typed(&request, message).await
}
