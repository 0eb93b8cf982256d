//! STUN and TURN servers: from configuration, to what one session is told.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use serde::{Deserialize, Serialize};

use crate::credentials;

/// How long a session's TURN credentials work. A TURN allocation that exists is refreshed with the
/// same credentials, so this must outlast a long broadcast.
const CREDENTIAL_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// Configured servers that share one secret.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IceServerConfig {
    /// `stun:`, `stuns:`, `turn:` or `turns:` URLs (RFC 7064, RFC 7065).
    pub urls: Vec<String>,
    /// Secret shared with the TURN servers among `urls`; needed where there is one.
    #[serde(default)]
    pub secret: Option<String>,
}

impl fmt::Debug for IceServerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IceServerConfig")
            .field("urls", &self.urls)
            .field("secret", &self.secret.as_ref().map(|_| "(hidden)"))
            .finish()
    }
}

/// What is wrong with a configured server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IceServersError {
    /// Not a STUN or TURN URL, or with characters that cannot stand in a header field.
    #[error("{0:?} is no STUN or TURN address; write for example stun:stun.example.org:3478")]
    BadUrl(String),
    /// A TURN URL without a secret.
    #[error("{0:?} needs the secret that it shares with this server")]
    NoSecret(String),
    /// An entry without any URL.
    #[error("an ICE server has no address")]
    NoUrl,
}

/// One server as a session is told of it; serialises as the browser's `RTCIceServer`.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct IceServer {
    /// Addresses.
    pub urls: Vec<String>,
    /// For TURN.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// For TURN.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
}

impl fmt::Debug for IceServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IceServer")
            .field("urls", &self.urls)
            .finish_non_exhaustive()
    }
}

impl IceServer {
    /// One `Link` field value per address (RFC 9725 section 4.6). Each goes into a header line of
    /// its own: OBS does not split a list.
    pub fn link_values(&self) -> impl Iterator<Item = String> + '_ {
        self.urls.iter().map(|url| {
            let mut value = format!("<{url}>; rel=\"ice-server\"");
            if let (Some(username), Some(credential)) = (&self.username, &self.credential)
                && is_turn(url)
            {
                value.push_str(&format!(
                    "; username=\"{username}\"; credential=\"{credential}\"; credential-type=\"password\""
                ));
            }
            value
        })
    }
}

/// The configured servers, checked.
#[derive(Debug, Clone, Default)]
pub struct IceServers {
    configured: Vec<IceServerConfig>,
}

impl IceServers {
    /// Checks a configuration.
    ///
    /// # Errors
    /// Says which address cannot be used and why.
    pub fn new(configured: Vec<IceServerConfig>) -> Result<Self, IceServersError> {
        for server in &configured {
            if server.urls.is_empty() {
                return Err(IceServersError::NoUrl);
            }
            for url in &server.urls {
                if !is_stun(url) && !is_turn(url) || !fits_header(url) {
                    return Err(IceServersError::BadUrl(url.clone()));
                }
                if is_turn(url) && server.secret.as_deref().is_none_or(str::is_empty) {
                    return Err(IceServersError::NoSecret(url.clone()));
                }
            }
        }
        Ok(Self { configured })
    }

    /// The servers for one session, with credentials that start at `now`. `id` stands in the TURN
    /// server's log; characters other than letters, digits, `-` and `_` are left out of it.
    pub fn for_session(&self, id: &str, now: SystemTime) -> Vec<IceServer> {
        let id: String = id
            .chars()
            .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
            .collect();
        let with_credentials = |server: &IceServerConfig| {
            let credentials = server
                .secret
                .as_ref()
                .filter(|_| server.urls.iter().any(|url| is_turn(url)))
                .map(|secret| credentials::issue(secret.as_bytes(), &id, now, CREDENTIAL_LIFETIME));
            let (username, credential) = credentials.map(|it| (it.username, it.password)).unzip();
            IceServer {
                urls: server.urls.clone(),
                username,
                credential,
            }
        };
        self.configured.iter().map(with_credentials).collect()
    }
}

