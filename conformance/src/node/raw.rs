//! A node that sends fixed bytes, however wrong, and closes.

use anyhow::Result;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Call, Calls};
use crate::case::Reply;

const READ_BYTES: usize = 16 * 1024;

/// Waits for the end of a request's head, answers, and closes.
pub(super) async fn serve(mut stream: TcpStream, reply: &Reply, calls: &Calls) -> Result<()> {
    let mut heard = Vec::new();
    while !heard.windows(4).any(|window| window == b"\r\n\r\n") {
        let mut piece = vec![0; READ_BYTES];
        let read = stream.read(&mut piece).await?;
        if read == 0 {
            return Ok(());
        }
        heard.extend_from_slice(&piece[..read]);
    }
    let head = String::from_utf8_lossy(&heard).into_owned();
    let mut words = head.split(' ').map(str::to_owned);
    calls.add(Call {
        method: words.next().unwrap_or_default(),
        target: words.next().unwrap_or_default(),
        body: heard,
        ..Call::default()
    });
    tokio::time::sleep(reply.delay()).await;
    stream.write_all(reply.raw.as_deref().unwrap_or_default().as_bytes()).await?;
    Ok(stream.shutdown().await?)
}
