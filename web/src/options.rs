//! `?transport=webrtc|hls` and `?player=native|hlsjs` of the watch page: for tests and for support.

use crate::player::{HlsPlayer, Policy, Transport};

/// What the address asks for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// Which transports may be used.
    pub policy: Policy,
    /// Which HLS player; by default what fits the browser.
    pub hls_player: Option<HlsPlayer>,
}

impl Options {
    /// Reads the query of an address, with or without its question mark. Unknown words change nothing.
    pub fn parse(query: &str) -> Self {
        let mut options = Self::default();
        for pair in query.trim_start_matches('?').split('&') {
            match pair {
                "transport=webrtc" => options.policy = Policy::Only(Transport::WebRtc),
                "transport=hls" => options.policy = Policy::Only(Transport::Hls),
                "player=native" => options.hls_player = Some(HlsPlayer::Native),
                "player=hlsjs" => options.hls_player = Some(HlsPlayer::HlsJs),
                _ => {}
            }
        }
        options
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_knows_and_leaves_the_rest() {
        assert_eq!(Options::parse(""), Options::default());
        assert_eq!(
            Options::parse("?utm=x&transport=carrier-pigeon"),
            Options::default()
        );
        assert_eq!(
            Options::parse("?transport=hls&player=native"),
            Options {
                policy: Policy::Only(Transport::Hls),
                hls_player: Some(HlsPlayer::Native)
            }
        );
        assert_eq!(
            Options::parse("transport=webrtc").policy,
            Policy::Only(Transport::WebRtc)
        );
    }
}
