//! The media side of a viewer, as a browser behaves: opens what comes, asks again for what is missing,
//! reports arrivals, shows frames when they and their predecessors are complete. It also holds the
//! SFU to what must be true of every stream that it sends.

use std::{
    collections::{BTreeMap, HashSet},
    time::{Duration, Instant},
};

use weir_rtp::{
    packet::{Packet, extend_seq, is_rtcp},
    rtcp::{self, ReportBlock, Rtcp, write_nack, write_pli, write_receiver_report},
    srtp::{OpenError, Opener, Profile, Sealer},
    twcc::FeedbackBuilder,
};

use crate::{
    keyed::Keys,
    ladder::{Told, told},
};

/// libwebrtc's timing: what is missing is looked at each 20 ms and asked for again after its default
/// round trip, ten times at most.
const TICK: Duration = Duration::from_millis(20);
const ASK_AGAIN: Duration = Duration::from_millis(100);
const ASKED_AT_MOST: u32 = 10;

/// Between transport-wide feedbacks.
const FEEDBACK: Duration = Duration::from_millis(60);

/// Without a new picture for so long a keyframe is asked for, and again.
const STUCK: Duration = Duration::from_secs(1);

/// The SSRC of the receiver's own reports.
const OURS: u32 = 0x0f0f_0f0f;

/// What the answer says of the streams.
#[derive(Debug, Default, Clone, Copy)]
pub struct Streams {
    pub video: u32,
    pub rtx: Option<u32>,
    pub audio: u32,
    pub twcc: Option<u8>,
}

impl Streams {
    pub fn of(answer: &str) -> Self {
        let mut streams = Self::default();
        for section in answer.split("\r\nm=").skip(1) {
            let line = |start: &str| section.lines().find_map(|l| l.strip_prefix(start));
            let ssrc = line("a=ssrc:").and_then(|l| l.split(' ').next()?.parse().ok());
            let mut pair = line("a=ssrc-group:FID ").unwrap_or_default().split(' ');
            if section.starts_with("video") {
                let first = pair.next().and_then(|ssrc| ssrc.parse().ok());
                streams.video = first.or(ssrc).unwrap_or(0);
                streams.rtx = pair.next().and_then(|ssrc| ssrc.parse().ok());
                let mut extensions = section.lines().filter_map(|l| l.strip_prefix("a=extmap:"));
                let twcc = extensions.find(|l| l.contains("transport-wide-cc"));
                streams.twcc = twcc.and_then(|l| l.split(' ').next()?.parse().ok());
            } else if section.starts_with("audio") {
                streams.audio = ssrc.unwrap_or(0);
            }
        }
        streams
    }
}

/// A picture that was shown.
#[derive(Debug, Clone, Copy)]
pub struct Shown {
    pub at: Instant,
    pub told: Told,
    pub timestamp: u32,
}

/// A sender report as it came.
#[derive(Debug, Clone, Copy)]
pub struct Report {
    pub ssrc: u32,
    pub ntp: u64,
    pub rtp: u32,
}

#[derive(Debug, Clone, Copy)]
struct Part {
    timestamp: u32,
    marker: bool,
    told: Told,
}

#[derive(Debug, Clone, Copy)]
struct Missing {
    since: Instant,
    asked: Option<Instant>,
    times: u32,
}

pub struct Receiver {
    opener: Opener,
    sealer: Sealer,
    profile: Profile,
    pub streams: Streams,
    begun: Instant,
    next_tick: Instant,
    next_feedback: Instant,
    next_report: Instant,
    twcc: FeedbackBuilder,
    twcc_last: Option<u64>,
    // Video that is not shown yet.
    parts: BTreeMap<u64, Part>,
    highest: Option<u64>,
    /// Next number to be shown.
    next: Option<u64>,
    missing: BTreeMap<u64, Missing>,
    progress: Instant,
    pli_at: Option<Instant>,
    pub shown: Vec<Shown>,
    /// Arrival, timestamp and number of each sound, and when it was captured.
    pub sounds: Vec<(Instant, u32, u64, u64)>,
    pub reports: Vec<Report>,
    /// What must not be.
    pub wrong: Vec<String>,
    /// Every (SSRC, index) under the sender's key; reports as SSRC 0.
    pub indices: HashSet<(u32, u64)>,
    pub repeated: u64,
    pub not_authentic: u64,
    pub packets: u64,
    pub octets: u64,
    pub retransmitted: u64,
    pub nacked: u64,
    pub plis: u64,
    pub goodbyes: u64,
    pub twcc_sent: u64,
    // For receiver reports.
    first: Option<u64>,
    received: u64,
    reported: (u64, u64),
    lsr: Option<(u32, Instant)>,
    /// Answers nothing.
    pub silent: bool,
    /// Asks for nothing again.
    pub no_nack: bool,
}

