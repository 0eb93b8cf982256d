//! What the ingest doctor finds wrong with a publisher's stream.

mod english;

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

impl Severity {
    /// All of them.
    pub const ALL: &[Self] = &[Self::Info, Self::Warning, Self::Error];

    /// The word, as in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// Defines the codes once: as words, and in a list.
macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $word:literal,)+) => {
        /// What was found. The names are part of the API and do not change.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        pub enum FindingCode {
            $($(#[$doc])* #[serde(rename = $word)] $name,)+
        }

        impl FindingCode {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The word, as in JSON.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)+
                }
            }
        }
    };
}

codes! {
    /// The video has B-frames, which WebRTC cannot show.
    BFrames = "b_frames",
    /// Keyframes are far apart.
    KeyframesFar = "keyframes_far",
    /// Keyframes come at irregular times.
    KeyframesIrregular = "keyframes_irregular",
    /// The video's configuration record and its parameter sets say different things.
    ProfileMismatch = "profile_mismatch",
    /// The declared level does not allow this size and frame rate.
    LevelTooLow = "level_too_low",
    /// The video's parameters changed in the middle of the stream.
    ParametersChanged = "parameters_changed",
    /// Pictures come at uneven times.
    FrameRateVariable = "frame_rate_variable",
    /// Pictures are missing.
    FramesDropped = "frames_dropped",
    /// The video is 10-bit, not 4:2:0 or interlaced: browsers cannot decode it as it is.
    VideoFormat = "video_format",
    /// The video has the full range of values, which many players do not expect.
    ColorFullRange = "color_full_range",
    /// The video is HD, and its colours are said to be those of SD, or nothing is said.
    ColorMatrix = "color_matrix",
    /// Pictures are damaged and were left out.
    VideoDamaged = "video_damaged",
    /// The bit rate goes up and down.
    BitrateUnstable = "bitrate_unstable",
    /// There is sound, but no picture.
    VideoMissing = "video_missing",
    /// There is a picture, but no sound.
    AudioMissing = "audio_missing",
    /// The sound is silence.
    AudioSilent = "audio_silent",
    /// The sound is too loud and distorted.
    AudioClipped = "audio_clipped",
    /// The sound does not have 48,000 samples a second.
    AudioSampleRate = "audio_sample_rate",
    /// Sound and picture that arrive together do not have the same time.
    AvOffset = "av_offset",
    /// Sound and picture move apart.
    AvDrift = "av_drift",
    /// Media arrives in bursts.
    ArrivalBursty = "arrival_bursty",
    /// The publisher sends slower than real time.
    UploadSlow = "upload_slow",
    /// Timestamps jump.
    TimestampsJump = "timestamps_jump",
    /// The machine cannot encode all rungs in time: some are left out.
    Overload = "overload",
    /// The stream's worker died and was replaced.
    WorkerRestarted = "worker_restarted",
    /// The stream's worker crashes again and again, and is left alone for a while.
    WorkerQuarantined = "worker_quarantined",
    /// The recording stopped; the live stream goes on.
    RecordingStopped = "recording_stopped",
    /// The publisher sends something that Weir cannot use.
    Unsupported = "unsupported",
    /// The publisher sends more tracks than viewers get.
    TracksIgnored = "tracks_ignored",
    /// The video has a high dynamic range, which viewers see as if it had none.
    HdrVideo = "hdr_video",
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

/// A finding as the API shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Finding {
    /// Stays the same for its whole life: one for each code and broadcast.
    pub id: String,
    /// What.
    pub code: FindingCode,
    /// How bad it was at worst.
    pub severity: Severity,
    /// Whether it holds now.
    pub active: bool,
    /// Figures; the end of a name is the unit: `_s`, `_ms`, `_fps`, `_kbps`, `_percent`, `_db`, `_hz`, `_px`.
    pub values: BTreeMap<String, f64>,
    /// Words that belong to it.
    pub words: BTreeMap<String, String>,
    /// Whether Weir mends it for viewers.
    pub repaired: bool,
    /// When it was seen first, in milliseconds since the Unix epoch.
    pub first_at: i64,
    /// When it was seen last.
    pub last_at: i64,
    /// When it was over, or the broadcast was; absent while it holds.
    pub cleared_at: Option<i64>,
    /// How often it came in this broadcast.
    pub count: u32,
    /// The broadcast; absent in the moment before it has a number.
    pub broadcast_id: Option<String>,
    /// The same in words, English.
    pub text: FindingText,
}

/// A finding in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FindingText {
    /// What is wrong.
    pub title: String,
    /// What viewers see or hear of it.
    pub effect: String,
    /// What Weir does about it; absent where it does nothing.
    pub repair: Option<String>,
    /// What to do about it, with the way through OBS's settings.
    pub fix: String,
}

/// What a text is made of.
#[derive(Debug, Clone, Copy)]
pub struct FindingFacts<'a> {
    /// What.
    pub code: FindingCode,
    /// Figures.
    pub values: &'a BTreeMap<String, f64>,
    /// Words.
    pub words: &'a BTreeMap<String, String>,
    /// Whether it is mended.
    pub repaired: bool,
}

impl FindingFacts<'_> {
    /// In English. Other languages are further functions of the same facts.
    pub fn english(self) -> FindingText {
        english::text(self)
    }

    fn value(&self, name: &str) -> f64 {
        self.values.get(name).copied().unwrap_or_default()
    }

    fn word(&self, name: &str) -> &str {
        self.words.get(name).map_or("", String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_json() {
        for code in FindingCode::ALL {
            assert_eq!(
                serde_json::to_value(code).expect("json"),
                serde_json::Value::from(code.as_str())
            );
        }
        for severity in Severity::ALL {
            assert_eq!(
                serde_json::to_value(severity).expect("json"),
                serde_json::Value::from(severity.as_str())
            );
        }
    }

    #[test]
    fn every_code_says_what_viewers_see_and_what_to_do() {
        let (values, words) = (BTreeMap::new(), BTreeMap::new());
        for code in FindingCode::ALL {
            for repaired in [false, true] {
                let facts = FindingFacts {
                    code: *code,
                    values: &values,
                    words: &words,
                    repaired,
                };
                let text = facts.english();
                for text in [&text.title, &text.effect, &text.fix] {
                    assert!(text.len() > 10, "{code:?}: {text:?}");
                    assert!(
                        text.ends_with(['.', '!']) || *text == text.trim(),
                        "{text:?}"
                    );
                }
                assert!(!text.title.ends_with('.'), "a title is no sentence");
                assert!(repaired || text.repair.is_none(), "{code:?}");
            }
        }
    }
}
