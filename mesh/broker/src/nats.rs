//! NATS, as go-micro uses it: the subject is the topic, the payload is the [envelope], a queue is a queue
//! group. `*` and `>` in a topic that is subscribed to are NATS's wildcards.
//!
//! **Publishing** returns `Ok` when the server has the message: a question that nobody answers is sent after it on the
//! same connection, and the server's "no responders" says that it has read that far. Where the server does not say so
//! (older than 2.2, or its permissions forbid the subjects `_MICRO.>` or `_INBOX.>`) `Ok` means that the message was
//! written to the connection, with one line in the log. Whether subscribers get it is NATS's affair, which delivers at
//! most once.
//!
//! **While the server is away** publications wait, at most for their deadline of five seconds, and then are
//! [`PublishError::Unavailable`]; one whose connection broke is sent again, so that it may come twice. Subscriptions stay
//! and go on when the server is back; what others published meanwhile is lost to them. One line in the log says that it is
//! away, one that it is back.
//!
//! **A slow subscriber** loses messages once [`CAPACITY`] wait for it here, with a line in the log: the connection is
//! shared, and NATS knows no way to hold back one subscriber.

mod address;
mod state;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_nats::{Client, ConnectOptions, RequestErrorKind, ServerAddr};
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt;
use tokio::sync::OnceCell;
use tokio::time::{Instant, timeout, timeout_at};

use self::state::State;
use crate::broker::{Broker, Delivery, Origin, PublishError, SubscribeError, Subscription, Unavailable};
use crate::connect::ConnectError;
use crate::envelope;
use crate::message::{InvalidMessage, Message, check_queue, check_topic};

/// How many messages may wait for a subscriber in this process.
pub const CAPACITY: usize = 512;

/// How long a publication, or the begin of a subscription, may take.
const DEADLINE: Duration = Duration::from_secs(5);

/// How long the server may take to confirm, the first time, before it is said that it does not.
const CONFIRM_TIMEOUT: Duration = Duration::from_secs(2);

/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// How often to look whether the server is there.
const PING_INTERVAL: Duration = Duration::from_secs(10);

/// The longest pause between two tries to connect; they begin at a sixteenth of it.
const RECONNECT_PAUSE_MAX: Duration = Duration::from_millis(1600);

/// The subject of the question that nobody answers.
const CONFIRM: &str = "_MICRO.confirm";

/// See the module. Clones share the connection.
#[derive(Debug, Clone)]
pub struct Nats {
    addresses: Arc<[ServerAddr]>,
    client: Arc<OnceCell<Client>>,
    state: Arc<State>,
}

impl Nats {
    /// Returns the broker at these addresses, `host`, `host:port` or a URL that may hold `user:password@`; none:
    /// `nats://127.0.0.1:4222`. Nothing is connected yet.
    ///
    /// # Errors
    /// When an address is none.
    pub fn new(addresses: &[String]) -> Result<Nats, ConnectError> {
        let addresses = address::parse(addresses)?;
        Ok(Nats { addresses: addresses.into(), client: Arc::default(), state: Arc::default() })
    }

    /// Returns the client, once it is connected.
    async fn connected(&self, deadline: Instant) -> Result<&Client, Unavailable> {
        let client = self.client.get_or_try_init(|| self.connect()).await?;
        match timeout_at(deadline, self.state.connected()).await {
            Ok(()) => Ok(client),
            Err(_) => {
                let places = address::show(&self.addresses);
                Err(Unavailable::new(Origin::NATS, format!("there is no connection to {places}")))
            }
        }
    }

    async fn connect(&self) -> Result<Client, Unavailable> {
        let state = Arc::clone(&self.state);
        let places = address::show(&self.addresses);
        let options = ConnectOptions::new()
            .name("micro")
            .retry_on_initial_connect()
            .connection_timeout(CONNECT_TIMEOUT)
            .ping_interval(PING_INTERVAL)
            .subscription_capacity(CAPACITY)
            .reconnect_delay_callback(pause)
            .event_callback(move |event| {
                state.follow(&event, &places);
                std::future::ready(())
            });
        options
            .connect(&*self.addresses)
            .await
            .map_err(|error| Unavailable::new(Origin::NATS, "the client cannot be started").caused_by(error))
    }

