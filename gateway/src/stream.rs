//! The downstream transport of one connection: one concrete type, whatever it runs on.
//!
//! `Send`, because hyper's upgrades ask for it; what it tells the sweep of its worker is therefore atomic.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// The first bytes of HTTP/2 with prior knowledge (RFC 9113 §3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What goes over the transport, for the sweep and the admin pages.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    moved: AtomicBool,
    read: AtomicU64,
    written: AtomicU64,
}

impl Progress {
    /// Returns whether anything was read or written since the last call.
    pub(crate) fn take_moved(&self) -> bool {
        self.moved.swap(false, Ordering::Relaxed)
    }

    /// Returns the bytes read and written so far.
    pub(crate) fn bytes(&self) -> (u64, u64) {
        (self.read.load(Ordering::Relaxed), self.written.load(Ordering::Relaxed))
    }

    fn add(counter: &AtomicU64, moved: &AtomicBool, bytes: usize) {
        if bytes > 0 {
            counter.fetch_add(bytes as u64, Ordering::Relaxed);
            moved.store(true, Ordering::Relaxed);
        }
    }
}

#[derive(Debug)]
enum Transport {
    Plain(TcpStream),
}

/// An accepted transport with the bytes that were read to find out what it speaks.
#[derive(Debug)]
pub(crate) struct Stream {
    transport: Transport,
    sniffed: Bytes,
    progress: Arc<Progress>,
}

/// What the first bytes of a connection say that it speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spoken {
    Http1,
    Http2,
}

impl Stream {
    pub(crate) fn plain(stream: TcpStream, progress: Arc<Progress>) -> Self {
        Self { transport: Transport::Plain(stream), sniffed: Bytes::new(), progress }
    }

    /// Reads until it is clear what the peer speaks; what was read is served again. Costs no system call of its own:
    /// the first bytes of a request have to be read anyway.
    ///
    /// # Errors
    /// Fails as reading fails, and with `UnexpectedEof` when the peer sent nothing.
    pub(crate) async fn sniff(&mut self) -> io::Result<Spoken> {
        let mut bytes = BytesMut::with_capacity(4096);
        let spoken = loop {
            if self.read_buf(&mut bytes).await? == 0 {
                break if bytes.is_empty() { return Err(io::ErrorKind::UnexpectedEof.into()) } else { Spoken::Http1 };
            }
            let compared = bytes.len().min(PREFACE.len());
            match (bytes.get(..compared) == PREFACE.get(..compared), compared == PREFACE.len()) {
                (true, true) => break Spoken::Http2,
                (true, false) => {}
                (false, _) => break Spoken::Http1,
            }
        };
        self.sniffed = bytes.freeze();
        Ok(spoken)
    }

    fn transport(&mut self) -> Pin<&mut TcpStream> {
        match &mut self.transport {
            Transport::Plain(stream) => Pin::new(stream),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if !self.sniffed.is_empty() {
            let count = self.sniffed.len().min(buf.remaining());
            buf.put_slice(self.sniffed.get(..count).unwrap_or_default());
            self.sniffed.advance(count);
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        let result = self.transport().poll_read(cx, buf);
        Progress::add(&self.progress.read, &self.progress.moved, buf.filled().len() - before);
        result
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let result = self.transport().poll_write(cx, buf);
        if let Poll::Ready(Ok(count)) = result {
            Progress::add(&self.progress.written, &self.progress.moved, count);
        }
        result
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = self.transport().poll_write_vectored(cx, bufs);
        if let Poll::Ready(Ok(count)) = result {
            Progress::add(&self.progress.written, &self.progress.moved, count);
        }
        result
    }

    fn is_write_vectored(&self) -> bool {
        match &self.transport {
            Transport::Plain(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.transport().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.transport().poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// hyper hands an upgraded connection out as a `Send` trait object (design 11.9).
    #[test]
    fn a_stream_can_be_upgraded() {
        let (send, recv) = std::sync::mpsc::sync_channel::<Box<dyn std::any::Any + Send>>(1);
        let stream: Option<Stream> = None;
        assert!(send.send(Box::new(stream)).is_ok() && recv.recv().is_ok());
    }

    #[test]
    fn what_was_read_to_find_out_is_served_again() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let check = |sent: &[u8], spoken: Option<Spoken>| {
            let heard = runtime.block_on(async {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
                tokio::io::AsyncWriteExt::write_all(&mut client, sent).await.unwrap();
                drop(client);
                let (accepted, _) = listener.accept().await.unwrap();
                let progress = Arc::new(Progress::default());
                let mut stream = Stream::plain(accepted, Arc::clone(&progress));
                let spoken = stream.sniff().await.ok();
                let mut bytes = Vec::new();
                stream.read_to_end(&mut bytes).await.unwrap();
                assert_eq!((bytes.as_slice(), progress.bytes().0), (sent, sent.len() as u64));
                spoken
            });
            assert_eq!(heard, spoken, "{sent:?}");
        };
        check(b"GET / HTTP/1.1\r\n\r\n", Some(Spoken::Http1));
        check(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0", Some(Spoken::Http2));
        check(b"PRI * HTTP/2.0\r\n\r\n", Some(Spoken::Http1));
        check(b"PRINT", Some(Spoken::Http1));
        check(b"", None);
    }
}
