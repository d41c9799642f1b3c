//! The head of a request: method, target, host, version and fields.

use http::header::{HOST, HeaderMap, HeaderName, HeaderValue, TRANSFER_ENCODING};
use http::{Method, Version};

use crate::{Cause, Fields, Host, Names, ProxyError, Target};

/// The head of a request, decided once on arrival and read by everything after.
#[derive(Clone, Debug)]
pub struct Head {
    method: Method,
    target: Target,
    host: Host,
    version: Version,
    fields: Fields,
}

impl Head {
    /// Takes the head that the HTTP engine parsed.
    ///
    /// # Errors
    /// Refuses what an engine lets through but two readers could read in two ways: a missing `Host` in HTTP/1.1, two
    /// `Host` fields in any version, a `Host` that differs from `:authority` in HTTP/2, any transfer coding but
    /// `chunked` (design 12), and what [`Target::parse`] and [`Host::parse`] refuse.
    pub fn from_parts(parts: http::request::Parts) -> Result<Self, ProxyError> {
        let http::request::Parts { method, uri, version, headers, .. } = parts;
        let names = Names::of(&headers);
        if names.may_hold(&TRANSFER_ENCODING) {
            check_framing(&headers)?;
        }
        let host = host(&uri, version, &headers)?;
        let target = match uri.path_and_query() {
            Some(target) => Target::new(target.clone())?,
            None if uri.scheme().is_some() => Target::parse("/")?,
            None if method == Method::CONNECT => {
                return Err(ProxyError::new(Cause::MethodNotAllowed, "CONNECT is not offered"));
            }
            None => return Err(ProxyError::new(Cause::BadRequest, "the target must start with a slash")),
        };
        Ok(Self { method, target, host, version, fields: Fields::new(headers) })
    }

    /// Builds a head from text such as `GET http://host:port/path`, for `explain`, document tests and unit tests.
    /// The host is that of the URL unless the headers name another.
    ///
    /// # Errors
    /// Says what is missing when the text is not `METHOD URL`, and refuses what [`Head::from_parts`] refuses.
    pub fn parse(text: &str, headers: &[(&str, &str)]) -> Result<Self, ProxyError> {
        let bad = |detail: &str| ProxyError::new(Cause::BadRequest, format!("{detail}: {text}"));
        let (method, url) = text.trim().split_once(' ').ok_or_else(|| bad("expected a method and a URL"))?;
        let uri = url.trim().parse::<http::Uri>().map_err(|_| bad("malformed URL"))?;
        let mut request = http::Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (mut parts, ()) = request.body(()).map_err(|_| bad("malformed method or header"))?.into_parts();
        if let (false, Some(authority)) = (parts.headers.contains_key(HOST), parts.uri.authority()) {
            let value = HeaderValue::from_str(authority.as_str()).map_err(|_| bad("malformed host"))?;
            parts.headers.insert(HOST, value);
        }
        // A client connects to the URL and sends a path: the host is that of the headers.
        parts.uri = parts.uri.path_and_query().cloned().map_or_else(|| http::Uri::from_static("/"), http::Uri::from);
        Self::from_parts(parts)
    }

    /// Returns the method.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// Returns path and query.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Returns the host the request is for.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// Returns the version of the protocol the request came in.
    pub fn version(&self) -> Version {
        self.version
    }

    /// Returns the header fields with all edits made so far.
    pub fn fields(&self) -> &Fields {
        &self.fields
    }

    /// Returns the header fields for editing.
    pub fn fields_mut(&mut self) -> &mut Fields {
        &mut self.fields
    }

    /// Returns the text of a field, if it is there once and visible ASCII.
    pub fn text(&self, name: &HeaderName) -> Option<&str> {
        self.fields.text(name)
    }

    /// Returns whether the request is a gRPC call.
    pub fn is_grpc(&self) -> bool {
        self.text(&http::header::CONTENT_TYPE).is_some_and(|kind| {
            kind.strip_prefix("application/grpc").is_some_and(|rest| rest.is_empty() || rest.starts_with(['+', ';']))
        })
    }

