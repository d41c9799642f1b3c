//! The broker of another process, reached over gRPC as `go.micro.broker`: the kind `service` of go-micro.
//!
//! Speaks to our own broker and to the real `micro broker` alike. **Publishing** is `Ok` when that broker says so; its 503
//! is [`PublishError::Full`]. **Subscribing** opens a stream; while nobody takes messages from it the flow control of
//! HTTP/2 holds the other broker back. A stream that breaks is opened again every second, as Go does, with one line in
//! the log; what was published meanwhile is lost to it. The protocol does not say when a subscription has begun: what is
//! published in the first moment may be missed.

mod link;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream;
use mesh_rpc::client::{Stream, Target};
use mesh_rpc::error::CLIENT_ID;
use mesh_rpc::{Codec, RpcError};
use prost::Message as _;
use proto::broker as wire;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use self::link::Link;
use crate::broker::{Broker, Delivery, Origin, PublishError, SubscribeError, Subscription, Unavailable};
use crate::connect::ConnectError;
use crate::message::{Message, check_queue, check_topic};

/// The name of the broker as a service.
pub const NAME: &str = "go.micro.broker";

/// Where go-micro looks for it.
pub const ADDRESS_DEFAULT: &str = "127.0.0.1:8001";

/// How long to wait before a stream that broke is opened again, as in go-micro.
const RESUBSCRIBE_PAUSE: Duration = Duration::from_secs(1);

/// See the module. Clones share the connection.
#[derive(Debug, Clone)]
pub struct Remote {
    link: Arc<Link>,
    end: CancellationToken,
}

impl Remote {
    /// Returns the broker at these addresses, `host` or `host:port` (default 8001); none: `127.0.0.1:8001`. Of several the
    /// one that answers is kept until it fails. Nothing is connected yet.
    ///
    /// # Errors
    /// When an address is none.
    pub fn new(addresses: &[String]) -> Result<Remote, ConnectError> {
        Ok(Remote { link: Arc::new(Link::new(addresses)?), end: CancellationToken::new() })
    }
}

#[async_trait]
impl Broker for Remote {
    fn origin(&self) -> Origin {
        Origin::SERVICE
    }

    async fn publish(&self, topic: &str, message: Message) -> Result<(), PublishError> {
        check_topic(topic)?;
        let message = message.on(topic);
        message.check()?;
        let message = wire::Message { header: message.header, body: message.body };
        let request = wire::PublishRequest { topic: topic.to_owned(), message: Some(message) }.encode_to_vec();
        let target = Target::new(NAME, "Broker.Publish");
        match self.link.call(&target, &request).await {
            Ok(_) => Ok(()),
            Err(error) if error.code == 503 => {
                Err(PublishError::Full { topic: topic.to_owned(), reason: error.detail })
            }
            Err(error) => Err(unavailable(&self.link, error).into()),
        }
    }

    async fn subscribe(&self, topic: &str, queue: Option<&str>) -> Result<Subscription, SubscribeError> {
        check_topic(topic)?;
        queue.map(check_queue).transpose()?;
        let request = wire::SubscribeRequest { topic: topic.to_owned(), queue: queue.unwrap_or_default().to_owned() };
        let stream = open(&self.link, &request).await.map_err(|error| unavailable(&self.link, error))?;
        let follower = Follower { link: Arc::clone(&self.link), request, stream: Some(stream), is_away: false };
        let end = self.end.clone();
        Ok(Subscription::new(stream::unfold((follower, end), |(mut follower, end)| async move {
            let delivery = tokio::select! {
                () = end.cancelled() => return None,
                delivery = follower.next() => delivery,
            };
            Some((delivery, (follower, end)))
        })))
    }

    async fn close(&self) {
        self.end.cancel();
    }
}

fn unavailable(link: &Link, error: RpcError) -> Unavailable {
    Unavailable::new(Origin::SERVICE, format!("{} did not take it", link.addresses())).caused_by(error)
}

/// Opens the stream of a subscription.
async fn open(link: &Link, request: &wire::SubscribeRequest) -> Result<Stream, RpcError> {
    let (_, client) = link.connected().await?;
    let mut stream = client.stream(&Target::new(NAME, "Broker.Subscribe"), Codec::Proto)?;
    // Go's stubs do not close their side either.
    let sent = stream.send_bytes(&request.encode_to_vec()).await;
    sent.map_err(|error| RpcError::new(CLIENT_ID, 502, error.to_string()))?;
    Ok(stream)
}

/// A subscription that is opened again when it breaks.
struct Follower {
    link: Arc<Link>,
    request: wire::SubscribeRequest,
    stream: Option<Stream>,
    /// Whether it was said that the broker is away.
    is_away: bool,
}

impl Follower {
    async fn next(&mut self) -> Delivery {
        loop {
            let reason = match &mut self.stream {
                Some(stream) => match stream.receive_bytes().await {
                    Ok(Some(bytes)) => match wire::Message::decode(bytes) {
                        Ok(message) => {
                            self.back();
                            return self.delivery(message);
                        }
                        Err(error) => format!("it sent no message: {error}"),
                    },
                    Ok(None) => "it ended the subscription".to_owned(),
                    Err(error) => error.to_string(),
                },
                None => match open(&self.link, &self.request).await {
                    Ok(stream) => {
                        self.stream = Some(stream);
                        continue;
                    }
                    Err(error) => error.detail,
                },
            };
            self.stream = None;
            if !std::mem::replace(&mut self.is_away, true) {
                let (topic, addresses) = (&self.request.topic, self.link.addresses());
                tracing::warn!(topic, addresses, reason, "a subscription to a broker broke, it is tried again");
            }
            sleep(RESUBSCRIBE_PAUSE).await;
        }
    }

    fn back(&mut self) {
        if std::mem::replace(&mut self.is_away, false) {
            tracing::info!(topic = self.request.topic, "a subscription to a broker goes on");
        }
    }

    fn delivery(&self, message: wire::Message) -> Delivery {
        Delivery::new(self.request.topic.as_str(), Message { header: message.header, body: message.body })
    }
}
