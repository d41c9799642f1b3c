//! The policy `headers`: fields that are removed, set and added, on the way in and on the way back.

use std::fmt;

use gateway_exchange::{Exchange, Response};
use http::header::{HOST, HeaderName, HeaderValue};

/// Fields of one connection (RFC 9110 §7.6.1): each side of the gateway has its own.
const CONNECTION_FIELDS: &[&str] =
    &["connection", "keep-alive", "proxy-connection", "http2-settings", "te", "trailer", "upgrade"];

/// Fields that say where a body ends and when it is sent: the gateway writes them anew (design 10).
const FRAMING_FIELDS: &[&str] = &["content-length", "transfer-encoding", "expect"];

/// Changes of fields. A shaper: the innermost replaces the others whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Headers {
    /// Of the request, before it goes upstream.
    pub request: Edits,
    /// Of the response, before it goes to the client.
    pub response: Edits,
}

/// Changes of one message's fields: first what is removed, then what is set, then what is added.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Edits {
    remove: Vec<HeaderName>,
    set: Vec<(HeaderName, HeaderValue)>,
    add: Vec<(HeaderName, HeaderValue)>,
}

impl fmt::Display for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "request: {}; response: {}", self.request, self.response)
    }
}

/// Names only: values may be secrets.
impl fmt::Display for Edits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let removed = self.remove.iter().map(|name| format!("-{name}"));
        let set = self.set.iter().map(|(name, _)| format!("={name}"));
        let added = self.add.iter().map(|(name, _)| format!("+{name}"));
        let all: Vec<_> = removed.chain(set).chain(added).collect();
        f.write_str(if all.is_empty() { "-" } else { "" })?;
        f.write_str(&all.join(" "))
    }
}

/// A field that no policy may touch.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the header {name} cannot be changed: {reason}")]
pub struct Reserved {
    /// The field.
    pub name: HeaderName,
    reason: &'static str,
}

impl Headers {
    /// Edits the request.
    pub fn on_request(&self, exchange: &mut Exchange) {
        let fields = exchange.head.fields_mut();
        for name in &self.request.remove {
            fields.remove(name);
        }
        for (name, value) in &self.request.set {
            fields.set(name.clone(), value.clone());
        }
        for (name, value) in &self.request.add {
            fields.append(name.clone(), value.clone());
        }
    }

    /// Edits the response.
    pub fn on_response(&self, response: &mut Response) {
        for name in &self.response.remove {
            response.headers.remove(name);
        }
        for (name, value) in &self.response.set {
            response.headers.insert(name.clone(), value.clone());
        }
        for (name, value) in &self.response.add {
            response.headers.append(name.clone(), value.clone());
        }
    }
}

impl Edits {
    /// Takes all values of a field away.
    ///
    /// # Errors
    /// Refuses fields of one connection, of framing, and `host`.
    pub fn remove(&mut self, name: HeaderName) -> Result<(), Reserved> {
        self.remove.push(allowed(name)?);
        Ok(())
    }

    /// Replaces all values of a field.
    ///
    /// # Errors
    /// As [`Edits::remove`].
    pub fn set(&mut self, name: HeaderName, value: HeaderValue) -> Result<(), Reserved> {
        self.set.push((allowed(name)?, value));
        Ok(())
    }

    /// Adds a value to a field.
    ///
    /// # Errors
    /// As [`Edits::remove`].
    pub fn add(&mut self, name: HeaderName, value: HeaderValue) -> Result<(), Reserved> {
        self.add.push((allowed(name)?, value));
        Ok(())
    }
}

fn allowed(name: HeaderName) -> Result<HeaderName, Reserved> {
    let reason = if CONNECTION_FIELDS.contains(&name.as_str()) {
        "it belongs to one connection, and the gateway has its own on each side"
    } else if FRAMING_FIELDS.contains(&name.as_str()) {
        "it frames the body, which the gateway does itself"
    } else if name == HOST {
        "the handler decides it; write `proxy: { host: … }`"
    } else {
        return Ok(name);
    };
    Err(Reserved { name, reason })
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;
    use crate::set::tests::exchange;

    fn edits() -> Edits {
        let value = HeaderValue::from_static;
        let mut edits = Edits::default();
        edits.add(HeaderName::from_static("x-a"), value("added")).unwrap();
        edits.set(HeaderName::from_static("x-a"), value("set")).unwrap();
        edits.set(HeaderName::from_static("x-b"), value("set")).unwrap();
        edits.remove(HeaderName::from_static("x-b")).unwrap();
        edits.remove(HeaderName::from_static("x-c")).unwrap();
        edits
    }

    #[test]
    fn requests_and_responses_are_edited_alike() {
        let sent = [("x-a", "old"), ("x-a", "older"), ("x-b", "old"), ("x-c", "old"), ("x-d", "old")];
        let headers = Headers { request: edits(), response: edits() };
        let mut exchange = exchange("GET http://h/", &sent);
        let mut response = Response::empty(StatusCode::OK);
        response.headers = exchange.head.fields().received().clone();
        headers.on_request(&mut exchange);
        headers.on_response(&mut response);
        for map in [exchange.head.fields().clone().into_map(), response.headers] {
            let values = |name: &str| map.get_all(name).iter().map(|v| v.to_str().unwrap()).collect::<Vec<_>>();
            assert_eq!(values("x-a"), ["set", "added"]);
            assert_eq!(values("x-b"), ["set"]);
            assert!(values("x-c").is_empty());
            assert_eq!(values("x-d"), ["old"]);
        }
    }

    #[test]
    fn reserved_fields_are_refused() {
        let check = |name: &str, reason: &str| {
            let name: HeaderName = name.parse().unwrap();
            let error = Edits::default().set(name.clone(), HeaderValue::from_static("x")).unwrap_err();
            assert!(error.to_string().starts_with(&format!("the header {name} cannot be changed: ")), "{error}");
            assert!(error.to_string().contains(reason), "{error}");
            assert!(Edits::default().remove(name.clone()).is_err() && error.name == name);
            assert!(Edits::default().add(name, HeaderValue::from_static("x")).is_err());
        };
        check("Connection", "one connection");
        check("keep-alive", "one connection");
        check("proxy-connection", "one connection");
        check("te", "one connection");
        check("trailer", "one connection");
        check("upgrade", "one connection");
        check("http2-settings", "one connection");
        check("content-length", "frames the body");
        check("transfer-encoding", "frames the body");
        check("expect", "frames the body");
        check("host", "proxy: { host");
    }
}
