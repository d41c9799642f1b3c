//! Making a connection to an endpoint.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;

use crate::SendFailure;

/// Connects within `limit`. One timer per connection; none per request.
pub(crate) async fn connect(address: SocketAddr, limit: Duration) -> Result<TcpStream, SendFailure> {
    match tokio::time::timeout(limit, TcpStream::connect(address)).await {
        Ok(Ok(stream)) => {
            // Small messages must not wait for an acknowledgement; a socket that cannot do so still works.
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%address, %error, "nodelay was refused");
            }
            Ok(stream)
        }
        Ok(Err(source)) => Err(SendFailure::Connect { address, source }),
        Err(_) => Err(SendFailure::ConnectTimeout { address, limit }),
    }
}
