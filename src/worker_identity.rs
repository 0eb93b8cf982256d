//! Who the server is to media workers of other machines, and which token they must show.

use std::{
    fs::{self, OpenOptions},
    io::{ErrorKind, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use weir_bridge::supervisor::remote;

use crate::config::Config;

/// The certificate and its key, both in PEM, when the server made them.
const CERTIFICATE_FILE: &str = "workers.pem";

/// The hash of the token.
const TOKEN_FILE: &str = "worker-token.hash";

/// Bytes of chance in a token.
const TOKEN_BYTES: usize = 24;

/// The name in a certificate of our own making; nobody looks at it.
const NAME: &str = "weir-workers";

/// How the server shows itself.
pub struct Identity {
    /// For the listener.
    pub tls: Arc<remote::TlsConfig>,
    /// Of a certificate of our own making, by which it is known; configured ones are renewed.
    pub fingerprint: Option<[u8; 32]>,
}

/// The configured certificate, or the one in the data folder, which is made when it is not there.
pub fn load(config: &Config) -> anyhow::Result<Identity> {
    let workers = &config.workers;
    let own = workers.certificate.as_os_str().is_empty();
    let (certificate, key) = match own {
        true => {
            let pem = own_certificate(&config.data.dir.join(CERTIFICATE_FILE))?;
            (pem.clone(), pem)
        }
        false => (read(&workers.certificate)?, read(&workers.key)?),
    };
    let (tls, fingerprint) =
        remote::identity(&certificate, &key).context("cannot use the certificate for workers")?;
    Ok(Identity {
        tls,
        fingerprint: own.then_some(fingerprint),
    })
}

fn own_certificate(path: &Path) -> anyhow::Result<Vec<u8>> {
    match fs::read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        read => return read.with_context(|| format!("cannot read {}", path.display())),
    }
    let made = rcgen::generate_simple_self_signed(vec![NAME.to_owned()])
        .context("cannot make a certificate for workers")?;
    let pem = made.cert.pem() + &made.signing_key.serialize_pem();
    write_secret(path, pem.as_bytes())?;
    Ok(pem.into_bytes())
}

/// Makes a token, of which only the hash is kept.
pub fn new_token(dir: &Path) -> anyhow::Result<String> {
    let token = URL_SAFE_NO_PAD.encode(rand::random::<[u8; TOKEN_BYTES]>());
    let hash = remote::fingerprint_text(&remote::token_hash(&token));
    write_secret(&dir.join(TOKEN_FILE), hash.as_bytes())?;
    Ok(token)
}

/// The hash of the token that is good now; `None` when there is none.
pub fn token_hash(dir: &Path) -> Option<remote::TokenHash> {
    let text = fs::read_to_string(dir.join(TOKEN_FILE)).ok()?;
    remote::read_fingerprint(text.trim())
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

/// Writes a file that only its owner can read, whole or not at all.
fn write_secret(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let mut draft = PathBuf::from(path);
    draft.set_extension(format!("draft-{}", std::process::id()));
    let written = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&draft)
        .and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&draft, path));
    written.with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_certificate_is_made_once_and_a_new_token_replaces_the_old() {
        let dir = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        config.data.dir = dir.path().to_owned();
        let first = load(&config).unwrap().fingerprint;
        assert!(first.is_some());
        assert_eq!(first, load(&config).unwrap().fingerprint);

        assert_eq!(token_hash(dir.path()), None);
        let token = new_token(dir.path()).unwrap();
        assert_eq!(token_hash(dir.path()), Some(remote::token_hash(&token)));
        let other = new_token(dir.path()).unwrap();
        assert_eq!(token_hash(dir.path()), Some(remote::token_hash(&other)));
        assert_ne!(token, other);
        // Neither token is in the folder, nor can others read what is.
        for entry in fs::read_dir(dir.path()).unwrap() {
            let entry = entry.unwrap();
            let text = fs::read_to_string(entry.path()).unwrap();
            assert!(!text.contains(&token) && !text.contains(&other));
            let mode =
                std::os::unix::fs::PermissionsExt::mode(&entry.metadata().unwrap().permissions());
            assert_eq!(mode & 0o777, 0o600);
        }
    }
}
