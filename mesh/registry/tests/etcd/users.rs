//! Users and passwords.

use mesh_registry::etcd::{Credentials, Etcd, Options};
use mesh_registry::{RegisterOptions, Registry};
use serde_json::json;

use crate::Outcome;
use crate::server::Server;
use crate::support::{greeter, register, registry, shown, told, watch};

pub(crate) async fn a_password_is_asked_for_and_given_again() -> Outcome {
    let mut server = Server::start()?;
    let anonymous = registry(&server);
    let root = signed_in(&server, "secret");
    register(&root, greeter("1", "a")).await;
    assert_eq!(shown(&anonymous).await, ["greeter 1: a"], "nobody is asked yet, and a password is no harm");

    server.ask("/v3/auth/user/add", &json!({ "name": "root", "password": "secret" }));
    server.ask("/v3/auth/role/add", &json!({ "name": "root" }));
    server.ask("/v3/auth/user/grant", &json!({ "user": "root", "role": "root" }));
    server.ask("/v3/auth/enable", &json!({}));
    let error = anonymous.list().await.expect_err("nobody is let in").to_string();
    assert!(error.contains("not authenticated"), "{error}");
    let error = signed_in(&server, "wrong").list().await.expect_err("is wrong").to_string();
    assert!(error.contains("signing in") && error.contains("authentication failed"), "{error}");
    assert!(!error.contains("wrong"), "{error}");

    let mut watch = watch(&root).await;
    assert_eq!(told(&mut watch).await, "resync [greeter 1: a]");
    register(&root, greeter("1", "b")).await;
    assert_eq!(told(&mut watch).await, "upsert greeter 1: a b");
    // Tokens are lost with the process that gave them.
    server.kill();
    assert_eq!(told(&mut watch).await, "stale");
    server.start_again();
    assert_eq!(told(&mut watch).await, "resync [greeter 1: a b]");
    root.register(greeter("1", "c"), RegisterOptions::default()).await.expect("signs in again");
    assert_eq!(told(&mut watch).await, "upsert greeter 1: a b c");
    Ok(())
}

fn signed_in(server: &Server, password: &str) -> Etcd {
    let credentials = Credentials { user: "root".to_owned(), password: password.to_owned() };
    let options = Options { credentials: Some(credentials), ..Options::at([server.address()]) };
    Etcd::new(&options).expect("is an address")
}