    /// Returns whether the request asks to upgrade its connection (RFC 9110 §7.8); HTTP/1.1 only.
    pub fn is_upgrade(&self) -> bool {
        self.version == Version::HTTP_11
            && self.fields.contains(&http::header::UPGRADE)
            && self.fields.values(&http::header::CONNECTION).iter().any(|value| {
                value
                    .to_str()
                    .is_ok_and(|text| text.split(',').any(|token| token.trim().eq_ignore_ascii_case("upgrade")))
            })
    }
}

fn check_framing(headers: &HeaderMap) -> Result<(), ProxyError> {
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    if let Some(coding) = codings.next()
        && (codings.next().is_some() || !coding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked"))
    {
        return Err(ProxyError::new(Cause::AmbiguousFraming, "the only transfer coding is chunked"));
    }
    Ok(())
}

fn host(uri: &http::Uri, version: Version, headers: &HeaderMap) -> Result<Host, ProxyError> {
    let bad = |detail: &str| ProxyError::new(Cause::BadRequest, detail);
    let mut sent = headers.get_all(HOST).iter();
    let field = sent.next();
    if sent.next().is_some() {
        return Err(bad("more than one Host"));
    }
    match (uri.authority(), field) {
        // The target wins over the field (RFC 9112 §3.2.2); in HTTP/2 the two must not differ (RFC 9113 §8.3.1).
        (Some(authority), Some(field))
            if version >= Version::HTTP_2 && !field.as_bytes().eq_ignore_ascii_case(authority.as_str().as_bytes()) =>
        {
            Err(bad("Host differs from :authority"))
        }
        (Some(authority), _) => Host::parse(authority.as_str()),
        (None, Some(field)) => Host::new(field.clone()),
        (None, None) if version == Version::HTTP_10 || version == Version::HTTP_09 => Ok(Host::default()),
        (None, None) => Err(bad("missing Host")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str, headers: &[(&str, &str)]) -> Option<Cause> {
        Head::parse(text, headers).err().map(|error| error.cause())
    }

    #[test]
    fn a_head_is_built_from_text() {
        let head = Head::parse("POST http://API.example.com:8080/a?b=1", &[("accept", "x")]).unwrap();
        assert_eq!(
            (head.method(), head.host().name(), head.host().port()),
            (&Method::POST, "api.example.com", Some(8080))
        );
        assert_eq!((head.target().path(), head.target().query()), ("/a", Some("b=1")));
        assert_eq!(head.text(&http::header::ACCEPT), Some("x"));
        assert_eq!(Head::parse("GET http://localhost:8080/", &[("host", "a.test")]).unwrap().host().name(), "a.test");
    }

    #[test]
    fn ambiguous_heads_are_refused() {
        assert_eq!(refused("GET /", &[]), Some(Cause::BadRequest));
        assert_eq!(refused("GET /", &[("host", "a"), ("host", "a")]), Some(Cause::BadRequest));
        assert_eq!(refused("GET /", &[("host", "a"), ("transfer-encoding", "gzip")]), Some(Cause::AmbiguousFraming));
        assert_eq!(
            refused("GET /", &[("host", "a"), ("transfer-encoding", "foo, chunked")]),
            Some(Cause::AmbiguousFraming)
        );
        assert_eq!(refused("GET /", &[("host", "a"), ("transfer-encoding", "chunked")]), None);
        assert_eq!(refused("GET", &[]), Some(Cause::BadRequest));
    }

    #[test]
    fn kinds_of_requests_are_recognised() {
        let head = |headers: &[(&str, &str)]| Head::parse("GET http://h/", headers).unwrap();
        assert!(head(&[("connection", "keep-alive, Upgrade"), ("upgrade", "websocket")]).is_upgrade());
        assert!(!head(&[("upgrade", "websocket")]).is_upgrade());
        assert!(head(&[("content-type", "application/grpc+proto")]).is_grpc());
        assert!(!head(&[("content-type", "application/grpcx")]).is_grpc());
    }
}
