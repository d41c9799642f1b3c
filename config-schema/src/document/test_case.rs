//! `tests`: requests and what must become of them; `micro test` runs them offline.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::value::{HeaderName, HeaderValue, ListenerName, RequestLine, RouteTableName, ServiceName, Status};

/// A request and what must become of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TestCase {
    /// What the test is about, for the report. Default: the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Method and URL; the URL's port chooses the listener unless `listener` does.
    pub request: RequestLine,
    /// Headers of the request.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub headers: IndexMap<HeaderName, HeaderValue>,
    /// On which listener the request arrives. Default: the one with the URL's port, or the only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listener: Option<ListenerName>,
    /// Services that count as registered. Default: every candidate does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given: Option<Vec<ServiceName>>,
    /// What must become of the request; only what is written is compared.
    pub expect: Expect,
}

/// What must become of a request; only what is written is compared.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Expect {
    /// The listener.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listener: Option<ListenerName>,
    /// The route table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<RouteTableName>,
    /// The route, by its name or its match text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route: Option<String>,
    /// The handler that answers: for `meta` the one it chooses (`rpc`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub handler: Option<String>,
    /// The service that is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<ServiceName>,
    /// The method that is called, as in `Say.Hello`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// The status of an answer that needs no upstream: a refusal, `respond`, `redirect`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
}
