//! What is published, and what it may be.

use std::collections::BTreeMap;

use bytes::Bytes;

/// The header of a message: metadata of the call that published it, and what describes the body.
pub type Header = BTreeMap<String, String>;

/// The header entry that says how the body is encoded.
pub const CONTENT_TYPE: &str = "Content-Type";
/// The header entry that names the topic.
pub const TOPIC: &str = "Micro-Topic";
/// The header entry that tells one message from another; Go's gRPC clients set none.
pub const MESSAGE_ID: &str = "Micro-Id";

/// The most bytes of a body: go-micro's bound of an RPC message, so that what is published one way can be taken in any.
pub const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;
/// The most bytes of all names and values of a header together.
pub const HEADER_BYTES_MAX: usize = 64 * 1024;
/// The most entries of a header.
pub const HEADER_ENTRIES_MAX: usize = 256;
/// The most bytes of the name of a topic or a queue.
pub const NAME_BYTES_MAX: usize = 255;

/// A message. Plain data; [`Message::check`] says whether a broker takes it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Message {
    /// Names are compared as they are written. Go writes them title-cased.
    pub header: Header,
    /// As its `Content-Type` says.
    pub body: Bytes,
}

impl Message {
    /// Returns a message without a header.
    pub fn new(body: impl Into<Bytes>) -> Message {
        Message { header: Header::new(), body: body.into() }
    }

    /// Sets a header entry.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Message {
        self.header.insert(name.into(), value.into());
        self
    }

    /// Names the topic in the header unless it is named there: subscribers of go-micro's mucp server look for it.
    pub(crate) fn on(mut self, topic: &str) -> Message {
        if !self.header.contains_key(TOPIC) {
            self.header.insert(TOPIC.to_owned(), topic.to_owned());
        }
        self
    }

    /// Checks the sizes.
    ///
    /// # Errors
    /// The first limit that the message breaks.
    pub fn check(&self) -> Result<(), InvalidMessage> {
        let too_large = |part, bytes, max| InvalidMessage::TooLarge { part, bytes, max };
        if self.body.len() > BODY_BYTES_MAX {
            return Err(too_large("body", self.body.len(), BODY_BYTES_MAX));
        }
        if self.header.len() > HEADER_ENTRIES_MAX {
            return Err(InvalidMessage::TooMany { count: self.header.len(), max: HEADER_ENTRIES_MAX });
        }
        let bytes = self.header_bytes();
        if bytes > HEADER_BYTES_MAX {
            return Err(too_large("header", bytes, HEADER_BYTES_MAX));
        }
        Ok(())
    }

    /// Returns how many bytes of memory the message is worth, roughly.
    pub(crate) fn weight(&self) -> usize {
        /// What an entry, and the message itself, cost beside their text.
        const OVERHEAD: usize = 64;
        self.body.len() + self.header_bytes() + OVERHEAD * (self.header.len() + 1)
    }

    fn header_bytes(&self) -> usize {
        self.header.iter().map(|(name, value)| name.len() + value.len()).sum()
    }
}

/// Why a message, a topic or a queue is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMessage {
    /// The name says nothing.
    #[error("the name of the {what} is empty")]
    EmptyName {
        /// `topic` or `queue`.
        what: &'static str,
    },
    /// The name is too long.
    #[error("the name of the {what} has {bytes} bytes, at most {max} are accepted")]
    LongName {
        /// `topic` or `queue`.
        what: &'static str,
        /// Its length.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// The name would mean something else to a log, a registry or a line of NATS.
    #[error("the name of the {what} holds {character:?}; neither white space nor control characters are accepted")]
    Character {
        /// `topic` or `queue`.
        what: &'static str,
        /// The first such character.
        character: char,
    },
    /// Too many bytes.
    #[error("the {part} of the message has {bytes} bytes, at most {max} are accepted")]
    TooLarge {
        /// `body` or `header`.
        part: &'static str,
        /// How many it has.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// Too many header entries.
    #[error("the message has {count} header entries, at most {max} are accepted")]
    TooMany {
        /// How many it has.
        count: usize,
        /// The limit.
        max: usize,
    },
}

/// Checks the name of a topic.
pub(crate) fn check_topic(topic: &str) -> Result<(), InvalidMessage> {
    check_name("topic", topic)
}

/// Checks the name of a queue.
pub(crate) fn check_queue(queue: &str) -> Result<(), InvalidMessage> {
    check_name("queue", queue)
}

fn check_name(what: &'static str, name: &str) -> Result<(), InvalidMessage> {
    if name.is_empty() {
        return Err(InvalidMessage::EmptyName { what });
    }
    if name.len() > NAME_BYTES_MAX {
        return Err(InvalidMessage::LongName { what, bytes: name.len(), max: NAME_BYTES_MAX });
    }
    match name.chars().find(|character| character.is_whitespace() || character.is_control()) {
        Some(character) => Err(InvalidMessage::Character { what, character }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_error(result: Result<(), InvalidMessage>, expected: &str) {
        assert_eq!(result.expect_err("is refused").to_string(), expected);
    }

    #[test]
    fn names_are_checked() {
        check_topic("go.micro.topic-1/x").expect("is a name");
        check_error(check_topic(""), "the name of the topic is empty");
        check_error(
            check_queue("a\r\nPUB"),
            "the name of the queue holds '\\r'; neither white space nor control characters are accepted",
        );
        check_error(check_topic(&"x".repeat(256)), "the name of the topic has 256 bytes, at most 255 are accepted");
    }

    #[test]
    fn sizes_are_checked() {
        Message::new(vec![0; BODY_BYTES_MAX]).check().expect("just fits");
        check_error(
            Message::new(vec![0; BODY_BYTES_MAX + 1]).check(),
            "the body of the message has 4194305 bytes, at most 4194304 are accepted",
        );
        let many = (0..257).fold(Message::default(), |message, at| message.with(at.to_string(), ""));
        check_error(many.check(), "the message has 257 header entries, at most 256 are accepted");
        check_error(
            Message::default().with("a", "x".repeat(HEADER_BYTES_MAX)).check(),
            "the header of the message has 65537 bytes, at most 65536 are accepted",
        );
    }
}
