//! Who may read the figures: they tell how busy the site is, which is not everybody's business.

use std::net::IpAddr;

use ipnet::IpNet;
use subtle::ConstantTimeEq;

use crate::ApiError;

/// Who may read `/metrics`.
#[derive(Clone, PartialEq, Eq)]
pub struct MetricsConfig {
    /// Whoever sends this as bearer token, from anywhere.
    pub token: Option<String>,
    /// Whoever comes from one of these networks, without a token.
    pub allow: Vec<IpNet>,
}

impl std::fmt::Debug for MetricsConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Without the token: it must not reach a log.
        f.debug_struct("MetricsConfig")
            .field("allow", &self.allow)
            .finish_non_exhaustive()
    }
}

/// This machine and private networks (RFC 1918, RFC 4193, and link-local ones).
pub const PRIVATE_NETWORKS: [&str; 8] = [
    "127.0.0.0/8",
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "169.254.0.0/16",
    "::1/128",
    "fc00::/7",
    "fe80::/10",
];

impl Default for MetricsConfig {
    fn default() -> Self {
        let networks = PRIVATE_NETWORKS.iter();
        Self {
            token: None,
            allow: networks
                .map(|network| network.parse().expect("networks in their own form"))
                .collect(),
        }
    }
}

impl MetricsConfig {
    /// Whether a client may read them.
    ///
    /// # Errors
    /// 401 where a token would do, else 403.
    pub(super) fn check(&self, address: IpAddr, bearer: Option<&str>) -> Result<(), ApiError> {
        let address = address.to_canonical();
        if self.allow.iter().any(|network| network.contains(&address)) {
            return Ok(());
        }
        match (&self.token, bearer) {
            (Some(token), Some(sent)) if bool::from(token.as_bytes().ct_eq(sent.as_bytes())) => {
                Ok(())
            }
            (Some(_), Some(_)) => Err(ApiError::BadCredentials(
                "the token is not the one of metrics.token",
            )),
            (Some(_), None) => Err(ApiError::NoCredentials(
                "send metrics.token as bearer token",
            )),
            (None, _) => Err(ApiError::Forbidden(
                "figures are for the networks in metrics.allow, or for who sends metrics.token",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_networks_or_the_token() {
        let check = |config: &MetricsConfig, address: &str, token| {
            config.check(address.parse().expect("an address"), token)
        };
        let open = MetricsConfig::default();
        for near in [
            "127.0.0.1",
            "10.1.2.3",
            "::1",
            "fd00::1",
            "::ffff:192.168.0.7",
        ] {
            assert_eq!(check(&open, near, None), Ok(()), "{near}");
        }
        for far in ["0.0.0.0", "192.0.2.1", "2001:db8::1", "172.32.0.1"] {
            let refusal = check(&open, far, Some("x"));
            assert!(matches!(refusal, Err(ApiError::Forbidden(_))), "{far}");
        }
        let strict = MetricsConfig {
            token: Some("secret".into()),
            allow: Vec::new(),
        };
        assert_eq!(check(&strict, "192.0.2.1", Some("secret")), Ok(()));
        let refusal = check(&strict, "127.0.0.1", None);
        assert!(matches!(refusal, Err(ApiError::NoCredentials(_))));
        for wrong in ["", "secre", "secret2"] {
            let refusal = check(&strict, "127.0.0.1", Some(wrong));
            assert!(matches!(refusal, Err(ApiError::BadCredentials(_))));
        }
        assert!(!format!("{strict:?}").contains("secret"));
    }
}
