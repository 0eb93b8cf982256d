//! TLS: where it is spoken, and with which certificate.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};
use weir_edge::certificates::{ChallengeChoice, LETS_ENCRYPT};

use super::address;

/// `[tls]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tls {
    /// Address and port to listen on, like `[::]:443`: HTTPS, and for clients behind strict firewalls
    /// WebRTC media over TCP. Empty: there is no TLS.
    #[serde(with = "address")]
    pub listen: Option<SocketAddr>,
    /// File with the certificate and its chain, in PEM form. Read again when it changes.
    pub certificate: PathBuf,
    /// File with the certificate's private key, in PEM form.
    pub key: PathBuf,
    /// Makes a certificate that browsers warn of, for development.
    pub self_signed: bool,
    /// Names for which a certificate is got by ACME, like `live.example.org`. Whoever sets them agrees
    /// to the authority's terms of service.
    pub acme_names: Vec<String>,
    /// E-mail address for the authority's warnings. Empty: none is given.
    pub acme_contact: String,
    /// The authority's ACME directory.
    pub acme_directory: String,
    /// PEM file with certificates that the directory may have beside those of the public authorities.
    pub acme_roots: PathBuf,
    /// How names are proven: `auto`, `tls-alpn-01` (port 443) or `http-01` (port 80).
    pub acme_challenge: Challenge,
    /// Whether the plain port sends browsers to HTTPS.
    pub redirect: bool,
    /// Seconds for which browsers shall use HTTPS only (HSTS), up to two years; 0: they are not told.
    pub hsts_seconds: u64,
    /// Whether this port also takes WebRTC media over TCP, and answers name it.
    pub media: bool,
}

/// How names are proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Challenge {
    /// One after the other.
    #[serde(rename = "auto")]
    Auto,
    /// On the port of TLS.
    #[serde(rename = "tls-alpn-01")]
    TlsAlpn,
    /// On the port of plain HTTP.
    #[serde(rename = "http-01")]
    Http,
}

impl From<Challenge> for ChallengeChoice {
    fn from(challenge: Challenge) -> Self {
        match challenge {
            Challenge::Auto => Self::Either,
            Challenge::TlsAlpn => Self::TlsAlpn,
            Challenge::Http => Self::Http,
        }
    }
}

impl Default for Tls {
    fn default() -> Self {
        Self {
            listen: None,
            certificate: PathBuf::new(),
            key: PathBuf::new(),
            self_signed: false,
            acme_names: Vec::new(),
            acme_contact: String::new(),
            acme_directory: LETS_ENCRYPT.to_owned(),
            acme_roots: PathBuf::new(),
            acme_challenge: Challenge::Auto,
            redirect: true,
            hsts_seconds: 180 * 24 * 60 * 60,
            media: true,
        }
    }
}

/// Longest time of HSTS: what lists of browsers ask for.
const HSTS_MAX: u64 = 2 * 365 * 24 * 60 * 60;

impl Tls {
    /// For how long browsers are told to use HTTPS only. Never of a certificate that browsers warn of:
    /// the warning could not be passed any more.
    pub fn hsts(&self) -> Option<Duration> {
        let told = self.hsts_seconds > 0 && !self.self_signed;
        told.then(|| Duration::from_secs(self.hsts_seconds))
    }

    /// What does not fit together: the setting, and why.
    pub fn check(&self) -> Result<(), (&'static str, &'static str)> {
        let has_certificate = !self.certificate.as_os_str().is_empty();
        let has_key = !self.key.as_os_str().is_empty();
        let has_acme = !self.acme_names.is_empty();
        let sources = [has_certificate || has_key, self.self_signed, has_acme];
        let sources = sources.into_iter().filter(|source| *source).count();
        match (self.listen.is_some(), sources) {
            (false, 0) => {}
            (false, _) => {
                return Err((
                    "tls.listen",
                    "is missing: say where to speak TLS, like [::]:443",
                ));
            }
            (true, 1) => {}
            (true, _) => {
                return Err((
                    "tls.listen",
                    "needs one certificate: tls.certificate with tls.key, or tls.acme_names, or \
                     tls.self_signed",
                ));
            }
        }
        if has_certificate && !has_key {
            return Err(("tls.key", "is missing: the certificate's private key"));
        }
        if has_key && !has_certificate {
            return Err(("tls.certificate", "is missing: the key's certificate"));
        }
        if !self.acme_names.iter().all(|name| is_name(name)) {
            return Err((
                "tls.acme_names",
                "must be names like live.example.org, in lower case; addresses and *. are not possible",
            ));
        }
        if !self.acme_directory.starts_with("https://") {
            return Err(("tls.acme_directory", "must be an address with https"));
        }
        if !self.acme_contact.is_empty() && !self.acme_contact.contains('@') {
            return Err(("tls.acme_contact", "must be an e-mail address"));
        }
        if self.hsts_seconds > HSTS_MAX {
            return Err(("tls.hsts_seconds", "must be at most 63072000, two years"));
        }
        Ok(())
    }
}

/// A DNS name whose labels are letters, digits and hyphens.
fn is_name(name: &str) -> bool {
    let fits = |label: &str| {
        let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
        (1..=63).contains(&label.len()) && label.bytes().all(plain) && !label.starts_with('-')
    };
    let numeric = name.parse::<std::net::IpAddr>().is_ok();
    name.len() <= 253 && name.contains('.') && !numeric && name.split('.').all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tls(change: impl FnOnce(&mut Tls)) -> Option<&'static str> {
        let mut tls = Tls {
            listen: Some(SocketAddr::from(([0, 0, 0, 0], 443))),
            ..Tls::default()
        };
        change(&mut tls);
        tls.check().err().map(|(key, _)| key)
    }

    #[test]
    fn tls_has_one_certificate() {
        assert_eq!(Tls::default().check(), Ok(()));
        assert_eq!(tls(|_| {}), Some("tls.listen"));
        assert_eq!(tls(|tls| tls.self_signed = true), None);
        let files = |tls: &mut Tls| {
            tls.certificate = "cert.pem".into();
            tls.key = "key.pem".into();
        };
        assert_eq!(tls(files), None);
        assert_eq!(tls(|tls| tls.certificate = "c".into()), Some("tls.key"));
        assert_eq!(tls(|tls| tls.key = "k".into()), Some("tls.certificate"));
        let both = |tls: &mut Tls| {
            files(tls);
            tls.self_signed = true;
        };
        assert_eq!(tls(both), Some("tls.listen"));
        let nowhere = |tls: &mut Tls| {
            files(tls);
            tls.listen = None;
        };
        assert_eq!(tls(nowhere), Some("tls.listen"));
    }

    #[test]
    fn only_names_are_asked_for() {
        let named = |name: &str| tls(|tls| tls.acme_names = vec![name.to_owned()]);
        assert_eq!(named("live.example.org"), None);
        for bad in [
            "*.example.org",
            "192.0.2.1",
            "Live.example.org",
            "live",
            "a..b",
            "",
        ] {
            assert_eq!(named(bad), Some("tls.acme_names"), "{bad}");
        }
    }

    #[test]
    fn nobody_is_bound_to_a_certificate_that_browsers_refuse() {
        assert!(Tls::default().hsts().is_some());
        let development = Tls {
            self_signed: true,
            ..Tls::default()
        };
        assert_eq!(development.hsts(), None);
    }
}
