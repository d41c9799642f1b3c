//! `go.micro.broker` over gRPC.

use async_trait::async_trait;
use mesh_rpc::{Call, RpcError, Status};
use proto::broker as wire;

use super::{ID, Shared, of_publish, of_subscribe};
use crate::message::Message;

/// The handler `Broker`.
#[derive(Debug)]
pub(super) struct Handler(pub(super) Shared);

#[async_trait]
impl mesh_rpc::Handler for Handler {
    async fn call(&self, call: &mut Call) -> Result<(), Status> {
        match call.method() {
            "Publish" => self.publish(call).await,
            "Subscribe" => self.subscribe(call).await,
            _ => Err(call.unknown_method()),
        }
    }
}

impl Handler {
    async fn publish(&self, call: &mut Call) -> Result<(), Status> {
        let wire::PublishRequest { topic, message } = call.request().await?;
        let wire::Message { header, body } = message.unwrap_or_default();
        self.0.broker.publish(&topic, Message { header, body }).await.map_err(of_publish)?;
        call.send(&wire::Empty {}).await
    }

    /// Begins with the first message, as Go's stubs never close their side, and goes on until the caller does not any
    /// more. A caller that does not read holds back its own queue.
    async fn subscribe(&self, call: &mut Call) -> Result<(), Status> {
        let wire::SubscribeRequest { topic, queue } = call.request().await?;
        let queue = Some(queue.as_str()).filter(|queue| !queue.is_empty());
        let mut subscription = self.0.broker.subscribe(&topic, queue).await.map_err(of_subscribe)?;
        loop {
            let delivery = tokio::select! {
                () = self.0.shutdown.cancelled() => return Ok(()),
                delivery = subscription.next() => delivery,
            };
            // The caller subscribes again.
            let Some(mut delivery) = delivery else {
                return Err(RpcError::new(ID, 503, "the subscription has ended").to_grpc());
            };
            let Message { header, body } = std::mem::take(&mut delivery.message);
            call.send(&wire::Message { header, body }).await?;
            if let Err(error) = delivery.acknowledge().await {
                tracing::debug!(%error, "a message that was delivered comes again");
            }
        }
    }
}
