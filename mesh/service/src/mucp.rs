//! `mucp://`: a go-micro service of the older protocol, called over it.

use std::time::Duration;

use bytes::Bytes;
use http::uri::Authority;
use http::{HeaderMap, HeaderName, HeaderValue};
use mesh_rpc::client::Target as Callee;
use mesh_rpc::mucp::{ContentType, MucpClient};
use mesh_rpc::{Codec, RpcError};
use tokio::time::Instant;

use crate::ask::{Ask, Target};

/// How long a call may take when the caller names no time.
const CALL_TIMEOUT: Duration = Duration::from_mins(1);

/// A MUCP service behind a service.
#[derive(Debug)]
pub(crate) struct Mucp {
    service: String,
    client: MucpClient,
}

impl Mucp {
    pub(crate) fn new(service: &str, address: &Authority) -> Mucp {
        Mucp { service: service.to_owned(), client: MucpClient::new(address.as_str()) }
    }

    /// Calls with one message. A stream becomes one call for each of its messages.
    ///
    /// # Errors
    /// What the service says, else what [`MucpClient::call_bytes`] does.
    pub(crate) async fn call(&self, ask: &Ask, message: Bytes, deadline: Option<Instant>) -> Result<Bytes, RpcError> {
        let endpoint = match &ask.target {
            Target::Base => ".",
            Target::Path(path) => &path.text,
            Target::Method(method) => method,
        };
        // Metadata may hold what no header can; those are left out.
        let pair = |(name, value): &(String, String)| {
            Some((HeaderName::try_from(name.as_str()).ok()?, HeaderValue::from_str(value).ok()?))
        };
        let metadata: HeaderMap = ask.metadata.iter().filter_map(pair).collect();
        let timeout = deadline.map_or(CALL_TIMEOUT, |deadline| deadline.saturating_duration_since(Instant::now()));
        let callee = Callee { metadata, timeout, ..Callee::new(&self.service, endpoint) };
        let answer = self.client.call_bytes(&callee, ContentType::of_codec(ask.codec), &message).await?;
        // The line break ends a value of JSON there, and is no part of it.
        let has_break = ask.codec == Codec::Json && answer.ends_with(b"\n");
        Ok(if has_break { answer.slice(..answer.len() - 1) } else { answer })
    }
}
