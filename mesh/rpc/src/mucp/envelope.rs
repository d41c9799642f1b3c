//! Bodies: bare messages, and those in an envelope that names method, id and error.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use prost::Message;
use proto::protorpc;
use serde::Serialize;
use serde_json::value::RawValue;

use super::content::ContentType;
use crate::frame::{self, Decoder};
use crate::json;

/// What a body says. For content types without an envelope, that is the message only.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Envelope {
    /// The id of the call, a decimal number from Go clients.
    pub id: String,
    /// `Handler.Method`, in requests.
    pub method: String,
    /// The error text, in responses.
    pub error: String,
    /// The encoded message; empty where there is none.
    pub message: Bytes,
}

/// Why a body could not be read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct EnvelopeError(String);

#[expect(clippy::needless_pass_by_value, reason = "that is how errors are mapped")]
fn error<T>(text: impl ToString) -> Result<T, EnvelopeError> {
    Err(EnvelopeError(text.to_string()))
}

#[derive(Serialize)]
struct JsonRequest<'a> {
    method: &'a str,
    params: [Option<&'a RawValue>; 1],
    id: &'a str,
}

#[derive(Serialize)]
struct JsonResponse<'a> {
    id: &'a str,
    result: Option<&'a RawValue>,
    error: Option<&'a str>,
}

/// Writes the body of a request.
///
/// # Errors
/// When the message is to be JSON and is not.
pub fn encode_request(content: ContentType, envelope: &Envelope) -> Result<Bytes, EnvelopeError> {
    match content {
        ContentType::JsonRpc => {
            let params = [raw(&envelope.message)?];
            Ok(line(&JsonRequest { method: &envelope.method, params, id: &envelope.id }))
        }
        ContentType::ProtoRpc => {
            let head = protorpc::Request { service_method: envelope.method.clone(), seq: sequence(&envelope.id) };
            Ok(netstrings(&head.encode_to_vec(), &envelope.message))
        }
        bare => Ok(encode_bare(bare, &envelope.message)),
    }
}

/// Writes the body of a response.
///
/// # Errors
/// When the message is to be JSON and is not.
pub fn encode_response(content: ContentType, envelope: &Envelope) -> Result<Bytes, EnvelopeError> {
    let failed = !envelope.error.is_empty();
    match content {
        ContentType::JsonRpc => {
            let result = if failed { None } else { raw(&envelope.message)? };
            let error = failed.then_some(envelope.error.as_str());
            Ok(line(&JsonResponse { id: &envelope.id, result, error }))
        }
        ContentType::ProtoRpc => {
            let head = protorpc::Response {
                service_method: envelope.method.clone(),
                seq: sequence(&envelope.id),
                error: envelope.error.clone(),
            };
            let message: &[u8] = if failed { &[] } else { &envelope.message };
            Ok(netstrings(&head.encode_to_vec(), message))
        }
        // An error stands in the headers; Go has no frame for it either.
        _ if failed => Ok(Bytes::new()),
        bare => Ok(encode_bare(bare, &envelope.message)),
    }
}

/// Reads the body of a request. An empty one is an empty message, whatever the content type.
///
/// # Errors
/// When the body is not what its content type says.
pub fn decode_request(content: ContentType, body: &Bytes) -> Result<Envelope, EnvelopeError> {
    match content {
        _ if body.is_empty() => Ok(Envelope::default()),
        ContentType::JsonRpc => {
            let members = members(body)?;
            let Some(params) = members.get("params") else { return error("jsonrpc: request body missing params") };
            let params: Vec<&RawValue> = parsed(params.get().as_bytes())?;
            Ok(Envelope {
                id: members.get("id").map(|id| printed(id)).unwrap_or_default(),
                method: members.get("method").map(|method| printed(method)).unwrap_or_default(),
                error: String::new(),
                message: params.first().map(|first| part(body, first.get().as_bytes())).unwrap_or_default(),
            })
        }
        ContentType::ProtoRpc => {
            let (head, message) = split_netstrings(body)?;
            let head = protorpc::Request::decode(head).or_else(error)?;
            Ok(Envelope { id: head.seq.to_string(), method: head.service_method, error: String::new(), message })
        }
        bare => Ok(Envelope { message: decode_bare(bare, body)?, ..Envelope::default() }),
    }
}

