//! The data folder: where it is, and the secrets in it.

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{ErrorKind, Write},
    net::{Ipv4Addr, SocketAddr},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use weir_db::Db;
use weir_signaling::{Secrets, TOKEN_KEY_BYTES};

use crate::config::Config;

/// File with the key that signs access tokens.
const TOKEN_KEY_FILE: &str = "token.key";

/// Only the owner may read and write.
const SECRET_MODE: u32 = 0o600;

/// Makes the data folder if it is not there (mode 0700; one that exists keeps its mode).
pub fn prepare(dir: &Path) -> anyhow::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .with_context(|| format!("cannot make the data folder {}", dir.display()))
}

/// Opens the database that the configuration names, in a prepared data folder.
pub async fn open_database(config: &Config) -> anyhow::Result<Db> {
    prepare(&config.data.dir)?;
    Db::open(&config.database_url())
        .await
        .context("cannot open the database")
}

/// File that says where the server that runs in the folder is asked. It may be left over from a crash.
const RUNNING_FILE: &str = "server.url";

/// Where it listens for plain HTTP, as others on this machine reach it.
pub fn say_running(dir: &Path, http: SocketAddr, https: Option<SocketAddr>) -> anyhow::Result<()> {
    let mut text = format!("http://{}\n", from_here(http));
    if let Some(https) = https {
        text += &format!("https://{}\n", from_here(https));
    }
    let path = dir.join(RUNNING_FILE);
    // As everything else in the folder. Whoever could change it would be sent an administrator's token.
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(SECRET_MODE)
        .open(&path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .with_context(|| format!("cannot write {}", path.display()))
}

/// How this machine reaches what listens there.
fn from_here(mut address: SocketAddr) -> SocketAddr {
    // `[::]` takes IPv4 too.
    if address.ip().is_unspecified() {
        address.set_ip(Ipv4Addr::LOCALHOST.into());
    }
    address
}

/// The server has stopped.
pub fn say_stopped(dir: &Path) {
    // What is left is found out by who asks there.
    let _ = fs::remove_file(dir.join(RUNNING_FILE));
}

/// The addresses that a server said: that of plain HTTP first. None when there is no server.
pub fn running_server(dir: &Path) -> Vec<String> {
    let text = fs::read_to_string(dir.join(RUNNING_FILE)).unwrap_or_default();
    let lines = text.lines().filter(|line| line.starts_with("http"));
    lines.map(str::to_owned).collect()
}

/// Reads the secrets, making what is missing from the system's random source.
pub fn secrets(dir: &Path) -> anyhow::Result<Secrets> {
    let path = dir.join(TOKEN_KEY_FILE);
    match read_key(&path) {
        Err(error) if is_missing(&error) => {}
        read => return Ok(Secrets { token_key: read? }),
    }
    let token_key: [u8; TOKEN_KEY_BYTES] = rand::random();
    let written = write_new(dir, &path, &token_key);
    match written {
        Ok(()) => Ok(Secrets { token_key }),
        // Another process was faster: its key is the one.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(Secrets {
            token_key: read_key(&path)?,
        }),
        Err(error) => Err(error).with_context(|| format!("cannot write {}", path.display())),
    }
}

fn is_missing(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<std::io::Error>()
        .is_some_and(|error| error.kind() == ErrorKind::NotFound)
}

fn read_key(path: &Path) -> anyhow::Result<[u8; TOKEN_KEY_BYTES]> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mode = fs::metadata(path)?.permissions().mode();
    if mode & 0o077 != 0 {
        bail!(
            "{} can be read by others (mode {:o}); run: chmod 600 {}",
            path.display(),
            mode & 0o777,
            path.display()
        );
    }
    bytes.try_into().map_err(|_| {
        anyhow::anyhow!(
            "{} is damaged: remove it and a new one is made (everybody must log in again)",
            path.display()
        )
    })
}

/// Writes a file that must not exist yet, whole or not at all.
fn write_new(dir: &Path, path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let draft: PathBuf = dir.join(format!(".{TOKEN_KEY_FILE}.{}", std::process::id()));
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(SECRET_MODE)
        .open(&draft)?;
    let linked = file
        .write_all(bytes)
        .and_then(|()| file.sync_all())
        // A hard link fails where the name exists, a rename would replace it.
        .and_then(|()| fs::hard_link(&draft, path));
    fs::remove_file(&draft)?;
    linked
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn secrets_are_made_once_and_private() {
        let dir = tempfile::tempdir().unwrap();
        let first = secrets(dir.path()).unwrap();
        let again = secrets(dir.path()).unwrap();
        assert_eq!(first.token_key, again.token_key);
        let path = dir.path().join(TOKEN_KEY_FILE);
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            SECRET_MODE
        );
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn where_the_server_listens_is_private_too() {
        let dir = tempfile::tempdir().unwrap();
        say_running(dir.path(), ([0, 0, 0, 0], 8080).into(), None).unwrap();
        assert_eq!(running_server(dir.path()), ["http://127.0.0.1:8080"]);
        let path = dir.path().join(RUNNING_FILE);
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, SECRET_MODE);
        say_stopped(dir.path());
        assert!(running_server(dir.path()).is_empty());
    }

    #[test]
    fn secrets_that_others_can_read_or_that_are_damaged_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        secrets(dir.path()).unwrap();
        let path = dir.path().join(TOKEN_KEY_FILE);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(
            secrets(dir.path())
                .unwrap_err()
                .to_string()
                .contains("chmod 600")
        );
        fs::set_permissions(&path, fs::Permissions::from_mode(SECRET_MODE)).unwrap();
        fs::write(&path, b"short").unwrap();
        assert!(
            secrets(dir.path())
                .unwrap_err()
                .to_string()
                .contains("damaged")
        );
    }
}
