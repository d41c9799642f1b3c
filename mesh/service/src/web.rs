//! `http://`: an HTTP server, spoken to for calls, and passed through to for HTTP.

mod events;
mod passing;
mod redirect;

use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HOST, USER_AGENT};
use http::uri::PathAndQuery;
use http::{HeaderName, HeaderValue, Method, Request, Response, Uri};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioTimer;
use mesh_rpc::frame::MESSAGE_BYTES_MAX;
use mesh_rpc::metadata::is_about_the_answer;
use mesh_rpc::server::HttpBody;
use mesh_rpc::{Call, Codec, Owner, RpcError, Status};
use tokio::time::timeout;
use tokio_util::sync::DropGuard;

use self::events::Pieces;
use crate::ask::{Ask, Path, Target};
use crate::reply;

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long the head of an answer may take when the caller names no time, and how long the body of one that is read
/// to its end.
const HEAD_TIMEOUT: Duration = Duration::from_mins(1);
const BODY_TIMEOUT: Duration = Duration::from_mins(1);

/// How many connections without work are kept, and how long.
const IDLE_MAX: usize = 32;
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// The most bytes of an answer that become the detail of an error.
const DETAIL_BYTES_MAX: usize = 16 * 1024;

/// An HTTP server behind a service.
#[derive(Debug)]
pub(crate) struct Web {
    service: String,
    /// Scheme, host and port, and a path without a slash at its end.
    base: Uri,
    client: Client<HttpConnector, HttpBody>,
    /// Whose the connections are, and what was upgraded on them.
    owner: Owner,
    _cut: DropGuard,
}

impl Web {
    pub(crate) fn new(service: &str, base: Uri) -> Web {
        let owner = Owner::default();
        let client = Client::builder(owner.clone())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(IDLE_MAX)
            .build(crate::connector(CONNECT_TIMEOUT));
        Web { service: service.to_owned(), base, client, _cut: owner.cut_on_drop(), owner }
    }

    /// Makes a request of a message and sends the answer; that of a stream of events in pieces.
    ///
    /// # Errors
    /// What the server answers with a status that is no success: that code, and its body as the detail. 503 when it cannot
    /// be reached, 408 when it does not answer in time, 413 when its answer does not fit into a message.
    pub(crate) async fn answer(&self, ask: &Ask, message: Bytes, call: &mut Call) -> Result<(), Status> {
        let answer = self.exchange(ask, message).await?;
        if !answer.status().is_success() {
            return Err(self.refused(answer).await.to_grpc());
        }
        let kind = answer.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if let Some(pieces) = Pieces::of(kind) {
            return self.stream(answer.into_body(), pieces, call).await;
        }
        let body = timeout(BODY_TIMEOUT, Limited::new(answer.into_body(), MESSAGE_BYTES_MAX).collect()).await;
        match body.map_err(|_| self.late("the body", BODY_TIMEOUT))? {
            Ok(body) => call.send_bytes(body.to_bytes()).await,
            Err(error) if error.is::<LengthLimitError>() => Err(self.too_large().to_grpc()),
            Err(error) => Err(self.broken(&*error).to_grpc()),
        }
    }

    /// Passes a request of HTTP through, with all that a browser may want of it.
    pub(crate) async fn pass(&self, request: Request<Incoming>) -> Response<HttpBody> {
        passing::pass(self, request).await.unwrap_or_else(|mut error| {
            if error.code == 408 {
                error = RpcError::new(error.id, 504, error.detail); // who passes on is a gateway
            }
            reply::error(&error)
        })
    }

    async fn exchange(&self, ask: &Ask, message: Bytes) -> Result<Response<Incoming>, RpcError> {
        let uri = self.uri_of(&ask.target)?;
        let is_empty = matches!(message.trim_ascii(), b"" | b"{}" | b"null");
        let method = match (&ask.verb, &ask.target) {
            (Some(verb), _) => verb.clone(),
            (None, Target::Base | Target::Path(_)) if is_empty => Method::GET,
            _ => Method::POST,
        };
        let has_body = method != Method::HEAD && !(is_empty && method == Method::GET);
        let body = if has_body { message } else { Bytes::new() };
        let requested = |uri: &Uri, method: &Method, body: Bytes| {
            let mut request = Request::new(reply::full(body.clone()));
            *request.method_mut() = method.clone();
            *request.uri_mut() = uri.clone();
            self.write_headers(&mut request, ask, !body.is_empty());
            request
        };
        let first = self.send(requested(&uri, &method, body.clone())).await?;
        redirect::follow(self, uri, method, body, first, requested).await
    }

    async fn send(&self, request: Request<HttpBody>) -> Result<Response<Incoming>, RpcError> {
        match timeout(HEAD_TIMEOUT, self.client.request(request)).await {
            Err(_) => Err(self.late("the answer", HEAD_TIMEOUT)),
            Ok(Err(error)) if error.is_connect() => {
                let detail = format!("the program behind the service cannot be reached: {}", crate::chain(&error));
                Err(RpcError::new(self.service.clone(), 503, detail))
            }
            Ok(Err(error)) => Err(self.broken(&error)),
            Ok(Ok(answer)) => Ok(answer),
        }
    }

