//! One connection of a MUCP client.
//!
//! One task reads, one part of it writes, and each call is a task of its own, so that many may be under way and
//! answers come in any order. When the client closes the connection, whatever is under way is dropped.

mod receiver;
mod reply;
mod request;

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use self::receiver::{ReceiveError, Receiver};
use self::reply::Reply;
use self::request::Request;
use super::Server;
use super::event;
use crate::mucp::END_OF_STREAM;
use crate::mucp::content::ContentType;
use crate::mucp::envelope;
use crate::mucp::frame::Start;
use crate::mucp::message::Message;
use crate::status::{Code, Status};

/// How long a client may leave an answer unread.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// How many answers may wait to be written; the calls they belong to wait with them.
const ANSWERS_WAITING: usize = 8;

/// How many messages of a client may wait for the handler of a stream; then nothing more is read.
const MESSAGES_WAITING: usize = 8;

/// How many streams that ended are remembered, so that what still comes for them begins no new ones.
const ENDED_STREAMS: usize = 64;

/// Serves a connection until it ends; after the shutdown began, until its calls have ended.
pub(super) async fn serve(
    stream: TcpStream,
    remote: SocketAddr,
    server: Arc<Server>,
    shutdown: CancellationToken,
) -> io::Result<()> {
    let local = stream.local_addr()?;
    let (read, write) = stream.into_split();
    let (outgoing, answers) = mpsc::channel(ANSWERS_WAITING);
    let mut receiver = Receiver::new(read, &server.limits);
    let connection = Connection {
        local,
        remote,
        server,
        outgoing,
        streams: HashMap::new(),
        ended: VecDeque::new(),
        working: JoinSet::new(),
    };
    let mut writing = pin!(write_answers(write, answers));
    let refused = tokio::select! {
        result = &mut writing => return result,
        refused = connection.run(&mut receiver, shutdown) => refused,
    };
    // What is queued is still written.
    writing.await?;
    if refused {
        receiver.drain().await;
    }
    Ok(())
}

/// Writes answers until nobody can have one any more.
async fn write_answers(mut write: OwnedWriteHalf, mut answers: mpsc::Receiver<Bytes>) -> io::Result<()> {
    while let Some(answer) = answers.recv().await {
        timeout(WRITE_TIMEOUT, write.write_all(&answer)).await.map_err(io::Error::from).flatten()?;
    }
    timeout(WRITE_TIMEOUT, write.shutdown()).await.map_err(io::Error::from).flatten()
}

struct Connection {
    local: SocketAddr,
    remote: SocketAddr,
    server: Arc<Server>,
    outgoing: mpsc::Sender<Bytes>,
    /// Where messages of open streams go, by what `Micro-Stream` or `Micro-Id` calls them.
    streams: HashMap<String, OpenStream>,
    /// Streams that ended, the latest last.
    ended: VecDeque<String>,
    /// Calls and events; a stream yields its key.
    working: JoinSet<Option<String>>,
}

struct OpenStream {
    content: ContentType,
    /// `None` once the client has ended its side.
    messages: Option<mpsc::Sender<Result<Bytes, Status>>>,
}

impl Connection {
    /// Takes messages until the connection ends; says whether it was ended for what the client sent.
    async fn run(mut self, receiver: &mut Receiver, shutdown: CancellationToken) -> bool {
        loop {
            if shutdown.is_cancelled() && self.working.is_empty() {
                return false;
            }
            let is_idle = self.working.is_empty();
            tokio::select! {
                received = receiver.next(is_idle) => match received {
                    Ok((start, message)) => {
                        if let Err(refusal) = self.accept(&start, message).await {
                            return self.send(refusal).await.is_ok();
                        }
                    }
                    Err(ReceiveError::Refused(error)) => {
                        tracing::debug!(remote = %self.remote, %error, "a MUCP message is refused");
                        return self.send(reply::refusal(&error)).await.is_ok();
                    }
                    Err(ReceiveError::Ended) => return false,
                    Err(ReceiveError::Broken(error)) => {
                        tracing::debug!(remote = %self.remote, %error, "a MUCP connection broke");
                        return false;
                    }
                },
                Some(ended) = self.working.join_next() => {
                    if let Ok(Some(key)) = ended {
                        self.forget(key);
                    }
                }
                () = shutdown.cancelled(), if is_idle => return false,
            }
        }
    }

