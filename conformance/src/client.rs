//! The client: writes requests as they stand in the case, and reads answers without the gateway's own HTTP engine where
//! HTTP/1 allows.

pub mod http1;
pub mod http2;

use std::fmt;
use std::time::Duration;

use bytes::Bytes;

/// What came back.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Statuses of interim answers before it, such as 100.
    pub interim: Vec<u16>,
    /// Header fields in their order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
    /// Fields after the body.
    pub trailers: Vec<(String, String)>,
    /// Whether the connection ended with the answer.
    pub closed: bool,
    /// How long it took.
    pub took: Duration,
}

impl Answer {
    /// Returns the values of a field.
    pub fn values(&self, name: &str) -> Vec<&str> {
        values(&self.headers, name)
    }

    /// Returns the first value of a field.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.values(name).first().copied()
    }

    /// Returns the body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Returns the body as JSON, `null` where it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// Returns the values of a field, whose name is in lower case in the list.
pub fn values<'f>(fields: &'f [(String, String)], name: &str) -> Vec<&'f str> {
    let name = name.to_ascii_lowercase();
    fields.iter().filter(|(key, _)| *key == name).map(|(_, value)| value.as_str()).collect()
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const BODY_SHOWN: usize = 2000;
        writeln!(f, "{} after {:?}{}", self.status, self.took, if self.closed { ", closed" } else { "" })?;
        for (name, value) in &self.headers {
            writeln!(f, "{name}: {value}")?;
        }
        let text = self.text();
        write!(f, "\n{}", text.chars().take(BODY_SHOWN).collect::<String>())?;
        for (name, value) in &self.trailers {
            write!(f, "\n{name}: {value}")?;
        }
        Ok(())
    }
}
