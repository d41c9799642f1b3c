//! `admin`: the listener for operators.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::defaults;
use crate::value::{ListenAddress, ParseError, Secret, text_value};

/// The listener for operators: health, status, metrics, reload. Short form: the address, or `off`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Admin {
    /// Where to listen, or `off`. Default: `127.0.0.1:8099`.
    pub address: AdminAddress,
    /// The bearer token that requests must show; required outside loopback.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<Secret>,
}

/// Where the admin listener listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AdminAddress {
    /// `off`: there is none.
    Off,
    /// There.
    At(ListenAddress),
}

impl AdminAddress {
    /// Returns the address, unless it is off.
    pub const fn get(self) -> Option<ListenAddress> {
        match self {
            Self::Off => None,
            Self::At(address) => Some(address),
        }
    }
}

impl Default for AdminAddress {
    fn default() -> Self {
        Self::At(defaults::ADMIN_ADDRESS)
    }
}

text_value!(AdminAddress, BadAddress, "an address to listen on", "`127.0.0.1:8099` or `off`", "^(off|.*:[0-9]{1,5})$");

impl FromStr for AdminAddress {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        if text == "off" { Ok(Self::Off) } else { text.parse().map(Self::At) }
    }
}

impl fmt::Display for AdminAddress {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => out.write_str("off"),
            Self::At(address) => address.fmt(out),
        }
    }
}
