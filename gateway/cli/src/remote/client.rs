//! One request to an admin API, with a deadline.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, HOST};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::Process;

/// How long the whole exchange may take; a reload waits for name servers and for workers that start.
const DEADLINE: Duration = Duration::from_secs(60);
/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// The largest answer that is taken.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Why a process was not asked, or did not answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum AskError {
    /// Nothing listens there, or not in time.
    #[error("no process answers at {address}")]
    Unreachable {
        address: String,
        #[source]
        source: io::Error,
    },
    /// It did not answer in time.
    #[error("the process at {address} did not answer within {DEADLINE:?}")]
    Silent { address: String },
    /// What is there does not speak HTTP, or went away.
    #[error("the process at {address} broke off")]
    Broken {
        address: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The address or the token cannot stand in a request.
    #[error("the admin address or token is malformed")]
    Malformed(#[source] http::Error),
}

/// What was answered.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: String,
}

/// Sends a request without a body and reads the whole answer. Runs on a runtime of its own.
pub(super) fn ask(process: &Process, method: Method, target: &str, accept: &str) -> Result<Answer, AskError> {
    let unreachable = |source| AskError::Unreachable { address: process.address.clone(), source };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(unreachable)?;
    let mut request =
        Request::builder().method(method).uri(target).header(HOST, &process.address).header(ACCEPT, accept);
    if let Some(token) = &process.token {
        request = request.header(AUTHORIZATION, format!("Bearer {token}"));
    }
    let request = request.body(Empty::new()).map_err(AskError::Malformed)?;
    runtime.block_on(async {
        let connected = timeout(CONNECT_TIMEOUT, TcpStream::connect(&process.address)).await;
        let stream = connected.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())).map_err(unreachable)?;
        match timeout(DEADLINE, exchange(stream, request)).await {
            Ok(answer) => answer.map_err(|source| AskError::Broken { address: process.address.clone(), source }),
            Err(_) => Err(AskError::Silent { address: process.address.clone() }),
        }
    })
}

async fn exchange(
    stream: TcpStream,
    request: Request<Empty<Bytes>>,
) -> Result<Answer, Box<dyn std::error::Error + Send + Sync>> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let mut driver = JoinSet::new(); // aborted when the answer is there
    driver.spawn(connection);
    let (head, body) = sender.send_request(request).await?.into_parts();
    let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await?.to_bytes();
    Ok(Answer { status: head.status, body: String::from_utf8_lossy(&body).into_owned() })
}
