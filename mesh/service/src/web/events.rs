//! Answers that come in pieces: server-sent events and lines of JSON. Each piece becomes a message.

use bytes::Bytes;

/// What has come of such an answer, cut into pieces.
#[derive(Debug)]
pub(super) struct Pieces {
    kind: Kind,
    buffer: Vec<u8>,
    /// How much of the buffer has no end of line in it.
    seen: usize,
    /// The data of the event that is being read.
    data: Option<Vec<u8>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Events,
    Lines,
}

impl Pieces {
    /// Chooses by content type; `None` for an answer that is one piece.
    pub(super) fn of(content_type: &str) -> Option<Pieces> {
        let bare = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let kind = match bare.as_str() {
            "text/event-stream" => Kind::Events,
            "application/x-ndjson" | "application/ndjson" | "application/jsonl" => Kind::Lines,
            _ => return None,
        };
        Some(Pieces { kind, buffer: Vec::new(), seen: 0, data: None })
    }

    pub(super) fn push(&mut self, data: &[u8]) {
        self.buffer.extend_from_slice(data);
    }

    /// Returns how many bytes wait for the rest of their piece.
    pub(super) fn len(&self) -> usize {
        self.buffer.len() + self.data.as_ref().map_or(0, Vec::len)
    }

    /// Returns the next piece, or `None` when more bytes are needed.
    pub(super) fn next(&mut self) -> Option<Bytes> {
        loop {
            let unseen = self.buffer.get(self.seen..).unwrap_or_default();
            let Some(at) = unseen.iter().position(|byte| *byte == b'\n') else {
                self.seen = self.buffer.len();
                return None;
            };
            let mut line: Vec<u8> = self.buffer.drain(..=self.seen + at).collect();
            self.seen = 0;
            line.pop();
            if line.last() == Some(&b'\r') {
                line.pop();
            }
            if let Some(piece) = self.line(&line) {
                return Some(piece);
            }
        }
    }

    /// Returns what is left at the end: a line without an end. An event that was not ended does not count.
    pub(super) fn rest(mut self) -> Option<Bytes> {
        let line = std::mem::take(&mut self.buffer);
        (self.kind == Kind::Lines).then(|| self.line(&line)).flatten()
    }

    fn line(&mut self, line: &[u8]) -> Option<Bytes> {
        match self.kind {
            Kind::Lines => (!line.trim_ascii().is_empty()).then(|| Bytes::copy_from_slice(line)),
            // WHATWG HTML, "Interpreting an event stream": only the data matter here.
            Kind::Events if line.is_empty() => self.data.take().map(Into::into),
            Kind::Events => {
                let value = line.strip_prefix(b"data:").or((line == b"data").then_some(b""))?;
                let value = value.strip_prefix(b" ").unwrap_or(value);
                match &mut self.data {
                    Some(data) => {
                        data.push(b'\n');
                        data.extend_from_slice(value);
                    }
                    None => self.data = Some(value.to_vec()),
                }
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Pieces;

    #[track_caller]
    fn check(content_type: &str, text: &str, expected: &[&str]) {
        for size in [1, 3, text.len().max(1)] {
            let mut pieces = Pieces::of(content_type).expect("comes in pieces");
            let mut found = Vec::new();
            for chunk in text.as_bytes().chunks(size) {
                pieces.push(chunk);
                found.extend(std::iter::from_fn(|| pieces.next()));
            }
            found.extend(pieces.rest());
            assert_eq!(found, expected, "in chunks of {size}");
        }
    }

    #[test]
    fn the_data_of_events_are_pieces() {
        let text = ": hello\n\nevent: x\ndata: {\"a\":1}\nid: 1\n\ndata:two\r\ndata: lines\r\n\r\ndata\n\ndata: cut";
        check("text/event-stream; charset=utf-8", text, &["{\"a\":1}", "two\nlines", ""]);
    }

    #[test]
    fn lines_are_pieces() {
        check("application/x-ndjson", "{\"a\":1}\n\n{}\r\n[1]", &["{\"a\":1}", "{}", "[1]"]);
    }

    #[test]
    fn other_answers_are_one_piece() {
        assert!(["", "application/json", "text/html"].into_iter().all(|kind| Pieces::of(kind).is_none()));
    }
}
