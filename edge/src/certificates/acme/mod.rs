//! Certificates of an authority that speaks ACME (RFC 8555), such as Let's Encrypt.
//!
//! The newest certificate and the account are kept in the data folder. It is renewed at two thirds of
//! its life; an order that fails leaves everything as it is, and is tried again after a while.

mod authority;
mod order;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use aws_lc_rs::digest::{SHA256, digest};
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{CertificateError, Certificates, pair::Pair, store};

/// The directory of Let's Encrypt.
pub const LETS_ENCRYPT: &str = "https://acme-v02.api.letsencrypt.org/directory";

/// Key and chain, in one file so that they always fit.
const CERTIFICATE_FILE: &str = "certificate.pem";

/// Waits after orders that failed. Let's Encrypt takes five failures an hour of a name.
const WAITS: [Duration; 5] = [
    Duration::from_secs(60),
    Duration::from_secs(15 * 60),
    Duration::from_secs(30 * 60),
    Duration::from_secs(60 * 60),
    Duration::from_secs(6 * 60 * 60),
];

/// The longest time that an order may take, with all its names.
const ORDER_TIMEOUT: Duration = Duration::from_secs(5 * 60);

/// Longest sleep: clocks are set, and machines sleep.
const LOOK: Duration = Duration::from_secs(60 * 60);

/// How the authority finds out that a name is ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ChallengeChoice {
    /// One after the other, where the first fails.
    #[default]
    Either,
    /// By a handshake on port 443 (RFC 8737).
    TlsAlpn,
    /// By a request on port 80 (RFC 8555 section 8.3).
    Http,
}

/// What to ask of whom.
#[derive(Debug, Clone)]
pub struct AcmeConfig {
    /// The names that one certificate is to be for.
    pub names: Vec<String>,
    /// An e-mail address for the authority's warnings.
    pub contact: Option<String>,
    /// The authority's directory.
    pub directory: String,
    /// A PEM file with certificates that the directory's own may be of, beside those of the public
    /// authorities.
    pub roots: Option<PathBuf>,
    /// How names are proven.
    pub challenge: ChallengeChoice,
    /// Where account and certificate are kept.
    pub folder: PathBuf,
}

/// Gets certificates, and renews them.
pub struct Acme {
    config: AcmeConfig,
    folder: PathBuf,
    into: Arc<Certificates>,
    in_use: Option<Pair>,
    failures: u32,
}

impl Acme {
    /// Uses what was kept of an earlier run, be it old: better than none.
    ///
    /// # Errors
    /// When the kept files cannot be read.
    pub fn load(config: AcmeConfig, into: Arc<Certificates>) -> Result<Self, CertificateError> {
        // Accounts and certificates of another authority are no good here: one for tests must not
        // spoil the real one's.
        let folder = config.folder.join(short_digest(&config.directory));
        let path = folder.join(CERTIFICATE_FILE);
        let in_use = match store::read(&path)? {
            Some(pem) => read_kept(&pem, &path),
            None => None,
        };
        if let Some(pair) = &in_use {
            info!(names = pair.names.join(" "), until = %pair.not_after, "certificate from ACME");
            into.put(pair.key.clone());
        }
        Ok(Self {
            config,
            folder,
            into,
            in_use,
            failures: 0,
        })
    }

    /// Orders certificates as they are needed. Ends with `cancel`.
    pub async fn run(mut self, cancel: CancellationToken) {
        loop {
            let wait = self.due();
            if wait > Duration::ZERO {
                tokio::select! {
                    () = tokio::time::sleep(wait.min(LOOK)) => {}
                    () = cancel.cancelled() => return,
                }
                continue;
            }
            let order = tokio::time::timeout(ORDER_TIMEOUT, self.order());
            let ordered = tokio::select! {
                ordered = order => ordered.unwrap_or_else(|_| Err("it took too long".into())),
                () = cancel.cancelled() => return,
            };
            self.into.expect_nothing();
            match ordered {
                Ok(pair) => {
                    info!(names = pair.names.join(" "), until = %pair.not_after, "new certificate from ACME");
                    self.in_use = Some(pair);
                    self.failures = 0;
                }
                Err(error) => {
                    let wait = wait_after(self.failures);
                    self.failures += 1;
                    let until = self.in_use.as_ref().map(|pair| pair.not_after);
                    warn!(
                        error,
                        names = self.config.names.join(" "),
                        again_in_s = wait.as_secs(),
                        until = until.map(tracing::field::display),
                        "no certificate by ACME; for what to check see docs/TLS.md"
                    );
                    tokio::select! {
                        () = tokio::time::sleep(wait) => {}
                        () = cancel.cancelled() => return,
                    }
                }
            }
        }
    }

    /// How long the next order has time; zero: now.
    fn due(&self) -> Duration {
        match &self.in_use {
            Some(pair) if is_for(&pair.names, &self.config.names) => {
                let left = renewal(pair.not_before, pair.not_after) - OffsetDateTime::now_utc();
                left.try_into().unwrap_or(Duration::ZERO)
            }
            Some(_) | None => Duration::ZERO,
        }
    }

