//! A certificate of our own making, for development: browsers warn of it, and are right.

use std::{net::IpAddr, path::Path};

use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, SanType};
use time::{Duration, OffsetDateTime};
use tracing::info;

use super::{CertificateError, Certificates, pair::Pair, store};

/// Certificate and key, both in PEM, with the names that it is for in a line before them.
const FILE: &str = "self-signed.pem";

/// How long one is good. Apple's systems refuse longer ones.
const LIFETIME: Duration = Duration::days(397);

/// One that ends sooner than this is made anew at the start.
const REMAINS: Duration = Duration::days(60);

/// Uses the certificate that is kept in `folder`, for these names and addresses; one is made when there
/// is none, when it was for others, or when it ends soon.
///
/// # Errors
/// When it cannot be made or kept.
pub fn self_signed(
    folder: &Path,
    names: &[String],
    into: &Certificates,
) -> Result<(), CertificateError> {
    let path = folder.join(FILE);
    let heading = format!("# {}\n", names.join(" "));
    if let Some(kept) = store::read(&path)?
        && kept.starts_with(heading.as_bytes())
        && let Ok(pair) = Pair::read(&kept, &kept, &path, &path)
        && pair.not_after - OffsetDateTime::now_utc() > REMAINS
    {
        into.put(pair.key);
        return Ok(());
    }
    let pem = heading + &make(names)?;
    let pair = Pair::read(pem.as_bytes(), pem.as_bytes(), &path, &path)?;
    store::replace(&path, pem.as_bytes())?;
    info!(file = %path.display(), names = names.join(" "), "a self-signed certificate was made");
    into.put(pair.key);
    Ok(())
}

fn make(names: &[String]) -> Result<String, CertificateError> {
    let mut params = CertificateParams::default();
    params.subject_alt_names = names
        .iter()
        .map(|name| match name.parse::<IpAddr>() {
            Ok(ip) => Ok(SanType::IpAddress(ip)),
            Err(_) => name.as_str().try_into().map(SanType::DnsName),
        })
        .collect::<Result<_, _>>()?;
    params
        .distinguished_name
        .push(DnType::CommonName, "Weir, self-signed");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let now = OffsetDateTime::now_utc();
    // The clocks of phones and laptops are not all right.
    params.not_before = now - Duration::DAY;
    params.not_after = params.not_before + LIFETIME;
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    Ok(certificate.pem() + &key.serialize_pem())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn it_is_made_once_for_the_same_names() {
        let folder = tempfile::tempdir().unwrap();
        let of = |names: &[&str]| {
            let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
            let certificates = Certificates::new();
            self_signed(folder.path(), &names, &certificates).unwrap();
            certificates.current().unwrap().cert[0].clone()
        };
        let first = of(&["localhost", "127.0.0.1", "::1"]);
        assert_eq!(of(&["localhost", "127.0.0.1", "::1"]), first);
        let other = of(&["localhost", "live.example"]);
        assert_ne!(other, first);
        std::fs::write(
            folder.path().join(FILE),
            "# localhost live.example\nnonsense",
        )
        .unwrap();
        assert_ne!(of(&["localhost", "live.example"]), other);
    }
}
