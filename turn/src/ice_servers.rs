//! STUN and TURN servers: from configuration, to what one session is told.

use std::{
    fmt,
    sync::Arc,
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

/// A TURN server that runs in this process.
#[derive(Clone)]
pub struct EmbeddedServer {
    urls: Arc<dyn Fn() -> Vec<String> + Send + Sync>,
    secret: Arc<[u8]>,
}

impl EmbeddedServer {
    /// `urls` is asked for each session, since the public address may change. What is no TURN address
    /// among them is left out.
    pub fn new(secret: &[u8], urls: impl Fn() -> Vec<String> + Send + Sync + 'static) -> Self {
        Self {
            urls: Arc::new(urls),
            secret: secret.into(),
        }
    }

    fn for_session(&self, session: &str, now: SystemTime) -> Option<IceServer> {
        let mut urls = (self.urls)();
        urls.retain(|url| is_turn(url) && fits_header(url));
        let who = credentials::pseudonym(&self.secret, session);
        let credentials = credentials::issue(&self.secret, &who, now, CREDENTIAL_LIFETIME);
        (!urls.is_empty()).then_some(IceServer {
            urls,
            username: Some(credentials.username),
            credential: Some(credentials.password),
        })
    }
}

impl fmt::Debug for EmbeddedServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("EmbeddedServer");
        shown.field("urls", &(self.urls)()).finish_non_exhaustive()
    }
}

/// The configured servers, checked, and perhaps the one of this process.
#[derive(Debug, Clone, Default)]
pub struct IceServers {
    configured: Vec<IceServerConfig>,
    embedded: Option<EmbeddedServer>,
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
        Ok(Self {
            configured,
            embedded: None,
        })
    }

    /// Sessions are told of this server too.
    #[must_use]
    pub fn with_embedded(mut self, server: Option<EmbeddedServer>) -> Self {
        self.embedded = server;
        self
    }

    /// Whether a TURN server is among those configured.
    pub fn have_turn(&self) -> bool {
        self.configured
            .iter()
            .any(|server| server.urls.iter().any(|url| is_turn(url)))
    }

    /// The servers for one session, with credentials that start at `now`. A [pseudonym] of the session
    /// stands in the TURN server's log.
    ///
    /// [pseudonym]: credentials::pseudonym
    pub fn for_session(&self, session: &str, now: SystemTime) -> Vec<IceServer> {
        let with_credentials = |server: &IceServerConfig| {
            let credentials = server
                .secret
                .as_ref()
                .filter(|_| server.urls.iter().any(|url| is_turn(url)))
                .map(|secret| {
                    let secret = secret.as_bytes();
                    let who = credentials::pseudonym(secret, session);
                    credentials::issue(secret, &who, now, CREDENTIAL_LIFETIME)
                });
            let (username, credential) = credentials.map(|it| (it.username, it.password)).unzip();
            IceServer {
                urls: server.urls.clone(),
                username,
                credential,
            }
        };
        let embedded = self.embedded.as_ref();
        let embedded = embedded.and_then(|server| server.for_session(session, now));
        let configured = self.configured.iter().map(with_credentials);
        configured.chain(embedded).collect()
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
        let username = format!("1400086400:{}", credentials::pseudonym(b"north", "viewer"));
        let credential = credentials::password(b"north", &username);
        let turn = format!(
            "; rel=\"ice-server\"; username=\"{username}\"; credential=\"{credential}\"; \
             credential-type=\"password\""
        );
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
        let session = "a\"; x=\r\n";
        let told = servers.for_session(session, UNIX_EPOCH);
        let name = told[0].username.as_deref().expect("TURN has one");
        let safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ':');
        assert!(name.chars().all(safe), "{name}");
    }

    #[test]
    fn the_own_server_is_told_of_as_it_is_now() {
        let own = EmbeddedServer::new(b"own", || {
            vec![
                "turn:192.0.2.1:3478?transport=udp".to_owned(),
                "turn:a b".to_owned(),
                "http://x".to_owned(),
            ]
        });
        let shown = format!("{own:?}");
        assert!(
            shown.contains("192.0.2.1") && !shown.contains("secret"),
            "{shown}"
        );
        let servers = IceServers::new(vec![config(&["stun:s"], None)])
            .expect("valid")
            .with_embedded(Some(own));
        assert!(!servers.have_turn(), "of those configured");
        let told = servers.for_session("viewer", UNIX_EPOCH);
        assert_eq!(told.len(), 2);
        assert_eq!(told[1].urls, ["turn:192.0.2.1:3478?transport=udp"]);
        let name = told[1].username.as_deref().expect("a user name");
        assert!(!name.contains("viewer"), "{name}");
        assert_eq!(
            told[1].credential,
            Some(credentials::password(b"own", name))
        );
        let gone = EmbeddedServer::new(b"own", Vec::new);
        let servers = IceServers::default().with_embedded(Some(gone));
        assert!(servers.for_session("viewer", UNIX_EPOCH).is_empty());
    }

    #[test]
    fn secrets_stay_out_of_logs() {
        let shown = format!("{:?}", config(&["turn:t"], Some("northern-lights")));
        assert!(!shown.contains("northern-lights"), "{shown}");
    }
}
