//! One request, from its arrival to its response: the story that the rest of the gateway details.

use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gateway_exchange::{Body, Cause, Deadline, Exchange, Head, ProxyError, Response, Verdict};
use gateway_handler::{ProxyForwarding, RpcTarget, error_response};
use gateway_snapshot::{Action, Known, NoTrace, Published, decide};
use gateway_upstream::ClusterState;
use http::header::{CONNECTION, CONTENT_LENGTH, HeaderName, HeaderValue};
use http::{Method, StatusCode, Version};
use hyper::body::Incoming;
use policies::Policies;

use crate::live::Connection;
use crate::recording::Recording;
use crate::worker::{View, Worker};
use crate::{ingress, tunnel};

/// How long a call may take where no policy says otherwise (spec/gateway 6.3).
const CALL_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a proxied request may wait for its response without a byte moving, where no policy limits it.
const SILENCE: Duration = Duration::from_secs(60);

static TIMEOUT: HeaderName = HeaderName::from_static("timeout");
static GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

/// Serves one request of a connection. Never fails: whatever goes wrong is a response.
pub(crate) async fn serve(
    worker: Rc<Worker>,
    connection: Rc<Connection>,
    request: http::Request<Incoming>,
) -> http::Response<Body> {
    let start = Instant::now();
    let view = worker.view();
    let mut recording = Recording::begin(&worker, view.access_format, connection.begin_exchange(), start);
    let (http1, wants_head) = (request.version() < Version::HTTP_2, request.method() == Method::HEAD);
    let mut response = match arrive(&view, &connection, request, start) {
        Ok(mut exchange) => {
            recording.asked(&exchange.head);
            let response = exchange_response(&worker, &view, &connection, &mut exchange, &mut recording).await;
            recording.answered(response.status, std::mem::take(&mut exchange.record));
            response
        }
        Err(error) => {
            let response = error_response(&error, None);
            recording.answered(
                response.status,
                gateway_exchange::Record { cause: Some(error.cause()), ..Default::default() },
            );
            // What could not be understood leaves the connection in a state that cannot be trusted.
            close_after(response, http1)
        }
    };
    if worker.is_closing() {
        response = close_after(response, http1);
    }
    drop_content(&mut response, wants_head);
    finish(response, recording)
}

/// Takes a request off the connection: head checked, claims dropped, body bounded.
fn arrive(
    view: &View,
    connection: &Connection,
    mut request: http::Request<Incoming>,
    start: Instant,
) -> Result<Box<Exchange>, ProxyError> {
    let upgrade = request.extensions_mut().remove::<hyper::upgrade::OnUpgrade>();
    let (parts, incoming) = request.into_parts();
    // HTTP/1 refuses them while it reads; HTTP/2 bounds bytes only.
    if parts.headers.len() > connection.listener.limits.headers {
        return Err(ProxyError::new(Cause::HeadTooLarge, "too many header fields"));
    }
    let mut head = Head::from_parts(parts)?;
    ingress::drop_claims(&mut head, &connection.listener, connection.peer.address.ip());
    let mut body = Body::incoming(incoming);
    body.limit(connection.listener.limits.body_bytes);
    let mut exchange = Exchange::new(head, body, connection.peer.clone(), start);
    exchange.upgrade = upgrade.filter(|_| exchange.head.is_upgrade());
    exchange.record.request_id =
        Some(ingress::request_id(&mut exchange.head, &view.published.snapshot().telemetry.request_id));
    Ok(Box::new(exchange))
}

/// Decides, proxies, and turns every outcome into a response that the policies have seen.
async fn exchange_response(
    worker: &Rc<Worker>,
    view: &Rc<View>,
    connection: &Connection,
    exchange: &mut Exchange,
    recording: &mut Recording,
) -> Response {
    let Published { generations, services } = &*view.published;
    // A listener that the newest configuration no longer has still serves the connections it accepted.
    let listener = generations.live.listeners.get(&connection.listener.id).unwrap_or(&connection.listener);
    let decision = decide(listener, &**services, &exchange.head, &mut NoTrace);
    if let Some((index, route)) = decision.route {
        recording.routed(view.cells(&listener.id, index));
        exchange.record.route = Some(route.id.shared());
    }
    let policies = decision.policies();
    let mut response = match proxy(worker, view, connection, policies, decision.action, exchange).await {
        Ok(response) => response,
        Err(error) => {
            tracing::debug!(cause = %error.cause(), error = &error as &dyn std::error::Error, "exchange failed");
            error_response(&error, Some(&exchange.head))
        }
    };
    policies.on_response(exchange, &mut response);
    exchange.record.cause = response.cause;
    if let (true, Some(id)) = (generations.live.telemetry.request_id.to_client, &exchange.record.request_id) {
        response.headers.insert(generations.live.telemetry.request_id.header.clone(), id.clone());
    }
    tunnel::join(worker, connection, exchange, &mut response);
    response
}

/// Policies, then the handler, all before the deadline.
async fn proxy(
    worker: &Rc<Worker>,
    view: &Rc<View>,
    connection: &Connection,
    policies: &Policies,
    action: Result<Action<'_>, ProxyError>,
    exchange: &mut Exchange,
) -> Result<Response, ProxyError> {
    if let Verdict::Respond(response) = policies.on_request(exchange)? {
        return Ok(*response);
    }
    let action = action?;
    if exchange.body.is_announced_too_large() {
        let detail = format!("request body too large: more than {} bytes", exchange.body.bytes_max());
        return Err(ProxyError::new(Cause::BodyTooLarge, detail));
    }
    if exchange.deadline.is_none() && action.is_call() {
        exchange.limit_time(CALL_TIMEOUT);
    }
    let granted = exchange.deadline.is_some();
    shorten_deadline(exchange);
    let (start, deadline) = (exchange.start, exchange.deadline);
    tokio::select! {
        biased; // an answer that is there is worth more than a deadline that has just passed
        response = handle(worker, view, policies, &action, exchange) => response,
        () = overdue(worker, connection, start, deadline, granted) => Err(action.deadline_error()),
    }
}

