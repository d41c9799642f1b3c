//! `telemetry`: the log, the access log, the request id.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::defaults;
use crate::value::{HeaderName, ParseError, text_value};

/// What is logged and how.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Telemetry {
    /// Messages for operators, on standard error.
    pub log: Log,
    /// One record for each exchange.
    pub access_log: AccessLog,
    /// The id that ties the records of one request together.
    pub request_id: RequestId,
    /// W3C traces over OTLP. Not built yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traces: Option<super::Planned>,
}

/// Messages for operators. Short form: the level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// What is left out.
    pub level: LogLevel,
    /// How a message is written.
    pub format: LogFormat,
}

/// The least severe level that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Everything, in the words of the code.
    Trace,
    /// What a developer asks for.
    Debug,
    /// What changed (default).
    #[default]
    Info,
    /// What somebody should look at.
    Warn,
    /// What somebody must act on.
    Error,
}

impl LogLevel {
    /// Returns the level as it is written in a document.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// How a message is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people (default).
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// One record for each exchange. Short form: the format.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AccessLog {
    /// How a record is written.
    pub format: AccessLogFormat,
    /// Where to.
    pub path: AccessLogPath,
}

/// How an access record is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AccessLogFormat {
    /// Not at all.
    Off,
    /// The combined format of spec/gateway 3.3 (default).
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Where access records go: `stdout` (default) or the path of a file, which is opened to append.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum AccessLogPath {
    /// Standard output.
    #[default]
    Stdout,
    /// A file, absolute or relative to the working directory.
    File(String),
}

text_value!(AccessLogPath, BadPath, "the path of a file", "`stdout` or `/var/log/micro/access.log`", "^[^\\u0000]+$");

impl FromStr for AccessLogPath {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        match text {
            "" => Err(ParseError::new("it is empty")),
            "stdout" => Ok(Self::Stdout),
            path if path.ends_with('/') => Err(ParseError::new("it is a directory")),
            path => Ok(Self::File(path.to_owned())),
        }
    }
}

impl fmt::Display for AccessLogPath {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdout => out.write_str("stdout"),
            Self::File(path) => out.write_str(path),
        }
    }
}

/// The id that ties the records of one request together: upstream and in the access record always, to the client
/// only where asked for (clients of Micro v2 see no new `X-` headers).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RequestId {
    /// The header that carries it. Default: `x-request-id`.
    pub header: HeaderName,
    /// Whether the response carries it too. Default: false.
    pub to_client: bool,
}

impl Default for RequestId {
    fn default() -> Self {
        Self { header: defaults::request_id_header(), to_client: false }
    }
}
