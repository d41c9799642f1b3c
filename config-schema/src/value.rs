//! The small values a document is made of: durations, sizes, rates, addresses, names, patterns.
//!
//! Each is a type of its own that can only hold what was checked: [`std::str::FromStr`] is the one way in, its
//! error says what was expected, [`std::fmt::Display`] writes the canonical form that parses back to the same value.
//! In a document, in a variable and in a flag the same parser reads the same text.

mod address;
mod duration;
mod host;
mod http;
mod name;
mod network;
mod number;
mod pattern;
mod redirect;
mod secret;
pub(crate) mod text;
mod url_path;

pub use address::{EndpointAddress, EndpointHost, ListenAddress, ListenHost};
pub use duration::Duration;
pub use host::HostPattern;
pub use http::{HeaderName, HeaderValue, Method, RequestLine, Status, WebOrigin};
pub use name::{ListenerName, Namespace, PolicySetName, RouteName, RouteTableName, ServiceName, ServiceType};
pub use network::Network;
pub use number::{ByteSize, Percent, Rate, RatePer};
pub use pattern::Pattern;
pub use redirect::{RedirectPiece, RedirectTarget};
pub use secret::{Secret, SecretSource};
pub use text::ParseError;
pub use url_path::PathText;

pub(crate) use text::{TextValue, ValueFacts, shortened, text_value};

use crate::document::{AccessLogPath, AdminAddress, HostRewrite};

/// What is known about each type of values. A type that is not here has no finding of its own.
static ALL_FACTS: [ValueFacts; 27] = [
    AccessLogPath::FACTS,
    AdminAddress::FACTS,
    ByteSize::FACTS,
    Duration::FACTS,
    EndpointAddress::FACTS,
    HeaderName::FACTS,
    HeaderValue::FACTS,
    HostPattern::FACTS,
    HostRewrite::FACTS,
    ListenAddress::FACTS,
    ListenerName::FACTS,
    Method::FACTS,
    Namespace::FACTS,
    Network::FACTS,
    PathText::FACTS,
    Pattern::FACTS,
    Percent::FACTS,
    PolicySetName::FACTS,
    Rate::FACTS,
    RedirectTarget::FACTS,
    RequestLine::FACTS,
    RouteName::FACTS,
    RouteTableName::FACTS,
    Secret::FACTS,
    ServiceName::FACTS,
    ServiceType::FACTS,
    WebOrigin::FACTS,
];

/// Returns what is known about the type that serde calls by this name.
pub(crate) fn facts(name: &str) -> Option<&'static ValueFacts> {
    const STATUS: &ValueFacts = &http::STATUS_FACTS;
    if name == STATUS.name {
        return Some(STATUS);
    }
    ALL_FACTS.iter().find(|facts| facts.name == name)
}
