//! A WebSocket that says again what it hears.

use anyhow::Result as AnyResult;
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::handshake::server::{Callback, ErrorResponse, Request, Response};

use super::{Call, Calls, fields};

/// Takes one WebSocket and echoes its messages until it is closed.
pub(super) async fn serve(stream: TcpStream, calls: &Calls) -> AnyResult<()> {
    let mut socket = tokio_tungstenite::accept_hdr_async(stream, Note(calls)).await?;
    while let Some(message) = socket.next().await {
        let message = message?;
        if message.is_text() || message.is_binary() {
            socket.send(message).await?;
        }
    }
    Ok(())
}

/// Writes the handshake down.
struct Note<'c>(&'c Calls);

impl Callback for Note<'_> {
    fn on_request(self, request: &Request, response: Response) -> Result<Response, ErrorResponse> {
        self.0.add(Call {
            method: request.method().to_string(),
            target: request.uri().to_string(),
            headers: fields(request.headers()),
            ..Call::default()
        });
        Ok(response)
    }
}
