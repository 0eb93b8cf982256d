//! Sends more for a moment than the stream is, to learn whether the next layer would fit.
//!
//! A probe is made of packets that the viewer has already, as retransmissions of the last ones: they
//! harm nobody, and where one was lost they even mend it. Where there are none, since video pauses, it
//! is made of padding. Where no retransmission was negotiated there is no probe, and the estimate grows
//! only with the stream.

use std::time::Instant;

use super::{Context, Egress, pacer::TICK};
use crate::bwe::ProbeId;

/// Packets looked back at for a probe. What is missing is padding.
const LOOK_BACK: u64 = 64;

#[derive(Debug)]
pub(super) struct Probing {
    id: ProbeId,
    /// In bit/s.
    bitrate: u64,
    octets_left: usize,
    pub(super) next: Instant,
    last: Instant,
}

impl Egress {
    /// Begins a probe if the estimate could gain by one.
    pub(super) fn probe(&mut self, cx: &mut Context<'_>) {
        if self.probing.is_some() || self.behind.is_some() {
            return;
        }
        let wanted = self.wanted_bitrate();
        let Some(probe) = self.estimator.poll_probe(cx.now, wanted) else {
            return;
        };
        self.probing = Some(Probing {
            id: probe.id,
            bitrate: probe.bitrate,
            octets_left: probe.bytes,
            next: cx.now,
            last: cx.now,
        });
        self.send_probe(cx);
    }

    /// The next portion of a probe.
    pub(super) fn send_probe(&mut self, cx: &mut Context<'_>) {
        let Some(probing) = &mut self.probing else {
            return;
        };
        if cx.now < probing.next {
            return;
        }
        // A first portion at once; later ones by the time that passed.
        let passed = cx.now.saturating_duration_since(probing.last).max(TICK);
        let portion = (passed.as_micros() as u64 * probing.bitrate / 8_000_000) as usize;
        let mut left = portion.min(probing.octets_left);
        probing.octets_left -= left;
        probing.last = cx.now;
        probing.next = cx.now + TICK;
        let (id, done) = (probing.id, probing.octets_left == 0);
        if done {
            self.probing = None;
        }
        let (Some(keys), Some(video)) = (&mut self.keys, &mut self.video) else {
            return;
        };
        let mut wire = keys.wire(cx.outbox, cx.path);
        let (estimator, now) = (&mut self.estimator, cx.now);
        let mut twcc = |size| estimator.sent(now, size, Some(id));
        let newest = video.munger.last_seq();
        let mut back = 1..=LOOK_BACK;
        while left > 0 {
            let sent = match newest.zip(back.next()) {
                Some((newest, back)) => {
                    let Some(seq) = newest.checked_sub(back) else {
                        continue;
                    };
                    let packet = video.munger.origin(seq).and_then(|origin| {
                        let layer = cx.layers.get(origin.layer)?;
                        layer.store.get(origin.epoch, origin.seq)
                    });
                    let Some(packet) = packet else { continue };
                    let Some(munged) = video.munger.again(seq, packet) else {
                        continue;
                    };
                    video.resend(&mut wire, packet, &munged, packet.marker, &mut twcc)
                }
                None => video.pad(&mut wire, &mut twcc),
            };
            match sent {
                Some(size) => left = left.saturating_sub(size),
                None => return,
            }
        }
    }
}
