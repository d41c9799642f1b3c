//! Bodies: bare messages, and those in an envelope that names method, id and error.

#[cfg(test)]
mod tests;

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
