//! One message posted to one member, and what its answer means.

use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioTimer;
use mesh_rpc::Owner;
use tokio::time::timeout;
use tokio_util::sync::DropGuard;

use super::members::Member;

/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// How long a connection is kept without a message, and how many to one member.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
const IDLE_MAX: usize = 4;

/// How much of an answer is read, so that its connection can be used again.
const ANSWER_BYTES_MAX: usize = 16 * 1024;

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The member has it.
    Taken,
    /// Its queue is full.
    Full,
    /// It was not taken for another reason, which is told.
    Refused(String),
    /// It could not be reached.
    Gone(String),
    /// It did not answer in time.
    Silent,
}

/// Posts. Connections are kept and cut with it.
#[derive(Debug)]
pub(super) struct Poster {
    client: Client<HttpConnector, Full<Bytes>>,
    _cut: DropGuard,
}

impl Poster {
    pub(super) fn new() -> Poster {
        let owner = Owner::default();
        let cut = owner.cut_on_drop();
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        connector.set_nodelay(true);
        let client = Client::builder(owner)
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(IDLE_MAX)
            .build(connector);
        Poster { client, _cut: cut }
    }

    /// Posts an envelope within the time.
    pub(super) async fn post(&self, member: &Member, envelope: Bytes, within: Duration) -> Outcome {
        let request = match request(member, envelope) {
            Ok(request) => request,
            Err(error) => return Outcome::Gone(format!("its address is none: {error}")),
        };
        match timeout(within, self.client.request(request)).await {
            Err(_) => Outcome::Silent,
            Ok(Err(error)) => Outcome::Gone(chain(&error)),
            Ok(Ok(response)) => {
                let status = response.status();
                if timeout(within, drain(response.into_body())).await.is_err() {
                    tracing::debug!(member = member.id, "the rest of an answer did not come in time");
                }
                outcome(status)
            }
        }
    }
}

/// Go's members answer 200 whatever their handlers say.
fn outcome(status: StatusCode) -> Outcome {
    match status {
        status if status.is_success() => Outcome::Taken,
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => Outcome::Full,
        status => Outcome::Refused(format!("it answered {status}")),
    }
}

async fn drain(body: Incoming) {
    // What it says is not looked at; a connection with a longer answer is closed.
    drop(Limited::new(body, ANSWER_BYTES_MAX).collect().await);
}

fn request(member: &Member, envelope: Bytes) -> Result<Request<Full<Bytes>>, http::Error> {
    let mut parts = http::uri::Parts::default();
    parts.scheme = Some(Scheme::HTTP);
    parts.authority = Some(Authority::try_from(member.address.as_str())?);
    parts.path_and_query = Some(PathAndQuery::try_from(format!("/?id={}", query_escape(&member.id)))?);
    let mut request = Request::new(Full::from(envelope));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = Uri::from_parts(parts)?;
    request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(request)
}

/// Escapes as Go's `url.QueryEscape`: all but letters, digits and `-_.~`, a space as `+`.
fn query_escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => escaped.push(char::from(byte)),
            b' ' => escaped.push('+'),
            byte => escaped.extend(['%', hex(byte >> 4), hex(byte & 15)]),
        }
    }
    escaped
}

fn hex(digit: u8) -> char {
    char::from_digit(digit.into(), 16).unwrap_or('0').to_ascii_uppercase()
}

/// An error with its causes, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_post_is_that_of_go() {
        let member = Member { id: "a b/ž-1".to_owned(), address: "[::1]:80".to_owned() };
        let request = request(&member, Bytes::new()).expect("is one");
        assert_eq!(request.uri(), "http://[::1]:80/?id=a+b%2F%C5%BE-1");
        assert_eq!(request.headers()[CONTENT_TYPE], "application/json");
    }

    #[test]
    fn answers_mean_what_they_say() {
        assert_eq!(outcome(StatusCode::OK), Outcome::Taken);
        assert_eq!(outcome(StatusCode::NO_CONTENT), Outcome::Taken);
        assert_eq!(outcome(StatusCode::SERVICE_UNAVAILABLE), Outcome::Full);
        assert!(matches!(outcome(StatusCode::INTERNAL_SERVER_ERROR), Outcome::Refused(_)));
    }
}
