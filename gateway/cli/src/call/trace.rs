//! `micro trace`.

use mesh::Request;
use serde::Deserialize;

use super::json;
use super::text::{date_time, duration};
use crate::arguments::Invocation;
use crate::exit::Exit;
use crate::output::Output;
use crate::session::{self, Failure, Session};

/// What `Debug.Trace` answers, as far as it is shown. gRPC services write 64-bit numbers as strings, mucp services as
/// numbers.
#[derive(Debug, Default, Deserialize)]
struct Answer {
    #[serde(default)]
    spans: Vec<Span>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Span {
    trace: String,
    name: String,
    #[serde(deserialize_with = "proto::json::uint64::deserialize")]
    started: u64,
    #[serde(deserialize_with = "proto::json::uint64::deserialize")]
    duration: u64,
}

/// `micro trace SERVICE`: the spans that one node has kept.
pub(crate) fn trace(invocation: &Invocation) -> Exit {
    session::run(invocation, async |session| spans(&session, invocation.words()).await)
}

async fn spans(session: &Session<'_>, words: &[String]) -> Result<String, Failure> {
    let name = words.first().map_or("", String::as_str);
    if name.is_empty() {
        return Err(Failure("Required usage: micro trace example".to_owned()));
    }
    let answer = session.client.call(&Request::new(name, "Debug.Trace"), b"{}").await;
    let answer = answer.map_err(|error| Failure::of(&error))?;
    if session.invocation.output == Output::Json {
        return json::indented(&answer).map_err(Failure);
    }
    let Answer { spans } = serde_json::from_slice(&answer).map_err(|error| Failure::of(&error))?;
    Ok(table(&spans))
}

fn table(spans: &[Span]) -> String {
    if spans.is_empty() {
        return String::new();
    }
    spans.iter().fold("Id\tName\tTime\tDuration\tStatus".to_owned(), |text, span| {
        let Span { trace, name, started, duration: took } = span;
        format!("{text}\n{trace}\t{name}\t{}\t{}\t", date_time(*started), duration((*took).into()))
    })
}

#[cfg(test)]
mod tests {
    use super::{Answer, table};

    #[test]
    fn spans_are_lines_and_none_is_nothing() {
        let text = r#"{"spans":[{"trace":"t1","name":"greeter.Say.Hello","started":"1","duration":62216,"type":1}]}"#;
        let answer: Answer = serde_json::from_str(text).unwrap();
        let table_of = table(&answer.spans);
        assert!(table_of.starts_with("Id\tName\tTime\tDuration\tStatus\nt1\tgreeter.Say.Hello\t19"), "{table_of}");
        assert!(table_of.ends_with("\t62.216µs\t"), "{table_of}");
        let answer: Answer = serde_json::from_str("{}").unwrap();
        assert_eq!(table(&answer.spans), "");
    }
}
