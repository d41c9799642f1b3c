//! Packets as bytes.
//!
//! Names, questions and records are hickory's; the message is read here, as hickory refuses the empty TXT record of
//! go-micro's list of services, and as a packet from the network is bounded first.

use hickory_proto::op::{Header, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::rdata::TXT;
use hickory_proto::rr::{RData, Record, RecordType};
use hickory_proto::serialize::binary::{BinDecodable, BinDecoder, BinEncodable, BinEncoder, DecodeError, NameEncoding};

/// The most bytes of a packet: what UDP carries over IPv4.
pub(super) const PACKET_BYTES_MAX: u16 = 65_507;
/// The most questions of one packet; go-micro sends one.
const QUESTIONS_MAX: u16 = 16;
/// The most records of one packet; go-micro sends four.
const RECORDS_MAX: u16 = 512;
/// The bit of a question's class that asks for an answer to this asker alone (RFC 6762 section 5.4).
const UNICAST: u16 = 0x8000;

/// Why a packet is not read.
#[derive(Debug, thiserror::Error)]
pub(super) enum PacketError {
    /// It is not a message.
    #[error("it is not a DNS message")]
    Decode(#[from] DecodeError),
    /// It is a message of another kind.
    #[error("it is no query and no answer, or reports an error")]
    Kind,
    /// It has too many questions or records.
    #[error("it has more than {QUESTIONS_MAX} questions or {RECORDS_MAX} records")]
    TooMany,
}

/// How names are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Names {
    /// Each in full, as go-micro announces.
    Full,
    /// Those that came before by reference, as it replies.
    Short,
}

/// Reads a packet.
pub(super) fn decode(bytes: &[u8]) -> Result<Message, PacketError> {
    let mut decoder = BinDecoder::new(bytes);
    let Header { metadata, counts, .. } = Header::read(&mut decoder)?;
    if metadata.op_code != OpCode::Query || metadata.response_code != ResponseCode::NoError {
        return Err(PacketError::Kind);
    }
    let records = [counts.answers, counts.authorities, counts.additionals];
    if counts.queries > QUESTIONS_MAX || records.iter().any(|count| *count > RECORDS_MAX) {
        return Err(PacketError::TooMany);
    }
    let mut message = Message::query();
    message.metadata = metadata;
    for _ in 0..counts.queries {
        message.queries.push(Query::read(&mut decoder)?);
    }
    let sections = [&mut message.answers, &mut message.authorities, &mut message.additionals];
    for (section, count) in sections.into_iter().zip(records) {
        for _ in 0..count {
            section.push(record(&mut decoder)?);
        }
    }
    Ok(message)
}

/// Writes a packet; `None` where it does not fit into one.
pub(super) fn encode(message: &Message, names: Names) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(512);
    let mut encoder = BinEncoder::new(&mut bytes);
    encoder.set_max_size(PACKET_BYTES_MAX);
    if names == Names::Full {
        encoder.set_name_encoding(NameEncoding::Uncompressed);
    }
    message.emit(&mut encoder).ok()?;
    // Records that do not fit are left out, and this bit says so.
    let truncated = bytes.get(2).is_some_and(|flags| flags & 0b10 != 0);
    (!truncated).then_some(bytes)
}

/// Returns whether the answer is for this asker alone.
pub(super) fn wants_unicast(question: &Query) -> bool {
    u16::from(question.query_class) & UNICAST != 0
}

/// Returns a message that answers.
pub(super) fn answer(id: u16) -> Message {
    Message::new(id, MessageType::Response, OpCode::Query)
}

fn record(decoder: &mut BinDecoder<'_>) -> Result<Record, DecodeError> {
    let mut record = Record::read(decoder)?;
    if matches!(record.data, RData::Update0(RecordType::TXT)) {
        record.data = RData::TXT(TXT::new(Vec::new()));
    }
    Ok(record)
}
