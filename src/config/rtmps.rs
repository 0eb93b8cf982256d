//! RTMPS: RTMP over TLS.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// `[rtmps]`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rtmps {
    /// Address and port to listen on, like `0.0.0.0:1936`. Empty: there is no RTMPS.
    #[serde(with = "address")]
    pub listen: Option<SocketAddr>,
    /// File with the certificate and its chain, in PEM form. Read again when it changes.
    pub certificate: PathBuf,
    /// File with the certificate's private key, in PEM form.
    pub key: PathBuf,
}

impl Rtmps {
    /// Where to listen, and with which certificate and key; none when it is off.
    pub fn files(&self) -> Option<(SocketAddr, &Path, &Path)> {
        Some((self.listen?, &self.certificate, &self.key))
    }

    /// What does not fit together: the setting, and why.
    pub fn check(&self) -> Result<(), (&'static str, &'static str)> {
        let missing = |path: &Path| path.as_os_str().is_empty();
        match (
            self.listen.is_some(),
            missing(&self.certificate),
            missing(&self.key),
        ) {
            (true, true, _) => Err((
                "rtmps.certificate",
                "is missing: RTMPS needs a certificate, in a PEM file",
            )),
            (true, _, true) => Err((
                "rtmps.key",
                "is missing: RTMPS needs the certificate's private key, in a PEM file",
            )),
            (false, false, _) => Err((
                "rtmps.certificate",
                "is of no use without rtmps.listen, like 0.0.0.0:1936",
            )),
            (false, _, false) => Err((
                "rtmps.key",
                "is of no use without rtmps.listen, like 0.0.0.0:1936",
            )),
            _ => Ok(()),
        }
    }
}

/// An address, or an empty text for none.
mod address {
    use super::{Deserialize, Deserializer, Serializer, SocketAddr};
    use serde::de::Error as _;

    pub fn serialize<S: Serializer>(
        address: &Option<SocketAddr>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match address {
            Some(address) => serializer.collect_str(address),
            None => serializer.serialize_str(""),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<SocketAddr>, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.is_empty() {
            return Ok(None);
        }
        let address = text.parse();
        address.map(Some).map_err(|_| {
            D::Error::custom(format!(
                "{text:?} is not an address with a port, like 0.0.0.0:1936"
            ))
        })
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
        assert_eq!(rtmps(false, "", "").check(), Ok(()));
        assert_eq!(rtmps(true, "cert.pem", "key.pem").check(), Ok(()));
        let key = |rtmps: Rtmps| rtmps.check().err().map(|(key, _)| key);
        assert_eq!(key(rtmps(true, "", "key.pem")), Some("rtmps.certificate"));
        assert_eq!(key(rtmps(true, "cert.pem", "")), Some("rtmps.key"));
        assert_eq!(key(rtmps(false, "cert.pem", "")), Some("rtmps.certificate"));
        assert_eq!(key(rtmps(false, "", "key.pem")), Some("rtmps.key"));
    }
}