    /// Waits until the server has read what was sent before. Returns whether it says so.
    async fn confirm(&self, client: &Client, deadline: Instant) -> Result<(), Unavailable> {
        if !self.state.confirms() {
            return match timeout_at(deadline, client.flush()).await {
                Ok(Ok(())) => Ok(()),
                Ok(Err(error)) => Err(Unavailable::new(Origin::NATS, "the connection broke").caused_by(error)),
                Err(_) => Err(silent()),
            };
        }
        let is_first = !self.state.has_confirmed();
        let until = if is_first { deadline.min(Instant::now() + CONFIRM_TIMEOUT) } else { deadline };
        match timeout_at(until, client.request(CONFIRM, Bytes::new())).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) if error.kind() == RequestErrorKind::NoResponders => {}
            Ok(Err(error)) if error.kind() != RequestErrorKind::TimedOut => {
                return Err(Unavailable::new(Origin::NATS, "the message was not confirmed").caused_by(error));
            }
            _ if is_first && self.state.is_connected() => {
                self.state.never_confirms();
                return Ok(());
            }
            _ => return Err(silent()),
        }
        self.state.confirmed();
        Ok(())
    }
}

#[async_trait]
impl Broker for Nats {
    fn origin(&self) -> Origin {
        Origin::NATS
    }

    async fn publish(&self, topic: &str, message: Message) -> Result<(), PublishError> {
        check_topic(topic)?;
        let message = message.on(topic);
        message.check()?;
        let (payload, deadline) = (Bytes::from(envelope::encode(&message)), Instant::now() + DEADLINE);
        loop {
            let client = self.connected(deadline).await?;
            check_size(client, payload.len())?;
            let before = connects(client);
            let sent = timeout_at(deadline, client.publish(topic.to_owned(), payload.clone())).await;
            match sent {
                Err(_) => return Err(silent().into()),
                Ok(Err(error)) => {
                    return Err(Unavailable::new(Origin::NATS, format!("{topic:?} was not sent"))
                        .caused_by(error)
                        .into());
                }
                Ok(Ok(())) => {}
            }
            let confirmed = self.confirm(client, deadline).await;
            if connects(client) == before && self.state.is_connected() {
                return confirmed.map_err(Into::into);
            }
            // The connection broke in between, and what was in it may be lost.
            if Instant::now() >= deadline {
                return Err(silent().into());
            }
        }
    }

    async fn subscribe(&self, topic: &str, queue: Option<&str>) -> Result<Subscription, SubscribeError> {
        check_topic(topic)?;
        queue.map(check_queue).transpose()?;
        let deadline = Instant::now() + DEADLINE;
        let client = self.connected(deadline).await?;
        let failed = |error: async_nats::SubscribeError| {
            Unavailable::new(Origin::NATS, format!("{topic:?} was not subscribed to")).caused_by(error)
        };
        let subscriber = match queue {
            Some(queue) => client.queue_subscribe(topic.to_owned(), queue.to_owned()).await.map_err(failed)?,
            None => client.subscribe(topic.to_owned()).await.map_err(failed)?,
        };
        self.confirm(client, deadline).await?;
        let mut has_complained = false;
        Ok(Subscription::new(subscriber.filter_map(move |message| {
            std::future::ready(match envelope::decode(&message.payload) {
                Ok(decoded) => Some(Delivery::new(message.subject.as_str(), decoded)),
                Err(error) => {
                    if !std::mem::replace(&mut has_complained, true) {
                        let (subject, reason) = (message.subject.as_str(), error.to_string());
                        tracing::warn!(subject, reason, "a message is no envelope of go-micro; such ones are dropped");
                    }
                    None
                }
            })
        })))
    }

    async fn close(&self) {
        let Some(client) = self.client.get() else { return };
        if timeout(DEADLINE, client.drain()).await.is_err() {
            tracing::debug!("the connection to NATS was not drained in time");
        }
    }
}

/// The server says how much it takes: 1 MiB by default.
fn check_size(client: &Client, bytes: usize) -> Result<(), InvalidMessage> {
    let max = client.max_payload();
    if max > 0 && bytes > max {
        return Err(InvalidMessage::TooLarge { part: "envelope", bytes, max });
    }
    Ok(())
}

/// How often the client has connected: where that grew, something that was sent may be lost.
fn connects(client: &Client) -> u64 {
    client.statistics().connects.load(Ordering::Relaxed)
}

fn silent() -> Unavailable {
    Unavailable::new(Origin::NATS, format!("it did not answer within {DEADLINE:?}"))
}

/// Doubles from a sixteenth up to the longest pause, less up to half of it by chance.
fn pause(attempts: usize) -> Duration {
    let doublings = u32::try_from(attempts.saturating_sub(1)).unwrap_or(u32::MAX).min(4);
    (RECONNECT_PAUSE_MAX / 16 * 2_u32.pow(doublings)).mul_f64(0.5 + fastrand::f64() / 2.0)
}
