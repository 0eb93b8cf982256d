//! What we tell the viewer of its streams, and what its reports say.

use std::time::{Duration, Instant};

use weir_rtp::rtcp::{ReportBlock, SenderInfo, write_bye, write_sdes, write_sender_report};

use super::{Context, Egress, Keys};
use crate::wallclock::Wallclock;

/// Between sender reports. Receivers can bring sound and picture together, and players can tell their
/// delay, only when both were reported; RFC 3550 section 6.2 scales the minimum of 5 s down with the
/// session's bandwidth: 360 / 2,600 kbit/s allows 0.14 s.
const INTERVAL: Duration = Duration::from_secs(1);

/// RFC 3711 section 3.4: the index after what is sealed.
const RTCP_INDEX: usize = 4;

/// Room for two reports, names and the seal.
const COMPOUND: usize = 160;

#[derive(Debug, Default)]
pub(crate) struct Reports {
    next: Option<Instant>,
    round_trip: Option<Duration>,
    /// By the newest report on the picture, in 1/256.
    fraction_lost: u8,
    /// Cumulative loss of picture and sound.
    lost: [u32; 2],
    /// Plain compound, sealed elsewhere.
    scratch: Vec<u8>,
}

impl Reports {
    pub(crate) fn round_trip(&self) -> Option<Duration> {
        self.round_trip
    }

    pub(crate) fn loss(&self) -> f32 {
        f32::from(self.fraction_lost) / 256.0
    }
}

impl Egress {
    /// Sends the reports when they are due.
    pub(super) fn report(&mut self, cx: &mut Context<'_>) {
        if self.reports.next.is_some_and(|next| cx.now < next) {
            return;
        }
        let Some(keys) = &mut self.keys else { return };
        let plain = &mut self.reports.scratch;
        plain.clear();
        plain.reserve(COMPOUND);
        let mut ssrcs = [0; 2];
        let mut count = 0;
        let mut cname = "";
        for stream in [&self.video, &self.audio].into_iter().flatten() {
            let Some(timestamp) = stream.munger.timestamp_at(cx.now) else {
                continue;
            };
            let info = SenderInfo {
                ssrc: stream.ssrc,
                ntp: cx.wallclock.ntp(cx.now),
                rtp: timestamp,
                packets: stream.packets,
                octets: stream.octets,
            };
            write_sender_report(plain, &info, &[]);
            ssrcs[count] = stream.ssrc;
            cname = stream.cname();
            count += 1;
        }
        if count == 0 {
            return;
        }
        write_sdes(plain, cname, &ssrcs[..count]);
        send(keys, plain, cx);
        self.reports.next = Some(cx.now + INTERVAL);
    }

    /// Says goodbye (RFC 3550 section 6.6).
    pub(crate) fn close(&mut self, cx: &mut Context<'_>) {
        let Some(keys) = &mut self.keys else { return };
        let mut ssrcs = Vec::new();
        for stream in [&self.video, &self.audio].into_iter().flatten() {
            ssrcs.push(stream.ssrc);
        }
        let Some(first) = ssrcs.first().copied() else {
            return;
        };
        let mut plain = Vec::new();
        // A compound begins with a report.
        weir_rtp::rtcp::write_receiver_report(&mut plain, first, &[]);
        write_bye(&mut plain, &ssrcs);
        send(keys, &plain, cx);
    }

    /// A report block of the viewer.
    pub(super) fn reported(&mut self, now: Instant, wallclock: &Wallclock, block: &ReportBlock) {
        let is =
            |stream: &Option<super::Stream>| stream.as_ref().is_some_and(|s| s.ssrc == block.ssrc);
        let index = match (is(&self.video), is(&self.audio)) {
            (true, _) => 0,
            (_, true) => 1,
            (false, false) => return,
        };
        let lost = u32::try_from(block.cumulative_lost).unwrap_or(0);
        self.stats.lost += u64::from(lost.saturating_sub(self.reports.lost[index]));
        self.reports.lost[index] = self.reports.lost[index].max(lost);
        if index == 0 {
            self.reports.fraction_lost = block.fraction_lost;
            self.estimator.loss(now, block.fraction_lost);
        }
        if block.lsr != 0 {
            // RFC 3550 section 6.4.1: in units of 1/65,536 s, modulo 2³².
            let middle = (wallclock.ntp(now) >> 16) as u32;
            let units = middle.wrapping_sub(block.lsr).wrapping_sub(block.dlsr);
            // Clocks are read at different moments: a little below zero is zero.
            let units = if units > i32::MAX as u32 { 0 } else { units };
            let round_trip = Duration::from_micros(u64::from(units) * 1_000_000 / 65_536);
            self.reports.round_trip = Some(match self.reports.round_trip {
                Some(before) => (before * 7 + round_trip) / 8,
                None => round_trip,
            });
            if let Some(round_trip) = self.reports.round_trip {
                self.estimator.rtt(round_trip);
            }
        }
        if index == 0 {
            let room = self.room();
            let round_trip = self.reports.round_trip;
            if let Some(fec) = self.video.as_mut().and_then(|video| video.fec.as_mut()) {
                fec.reported(block, round_trip, room);
            }
        }
    }
}

fn send(keys: &mut Keys, plain: &[u8], cx: &mut Context<'_>) {
    let sealer = &mut keys.sealer;
    let len = plain.len() + sealer.profile().tag_len() + RTCP_INDEX;
    cx.outbox.append(cx.path, len, |out| {
        let start = out.len();
        out.extend_from_slice(plain);
        sealer.seal_rtcp(out, start).is_ok()
    });
}
