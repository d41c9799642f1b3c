//! How a publication gets from a worker to the broker, and its answer back.
//!
//! Workers share nothing, a broker's connections belong to the control plane: what is published crosses over through a
//! bounded queue. Whoever publishes waits for the answer, so that 200 means that the broker has it; a full queue is 503
//! at once (design 11.11).

use bytes::Bytes;
use gateway_exchange::{Cause, ProxyError};
use tokio::sync::{mpsc, oneshot};

/// The name under which go-micro reports what its client could not publish.
const CLIENT_ID: &str = "go.micro.client";

/// A message on its way to the broker.
#[derive(Debug)]
pub struct Publication {
    /// Where it is published.
    pub topic: String,
    /// Its header, in the spelling of metadata.
    pub header: Vec<(String, String)>,
    /// Its body.
    pub body: Bytes,
    answer: oneshot::Sender<Result<(), Refusal>>,
}

/// Why the broker did not take a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It cannot be published as it is.
    Invalid(String),
    /// A queue on the way is full.
    Full(String),
    /// The broker cannot be reached.
    Failed(String),
}

impl Publication {
    /// Says what came of it. A publisher that has given up meanwhile does not hear it.
    pub fn answer(self, outcome: Result<(), Refusal>) {
        drop(self.answer.send(outcome));
    }

    /// Returns whether nobody waits for the answer any more.
    pub fn is_abandoned(&self) -> bool {
        self.answer.is_closed()
    }
}

/// The worker's end of the queue. Clones share it.
#[derive(Clone, Debug)]
pub struct Publisher(mpsc::Sender<Publication>);

impl Publisher {
    /// Returns a publisher, and the queue of `capacity` publications that it fills.
    ///
    /// # Panics
    /// When the capacity is 0.
    pub fn channel(capacity: usize) -> (Self, mpsc::Receiver<Publication>) {
        let (sender, receiver) = mpsc::channel(capacity);
        (Self(sender), receiver)
    }

    /// Publishes a message and waits for what the broker says. Dropping the future gives it up; it may be published all
    /// the same.
    ///
    /// # Errors
    /// [`Cause::Overloaded`] when the queue or the broker is full, [`Cause::BadPayload`] for a message that cannot be
    /// published, else [`Cause::UpstreamError`].
    pub async fn publish(&self, topic: String, header: Vec<(String, String)>, body: Bytes) -> Result<(), ProxyError> {
        let (answer, outcome) = oneshot::channel();
        let publication = Publication { topic, header, body, answer };
        self.0.try_send(publication).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => full("too many publications wait for the broker"),
            mpsc::error::TrySendError::Closed(_) => failed("there is no broker"),
        })?;
        match outcome.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(Refusal::Invalid(reason))) => Err(ProxyError::new(Cause::BadPayload, reason)),
            Ok(Err(Refusal::Full(reason))) => Err(full(reason)),
            Ok(Err(Refusal::Failed(reason))) => Err(failed(reason)),
            Err(_) => Err(failed("the broker is gone")),
        }
    }
}

fn full(reason: impl Into<String>) -> ProxyError {
    ProxyError::new(Cause::Overloaded, reason)
}

fn failed(reason: impl Into<String>) -> ProxyError {
    ProxyError::new(Cause::UpstreamError, reason).with_id(CLIENT_ID)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn publish(publisher: &Publisher) -> impl Future<Output = Result<(), Cause>> + use<> {
        let publisher = publisher.clone();
        async move {
            let outcome = publisher.publish("t".to_owned(), Vec::new(), Bytes::from_static(b"x")).await;
            outcome.map_err(|error| error.cause())
        }
    }

    #[tokio::test]
    async fn the_answer_of_the_broker_is_that_of_the_publication() {
        let (publisher, mut queue) = Publisher::channel(1);
        for (answer, expected) in [
            (Ok(()), Ok(())),
            (Err(Refusal::Full(String::new())), Err(Cause::Overloaded)),
            (Err(Refusal::Invalid(String::new())), Err(Cause::BadPayload)),
            (Err(Refusal::Failed(String::new())), Err(Cause::UpstreamError)),
        ] {
            let broker = async { queue.recv().await.unwrap().answer(answer) };
            let (outcome, ()) = tokio::join!(publish(&publisher), broker);
            assert_eq!(outcome, expected);
        }
    }

    #[tokio::test]
    async fn a_full_queue_is_told_at_once_and_a_lost_one_too() {
        let (publisher, queue) = Publisher::channel(1);
        let waiting = publish(&publisher);
        tokio::pin!(waiting);
        tokio::select! {
            biased;
            _ = &mut waiting => panic!("nobody has answered"),
            outcome = publish(&publisher) => assert_eq!(outcome, Err(Cause::Overloaded)),
        }
        drop(queue);
        assert_eq!(waiting.await, Err(Cause::UpstreamError));
        assert_eq!(publish(&publisher).await, Err(Cause::UpstreamError));
    }
}
