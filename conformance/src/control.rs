//! What tests ask of a running gateway beside its traffic: its admin listener and its registry.

use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::client::{Answer, http1};
use crate::process::Gateway;
use crate::wait::until;

impl Gateway {
    /// Returns the JSON that the admin listener answers to a `GET`.
    ///
    /// # Errors
    /// When it does not answer 200.
    pub async fn ask(&self, target: &str) -> Result<Value> {
        let answer = http1::get(self.admin()?, target).await?;
        ensure!(answer.status == 200, "GET {target}: {answer}");
        serde_json::from_slice(&answer.body).with_context(|| format!("GET {target}: {answer}"))
    }

    /// Returns the number of the running configuration.
    ///
    /// # Errors
    /// When `/status` does not say.
    pub async fn generation(&self) -> Result<u64> {
        self.ask("/status").await?["generation"].as_u64().context("no generation in /status")
    }

    /// Writes a document over the one it was started with, and has it reloaded.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn reload(&self, document: &str) -> Result<()> {
        std::fs::write(self.document(), document)?;
        let host = self.admin()?.to_string();
        let answer = http1::send(self.admin()?, &http1::Request::new("POST /reload", &host, &[], "")).await?;
        ensure!(answer.status == 200, "POST /reload: {answer}");
        Ok(())
    }

    /// Registers a node over HTTP.
    ///
    /// # Errors
    /// When the registry refuses it.
    pub async fn register(&self, service: &str, node: &str, address: SocketAddr, more: Value) -> Result<()> {
        self.register_for(service, node, address, more, "1h").await
    }

    /// As [`Gateway::register`], for a time such as `1s`.
    ///
    /// # Errors
    /// As [`Gateway::register`].
    pub async fn register_for(
        &self,
        service: &str,
        node: &str,
        address: SocketAddr,
        more: Value,
        ttl: &str,
    ) -> Result<()> {
        let mut body = json!({ "address": address.to_string() });
        if let (Value::Object(body), Value::Object(more)) = (&mut body, more) {
            body.extend(more);
        }
        let line = format!("PUT {}?ttl={ttl}", registry_path(service, node));
        let answer = self.to_registry(&line, &body.to_string()).await?;
        ensure!(answer.status == 204, "{line}: {answer}");
        Ok(())
    }

    /// Takes a node away.
    ///
    /// # Errors
    /// When the registry does not know it.
    pub async fn deregister(&self, service: &str, node: &str) -> Result<()> {
        let line = format!("DELETE {}", registry_path(service, node));
        let answer = self.to_registry(&line, "").await?;
        ensure!(answer.status == 204, "{line}: {answer}");
        Ok(())
    }

    async fn to_registry(&self, line: &str, body: &str) -> Result<Answer> {
        let (address, kind) = (self.registry()?, [("Content-Type", "application/json")]);
        http1::send(address, &http1::Request::new(line, &address.to_string(), &kind, body.to_owned())).await
    }

    /// Waits until the table of clusters holds exactly these nodes under each of these names, and none where the list
    /// is empty.
    ///
    /// # Errors
    /// When it does not come to that.
    pub async fn knows(&self, services: &[(String, Vec<SocketAddr>)]) -> Result<()> {
        let mut last = Value::Null;
        let matches = async || {
            last = self.ask("/clusters").await.ok()?;
            services.iter().all(|(name, nodes)| holds(&last, name, nodes)).then_some(())
        };
        until("the table of clusters to hold what was registered", matches)
            .await
            .with_context(|| format!("wanted {services:?}"))
    }
}

fn registry_path(service: &str, node: &str) -> String {
    format!("/v1/registry/{}/{}", escaped(service), escaped(node))
}

fn escaped(text: &str) -> String {
    let escape = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(escape).collect()
}

fn holds(clusters: &Value, name: &str, nodes: &[SocketAddr]) -> bool {
    let mut wanted: Vec<String> = nodes.iter().map(ToString::to_string).collect();
    let mut found: Vec<String> =
        endpoints(clusters, name).iter().filter_map(|node| node["address"].as_str().map(str::to_owned)).collect();
    wanted.sort();
    found.sort();
    wanted == found
}

/// Returns the endpoints of a cluster as `/clusters` tells them; nothing where there is no such cluster.
pub fn endpoints(clusters: &Value, name: &str) -> Vec<Value> {
    let list = clusters.as_array().or_else(|| clusters["clusters"].as_array());
    let cluster = list.into_iter().flatten().find(|cluster| cluster["name"] == name);
    cluster.and_then(|cluster| cluster["endpoints"].as_array()).cloned().unwrap_or_default()
}
