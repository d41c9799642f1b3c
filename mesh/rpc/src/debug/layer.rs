//! Log records out of `tracing`.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use proto::debug::Record;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use super::Journal;

/// Puts what is logged into a [`Journal`], as go-micro's logger does: the message, and beside it `level`, `file` and
/// the fields. What is logged at all, the filters around it decide.
#[derive(Debug, Clone)]
pub struct JournalLayer {
    journal: Journal,
}

impl JournalLayer {
    pub(super) fn new(journal: Journal) -> JournalLayer {
        JournalLayer { journal }
    }
}

impl<S: Subscriber> Layer<S> for JournalLayer {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let Fields { message, mut metadata } = fields;
        let about = event.metadata();
        metadata.insert("level".to_owned(), about.level().as_str().to_ascii_lowercase());
        if let (Some(file), Some(line)) = (about.file(), about.line()) {
            metadata.insert("file".to_owned(), format!("{file}:{line}"));
        }
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let timestamp = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
        self.journal.log(Record { timestamp, metadata, message });
    }
}

#[derive(Default)]
struct Fields {
    message: String,
    metadata: BTreeMap<String, String>,
}

impl Fields {
    fn set(&mut self, field: &Field, value: String) {
        if field.name() == "message" {
            self.message = value;
        } else {
            self.metadata.insert(field.name().to_owned(), value);
        }
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field, value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.set(field, format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::prelude::*;

    use super::Journal;

    #[test]
    fn events_become_records() {
        let journal = Journal::new();
        let subscriber = tracing_subscriber::registry().with(journal.layer());
        tracing::subscriber::with_default(subscriber, || tracing::warn!(port = 7, name = "a b", "it {}", "broke"));
        let record = &journal.records(1, 0)[0];
        assert_eq!(record.message, "it broke");
        assert!(record.timestamp > 1_700_000_000);
        let told = |key: &str| record.metadata.get(key).map(String::as_str);
        assert_eq!((told("level"), told("port"), told("name")), (Some("warn"), Some("7"), Some("a b")));
        assert!(told("file").is_some_and(|file| file.contains("layer.rs:")));
    }
}
