//! What of a publisher's stream is not taken, or not as it was sent: for the log, and for the streamer.

use std::collections::{BTreeMap, BTreeSet};

use tracing::warn;
use weir_media::{Kind, MediaTime};
use weir_protocol::finding::{FindingCode, FindingReport, Severity};

use super::flv::{ColourInfo, Unsupported};

/// Most different complaints that are logged per publisher; the rest is silent.
const MAX_LOGGED: usize = 8;
/// A clock that has not leapt for so long is taken for good.
const CALM: MediaTime = 60_000_000_000;

/// The complaints about one publisher. Each is told once, and what is kept of them is bounded.
#[derive(Default)]
pub struct Complaints {
    logged: Vec<String>,
    /// What cannot be used: a kind, and its name.
    unsupported: BTreeMap<String, String>,
    /// Tracks that are left out.
    video_tracks: BTreeSet<u8>,
    audio_tracks: BTreeSet<u8>,
    hdr: Option<&'static str>,
    leaps: u64,
    /// When the clock leapt last, until that is forgotten.
    leapt: Option<MediaTime>,
}

impl Complaints {
    /// What a new connection may have put right.
    pub fn begin() -> impl Iterator<Item = FindingReport> {
        [
            FindingCode::Unsupported,
            FindingCode::TracksIgnored,
            FindingCode::HdrVideo,
            FindingCode::TimestampsJump,
        ]
        .into_iter()
        .map(cleared)
    }

    /// Logs a complaint once.
    pub fn log(&mut self, complaint: String) {
        if self.logged.len() < MAX_LOGGED && !self.logged.contains(&complaint) {
            warn!("{complaint}");
            self.logged.push(complaint);
        }
    }

    /// How many were logged.
    #[cfg(test)]
    pub fn logged(&self) -> usize {
        self.logged.len()
    }

    /// A codec or feature that is not taken.
    pub fn unsupported(&mut self, what: Unsupported) -> Option<FindingReport> {
        let (kind, name) = match what {
            Unsupported::Codec(Kind::Video, name) => ("video", name),
            Unsupported::Codec(Kind::Audio, name) => ("audio", name),
            Unsupported::Feature(name) => ("feature", name),
        };
        self.log(format!("ignoring {name}, which is not supported"));
        if self.unsupported.contains_key(kind) {
            return None;
        }
        self.unsupported.insert(kind.to_owned(), name);
        Some(FindingReport {
            words: self.unsupported.clone(),
            ..active(FindingCode::Unsupported, Severity::Error)
        })
    }

    /// A track beside those that are taken.
    pub fn track(&mut self, kind: Kind, track: u8) -> Option<FindingReport> {
        let tracks = match kind {
            Kind::Video => &mut self.video_tracks,
            Kind::Audio => &mut self.audio_tracks,
        };
        if !tracks.insert(track) {
            return None;
        }
        self.log(format!(
            "ignoring {kind:?} track {track}: viewers get one sound, and pictures of one codec"
        ));
        let count = |tracks: &BTreeSet<u8>| tracks.len() as f64;
        Some(FindingReport {
            values: [
                ("video".to_owned(), count(&self.video_tracks)),
                ("audio".to_owned(), count(&self.audio_tracks)),
            ]
            .into(),
            ..active(FindingCode::TracksIgnored, Severity::Info)
        })
    }

    /// How the video's colours are to be shown.
    pub fn colour(&mut self, colour: ColourInfo) -> Option<FindingReport> {
        let hdr = colour.hdr();
        if hdr == self.hdr {
            return None;
        }
        self.hdr = hdr;
        let Some(name) = hdr else {
            return Some(cleared(FindingCode::HdrVideo));
        };
        self.log(format!(
            "the video is {name}; viewers see it as if it were not"
        ));
        Some(FindingReport {
            values: [
                ("bits".to_owned(), colour.bit_depth.into()),
                ("max_cll".to_owned(), colour.max_cll),
            ]
            .into(),
            words: [("transfer".to_owned(), name.to_owned())].into(),
            ..active(FindingCode::HdrVideo, Severity::Warning)
        })
    }

    /// The publisher's clock leapt by so many milliseconds at `time`. A clock that does so all the time
    /// is told of ever more rarely.
    pub fn leapt(&mut self, milliseconds: i64, time: MediaTime) -> Option<FindingReport> {
        self.leaps += 1;
        self.leapt = Some(time);
        self.log(format!(
            "the timestamps leapt by {milliseconds} ms; the timeline goes on without"
        ));
        self.leaps.is_power_of_two().then(|| FindingReport {
            values: [
                ("milliseconds".to_owned(), milliseconds as f64),
                ("count".to_owned(), self.leaps as f64),
            ]
            .into(),
            repaired: true,
            ..active(FindingCode::TimestampsJump, Severity::Warning)
        })
    }

    /// The clock is well at `time`.
    pub fn calm(&mut self, time: MediaTime) -> Option<FindingReport> {
        let leapt = self.leapt?;
        if time.saturating_sub(leapt) < CALM {
            return None;
        }
        self.leapt = None;
        self.leaps = 0;
        Some(cleared(FindingCode::TimestampsJump))
    }
}

fn active(code: FindingCode, severity: Severity) -> FindingReport {
    FindingReport {
        code,
        severity,
        active: true,
        values: BTreeMap::new(),
        words: BTreeMap::new(),
        repaired: false,
    }
}

fn cleared(code: FindingCode) -> FindingReport {
    FindingReport {
        active: false,
        ..active(code, Severity::Info)
    }
}
