//! The policy `cors`: which web pages of other origins may read what the gateway answers (Fetch standard, CORS
//! protocol; spec/gateway 3.4).
//!
//! It guards readers, not services: a request of a foreign page is served like any other, but its browser is not
//! told that the page may read the answer. Only `csrf` and `authorize` keep a request away.
//!
//! Whatever CORS headers an upstream sends, the gateway's replace them (D33). They stand on errors too, so that a
//! page can read what went wrong.

use std::fmt;

use gateway_exchange::{Exchange, Head, Response, Verdict};
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD,
    HeaderMap, HeaderName, HeaderValue, ORIGIN, VARY,
};
use http::{Method, StatusCode};

/// What the gateway decides; an upstream's values never get through.
const OWNED: [HeaderName; 6] = [
    ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_ALLOW_CREDENTIALS,
    ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_HEADERS,
    ACCESS_CONTROL_EXPOSE_HEADERS,
    ACCESS_CONTROL_MAX_AGE,
];

const ANY: HeaderValue = HeaderValue::from_static("*");
const TRUE: HeaderValue = HeaderValue::from_static("true");

/// Who may call from where. A shaper: the innermost replaces the others whole.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cors {
    /// The origins that may.
    pub origins: Origins,
    /// The value of `Access-Control-Allow-Methods`.
    pub methods: HeaderValue,
    /// The value of `Access-Control-Allow-Headers`.
    pub headers: HeaderValue,
    /// The value of `Access-Control-Expose-Headers`, if any.
    pub expose: Option<HeaderValue>,
    /// The value of `Access-Control-Max-Age`, in seconds, if any.
    pub max_age: Option<HeaderValue>,
}

/// Which origins may call.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Origins {
    /// Any origin by its name and with credentials, as v2 did; the presets `micro api` and `micro web` only. All four
    /// headers stand on every response, every `OPTIONS` is answered here, and nothing says `Vary`.
    Reflect,
    /// Any origin, by the wildcard. Credentials cannot be had with it: browsers refuse the two together, and naming
    /// each origin instead would hand every page the user's session.
    Any,
    /// These, in lower case as browsers write them.
    Listed {
        /// Scheme, host and port of each.
        origins: Vec<Box<str>>,
        /// Whether cookies and authorisation may be sent along.
        credentials: bool,
    },
}

impl fmt::Display for Cors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origins {
            Origins::Reflect => f.write_str("any origin, reflected with credentials"),
            Origins::Any => f.write_str("any origin, without credentials"),
            Origins::Listed { origins, credentials } => {
                write!(f, "{}{}", origins.join(", "), if *credentials { ", with credentials" } else { "" })
            }
        }
    }
}

impl Cors {
    /// Answers a preflight: with 200 and no body, whether the origin may call or not. In reflect mode every `OPTIONS`
    /// is answered. [`Cors::on_response`] adds the headers, to this answer as to any other.
    pub fn on_request(&self, exchange: &Exchange) -> Verdict {
        let answered = match self.origins {
            Origins::Reflect => exchange.head.method() == Method::OPTIONS,
            Origins::Any | Origins::Listed { .. } => is_preflight(&exchange.head),
        };
        if answered { Verdict::Respond(Box::new(Response::empty(StatusCode::OK))) } else { Verdict::Continue }
    }

    /// Replaces the CORS headers of a response by the gateway's own.
    pub fn on_response(&self, exchange: &Exchange, response: &mut Response) {
        // The origin as it was received: what `headers` made of it is meant for the upstream.
        let origin = exchange.head.fields().received().get(ORIGIN).filter(|origin| !origin.is_empty());
        let headers = &mut response.headers;
        for name in OWNED {
            headers.remove(name);
        }
        match &self.origins {
            Origins::Reflect => {
                headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.cloned().unwrap_or(ANY));
                headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, TRUE);
                self.allow(headers);
                return;
            }
            Origins::Any => {
                headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, ANY);
            }
            Origins::Listed { origins, credentials } => {
                // Also without an origin and for a foreign one: a cache must not give this answer to another page.
                vary_by_origin(headers);
                let Some(origin) = origin.filter(|origin| lists(origins, origin)) else { return };
                headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
                if *credentials {
                    headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, TRUE);
                }
            }
        }
        if is_preflight(&exchange.head) {
            self.allow(headers);
            insert(headers, ACCESS_CONTROL_MAX_AGE, self.max_age.as_ref());
        } else {
            insert(headers, ACCESS_CONTROL_EXPOSE_HEADERS, self.expose.as_ref());
        }
    }

    fn allow(&self, headers: &mut HeaderMap) {
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, self.methods.clone());
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, self.headers.clone());
    }
}

/// An `OPTIONS` that a browser sends before a request (Fetch standard, "CORS-preflight request").
fn is_preflight(head: &Head) -> bool {
    let received = head.fields().received();
    head.method() == Method::OPTIONS
        && received.contains_key(ORIGIN)
        && received.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

fn lists(origins: &[Box<str>], origin: &HeaderValue) -> bool {
    origins.iter().any(|own| own.as_bytes().eq_ignore_ascii_case(origin.as_bytes()))
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: Option<&HeaderValue>) {
    if let Some(value) = value {
        headers.insert(name, value.clone());
    }
}

/// Adds `Origin` to `Vary` unless it, or `*`, is there.
fn vary_by_origin(headers: &mut HeaderMap) {
    let named = headers.get_all(VARY).iter().filter_map(|value| value.to_str().ok()).any(|value| {
        value.split(',').map(str::trim).any(|name| name == "*" || name.eq_ignore_ascii_case(ORIGIN.as_str()))
    });
    if !named {
        headers.append(VARY, HeaderValue::from_static("Origin"));
    }
}

#[cfg(test)]
mod tests;
