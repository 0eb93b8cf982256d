//! Watch parties: everybody in a stream's room sees the same moment of a recording.
//!
//! The server holds one [`Party`] for each stream: which media, and a point of a line. The line says where
//! everybody is at any time: at `at` by the server's clock the media was at `position_ms`, and it moves by
//! `rate` while it plays. A client asks for the server's clock (`GET /api/v1/time`, corrected by half of
//! the round trip), computes where it should be with [`Party::position_at`], and compares that with where
//! its player is: the difference is its drift. [`correction`] says what to do about it.
//!
//! The point stays true without messages, so clients that come late, reconnect, or change their transport
//! need nothing but the state.

use serde::{Deserialize, Serialize};

/// A drift below this many milliseconds is left alone: nobody hears or sees it, and a player's own clock
/// jitters by as much.
pub const DRIFT_TOLERATED_MS: i64 = 120;

/// A drift above this many milliseconds is mended by a jump, since catching up would take too long.
pub const DRIFT_JUMP_MS: i64 = 3_000;

/// How much faster or slower a player runs to mend its drift: voices keep their sound.
pub const CATCH_UP: f64 = 0.06;

/// Longest reference in characters.
pub const MEDIA_MAX: usize = 2_000;

/// What a stream's viewers watch together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Party {
    /// What is played: `recording:` or `broadcast:` and an id of this server, or the `https:` address of a
    /// recording.
    pub media: String,
    /// Where the media ends, in milliseconds; absent when nobody has said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub duration_ms: Option<i64>,
    /// Where the media was at `at`, in milliseconds from its beginning.
    pub position_ms: i64,
    /// Whether it moves.
    pub playing: bool,
    /// How fast it moves, as a factor.
    pub rate: f64,
    /// When `position_ms` was true, by the server's clock, in milliseconds since the Unix epoch.
    pub at: i64,
    /// Counts changes: of two states the one with the greater number is the newer.
    pub version: i64,
}

/// Body of `PUT /api/v1/streams/{slug}/party`: what is absent stays as it is; a new party begins at 0,
/// stopped, at rate 1.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct SteerParty {
    /// What is played. Another than before begins at 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 2000))]
    pub media: Option<String>,
    /// Where the media ends, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 604_800_000))]
    pub duration_ms: Option<i64>,
    /// Where to go, in milliseconds from the beginning.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 0, maximum = 604_800_000))]
    pub position_ms: Option<i64>,
    /// Whether to play or to stop.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub playing: Option<bool>,
    /// How fast.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 0.25, maximum = 4.0))]
    pub rate: Option<f64>,
}

/// What a player does about its drift.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Correction {
    /// Nothing.
    Stay,
    /// Play at this rate until the drift is tolerable.
    Rate(f64),
    /// Go to this position, in milliseconds.
    Jump(i64),
}

impl Party {
    /// Where the media is at a time of the server's clock, in milliseconds from its beginning; never before
    /// the beginning or behind the end.
    pub fn position_at(&self, now: i64) -> i64 {
        let passed = now.saturating_sub(self.at).max(0);
        // Milliseconds of a week stay exact in a double.
        #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]
        let moved = if self.playing {
            (passed as f64 * self.rate) as i64
        } else {
            0
        };
        let position = self.position_ms.saturating_add(moved).max(0);
        position.min(self.duration_ms.unwrap_or(i64::MAX))
    }

    /// The state after somebody steered at `now`.
    #[must_use]
    pub fn steered(&self, to: &SteerParty, now: i64) -> Self {
        let media = to.media.clone().unwrap_or_else(|| self.media.clone());
        let is_other = media != self.media;
        let duration_ms = match to.duration_ms {
            None if !is_other => self.duration_ms,
            said => said,
        };
        let before = if is_other { 0 } else { self.position_at(now) };
        let position = to.position_ms.unwrap_or(before);
        Self {
            media,
            duration_ms,
            position_ms: position.clamp(0, duration_ms.unwrap_or(i64::MAX)),
            playing: to.playing.unwrap_or(self.playing && !is_other),
            rate: to.rate.unwrap_or(self.rate),
            at: now,
            version: self.version + 1,
        }
    }
}

/// What a player at `position_ms` does when the server's clock says `now`. Drift is where the player is less
/// where it should be; up to [`DRIFT_TOLERATED_MS`] it stays, up to [`DRIFT_JUMP_MS`] it runs by
/// [`CATCH_UP`] faster or slower, and beyond it jumps. A stopped party has no rate to mend with: it jumps.
pub fn correction(party: &Party, position_ms: i64, now: i64) -> Correction {
    let target = party.position_at(now);
    let drift = position_ms.saturating_sub(target);
    match drift.saturating_abs() {
        ..=DRIFT_TOLERATED_MS => Correction::Stay,
        ..=DRIFT_JUMP_MS if party.playing => {
            let change = if drift > 0 {
                1.0 - CATCH_UP
            } else {
                1.0 + CATCH_UP
            };
            Correction::Rate(party.rate * change)
        }
        _ => Correction::Jump(target),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn party() -> Party {
        Party {
            media: "recording:7".into(),
            duration_ms: Some(60_000),
            position_ms: 10_000,
            playing: true,
            rate: 1.5,
            at: 1_000_000,
            version: 3,
        }
    }

    #[test]
    fn everybody_computes_the_same_moment() {
        let party = party();
        for (now, expected) in [
            (1_000_000, 10_000),
            (1_002_000, 13_000),
            (900_000, 10_000),
            (9_000_000, 60_000),
        ] {
            assert_eq!(party.position_at(now), expected, "{now}");
        }
        let stopped = Party {
            playing: false,
            ..party
        };
        assert_eq!(stopped.position_at(1_002_000), 10_000);
    }

    #[test]
    fn steering_goes_on_from_where_everybody_is() {
        let at = 1_002_000;
        let stop = SteerParty {
            playing: Some(false),
            ..SteerParty::default()
        };
        let stopped = party().steered(&stop, at);
        assert_eq!(
            (stopped.position_ms, stopped.playing, stopped.version),
            (13_000, false, 4)
        );
        let slower = SteerParty {
            rate: Some(1.0),
            ..SteerParty::default()
        };
        let slower = party().steered(&slower, at);
        assert_eq!(slower.position_at(at + 1_000), 14_000);
        let seek = SteerParty {
            position_ms: Some(90_000),
            ..SteerParty::default()
        };
        assert_eq!(
            party().steered(&seek, at).position_ms,
            60_000,
            "not behind the end"
        );
        let other = SteerParty {
            media: Some("recording:8".into()),
            ..SteerParty::default()
        };
        let other = party().steered(&other, at);
        assert_eq!(
            (other.position_ms, other.playing, other.duration_ms),
            (0, false, None)
        );
    }

    #[test]
    fn drift_is_mended_gently_or_at_once() {
        let (party, now) = (party(), 1_002_000);
        let table = [
            (13_000, Correction::Stay),
            (13_120, Correction::Stay),
            (12_880, Correction::Stay),
            (13_500, Correction::Rate(1.5 * (1.0 - CATCH_UP))),
            (11_000, Correction::Rate(1.5 * (1.0 + CATCH_UP))),
            (16_001, Correction::Jump(13_000)),
            (0, Correction::Jump(13_000)),
        ];
        for (position, expected) in table {
            assert_eq!(correction(&party, position, now), expected, "{position}");
        }
        let stopped = Party {
            playing: false,
            ..party
        };
        assert_eq!(correction(&stopped, 10_500, now), Correction::Jump(10_000));
    }
}
