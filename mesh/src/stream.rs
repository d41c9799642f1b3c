//! An open stream to a service.

use bytes::Bytes;

use mesh_rpc::RpcError;
use mesh_rpc::mucp::MucpStream;

use crate::error::{CallError, StreamError};

/// An open stream: any number of messages there and back. Dropping it cancels the call.
#[derive(Debug)]
pub struct Stream(Inner);

#[derive(Debug)]
enum Inner {
    Grpc(Box<mesh_rpc::client::Stream>),
    Mucp(Box<MucpStream>),
}

impl Stream {
    pub(crate) fn grpc(stream: mesh_rpc::client::Stream) -> Stream {
        Stream(Inner::Grpc(Box::new(stream)))
    }

    pub(crate) fn mucp(stream: MucpStream) -> Stream {
        Stream(Inner::Mucp(Box::new(stream)))
    }

    /// Sends one encoded message.
    ///
    /// # Errors
    /// When the stream is over or the message could not be sent in time; why, [`Stream::receive`] tells.
    pub async fn send(&mut self, message: &[u8]) -> Result<(), StreamError> {
        match &mut self.0 {
            Inner::Grpc(stream) => stream.send_bytes(message).await.map_err(StreamError::from),
            Inner::Mucp(stream) => stream.send_bytes(message).await.map_err(of_mucp),
        }
    }

    /// Tells the service that nothing more comes. Its messages may still be received.
    ///
    /// # Errors
    /// When the service could not be told.
    pub async fn close_send(&mut self) -> Result<(), StreamError> {
        match &mut self.0 {
            Inner::Grpc(stream) => {
                stream.close_send();
                Ok(())
            }
            Inner::Mucp(stream) => stream.close_send().await.map_err(of_mucp),
        }
    }

    /// Waits for the next message; `None` when the service ended the stream without an error. Cancel safe.
    ///
    /// # Errors
    /// What the service said, or that the connection broke.
    pub async fn receive(&mut self) -> Result<Option<Bytes>, StreamError> {
        match &mut self.0 {
            Inner::Grpc(stream) => stream.receive_bytes().await.map_err(StreamError::from),
            Inner::Mucp(stream) => stream.receive_bytes().await.map_err(of_mucp),
        }
    }
}

fn of_mucp(error: RpcError) -> StreamError {
    CallError::of_mucp(error).into()
}
