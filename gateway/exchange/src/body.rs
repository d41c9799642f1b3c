//! The body of a message: one type for all of them, with its limit, its replay copy and a hook for its end.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http::header::HeaderMap;
use http_body::{Frame, SizeHint};

/// The largest copy that is kept so that a request can be sent again, in bytes (design 11.8).
const REPLAY_BYTES_MAX: usize = 64 * 1024;

/// How a body came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyEnd {
    /// All of it was read, trailers included.
    Complete,
    /// It failed while it was read.
    Failed,
    /// Nobody wanted the rest.
    Dropped,
}

/// Is told once how a body ended, and how many bytes were read until then. This is where a connection goes back to
/// its pool and where an access record is written.
pub trait BodyHook {
    /// Takes the end of the body. Called exactly once.
    fn ended(self: Box<Self>, end: BodyEnd, bytes: u64);
}

/// Why a body failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BodyError {
    /// More came than is allowed.
    #[error("the body is larger than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// The HTTP engine failed to read or decode it.
    #[error("the body could not be read")]
    Read(#[source] hyper::Error),
}

/// A copy of a request's body, kept while it is sent, so that it can be sent again.
#[derive(Clone, Debug)]
pub struct Replay(Kept);

#[derive(Clone, Debug)]
enum Kept {
    Full(Bytes),
    Messages(Bytes),
}

enum Source {
    Empty,
    Full(Bytes),
    Messages(Bytes, Option<Box<HeaderMap>>),
    Incoming(hyper::body::Incoming),
}

/// A body that streams through the gateway.
///
/// A plain enum inside and no type parameter outside, so that no handler is generic over it. Not `Send`: a body stays
/// on the worker that accepted its connection. Dropping it cancels the rest of the message.
pub struct Body {
    source: Source,
    limit: u64,
    read: u64,
    hook: Option<Box<dyn BodyHook>>,
    outer: Option<Box<dyn BodyHook>>,
}

impl Body {
    /// Makes a body without content.
    pub fn empty() -> Self {
        Self::of(Source::Empty)
    }

    /// Makes a body of bytes in memory.
    pub fn full(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self::of(if bytes.is_empty() { Source::Empty } else { Source::Full(bytes) })
    }

    /// Makes a body of framed messages in memory, such as those of gRPC, with the trailers that follow them.
    ///
    /// Its length is not announced: go-micro services pass all they receive on with their own calls, where a
    /// `content-length` is wrong and resets the stream.
    pub fn messages(bytes: Bytes, trailers: Option<HeaderMap>) -> Self {
        Self::of(Source::Messages(bytes, trailers.map(Box::new)))
    }

    /// Takes the body of a message that the HTTP engine reads.
    pub fn incoming(incoming: hyper::body::Incoming) -> Self {
        use http_body::Body as _;
        Self::of(if incoming.is_end_stream() { Source::Empty } else { Source::Incoming(incoming) })
    }

    fn of(source: Source) -> Self {
        Self { source, limit: u64::MAX, read: 0, hook: None, outer: None }
    }

    /// Bounds the body to `bytes`; the smallest bound wins.
    pub fn limit(&mut self, bytes: u64) {
        self.limit = self.limit.min(bytes);
    }

    /// Returns whether the length that was announced is over the bound: such a body need not be read at all.
    pub fn is_announced_too_large(&self) -> bool {
        http_body::Body::size_hint(self).lower() > self.limit
    }

    /// Returns the length that is announced before it is sent, if there is one.
    pub fn announced(&self) -> Option<u64> {
        http_body::Body::size_hint(self).exact()
    }

    /// Returns the bound in bytes; `u64::MAX` when there is none.
    pub fn bytes_max(&self) -> u64 {
        self.limit
    }

    /// Has `hook` told how the body ends. A body takes two: the first set is told first.
    pub fn on_end(&mut self, hook: Box<dyn BodyHook>) {
        debug_assert!(self.outer.is_none(), "a body has room for two hooks: its connection's and its record's");
        if self.hook.is_none() {
            self.hook = Some(hook);
        } else {
            self.outer = Some(hook);
        }
    }

