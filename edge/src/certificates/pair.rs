//! A certificate chain and its private key, read from PEM and found fit.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use time::OffsetDateTime;
use tokio_rustls::rustls::{
    self,
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{Error as PemError, PemObject},
    },
    sign::CertifiedKey,
};
use x509_parser::{
    extensions::GeneralName,
    parse_x509_certificate,
    prelude::{ASN1Time, X509Certificate},
};

use super::provider;

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file cannot be read.
    #[error("cannot read {path}: {source}")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write {path}: {source}")]
    Unwritable {
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
    #[error("{certificate} and {key} cannot be used: {reason}")]
    Unusable {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// Why.
        reason: String,
    },
    /// It has ended, while the one in use has not.
    #[error("the certificate in {0} ended on {1}")]
    Expired(PathBuf, String),
    /// One could not be made.
    #[error("cannot make a certificate: {0}")]
    Making(#[from] rcgen::Error),
    /// TLS cannot be set up.
    #[error("cannot set TLS up: {0}")]
    Tls(#[from] rustls::Error),
}

/// A chain with its key, and what it says of itself.
#[derive(Debug, Clone)]
pub(super) struct Pair {
    pub(super) key: Arc<CertifiedKey>,
    pub(super) names: Vec<String>,
    pub(super) not_before: OffsetDateTime,
    pub(super) not_after: OffsetDateTime,
}

impl Pair {
    /// From PEM. The paths are for errors.
    pub(super) fn read(
        chain: &[u8],
        secret: &[u8],
        certificate: &Path,
        key: &Path,
    ) -> Result<Self, CertificateError> {
        let no_certificate = |_: PemError| CertificateError::NoCertificate(certificate.to_owned());
        let certificates: Vec<_> = CertificateDer::pem_slice_iter(chain)
            .collect::<Result<_, _>>()
            .map_err(no_certificate)?;
        let Some(first) = certificates.first().cloned() else {
            return Err(CertificateError::NoCertificate(certificate.to_owned()));
        };
        let private = PrivateKeyDer::from_pem_slice(secret)
            .map_err(|_: PemError| CertificateError::NoKey(key.to_owned()))?;
        let unusable = |reason: String| CertificateError::Unusable {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
            reason,
        };
        let certified = CertifiedKey::from_der(certificates, private, &provider());
        let certified = certified.map_err(|error| unusable(error.to_string()))?;
        let (_, parsed) =
            parse_x509_certificate(&first).map_err(|error| unusable(error.to_string()))?;
        Ok(Self {
            key: Arc::new(certified),
            names: names(&parsed),
            not_before: moment(parsed.validity().not_before),
            not_after: moment(parsed.validity().not_after),
        })
    }

    pub(super) fn has_ended(&self) -> bool {
        self.not_after <= OffsetDateTime::now_utc()
    }
}

fn moment(time: ASN1Time) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(time.timestamp()).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// The DNS names that it is for, in lower case.
fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(alternative)) = certificate.subject_alternative_name() else {
        return Vec::new();
    };
    let names = alternative.value.general_names.iter();
    names
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
pub(super) fn self_signed_for_test(names: &[&str]) -> Pair {
    let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    let made = rcgen::generate_simple_self_signed(names).expect("names are names");
    let (chain, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let path = Path::new("test.pem");
    Pair::read(chain.as_bytes(), key.as_bytes(), path, path).expect("what was made is good")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_says_what_it_is_for() {
        let pair = self_signed_for_test(&["Live.example", "www.live.example"]);
        assert_eq!(pair.names, ["live.example", "www.live.example"]);
        assert!(!pair.has_ended());
        assert!(pair.not_before < pair.not_after);
    }
}
