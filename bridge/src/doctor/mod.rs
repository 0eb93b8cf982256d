//! The ingest doctor: looks at what a publisher sends, and says what is wrong with it.
//!
//! Pure state: it is told what arrived and when, and gives out [`FindingReport`]s. Each part looks at one
//! thing and gives signs; the board makes findings of those that stay.

mod arrival;
mod bitrate;
mod board;
mod keyframes;
mod meter;
mod pace;
mod shape;
mod sound;
mod sync;
#[cfg(test)]
mod tests;

use std::time::Duration;

use bytes::Bytes;
use weir_media::{MediaTime, VideoCodec};
use weir_protocol::finding::{FindingCode, FindingReport, Severity};

pub use meter::{Level, Meter};

use arrival::Arrival;
use bitrate::Bitrate;
use board::{Board, Hold, Sign};
use keyframes::Keyframes;
use pace::Pace;
use shape::Shape;
use sound::Sound;
use sync::Sync;

/// A second of media time.
const SECOND: MediaTime = 1_000_000_000;

/// How often what needs time is looked at.
const LOOK: Duration = Duration::from_secs(1);

const DAMAGED_HOLD: Hold = Hold::seconds(0, 30);
const UNSUPPORTED_HOLD: Hold = Hold::seconds(0, 0);

/// What becomes of the video.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Treatment {
    /// WebRTC viewers get it encoded again.
    pub rtp_encoded: bool,
    /// HLS gets it encoded again.
    pub hls_encoded: bool,
}

/// What was seen of one coded picture.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// Decoding time.
    pub dts: MediaTime,
    /// Presentation time.
    pub pts: MediaTime,
    /// Bytes.
    pub size: usize,
    /// Decoding can start here.
    pub keyframe: bool,
    /// It refers to later pictures (H.264; other codecs are judged by their times).
    pub b_slice: Option<bool>,
    /// The sequence parameter set that came with it, a whole NAL unit.
    pub sps: Option<Bytes>,
    /// An earlier worker has had it: when it arrives says nothing.
    pub replay: bool,
}

/// Looks at one stream. All times are since its start; they never go back.
#[derive(Debug, Default)]
pub struct Doctor {
    board: Board,
    shape: Shape,
    keyframes: Keyframes,
    pace: Pace,
    bitrate: Bitrate,
    arrival: Arrival,
    sync: Sync,
    sound: Sound,
    treatment: Treatment,
    /// It is a WebRTC publisher, whose encoder answers requests for keyframes and adapts to its network.
    interactive: bool,
    has_video: bool,
    damaged: u64,
    last_look: Duration,
}

impl Doctor {
    /// A track of pictures begins, or its configuration changes. `interactive`: over WebRTC.
    pub fn video_format(
        &mut self,
        now: Duration,
        codec: VideoCodec,
        config: &Bytes,
        interactive: bool,
    ) {
        self.interactive = interactive;
        self.has_video = true;
        self.keyframes.reset();
        self.pace.reset();
        self.bitrate.reset();
        self.shape.format(now, &mut self.board, codec, config);
    }

    /// A track of sound begins, or its configuration changes. `rate` where the coded sound has one.
    pub fn audio_format(&mut self, now: Duration, rate: Option<u32>) {
        if let Some(rate) = rate {
            self.sound.format(now, &mut self.board, rate);
        }
    }

    /// What becomes of the video from now on.
    pub fn treatment(&mut self, treatment: Treatment) {
        self.treatment = treatment;
    }

    /// A picture arrived.
    pub fn picture(&mut self, now: Duration, seen: &Seen) {
        let (board, by) = (&mut self.board, self.treatment);
        if let Some(sps) = &seen.sps {
            self.shape.parameter_set(now, board, sps);
        }
        let reordered = seen.b_slice.unwrap_or(seen.pts > seen.dts);
        self.shape.picture(now, board, reordered, by);
        if !self.interactive {
            let at = (seen.dts, seen.keyframe);
            self.keyframes.picture(now, board, at, by);
        }
        if seen.replay {
            return;
        }
        let coded = (seen.dts, seen.keyframe, seen.size);
        self.bitrate.picture(now, board, coded, by);
        if self.pace.picture(now, board, seen.dts) {
            self.arrival.reset();
            self.sync.reset();
        }
        self.sound.video_at(now);
        self.arrival.unit(now, board, seen.dts);
        self.sync.picture(now, seen.dts);
        self.look(now);
    }

    /// A frame of sound arrived. `lasts`: by its samples.
    pub fn sound(&mut self, now: Duration, time: MediaTime, lasts: Option<MediaTime>) {
        self.sound.audio_at(now);
        self.sync.sound(now, time, lasts);
        if !self.has_video {
            self.arrival.unit(now, &mut self.board, time);
        }
        self.look(now);
    }

    /// A block of the sound was measured.
    pub fn level(&mut self, now: Duration, level: Level) {
        self.sound.level(now, &mut self.board, level);
    }

    /// This machine was late to look: when things arrived is not known.
    pub fn late(&mut self, now: Duration) {
        self.arrival.own_fault(now);
        self.sound.own_fault(now);
        self.sync.reset();
    }

    /// A picture could not be read and was left out.
    pub fn damaged(&mut self, now: Duration) {
        self.damaged += 1;
        let sign = Sign::new(FindingCode::VideoDamaged, Severity::Warning)
            .value("pictures", self.damaged as f64)
            .repaired(true);
        self.board.bad(now, DAMAGED_HOLD, sign);
    }

    /// Something that the publisher sends cannot be used; `None`: it can.
    pub fn unsupported(&mut self, now: Duration, what: Option<&str>) {
        let sign = what
            .map(|what| Sign::new(FindingCode::Unsupported, Severity::Error).word("what", what));
        self.board
            .judge(now, UNSUPPORTED_HOLD, FindingCode::Unsupported, sign);
    }

    /// To be called now and then, also when nothing arrives.
    pub fn look(&mut self, now: Duration) {
        if now.saturating_sub(self.last_look) < LOOK {
            return;
        }
        self.last_look = now;
        let board = &mut self.board;
        let said = self.shape.frame_rate();
        self.pace.look(now, board, said, self.interactive);
        self.shape
            .look(now, board, self.pace.frame_rate(), self.treatment);
        self.arrival.look(now, board);
        self.sync.look(now, board);
        self.sound.look(now, board);
        board.good(now, DAMAGED_HOLD, FindingCode::VideoDamaged);
    }

    /// What there is to say since the last call.
    pub fn take(&mut self) -> Vec<FindingReport> {
        self.board.take()
    }
}
