//! Who subscribes to what.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::broker::{PublishError, SubscribeError};
use crate::message::Message;
use crate::queue::{Queue, Shared};

/// How long a subscriber may refuse messages without taking one, before it is given up.
const PATIENCE: Duration = Duration::from_secs(10);

/// Which subscriber.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Id {
    topic: Arc<str>,
    number: u64,
}

#[derive(Debug)]
pub(super) struct Table {
    topics: HashMap<Arc<str>, Topic>,
    subscribers: usize,
    subscribers_max: usize,
    next: u64,
}

#[derive(Debug, Default)]
struct Topic {
    /// Each gets all messages.
    alone: Vec<Member>,
    /// Of each group one member gets a message.
    groups: Vec<Group>,
}

#[derive(Debug)]
struct Group {
    name: String,
    members: Vec<Member>,
    /// Whose turn it is.
    turn: usize,
}

#[derive(Debug)]
struct Member {
    number: u64,
    queue: Arc<Queue>,
}

impl Table {
    pub(super) fn new(subscribers_max: usize) -> Table {
        Table { topics: HashMap::new(), subscribers: 0, subscribers_max, next: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.subscribers
    }

    pub(super) fn add(&mut self, topic: &str, group: Option<&str>, queue: Arc<Queue>) -> Result<Id, SubscribeError> {
        if self.subscribers >= self.subscribers_max {
            return Err(SubscribeError::Full { max: self.subscribers_max });
        }
        let (topic, number) = (Arc::<str>::from(topic), self.next);
        self.next += 1;
        self.subscribers += 1;
        let entry = self.topics.entry(Arc::clone(&topic)).or_default();
        let member = Member { number, queue };
        match group {
            None => entry.alone.push(member),
            Some(name) => match entry.groups.iter_mut().find(|group| group.name == name) {
                Some(group) => group.members.push(member),
                None => entry.groups.push(Group { name: name.to_owned(), members: vec![member], turn: 0 }),
            },
        }
        Ok(Id { topic, number })
    }

    /// Takes a subscriber out, if it is still there.
    pub(super) fn remove(&mut self, id: &Id) {
        let Some(topic) = self.topics.get_mut(&id.topic) else { return };
        self.subscribers -= topic.retain(|member| member.number != id.number);
        if topic.is_empty() {
            self.topics.remove(&id.topic);
        }
    }

    /// Ends all subscriptions.
    pub(super) fn clear(&mut self) {
        for topic in self.topics.values_mut() {
            topic.retain(|member| {
                member.queue.close();
                false
            });
        }
        self.topics.clear();
        self.subscribers = 0;
    }

    /// Gives the message to all, or to none where one has no room. Queues are only filled under the lock of this table,
    /// so what had room still has it.
    pub(super) fn publish(&mut self, name: &str, message: Message) -> Result<(), PublishError> {
        let Some((name, _)) = self.topics.get_key_value(name) else { return Ok(()) };
        let name = Arc::clone(name);
        let Some(topic) = self.topics.get_mut(&name) else { return Ok(()) };
        let weight = message.weight();
        if let Some(reason) = topic.full(weight) {
            let given_up = topic.give_up_the_slow(&name);
            self.subscribers -= given_up;
            let still = if given_up > 0 { topic.full(weight) } else { Some(reason) };
            if let Some(reason) = still {
                return Err(PublishError::Full { topic: name.as_ref().to_owned(), reason });
            }
        }
        topic.push(weight, &Arc::new((name, message)));
        Ok(())
    }
}

impl Topic {
    /// Returns what has no room.
    fn full(&self, weight: usize) -> Option<String> {
        let full = self.alone.iter().filter(|member| !member.queue.has_room(weight)).count();
        if full > 0 {
            return Some(format!("{full} of {} subscribers without a queue take nothing", self.alone.len()));
        }
        // Every member is asked, so that each notes since when it is full.
        let has_room = |group: &&Group| {
            !group.members.is_empty()
                && group.members.iter().filter(|member| member.queue.has_room(weight)).count() == 0
        };
        let group = self.groups.iter().find(has_room)?;
        Some(format!("none of the {} subscribers of queue {:?} takes anything", group.members.len(), group.name))
    }

    fn push(&mut self, weight: usize, message: &Shared) {
        for member in &self.alone {
            member.queue.push(Arc::clone(message));
        }
        for group in &mut self.groups {
            let count = group.members.len();
            let next = (0..count).map(|step| (group.turn + step) % count);
            let Some(at) = next.into_iter().find(|at| group.members[*at].queue.has_room(weight)) else { continue };
            group.members[at].queue.push(Arc::clone(message));
            group.turn = (at + 1) % count;
        }
    }

    /// Ends the subscriptions that were full for too long; returns how many.
    fn give_up_the_slow(&mut self, topic: &str) -> usize {
        let given_up = self.retain(|member| {
            let is_slow = member.queue.refused_for() >= PATIENCE;
            if is_slow {
                member.queue.close();
            }
            !is_slow
        });
        if given_up > 0 {
            tracing::warn!(
                topic,
                subscribers = given_up,
                "subscribers that took nothing for {PATIENCE:?} are given up"
            );
        }
        given_up
    }

    /// Keeps the members of which this holds; returns how many went.
    fn retain(&mut self, mut keep: impl FnMut(&Member) -> bool) -> usize {
        let before = self.len();
        self.alone.retain(&mut keep);
        for group in &mut self.groups {
            group.members.retain(&mut keep);
            group.turn = 0;
        }
        self.groups.retain(|group| !group.members.is_empty());
        before - self.len()
    }

    fn len(&self) -> usize {
        self.alone.len() + self.groups.iter().map(|group| group.members.len()).sum::<usize>()
    }

    fn is_empty(&self) -> bool {
        self.alone.is_empty() && self.groups.is_empty()
    }
}
