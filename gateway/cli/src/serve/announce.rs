//! What a process says once it is ready: where it listens. Whoever starts it waits for the line `ready`.

use std::fmt::Write;
use std::net::SocketAddr;

use gateway::{Gateway, ListenerStatus};
use serde_json::json;

use super::followers::Followers;
use crate::output::{Output, complain, say};

/// Says where everything listens; for the demo also what to try.
pub(super) async fn ready(gateway: &Gateway, followers: &Followers, demo: bool, output: Output) {
    let listeners = gateway.listeners().await;
    let (registry, broker) = (followers.registry_addresses(), followers.broker_addresses());
    let admin = followers.admin_addresses();
    match output {
        Output::Text => complain(&lines(&listeners, &registry, &broker, &admin)),
        Output::Json => {
            let listeners: Vec<_> = listeners
                .iter()
                .map(|listener| json!({ "name": listener.name, "addresses": listener.addresses }))
                .collect();
            // One line, for programs that read line by line.
            let all = json!({ "listeners": listeners, "registry": registry, "broker": broker, "admin": admin });
            say(&format!("{all}\n"));
        }
    }
    let port = listeners.first().and_then(|listener| listener.addresses.first()).map(SocketAddr::port);
    if let (true, Output::Text, Some(port)) = (demo, output, port) {
        say(&to_try(port));
    }
}

fn lines(listeners: &[ListenerStatus], registry: &[SocketAddr], broker: &[SocketAddr], admin: &[SocketAddr]) -> String {
    let named = listeners.iter().flat_map(|listener| {
        listener.addresses.iter().map(|address| (format!("listening {}", listener.name), address))
    });
    let registry = registry.iter().map(|address| ("registry".to_owned(), address));
    let broker = broker.iter().map(|address| ("broker".to_owned(), address));
    let admin = admin.iter().map(|address| ("admin".to_owned(), address));
    let mut text = String::new();
    for (what, address) in named.chain(registry).chain(broker).chain(admin) {
        writeln!(text, "{what} {address}").expect("a string takes everything");
    }
    text + "ready\n"
}

/// The lines of the manual (spec/manual 9.8 to 9.10).
fn to_try(port: u16) -> String {
    let at = format!("http://localhost:{port}");
    format!(
        r#"
The greeter is registered. Try:

  curl "{at}/greeter/say/hello?name=John"
  curl -d 'service=go.micro.srv.greeter' -d 'method=Say.Hello' -d 'request={{"name": "John"}}' {at}/rpc
  curl -H 'Content-Type: application/json' -d '{{"service": "go.micro.srv.greeter", "method": "Say.Hello", "request": {{"name": "John"}}}}' {at}/rpc

"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_has_a_line() {
        let address = |text: &str| text.parse::<SocketAddr>().unwrap();
        let api =
            ListenerStatus { name: "api".to_owned(), addresses: vec![address("127.0.0.1:1"), address("[::1]:1")] };
        let text = lines(&[api], &[address("127.0.0.1:2")], &[address("127.0.0.1:3")], &[]);
        assert_eq!(
            text,
            "listening api 127.0.0.1:1\nlistening api [::1]:1\nregistry 127.0.0.1:2\nbroker 127.0.0.1:3\nready\n"
        );
    }
}
