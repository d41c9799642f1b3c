//! gRPC message framing: one flag byte, four bytes of length (big-endian), the message.
//!
//! Messages are never compressed: no peer of go-micro negotiates it, and a frame that says so is refused.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::status::{Code, Status};

/// The bytes before each message.
pub const HEADER_BYTES: usize = 5;

/// The default limit of one message: 4 MiB, what go-micro's servers and clients take.
pub const MESSAGE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Why bytes are not a sequence of messages.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// A frame announces more than the limit. Known before any of it is buffered.
    #[error("grpc: received message larger than max ({length} vs. {limit})")]
    TooLarge {
        /// The announced length in bytes.
        length: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// The compressed flag is set although no encoding was agreed.
    #[error("grpc: compressed flag set with identity or empty encoding")]
    Compressed,
    /// The flag byte is neither 0 nor 1.
    #[error("grpc: received unexpected payload format {0}")]
    UnknownFlag(u8),
    /// The bytes end within a frame.
    #[error("unexpected EOF")]
    Truncated,
}

impl FrameError {
    /// Returns the status with which a server refuses the call, in Go's words.
    pub fn to_status(&self) -> Status {
        let code = match self {
            FrameError::TooLarge { .. } => Code::ResourceExhausted,
            FrameError::Compressed | FrameError::UnknownFlag(_) | FrameError::Truncated => Code::Internal,
        };
        Status::new(code, self.to_string())
    }
}

/// Frames one message, into one allocation.
///
/// # Panics
/// When the message has 4 GiB or more; callers limit it long before.
pub fn encode(message: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(HEADER_BYTES + message.len());
    encode_into(&mut frame, message);
    frame.freeze()
}

/// Appends one framed message to a buffer.
///
/// # Panics
/// As [`encode`].
pub fn encode_into(buffer: &mut BytesMut, message: &[u8]) {
    let length = u32::try_from(message.len()).expect("messages are limited to far less than 4 GiB");
    buffer.reserve(HEADER_BYTES + message.len());
    buffer.put_u8(0);
    buffer.put_u32(length);
    buffer.put_slice(message);
}

/// Cuts a stream of chunks into messages, however the chunks fall.
///
/// A message that lies in one chunk is handed out without being copied. Take messages with [`Decoder::next`]
/// until there is none before pushing the next chunk; then no more than one message, its header and one chunk are
/// buffered.
///
/// ```
/// use mesh_rpc::frame::{self, Decoder};
///
/// let mut decoder = Decoder::default();
/// decoder.push(frame::encode(b"{}"));
/// assert_eq!(decoder.next().unwrap().unwrap(), "{}");
/// assert_eq!(decoder.next(), Ok(None));
/// assert_eq!(decoder.finish(), Ok(()));
/// ```
#[derive(Debug)]
pub struct Decoder {
    /// The rest of the chunk that was pushed last, while nothing came before it.
    chunk: Bytes,
    /// What several chunks had to be joined in.
    joined: BytesMut,
    limit: usize,
}

impl Default for Decoder {
    fn default() -> Decoder {
        Decoder::new(MESSAGE_BYTES_MAX)
    }
}

impl Decoder {
    /// Returns a decoder that refuses messages of more than `limit` bytes.
    pub fn new(limit: usize) -> Decoder {
        Decoder { chunk: Bytes::new(), joined: BytesMut::new(), limit }
    }

    /// Takes the next bytes of the stream.
    pub fn push(&mut self, chunk: Bytes) {
        if self.joined.is_empty() && self.chunk.is_empty() {
            self.chunk = chunk;
            return;
        }
        if self.joined.is_empty() {
            self.joined.extend_from_slice(&self.chunk);
            self.chunk = Bytes::new();
        }
        self.joined.extend_from_slice(&chunk);
    }

    /// Returns the next whole message, or `None` when more bytes are needed.
    ///
    /// # Errors
    /// When the next frame is refused; then every later call says the same.
    #[expect(clippy::should_implement_trait, reason = "`None` means more bytes, not the end; it is no iterator")]
    pub fn next(&mut self) -> Result<Option<Bytes>, FrameError> {
        let buffered: &[u8] = if self.joined.is_empty() { &self.chunk } else { &self.joined };
        let Some(length) = self.message_length(buffered)? else { return Ok(None) };
        if buffered.len() - HEADER_BYTES < length {
            return Ok(None);
        }
        if self.joined.is_empty() {
            self.chunk.advance(HEADER_BYTES);
            return Ok(Some(self.chunk.split_to(length)));
        }
        self.joined.advance(HEADER_BYTES);
        Ok(Some(self.joined.split_to(length).freeze()))
    }

