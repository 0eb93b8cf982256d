//! Numbers as people say them.

use weir_protocol::IngestProtocol;

/// `1 viewer`, `12 viewers`, `1.2k viewers`.
pub fn viewers(count: u32) -> String {
    match count {
        1 => "1 viewer".to_owned(),
        0..1_000 => format!("{count} viewers"),
        1_000..1_000_000 => format!("{:.1}k viewers", f64::from(count / 100) / 10.0),
        _ => format!("{:.1}M viewers", f64::from(count / 100_000) / 10.0),
    }
}

/// How long ago, for a card: `just now`, `5 min`, `2 h 10 min`, `3 days`.
pub fn since(started_ms: i64, now_ms: i64) -> String {
    let minutes = (now_ms - started_ms).max(0) / 60_000;
    match (minutes / 1_440, minutes / 60, minutes % 60) {
        (0, 0, 0) => "just now".to_owned(),
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, 0) => format!("{hours} h"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (1, ..) => "1 day".to_owned(),
        (days, ..) => format!("{days} days"),
    }
}

/// How the publisher reaches the server.
pub fn protocol(protocol: IngestProtocol) -> &'static str {
    match protocol {
        IngestProtocol::Rtmp => "RTMP",
        IngestProtocol::Whip => "WHIP",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts() {
        assert_eq!(viewers(0), "0 viewers");
        assert_eq!(viewers(1), "1 viewer");
        assert_eq!(viewers(999), "999 viewers");
        assert_eq!(viewers(1_000), "1.0k viewers");
        assert_eq!(viewers(12_399), "12.3k viewers");
        assert_eq!(viewers(2_000_000), "2.0M viewers");
    }

    #[test]
    fn durations() {
        let minute = 60_000;
        assert_eq!(since(1_000, 0), "just now", "clocks differ");
        assert_eq!(since(0, 59_999), "just now");
        assert_eq!(since(0, 5 * minute), "5 min");
        assert_eq!(since(0, 120 * minute), "2 h");
        assert_eq!(since(0, 130 * minute), "2 h 10 min");
        assert_eq!(since(0, 1_500 * minute), "1 day");
        assert_eq!(since(0, 3 * 1_440 * minute), "3 days");
    }
}
