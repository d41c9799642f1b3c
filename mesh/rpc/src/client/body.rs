//! The bodies of requests.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame};
use tokio::sync::mpsc;

/// Framed messages whose length is not told.
///
/// hyper writes a `content-length` where a body knows its length, and go-micro services pass every header on with
/// the calls they make in turn, where that length is wrong and strict servers refuse the call.
pub(super) enum Outgoing {
    /// The one message of a unary call.
    One(Option<Bytes>),
    /// The messages of a stream; it ends when the sender is dropped.
    Many(mpsc::Receiver<Bytes>),
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &mut *self {
            Outgoing::One(frame) => Poll::Ready(frame.take().map(|frame| Ok(Frame::data(frame)))),
            Outgoing::Many(frames) => frames.poll_recv(context).map(|frame| frame.map(|frame| Ok(Frame::data(frame)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Outgoing::One(None))
    }
}
