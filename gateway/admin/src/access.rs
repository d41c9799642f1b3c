//! Who may ask: programs on this host, and those that show the token.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderMap, StatusCode};
use mesh_rpc::guard::{self, Allowed};

use crate::api::{Subject, problem};

/// The bearer token that requests must show. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

/// What the document says about who may ask. It may change while requests are served.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// The addresses that are listened on: requests may call the listener by them.
    pub addresses: Vec<SocketAddr>,
    /// The token; without one everybody on this host may ask.
    pub token: Option<Token>,
}

impl Token {
    /// Takes a token.
    pub fn new(token: impl Into<String>) -> Self {
        Self(token.into())
    }

    /// Returns whether a request shows this token (RFC 6750 §2.1). Takes as long for a wrong one as for the right one.
    fn is_shown(&self, headers: &HeaderMap) -> bool {
        let shown =
            headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(bearer).unwrap_or_default();
        let differences = shown.bytes().zip(self.0.bytes().cycle()).fold(0, |seen, (a, b)| seen | (a ^ b));
        differences == 0 && shown.len() == self.0.len()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(***)")
    }
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

impl Access {
    fn allows_host(&self, uri: &http::Uri, headers: &HeaderMap) -> Result<(), guard::Refusal> {
        let mut addresses = self.addresses.iter();
        let first = addresses.next().map_or_else(Allowed::loopback, |address| Allowed::listening(*address));
        let mut result = guard::check(uri, headers, &first);
        for address in addresses {
            result = result.or_else(|_| guard::check(uri, headers, &Allowed::listening(*address)));
        }
        result
    }
}

/// Checks who asks before anything is answered. Liveness and readiness need no token: a kubelet has none.
pub(crate) async fn check(State(subject): State<Arc<Subject>>, request: Request, next: Next) -> Response {
    let access = subject.access.borrow().clone();
    if let Err(refusal) = access.allows_host(request.uri(), request.headers()) {
        return problem(StatusCode::FORBIDDEN, &refusal.to_string());
    }
    let open = matches!(request.uri().path(), "/livez" | "/readyz");
    match &access.token {
        Some(token) if !open && !token.is_shown(request.headers()) => {
            let refused = problem(
                StatusCode::UNAUTHORIZED,
                "the admin token is missing or wrong: send `Authorization: Bearer TOKEN`",
            );
            ([(WWW_AUTHENTICATE, "Bearer")], refused).into_response()
        }
        _ => next.run(request).await,
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn only_the_token_itself_is_taken() {
        let token = Token::new("s3cret");
        let check = |value: &str, expected: bool| {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, HeaderValue::from_str(value).unwrap());
            assert_eq!(token.is_shown(&headers), expected, "{value}");
        };
        check("Bearer s3cret", true);
        check("bearer  s3cret", true);
        check("Bearer s3cre", false);
        check("Bearer s3crets3cret", false);
        check("Bearer ", false);
        check("Basic s3cret", false);
        assert!(!token.is_shown(&HeaderMap::new()));
        assert_eq!(format!("{token:?}"), "Token(***)");
    }

    #[test]
    fn every_address_that_is_listened_on_is_a_name() {
        let addresses = ["10.0.0.5:8099", "[fd00::1]:8099"].map(|address| address.parse().unwrap()).into();
        let access = Access { addresses, token: None };
        let check = |host: &str, expected: bool| {
            let mut headers = HeaderMap::new();
            headers.insert("host", HeaderValue::from_str(host).unwrap());
            assert_eq!(access.allows_host(&http::Uri::from_static("/status"), &headers).is_ok(), expected, "{host}");
        };
        check("10.0.0.5:8099", true);
        check("[fd00::1]:8099", true);
        check("localhost:8099", true);
        check("evil.example:8099", false);
    }
}