/// Waits for the deadline. Where no policy has `granted` the time, also until nothing has moved for [`SILENCE`]: an
/// endpoint that never answers holds nothing for ever, whatever the client asked for, and a long upload is not cut.
async fn overdue(worker: &Worker, connection: &Connection, start: Instant, deadline: Option<Deadline>, granted: bool) {
    let mut moved = connection.progress.bytes();
    let mut at = start + SILENCE;
    loop {
        let end = deadline.map(Deadline::at).filter(|end| granted || *end <= at);
        worker.timer.sleep_until(end.unwrap_or(at)).await;
        let now = connection.progress.bytes();
        if end.is_some() || now == moved {
            return;
        }
        (moved, at) = (now, Instant::now() + SILENCE);
    }
}

async fn handle(
    worker: &Rc<Worker>,
    view: &Rc<View>,
    policies: &Policies,
    action: &Action<'_>,
    exchange: &mut Exchange,
) -> Result<Response, ProxyError> {
    let tries = policies.tries(&exchange.head);
    match action {
        Action::Respond(respond) => Ok(respond.handle()),
        Action::Redirect(redirect) => redirect.handle(&exchange.head),
        Action::Proxy { proxy, known, .. } => {
            let cluster = cluster(worker, *known, exchange)?;
            ProxyForwarding { proxy, cluster: &cluster, tries }.handle(exchange).await
        }
        Action::Rpc { rpc, service, method, known } => {
            let cluster = cluster(worker, *known, exchange)?;
            let call = RpcTarget { rpc, service, method, cluster: &cluster, tries };
            // Boxed, so that the future of every exchange is not as large as that of a call.
            Box::pin(call.handle(exchange)).await
        }
        Action::Event { event, name } => Box::pin(event.handle(name, exchange, &worker.publisher)).await,
        Action::RpcEndpoint(endpoint) => {
            let services = &view.published.services;
            Box::pin(endpoint.handle(exchange, services, &worker.upstreams, tries)).await
        }
    }
}

fn cluster(worker: &Worker, known: Known, exchange: &mut Exchange) -> Result<Rc<ClusterState>, ProxyError> {
    let state = match known {
        Known::Cluster(slot) => worker.upstreams.cluster(slot),
        Known::Given | Known::Unknown => None,
    };
    let state = state.ok_or_else(|| ProxyError::new(Cause::NoService, "service not found"))?;
    exchange.record.cluster = Some(Arc::clone(&state.cluster().id.name));
    Ok(state)
}

/// The client may ask for less time than the route gives, never for more: `Timeout` in seconds, or `grpc-timeout`.
fn shorten_deadline(exchange: &mut Exchange) {
    let seconds = exchange.head.text(&TIMEOUT).and_then(mesh_rpc::timeout::parse_seconds);
    let grpc = exchange.head.text(&GRPC_TIMEOUT).and_then(mesh_rpc::timeout::parse_grpc);
    let asked: Option<Duration> = [seconds, grpc].into_iter().flatten().min();
    if let Some(asked) = asked {
        exchange.limit_time(asked);
    }
}

fn close_after(mut response: Response, http1: bool) -> Response {
    if http1 && response.status != StatusCode::SWITCHING_PROTOCOLS {
        response.headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// An answer to `HEAD`, and one with such a status, has no content (RFC 9110 §9.3.2, §15.3.5, §15.4.5). The HTTP/2 engine
/// would send what there is, and the client would reset the stream.
fn drop_content(response: &mut Response, wants_head: bool) {
    let bodiless = matches!(response.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    if response.body.is_empty() || !(wants_head || bodiless) {
        return;
    }
    if let (false, Some(length)) = (bodiless, response.body.announced()) {
        response.headers.entry(CONTENT_LENGTH).or_insert_with(|| length.into());
    }
    response.body = Body::empty();
}

/// Hands the response to the HTTP engine; the record is written when its body has ended.
fn finish(mut response: Response, recording: Recording) -> http::Response<Body> {
    response.body.on_end(Box::new(recording));
    let mut message = http::Response::new(response.body);
    *message.status_mut() = response.status;
    *message.headers_mut() = response.headers;
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size<F, A, B, C>(_: impl Fn(A, B, C) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn what_may_have_no_content_has_none() {
        let check = |status: u16, wants_head: bool, content: bool, length: Option<&str>| {
            let status = StatusCode::from_u16(status).unwrap();
            let mut response = Response::full(status, HeaderValue::from_static("text/plain"), "abc");
            drop_content(&mut response, wants_head);
            let announced = response.headers.get(CONTENT_LENGTH).map(|length| length.to_str().unwrap());
            assert_eq!((!response.body.is_empty(), announced), (content, length), "{status} {wants_head}");
        };
        check(200, false, true, None);
        check(200, true, false, Some("3"));
        check(404, true, false, Some("3"));
        check(204, false, false, None);
        check(304, true, false, None);
    }

    /// hyper moves the future of each request once; what is rare in it is boxed.
    #[test]
    fn the_future_of_an_exchange_stays_small() {
        let bytes = size(serve);
        assert!(bytes <= 3500, "{bytes} bytes");
    }
}
