//! The window of the past that viewers of a live stream can go back to. Moments are dates: milliseconds since the Unix
//! epoch by the server's clock, as the playlists have them.

use crate::texts::player as texts;

/// A window shorter than this is none: hardly anything of it is on the disk yet. Milliseconds.
const LEAST_MS: f64 = 12_000.0;
/// Nearer to now there is nothing on the disk yet: who goes there wants to be live. Milliseconds.
const LIVE_EDGE_MS: f64 = 6_000.0;
/// The oldest of a window that slides is removed while it is asked for: nobody is sent nearer to its end. Milliseconds.
const SLACK_MS: f64 = 10_000.0;

/// The tracks of a playlist begin within this of each other. hls.js takes a moment before one of them begins for none
/// of its business, and loads what is newest of that track: the picture would stand still. Seconds.
const BEGINNING_S: f64 = 1.0;

/// What of a broadcast can be gone back to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Window {
    /// The oldest moment.
    begins_ms: f64,
    /// Now, or when the broadcast was over.
    ends_ms: f64,
    /// Older moments were there and are gone.
    slides: bool,
}

/// Where a viewer goes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Place {
    /// To what is live.
    Live,
    /// To this moment.
    At(f64),
}

impl Window {
    /// Of a broadcast that began then, where so many seconds are kept. None before there is something to go back to.
    pub fn of_live(started_at: i64, seconds: u64, now_ms: f64) -> Option<Self> {
        let started_ms = started_at as f64;
        let oldest_ms = now_ms - seconds as f64 * 1_000.0;
        let window = Self {
            begins_ms: started_ms.max(oldest_ms),
            ends_ms: now_ms,
            slides: oldest_ms > started_ms,
        };
        (window.ends_ms - window.begins_ms >= LEAST_MS).then_some(window)
    }

    /// The newest moment.
    pub fn ends_ms(self) -> f64 {
        self.ends_ms
    }

    /// How far one can go back, in whole seconds.
    pub fn reach_s(self) -> u32 {
        ((self.ends_ms - self.begins_ms) / 1_000.0) as u32
    }

    /// How far behind the newest moment this one is, in whole seconds.
    pub fn behind_s(self, date_ms: f64) -> u32 {
        ((self.ends_ms - date_ms) / 1_000.0).round() as u32
    }

    /// Where a viewer comes who wants to go to this moment.
    pub fn place(self, date_ms: f64) -> Place {
        if date_ms > self.ends_ms - LIVE_EDGE_MS {
            return Place::Live;
        }
        Place::At(date_ms.max(self.safely_ms()))
    }

    /// Where a viewer is taken who stayed behind so long that this moment goes, or is gone.
    pub fn pushes(self, date_ms: f64) -> Option<f64> {
        (date_ms < self.safely_ms() - SLACK_MS / 2.0).then(|| self.safely_ms())
    }

    fn safely_ms(self) -> f64 {
        self.begins_ms + if self.slides { SLACK_MS } else { 0.0 }
    }
}

/// A segment in a player's time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Piece {
    /// Where it begins, in seconds.
    pub start_s: f64,
    /// How long it is.
    pub duration_s: f64,
    /// The date of its beginning.
    pub date_ms: f64,
}

/// Where a moment lies in a player's time, in seconds. What was not kept has no place there: then it is where the next
/// kept moment lies.
pub fn position(pieces: &[Piece], date_ms: f64) -> Option<f64> {
    let least_s = pieces.first()?.start_s + BEGINNING_S;
    let next = pieces.partition_point(|piece| piece.date_ms <= date_ms);
    let Some(piece) = next.checked_sub(1).map(|last| pieces[last]) else {
        return Some(least_s);
    };
    let within_s = (date_ms - piece.date_ms) / 1_000.0;
    let position_s = match pieces.get(next) {
        Some(next) if within_s >= piece.duration_s => next.start_s,
        _ => piece.start_s + within_s.min(piece.duration_s),
    };
    Some(position_s.max(least_s))
}

/// For those who look: `0:12`, `2:10`, `1:02:10`.
pub fn clock_words(seconds: u32) -> String {
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => format!("{minutes}:{seconds:02}"),
        _ => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

/// For those who listen: `2 minutes 10 seconds behind live`.
pub fn spoken(seconds: u32) -> String {
    let count = |number: u32, said: fn(u64) -> String| match number {
        0 => None,
        number => Some(said(number.into())),
    };
    let parts: Vec<String> = [
        count(seconds / 3_600, texts::hours),
        count(seconds / 60 % 60, texts::minutes),
        count(seconds % 60, texts::seconds),
    ]
    .into_iter()
    .flatten()
    .collect();
    if parts.is_empty() {
        return texts::live().to_owned();
    }
    texts::behind_by(parts.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_begins_with_the_broadcast_and_slides_later() {
        assert_eq!(
            Window::of_live(1_000_000, 60, 1_011_999.0),
            None,
            "too young"
        );
        let young = Window::of_live(1_000_000, 60, 1_030_000.0).expect("long enough");
        assert_eq!(young.reach_s(), 30);
        assert_eq!(young.place(0.0), Place::At(1_000_000.0));
        assert_eq!(young.pushes(0.0), Some(1_000_000.0));
        let old = Window::of_live(1_000_000, 60, 1_100_000.0).expect("long enough");
        assert_eq!(old.reach_s(), 60);
        assert_eq!(old.place(0.0), Place::At(1_050_000.0));
        assert_eq!(old.pushes(1_047_000.0), None);
        assert_eq!(old.pushes(1_044_000.0), Some(1_050_000.0));
        assert_eq!(Window::of_live(1_000_000, 0, 1_100_000.0), None);
    }

    #[test]
    fn who_goes_nearly_to_the_end_goes_live() {
        let window = Window::of_live(0, 60, 50_000.0).expect("long enough");
        assert_eq!(window.place(40_000.0), Place::At(40_000.0));
        assert_eq!(window.place(45_000.0), Place::Live);
        assert_eq!(window.place(90_000.0), Place::Live);
        assert_eq!(window.behind_s(39_600.0), 10);
        assert_eq!(window.behind_s(50_400.0), 0);
    }

    #[test]
    fn dates_are_found_in_the_players_time_across_a_gap() {
        let piece = |start_s, date_ms| Piece {
            start_s,
            duration_s: 4.0,
            date_ms,
        };
        // 20 s were not kept after the second one.
        let pieces = [
            piece(0.0, 100_000.0),
            piece(4.0, 104_000.0),
            piece(8.0, 128_000.0),
        ];
        assert_eq!(
            position(&pieces, 90_000.0),
            Some(1.0),
            "not at the very beginning"
        );
        assert_eq!(position(&pieces, 100_200.0), Some(1.0));
        assert_eq!(position(&pieces, 105_500.0), Some(5.5));
        assert_eq!(position(&pieces, 115_000.0), Some(8.0));
        assert_eq!(position(&pieces, 129_000.0), Some(9.0));
        assert_eq!(position(&pieces, 190_000.0), Some(12.0));
        assert_eq!(position(&[], 1.0), None);
    }

    #[test]
    fn words() {
        assert_eq!(clock_words(9), "0:09");
        assert_eq!(clock_words(130), "2:10");
        assert_eq!(clock_words(3_730), "1:02:10");
        assert_eq!(spoken(0), "Live");
        assert_eq!(spoken(61), "1 minute 1 second behind live");
        assert_eq!(spoken(130), "2 minutes 10 seconds behind live");
        assert_eq!(spoken(7_200), "2 hours behind live");
    }
}
