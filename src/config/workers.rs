//! `[workers]`

use std::{net::SocketAddr, path::PathBuf};

use serde::{Deserialize, Serialize};
use weir_bridge::config::WorkerLimits;

/// Least memory with which a worker can start, in MiB.
const MEMORY_LEAST: u64 = 256;

/// `[workers]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Workers {
    /// MiB of memory that a media worker may use; 0 for no limit. One that wants more is replaced.
    pub memory_mib: u64,
    /// How far media workers step back behind the server itself where processors are short, 0 to 19.
    pub nice: u8,
    /// Where media workers of other machines dial in, like `[::]:7883`. Empty: they do not.
    #[serde(with = "optional_address")]
    pub listen: Option<SocketAddr>,
    /// Where streams' workers run.
    pub place: Place,
    /// A certificate and its key in PEM, for those connections. Empty: one of the server's own making, which
    /// workers know by its fingerprint.
    pub certificate: PathBuf,
    /// See `certificate`.
    pub key: PathBuf,
}

/// Where streams' workers run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// On this machine.
    Local,
    /// On another one that waits for streams; here when there is none.
    RemoteFirst,
}

impl Default for Workers {
    fn default() -> Self {
        let WorkerLimits { memory_mib, nice } = WorkerLimits::default();
        Self {
            memory_mib,
            nice,
            listen: None,
            place: Place::RemoteFirst,
            certificate: PathBuf::new(),
            key: PathBuf::new(),
        }
    }
}

impl Workers {
    /// In the form that the bridge takes.
    pub fn limits(&self) -> WorkerLimits {
        WorkerLimits {
            memory_mib: self.memory_mib,
            nice: self.nice,
        }
    }

    /// What does not fit, and its key.
    pub(super) fn check(&self) -> Result<(), (&'static str, &'static str)> {
        if self.memory_mib > 0 && self.memory_mib < MEMORY_LEAST {
            return Err((
                "workers.memory_mib",
                "must be at least 256, or 0 for no limit",
            ));
        }
        if self.nice > 19 {
            return Err(("workers.nice", "must be 0 to 19"));
        }
        if self.certificate.as_os_str().is_empty() != self.key.as_os_str().is_empty() {
            return Err((
                "workers.certificate",
                "needs workers.key beside it, and the other way round",
            ));
        }
        Ok(())
    }
}

/// An absent address is an empty text, so that every key has a place in the printed configuration.
mod optional_address {
    use std::net::SocketAddr;

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(
        address: &Option<SocketAddr>,
        out: S,
    ) -> Result<S::Ok, S::Error> {
        let text = address.map(|address| address.to_string());
        out.serialize_str(&text.unwrap_or_default())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(
        input: D,
    ) -> Result<Option<SocketAddr>, D::Error> {
        let text = String::deserialize(input)?;
        if text.is_empty() {
            return Ok(None);
        }
        let parsed = text.parse().map(Some);
        parsed.map_err(|_| D::Error::custom("must be an address and a port, like [::]:7883"))
    }
}
