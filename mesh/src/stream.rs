//! An open stream to a service.

use bytes::Bytes;

use crate::error::StreamError;

/// An open stream: any number of messages there and back. Dropping it cancels the call.
#[derive(Debug)]
pub struct Stream(Inner);

#[derive(Debug)]
enum Inner {
    Grpc(Box<mesh_rpc::client::Stream>),
}

impl Stream {
    pub(crate) fn grpc(stream: mesh_rpc::client::Stream) -> Stream {
        Stream(Inner::Grpc(Box::new(stream)))
    }

    /// Sends one encoded message.
    ///
    /// # Errors
    /// When the stream is over or the message could not be sent in time; why, [`Stream::receive`] tells.
    pub async fn send(&mut self, message: &[u8]) -> Result<(), StreamError> {
        match &mut self.0 {
            Inner::Grpc(stream) => stream.send_bytes(message).await.map_err(StreamError::from),
        }
    }

    /// Tells the service that nothing more comes. Its messages may still be received.
    pub fn close_send(&mut self) {
        match &mut self.0 {
            Inner::Grpc(stream) => stream.close_send(),
        }
    }

    /// Waits for the next message; `None` when the service ended the stream without an error. Cancel safe.
    ///
    /// # Errors
    /// What the service said, or that the connection broke.
    pub async fn receive(&mut self) -> Result<Option<Bytes>, StreamError> {
        match &mut self.0 {
            Inner::Grpc(stream) => stream.receive_bytes().await.map_err(StreamError::from),
        }
    }
}