fn is_turn(url: &str) -> bool {
    has_host(url, "turn:") || has_host(url, "turns:")
}

fn is_stun(url: &str) -> bool {
    has_host(url, "stun:") || has_host(url, "stuns:")
}

fn has_host(url: &str, scheme: &str) -> bool {
    url.strip_prefix(scheme)
        .is_some_and(|rest| !rest.is_empty() && !rest.starts_with([':', '?', '/']))
}

/// Whether a URL can stand between `<` and `>` of a `Link` field.
fn fits_header(url: &str) -> bool {
    url.bytes()
        .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'<' | b'>' | b'"' | b','))
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    fn config(urls: &[&str], secret: Option<&str>) -> IceServerConfig {
        IceServerConfig {
            urls: urls.iter().map(|url| (*url).to_owned()).collect(),
            secret: secret.map(str::to_owned),
        }
    }

    #[test]
    fn link_has_one_value_per_address() {
        let servers = IceServers::new(vec![
            config(&["stun:stun.example.org"], None),
            config(
                &[
                    "turn:turn.example.org?transport=udp",
                    "turns:turn.example.org?transport=tcp",
                ],
                Some("north"),
            ),
        ])
        .expect("valid");
        let now = UNIX_EPOCH + Duration::from_secs(1_400_000_000);
        let links: Vec<String> = servers
            .for_session("viewer", now)
            .iter()
            .flat_map(IceServer::link_values)
            .collect();
        let turn = "; rel=\"ice-server\"; username=\"1400086400:viewer\"; \
                    credential=\"JZxmm0kDg4/+lW1u36yQV7gzD+I=\"; credential-type=\"password\"";
        assert_eq!(
            links,
            [
                "<stun:stun.example.org>; rel=\"ice-server\"".to_owned(),
                format!("<turn:turn.example.org?transport=udp>{turn}"),
                format!("<turns:turn.example.org?transport=tcp>{turn}"),
            ]
        );
    }

    #[test]
    fn json_is_what_a_browser_takes() {
        let servers =
            IceServers::new(vec![config(&["stun:stun.example.org:3478"], None)]).expect("valid");
        assert_eq!(
            serde_json::to_string(&servers.for_session("x", UNIX_EPOCH)).expect("json"),
            r#"[{"urls":["stun:stun.example.org:3478"]}]"#
        );
    }

    #[test]
    fn bad_addresses_are_named() {
        for bad in [
            "http://x",
            "stun:",
            "turn::3478",
            "stun:a>b",
            "stun:a b",
            "stun:a,b",
            "",
        ] {
            assert_eq!(
                IceServers::new(vec![config(&[bad], Some("s"))]).expect_err(bad),
                IceServersError::BadUrl(bad.to_owned())
            );
        }
        assert_eq!(
            IceServers::new(vec![config(&["turn:t"], None)]).expect_err("no secret"),
            IceServersError::NoSecret("turn:t".to_owned())
        );
        assert_eq!(
            IceServers::new(vec![config(&["turn:t"], Some(""))]).expect_err("empty secret"),
            IceServersError::NoSecret("turn:t".to_owned())
        );
        assert_eq!(
            IceServers::new(vec![config(&[], None)]).expect_err("empty"),
            IceServersError::NoUrl
        );
    }

    #[test]
    fn session_names_cannot_break_the_header() {
        let servers = IceServers::new(vec![config(&["turn:t"], Some("s"))]).expect("valid");
        let told = servers.for_session("a\"; x=\r\n", UNIX_EPOCH);
        assert_eq!(told[0].username.as_deref(), Some("86400:ax"));
    }

    #[test]
    fn secrets_stay_out_of_logs() {
        let shown = format!("{:?}", config(&["turn:t"], Some("northern-lights")));
        assert!(!shown.contains("northern-lights"), "{shown}");
    }
}
