//! A step of a trace while it lasts.

use std::time::{SystemTime, UNIX_EPOCH};

use proto::debug::{Span, SpanType};
use tokio::time::Instant;
use uuid::Uuid;

use super::Journal;

/// What a span is part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parent<'a> {
    /// The id of the trace.
    pub trace: &'a str,
    /// The id of the span that it is part of; may be empty.
    pub span: &'a str,
}

/// A span that goes on. One that is dropped before it [ended](OpenSpan::end) was given up, and says so.
#[derive(Debug)]
pub struct OpenSpan {
    journal: Journal,
    span: Span,
    began: Instant,
    has_ended: bool,
}

impl OpenSpan {
    pub(super) fn begin(journal: Journal, name: String, side: SpanType, parent: Option<Parent<'_>>) -> OpenSpan {
        let trace = parent.map(|parent| parent.trace).filter(|trace| !trace.is_empty());
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let span = Span {
            trace: trace.map_or_else(|| Uuid::new_v4().to_string(), str::to_owned),
            id: Uuid::new_v4().to_string(),
            parent: parent.map(|parent| parent.span.to_owned()).unwrap_or_default(),
            name,
            started: u64::try_from(since.as_nanos()).unwrap_or(u64::MAX),
            r#type: side.into(),
            ..Span::default()
        };
        OpenSpan { journal, span, began: Instant::now(), has_ended: false }
    }

    /// Returns the id of the trace, which travels as `Micro-Trace-Id`.
    pub fn trace(&self) -> &str {
        &self.span.trace
    }

    /// Returns its own id, which travels as `Micro-Span-Id`.
    pub fn id(&self) -> &str {
        &self.span.id
    }

    /// Ends it, well or with an error in words.
    pub fn end(mut self, result: Result<(), &str>) {
        self.finish(result);
    }

    fn finish(&mut self, result: Result<(), &str>) {
        if std::mem::replace(&mut self.has_ended, true) {
            return;
        }
        let mut span = std::mem::take(&mut self.span);
        span.duration = u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        if let Err(error) = result {
            span.metadata.insert("error".to_owned(), error.to_owned());
        }
        self.journal.record(span);
    }
}

impl Drop for OpenSpan {
    fn drop(&mut self) {
        self.finish(Err("context canceled"));
    }
}

#[cfg(test)]
mod tests {
    use super::{Journal, Parent, SpanType};

    #[test]
    fn a_span_is_part_of_what_it_is_told() {
        let journal = Journal::new();
        let first = journal.begin("a.B.C", SpanType::Inbound, None);
        let parent = Parent { trace: first.trace(), span: first.id() };
        journal.begin("d.E.F", SpanType::Outbound, Some(parent)).end(Err("no"));
        drop(first);
        let [second, first] = &journal.spans("")[..] else { panic!("there are two") };
        assert_eq!((&second.trace, &second.parent), (&first.trace, &first.id));
        assert_eq!(second.metadata["error"], "no");
        assert_eq!(first.metadata["error"], "context canceled");
        assert!(first.id != second.id && first.parent.is_empty() && first.started > 0);
    }
}
