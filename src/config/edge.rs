//! What of the configuration says whom the edge believes, and how much it takes.

use serde::{Deserialize, Serialize};
use weir_edge::{ForwardingField, Limits, TrustedProxies};

use super::Http;

/// The header field in which proxies say who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProxyHeader {
    /// `X-Forwarded-For` and `X-Forwarded-Proto`.
    #[serde(rename = "x-forwarded-for")]
    XForwardedFor,
    /// RFC 7239.
    #[serde(rename = "forwarded")]
    Forwarded,
}

impl From<ProxyHeader> for ForwardingField {
    fn from(header: ProxyHeader) -> Self {
        match header {
            ProxyHeader::XForwardedFor => Self::XForwarded,
            ProxyHeader::Forwarded => Self::Forwarded,
        }
    }
}

impl Http {
    /// Whose word of who asks is taken.
    ///
    /// # Errors
    /// The first network that is none.
    pub fn proxies(&self) -> Result<TrustedProxies, String> {
        let field = self.proxy_header.into();
        if self.trusted_proxies.is_empty() && self.behind_proxy {
            return Ok(TrustedProxies::private(field));
        }
        let networks = self.trusted_proxies.iter().map(|text| {
            let one = text.parse::<std::net::IpAddr>().map(Into::into);
            let bad = |_| format!("{text:?} is neither an address nor a network like 10.0.0.0/8");
            one.or_else(|_| text.parse()).map_err(bad)
        });
        let networks = networks.collect::<Result<_, String>>()?;
        Ok(TrustedProxies::new(networks, field))
    }

    /// How much strangers may take.
    pub fn limits(&self) -> Limits {
        Limits {
            connections: self.max_connections,
            connections_per_address: self.max_connections_per_address,
            ..Limits::default()
        }
    }

    /// What does not fit: the setting, and why.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        if let Err(reason) = self.proxies() {
            return Err(("http.trusted_proxies", reason));
        }
        for (key, value) in [
            ("http.max_connections", self.max_connections),
            (
                "http.max_connections_per_address",
                self.max_connections_per_address,
            ),
        ] {
            if value == 0 {
                return Err((key, "must be at least 1".to_owned()));
            }
        }
        Ok(())
    }
}
