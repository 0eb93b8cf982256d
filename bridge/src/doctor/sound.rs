//! Whether there is sound, and whether it can be listened to.

use std::{collections::VecDeque, time::Duration};

use weir_protocol::finding::{FindingCode, Severity};

use super::{
    board::{Board, Hold, Sign},
    meter::Level,
};

/// A track that says nothing for so long while the other goes on is missing.
const MISSING: Duration = Duration::from_secs(3);
/// Below this sound is silence.
const SILENT_DB: f64 = -60.0;
/// Blocks that are looked at for clipping: five seconds.
const BLOCKS: usize = 50;
/// So much of the sound at full scale is clipped: a well-set sound touches it seldom.
const CLIPPED: f64 = 0.01;
/// What WebRTC has.
const RATE: u32 = 48_000;
/// Below this, voices sound dull.
const LOW_RATE: u32 = 32_000;

const MISSING_HOLD: Hold = Hold::seconds(0, 2);
const SILENT_HOLD: Hold = Hold::seconds(10, 1);
const CLIPPED_HOLD: Hold = Hold::seconds(2, 15);
const RATE_HOLD: Hold = Hold::seconds(0, 0);

#[derive(Debug, Default)]
pub(super) struct Sound {
    first: Option<Duration>,
    last_video: Option<Duration>,
    last_audio: Option<Duration>,
    clipped: VecDeque<f64>,
}

impl Sound {
    pub(super) fn format(&mut self, now: Duration, board: &mut Board, rate: u32) {
        self.clipped.clear();
        let sign = (rate != RATE).then(|| {
            let severity = match rate < LOW_RATE {
                true => Severity::Warning,
                false => Severity::Info,
            };
            Sign::new(FindingCode::AudioSampleRate, severity)
                .value("sample_rate_hz", rate.into())
                .repaired(true)
        });
        board.judge(now, RATE_HOLD, FindingCode::AudioSampleRate, sign);
    }

    pub(super) fn video_at(&mut self, now: Duration) {
        self.first.get_or_insert(now);
        self.last_video = Some(now);
    }

    pub(super) fn audio_at(&mut self, now: Duration) {
        self.first.get_or_insert(now);
        self.last_audio = Some(now);
    }

    /// What was missing may have waited in this machine.
    pub(super) fn own_fault(&mut self, now: Duration) {
        for last in [&mut self.last_video, &mut self.last_audio] {
            *last = last.map(|_| now);
        }
    }

    pub(super) fn level(&mut self, now: Duration, board: &mut Board, level: Level) {
        let silent = (level.rms_db < SILENT_DB).then(|| {
            Sign::new(FindingCode::AudioSilent, Severity::Warning).value("level_db", level.rms_db)
        });
        board.judge(now, SILENT_HOLD, FindingCode::AudioSilent, silent);

        self.clipped.push_back(level.clipped);
        if self.clipped.len() > BLOCKS {
            self.clipped.pop_front();
        }
        let share = self.clipped.iter().sum::<f64>() / BLOCKS as f64;
        let sign = (share > CLIPPED).then(|| {
            Sign::new(FindingCode::AudioClipped, Severity::Warning)
                .value("clipped_percent", share * 100.0)
        });
        board.judge(now, CLIPPED_HOLD, FindingCode::AudioClipped, sign);
    }

    /// Once a second.
    pub(super) fn look(&mut self, now: Duration, board: &mut Board) {
        let Some(first) = self.first else { return };
        let quiet = |last: Option<Duration>| now.saturating_sub(last.unwrap_or(first)) >= MISSING;
        let (video_quiet, audio_quiet) = (quiet(self.last_video), quiet(self.last_audio));
        let sign = (audio_quiet && !video_quiet)
            .then(|| Sign::new(FindingCode::AudioMissing, Severity::Warning));
        board.judge(now, MISSING_HOLD, FindingCode::AudioMissing, sign);
        // Who never had a picture wants none; who had one has lost it.
        let severity = match self.last_video {
            Some(_) => Severity::Error,
            None => Severity::Info,
        };
        let sign =
            (video_quiet && !audio_quiet).then(|| Sign::new(FindingCode::VideoMissing, severity));
        board.judge(now, MISSING_HOLD, FindingCode::VideoMissing, sign);
    }
}
