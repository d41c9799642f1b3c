//! Handler `event`: publishes what came as an event of go-micro (spec/gateway 7.7).

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use gateway_exchange::{Body, Exchange, Head, ProxyError, Response};
use gateway_resolve::EventName;
use http::header::{COOKIE, HeaderMap, HeaderValue};
use http::{Method, StatusCode};
use mesh_rpc::metadata::{is_hop_by_hop, title_case};
use prost::Message;
use proto::api::{self, Pair};

use crate::publish::Publisher;
use crate::rpc::{joined, read};

const CONTENT_TYPE: &str = "Content-Type";
const TOPIC: &str = "Micro-Topic";
const NAMESPACE: &str = "Micro-Namespace";
const FROM_SERVICE: &str = "Micro-From-Service";
/// Says that the data of an event is base64, because it was no text (D62).
const BODY_ENCODING: &str = "X-Body-Encoding";

/// How requests of a route become events.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Event {
    /// The namespace that subscribers are told, without the type.
    pub namespace: HeaderValue,
    /// The name under which the gateway publishes.
    pub from_service: HeaderValue,
}

impl Event {
    /// Publishes the request, and answers 200 without content once the broker has it.
    ///
    /// # Errors
    /// 413 for a body over its limit, 503 when the broker is full, 500 when it fails.
    pub async fn handle(
        &self,
        name: &EventName,
        exchange: &mut Exchange,
        publisher: &Publisher,
    ) -> Result<Response, ProxyError> {
        let body = read(std::mem::replace(&mut exchange.body, Body::empty())).await?;
        let event = self.event(name, &exchange.head, &body);
        exchange.record.method = Some(name.topic().into());
        let header = self.header(name, &exchange.head);
        publisher.publish(name.topic().to_owned(), header, event.encode_to_vec().into()).await?;
        Ok(Response::empty(StatusCode::OK))
    }

    fn event(&self, name: &EventName, head: &Head, body: &Bytes) -> api::Event {
        let mut header = pairs(head);
        header.insert(NAMESPACE.to_owned(), pair(NAMESPACE, [text(&self.namespace)]));
        let data = match std::str::from_utf8(body) {
            _ if *head.method() == Method::GET => query(head),
            Ok(text) => text.to_owned(),
            Err(_) => {
                header.insert(BODY_ENCODING.to_owned(), pair(BODY_ENCODING, ["base64".to_owned()]));
                STANDARD.encode(body)
            }
        };
        let id = uuid::Builder::from_random_bytes(fastrand::u128(..).to_be_bytes()).into_uuid();
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        api::Event {
            name: name.name().to_owned(),
            id: format!("{}-{}-{id}", name.topic(), name.name()),
            timestamp: i64::try_from(seconds).unwrap_or(i64::MAX),
            header,
            data,
        }
    }

    /// The header of the message: metadata as a call would have it, and what it holds.
    fn header(&self, name: &EventName, head: &Head) -> Vec<(String, String)> {
        let mut header: BTreeMap<String, String> = in_title_case(&joined(head)).collect();
        for (key, value) in [
            (CONTENT_TYPE, "application/grpc+proto".to_owned()),
            (TOPIC, name.topic().to_owned()),
            (NAMESPACE, text(&self.namespace)),
            (FROM_SERVICE, text(&self.from_service)),
        ] {
            header.insert(key.to_owned(), value);
        }
        header.into_iter().collect()
    }
}

fn in_title_case(metadata: &HeaderMap) -> impl Iterator<Item = (String, String)> {
    metadata.iter().map(|(name, value)| (title_case(name.as_str()), text(value)))
}

fn text(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}

/// The header of the request as it came, but for what only concerns the connection, and cookies (D39).
fn pairs(head: &Head) -> BTreeMap<String, Pair> {
    let fields = head.fields();
    let names = fields.names().filter(|name| !is_hop_by_hop(name.as_str()) && **name != COOKIE);
    names
        .map(|name| {
            let key = title_case(name.as_str());
            (key.clone(), pair(&key, fields.values(name).into_iter().map(text)))
        })
        .collect()
}

fn pair(key: &str, values: impl IntoIterator<Item = String>) -> Pair {
    Pair { key: key.to_owned(), values: values.into_iter().collect() }
}

/// The query as JSON: each name with the list of its values.
fn query(head: &Head) -> String {
    let mut values: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in head.target().query_pairs() {
        values.entry(name.into_owned()).or_default().push(value.into_owned());
    }
    serde_json::to_string(&values).unwrap_or_else(|_| "{}".to_owned())
}

#[cfg(test)]
mod tests {
    use gateway_resolve::{Namespace, resolve_event};

    use super::*;

    const EVENT: Event = Event {
        namespace: HeaderValue::from_static("go.micro"),
        from_service: HeaderValue::from_static("go.micro.api"),
    };

    fn event(request: &str, headers: &[(&str, &str)], body: &'static [u8]) -> (api::Event, BTreeMap<String, String>) {
        let head = Head::parse(request, headers).unwrap();
        let name = resolve_event(&Namespace::default(), head.target());
        let event = EVENT.event(&name, &head, &Bytes::from_static(body));
        (event, EVENT.header(&name, &head).into_iter().collect())
    }

    #[test]
    fn a_body_is_the_data_of_an_event() {
        let (event, header) = event("POST http://h/user/login", &[("x-a", "1"), ("x-a", "2")], br#"{"name":"john"}"#);
        assert_eq!((event.name.as_str(), event.data.as_str()), ("login", r#"{"name":"john"}"#));
        assert!(event.id.starts_with("go.micro.api.user-login-") && event.id.len() == 60, "{}", event.id);
        assert_eq!(event.header["X-A"].values, ["1", "2"]);
        assert_eq!(event.header["Micro-Namespace"].values, ["go.micro"]);
        assert!(event.timestamp > 1_700_000_000);
        let check = |key: &str, value: &str| assert_eq!(header[key], value);
        check("Micro-Topic", "go.micro.api.user");
        check("Content-Type", "application/grpc+proto");
        check("Micro-From-Service", "go.micro.api");
        check("X-A", "1,2");
    }

    #[test]
    fn a_query_is_the_data_of_a_get() {
        let (event, _) = event("GET http://h/user?name=John&name=Mary&a=1", &[("cookie", "s=1")], b"");
        assert_eq!((event.name.as_str(), event.data.as_str()), ("", r#"{"a":["1"],"name":["John","Mary"]}"#));
        assert!(event.id.starts_with("go.micro.api.user--"), "{}", event.id);
        assert!(!event.header.contains_key("Cookie"));
        assert_eq!(self::event("GET http://h/user", &[], b"").0.data, "{}");
    }

    #[test]
    fn what_is_no_text_travels_as_base64() {
        let (event, _) = event("POST http://h/user", &[], &[0xff, 0]);
        assert_eq!((event.data.as_str(), event.header["X-Body-Encoding"].values[0].as_str()), ("/wA=", "base64"));
    }
}
