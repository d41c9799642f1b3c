//! TLS of the client, in front of our own server.

use std::sync::Arc;
use std::time::Duration;

use mesh_rpc::client::{ConnectError, Security, Target};
use mesh_rpc::{Client, Codec, Server};
use proto::debug::{HealthRequest, HealthResponse};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

/// Longer than anything here takes, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

fn certificate(pem: &[u8]) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pem).expect("is a certificate")
}

/// Trusts the root of the tests, and nobody else.
fn trusting() -> Security {
    let mut roots = RootCertStore::empty();
    roots.add(certificate(include_bytes!("data/tls/ca.pem"))).expect("is a root");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    Security::Tls(Arc::new(config.expect("has versions").with_root_certificates(roots).with_no_client_auth()))
}

/// Serves `Debug` behind TLS; returns the port.
async fn serve(tasks: &mut JoinSet<()>) -> u16 {
    let plain = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let behind = plain.local_addr().expect("has an address");
    tasks.spawn(Server::new().serve(plain, CancellationToken::new()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("data/tls/server.key")).expect("is a key");
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("has versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate(include_bytes!("data/tls/server.pem"))], key)
        .expect("belong together");
    config.alpn_protocols = vec![b"h2".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let port = listener.local_addr().expect("has an address").port();
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        loop {
            let (stream, _) = listener.accept().await.expect("accepts");
            let acceptor = acceptor.clone();
            connections.spawn(async move {
                // A client that does not trust the server ends it here.
                if let Ok(mut secured) = acceptor.accept(stream).await {
                    let mut behind = TcpStream::connect(behind).await.expect("connects");
                    copy_bidirectional(&mut secured, &mut behind).await.ok();
                }
            });
        }
    });
    port
}

#[tokio::test]
async fn a_service_behind_tls_is_called_by_its_name_and_its_address() {
    let mut tasks = JoinSet::new();
    let port = serve(&mut tasks).await;
    for host in ["localhost", "127.0.0.1"] {
        let client = Client::connect_with(&format!("{host}:{port}"), &trusting(), PATIENCE).await.expect("connects");
        let target = Target { timeout: PATIENCE, ..Target::new("s", "Debug.Health") };
        let health: HealthResponse =
            client.call(target, Codec::Proto, &HealthRequest::default()).await.expect("is answered");
        assert_eq!(health.status, "ok");
    }
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_refused() {
    let mut tasks = JoinSet::new();
    let address = format!("localhost:{}", serve(&mut tasks).await);
    let system = Security::system().expect("there are roots");
    let error = Client::connect_with(&address, &system, PATIENCE).await.expect_err("is not trusted");
    assert!(matches!(&error, ConnectError::Tls { .. }), "{error:?}");
    assert_eq!(error.to_string(), format!("{address} was not secured by TLS"));
}

#[tokio::test]
async fn a_service_in_clear_is_not_taken_for_one_behind_tls() {
    let mut tasks = JoinSet::new();
    let plain = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let address = plain.local_addr().expect("has an address").to_string();
    tasks.spawn(Server::new().serve(plain, CancellationToken::new()));
    let error = Client::connect_with(&address, &trusting(), PATIENCE).await.expect_err("speaks no TLS");
    assert!(matches!(error, ConnectError::Tls { .. }), "{error:?}");
}
