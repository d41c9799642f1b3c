//! `micro subscribe TOPIC`: prints what is published, one message a line, until it is told to end.

use std::io::Write;

use mesh_broker::Delivery;
use serde_json::{Map, Value, json};
use tokio::signal::unix::{SignalKind, signal};

use crate::arguments::Invocation;
use crate::call;
use crate::exit::Exit;
use crate::output::{Output, chain};
use crate::session::{self, Failure, Session};

/// Runs the command.
pub(crate) fn run(invocation: &Invocation) -> Exit {
    session::run(invocation, async |session| follow(&session).await.map(|()| String::new()))
}

/// Subscribes and prints. What was registered is taken back before it ends.
async fn follow(session: &Session<'_>) -> Result<(), Failure> {
    let invocation = session.invocation;
    let broker = call::broker(session)?;
    let topic = invocation.words().first().map(String::as_str).unwrap_or_default();
    let subscription = broker.subscribe(topic, invocation.values.text("queue")).await;
    let mut subscription = subscription.map_err(|error| Failure(chain(&error)))?;
    let mut ended = signal(SignalKind::terminate()).map_err(|error| Failure::of(&error))?;
    let mut output = std::io::stdout();
    let printed = loop {
        let delivery = tokio::select! {
            _ = tokio::signal::ctrl_c() => break Ok(()),
            _ = ended.recv() => break Ok(()),
            delivery = subscription.next() => delivery,
        };
        let Some(mut delivery) = delivery else { break Err(Failure("the broker ended the subscription".to_owned())) };
        let line = match invocation.output {
            Output::Text => text(&delivery),
            Output::Json => json_line(&delivery),
        };
        if writeln!(output, "{line}").and_then(|()| output.flush()).is_err() {
            break Ok(()); // who read it is gone
        }
        delivery.acknowledge().await.map_err(|error| Failure(chain(&error)))?;
    };
    broker.close().await;
    printed
}

/// The body as it is. One that would be more than a line, or is no text, is written as a JSON string.
fn text(delivery: &Delivery) -> String {
    let body = &delivery.message.body;
    let body = body.strip_suffix(b"\n").unwrap_or(body); // as go-micro's mucp client encodes JSON
    match std::str::from_utf8(body) {
        Ok(text) if !text.chars().any(char::is_control) => text.to_owned(),
        _ => Value::from(String::from_utf8_lossy(body)).to_string(),
    }
}

/// All there is of a message. A body that is no text is `body_base64`.
fn json_line(delivery: &Delivery) -> String {
    let mut shown = Map::new();
    shown.insert("topic".to_owned(), json!(*delivery.topic));
    shown.insert("header".to_owned(), json!(delivery.message.header));
    let (name, body) = mesh_broker::shown_body(&delivery.message.body);
    shown.insert(name.to_owned(), Value::from(body));
    Value::Object(shown).to_string()
}

#[cfg(test)]
mod tests {
    use mesh_broker::Message;

    use super::*;

    fn check(body: &'static [u8], expected_text: &str, expected_json: &str) {
        let delivery = Delivery::new("t", Message::new(body).with("a", "b"));
        assert_eq!(text(&delivery), expected_text);
        assert_eq!(json_line(&delivery), format!(r#"{{"topic":"t","header":{{"a":"b"}},{expected_json}}}"#));
    }

    #[test]
    fn a_message_is_one_line() {
        check(b"{\"name\":\"John\"}\n", "{\"name\":\"John\"}", r#""body":"{\"name\":\"John\"}\n""#);
        check("ž".as_bytes(), "ž", "\"body\":\"ž\"");
        check(b"a\nb", r#""a\nb""#, r#""body":"a\nb""#);
        check(b"\n\x04John", r#""\n\u0004John""#, r#""body":"\n\u0004John""#);
        check(b"\xff", "\"\u{fffd}\"", r#""body_base64":"/w==""#);
    }
}