impl Receiver {
    pub fn new(now: Instant, keys: &Keys, streams: Streams) -> Self {
        Self {
            opener: Opener::new(keys.profile, &keys.theirs),
            sealer: Sealer::new(keys.profile, &keys.ours),
            profile: keys.profile,
            streams,
            begun: now,
            next_tick: now,
            next_feedback: now + FEEDBACK,
            next_report: now + Duration::from_millis(500),
            twcc: FeedbackBuilder::new(),
            twcc_last: None,
            parts: BTreeMap::new(),
            highest: None,
            next: None,
            missing: BTreeMap::new(),
            progress: now,
            pli_at: None,
            shown: Vec::new(),
            sounds: Vec::new(),
            reports: Vec::new(),
            wrong: Vec::new(),
            indices: HashSet::new(),
            repeated: 0,
            not_authentic: 0,
            packets: 0,
            octets: 0,
            retransmitted: 0,
            nacked: 0,
            plis: 0,
            goodbyes: 0,
            twcc_sent: 0,
            first: None,
            received: 0,
            reported: (0, 0),
            lsr: None,
            silent: false,
            no_nack: false,
        }
    }

    pub fn due(&self) -> Instant {
        self.next_tick
    }

    /// An SRTP or SRTCP datagram.
    pub fn receive(&mut self, now: Instant, datagram: &[u8], out: &mut Vec<Vec<u8>>) {
        let mut bytes = datagram.to_vec();
        if is_rtcp(datagram) {
            let trailer = datagram.len()
                - 4
                - match self.profile {
                    Profile::Aes128CmSha1_80 => self.profile.tag_len(),
                    Profile::Aes128Gcm | Profile::Aes256Gcm => 0,
                };
            let index = u32::from_be_bytes(datagram[trailer..trailer + 4].try_into().unwrap());
            match self.opener.open_rtcp(&mut bytes) {
                Ok(len) => {
                    self.index(0, u64::from(index & 0x7fff_ffff));
                    self.control(now, &bytes[..len]);
                }
                Err(error) => self.refused(error),
            }
            return;
        }
        let opened = match self.opener.open_rtp(&mut bytes) {
            Ok(opened) => opened,
            Err(error) => return self.refused(error),
        };
        let packet = Packet::parse(&bytes[..opened.plain_len]).unwrap();
        self.index(packet.ssrc, opened.index);
        self.packets += 1;
        self.octets += datagram.len() as u64;
        if let Some(value) = self.streams.twcc.and_then(|id| packet.extension(id)) {
            let seq = extend_seq(self.twcc_last, u16::from_be_bytes([value[0], value[1]]));
            self.twcc_last = self.twcc_last.max(Some(seq));
            self.twcc.record(seq, (now - self.begun).as_micros() as i64);
        }
        if packet.ssrc == self.streams.audio {
            let captured = packet
                .payload
                .get(1..9)
                .map(|b| u64::from_be_bytes(b.try_into().unwrap()));
            self.sounds
                .push((now, packet.timestamp, opened.index, captured.unwrap_or(0)));
            return;
        }
        let (seq, payload) = if packet.ssrc == self.streams.video {
            self.first.get_or_insert(opened.index);
            self.received += 1;
            (opened.index, packet.payload)
        } else if Some(packet.ssrc) == self.streams.rtx {
            self.retransmitted += 1;
            let Some((seq, payload)) = packet.payload.split_first_chunk::<2>() else {
                return;
            };
            (extend_seq(self.highest, u16::from_be_bytes(*seq)), payload)
        } else {
            self.wrong.push(format!("unknown SSRC {:x}", packet.ssrc));
            return;
        };
        let Some(said) = told(payload) else {
            self.wrong
                .push(format!("payload of {} octets at {seq}", payload.len()));
            return;
        };
        let part = Part {
            timestamp: packet.timestamp,
            marker: packet.marker,
            told: said,
        };
        self.video(now, seq, part);
        self.ask(now, out);
    }