    /// Returns whether the body is known to have no content.
    pub fn is_empty(&self) -> bool {
        matches!(self.source, Source::Empty)
    }

    /// Returns a copy from which the body can be made again, if it is whole in memory and no larger than 64 KiB.
    pub fn replay(&self) -> Option<Replay> {
        match &self.source {
            Source::Empty => Some(Replay(Kept::Full(Bytes::new()))),
            Source::Full(bytes) if bytes.len() <= REPLAY_BYTES_MAX => Some(Replay(Kept::Full(bytes.clone()))),
            Source::Messages(bytes, None) if bytes.len() <= REPLAY_BYTES_MAX => {
                Some(Replay(Kept::Messages(bytes.clone())))
            }
            _ => None,
        }
    }

    /// Reads the whole body into memory; the limit bounds it.
    ///
    /// # Errors
    /// Fails when the body is larger than its limit, before more than the limit is kept, or cannot be read.
    pub async fn collect(mut self) -> Result<Bytes, BodyError> {
        use http_body::Body as _;
        if let Some(bytes) = self.whole()? {
            return Ok(bytes);
        }
        let expected = usize::try_from(self.size_hint().lower()).unwrap_or(0).min(REPLAY_BYTES_MAX);
        let mut first: Option<Bytes> = None;
        let mut all = BytesMut::new();
        while let Some(frame) = std::future::poll_fn(|cx| Pin::new(&mut self).poll_frame(cx)).await {
            let Ok(data) = frame?.into_data() else { continue };
            match first.take() {
                // Most bodies are one frame: it is passed on as it is.
                None if all.is_empty() => first = Some(data),
                None => all.extend_from_slice(&data),
                Some(begin) => {
                    all.reserve(expected.max(begin.len() + data.len()));
                    all.extend_from_slice(&begin);
                    all.extend_from_slice(&data);
                }
            }
        }
        Ok(first.unwrap_or_else(|| all.freeze()))
    }

    /// Takes the bytes if they are all in memory already.
    fn whole(&mut self) -> Result<Option<Bytes>, BodyError> {
        let bytes = match std::mem::replace(&mut self.source, Source::Empty) {
            Source::Empty => Bytes::new(),
            Source::Full(bytes) => bytes,
            other => {
                self.source = other;
                return Ok(None);
            }
        };
        self.count(bytes.len())?;
        self.end(BodyEnd::Complete);
        Ok(Some(bytes))
    }

    fn count(&mut self, bytes: usize) -> Result<(), BodyError> {
        self.read += bytes as u64;
        if self.read > self.limit {
            self.source = Source::Empty;
            self.end(BodyEnd::Failed);
            return Err(BodyError::TooLarge { limit: self.limit });
        }
        Ok(())
    }

    fn end(&mut self, end: BodyEnd) {
        for hook in [self.hook.take(), self.outer.take()].into_iter().flatten() {
            hook.ended(end, self.read);
        }
    }
}

