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

pub(crate) use text::{TextValue, shortened, text_value};