    /// One order, from the account to the certificate in use.
    async fn order(&self) -> Result<Pair, String> {
        let account = authority::account(&self.config, &self.folder).await?;
        let pem = order::certificate(&account, &self.config, self.failures, &self.into).await;
        if let Err(error) = &pem
            && error.account_is_gone()
        {
            authority::forget(&self.folder);
        }
        let pem = pem.map_err(|error| error.to_string())?;
        let path = self.folder.join(CERTIFICATE_FILE);
        let pair = Pair::read(pem.as_bytes(), pem.as_bytes(), &path, &path)
            .map_err(|error| format!("the authority's certificate is of no use: {error}"))?;
        // One that cannot be kept is used all the same, and ordered anew after the next start.
        if let Err(error) = store::replace(&path, pem.as_bytes()) {
            warn!(%error, "the new certificate is not kept");
        }
        self.into.put(pair.key.clone());
        Ok(pair)
    }
}

fn read_kept(pem: &[u8], path: &Path) -> Option<Pair> {
    match Pair::read(pem, pem, path, path) {
        Ok(pair) => Some(pair),
        // A new one is ordered; this one helps nobody.
        Err(error) => {
            warn!(%error, "the kept certificate is damaged");
            None
        }
    }
}

/// Whether a certificate has exactly the names that are wanted.
fn is_for(names: &[String], wanted: &[String]) -> bool {
    names.len() == wanted.len() && wanted.iter().all(|name| names.contains(name))
}

/// When to renew: after two thirds of its life, and up to a twentieth of it later, so that servers that
/// were set up together do not all ask at once. The same for each certificate, whenever one asks.
fn renewal(not_before: OffsetDateTime, not_after: OffsetDateTime) -> OffsetDateTime {
    let life = not_after - not_before;
    let seed = not_after.unix_timestamp().to_be_bytes();
    let chance = f64::from(digest(&SHA256, &seed).as_ref()[0]) / 256.0;
    not_before + life * 2 / 3 + life / 20 * chance
}

/// With a fifth of chance.
fn wait_after(failures: u32) -> Duration {
    let last = WAITS.len() - 1;
    let wait = WAITS[usize::try_from(failures).unwrap_or(last).min(last)];
    wait.mul_f64(rand::random_range(0.8..1.2))
}

fn short_digest(text: &str) -> String {
    let digest = digest(&SHA256, text.as_bytes());
    let bytes = digest.as_ref().iter().take(8);
    bytes.map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::{super::pair::self_signed_for_test, *};

    fn config(folder: &Path, names: &[&str]) -> AcmeConfig {
        AcmeConfig {
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            contact: None,
            // Nobody listens there.
            directory: "https://127.0.0.1:1/directory".to_owned(),
            roots: None,
            challenge: ChallengeChoice::Either,
            folder: folder.to_owned(),
        }
    }

    #[test]
    fn it_is_renewed_at_two_thirds_of_its_life() {
        let from = OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap();
        for days in [6, 45, 90] {
            let life = time::Duration::days(days);
            let at = renewal(from, from + life) - from;
            assert!(at >= life * 2 / 3 && at <= life * 3 / 4, "{at}");
        }
    }

    #[test]
    fn failures_are_followed_by_longer_waits() {
        let minute = Duration::from_secs(60);
        assert!(wait_after(0) < minute * 2);
        for failures in [4, 5, 1_000, u32::MAX] {
            let wait = wait_after(failures);
            assert!(
                wait >= minute * 60 * 4 && wait <= minute * 60 * 8,
                "{wait:?}"
            );
        }
    }

    #[tokio::test]
    async fn what_was_kept_is_used_and_stays_when_orders_fail() {
        let dir = tempfile::tempdir().unwrap();
        let made = rcgen::generate_simple_self_signed(vec!["a.example".to_owned()]).unwrap();
        let pem = made.cert.pem() + &made.signing_key.serialize_pem();
        let config = config(dir.path(), &["a.example", "b.example"]);
        let path = dir.path().join(short_digest(&config.directory));
        store::replace(&path.join(CERTIFICATE_FILE), pem.as_bytes()).unwrap();
        let certificates = Certificates::new();
        let acme = Acme::load(config, certificates.clone()).unwrap();
        assert_eq!(acme.due(), Duration::ZERO, "for one name only");
        assert!(certificates.is_there());
        let shown = certificates.current().unwrap().cert.clone();
        let cancel = CancellationToken::new();
        let runs = tokio::spawn(acme.run(cancel.clone()));
        tokio::time::sleep(Duration::from_millis(500)).await;
        cancel.cancel();
        runs.await.unwrap();
        assert_eq!(certificates.current().unwrap().cert, shown);
        assert_eq!(
            store::read(&path.join(CERTIFICATE_FILE)).unwrap().unwrap(),
            pem.as_bytes()
        );
    }

    #[test]
    fn names_are_compared_as_sets() {
        let pair = self_signed_for_test(&["b.example", "a.example"]);
        let names =
            |names: &[&str]| -> Vec<_> { names.iter().map(|it| (*it).to_owned()).collect() };
        assert!(is_for(&pair.names, &names(&["a.example", "b.example"])));
        assert!(!is_for(&pair.names, &names(&["a.example"])));
        assert!(!is_for(&pair.names, &names(&["a.example", "c.example"])));
    }
}
