//! `policies.NAME`: a set of policies, used by listeners and routes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Cors, HeaderPolicy, Planned, RateLimit, Retry};
use crate::value::{ByteSize, Duration};

/// A set of policies. The order in which they run is fixed and is the order of these keys (design 5); the order in
/// the document says nothing.
///
/// Sets of listener, route and service are merged: guards add up (the smallest bound wins), shapers replace.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PolicySet {
    /// One deadline for all tries, from the arrival of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
    /// Bounds tighter than the listener's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits: Option<PolicyLimits>,
    /// Which addresses may call. Not built yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip: Option<Planned>,
    /// Which web pages of other origins may call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cors: Option<Cors>,
    /// What is shed first under load. Not built yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<Planned>,
    /// How many requests a key may make. Not built yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<RateLimit>,
    /// How many requests an identity may make over days. Not built yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quota: Option<Planned>,
    /// Who the caller is. Not built yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<Planned>,
    /// Forged requests of web pages. Not built yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub csrf: Option<Planned>,
    /// What the caller may. Not built yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorize: Option<Planned>,
    /// Delays and errors on purpose. Not built yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<Planned>,
    /// How many requests at once. Not built yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<Planned>,
    /// Headers that are set, added and removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub headers: Option<HeaderPolicy>,
    /// Shares of requests to several services. Not built yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub split: Option<Planned>,
    /// Copies of requests to another service. Not built yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mirror: Option<Planned>,
    /// Further tries after one that failed. Short form: how many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry: Option<Retry>,
    /// Compressed responses. Not built yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compress: Option<Planned>,
}

/// Bounds tighter than the listener's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PolicyLimits {
    /// Bytes of one request body; more are answered 413.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<ByteSize>,
}