    fn video(&mut self, now: Instant, seq: u64, part: Part) {
        self.missing.remove(&seq);
        if self.next.is_some_and(|next| seq < next) {
            return;
        }
        if let Some(before) = self.parts.insert(seq, part)
            && (before.told != part.told
                || before.timestamp != part.timestamp
                || before.marker != part.marker)
        {
            self.wrong
                .push(format!("{seq} was {before:?} and is {part:?}"));
        }
        let highest = self.highest.unwrap_or(seq.saturating_sub(1));
        if seq > highest {
            for missing in highest + 1..seq {
                let entry = Missing {
                    since: now,
                    asked: None,
                    times: 0,
                };
                self.missing.insert(missing, entry);
            }
            self.highest = Some(seq);
        }
        self.highest.get_or_insert(seq);
        while let Some((first, last)) = self.showable() {
            self.show(now, first, last);
        }
    }

    /// First and last number of the frame that can be shown now.
    fn showable(&self) -> Option<(u64, u64)> {
        if let Some(next) = self.next
            && let Some(found) = self.complete(next)
        {
            return Some(found);
        }
        // A complete keyframe begins anew whatever is missing before it.
        self.parts
            .iter()
            .filter(|(_, part)| part.told.keyframe && part.told.part == 0)
            .find_map(|(seq, _)| self.complete(*seq))
    }

    fn complete(&self, first: u64) -> Option<(u64, u64)> {
        let timestamp = self.parts.get(&first)?.timestamp;
        let mut seq = first;
        loop {
            let part = self.parts.get(&seq)?;
            if part.timestamp != timestamp || u64::from(part.told.part) != seq - first {
                return None;
            }
            if part.marker {
                return Some((first, seq));
            }
            seq += 1;
        }
    }

    fn show(&mut self, now: Instant, first: u64, last: u64) {
        let part = self.parts[&first];
        let said = part.told;
        if let Some(before) = self.shown.last() {
            let goes_on = self.next == Some(first);
            let follows = said.layer == before.told.layer && said.frame == before.told.frame + 1;
            if goes_on && !follows && !said.keyframe {
                self.wrong.push(format!("{said:?} after {:?}", before.told));
            }
            let ahead = part.timestamp.wrapping_sub(before.timestamp) as i32;
            if ahead <= 0 {
                self.wrong.push(format!(
                    "timestamp {ahead} from {:?} to {said:?}",
                    before.told
                ));
            }
            let ids = said.picture_id.wrapping_sub(before.told.picture_id) & 0x7fff;
            let base = said.tl0.wrapping_sub(before.told.tl0);
            if goes_on && (ids != 1 || base != 1) {
                self.wrong.push(format!(
                    "picture id +{ids}, TL0PICIDX +{base} from {:?} to {said:?}",
                    before.told
                ));
            }
        } else if !said.keyframe {
            self.wrong.push(format!("begins with {said:?}"));
        }
        self.next = Some(last + 1);
        self.parts = self.parts.split_off(&(last + 1));
        self.missing = self.missing.split_off(&(last + 1));
        self.progress = now;
        self.shown.push(Shown {
            at: now,
            told: said,
            timestamp: part.timestamp,
        });
    }

