//! How far behind the publisher the picture is.

/// Milliseconds from the NTP epoch (1900) to the Unix epoch (1970); RFC 5905, figure 4.
const NTP_TO_UNIX_MS: f64 = 2_208_988_800_000.0;

/// A delay outside this range is a clock that lies, not a stream that lags.
const PLAUSIBLE_MS: std::ops::Range<f64> = -250.0..600_000.0;

/// From `estimatedPlayoutTimestamp` of the receiver's statistics (webrtc-stats, RTCInboundRtpStreamStats): the
/// sender's time of the frame on screen, in NTP milliseconds.
pub fn from_playout_timestamp(server_now_ms: f64, playout_ntp_ms: f64) -> Option<u32> {
    plausible(server_now_ms - (playout_ntp_ms - NTP_TO_UNIX_MS))
}

/// From the programme date of the frame on screen (RFC 8216, `EXT-X-PROGRAM-DATE-TIME`), in Unix milliseconds.
pub fn from_program_date(server_now_ms: f64, playing_date_ms: f64) -> Option<u32> {
    plausible(server_now_ms - playing_date_ms)
}

/// For people: hundredths where they matter, tenths above.
pub fn words(delay_ms: u32) -> String {
    let seconds = f64::from(delay_ms) / 1_000.0;
    if delay_ms < 1_000 {
        format!("{seconds:.2} s")
    } else {
        format!("{seconds:.1} s")
    }
}

fn plausible(ms: f64) -> Option<u32> {
    // Small negative values are the error of the clock's measurement.
    PLAUSIBLE_MS
        .contains(&ms)
        .then(|| ms.max(0.0).round() as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_from_the_ntp_epoch() {
        let now = 1_790_000_000_000.0;
        assert_eq!(
            from_playout_timestamp(now, now + NTP_TO_UNIX_MS - 180.0),
            Some(180)
        );
    }

    #[test]
    fn a_little_before_its_time_is_now_and_more_is_nonsense() {
        assert_eq!(from_program_date(1_000.0, 1_100.0), Some(0));
        assert_eq!(from_program_date(1_000.0, 5_000.0), None);
        assert_eq!(from_program_date(1e12, 0.0), None);
        assert_eq!(from_playout_timestamp(f64::NAN, 1.0), None);
    }

    #[test]
    fn words_have_the_digits_that_matter() {
        assert_eq!(words(0), "0.00 s");
        assert_eq!(words(184), "0.18 s");
        assert_eq!(words(2_349), "2.3 s");
    }
}
