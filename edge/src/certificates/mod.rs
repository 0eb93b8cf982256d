//! The server's certificate: one for HTTPS, RTMPS and whatever else speaks TLS, wherever it comes from.

mod acme;
mod files;
mod pair;
mod self_signed;
mod store;

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use tokio_rustls::rustls::{
    self, ServerConfig,
    crypto::{CryptoProvider, aws_lc_rs},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};

pub use acme::{Acme, AcmeConfig, ChallengeChoice, LETS_ENCRYPT};
pub use files::Files;
pub use pair::CertificateError;
pub use self_signed::self_signed;

/// ALPN name of the challenge TLS-ALPN-01 (RFC 8737).
pub(crate) const ACME_TLS: &[u8] = b"acme-tls/1";

/// The certificate that new connections get, and what certificate authorities are to find. Whoever gets
/// a newer one puts it here; connections that there are go on.
#[derive(Default)]
pub struct Certificates {
    current: RwLock<Option<Arc<CertifiedKey>>>,
    challenges: RwLock<Challenges>,
}

/// What was promised to an authority that it will find, for the orders that are under way.
#[derive(Default)]
struct Challenges {
    /// By name (TLS-ALPN-01).
    tls: HashMap<String, Arc<CertifiedKey>>,
    /// By token (HTTP-01).
    http: HashMap<String, String>,
}

impl fmt::Debug for Certificates {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("Certificates");
        shown.field("is_there", &self.is_there()).finish()
    }
}

/// What all our TLS is made of. Named, since a program with two of them linked in has no default one.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

impl Certificates {
    /// None yet: handshakes fail until there is one.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Whether there is one.
    pub fn is_there(&self) -> bool {
        self.current().is_some()
    }

    /// A server's side of TLS that always shows the newest certificate, for protocols by these ALPN
    /// names, the ones that we would rather speak first; none: whatever the client says.
    ///
    /// # Errors
    /// When the provider of cryptography lacks what TLS needs.
    pub fn server_config(
        self: &Arc<Self>,
        protocols: &[&[u8]],
    ) -> Result<Arc<ServerConfig>, rustls::Error> {
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(self.clone());
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        // Clients come back for playlists: they need not shake hands in full each time, and we need
        // not remember them.
        config.ticketer = aws_lc_rs::Ticketer::new()?;
        Ok(Arc::new(config))
    }

    fn current(&self) -> Option<Arc<CertifiedKey>> {
        let current = self.current.read();
        current.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn put(&self, key: Arc<CertifiedKey>) {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        *current = Some(key);
    }

    /// What an authority shall find at a token's address.
    pub(crate) fn http_answer(&self, token: &str) -> Option<String> {
        self.read_challenges().http.get(token).cloned()
    }

    pub(crate) fn expect_http(&self, token: String, answer: String) {
        self.write_challenges().http.insert(token, answer);
    }

    fn expect_tls(&self, name: String, key: Arc<CertifiedKey>) {
        self.write_challenges().tls.insert(name, key);
    }

    /// No order is under way any more.
    fn expect_nothing(&self) {
        *self.write_challenges() = Challenges::default();
    }

    fn read_challenges(&self) -> std::sync::RwLockReadGuard<'_, Challenges> {
        let read = self.challenges.read();
        read.unwrap_or_else(PoisonError::into_inner)
    }

    fn write_challenges(&self) -> std::sync::RwLockWriteGuard<'_, Challenges> {
        let write = self.challenges.write();
        write.unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(crate) fn put_self_signed_for_test(&self) {
        let pair = pair::self_signed_for_test(&["localhost"]);
        self.put(pair.key);
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        // An authority offers this name and no other (RFC 8737 section 3), and must not be shown the
        // usual certificate.
        let mut offered = hello.alpn().into_iter().flatten();
        if offered.next() == Some(ACME_TLS) && offered.next().is_none() {
            let name = hello.server_name()?.to_ascii_lowercase();
            return self.read_challenges().tls.get(&name).cloned();
        }
        self.current()
    }
}
