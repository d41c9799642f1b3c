//! A byte relay: one connection in, one out, no HTTP. What a proxy costs above it is what the proxy does.

use std::net::SocketAddr;

use anyhow::{Context, Result};
use tokio::io;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, LocalOptions};
use tokio::task::JoinSet;

/// Enough for every request and response of the cases in one read.
const BUFFER_BYTES: usize = 16 * 1024;

/// Relays until the process is killed.
pub(crate) fn serve(listen: SocketAddr, to: SocketAddr) -> Result<()> {
    let runtime = Builder::new_current_thread().enable_io().build_local(LocalOptions::default())?;
    runtime.block_on(async {
        let listener = TcpListener::bind(listen).await.with_context(|| format!("listen on {listen}"))?;
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept() => {
                    let (downstream, _) = accepted?;
                    connections.spawn_local(relay(downstream, to));
                }
                // Only to let go of what ended: a broken connection shows in wrk's count of socket errors.
                Some(_) = connections.join_next() => {}
            }
        }
    })
}

async fn relay(mut downstream: TcpStream, to: SocketAddr) -> io::Result<()> {
    let mut upstream = TcpStream::connect(to).await?;
    downstream.set_nodelay(true)?;
    upstream.set_nodelay(true)?;
    io::copy_bidirectional_with_sizes(&mut downstream, &mut upstream, BUFFER_BYTES, BUFFER_BYTES).await?;
    Ok(())
}
