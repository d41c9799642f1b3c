//! A handler at work on a call, and what comes out of it.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::FutureExt;
use tokio::sync::mpsc;
use tokio::time::timeout_at;

use super::{Call, Counters, Handler, Server};
use crate::debug::OpenSpan;
use crate::error::{RpcError, SERVER_ID};
use crate::status::{Code, Status};

type Running = Pin<Box<dyn Future<Output = Result<(), Status>> + Send>>;

/// A call that is worked on. Dropping it gives the call up.
pub(super) struct Work {
    running: Option<Running>,
    result: Option<Status>,
    messages: mpsc::Receiver<Bytes>,
    counters: Arc<Counters>,
    span: Option<OpenSpan>,
}

/// What comes next of a call.
pub(super) enum Item {
    Message(Bytes),
    End(Status),
}

impl Work {
    /// Begins a call. `messages` is the other end of what the call sends to.
    pub(super) fn new(
        server: &Server,
        handler: Arc<dyn Handler>,
        mut call: Call,
        messages: mpsc::Receiver<Bytes>,
    ) -> Work {
        call.set_shutdown(server.shutdown.clone());
        let counters = Arc::clone(&server.counters);
        let span = server.journal.as_ref().and_then(|journal| call.begin_span(journal));
        let deadline = call.deadline();
        let running = async move {
            // Nothing of the call is used after a panic.
            let work = AssertUnwindSafe(handler.call(&mut call)).catch_unwind();
            let ended = match deadline {
                Some(deadline) => timeout_at(deadline, work).await.map_err(|_| deadline_exceeded())?,
                None => work.await,
            };
            ended.unwrap_or_else(|panic| Err(panicked(panic.as_ref())))
        };
        Work { running: Some(Box::pin(running)), result: None, messages, counters, span }
    }

    /// Fetches the next message; once there are no more, the end, and then no more than that.
    pub(super) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Item> {
        // The handler first: what it sends is then there to be fetched.
        if let Some(work) = &mut self.running
            && let Poll::Ready(ended) = work.as_mut().poll(context)
        {
            let status = ended.err().unwrap_or_else(Status::ok);
            self.counters.ended(&status);
            if let Some(span) = self.span.take() {
                span.end(if status.code == Code::Ok { Ok(()) } else { Err(&status.message) });
            }
            self.result = Some(status);
            self.running = None; // drops the sender, so that the messages end
        }
        self.messages.poll_recv(context).map(|message| match message {
            Some(message) => Item::Message(message),
            None => Item::End(self.result.take().expect("the sender lives as long as the handler")),
        })
    }
}

fn deadline_exceeded() -> Status {
    Status::new(Code::DeadlineExceeded, "context deadline exceeded")
}

fn panicked(panic: &(dyn std::any::Any + Send)) -> Status {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    let text = text.unwrap_or("without a text");
    tracing::error!(panic = text, "a handler panicked");
    RpcError::internal(SERVER_ID, format!("panic recovered: {text}")).to_grpc()
}