/// Reads the body of a response. An empty one is an empty message, whatever the content type.
///
/// # Errors
/// When the body is not what its content type says.
pub fn decode_response(content: ContentType, body: &Bytes) -> Result<Envelope, EnvelopeError> {
    match content {
        _ if body.is_empty() => Ok(Envelope::default()),
        ContentType::JsonRpc => {
            let members = members(body)?;
            let told = match members.get("error").map(|told| told.get()) {
                None | Some("null") => String::new(),
                Some("\"\"") => "unspecified error".to_owned(),
                Some(told) if told.starts_with('"') => parsed(told.as_bytes())?,
                Some(told) => return error(format_args!("invalid error {told}")),
            };
            let result = members.get("result").filter(|result| result.get() != "null");
            Ok(Envelope {
                id: members.get("id").map(|id| printed(id)).unwrap_or_default(),
                method: String::new(),
                error: told,
                message: result.map(|result| part(body, result.get().as_bytes())).unwrap_or_default(),
            })
        }
        ContentType::ProtoRpc => {
            let (head, message) = split_netstrings(body)?;
            let head = protorpc::Response::decode(head).or_else(error)?;
            Ok(Envelope { id: head.seq.to_string(), method: head.service_method, error: head.error, message })
        }
        bare => Ok(Envelope { message: decode_bare(bare, body)?, ..Envelope::default() }),
    }
}

fn encode_bare(content: ContentType, message: &Bytes) -> Bytes {
    match content {
        ContentType::Json if !message.is_empty() && !message.ends_with(b"\n") => {
            let mut body = BytesMut::with_capacity(message.len() + 1);
            body.put_slice(message);
            body.put_u8(b'\n');
            body.freeze()
        }
        ContentType::GrpcProto | ContentType::GrpcJson => frame::encode(message),
        _ => message.clone(),
    }
}

fn decode_bare(content: ContentType, body: &Bytes) -> Result<Bytes, EnvelopeError> {
    if !content.is_grpc() {
        return Ok(body.clone());
    }
    let mut decoder = Decoder::new(body.len());
    decoder.push(body.clone());
    decoder.next().or_else(error)?.map_or_else(|| error("unexpected EOF"), Ok)
}

/// A message to put into JSON; none is `null`.
fn raw(message: &[u8]) -> Result<Option<&RawValue>, EnvelopeError> {
    if message.trim_ascii().is_empty() { Ok(None) } else { parsed(message).map(Some) }
}

fn line(value: &impl Serialize) -> Bytes {
    let mut body = json::to_vec(value).expect("texts and JSON always serialise");
    body.push(b'\n');
    body.into()
}

/// The members of an object under their names in lower case; Go finds them in any case, and the last one counts.
fn members(body: &[u8]) -> Result<std::collections::HashMap<String, &RawValue>, EnvelopeError> {
    let members: Members<'_> = parsed(body)?;
    Ok(members.0.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect())
}

/// The members of an object in their order.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> serde::Deserialize<'de> for Members<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Members<'a>, D::Error> {
        struct Object;
        impl<'de> serde::de::Visitor<'de> for Object {
            type Value = Vec<(String, &'de RawValue)>;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(members)
            }
        }
        deserializer.deserialize_map(Object).map(Members)
    }
}

fn parsed<'a, T: serde::Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, EnvelopeError> {
    serde_json::from_slice(bytes).or_else(error)
}

/// What Go prints for an id or a name: strings as they are, anything else as its JSON.
fn printed(value: &RawValue) -> String {
    match value.get() {
        "null" => String::new(),
        text => serde_json::from_str(text).unwrap_or_else(|_| text.to_owned()),
    }
}

/// The part of a body that a slice of it is, without a copy.
fn part(body: &Bytes, slice: &[u8]) -> Bytes {
    body.slice_ref(slice)
}

/// The number in front of a message; ids that are none count as 0.
fn sequence(id: &str) -> u64 {
    id.parse().unwrap_or(0)
}

/// Two netstrings: four bytes of length (big-endian) before each part.
fn netstrings(head: &[u8], message: &[u8]) -> Bytes {
    let mut body = BytesMut::with_capacity(8 + head.len() + message.len());
    for part in [head, message] {
        body.put_u32(u32::try_from(part.len()).expect("messages are limited to far less than 4 GiB"));
        body.put_slice(part);
    }
    body.freeze()
}

fn split_netstrings(body: &Bytes) -> Result<(Bytes, Bytes), EnvelopeError> {
    let mut rest = body.clone();
    let mut next = || {
        let length = rest.try_get_u32().ok().and_then(|length| usize::try_from(length).ok());
        match length {
            Some(length) if length <= rest.len() => Ok(rest.split_to(length)),
            _ => error("unexpected EOF"),
        }
    };
    Ok((next()?, next()?))
}

#[cfg(test)]
mod tests {
    use super::{Bytes, ContentType, Envelope, decode_request, decode_response, encode_request, encode_response};