    /// Lets time pass.
    pub fn tick(&mut self, now: Instant, out: &mut Vec<Vec<u8>>) {
        if now < self.next_tick {
            return;
        }
        self.next_tick = now + TICK;
        self.ask(now, out);
        let given_up = self
            .missing
            .values()
            .any(|m| m.times >= ASKED_AT_MOST && now > m.since + STUCK);
        let stuck = self.highest.is_some() && now > self.progress + STUCK;
        let again = self.pli_at.is_none_or(|at| now > at + STUCK);
        if (stuck || given_up) && again && !self.parts.is_empty() {
            self.pli(now, out);
        }
        if now >= self.next_feedback && self.twcc.is_pending() {
            self.next_feedback = now + FEEDBACK;
            let mut plain = Vec::new();
            self.twcc.write(&mut plain, OURS, self.streams.video);
            self.twcc_sent += 1;
            self.seal(plain, out);
        }
        if now >= self.next_report {
            self.next_report = now + Duration::from_secs(1);
            self.report(now, out);
        }
    }

    pub fn pli(&mut self, now: Instant, out: &mut Vec<Vec<u8>>) {
        self.pli_at = Some(now);
        self.plis += 1;
        let mut plain = Vec::new();
        write_pli(&mut plain, OURS, self.streams.video);
        self.seal(plain, out);
    }

    /// Asks for anything that is wanted.
    pub fn nack(&mut self, lost: impl IntoIterator<Item = u16>, out: &mut Vec<Vec<u8>>) {
        let mut plain = Vec::new();
        write_nack(&mut plain, OURS, self.streams.video, lost);
        self.seal(plain, out);
    }

    pub fn seal(&mut self, mut plain: Vec<u8>, out: &mut Vec<Vec<u8>>) {
        if !self.silent && !plain.is_empty() {
            self.sealer.seal_rtcp(&mut plain, 0).unwrap();
            out.push(plain);
        }
    }

    /// The 16-bit number of the newest packet.
    pub fn newest(&self) -> u16 {
        self.highest.unwrap_or(0) as u16
    }

    fn ask(&mut self, now: Instant, out: &mut Vec<Vec<u8>>) {
        if self.no_nack {
            return;
        }
        let mut lost = Vec::new();
        for (seq, missing) in &mut self.missing {
            let again = missing.asked.is_none_or(|at| now >= at + ASK_AGAIN);
            if again && missing.times < ASKED_AT_MOST {
                missing.asked = Some(now);
                missing.times += 1;
                lost.push(*seq as u16);
            }
        }
        if !lost.is_empty() {
            self.nacked += lost.len() as u64;
            self.nack(lost, out);
        }
    }

    fn report(&mut self, now: Instant, out: &mut Vec<Vec<u8>>) {
        let (Some(first), Some(highest)) = (self.first, self.highest) else {
            return;
        };
        let expected = highest + 1 - first.min(highest);
        let (expected_now, received_now) =
            (expected - self.reported.0, self.received - self.reported.1);
        self.reported = (expected, self.received);
        let lost_now = expected_now.saturating_sub(received_now);
        let block = ReportBlock {
            ssrc: self.streams.video,
            fraction_lost: (lost_now * 256 / expected_now.max(1)).min(255) as u8,
            cumulative_lost: expected as i32 - self.received as i32,
            highest_seq: highest as u32,
            jitter: 0,
            lsr: self.lsr.map_or(0, |(lsr, _)| lsr),
            dlsr: self.lsr.map_or(0, |(_, at)| {
                ((now - at).as_micros() * 65_536 / 1_000_000) as u32
            }),
        };
        let mut plain = Vec::new();
        write_receiver_report(&mut plain, OURS, &[block]);
        self.seal(plain, out);
    }

    fn control(&mut self, now: Instant, compound: &[u8]) {
        for packet in rtcp::packets(compound) {
            match packet.unwrap() {
                Rtcp::SenderReport(report) => {
                    if report.ssrc == self.streams.video {
                        self.lsr = Some(((report.ntp >> 16) as u32, now));
                    }
                    self.reports.push(Report {
                        ssrc: report.ssrc,
                        ntp: report.ntp,
                        rtp: report.rtp,
                    });
                }
                Rtcp::Bye(_) => self.goodbyes += 1,
                _ => {}
            }
        }
    }

    fn index(&mut self, ssrc: u32, index: u64) {
        if !self.indices.insert((ssrc, index)) {
            self.repeated += 1;
        }
    }

    fn refused(&mut self, error: OpenError) {
        match error {
            OpenError::Replayed => self.repeated += 1,
            _ => self.not_authentic += 1,
        }
    }
}
