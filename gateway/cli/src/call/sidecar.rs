//! `micro health` without a service: answers HTTP for a service beside it that speaks another protocol.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::{HeaderValue, Request, Response, StatusCode, Uri};
use http_body_util::{Empty, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use mesh::{Client, bind};
use proto::debug::{HealthRequest, HealthResponse};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::health::OK;
use crate::arguments::Invocation;
use crate::exit::Exit;
use crate::output::complain;
use crate::serve::Signals;
use crate::session::{self, Failure};

/// Where it listens unless told otherwise.
const ADDRESS: &str = ":8088";

/// How long an answer of the service, and a request of whoever asks, may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// How long to wait after `accept` failed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The most connections at once.
const CONNECTIONS_MAX: usize = 64;

/// What is asked when somebody asks.
#[derive(Debug)]
enum Check {
    /// `Debug.Health` of a node.
    Rpc { service: String, address: String },
    /// Any answer below 400 to a GET.
    Http(Uri),
}

/// Serves `/health` and `/ready` until it is told to end.
pub(super) fn run(invocation: &Invocation) -> Exit {
    session::run(invocation, async |session| {
        let check = check(invocation)?;
        let address = invocation.values.given("address").unwrap_or(ADDRESS);
        let listener = bind(address).await.map_err(|error| Failure(format!("listen tcp {address}: {error}")))?;
        let bound = listener.local_addr().map_err(|error| Failure::of(&error))?;
        complain(&format!("Health check running at {bound}/health\n"));
        serve(session.client.clone(), check, listener).await.map_err(|error| Failure::of(&error))?;
        Ok(String::new())
    })
}

fn check(invocation: &Invocation) -> Result<Check, Failure> {
    let given = |flag| invocation.values.given(flag).filter(|value| !value.is_empty());
    if let Some(url) = given("check_http") {
        let uri = url.parse::<Uri>().ok().filter(|uri| uri.scheme_str() == Some("http") && uri.host().is_some());
        return uri
            .map(Check::Http)
            .ok_or_else(|| Failure(format!("{url:?} is not a URL of the form http://host/path")));
    }
    let not_set = |what: &str| Failure(format!("service {what} not set"));
    let service = given("check_service").ok_or_else(|| not_set("name"))?.to_owned();
    let address = given("check_address").ok_or_else(|| not_set("address"))?.to_owned();
    Ok(Check::Rpc { service, address })
}

/// Serves until the process is told to end. Connections are cut then: no answer is worth waiting for.
async fn serve(client: Client, check: Check, listener: TcpListener) -> io::Result<()> {
    let mut signals = Signals::listen()?;
    let asking = Arc::new(Asking { client, check });
    let mut connections = JoinSet::new();
    loop {
        let stream = tokio::select! {
            () = signals.end() => return Ok(()),
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept(), if connections.len() < CONNECTIONS_MAX => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "a connection was not accepted");
                    sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            },
        };
        connections.spawn(converse(stream, Arc::clone(&asking)));
    }
}

async fn converse(stream: TcpStream, asking: Arc<Asking>) {
    let service = service_fn(move |request: Request<Incoming>| {
        let asking = Arc::clone(&asking);
        async move { Ok::<_, Infallible>(asking.answer(request.uri().path()).await) }
    });
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
    if let Err(error) = server.serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!(%error, "a connection broke");
    }
}

/// Who asks, and what.
#[derive(Debug)]
struct Asking {
    client: Client,
    check: Check,
}

impl Asking {
    /// `/health` says how the service is, `/ready` that the sidecar itself answers and the service does.
    async fn answer(&self, path: &str) -> Response<Full<Bytes>> {
        let (status, text) = match path {
            "/health" | "/ready" => match timeout(ANSWER_TIMEOUT, self.is_well()).await {
                Ok(true) => (StatusCode::OK, "OK"),
                Ok(false) | Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, "NOT_HEALTHY"),
            },
            _ => (StatusCode::NOT_FOUND, "404 page not found\n"),
        };
        let mut response = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
        *response.status_mut() = status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        response
    }

    async fn is_well(&self) -> bool {
        match &self.check {
            Check::Rpc { service, address } => {
                let request = mesh::Request { address: Some(address), ..mesh::Request::new(service, "Debug.Health") };
                let answer = self.client.call_typed(&request, &HealthRequest::default()).await;
                answer.is_ok_and(|HealthResponse { status, .. }| status == OK)
            }
            Check::Http(uri) => get(uri).await.is_some_and(|status| status.as_u16() < 400),
        }
    }
}

/// Asks an HTTP service; nothing when it does not answer.
async fn get(uri: &Uri) -> Option<StatusCode> {
    let (host, port) = (uri.host()?, uri.port_u16().unwrap_or(80));
    let stream = TcpStream::connect((host.trim_matches(['[', ']']), port)).await.ok()?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.ok()?;
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let request = Request::get(path).header(HOST, uri.authority()?.as_str()).body(Empty::<Bytes>::new()).ok()?;
    tokio::select! {
        // The answer comes while the connection is driven; the body is of no interest.
        response = sender.send_request(request) => response.ok().map(|response| response.status()),
        _ = connection => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Asking, Check};
    use mesh::{Client, Options, bind};
    use mesh_registry::Memory;
    use std::sync::Arc;
    use tokio::task::JoinSet;
    use tokio_util::sync::CancellationToken;

    #[tokio::test]
    async fn it_says_how_the_service_is() {
        let listener = bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (mut server, end) = (JoinSet::new(), CancellationToken::new());
        server.spawn(mesh_rpc::Server::new().serve(listener, end.clone()));
        let client = Client::new(Arc::new(Memory::new()), Options::default());
        let asking = Asking { client, check: Check::Rpc { service: "greeter".to_owned(), address } };
        assert_eq!(asking.answer("/health").await.status(), 200);
        assert_eq!(asking.answer("/").await.status(), 404);
        end.cancel();
        while server.join_next().await.is_some() {}
        assert_eq!(asking.answer("/health").await.status(), 500);
    }
}
