//! TLS towards services that ask for it.

use std::sync::{Arc, OnceLock};

use http::uri::Authority;
use rustls::ClientConfig;
use rustls_platform_verifier::BuilderVerifierExt;

/// The port on which go-micro's clients take TLS for granted.
const TLS_PORT: u16 = 443;

/// Whether a connection is secured. Certificates are always verified.
#[derive(Debug, Clone, Default)]
pub enum Security {
    /// By TLS where the port is 443, against the roots of the system; in clear anywhere else. As go-micro decides.
    #[default]
    ByPort,
    /// In clear.
    Clear,
    /// By TLS with this configuration, whose protocols are set to HTTP/2.
    Tls(Arc<ClientConfig>),
}

impl Security {
    /// Returns TLS against the roots of the system.
    ///
    /// # Errors
    /// When the system has no roots that can be read.
    pub fn system() -> Result<Security, rustls::Error> {
        static CONFIG: OnceLock<Arc<ClientConfig>> = OnceLock::new();
        if let Some(config) = CONFIG.get() {
            return Ok(Security::Tls(Arc::clone(config)));
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_platform_verifier()?
            .with_no_client_auth();
        Ok(Security::Tls(Arc::clone(CONFIG.get_or_init(|| Arc::new(config)))))
    }

    /// Returns the configuration for an address; `None` where it is reached in clear.
    pub(super) fn config(&self, authority: &Authority) -> Result<Option<Arc<ClientConfig>>, rustls::Error> {
        let config = match self {
            Security::Clear => return Ok(None),
            Security::ByPort if authority.port_u16() != Some(TLS_PORT) => return Ok(None),
            Security::ByPort => match Security::system()? {
                Security::Tls(config) => config,
                Security::ByPort | Security::Clear => return Ok(None),
            },
            Security::Tls(config) => Arc::clone(config),
        };
        let mut config = ClientConfig::clone(&config);
        config.alpn_protocols = vec![b"h2".to_vec()];
        Ok(Some(Arc::new(config)))
    }
}

#[cfg(test)]
mod tests {
    use super::{Authority, Security};

    #[track_caller]
    fn check(security: &Security, address: &str, is_secured: bool) {
        let authority = Authority::try_from(address).expect("is an address");
        let config = security.config(&authority).expect("there are roots");
        assert_eq!(config.is_some(), is_secured, "{address}");
        assert!(config.is_none_or(|config| config.alpn_protocols == [b"h2"]));
    }

    #[test]
    fn port_443_is_secured() {
        check(&Security::ByPort, "10.0.0.1:443", true);
        check(&Security::ByPort, "[::1]:443", true);
        check(&Security::ByPort, "greeter:8443", false);
        check(&Security::Clear, "greeter:443", false);
        check(&Security::system().expect("there are roots"), "greeter:8443", true);
    }
}