    fn uri_of(&self, target: &Target) -> Result<Uri, RpcError> {
        match target {
            Target::Path(path) => self.joined(path),
            // Those of Micro v2 sent every method to the base, too: the program is told it in `Micro-Endpoint`.
            Target::Base | Target::Method(_) => Ok(self.base.clone()),
        }
    }

    /// Returns the address of a path below the base.
    fn joined(&self, path: &Path) -> Result<Uri, RpcError> {
        let base = self.base.path().trim_end_matches('/');
        let query = path.query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
        let joined = format!("{base}{}{query}", path.text);
        let mut parts = self.base.clone().into_parts();
        parts.path_and_query = PathAndQuery::try_from(joined).ok();
        parts
            .path_and_query
            .is_some()
            .then(|| Uri::from_parts(parts).ok())
            .flatten()
            .ok_or_else(|| RpcError::bad_request(self.service.clone(), format!("{:?} is no path", path.text)))
    }

    fn host(&self) -> HeaderValue {
        let authority = self.base.authority().map(http::uri::Authority::as_str).unwrap_or_default();
        HeaderValue::from_str(authority).expect("an authority is ASCII")
    }

    fn write_headers(&self, request: &mut Request<HttpBody>, ask: &Ask, has_body: bool) {
        let host = self.host();
        let headers = request.headers_mut();
        for (name, value) in &ask.metadata {
            // Metadata may hold what no header can; those are left out.
            if is_about_the_answer(name) {
                continue;
            }
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name.as_str()), HeaderValue::from_str(value)) {
                headers.insert(name, value);
            }
        }
        headers.remove(":authority");
        headers.insert(HOST, host);
        headers.entry(USER_AGENT).or_insert(HeaderValue::from_static("micro"));
        headers.entry(ACCEPT).or_insert(HeaderValue::from_static("*/*"));
        if has_body {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type(ask.codec)));
        }
        if let Target::Method(method) = &ask.target
            && let Ok(method) = HeaderValue::from_str(method)
        {
            headers.insert("micro-endpoint", method);
        }
        headers.insert("micro-service", HeaderValue::from_str(&self.service).unwrap_or(HeaderValue::from_static("")));
    }

    async fn stream(&self, mut body: Incoming, mut pieces: Pieces, call: &mut Call) -> Result<(), Status> {
        // It lasts as long as both sides want: the caller's deadline is the only one.
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(|error| self.broken(&error))?.into_data() else { continue };
            pieces.push(&data);
            while let Some(piece) = pieces.next() {
                call.send_bytes(piece).await?;
            }
            if pieces.len() > MESSAGE_BYTES_MAX {
                return Err(self.too_large().to_grpc());
            }
        }
        match pieces.rest() {
            Some(piece) => call.send_bytes(piece).await,
            None => Ok(()),
        }
    }

    /// Turns an answer of 400 or more into an error. An error object of go-micro stays what it is.
    async fn refused(&self, answer: Response<Incoming>) -> RpcError {
        let code = i32::from(answer.status().as_u16());
        let mut text = Vec::new();
        let mut body = answer.into_body();
        let reading = async {
            while let Some(Ok(frame)) = body.frame().await {
                let Ok(data) = frame.into_data() else { continue };
                let room = DETAIL_BYTES_MAX.saturating_sub(text.len()).min(data.len());
                text.extend_from_slice(data.get(..room).unwrap_or_default());
                if room < data.len() {
                    break;
                }
            }
        };
        // What came in time says enough.
        drop(timeout(BODY_TIMEOUT, reading).await);
        let text = String::from_utf8_lossy(&text);
        let parsed = RpcError::parse(&text);
        if parsed.code > 0 { parsed } else { RpcError::new(self.service.clone(), code, text.trim().to_owned()) }
    }

    fn late(&self, what: &str, limit: Duration) -> RpcError {
        RpcError::timeout(self.service.clone(), format!("{what} of the program behind it took more than {limit:?}"))
    }

    fn too_large(&self) -> RpcError {
        let detail = format!("the answer has more than {MESSAGE_BYTES_MAX} bytes, which do not fit into a message");
        RpcError::new(self.service.clone(), 413, detail)
    }

    fn broken(&self, error: &(dyn std::error::Error + 'static)) -> RpcError {
        let detail = format!("the exchange with the program behind it broke: {}", crate::chain(error));
        RpcError::new(self.service.clone(), 502, detail)
    }
}

/// What a body is to a program that knows nothing of gRPC.
fn content_type(codec: Codec) -> &'static str {
    match codec {
        Codec::Json => "application/json",
        Codec::Proto => "application/protobuf",
        Codec::Bytes => "application/octet-stream",
    }
}
