//! What the ingest doctor finds wrong with a publisher's stream.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How bad it is for viewers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Viewers see or hear that something is not as it could be.
    Warning,
    /// Viewers cannot watch, or not for long.
    Error,
}

/// What was found. The names are part of the API and do not change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum FindingCode {
    /// The machine cannot encode all rungs in time: some are left out.
    Overload,
    /// The stream's worker crashes again and again, and is left alone for a while.
    WorkerQuarantined,
    /// The recording stopped; the live stream goes on.
    RecordingStopped,
    /// The publisher sends something that Weir cannot use.
    Unsupported,
    /// The publisher sends more tracks than viewers get.
    TracksIgnored,
    /// The video has a high dynamic range, which viewers see as if it had none.
    HdrVideo,
    /// Timestamps jump.
    TimestampsJump,
}

/// One look at one thing, from where it is seen: it holds from now on, or does not any more.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FindingReport {
    /// What.
    pub code: FindingCode,
    /// How bad.
    pub severity: Severity,
    /// Whether it holds; a report with `false` clears it.
    pub active: bool,
    /// Figures, by name.
    pub values: BTreeMap<String, f64>,
    /// Words that belong to it, by name, such as a codec.
    pub words: BTreeMap<String, String>,
    /// Whether Weir has mended it for viewers.
    pub repaired: bool,
}
