//! What a worker is told before anything else: how the operator wants media to be made.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Settings of a worker, the first thing that it gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WorkerConfig {
    /// The rungs that a source may get beside its own picture.
    pub ladder: Ladder,
    /// A small picture is made this often; none at all when absent.
    pub thumbnails: Option<Duration>,
}

impl Default for WorkerConfig {
    fn default() -> Self {
        Self {
            ladder: Ladder::default(),
            thumbnails: Some(Duration::from_secs(5)),
        }
    }
}

/// The environment variable by which the supervisor says what the limits are, as JSON.
pub(crate) const LIMITS_VARIABLE: &str = "BRIDGE_WORKER_LIMITS";

/// What a worker may take of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WorkerLimits {
    /// MiB of memory that it may write to; 0 for no limit. One that wants more ends and is replaced.
    pub memory_mib: u64,
    /// How far it steps back where processors are short, as `nice` says it: 0 to 19.
    pub nice: u8,
}

impl Default for WorkerLimits {
    fn default() -> Self {
        Self {
            memory_mib: 2048,
            nice: 5,
        }
    }
}

/// Which rungs there may be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Ladder {
    /// The best first. Those that are not smaller than the source are left out.
    pub rungs: Vec<Rung>,
    /// The H.264 encoder, as GStreamer names it. When absent, hardware by rank, else x264.
    pub encoder: Option<String>,
    /// x264's preset. When absent, by the cores of the machine.
    pub preset: Option<String>,
    /// A WebRTC publisher whose keyframes are further apart is asked for them this often, so that its
    /// picture can be cut into segments as it is. When absent it is not asked, and encoded instead.
    pub whip_keyframes: Option<Duration>,
}

impl Default for Ladder {
    fn default() -> Self {
        let rung = |height, bitrate, frame_rate| Rung {
            height,
            bitrate,
            frame_rate,
        };
        Self {
            rungs: vec![
                rung(1080, 4_500_000, 60),
                rung(720, 2_500_000, 60),
                rung(480, 1_200_000, 30),
                rung(360, 700_000, 30),
            ],
            encoder: None,
            preset: None,
            whip_keyframes: Some(Duration::from_secs(1)),
        }
    }
}

/// One rung.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rung {
    /// Pixels of the shorter side: a portrait picture is as wide as a landscape one is high.
    pub height: u32,
    /// Bits a second.
    pub bitrate: u32,
    /// Most frames a second; a source with more has every other one left out.
    pub frame_rate: u32,
}
