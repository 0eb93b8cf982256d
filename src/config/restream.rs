//! `[restream]`

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use weir_signaling::RestreamConfig;

/// `[restream]`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Restream {
    /// Send streams to private addresses too: whoever may stream can then reach hosts of the server's
    /// own network.
    pub allow_private: bool,
    /// A PEM file with certificates that RTMPS servers may have beside those of the public
    /// authorities. Empty: none.
    pub roots: PathBuf,
}

impl Restream {
    /// In the form that the HTTP side takes.
    pub fn to_config(&self) -> RestreamConfig {
        RestreamConfig {
            allow_private: self.allow_private,
        }
    }

    /// The file of further certificates, where there is one.
    pub fn roots(&self) -> Option<PathBuf> {
        Some(self.roots.clone()).filter(|path| !path.as_os_str().is_empty())
    }
}
