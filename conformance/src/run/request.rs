//! From the words of a case to a request, sent; and to the question that `explain` is asked about it.

use std::net::SocketAddr;

use anyhow::{Context, Result};
use bytes::Bytes;

use crate::case::LongRequestSpec;
use crate::client::{Answer, http1, http2};
use crate::decided::{MARK, Question};
use crate::expect::from_hex;

/// A request ready to be sent.
#[derive(Clone, Debug)]
pub(super) struct Prepared {
    spec: LongRequestSpec,
    host: String,
    headers: Vec<(String, String)>,
    body: Bytes,
    mark: String,
}

impl Prepared {
    /// Fills in what a case leaves out: host, length, and a mark by which the access record is found.
    pub(super) fn new(
        spec: LongRequestSpec,
        address: SocketAddr,
        mark: String,
        nodes: &[(&str, SocketAddr)],
    ) -> Result<Self> {
        let mut headers: Vec<(String, String)> = Vec::new();
        for (name, values) in &spec.headers {
            headers.extend(values.texts().iter().map(|value| (name.clone(), value.clone())));
        }
        if spec.json.is_some() && !has(&headers, "content-type") {
            headers.push(("Content-Type".to_owned(), "application/json".to_owned()));
        }
        let own = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(MARK)).map(|(_, value)| value.clone());
        let mark = own.unwrap_or_else(|| {
            headers.push((MARK.to_owned(), mark.clone()));
            mark
        });
        let host = spec.host.clone().unwrap_or_else(|| address.to_string());
        let body = body(&spec, nodes)?;
        Ok(Self { spec, host, headers, body, mark })
    }

    /// Sends it on a connection of its own.
    pub(super) async fn send(&self, address: SocketAddr) -> Result<Answer> {
        if let Some(raw) = &self.spec.raw {
            let request = http1::Request { head: raw.clone(), body: Bytes::new() };
            return http1::send(address, &request).await;
        }
        if self.spec.h2 {
            return http2::send(address, &self.spec.line, &self.host, &self.headers, self.body.clone()).await;
        }
        http1::send(address, &self.as_http1()).await
    }

    fn as_http1(&self) -> http1::Request {
        let headers: Vec<_> = self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        http1::Request::new(&self.spec.line, &self.host, &headers, self.body.clone())
    }

    /// Returns what to ask `explain`; nothing where the request is bytes that may not reach a decision.
    pub(super) fn question(&self, listener: &str, given: &[String]) -> Result<Option<Question>> {
        if self.spec.raw.is_some() {
            return Ok(None);
        }
        let (method, target) = self.spec.line.split_once(' ').context("a request line is METHOD TARGET")?;
        Ok(Some(Question {
            mark: self.mark.clone(),
            listener: listener.to_owned(),
            method: method.to_owned(),
            target: target.to_owned(),
            host: self.host.clone(),
            headers: self.headers.clone(),
            given: given.to_vec(),
        }))
    }

    /// Returns the request as it goes out, for reports.
    pub(super) fn text(&self) -> String {
        const SHOWN: usize = 500;
        let head = self.spec.raw.clone().unwrap_or_else(|| self.as_http1().head);
        let body: String = String::from_utf8_lossy(&self.body).chars().take(SHOWN).collect();
        format!("{}{head}{body}", if self.spec.h2 { "(over HTTP/2)\n" } else { "" }).replace('\r', "")
    }
}

fn has(headers: &[(String, String)], name: &str) -> bool {
    headers.iter().any(|(other, _)| other.eq_ignore_ascii_case(name))
}

fn body(spec: &LongRequestSpec, nodes: &[(&str, SocketAddr)]) -> Result<Bytes> {
    const MIB: usize = 1024 * 1024;
    if let Some(text) = spec.body.as_ref().or(spec.json.as_ref()) {
        let fill = |text: String, (name, address): &(&str, SocketAddr)| {
            text.replace(&format!("<<{name}>>"), &address.to_string())
        };
        return Ok(nodes.iter().fold(text.clone(), fill).into());
    }
    if let Some(hex) = &spec.hex {
        return Ok(from_hex(hex)?.into());
    }
    Ok(spec.body_mib.map(|mib| vec![b' '; mib * MIB]).unwrap_or_default().into())
}
