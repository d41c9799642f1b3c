//! The body of a response. It drives the handler: no task, no queue, and a caller that goes away ends the work.

use std::error::Error;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use hyper::body::{Body, Frame};

use super::work::{Item, Work};
use super::{Counters, HttpBody};
use crate::frame;
use crate::status::Status;

/// The messages of a call and the trailers that end it; or something else, where it is no call.
pub(super) struct Reply {
    state: State,
    /// Fetched to learn how the response begins, not delivered yet.
    next: Option<Bytes>,
}

enum State {
    /// The handler is at work, or its last messages are to be fetched.
    Working(Box<Work>),
    /// All messages were fetched.
    Ending(Status),
    /// What is not gRPC.
    Http(HttpBody),
    /// Nothing comes any more.
    Done,
}

impl Reply {
    /// Returns the reply of a call that a handler works on.
    pub(super) fn new(work: Work) -> Reply {
        Reply { state: State::Working(Box::new(work)), next: None }
    }

    /// Returns the reply of a call that ended before it began.
    pub(super) fn ended(status: Status, counters: &Counters) -> Reply {
        counters.ended(&status);
        Reply { state: State::Ending(status), next: None }
    }

    /// Returns a body that is a text.
    pub(super) fn text(text: String) -> Reply {
        Reply { state: State::Done, next: Some(text.into()) }
    }

    /// Returns a body that is passed on as it is.
    pub(super) fn http(body: HttpBody) -> Reply {
        Reply { state: State::Http(body), next: None }
    }

    /// Waits until it is known how the response begins: with a message, or, when the call ended without one, with
    /// the trailers, which then are the only headers ("Trailers-Only").
    pub(super) async fn begin(&mut self) -> Option<HeaderMap> {
        match poll_fn(|context| self.poll_item(context)).await? {
            Item::Message(message) => {
                self.next = Some(frame::encode(&message));
                None
            }
            Item::End(status) => {
                self.state = State::Done;
                Some(status.to_trailers())
            }
        }
    }

    fn poll_item(&mut self, context: &mut Context<'_>) -> Poll<Option<Item>> {
        let State::Working(work) = &mut self.state else {
            return Poll::Ready(match std::mem::replace(&mut self.state, State::Done) {
                State::Ending(status) => Some(Item::End(status)),
                _ => None,
            });
        };
        work.poll_next(context).map(|item| {
            if let Item::End(_) = item {
                self.state = State::Done;
            }
            Some(item)
        })
    }
}

impl Body for Reply {
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if let State::Http(body) = &mut self.state {
            return Pin::new(body).poll_frame(context);
        }
        if let Some(next) = self.next.take() {
            return Poll::Ready(Some(Ok(Frame::data(next))));
        }
        self.poll_item(context).map(|item| match item? {
            Item::Message(message) => Some(Ok(Frame::data(frame::encode(&message)))),
            Item::End(status) => Some(Ok(Frame::trailers(status.to_trailers()))),
        })
    }

    fn is_end_stream(&self) -> bool {
        match &self.state {
            State::Http(body) => body.is_end_stream(),
            State::Done => self.next.is_none(),
            _ => false,
        }
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Reply")
    }
}
