//! Making a connection to an endpoint.

use std::net::SocketAddr;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;

use crate::SendFailure;

/// A connection on which nothing comes is asked after half a minute whether its peer is still there, and ends 20 s later.
const KEEPALIVE: TcpKeepalive =
    TcpKeepalive::new().with_time(Duration::from_secs(30)).with_interval(Duration::from_secs(5)).with_retries(4);

/// Connects within `limit`. One timer per connection; none per request.
pub(crate) async fn connect(address: SocketAddr, limit: Duration) -> Result<TcpStream, SendFailure> {
    match tokio::time::timeout(limit, TcpStream::connect(address)).await {
        Ok(Ok(stream)) => {
            // Small messages must not wait for an acknowledgement; a socket that cannot do so still works.
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%address, %error, "nodelay was refused");
            }
            // The same holds for an endpoint that vanished: a tunnel or a shared connection would wait for it for ever.
            if let Err(error) = SockRef::from(&stream).set_tcp_keepalive(&KEEPALIVE) {
                tracing::debug!(%address, %error, "keepalive was refused");
            }
            Ok(stream)
        }
        Ok(Err(source)) => Err(SendFailure::Connect { address, source }),
        Err(_) => Err(SendFailure::ConnectTimeout { address, limit }),
    }
}