    fn forget(&mut self, key: String) {
        self.streams.remove(&key);
        if self.ended.len() >= ENDED_STREAMS {
            self.ended.pop_front();
        }
        self.ended.push_back(key);
    }

    /// Takes one message; an error is the answer with which the connection ends.
    async fn accept(&mut self, start: &Start, message: Message) -> Result<(), Bytes> {
        reply::check(start, &message)?;
        if !message.headers.get("Micro-Topic").is_empty() {
            return self.event(message).await;
        }
        let key = match message.headers.get("Micro-Stream") {
            "" => message.headers.get("Micro-Id"),
            stream => stream,
        }
        .to_owned();
        let is_stream = !message.headers.get_or_twin("Micro-Stream").is_empty();
        if let Some(open) = self.streams.get_mut(&key) {
            open.deliver(&message).await;
            return Ok(());
        }
        let is_end = message.headers.get("Micro-Error") == END_OF_STREAM;
        if is_stream && (is_end || self.ended.contains(&key)) {
            return Ok(());
        }
        self.begin(message, is_stream.then_some(key)).await
    }

    async fn begin(&mut self, message: Message, stream: Option<String>) -> Result<(), Bytes> {
        if self.is_full() {
            return self.send(Reply::of(&message, stream.is_some()).error("too many calls on one connection")).await;
        }
        let request = match Request::read(message, stream.is_some()) {
            Ok(request) => request,
            Err(answer) => return self.send(answer).await,
        };
        let (messages, source) = mpsc::channel(MESSAGES_WAITING);
        let work = match request.begin(&self.server, (self.local, self.remote), source) {
            Ok(work) => work,
            Err(text) => return self.send(request.reply.error(&text)).await,
        };
        match &stream {
            Some(key) => {
                self.streams.insert(key.clone(), OpenStream { content: request.content(), messages: Some(messages) });
            }
            // The one message; the dropped sender is the end of them.
            None => drop(messages.try_send(Ok(request.message))),
        }
        self.working.spawn(reply::answer(work, request.reply, self.outgoing.clone(), stream));
        Ok(())
    }

    /// Hands an event to the subscriber of the server, if it has one.
    async fn event(&mut self, message: Message) -> Result<(), Bytes> {
        if self.is_full() {
            return self.send(Reply::of(&message, false).error("too many events on one connection")).await;
        }
        let (subscriber, outgoing) = (self.server.subscriber.clone(), self.outgoing.clone());
        self.working.spawn(async move {
            let answer = event::answer(subscriber, message).await;
            // Nobody is there to be told when the connection is gone.
            outgoing.send(answer).await.ok();
            None
        });
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.working.len() >= usize::try_from(self.server.limits.streams).unwrap_or(usize::MAX)
    }

    async fn send(&self, answer: Bytes) -> Result<(), Bytes> {
        self.outgoing.send(answer).await.map_err(|error| error.0)
    }
}

impl OpenStream {
    /// Hands a message to the handler; waits while it has not taken those before.
    async fn deliver(&mut self, message: &Message) {
        let Some(messages) = &self.messages else { return };
        let told = message.headers.get("Micro-Error");
        if told == END_OF_STREAM {
            self.messages = None;
            return;
        }
        let item = match envelope::decode_request(self.content, &message.body) {
            _ if !told.is_empty() => Err(Status::new(Code::Cancelled, told)),
            Ok(envelope) => Ok(envelope.message),
            Err(error) => Err(Status::new(Code::Internal, error.to_string())),
        };
        if messages.send(item).await.is_err() {
            // The handler has ended; what comes now is for nobody.
            self.messages = None;
        }
    }
}
