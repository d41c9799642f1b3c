//! `handler`: what produces the response. Short form: its name, with all defaults.

use std::{fmt, str::FromStr};

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::defaults;
use crate::value::{HeaderName, HeaderValue, ParseError, PathText, RedirectTarget, Status, text_value};

/// What produces the response: `handler: proxy`, or with its own keys `handler: { proxy: { strip_prefix: /app } }`.
///
/// `api`, `web`, `cloudevents`, `broker` and `registry` are known and not built yet; `http` is `proxy`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Handler {
    /// Endpoint metadata of the registry first, else resolver and `rpc` (default).
    #[default]
    Meta,
    /// JSON in, a call of the service's method, JSON out (spec/gateway 7.2).
    Rpc,
    /// The request is published as an event of go-micro (spec/gateway 7.7).
    Event,
    /// The request goes to an endpoint of the service as it is.
    #[serde(alias = "http")]
    Proxy(Proxy),
    /// A fixed response.
    Respond(Respond),
    /// A redirect to elsewhere.
    Redirect(Redirect),
}

impl Handler {
    /// Returns the name as it is written in a document.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::Rpc => "rpc",
            Self::Event => "event",
            Self::Proxy(_) => "proxy",
            Self::Respond(_) => "respond",
            Self::Redirect(_) => "redirect",
        }
    }
}

/// How a request is passed on.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Proxy {
    /// Taken off the front of the path, whole segments only; what is left begins with `/`. Default: nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strip_prefix: Option<PathText>,
    /// Which `Host` the endpoint sees. Default: `keep`.
    pub host: HostRewrite,
    /// Which upgrades pass, after the endpoint's 101 only: `false` (default), `true` for all, or a list of protocols
    /// such as `[websocket]`.
    pub upgrade: Upgrade,
    /// Whether `%2f` in the path is passed on untouched instead of refused with 400. Default: false.
    #[serde(skip_serializing_if = "defaults::is_false")]
    pub allow_encoded_slash: bool,
}

/// Which `Host` the endpoint sees.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum HostRewrite {
    /// `keep`: the one of the request (default).
    #[default]
    Keep,
    /// `upstream`: the address of the endpoint as written.
    Upstream,
    /// This one, with a port if it has one.
    Name(String),
}

text_value!(HostRewrite, BadHost, "a host", "`keep`, `upstream` or `app.example.com`", "^[^/\\s]+$");

impl FromStr for HostRewrite {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        match text {
            "" => Err(ParseError::new("it is empty")),
            "keep" => Ok(Self::Keep),
            "upstream" => Ok(Self::Upstream),
            name => {
                let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':' | '[' | ']');
                match name.chars().find(|c| !allowed(*c)) {
                    Some(bad) => Err(ParseError::new(format!("`{}` is not allowed in a host", bad.escape_debug()))),
                    None => Ok(Self::Name(name.to_owned())),
                }
            }
        }
    }
}

impl fmt::Display for HostRewrite {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Keep => "keep",
            Self::Upstream => "upstream",
            Self::Name(name) => name,
        })
    }
}

/// Which upgrades pass (RFC 9110 §7.8).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum Upgrade {
    /// `false`: none (default).
    #[default]
    None,
    /// `true`: all.
    All,
    /// These protocols, in lower case.
    Only(Vec<String>),
}

impl Upgrade {
    /// Returns whether an upgrade to `protocol` passes; the comparison ignores case.
    pub fn allows(&self, protocol: &str) -> bool {
        match self {
            Self::None => false,
            Self::All => true,
            Self::Only(protocols) => protocols.iter().any(|name| name.eq_ignore_ascii_case(protocol)),
        }
    }
}

impl Serialize for Upgrade {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::None => serializer.serialize_bool(false),
            Self::All => serializer.serialize_bool(true),
            Self::Only(protocols) => protocols.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Upgrade {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UpgradeVisitor)
    }
}

struct UpgradeVisitor;

impl<'de> de::Visitor<'de> for UpgradeVisitor {
    type Value = Upgrade;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("true, false or a list of protocols such as `[websocket]`")
    }

    fn visit_bool<E: de::Error>(self, all: bool) -> Result<Upgrade, E> {
        Ok(if all { Upgrade::All } else { Upgrade::None })
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut items: A) -> Result<Upgrade, A::Error> {
        let mut protocols = Vec::new();
        while let Some(name) = items.next_element::<HeaderName>()? {
            protocols.push(name.as_str().to_owned());
        }
        Ok(Upgrade::Only(protocols))
    }
}

impl JsonSchema for Upgrade {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Upgrade".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "Which upgrades pass: none, all, or these protocols.",
            "oneOf": [
                { "type": "boolean" },
                { "type": "array", "items": { "type": "string" } },
            ],
        })
    }
}

/// A fixed response.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Respond {
    /// The status. Default: 200.
    pub status: Status,
    /// Headers of the response; `content-type` has its own key.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub headers: IndexMap<HeaderName, HeaderValue>,
    /// The body. Default: empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub body: String,
    /// The type of the body. Default: `text/plain; charset=utf-8` where there is a body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<HeaderValue>,
}

impl Default for Respond {
    fn default() -> Self {
        Self { status: Status::OK, headers: IndexMap::new(), body: String::new(), content_type: None }
    }
}

/// A redirect to elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Redirect {
    /// Where to; `{host}`, `{path}` and `{query}` stand for those of the request.
    pub to: RedirectTarget,
    /// 301, 302 (default), 303, 307 or 308.
    #[serde(default = "found")]
    pub status: Status,
}

fn found() -> Status {
    Status::FOUND
}
