//! The site and its server as admins see them.

use serde::{Deserialize, Serialize};

use crate::ViewerCount;

/// `GET /api/v1/admin/load`: how busy this server is. What the system does not tell is absent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ServerLoad {
    /// Version of the program.
    pub version: String,
    /// When the process started, in milliseconds since the Unix epoch.
    pub started_at: i64,
    /// Now, by the server's clock.
    pub now: i64,
    /// Whether it takes new sessions; as `/readyz` says.
    pub ready: bool,
    /// Streams on the air, those that wait for their publisher included.
    pub streams: u32,
    /// Streams that wait for their publisher to come back.
    pub reconnecting: u32,
    /// Who watches.
    pub viewers: ViewerCount,
    /// Bytes of media received since the start.
    pub bytes_in: u64,
    /// Bytes of media sent over WebRTC since the start.
    pub bytes_out: u64,
    /// Processor cores that the process may use.
    pub cores: u32,
    /// Processor time used since the start, in seconds, without media workers.
    pub cpu_seconds: Option<f64>,
    /// Programs of the whole machine that ran or wanted to, on average over a minute.
    pub load: Option<f64>,
    /// Memory in use in bytes, without media workers.
    pub memory: Option<u64>,
    /// The machine's memory in bytes.
    pub memory_total: Option<u64>,
    /// What of it programs can still have, in bytes.
    pub memory_available: Option<u64>,
    /// Media worker processes.
    pub workers: Option<u64>,
    /// Bytes free on the disk of recordings.
    pub disk_free: Option<u64>,
    /// How long the database took to answer, in milliseconds.
    pub database_ms: f64,
}

/// A setting of the server: `GET /api/v1/admin/settings`. Set in `weir.toml`, by the environment or by flags.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ServerSetting {
    /// Its name, like `http.listen`: `listen` under `[http]` in `weir.toml`.
    pub key: String,
    /// What it is; secrets are masked, lists are in JSON. Empty when not set.
    pub value: String,
    /// The variable that sets it.
    pub variable: String,
    /// Whether it is what the server has when nobody says anything.
    pub is_default: bool,
}
