//! A viewer behind a path with losses and a long way, in virtual time: what repairs are worth beside
//! retransmissions. The receiver opens, decodes and asks again as players do.

use std::{
    collections::{BTreeMap, VecDeque},
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use weir_media::{Kind, RtpTracks, VideoCodec};
use weir_rtp::{
    packet::{Packet, extend_seq, is_rtcp},
    rtcp::{self, ReportBlock, Rtcp},
    srtp::{Opener, Profile, Sealer, split_keying_material},
    twcc::FeedbackBuilder,
};

use super::{Context, Egress};
use crate::{
    answer::{EgressCodec, EgressExtensions, EgressFec, EgressMedia},
    dtls::Agreed,
    flexfec::Flexfec,
    layers::Layers,
    outbox::{Outbox, Path, Via},
    packet::{Epoch, LayerId, MediaPacket, SourceInfo, single_layer, tests::video},
    wallclock::Wallclock,
};

const MEDIA: u32 = 0x11;
const RTX: u32 = 0x22;
const FEC: u32 = 0x33;
const TWCC: u8 = 3;

/// 2.5 Mbit/s in frames of 9 packets, keyframes of 27 every 2 s.
const FRAME_MICROS: u64 = 33_333;
const FRAME: u32 = 9;
const KEYFRAME: u32 = 27;
const GOP: u32 = 60;
const PAYLOAD: usize = 1_100;

/// libwebrtc's: a packet is asked for at most so often.
const MAX_NACKS: u32 = 10;

/// Reports, and feedback on arrivals, as browsers send them.
const REPORT: Duration = Duration::from_secs(1);
const ARRIVALS: Duration = Duration::from_millis(50);

/// Delay beyond the way's own, at most.
const JITTER_MICROS: u64 = 10_000;

/// What counts begins when the sender has seen reports, and ends when all can have arrived.
const FROM: u64 = 8;

#[derive(Debug, Clone, Copy)]
struct Way {
    /// Share of packets lost, each on its own; or where a loss begins, of bursts of this length.
    loss: f64,
    burst: f64,
    round_trip: Duration,
}

#[derive(Debug, Default)]
struct Frame {
    count: u32,
    have: u32,
    first: Option<Instant>,
    complete: Option<Instant>,
}

#[derive(Debug, Default)]
struct Receiver {
    /// The picture's packets by number, received or repaired, its transport-wide number zeroed.
    have: BTreeMap<u64, Vec<u8>>,
    highest: Option<u64>,
    /// When asked last and how often.
    missing: BTreeMap<u64, (Instant, u32)>,
    repairs: VecDeque<(Vec<u64>, Vec<u8>)>,
    frames: BTreeMap<u32, Frame>,
    arrivals: FeedbackBuilder,
    transport: Option<u64>,
    /// Zero of its clock.
    zero: Option<Instant>,
    /// First arrivals of the media itself.
    direct: u64,
    repaired: u64,
    before: (u64, u64),
    report: Option<(u32, Instant)>,
}

/// What one run showed.
#[derive(Debug)]
struct Outcome {
    /// Share of frames complete within 200 ms of their first packet.
    in_time: f64,
    /// Times between frames of more than 200 ms, and all of them together.
    freezes: usize,
    frozen: Duration,
    /// Octets beside the media's.
    repairs: f64,
    resent: f64,
    /// Packets that only a repair brought in time.
    repaired: u64,
    /// Of the sender's: octets of repairs in datagrams over all time.
    repair_packets: u64,
}

struct Sim {
    now: Instant,
    way: Way,
    random: u64,
    in_burst: bool,
    egress: Egress,
    layers: Layers,
    outbox: Outbox,
    wallclock: Wallclock,
    /// The viewer's keys.
    opener: Opener,
    sealer: Sealer,
    down: VecDeque<(Instant, Vec<u8>)>,
    up: VecDeque<(Instant, Vec<u8>)>,
    receiver: Receiver,
    octets: [u64; 3],
    /// Packets of the picture as they were sent, to compare repairs with.
    sent: BTreeMap<u64, Vec<u8>>,
}

fn path() -> Path {
    let address = |port| SocketAddr::from(([192, 0, 2, 1], port));
    Path {
        source: address(1),
        destination: address(2),
        via: Via::Udp,
    }
}

impl Sim {
    fn new(flexfec: Option<Flexfec>, way: Way) -> Self {
        let now = Instant::now();
        let media = EgressMedia {
            mid: "1".into(),
            kind: Kind::Video,
            ssrc: MEDIA,
            rtx_ssrc: Some(RTX),
            cname: "c".to_owned(),
            codecs: vec![EgressCodec {
                pt: 96,
                codec: Some(VideoCodec::Vp8),
                rtx: Some(97),
                red: None,
                fmtp: String::new(),
                nack: true,
                pli: true,
                transport_cc: true,
            }],
            extensions: EgressExtensions {
                mid: Some(4),
                transport_cc: Some(TWCC),
                ..EgressExtensions::default()
            },
            flexfec: flexfec.map(|_| EgressFec { pt: 49, ssrc: FEC }),
        };
        let mode = flexfec.unwrap_or(Flexfec::Off);
        let mut egress = Egress::new(now, vec![media], (0, 20), mode);
        let profile = Profile::Aes128Gcm;
        let material: Vec<u8> = (0..56).collect();
        let (client, server) = split_keying_material(profile, &material).unwrap();
        assert!(egress.connected(
            now,
            &Agreed {
                name: str0m::crypto::dtls::SrtpProfile::AEAD_AES_128_GCM,
                active: false,
                keys: Some((profile, material)),
                passed_on: Vec::new(),
            }
        ));
        let source = SourceInfo {
            epoch: Epoch(1),
            tracks: RtpTracks {
                video: Some(VideoCodec::Vp8),
                audio: false,
            },
            layers: single_layer(),
            announced: Vec::new().into(),
            h264_profile: None,
        };
        egress.set_source(&source).unwrap();
        Self {
            now,
            way,
            random: 0x853c_49e6_748f_ea9b,
            in_burst: false,
            egress,
            layers: Layers::new(Duration::from_millis(500)),
            outbox: Outbox::new(64),
            wallclock: Wallclock::new(now, SystemTime::UNIX_EPOCH + Duration::from_secs(1)),
            opener: Opener::new(profile, &server),
            sealer: Sealer::new(profile, &client),
            down: VecDeque::new(),
            up: VecDeque::new(),
            receiver: Receiver::default(),
            octets: [0; 3],
            sent: BTreeMap::new(),
        }
    }

    fn run(mut self, seconds: u64) -> Outcome {
        let start = self.now;
        let (mut frame, mut seq) = (0_u32, 1_000);
        for ms in 0..seconds * 1_000 {
            self.now = start + Duration::from_millis(ms);
            if self.egress.tick_at().is_some_and(|at| at <= self.now) {
                self.with_egress(|egress, cx| egress.tick(cx));
            }
            while u64::from(frame) * FRAME_MICROS <= ms * 1_000 {
                if frame == FROM as u32 * 30 {
                    self.octets = [0; 3];
                    self.receiver.repaired = 0;
                }
                self.write_frame(frame, &mut seq);
                frame += 1;
            }
            while self.up.front().is_some_and(|(at, _)| *at <= self.now) {
                let (_, mut datagram) = self.up.pop_front().unwrap();
                let taken = self.with_egress(|egress, cx| egress.feedback(cx, &mut datagram));
                assert!(taken);
            }
            while self.down.front().is_some_and(|(at, _)| *at <= self.now) {
                let (_, plain) = self.down.pop_front().unwrap();
                self.receiver.take(self.now, &plain, &self.sent);
            }
            self.answer(ms);
        }
        self.outcome(seconds)
    }

    fn with_egress<T>(&mut self, act: impl FnOnce(&mut Egress, &mut Context<'_>) -> T) -> T {
        let mut cx = Context {
            now: self.now,
            layers: &self.layers,
            outbox: &mut self.outbox,
            path: path(),
            wallclock: &self.wallclock,
        };
        let done = act(&mut self.egress, &mut cx);
        self.drain();
        done
    }

    fn write_frame(&mut self, frame: u32, seq: &mut u64) {
        let key = frame.is_multiple_of(GOP);
        let count = if key { KEYFRAME } else { FRAME };
        let mut batch = Vec::new();
        for part in 0..count {
            let mut payload = Vec::with_capacity(PAYLOAD);
            payload.extend(frame.to_be_bytes());
            payload.extend(count.to_be_bytes());
            payload.resize(PAYLOAD - part as usize % 3, part as u8);
            let packet = Arc::new(MediaPacket {
                timestamp: frame * 3_000,
                marker: part + 1 == count,
                keyframe: key,
                keyframe_start: key && part == 0,
                layer: LayerId::default(),
                payload: payload.into(),
                ..video(1, *seq, self.now)
            });
            *seq += 1;
            self.layers.push(self.now, &packet);
            batch.push(packet);
        }
        self.with_egress(|egress, cx| egress.send(cx, &batch));
    }

    /// What leaves is opened at once, and then it is lost or under way.
    fn drain(&mut self) {
        while let Some(transmit) = self.outbox.pop() {
            for datagram in transmit.contents.chunks(transmit.segment) {
                let mut plain = datagram.to_vec();
                if is_rtcp(&plain) {
                    let len = self.opener.open_rtcp(&mut plain).unwrap();
                    plain.truncate(len);
                } else {
                    let opened = self.opener.open_rtp(&mut plain).unwrap();
                    plain.truncate(opened.plain_len);
                    let packet = Packet::parse(&plain).unwrap();
                    let place = match packet.ssrc {
                        MEDIA => 0,
                        RTX => 1,
                        FEC => 2,
                        other => panic!("{other}"),
                    };
                    if packet.ssrc == MEDIA {
                        let highest = self.sent.last_key_value().map(|(seq, _)| *seq);
                        let seq = extend_seq(highest, packet.seq);
                        self.sent.insert(seq, without_twcc(&plain));
                    }
                    self.octets[place] += datagram.len() as u64;
                    if self.lost() {
                        continue;
                    }
                }
                // Some wait a little longer, and none overtakes.
                let jitter = Duration::from_micros(self.random() % JITTER_MICROS);
                let at = self.now + self.way.round_trip / 2 + jitter;
                let last = self.down.back().map_or(at, |(last, _)| *last);
                self.down.push_back((at.max(last), plain));
            }
        }
    }

    fn random(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }

    /// Gilbert's model; with bursts of one, each packet is lost on its own.
    fn lost(&mut self) -> bool {
        let draw = (self.random() >> 11) as f64 / (1_u64 << 53) as f64;
        let Way { loss, burst, .. } = self.way;
        self.in_burst = if burst <= 1.0 {
            draw < loss
        } else if self.in_burst {
            draw >= 1.0 / burst
        } else {
            draw < loss / (burst * (1.0 - loss))
        };
        self.in_burst
    }

    /// The viewer's feedback: what is missing at once, arrivals and reports in their time.
    fn answer(&mut self, ms: u64) {
        let mut plain = Vec::new();
        let receiver = &mut self.receiver;
        let every = |interval: Duration| ms > 0 && ms.is_multiple_of(interval.as_millis() as u64);
        if every(REPORT)
            && let Some(block) = receiver.block(self.now)
        {
            rtcp::write_receiver_report(&mut plain, 1, &[block]);
        }
        let again = self.way.round_trip + Duration::from_millis(5);
        let lost = receiver.asks(self.now, again);
        if plain.is_empty() && (!lost.is_empty() || every(ARRIVALS)) {
            rtcp::write_receiver_report(&mut plain, 1, &[]);
        }
        rtcp::write_nack(&mut plain, 1, MEDIA, lost);
        if every(ARRIVALS) {
            receiver.arrivals.write(&mut plain, 1, MEDIA);
        }
        if !plain.is_empty() {
            self.sealer.seal_rtcp(&mut plain, 0).unwrap();
            self.up
                .push_back((self.now + self.way.round_trip / 2, plain));
        }
    }

    fn outcome(self, seconds: u64) -> Outcome {
        let (from, to) = (FROM as u32 * 30, (seconds as u32 - 4) * 30);
        let limit = Duration::from_millis(200);
        let (mut in_time, mut freezes, mut frozen) = (0, 0, Duration::ZERO);
        let mut shown: Option<Instant> = None;
        let mut broken = false;
        for number in from..to {
            let frame = self.receiver.frames.get(&number);
            let complete = frame.and_then(|frame| frame.complete);
            let first = frame.and_then(|frame| frame.first);
            in_time += u32::from(
                complete
                    .zip(first)
                    .is_some_and(|(at, first)| at <= first + limit),
            );
            broken = match complete {
                Some(_) => broken && !number.is_multiple_of(GOP),
                None => true,
            };
            let Some(complete) = complete.filter(|_| !broken) else {
                continue;
            };
            if let Some(before) = shown {
                let gap = complete.saturating_duration_since(before);
                if gap > limit {
                    freezes += 1;
                    frozen += gap;
                }
            }
            shown = shown.max(Some(complete));
        }
        let share = |octets| octets as f64 / self.octets[0] as f64;
        Outcome {
            in_time: f64::from(in_time) / f64::from(to - from),
            freezes,
            frozen,
            resent: share(self.octets[1]),
            repairs: share(self.octets[2]),
            repaired: self.receiver.repaired,
            repair_packets: self.egress.stats.repairs,
        }
    }
}

fn without_twcc(plain: &[u8]) -> Vec<u8> {
    let mut out = plain.to_vec();
    // The first element of the block is ours: identifier and length, then the number.
    assert_eq!(out[16], TWCC << 4 | 1);
    out[17..19].fill(0);
    out
}

impl Receiver {
    fn take(&mut self, now: Instant, plain: &[u8], sent: &BTreeMap<u64, Vec<u8>>) {
        if is_rtcp(plain) {
            for packet in rtcp::packets(plain).flatten() {
                if let Rtcp::SenderReport(report) = packet {
                    self.report = Some(((report.ntp >> 16) as u32, now));
                }
            }
            return;
        }
        let packet = Packet::parse(plain).unwrap();
        let number = packet.extension(TWCC).unwrap();
        let number = extend_seq(self.transport, u16::from_be_bytes([number[0], number[1]]));
        self.transport = self.transport.max(Some(number));
        let zero = *self.zero.get_or_insert(now);
        let micros = now.saturating_duration_since(zero).as_micros() as i64;
        self.arrivals.record(number, micros);
        match packet.ssrc {
            MEDIA => {
                let seq = extend_seq(self.highest, packet.seq);
                self.direct += 1;
                if let Some(highest) = self.highest {
                    for lost in highest + 1..seq {
                        if !self.have.contains_key(&lost) {
                            self.missing.insert(lost, (now, 0));
                        }
                    }
                }
                self.highest = self.highest.max(Some(seq));
                self.has(now, seq, without_twcc(plain));
            }
            RTX => {
                let Some((seq, payload)) = packet.payload.split_first_chunk::<2>() else {
                    return;
                };
                // Padding alone is a probe.
                if payload.len() < 300 || self.highest.is_none() {
                    return;
                }
                let seq = extend_seq(self.highest, u16::from_be_bytes(*seq));
                if let Some(original) = sent.get(&seq) {
                    assert!(original.ends_with(payload) || original[0] & 0x20 != 0);
                    self.has(now, seq, original.clone());
                }
            }
            _ => {
                let (seqs, body) = read_repair(packet.payload, self.highest);
                self.repairs.push_back((seqs, body));
                if self.repairs.len() > 64 {
                    self.repairs.pop_front();
                }
                self.repair(now, sent);
            }
        }
    }

    fn has(&mut self, now: Instant, seq: u64, plain: Vec<u8>) {
        self.missing.remove(&seq);
        if self.have.contains_key(&seq) {
            return;
        }
        let header_len = Packet::parse(&plain).unwrap().header_len;
        let word = |at: usize| u32::from_be_bytes(plain[at..at + 4].try_into().unwrap());
        let (number, count) = (word(header_len), word(header_len + 4));
        let frame = self.frames.entry(number).or_default();
        frame.count = count;
        frame.have += 1;
        frame.first.get_or_insert(now);
        if frame.have == count {
            frame.complete = Some(now);
        }
        self.have.insert(seq, plain);
        while self.have.len() > 2_000 {
            self.have.pop_first();
        }
    }

    /// Decodes what can be decoded (section 6.3.2 of the draft), and compares it with what was sent.
    fn repair(&mut self, now: Instant, sent: &BTreeMap<u64, Vec<u8>>) {
        for (seqs, repair) in std::mem::take(&mut self.repairs) {
            let mut lost = seqs.iter().filter(|seq| !self.have.contains_key(seq));
            let (Some(&seq), None) = (lost.next(), lost.next()) else {
                if seqs.iter().any(|seq| !self.have.contains_key(seq)) {
                    self.repairs.push_back((seqs, repair));
                }
                continue;
            };
            let mut fields = repair[..8].to_vec();
            let mut body = repair[8..].to_vec();
            for other in seqs.iter().filter_map(|seq| self.have.get(seq)) {
                let length = ((other.len() - 12) as u16).to_be_bytes();
                xor(&mut fields[..2], &other[..2]);
                xor(&mut fields[2..4], &length);
                xor(&mut fields[4..8], &other[4..8]);
                xor(&mut body, &other[12..]);
            }
            let length = usize::from(u16::from_be_bytes([fields[2], fields[3]]));
            let mut plain = vec![0x80 | fields[0] & 0x3f, fields[1]];
            plain.extend((seq as u16).to_be_bytes());
            plain.extend(&fields[4..8]);
            plain.extend(MEDIA.to_be_bytes());
            plain.extend(&body[..length]);
            assert_eq!(Some(&plain), sent.get(&seq), "repaired as it was sent");
            self.repaired += 1;
            self.has(now, seq, plain);
        }
    }

    fn asks(&mut self, now: Instant, again: Duration) -> Vec<u16> {
        let mut lost = Vec::new();
        self.missing.retain(|seq, (at, asked)| {
            if *asked == 0 || now >= *at + again {
                lost.push(*seq as u16);
                (*at, *asked) = (now, *asked + 1);
            }
            *asked < MAX_NACKS
        });
        lost
    }

    fn block(&mut self, now: Instant) -> Option<ReportBlock> {
        let (lsr, arrived) = self.report?;
        let highest = self.highest?;
        let expected = highest - 999;
        let (expected_before, direct_before) = self.before;
        self.before = (expected, self.direct);
        let (expected_now, got) = (expected - expected_before, self.direct - direct_before);
        let lost = expected_now.saturating_sub(got);
        Some(ReportBlock {
            ssrc: MEDIA,
            fraction_lost: (lost * 256).checked_div(expected_now).unwrap_or(0).min(255) as u8,
            cumulative_lost: expected.saturating_sub(self.direct) as i32,
            highest_seq: highest as u32,
            jitter: 0,
            lsr,
            dlsr: ((now - arrived).as_micros() * 65_536 / 1_000_000) as u32,
        })
    }
}

/// The numbers that a repair protects; its recovered fields, then its body.
fn read_repair(payload: &[u8], highest: Option<u64>) -> (Vec<u64>, Vec<u8>) {
    assert_eq!(payload[0] & 0xc0, 0);
    assert_eq!(payload[8..16], [1, 0, 0, 0, 0, 0, 0, MEDIA as u8]);
    let base = extend_seq(highest, u16::from_be_bytes([payload[16], payload[17]]));
    let bit = |at: usize| payload[18 + at / 8] >> (7 - at % 8) & 1 == 1;
    let (mut seqs, mut header, mut offset) = (Vec::new(), 18, 0);
    for octets in [2, 4, 8] {
        let from = 8 * (header - 18);
        for at in from + 1..from + 8 * octets {
            if bit(at) {
                seqs.push(base + offset);
            }
            offset += 1;
        }
        header += octets;
        if bit(from) {
            break;
        }
    }
    let mut rest = payload[..8].to_vec();
    rest.extend(&payload[header..]);
    (seqs, rest)
}

fn xor(into: &mut [u8], octets: &[u8]) {
    for (into, octet) in into.iter_mut().zip(octets) {
        *into ^= octet;
    }
}

fn way(loss: f64, burst: f64, round_trip: u64) -> Way {
    Way {
        loss: loss / 100.0,
        burst,
        round_trip: Duration::from_millis(round_trip),
    }
}

/// Far away a repair is what brings frames in time; this is what `auto` decides by.
#[test]
fn far_away_repairs_bring_frames_in_time() {
    let far = way(3.0, 1.0, 200);
    let (without, with) = (
        Sim::new(None, far).run(24),
        Sim::new(Some(Flexfec::Auto), far).run(24),
    );
    assert_eq!((without.repairs, without.repair_packets), (0.0, 0));
    assert!(with.repaired > 50);
    assert!((0.08..0.14).contains(&with.repairs), "{with:?}");
    assert!(without.in_time < 0.85, "{without:?}");
    assert!(with.in_time > 0.93, "{with:?}");
    assert!(with.frozen * 3 < without.frozen * 2, "{without:?} {with:?}");
}

#[test]
fn near_or_without_loss_nothing_is_spent() {
    for (loss, round_trip) in [(3.0, 50), (0.0, 300)] {
        let outcome = Sim::new(Some(Flexfec::Auto), way(loss, 1.0, round_trip)).run(16);
        assert_eq!(outcome.repair_packets, 0, "{loss} {outcome:?}");
    }
}

/// The table in `README.md`.
#[test]
#[ignore = "a measurement: 60 runs of a minute"]
#[expect(clippy::print_stdout, reason = "what is measured")]
fn table() {
    println!(
        "| loss | round trip | NACK: in time | freezes | resent | with FEC: in time | freezes | resent | repairs |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for (loss, burst) in [(1.0, 1.0), (2.0, 1.0), (5.0, 1.0), (10.0, 1.0), (5.0, 3.0)] {
        for round_trip in [50, 100, 150, 175, 200, 300] {
            let way = way(loss, burst, round_trip);
            let bare = Sim::new(None, way).run(72);
            let with = Sim::new(Some(Flexfec::Always), way).run(72);
            let bursts = if burst > 1.0 { ", in bursts of 3" } else { "" };
            println!(
                "| {loss} %{bursts} | {round_trip} ms | {:.1} % | {}, {:.1} s | {:.1} % | {:.1} % | {}, {:.1} s | {:.1} % | {:.1} % |",
                100.0 * bare.in_time,
                bare.freezes,
                bare.frozen.as_secs_f64(),
                100.0 * bare.resent,
                100.0 * with.in_time,
                with.freezes,
                with.frozen.as_secs_f64(),
                100.0 * with.resent,
                100.0 * with.repairs,
            );
        }
    }
}