    fn envelope(id: &str, method: &str, error: &str, message: &'static [u8]) -> Envelope {
        let (id, method, error) = (id.to_owned(), method.to_owned(), error.to_owned());
        Envelope { id, method, error, message: Bytes::from_static(message) }
    }

    #[track_caller]
    fn check_request(content: ContentType, envelope: &Envelope, body: &[u8]) {
        assert_eq!(encode_request(content, envelope).expect("is written"), body);
        assert_eq!(&decode_request(content, &Bytes::copy_from_slice(body)).expect("is read"), envelope);
    }

    #[track_caller]
    fn check_response(content: ContentType, envelope: &Envelope, body: &[u8]) {
        assert_eq!(encode_response(content, envelope).expect("is written"), body);
        assert_eq!(&decode_response(content, &Bytes::copy_from_slice(body)).expect("is read"), envelope);
    }

    #[test]
    fn json_rpc_is_written_as_go_writes_it() {
        let content = ContentType::JsonRpc;
        let request = envelope("0", "Say.Hello", "", br#"{"name":"John"}"#);
        let body = b"{\"method\":\"Say.Hello\",\"params\":[{\"name\":\"John\"}],\"id\":\"0\"}\n";
        assert_eq!(body.len(), 59);
        check_request(content, &request, body);
        let response = envelope("0", "", "", br#"{"msg":"Hello John"}"#);
        check_response(content, &response, b"{\"id\":\"0\",\"result\":{\"msg\":\"Hello John\"},\"error\":null}\n");
        let failed = envelope("", "", "a<b", b"");
        check_response(content, &failed, b"{\"id\":\"\",\"result\":null,\"error\":\"a\\u003cb\"}\n");
    }

    #[test]
    fn proto_rpc_is_written_as_go_writes_it() {
        let content = ContentType::ProtoRpc;
        let body = b"\0\0\0\x0b\x0a\x09Say.Hello\0\0\0\x06\x0a\x04John";
        check_request(content, &envelope("0", "Say.Hello", "", b"\x0a\x04John"), body);
        let body = b"\0\0\0\x14\x0a\x09Say.Hello\x11\x07\0\0\0\0\0\0\0\0\0\0\x06\x0a\x04John";
        check_request(content, &envelope("7", "Say.Hello", "", b"\x0a\x04John"), body);
        check_response(content, &envelope("0", "", "boom", b""), b"\0\0\0\x06\x1a\x04boom\0\0\0\0");
    }

    #[test]
    fn reading_json_rpc_is_liberal() {
        let body = Bytes::from_static(br#" {"ID":3,"Method":"A.B","x":1,"params":[ [1] ,2]} "#);
        let read = decode_request(ContentType::JsonRpc, &body).expect("is read");
        assert_eq!(read, envelope("3", "A.B", "", b"[1]"));
        for body in ["{\"id\":\"1\"}", "[]", "{", "7", "{\"params\":{}}"] {
            assert!(decode_request(ContentType::JsonRpc, &Bytes::from_static(body.as_bytes())).is_err(), "{body}");
        }
        let response = |body: &'static str| decode_response(ContentType::JsonRpc, &Bytes::from_static(body.as_bytes()));
        assert_eq!(response(r#"{"error":""}"#).expect("is read").error, "unspecified error");
        assert_eq!(response(r#"{"error":7}"#).expect_err("is refused").to_string(), "invalid error 7");
        // What a Go server makes of a stream message when it overwrites its buffer.
        assert!(response(r#"{"id":"","result":null,"error":"EOS""#).is_err());
    }

    #[test]
    fn netstrings_do_not_reach_beyond_the_body() {
        for body in [&b"\0\0\0"[..], b"\0\0\0\x01", b"\xff\xff\xff\xff\0", b"\0\0\0\0", b"\0\0\0\0\0\0\0\x01"] {
            let body = Bytes::from_static(body);
            assert!(decode_request(ContentType::ProtoRpc, &body).is_err(), "{body:?}");
        }
    }

    #[test]
    fn grpc_frames_and_bare_messages() {
        check_request(ContentType::GrpcProto, &envelope("", "", "", b"ab"), b"\0\0\0\0\x02ab");
        check_request(ContentType::Proto, &envelope("", "", "", b"ab"), b"ab");
        let json = encode_request(ContentType::Json, &envelope("", "", "", b"{}")).expect("is written");
        assert_eq!(json, "{}\n");
        assert!(encode_request(ContentType::JsonRpc, &envelope("", "", "", b"{")).is_err());
        assert!(decode_request(ContentType::GrpcJson, &Bytes::from_static(b"\0\0\0\0\x02a")).is_err());
    }
}