    /// Says whether the stream may end here.
    ///
    /// # Errors
    /// [`FrameError::Truncated`] when a frame has begun and not ended.
    pub fn finish(&self) -> Result<(), FrameError> {
        if self.chunk.is_empty() && self.joined.is_empty() { Ok(()) } else { Err(FrameError::Truncated) }
    }

    fn message_length(&self, buffered: &[u8]) -> Result<Option<usize>, FrameError> {
        let Some(([flag, length @ ..], _)) = buffered.split_first_chunk::<HEADER_BYTES>() else { return Ok(None) };
        let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
        // Go checks the length before the flag.
        if length > self.limit {
            return Err(FrameError::TooLarge { length, limit: self.limit });
        }
        match flag {
            0 => Ok(Some(length)),
            1 => Err(FrameError::Compressed),
            other => Err(FrameError::UnknownFlag(*other)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Bytes, Code, Decoder, FrameError, encode};

    /// Pushes the chunks and collects the messages up to the first error.
    fn decode(limit: usize, chunks: &[&[u8]]) -> (Vec<Bytes>, Result<(), FrameError>) {
        let mut decoder = Decoder::new(limit);
        let mut messages = Vec::new();
        for chunk in chunks {
            decoder.push(Bytes::copy_from_slice(chunk));
            loop {
                match decoder.next() {
                    Ok(Some(message)) => messages.push(message),
                    Ok(None) => break,
                    Err(error) => return (messages, Err(error)),
                }
            }
        }
        (messages, decoder.finish())
    }

    #[track_caller]
    fn check(chunks: &[&[u8]], messages: &[&str], end: Result<(), FrameError>) {
        let messages: Vec<Bytes> = messages.iter().map(|text| Bytes::copy_from_slice(text.as_bytes())).collect();
        assert_eq!(decode(16, chunks), (messages, end));
    }

    #[test]
    fn frames_may_be_split_and_joined_anywhere() {
        let one = b"\0\0\0\0\x05hello";
        check(&[one], &["hello"], Ok(()));
        check(&[&[0], &one[1..7], &one[7..]], &["hello"], Ok(()));
        check(&[b"\0\0\0\0\0\0\0\0\0\x01a\0\0\0", b"\0\x01b"], &["", "a", "b"], Ok(()));
        check(&[], &[], Ok(()));
        check(&[b"", one, b""], &["hello"], Ok(()));
    }

    #[test]
    fn what_cannot_be_a_message_is_refused() {
        check(&[b"\0\0\0\0\x05hell"], &[], Err(FrameError::Truncated));
        check(&[b"\0\0"], &[], Err(FrameError::Truncated));
        check(&[b"\x01\0\0\0\x01a"], &[], Err(FrameError::Compressed));
        check(&[b"{\0\0\0\x01a"], &[], Err(FrameError::UnknownFlag(b'{')));
        check(&[b"\0\0\0\0\x01a\0\0\0\0\x11"], &["a"], Err(FrameError::TooLarge { length: 17, limit: 16 }));
        check(&[b"\x01\xff\xff\xff\xff"], &[], Err(FrameError::TooLarge { length: 0xffff_ffff, limit: 16 }));
    }

    #[test]
    fn a_refusal_is_final() {
        let mut decoder = Decoder::new(16);
        decoder.push(Bytes::from_static(b"\x01\0\0\0\0"));
        assert_eq!(decoder.next(), Err(FrameError::Compressed));
        decoder.push(encode(b"x"));
        assert_eq!(decoder.next(), Err(FrameError::Compressed));
    }

    #[test]
    fn a_whole_message_is_not_copied() {
        let chunk = encode(b"hello");
        let address = chunk.as_ptr() as usize + super::HEADER_BYTES;
        let mut decoder = Decoder::default();
        decoder.push(chunk);
        let message = decoder.next().expect("is sound").expect("is whole");
        assert_eq!(message.as_ptr() as usize, address);
    }

    #[test]
    fn refusals_have_the_words_of_go() {
        let status = FrameError::TooLarge { length: 5_000_000, limit: 4_194_304 }.to_status();
        assert_eq!(status.code, Code::ResourceExhausted);
        assert_eq!(status.message, "grpc: received message larger than max (5000000 vs. 4194304)");
        assert_eq!(FrameError::Truncated.to_status().message, "unexpected EOF");
    }
}
