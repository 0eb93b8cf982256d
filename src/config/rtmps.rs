//! RTMPS: RTMP over TLS.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::address;

/// `[rtmps]`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rtmps {
    /// Address and port to listen on, like `[::]:1936`. Empty: there is no RTMPS.
    #[serde(with = "address")]
    pub listen: Option<SocketAddr>,
    /// File with the certificate and its chain, in PEM form. Read again when it changes. Empty: the one
    /// of `[tls]`.
    pub certificate: PathBuf,
    /// File with the certificate's private key, in PEM form.
    pub key: PathBuf,
}

impl Rtmps {
    /// Its own certificate and key; none when it has the same as HTTPS.
    pub fn files(&self) -> Option<(&Path, &Path)> {
        let own = !self.certificate.as_os_str().is_empty();
        own.then_some((self.certificate.as_path(), self.key.as_path()))
    }

    /// What does not fit together: the setting, and why. `shared`: there is a certificate for HTTPS.
    pub fn check(&self, shared: bool) -> Result<(), (&'static str, &'static str)> {
        let missing = |path: &Path| path.as_os_str().is_empty();
        match (
            self.listen.is_some(),
            missing(&self.certificate),
            missing(&self.key),
        ) {
            (true, true, true) if shared => Ok(()),
            (true, true, _) => Err((
                "rtmps.certificate",
                "is missing: RTMPS needs a certificate, in a PEM file, or that of tls.listen",
            )),
            (true, _, true) => Err((
                "rtmps.key",
                "is missing: RTMPS needs the certificate's private key, in a PEM file",
            )),
            (false, false, _) => Err((
                "rtmps.certificate",
                "is of no use without rtmps.listen, like [::]:1936",
            )),
            (false, _, false) => Err((
                "rtmps.key",
                "is of no use without rtmps.listen, like [::]:1936",
            )),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rtmps(listen: bool, certificate: &str, key: &str) -> Rtmps {
        Rtmps {
            listen: listen.then(|| SocketAddr::from(([0, 0, 0, 0], 1936))),
            certificate: certificate.into(),
            key: key.into(),
        }
    }

    #[test]
    fn all_or_nothing_is_given() {
        assert_eq!(rtmps(false, "", "").check(false), Ok(()));
        assert_eq!(rtmps(true, "cert.pem", "key.pem").check(false), Ok(()));
        assert_eq!(rtmps(true, "", "").check(true), Ok(()));
        assert_eq!(rtmps(true, "", "").files(), None);
        assert!(rtmps(true, "", "").check(false).is_err());
        assert!(rtmps(true, "", "key.pem").check(true).is_err());
        let key = |rtmps: Rtmps| rtmps.check(false).err().map(|(key, _)| key);
        assert_eq!(key(rtmps(true, "", "key.pem")), Some("rtmps.certificate"));
        assert_eq!(key(rtmps(true, "cert.pem", "")), Some("rtmps.key"));
        assert_eq!(key(rtmps(false, "cert.pem", "")), Some("rtmps.certificate"));
        assert_eq!(key(rtmps(false, "", "key.pem")), Some("rtmps.key"));
    }
}
