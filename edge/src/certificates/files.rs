//! A certificate in files that somebody else renews.

use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{CertificateError, Certificates, pair::Pair};

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(2);

/// Two PEM files: the certificate with its chain, and its private key.
#[derive(Debug)]
pub struct Files {
    certificate: PathBuf,
    key: PathBuf,
    /// Of both files' contents, as they are in use.
    digest: u64,
    /// Of contents that were refused, so that each is told of once.
    refused: Option<u64>,
    in_use: Pair,
}

impl Files {
    /// Reads them for the first time, and uses them.
    ///
    /// # Errors
    /// What is wrong with which file.
    pub fn load(
        certificate: &Path,
        key: &Path,
        into: &Certificates,
    ) -> Result<Self, CertificateError> {
        let (chain, secret) = (read(certificate)?, read(key)?);
        let pair = Pair::read(&chain, &secret, certificate, key)?;
        if pair.has_ended() {
            warn!(
                certificate = %certificate.display(),
                ended = %pair.not_after,
                "the certificate has ended: clients will refuse it"
            );
        }
        into.put(pair.key.clone());
        Ok(Self {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
            digest: digest(&chain, &secret),
            refused: None,
            in_use: pair,
        })
    }

    /// Looks at the files every few seconds and whenever `look` says so, and uses for new connections
    /// what they hold then. While they do not fit together, as in the middle of a renewal, or are of no
    /// use, the certificate stays. Ends with `cancel`.
    pub async fn follow(
        mut self,
        into: Arc<Certificates>,
        look: Arc<Notify>,
        cancel: CancellationToken,
    ) {
        let mut ticks = interval(LOOK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = look.notified() => {}
                () = cancel.cancelled() => return,
            }
            let into = into.clone();
            let looked = tokio::task::spawn_blocking(move || {
                let looked = self.look(&into);
                (self, looked)
            });
            match looked.await {
                Ok((files, looked)) => {
                    self = files;
                    match looked {
                        Ok(true) => info!(
                            certificate = %self.certificate.display(),
                            until = %self.in_use.not_after,
                            "the certificate was renewed"
                        ),
                        Ok(false) => {}
                        Err(error) => warn!(%error, "the certificate stays as it is"),
                    }
                }
                Err(error) => {
                    warn!(%error, "the certificate is not looked at any more");
                    return;
                }
            }
        }
    }

    /// Whether there was something new. What is wrong is said once.
    fn look(&mut self, into: &Certificates) -> Result<bool, CertificateError> {
        let read = read(&self.certificate).and_then(|chain| Ok((chain, read(&self.key)?)));
        let (digest, pair) = match read {
            Ok((chain, secret)) => {
                let digest = digest(&chain, &secret);
                if digest == self.digest {
                    self.refused = None;
                    return Ok(false);
                }
                let pair = Pair::read(&chain, &secret, &self.certificate, &self.key);
                (digest, pair.and_then(|pair| self.judge(pair)))
            }
            Err(error) => (digest(error.to_string().as_bytes(), &[]), Err(error)),
        };
        match pair {
            Ok(pair) => {
                into.put(pair.key.clone());
                (self.digest, self.refused, self.in_use) = (digest, None, pair);
                Ok(true)
            }
            Err(_) if self.refused == Some(digest) => Ok(false),
            Err(error) => {
                self.refused = Some(digest);
                Err(error)
            }
        }
    }

    fn judge(&self, pair: Pair) -> Result<Pair, CertificateError> {
        match pair.has_ended() && !self.in_use.has_ended() {
            true => Err(CertificateError::Expired(
                self.certificate.clone(),
                pair.not_after.to_string(),
            )),
            false => Ok(pair),
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, CertificateError> {
    std::fs::read(path).map_err(|source| CertificateError::Unreadable {
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
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    struct Folder(tempfile::TempDir);

    impl Folder {
        fn new() -> Self {
            let folder = Self(tempfile::tempdir().unwrap());
            let (certificate, key) = pair();
            folder.write(&certificate, &key);
            folder
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

        fn load(&self, into: &Certificates) -> Result<Files, CertificateError> {
            Files::load(&self.certificate(), &self.key(), into)
        }
    }

    fn pair() -> (String, String) {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        (made.cert.pem(), made.signing_key.serialize_pem())
    }

    #[test]
    fn what_is_wrong_with_the_files_is_said() {
        let folder = Folder::new();
        let certificates = Certificates::new();
        folder.load(&certificates).unwrap();
        let said = |folder: &Folder| folder.load(&certificates).err().unwrap().to_string();
        let (certificate, key) = pair();
        folder.write("", &key);
        assert!(said(&folder).contains("cert.pem holds no certificate"));
        folder.write(&certificate, &certificate);
        assert!(said(&folder).contains("key.pem holds no private key"));
        let (other, _) = pair();
        folder.write(&other, &key);
        assert!(
            said(&folder).contains("cannot be used"),
            "{}",
            said(&folder)
        );
        std::fs::remove_file(folder.key()).unwrap();
        assert!(said(&folder).contains("cannot read"));
    }

    #[test]
    fn a_renewed_certificate_is_taken_once_both_files_fit() {
        let folder = Folder::new();
        let certificates = Certificates::new();
        let mut files = folder.load(&certificates).unwrap();
        let shown = || certificates.current().unwrap().cert[0].clone();
        let first = shown();
        assert!(!files.look(&certificates).unwrap());
        let (certificate, key) = pair();
        std::fs::write(folder.certificate(), certificate).unwrap();
        assert!(files.look(&certificates).is_err());
        assert!(!files.look(&certificates).unwrap(), "said once");
        assert_eq!(shown(), first);
        std::fs::write(folder.key(), key).unwrap();
        assert!(files.look(&certificates).unwrap());
        assert_ne!(shown(), first);
        assert!(!files.look(&certificates).unwrap());
        std::fs::remove_file(folder.key()).unwrap();
        assert!(files.look(&certificates).is_err());
        assert!(!files.look(&certificates).unwrap(), "said once");
    }

    #[test]
    fn one_that_has_ended_does_not_replace_a_good_one() {
        let folder = Folder::new();
        let certificates = Certificates::new();
        let mut files = folder.load(&certificates).unwrap();
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.not_after = rcgen::date_time_ymd(2020, 1, 1);
        let old = params.self_signed(&key).unwrap();
        folder.write(&old.pem(), &key.serialize_pem());
        let error = files.look(&certificates).unwrap_err().to_string();
        assert!(error.contains("ended on 2020"), "{error}");
    }
}
