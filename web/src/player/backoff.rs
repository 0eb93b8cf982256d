//! When WebRTC is tried again.

/// While HLS plays, a new attempt is for comfort: rare, so that it costs neither side much. Milliseconds.
const BEHIND_HLS_MS: [u64; 4] = [15_000, 30_000, 60_000, 120_000];

/// With nothing on screen, a new attempt is what the viewer waits for. Milliseconds.
const NOTHING_ELSE_MS: [u64; 5] = [1_000, 2_000, 4_000, 8_000, 15_000];

/// What plays, or could play, while WebRTC does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meanwhile {
    /// HLS.
    Hls,
    /// Nothing: the viewer asked for WebRTC only.
    Nothing,
}

/// Milliseconds to wait after this many failures in a row, the first being 1.
pub fn wait_ms(failures: u32, meanwhile: Meanwhile) -> u64 {
    let steps: &[u64] = match meanwhile {
        Meanwhile::Hls => &BEHIND_HLS_MS,
        Meanwhile::Nothing => &NOTHING_ELSE_MS,
    };
    let step = (failures.max(1) as usize - 1).min(steps.len() - 1);
    steps[step]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_to_two_minutes_and_stays() {
        let waits: Vec<u64> = (0..7).map(|n| wait_ms(n, Meanwhile::Hls)).collect();
        assert_eq!(
            waits,
            [15_000, 15_000, 30_000, 60_000, 120_000, 120_000, 120_000]
        );
    }

    #[test]
    fn is_quick_where_nothing_else_plays() {
        assert_eq!(wait_ms(1, Meanwhile::Nothing), 1_000);
        assert_eq!(wait_ms(99, Meanwhile::Nothing), 15_000);
    }
}
