//! The program behind a service, and the server in front of it.

use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use http::{Request, Response};
use hyper::body::Incoming;
use mesh_rpc::server::{HttpBody, HttpHandler};
use mesh_rpc::{Call, Handler, RpcError, Server, Status};

use crate::ask::Ask;
use crate::endpoint::Endpoint;
use crate::exec::Program;
use crate::file::Files;
use crate::grpc::Grpc;
use crate::mucp::Mucp;
use crate::reply;
use crate::web::Web;

/// Returns the server of a service: gRPC and HTTP on one port, answered by the program at the endpoint.
pub(crate) fn server(service: &str, endpoint: &Endpoint) -> Server {
    let calls = |program| Calls { service: service.to_owned(), program };
    match endpoint {
        // The program answers `Debug`, too, if it is a go-micro service.
        Endpoint::Grpc(address) => Server::bare().with_http(Grpc::new(service, address.clone())),
        Endpoint::Http(base) => {
            let web = Arc::new(Web::new(service, base.clone()));
            let passing = Passing(Arc::clone(&web));
            Server::new().with_fallback(calls(Behind::Web(web))).with_http(passing)
        }
        Endpoint::File(root) => Server::new()
            .with_fallback(calls(Behind::Files(Files::new(service, root.clone()))))
            .with_http(Files::new(service, root.clone())),
        // No HTTP: any web page could make a browser run the program.
        Endpoint::Exec(file) => Server::new()
            .with_fallback(calls(Behind::Program(Program::new(service, file.clone()))))
            .with_http(Refusing(service.to_owned())),
        // As for gRPC, `Debug` too.
        Endpoint::Mucp(address) => Server::bare().with_fallback(calls(Behind::Mucp(Mucp::new(service, address)))),
    }
}

/// Takes every call of a service to its program.
#[derive(Debug)]
struct Calls {
    service: String,
    program: Behind,
}

/// What is behind it.
#[derive(Debug)]
enum Behind {
    Web(Arc<Web>),
    Files(Files),
    Program(Program),
    Mucp(Mucp),
}

#[async_trait]
impl Handler for Calls {
    async fn call(&self, call: &mut Call) -> Result<(), Status> {
        let ask = Ask::of(&self.service, call)?;
        // A call of one message and a stream are one thing: each message is answered.
        while let Some(message) = call.receive_bytes().await? {
            match &self.program {
                Behind::Web(web) => web.answer(&ask, message, call).await?,
                Behind::Files(files) => call.send_bytes(files.read(&ask.target).await?).await?,
                Behind::Mucp(mucp) => call.send_bytes(mucp.call(&ask, message, call.deadline()).await?).await?,
                Behind::Program(program) => call.send_bytes(program.run(&ask, message).await?).await?,
            }
        }
        Ok(())
    }
}

/// HTTP, refused, with the name of the service.
#[derive(Debug)]
struct Refusing(String);

#[async_trait]
impl HttpHandler for Refusing {
    async fn answer(&self, _: SocketAddr, _: Request<Incoming>) -> Response<HttpBody> {
        reply::error(&RpcError::forbidden(self.0.clone(), "this service is called by gRPC only"))
    }
}

/// HTTP, passed through to the program.
#[derive(Debug)]
struct Passing(Arc<Web>);

#[async_trait]
impl HttpHandler for Passing {
    async fn answer(&self, _: SocketAddr, request: Request<Incoming>) -> Response<HttpBody> {
        self.0.pass(request).await
    }
}

#[async_trait]
impl HttpHandler for Files {
    async fn answer(&self, _: SocketAddr, request: Request<Incoming>) -> Response<HttpBody> {
        self.serve(&request).await
    }
}

#[async_trait]
impl HttpHandler for Grpc {
    async fn answer(&self, _: SocketAddr, request: Request<Incoming>) -> Response<HttpBody> {
        self.pass(request).await
    }
}
