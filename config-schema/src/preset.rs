//! The built-in documents: each command that serves is a preset of the same document.

use crate::settings;

/// A command that serves, with its built-in document below all files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Preset {
    /// `micro gateway`: nothing but what the files say.
    Gateway,
    /// `micro api`: the API gateway of Micro v2 on `:8080` (spec/gateway 2).
    Api,
    /// `micro demo`: like `api`, on `localhost:8080`, with `/rpc` and the embedded registry alone.
    Demo,
    /// `micro registry`: the embedded registry, served to others.
    Registry,
    /// `micro broker`: the embedded broker, offered to others.
    Broker,
    /// `micro server`: what others need to work together; so far the embedded registry, joined with the network.
    Server,
}

impl Preset {
    /// All presets.
    pub const ALL: [Self; 6] = [Self::Gateway, Self::Api, Self::Demo, Self::Registry, Self::Broker, Self::Server];

    /// Returns the name of the command.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Api => "api",
            Self::Demo => "demo",
            Self::Registry => "registry",
            Self::Broker => "broker",
            Self::Server => "server",
        }
    }

    /// Returns the preset of a command, if the command serves.
    pub fn of_command(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|preset| preset.name() == name)
    }

    /// Returns the document, as YAML.
    pub fn text(self) -> String {
        match self {
            Self::Gateway => "version: micro/v1\n".to_owned(),
            Self::Api => api(":8080", "registry: [mdns, memory]\n"),
            Self::Demo => api("localhost:8080", "rpc: { listeners: [api] }\n"),
            Self::Registry => "version: micro/v1\nregistry: { kind: memory, joined: true }\n".to_owned(),
            Self::Broker => "version: micro/v1\nregistry: mdns\nbroker: memory\n".to_owned(),
            Self::Server => {
                "version: micro/v1\nregistry: [{ kind: memory, joined: true }, mdns]\nbroker: memory\n".to_owned()
            }
        }
    }
}

/// The document of the API gateway. Listener, table, policy set and the one route that calls services are named
/// `api`: the table of [`settings`] sets values by these names.
fn api(address: &str, more: &str) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let retries = settings::DEFAULT_RETRIES;
    format!(
        r#"version: micro/v1
listeners:
  api: {{ address: "{address}", routes: api, policies: [api] }}
routes:
  api:
    - name: version
      match: {{ path: / }}
      handler: {{ respond: {{ content_type: application/json, body: '{{"version": "{version}"}}' }} }}
    - name: favicon
      match: {{ path: /favicon.ico }}
      handler: respond
    - name: api
      match: {{ path: /** }}
      handler: meta
policies:
  api:
    timeout: 5s
    retry: {retries}
    cors: {{ reflect: true, credentials: true }}
{more}"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Layers, load};

    #[test]
    fn presets_load() {
        for preset in Preset::ALL {
            let loaded = load(&Layers::preset(preset)).unwrap_or_else(|report| panic!("{preset:?}: {report}"));
            assert!(loaded.warnings.is_empty(), "{preset:?}: {}", loaded.warnings);
            assert_eq!(Preset::of_command(preset.name()), Some(preset));
        }
    }
}
