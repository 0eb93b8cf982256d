//! RTMPS: TLS in front of a session, with a certificate from files, which may be renewed meanwhile.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::{Error as PemError, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, ServerConfig};
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// From the first byte to the end of the TLS handshake.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {path}: {source}")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The first file holds no certificate.
    #[error(
        "{0} holds no certificate in PEM form; name a file that begins with BEGIN CERTIFICATE, the \
         server's own certificate first"
    )]
    NoCertificate(PathBuf),
    /// The second file holds no private key.
    #[error(
        "{0} holds no private key in PEM form; name a file with BEGIN PRIVATE KEY, not encrypted"
    )]
    NoKey(PathBuf),
    /// They do not make a server.
    #[error("{certificate} and {key} cannot be used: {source}")]
    Unusable {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// Why.
        source: rustls::Error,
    },
}

/// A server's end of TLS. Clones are the same.
#[derive(Clone)]
pub struct Tls(Arc<Shared>);

struct Shared {
    certificate: PathBuf,
    key: PathBuf,
    current: RwLock<Loaded>,
}

#[derive(Clone)]
struct Loaded {
    config: Arc<ServerConfig>,
    /// Of both files' contents.
    digest: u64,
}

impl Tls {
    /// Reads a certificate chain and its private key, both in PEM form.
    ///
    /// # Errors
    /// What is wrong with which file.
    pub fn load(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let (chain, secret) = (read(certificate)?, read(key)?);
        let current = Loaded::new(certificate, &chain, key, &secret)?;
        Ok(Self(Arc::new(Shared {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
            current: RwLock::new(current),
        })))
    }

    /// Looks at the files this often, and uses for new connections what they hold then. While they do
    /// not fit together, as in the middle of a renewal, the certificate stays. Ends with `cancel`.
    pub async fn follow(&self, every: Duration, cancel: CancellationToken) {
        let mut ticks = interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut failed = None;
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = cancel.cancelled() => return,
            }
            let shared = self.clone();
            let reload = tokio::task::spawn_blocking(move || shared.reload());
            match reload.await {
                Ok(Ok(true)) => info!("the RTMPS certificate was renewed"),
                Ok(Ok(false)) => {}
                Ok(Err(error)) => {
                    let error = error.to_string();
                    if failed.as_ref() != Some(&error) {
                        warn!(%error, "the RTMPS certificate stays as it is");
                    }
                    failed = Some(error);
                    continue;
                }
                Err(error) => warn!(%error, "the RTMPS certificate could not be looked at"),
            }
            failed = None;
        }
    }

    /// Whether there was something new.
    fn reload(&self) -> Result<bool, TlsError> {
        let Shared {
            certificate, key, ..
        } = &*self.0;
        let (chain, secret) = (read(certificate)?, read(key)?);
        if digest(&chain, &secret) == self.current().digest {
            return Ok(false);
        }
        let loaded = Loaded::new(certificate, &chain, key, &secret)?;
        let mut current = self.0.current.write();
        *current
            .as_deref_mut()
            .unwrap_or_else(|poisoned| poisoned.get_mut()) = loaded;
        Ok(true)
    }

    fn current(&self) -> Loaded {
        let current = self.0.current.read();
        current.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Shakes hands with a client.
    pub(super) async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let acceptor = TlsAcceptor::from(self.current().config);
        timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream))
            .await
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl Loaded {
    fn new(certificate: &Path, chain: &[u8], key: &Path, secret: &[u8]) -> Result<Self, TlsError> {
        let no_certificate = |_: PemError| TlsError::NoCertificate(certificate.to_owned());
        let certificates: Vec<_> = CertificateDer::pem_slice_iter(chain)
            .collect::<Result<_, _>>()
            .map_err(no_certificate)?;
        if certificates.is_empty() {
            return Err(TlsError::NoCertificate(certificate.to_owned()));
        }
        let private = PrivateKeyDer::from_pem_slice(secret)
            .map_err(|_: PemError| TlsError::NoKey(key.to_owned()))?;
        let unusable = |source| TlsError::Unusable {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
            source,
        };
        // Named, since a program with two of them linked in has no default one.
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(unusable)?
            .with_no_client_auth()
            .with_single_cert(certificates, private)
            .map_err(unusable)?;
        Ok(Self {
            config: Arc::new(config),
            digest: digest(chain, secret),
        })
    }
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|source| TlsError::Unreadable {
        path: path.to_owned(),
        source,
    })
}

fn digest(chain: &[u8], secret: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    (chain, secret).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    struct Files(tempfile::TempDir);

    impl Files {
        fn new() -> Self {
            let files = Self(tempfile::tempdir().unwrap());
            let (certificate, key) = pair();
            files.write(&certificate, &key);
            files
        }

        fn certificate(&self) -> PathBuf {
            self.0.path().join("cert.pem")
        }

        fn key(&self) -> PathBuf {
            self.0.path().join("key.pem")
        }

        fn write(&self, certificate: &str, key: &str) {
            std::fs::write(self.certificate(), certificate).unwrap();
            std::fs::write(self.key(), key).unwrap();
        }

        fn load(&self) -> Result<Tls, TlsError> {
            Tls::load(&self.certificate(), &self.key())
        }
    }

    fn pair() -> (String, String) {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        (made.cert.pem(), made.signing_key.serialize_pem())
    }

    #[test]
    fn what_is_wrong_with_the_files_is_said() {
        let files = Files::new();
        files.load().unwrap();
        let said = |files: &Files| files.load().err().unwrap().to_string();
        let (certificate, key) = pair();
        files.write("", &key);
        assert!(said(&files).contains("cert.pem holds no certificate"));
        files.write(&certificate, &certificate);
        assert!(said(&files).contains("key.pem holds no private key"));
        let (other, _) = pair();
        files.write(&other, &key);
        assert!(said(&files).contains("cannot be used"), "{}", said(&files));
        std::fs::remove_file(files.key()).unwrap();
        assert!(said(&files).contains("cannot read"));
    }

    #[test]
    fn a_renewed_certificate_is_taken_once_both_files_fit() {
        let files = Files::new();
        let tls = files.load().unwrap();
        let first = tls.current().digest;
        assert!(!tls.reload().unwrap());
        let (certificate, key) = pair();
        std::fs::write(files.certificate(), certificate).unwrap();
        assert!(tls.reload().is_err());
        assert_eq!(tls.current().digest, first);
        std::fs::write(files.key(), key).unwrap();
        assert!(tls.reload().unwrap());
        assert_ne!(tls.current().digest, first);
        assert!(!tls.reload().unwrap());
    }
}