impl From<Replay> for Body {
    fn from(replay: Replay) -> Self {
        match replay.0 {
            Kept::Full(bytes) => Self::full(bytes),
            Kept::Messages(bytes) => Self::messages(bytes, None),
        }
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        let frame = match &mut this.source {
            Source::Empty => None,
            Source::Full(bytes) => {
                let bytes = std::mem::take(bytes);
                this.source = Source::Empty;
                Some(Ok(Frame::data(bytes)))
            }
            Source::Messages(bytes, trailers) if bytes.is_empty() => {
                let trailers = trailers.take();
                this.source = Source::Empty;
                trailers.map(|trailers| Ok(Frame::trailers(*trailers)))
            }
            Source::Messages(bytes, _) => Some(Ok(Frame::data(std::mem::take(bytes)))),
            Source::Incoming(incoming) => match Pin::new(incoming).poll_frame(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(frame) => frame.map(|frame| frame.map_err(BodyError::Read)),
            },
        };
        match frame {
            None => this.end(BodyEnd::Complete),
            Some(Err(_)) => this.end(BodyEnd::Failed),
            Some(Ok(ref frame)) => {
                if let Some(data) = frame.data_ref() {
                    let bytes = data.len();
                    this.count(bytes)?;
                }
                // The engine may never poll again once it knows that this was the last frame.
                if this.is_end_stream() {
                    this.end(BodyEnd::Complete);
                }
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Empty => true,
            Source::Full(_) => false,
            Source::Messages(bytes, trailers) => bytes.is_empty() && trailers.is_none(),
            Source::Incoming(incoming) => incoming.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Empty => SizeHint::with_exact(0),
            Source::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Source::Messages(..) => SizeHint::default(),
            Source::Incoming(incoming) => incoming.size_hint(),
        }
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        use http_body::Body as _;
        let end = if self.is_end_stream() { BodyEnd::Complete } else { BodyEnd::Dropped };
        self.end(end);
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let source = match &self.source {
            Source::Empty => "empty",
            Source::Full(_) => "full",
            Source::Messages(..) => "messages",
            Source::Incoming(_) => "incoming",
        };
        f.debug_struct("Body").field("source", &source).field("read", &self.read).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;
    use std::task::Waker;

    use http_body::Body as _;

    use super::*;

    type Log = Rc<RefCell<Vec<(BodyEnd, u64)>>>;

    struct Ended(Log);

    impl BodyHook for Ended {
        fn ended(self: Box<Self>, end: BodyEnd, bytes: u64) {
            self.0.borrow_mut().push((end, bytes));
        }
    }

    fn watched(mut body: Body) -> (Body, Log) {
        let log = Log::default();
        body.on_end(Box::new(Ended(Rc::clone(&log))));
        body.on_end(Box::new(Ended(Rc::clone(&log))));
        (body, log)
    }

    fn collect(body: Body) -> Result<Bytes, BodyError> {
        let mut future = std::pin::pin!(body.collect());
        match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(result) => result,
            Poll::Pending => unreachable!("a body in memory is ready"),
        }
    }

    #[test]
    fn each_hook_is_told_once_how_a_body_ended() {
        let (body, log) = watched(Body::full("abc"));
        assert_eq!(collect(body).unwrap(), "abc");
        assert_eq!(*log.borrow(), [(BodyEnd::Complete, 3); 2]);
        let (body, log) = watched(Body::full("abc"));
        drop(body);
        assert_eq!(*log.borrow(), [(BodyEnd::Dropped, 0); 2]);
        let (body, log) = watched(Body::empty());
        drop(body);
        assert_eq!(*log.borrow(), [(BodyEnd::Complete, 0); 2]);
    }

    #[test]
    fn a_body_over_its_limit_fails() {
        let (mut body, log) = watched(Body::full("abcd"));
        body.limit(9);
        body.limit(3);
        assert!(body.is_announced_too_large());
        assert!(matches!(collect(body), Err(BodyError::TooLarge { limit: 3 })));
        assert_eq!(*log.borrow(), [(BodyEnd::Failed, 4); 2]);
    }

    #[test]
    fn messages_end_with_their_trailers_and_announce_no_length() {
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", http::HeaderValue::from_static("0"));
        let mut body = Body::messages(Bytes::from_static(b"m"), Some(trailers));
        assert_eq!((body.size_hint().exact(), body.is_end_stream()), (None, false));
        let mut context = Context::from_waker(Waker::noop());
        let mut next = || match Pin::new(&mut body).poll_frame(&mut context) {
            Poll::Ready(frame) => frame.map(Result::unwrap),
            Poll::Pending => unreachable!("a body in memory is ready"),
        };
        assert_eq!(next().unwrap().into_data().unwrap(), "m");
        assert!(next().unwrap().is_trailers());
        assert!(next().is_none());
    }

    #[test]
    fn only_small_bodies_in_memory_can_be_sent_again() {
        let again = |body: Body| body.replay().map(|replay| collect(Body::from(replay)).unwrap());
        assert_eq!(again(Body::full("abc")).unwrap(), "abc");
        assert_eq!(again(Body::messages(Bytes::from_static(b"m"), None)).unwrap(), "m");
        assert_eq!(again(Body::empty()).unwrap(), "");
        assert!(again(Body::full(vec![0; REPLAY_BYTES_MAX + 1])).is_none());
    }
}
