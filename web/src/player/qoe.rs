//! What the server is told of a playback: how long it took to begin, how often the picture stood still, and how far it
//! is behind. Where the publisher is gone nobody's playback is to blame, and who pauses wants it so.

use weir_protocol::QoeReport;

use super::words::{Phase, Transport};

/// From the first picture to the first report, so that short visits count too. Milliseconds.
const FIRST_MS: u64 = 5_000;
/// From one report to the next. Milliseconds.
const EVERY_MS: u64 = 30_000;
/// After a pause the receiver takes the time without pictures for a freeze, and says so with the next ones.
/// Milliseconds.
const RESUMED_MS: u64 = 3_000;

/// Freezes that a receiver has counted (webrtc-stats: RTCInboundRtpStreamStats).
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Freezes {
    /// How many.
    pub count: f64,
    /// How long they took altogether. Seconds.
    pub seconds: f64,
}

/// How it stands.
#[derive(Debug, Clone, Copy)]
pub struct Look<'a> {
    /// What the player shows of it.
    pub phase: Phase,
    /// What is in front.
    pub shown: Option<Transport>,
    /// The WHEP session, while it is open.
    pub session: Option<&'a str>,
    /// No pictures are wanted.
    pub paused: bool,
    /// Distance to the publisher. Milliseconds.
    pub delay_ms: Option<u32>,
    /// Where the browser counts them.
    pub freezes: Option<Freezes>,
    /// When HLS was asked for; what WebRTC took the server knows.
    pub hls_asked: u64,
}

/// What the player saw of the playback in front.
#[derive(Debug, Default)]
pub struct Qoe {
    playback: Option<Playback>,
    /// The one over WebRTC while another is in front: it may come back.
    aside: Option<Playback>,
    /// Since when the picture stands still. It ends with the next picture, which may be another playback's.
    still_since: Option<u64>,
}

#[derive(Debug)]
struct Playback {
    transport: Transport,
    session: Option<String>,
    join_ms: Option<u32>,
    stalls: u32,
    stall_ms: u64,
    delay_ms: Option<u32>,
    /// The receiver's count at the last look.
    freezes: Option<Freezes>,
    /// Until then what the receiver counts is of a pause.
    pause_until: u64,
    report_at: u64,
}

impl Qoe {
    /// Looks again; a report when one is due, which is only said of a playback that plays.
    pub fn look(&mut self, look: &Look, now: u64) -> Option<QoeReport> {
        let live = matches!(look.shown, Some(Transport::WebRtc | Transport::Hls));
        let transport = look.shown.filter(|_| live);
        match (transport, look.phase) {
            (Some(transport), Phase::Playing) => self.play(transport, look, now),
            (Some(_), Phase::Interrupted) if !look.paused => {
                self.still_since.get_or_insert(now);
                None
            }
            (Some(_), Phase::Interrupted) => None,
            _ => {
                self.still_since = None;
                None
            }
        }
    }

    /// What is left to be said when the page goes.
    pub fn last(&self) -> Option<QoeReport> {
        self.playback.as_ref().map(Playback::report)
    }

    fn play(&mut self, transport: Transport, look: &Look, now: u64) -> Option<QoeReport> {
        let session = look.session.filter(|_| transport == Transport::WebRtc);
        if transport == Transport::WebRtc && session.is_none() {
            return None;
        }
        let still = self.still_since.take().map(|since| now - since);
        let same =
            |it: &mut Playback| it.transport == transport && it.session.as_deref() == session;
        let known = self.playback.take_if(same);
        let goes_on = known.is_some();
        // The end of one over HLS is said now: the server knows it a while longer. One over WebRTC may be over there.
        let mut last = None;
        match self.playback.take() {
            Some(it) if it.transport == Transport::WebRtc => self.aside = Some(it),
            Some(it) => last = Some(it.report()),
            None => {}
        }
        let back = self.aside.take_if(same).map(|it| Playback {
            // Meanwhile another picture was shown.
            freezes: None,
            report_at: now + FIRST_MS,
            ..it
        });
        let mut playback = known.or(back).unwrap_or_else(|| Playback {
            transport,
            session: session.map(str::to_owned),
            join_ms: (transport == Transport::Hls).then(|| span(now - look.hls_asked.min(now))),
            stalls: 0,
            stall_ms: 0,
            delay_ms: None,
            freezes: None,
            pause_until: 0,
            report_at: now + FIRST_MS,
        });
        if look.paused {
            playback.pause_until = now + RESUMED_MS;
        }
        let counted = look.freezes.filter(|_| transport == Transport::WebRtc);
        if let (Some(before), Some(read)) = (playback.freezes, counted)
            && now >= playback.pause_until
        {
            playback.stalls += (read.count - before.count).max(0.0) as u32;
            playback.stall_ms += ((read.seconds - before.seconds).max(0.0) * 1_000.0) as u64;
        }
        playback.freezes = counted;
        // The receiver counts those in which its session lived on.
        if let Some(ms) = still.filter(|_| !goes_on || counted.is_none()) {
            playback.stalls += 1;
            playback.stall_ms += ms;
        }
        playback.delay_ms = look.delay_ms;
        let due = now >= playback.report_at;
        if due {
            playback.report_at = now + EVERY_MS;
        }
        let report = due.then(|| playback.report());
        self.playback = Some(playback);
        last.or(report)
    }
}

