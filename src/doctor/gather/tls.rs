//! TLS as a client sees it that believes every certificate: what is shown is looked at afterwards.

use std::{
    net::IpAddr,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use tokio::net::TcpStream;
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        self, ClientConfig, DigitallySignedStruct, SignatureScheme,
        client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature},
        pki_types::{CertificateDer, ServerName, UnixTime},
    },
};
use x509_parser::{
    extensions::{GeneralName, ParsedExtension},
    parse_x509_certificate,
    prelude::X509Certificate,
};

use crate::doctor::facts::Certificate;

/// One day in seconds.
const DAY: i64 = 24 * 60 * 60;

/// What is renewed in time has more than a quarter of its life left, or so many days.
const LATE_DAYS: i64 = 14;

/// A connection on which nothing secret may be said: who answers is not known.
pub async fn connect(stream: TcpStream, name: &str) -> Result<TlsStream<TcpStream>, String> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody(provider)))
        .with_no_client_auth();
    let name = ServerName::try_from(name.to_owned()).map_err(|error| error.to_string())?;
    let connected = TlsConnector::from(Arc::new(config)).connect(name, stream);
    connected.await.map_err(|error| error.to_string())
}

/// The certificate that is shown to who asks for this name. `expected` is the name that it should have; none
/// where no name was said.
pub async fn certificate(
    stream: TcpStream,
    name: &str,
    expected: Option<&str>,
) -> Result<Certificate, String> {
    let stream = connect(stream, name).await?;
    let (_, connection) = stream.get_ref();
    let shown = connection.peer_certificates().and_then(<[_]>::first);
    let shown = shown.ok_or("the server shows no certificate")?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = i64::try_from(now.unwrap_or_default().as_secs()).unwrap_or(i64::MAX);
    read(shown, expected, now)
}

fn read(der: &[u8], expected: Option<&str>, now: i64) -> Result<Certificate, String> {
    let (_, parsed) = parse_x509_certificate(der).map_err(|error| error.to_string())?;
    let names = names(&parsed);
    let first = names.first().cloned().unwrap_or_default();
    let validity = parsed.validity();
    let (from, until) = (
        validity.not_before.timestamp(),
        validity.not_after.timestamp(),
    );
    Ok(Certificate {
        fits: expected.is_none_or(|expected| names.iter().any(|name| covers(name, expected))),
        name: expected.map_or(first, str::to_owned),
        self_signed: parsed.issuer() == parsed.subject(),
        has_begun: from <= now,
        days_left: (until - now).div_euclid(DAY),
        late_days: LATE_DAYS.min((until - from) / 4 / DAY),
        names,
    })
}

fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let extensions = certificate.extensions().iter();
    let mut names = Vec::new();
    for extension in extensions {
        let ParsedExtension::SubjectAlternativeName(all) = extension.parsed_extension() else {
            continue;
        };
        names.extend(all.general_names.iter().filter_map(|name| match name {
            GeneralName::DNSName(name) => Some((*name).to_owned()),
            GeneralName::IPAddress(bytes) => {
                let v4 = <[u8; 4]>::try_from(*bytes).map(IpAddr::from);
                let v6 = <[u8; 16]>::try_from(*bytes).map(IpAddr::from);
                v4.or(v6).ok().map(|ip| ip.to_string())
            }
            _ => None,
        }));
    }
    names
}

/// RFC 9525 section 6.3: a wildcard stands for one label.
fn covers(name: &str, wanted: &str) -> bool {
    let (name, wanted) = (name.to_ascii_lowercase(), wanted.to_ascii_lowercase());
    match name.strip_prefix("*.") {
        Some(domain) => wanted
            .split_once('.')
            .is_some_and(|(_, rest)| rest == domain),
        None => name == wanted,
    }
}

/// Believes everybody, and checks that they have the key of what they show.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_certificate_is_read() {
        let names = ["live.example.org", "192.0.2.1"].map(str::to_owned);
        let made = rcgen::generate_simple_self_signed(names.to_vec()).unwrap();
        let der = made.cert.der();
        let now = 1_800_000_000;
        let found = read(der, Some("live.example.org"), now).unwrap();
        assert_eq!(found.names, names);
        assert!(found.fits && found.self_signed && found.has_begun);
        assert!(found.days_left > 365 && found.late_days == LATE_DAYS);
        assert!(!read(der, Some("other.example.org"), now).unwrap().fits);
        assert!(read(der, Some("192.0.2.1"), now).unwrap().fits);
        let any = read(der, None, now).unwrap();
        assert!(any.fits && any.name == "live.example.org");
        assert!(read(b"nothing", None, now).is_err());
    }

    #[test]
    fn a_wildcard_is_one_label() {
        assert!(covers("*.example.org", "Live.example.org"));
        assert!(!covers("*.example.org", "example.org"));
        assert!(!covers("*.example.org", "a.b.example.org"));
    }
}
