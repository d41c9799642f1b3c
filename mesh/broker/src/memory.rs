//! The embedded broker: everything in this process, nothing on disk.
//!
//! Each subscriber has a queue of 1,024 messages and 16 MiB. A publication is all or nothing: where a queue on its way is
//! full it is refused ([`PublishError::Full`]) and nobody has it, so that it can be tried again without doubling. Of a
//! queue group the members take turns, and those that are full are passed over. A subscriber that takes nothing for ten
//! seconds while messages are refused because of it is given up: its subscription ends, with one line in the log, and the
//! others go on.
//!
//! What is in the queues is lost with the process. Wildcards in topics mean nothing.

mod table;

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::stream;
use parking_lot::Mutex;

use self::table::{Id, Table};
use crate::broker::{Broker, Origin, PublishError, SubscribeError, Subscription};
use crate::message::{Message, check_queue, check_topic};
use crate::queue::{Bounds, Queue};

/// The most subscribers of all topics together.
const SUBSCRIBERS_MAX: usize = 4096;

/// The embedded broker. Clones share it.
#[derive(Debug, Clone)]
pub struct Memory {
    table: Arc<Mutex<Table>>,
    bounds: Bounds,
}

impl Memory {
    /// Returns a broker without subscribers.
    pub fn new() -> Memory {
        Self::with_bounds(Bounds::DEFAULT, SUBSCRIBERS_MAX)
    }

    pub(crate) fn with_bounds(bounds: Bounds, subscribers_max: usize) -> Memory {
        Memory { table: Arc::new(Mutex::new(Table::new(subscribers_max))), bounds }
    }

    /// Returns how many subscribers there are.
    pub fn subscribers(&self) -> usize {
        self.table.lock().len()
    }
}

impl Default for Memory {
    fn default() -> Memory {
        Memory::new()
    }
}

#[async_trait]
impl Broker for Memory {
    fn origin(&self) -> Origin {
        Origin::MEMORY
    }

    async fn publish(&self, topic: &str, message: Message) -> Result<(), PublishError> {
        check_topic(topic)?;
        let message = message.on(topic);
        message.check()?;
        self.table.lock().publish(topic, message)
    }

    async fn subscribe(&self, topic: &str, queue: Option<&str>) -> Result<Subscription, SubscribeError> {
        check_topic(topic)?;
        queue.map(check_queue).transpose()?;
        let entry = Arc::new(Queue::new(self.bounds));
        let id = self.table.lock().add(topic, queue, Arc::clone(&entry))?;
        let seat = Seat { table: Arc::clone(&self.table), id, queue: entry };
        Ok(Subscription::new(stream::unfold(seat, |seat| async move {
            let delivery = seat.queue.next().await?;
            Some((delivery, seat))
        })))
    }

    async fn close(&self) {
        self.table.lock().clear();
    }
}

/// A subscriber's place; dropping it gives the place back.
#[derive(Debug)]
struct Seat {
    table: Arc<Mutex<Table>>,
    id: Id,
    queue: Arc<Queue>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.table.lock().remove(&self.id);
    }
}

#[cfg(test)]
mod tests;
