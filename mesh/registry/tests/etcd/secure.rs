//! TLS.

use mesh_registry::Registry;
use mesh_registry::etcd::{Etcd, Options, Tls};
use tokio::time::{Instant, sleep};

use crate::Outcome;
use crate::server::{Secured, tls_file};
use crate::support::{DEADLINE, greeter, register, shown, told, watch};

/// A registry at this etcd, with a root to trust and a certificate to show.
fn registry(server: &Secured, ca: bool, identity: bool) -> Etcd {
    let tls = Tls {
        ca: ca.then(|| tls_file("ca.pem")),
        identity: identity.then(|| (tls_file("client.pem"), tls_file("client.key"))),
    };
    Etcd::new(&Options { tls: Some(tls), ..Options::at([server.address()]) }).expect("the files can be used")
}

async fn is_up(registry: &Etcd) {
    let end = Instant::now() + DEADLINE;
    while let Err(error) = registry.list().await {
        assert!(Instant::now() < end, "etcd does not answer: {error}");
        sleep(std::time::Duration::from_millis(20)).await;
    }
}

pub(crate) async fn etcd_is_reached_with_tls() -> Outcome {
    let server = Secured::start()?;
    let trusted = registry(&server, true, true);
    is_up(&trusted).await;
    let mut watch = watch(&trusted).await;
    assert_eq!(told(&mut watch).await, "resync []");
    register(&trusted, greeter("1", "a")).await;
    assert_eq!(told(&mut watch).await, "upsert greeter 1: a");
    assert_eq!(shown(&trusted).await, ["greeter 1: a"]);
    Ok(())
}

pub(crate) async fn who_is_not_trusted_is_not_spoken_to() -> Outcome {
    let server = Secured::start()?;
    is_up(&registry(&server, true, true)).await;
    let error = registry(&server, false, true).list().await.expect_err("the system does not know this root");
    assert!(error.to_string().contains("not reached"), "{error}");
    let error = registry(&server, true, false).list().await.expect_err("etcd wants to know who asks");
    assert!(error.to_string().contains("not reached"), "{error}");
    Ok(())
}