impl Playback {
    fn report(&self) -> QoeReport {
        QoeReport {
            session: self.session.clone(),
            join_ms: self.join_ms,
            stalls: self.stalls.min(1_000_000),
            stall_ms: self.stall_ms.min(86_400_000) as u32,
            delay_ms: self.delay_ms.map(|ms| span(ms.into())),
        }
    }
}

/// As long as a report takes it. Milliseconds.
fn span(ms: u64) -> u32 {
    ms.min(600_000) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOK: Look = Look {
        phase: Phase::Playing,
        shown: Some(Transport::WebRtc),
        session: Some("5e55"),
        paused: false,
        delay_ms: Some(90),
        freezes: Some(Freezes {
            count: 0.0,
            seconds: 0.0,
        }),
        hls_asked: 0,
    };

    fn said(report: Option<QoeReport>) -> (u32, u32) {
        let report = report.expect("a report");
        (report.stalls, report.stall_ms)
    }

    fn froze(count: f64, seconds: f64) -> Look<'static> {
        Look {
            freezes: Some(Freezes { count, seconds }),
            ..LOOK
        }
    }

    #[test]
    fn the_first_report_comes_soon_and_the_others_now_and_then() {
        let mut qoe = Qoe::default();
        let at: Vec<u64> = (0..100)
            .map(|second| second * 1_000)
            .filter(|now| qoe.look(&LOOK, *now).is_some())
            .collect();
        assert_eq!(at, [5_000, 35_000, 65_000, 95_000]);
        let last = qoe.last().expect("something was played");
        assert_eq!(last.session.as_deref(), Some("5e55"));
        assert_eq!((last.join_ms, last.delay_ms), (None, Some(90)));
        assert_eq!(Qoe::default().last(), None);
    }

    #[test]
    fn freezes_are_the_receivers_but_for_those_of_a_pause() {
        let mut qoe = Qoe::default();
        qoe.look(&froze(3.0, 9.0), 0);
        // What it had counted before the first picture of this playback is no stall.
        qoe.look(&froze(4.0, 9.5), 1_000);
        let interrupted = Look {
            phase: Phase::Interrupted,
            ..LOOK
        };
        qoe.look(&interrupted, 2_000);
        // Counted once, by the receiver.
        qoe.look(&froze(5.0, 11.5), 4_000);
        assert_eq!(said(qoe.look(&froze(5.0, 11.5), 5_000)), (2, 2_500));
        let paused = Look {
            paused: true,
            ..froze(5.0, 11.5)
        };
        qoe.look(&paused, 10_000);
        qoe.look(&froze(6.0, 21.5), 11_000);
        qoe.look(&froze(6.0, 21.5), 20_000);
        assert_eq!(said(qoe.last()), (2, 2_500));
    }

    #[test]
    fn a_picture_that_goes_on_by_another_way_stood_still_for_that_one() {
        let mut qoe = Qoe::default();
        qoe.look(&LOOK, 0);
        let still = Look {
            phase: Phase::Interrupted,
            ..LOOK
        };
        qoe.look(&still, 1_000);
        qoe.look(&still, 3_000);
        let hls = Look {
            shown: Some(Transport::Hls),
            session: None,
            hls_asked: 2_000,
            ..LOOK
        };
        qoe.look(&hls, 5_000);
        let report = qoe.look(&hls, 10_000).expect("a report");
        assert_eq!((report.session, report.join_ms), (None, Some(3_000)));
        assert_eq!((report.stalls, report.stall_ms), (1, 4_000));
        // There is no receiver: what the player saw counts.
        let buffering = Look {
            phase: Phase::Interrupted,
            ..hls
        };
        qoe.look(&buffering, 12_000);
        qoe.look(&hls, 12_500);
        // The session lived on: what the receiver took for a freeze was none, for it was not in front.
        assert_eq!(said(qoe.look(&froze(1.0, 11.0), 13_000)), (2, 4_500));
        qoe.look(&froze(2.0, 11.5), 14_000);
        assert_eq!(said(qoe.look(&froze(2.0, 11.5), 18_000)), (1, 500));
    }

    #[test]
    fn a_publisher_who_is_gone_and_the_past_are_no_stalls() {
        let mut qoe = Qoe::default();
        qoe.look(&LOOK, 0);
        for (phase, shown) in [
            (Phase::Reconnecting, Some(Transport::WebRtc)),
            (Phase::Offline, None),
            (Phase::Interrupted, Some(Transport::Dvr)),
        ] {
            let look = Look {
                phase,
                shown,
                ..LOOK
            };
            assert_eq!(qoe.look(&look, 10_000), None);
        }
        assert_eq!(said(qoe.look(&LOOK, 20_000)), (0, 0));
    }
}
