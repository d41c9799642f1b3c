//! What routes publish, on its way to the broker in use.

use gateway::{Publication, Refusal};
use mesh_broker::{CONTENT_TYPE, Message, PublishError, TOPIC};
use mesh_registry::noted;
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet};

use super::Brokers;

/// How many publications are with the broker at once; more wait in the queue, and what finds that full is 503.
const UNDER_WAY_MAX: usize = 256;

/// Takes publications and answers each, until the queue's other end is gone. Dropping the future gives those up that are
/// under way.
pub(in crate::serve) async fn publish(mut queue: mpsc::Receiver<Publication>, brokers: Brokers) {
    let mut under_way = JoinSet::new();
    loop {
        tokio::select! {
            Some(ended) = under_way.join_next() => report(ended),
            publication = queue.recv(), if under_way.len() < UNDER_WAY_MAX => match publication {
                Some(publication) if publication.is_abandoned() => {}
                Some(publication) => {
                    let brokers = brokers.clone();
                    under_way.spawn(async move { answer(publication, &brokers).await });
                }
                None => break,
            },
        }
    }
    while let Some(ended) = under_way.join_next().await {
        report(ended);
    }
}

/// Publishes what the registry of this process is told by others, one after another. That is a hint to whoever subscribes,
/// not a promise: one that the broker does not take is left out.
pub(in crate::serve) async fn publish_registrations(mut events: mpsc::Receiver<Vec<u8>>, brokers: Brokers) {
    while let Some(event) = events.recv().await {
        let Some(broker) = brokers.current() else { continue };
        let message = Message::new(event).with(CONTENT_TYPE, "application/grpc+proto").with(TOPIC, noted::TOPIC);
        if let Err(error) = broker.publish(noted::TOPIC, message).await {
            tracing::debug!(error = &error as &dyn std::error::Error, "an event of the registry was not published");
        }
    }
}

async fn answer(mut publication: Publication, brokers: &Brokers) {
    let Some(broker) = brokers.current() else {
        return publication.answer(Err(Refusal::Failed("there is no broker yet".to_owned())));
    };
    let header = std::mem::take(&mut publication.header).into_iter().collect();
    let message = Message { header, body: publication.body.clone() };
    let outcome = broker.publish(&publication.topic, message).await;
    publication.answer(outcome.or_else(refusal));
}

fn refusal(error: PublishError) -> Result<(), Refusal> {
    match error {
        PublishError::Invalid(error) => Err(Refusal::Invalid(error.to_string())),
        PublishError::Full { .. } => Err(Refusal::Full(error.to_string())),
        // Go fails where nobody subscribes to anything, and not where nobody subscribes to this (spec/wire D-15).
        PublishError::NoMembers => Ok(()),
        PublishError::Unavailable(error) => {
            tracing::debug!(error = &error as &dyn std::error::Error, "an event was not published");
            Err(Refusal::Failed(error.to_string()))
        }
    }
}

fn report(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a publication ended in a panic");
    }
}
