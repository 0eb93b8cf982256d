//! The way in: a publisher's or the bridge's RTP becomes [`MediaPacket`]s.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use str0m::{
    Rtc,
    format::Codec,
    media::{KeyframeRequestKind, MediaKind, Mid, Rid, SenderFeedback},
    rtp::{RtpPacket as Received, Ssrc},
};
use weir_media::{Kind, MediaTime, RtpPacket, RtpTracks, VideoCodec};

use crate::{
    clock::{BridgeClock, PublisherClock},
    keyframe::{self, PayloadSigns},
    packet::{Epoch, Epochs, LayerId, MediaPacket},
    sdp,
};

/// Largest RTP payload that is forwarded, in bytes. With headers, SRTP tag and RTX it must fit one
/// Ethernet frame on the viewer's side, since media is never fragmented.
pub(crate) const MAX_PAYLOAD: usize = 1_400;

/// Most SSRCs that are followed for one publisher (layers and restarts of the encoder).
const MAX_SSRCS: usize = 64;

/// A simulcast layer that was silent for so long loses to one that arrives.
const LAYER_SILENCE: Duration = Duration::from_secs(2);

/// Remembers which picture is a keyframe: its packets share a timestamp.
#[derive(Debug, Default)]
struct KeyframeTracker {
    timestamp: Option<u32>,
}

impl KeyframeTracker {
    /// Whether the packet belongs to a keyframe, and whether it is its first.
    fn mark(&mut self, timestamp: u32, starts: bool) -> (bool, bool) {
        if self.timestamp == Some(timestamp) {
            return (true, false);
        }
        if starts {
            self.timestamp = Some(timestamp);
        }
        (starts, starts)
    }
}

/// What a WebRTC publisher sends, as it arrives in str0m's events.
#[derive(Debug)]
pub(crate) struct PublisherIngest {
    epoch: Epoch,
    tracks: Vec<(Mid, Kind)>,
    video: Option<VideoCodec>,
    /// Simulcast layers, the offer's order: the first is forwarded.
    rids: Vec<Rid>,
    layer: Option<(Rid, Instant)>,
    layers_since: Option<Instant>,
    /// SSRC that is forwarded now, of video and of audio.
    forwarded: [Option<Ssrc>; 2],
    streams: Vec<Stream>,
    clock: Option<PublisherClock>,
    keyframes: KeyframeTracker,
    lost: Vec<Losses>,
}

#[derive(Debug, Clone, Copy)]
struct Stream {
    ssrc: Ssrc,
    kind: Kind,
    rid: Option<Rid>,
}

#[derive(Debug)]
struct Losses {
    ssrc: Ssrc,
    first: u64,
    highest: u64,
    received: u64,
    told: u64,
}

impl PublisherIngest {
    pub(crate) fn new(epoch: Epoch, rids: &[String]) -> Self {
        Self {
            epoch,
            tracks: Vec::new(),
            video: None,
            rids: rids.iter().map(|rid| Rid::from(rid.as_str())).collect(),
            layer: None,
            layers_since: None,
            forwarded: [None, None],
            streams: Vec::new(),
            clock: None,
            keyframes: KeyframeTracker::default(),
            lost: Vec::new(),
        }
    }

    pub(crate) fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The first media begins a run that is newer than all before it.
    pub(crate) fn begin(&mut self, epoch: Epoch) {
        self.epoch = epoch;
    }

    /// An m-line of the answer.
    pub(crate) fn add_track(&mut self, rtc: &Rtc, mid: Mid, kind: MediaKind) {
        let kind = match kind {
            MediaKind::Video => Kind::Video,
            MediaKind::Audio => Kind::Audio,
        };
        if kind == Kind::Video {
            let codecs = rtc.codec_config().params().iter().map(|p| p.spec().codec);
            self.video = codecs
                .filter(|codec| *codec != Codec::Opus)
                .find_map(sdp::video_codec);
        }
        self.tracks.push((mid, kind));
    }

    /// What was negotiated.
    pub(crate) fn tracks(&self) -> RtpTracks {
        RtpTracks {
            video: self.video,
            audio: self.tracks.iter().any(|(_, k)| *k == Kind::Audio),
        }
    }

    /// A sender report.
    pub(crate) fn report(&mut self, feedback: &SenderFeedback) {
        let Some(kind) = self.kind_of(feedback.mid) else {
            return;
        };
        if kind == Kind::Video && feedback.rid != self.layer.map(|(rid, _)| rid) {
            return;
        }
        let info = &feedback.sender_info;
        let Ok(ntp) = info.ntp_time.duration_since(SystemTime::UNIX_EPOCH) else {
            return;
        };
        let Ok(ntp) = i64::try_from(ntp.as_nanos()) else {
            return;
        };
        if let Some(clock) = &mut self.clock {
            clock.report(kind, info.rtp_time.numer() as u32, ntp);
        }
    }

    /// One RTP packet, decrypted. None when it is not forwarded. `epochs` gives a new run when the
    /// publisher changes the layer or the SSRC, since numbers start anew there.
    pub(crate) fn packet(
        &mut self,
        now: Instant,
        rtc: &mut Rtc,
        received: Received,
        epochs: &mut Epochs,
    ) -> Option<MediaPacket> {
        if received.payload.is_empty() || received.payload.len() > MAX_PAYLOAD {
            return None;
        }
        let stream = self.stream(rtc, received.header.ssrc)?;
        let seq = *received.seq_no;
        self.count(received.header.ssrc, seq);
        if stream.kind == Kind::Video && !self.is_forwarded(now, stream.rid) {
            return None;
        }
        let clock = self.clock.get_or_insert_with(|| PublisherClock::new(now));
        let forwarded = &mut self.forwarded[usize::from(stream.kind == Kind::Audio)];
        if forwarded.is_some_and(|ssrc| ssrc != stream.ssrc) {
            self.epoch = epochs.next();
            clock.restart(stream.kind);
            self.keyframes = KeyframeTracker::default();
        }
        *forwarded = Some(stream.ssrc);
        let (time, captured) = clock.packet(now, stream.kind, received.time.numer());
        let timestamp = received.header.timestamp;
        let (signs, keyframe, keyframe_start) = match (stream.kind, self.video) {
            (Kind::Video, Some(codec)) => {
                let signs = keyframe::inspect(codec, &received.payload);
                let (keyframe, start) = self.keyframes.mark(timestamp, signs.keyframe);
                (signs, keyframe, start)
            }
            (Kind::Video, None) | (Kind::Audio, _) => (PayloadSigns::default(), false, false),
        };
        Some(MediaPacket {
            source: self.epoch,
            epoch: self.epoch,
            layer: LayerId::default(),
            kind: stream.kind,
            seq,
            timestamp,
            marker: received.header.marker,
            keyframe,
            keyframe_start,
            payload: received.payload,
            time,
            captured,
            h264_profile: signs.h264_profile,
            size: None,
            picture_ids: weir_rtp::picture_ids::PictureIds::default(),
            scalability: None,
        })
    }

    /// Asks the encoder for a keyframe (PLI, RFC 4585 section 6.3.1).
    pub(crate) fn request_keyframe(&self, rtc: &mut Rtc) -> bool {
        let wanted = self.layer.map(|(rid, _)| rid);
        let video = self
            .streams
            .iter()
            .rev()
            .find(|s| s.kind == Kind::Video && s.rid == wanted);
        let Some(video) = video else { return false };
        let mut api = rtc.direct_api();
        let Some(stream) = api.stream_rx(&video.ssrc) else {
            return false;
        };
        stream.request_keyframe(KeyframeRequestKind::Pli);
        true
    }

    /// Packets found lost since the last call: expected less received (RFC 3550 appendix A.3).
    pub(crate) fn take_losses(&mut self) -> u64 {
        let mut sum = 0;
        for stream in &mut self.lost {
            let lost = (stream.highest - stream.first + 1).saturating_sub(stream.received);
            sum += lost.saturating_sub(stream.told);
            stream.told = stream.told.max(lost);
        }
        sum
    }

    fn count(&mut self, ssrc: Ssrc, seq: u64) {
        if let Some(stream) = self.lost.iter_mut().find(|s| s.ssrc == ssrc) {
            stream.highest = stream.highest.max(seq);
            stream.received += u64::from(seq >= stream.first);
        } else if self.lost.len() < MAX_SSRCS {
            self.lost.push(Losses {
                ssrc,
                first: seq,
                highest: seq,
                received: 1,
                told: 0,
            });
        }
    }

    fn kind_of(&self, mid: Mid) -> Option<Kind> {
        self.tracks
            .iter()
            .find(|(m, _)| *m == mid)
            .map(|(_, kind)| *kind)
    }

    fn stream(&mut self, rtc: &mut Rtc, ssrc: Ssrc) -> Option<Stream> {
        if let Some(known) = self.streams.iter().find(|s| s.ssrc == ssrc) {
            return Some(*known);
        }
        let mut api = rtc.direct_api();
        let found = api.stream_rx(&ssrc)?;
        // Publishers without RTX (OBS) resend on the original SSRC; str0m would not ask them.
        if self.kind_of(found.mid()) == Some(Kind::Video) {
            found.suppress_nack(false);
        }
        let (mid, rid) = (found.mid(), found.rid());
        let stream = Stream {
            ssrc,
            kind: self.kind_of(mid)?,
            rid,
        };
        if self.streams.len() >= MAX_SSRCS {
            self.streams.remove(0);
        }
        self.streams.push(stream);
        Some(stream)
    }

    /// Of a simulcast, one layer goes on: the first offered, unless it does not arrive.
    fn is_forwarded(&mut self, now: Instant, rid: Option<Rid>) -> bool {
        let Some(rid) = rid else { return true };
        let heard = match self.layer {
            Some((layer, _)) if layer == rid => {
                self.layer = Some((rid, now));
                return true;
            }
            Some((_, heard)) => heard,
            None if self.rids.first().is_none_or(|first| *first == rid) => {
                self.layer = Some((rid, now));
                return true;
            }
            // The first layer has the time of a silence to arrive before a lesser one is taken.
            None => *self.layers_since.get_or_insert(now),
        };
        let silent = now >= heard + LAYER_SILENCE;
        if silent {
            self.layer = Some((rid, now));
        }
        silent
    }
}

/// What the bridge sends.
#[derive(Debug)]
pub(crate) struct BridgeIngest {
    epoch: Epoch,
    tracks: RtpTracks,
    clock: BridgeClock,
    keyframes: KeyframeTracker,
    seqs: [Option<u64>; 2],
}

impl BridgeIngest {
    pub(crate) fn new(now: Instant, epoch: Epoch, tracks: RtpTracks) -> Self {
        Self {
            epoch,
            tracks,
            clock: BridgeClock::new(now),
            keyframes: KeyframeTracker::default(),
            seqs: [None, None],
        }
    }

    pub(crate) fn tracks(&self) -> RtpTracks {
        self.tracks
    }

    pub(crate) fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// One packet. None when it is not RTP of a track that was announced.
    pub(crate) fn packet(&mut self, now: Instant, packet: &RtpPacket) -> Option<MediaPacket> {
        // RFC 3550 section 5.1: version 2, and by agreement no padding, extension or CSRC.
        let (header, payload) = packet.packet.split_first_chunk::<12>()?;
        if header[0] != 0x80 || payload.is_empty() || payload.len() > MAX_PAYLOAD {
            return None;
        }
        let has_track = match packet.kind {
            Kind::Video => self.tracks.video.is_some(),
            Kind::Audio => self.tracks.audio,
        };
        if !has_track {
            return None;
        }
        let seq16 = u16::from_be_bytes([header[2], header[3]]);
        let timestamp = u32::from_be_bytes([header[4], header[5], header[6], header[7]]);
        let last = &mut self.seqs[usize::from(packet.kind == Kind::Audio)];
        let seq = extend(*last, seq16);
        *last = Some(last.map_or(seq, |last| last.max(seq)));
        let (signs, keyframe, keyframe_start) = match (packet.kind, self.tracks.video) {
            (Kind::Video, Some(codec)) => {
                let signs = keyframe::inspect(codec, payload);
                let (keyframe, start) = self.keyframes.mark(timestamp, packet.keyframe);
                (signs, keyframe, start)
            }
            (Kind::Video, None) | (Kind::Audio, _) => (PayloadSigns::default(), false, false),
        };
        Some(MediaPacket {
            source: self.epoch,
            epoch: self.epoch,
            layer: LayerId::default(),
            kind: packet.kind,
            seq,
            timestamp,
            marker: header[1] & 0x80 != 0,
            keyframe,
            keyframe_start,
            payload: Arc::from(payload),
            time: packet.time,
            captured: self.clock.packet(now, packet.time),
            h264_profile: signs.h264_profile,
            size: None,
            picture_ids: weir_rtp::picture_ids::PictureIds::default(),
            scalability: None,
        })
    }
}

/// Extends a sequence number by the one nearest to the greatest seen (RFC 3711 appendix A). The
/// first lies one cycle up, so that what is a little older does not fall below zero.
fn extend(last: Option<u64>, seq: u16) -> u64 {
    let Some(last) = last else {
        return 0x1_0000 + u64::from(seq);
    };
    let distance = i64::from(seq.wrapping_sub(last as u16) as i16);
    last.saturating_add_signed(distance)
}

/// A media packet as the bridge takes it: plain RTP of 12 header bytes.
pub(crate) fn to_rtp(packet: &MediaPacket) -> RtpPacket {
    // Payload types and SSRCs are of no meaning on that link, but a changed SSRC tells a new run.
    let (pt, ssrc) = match packet.kind {
        Kind::Video => (96_u8, (packet.epoch.0 as u32) << 1),
        Kind::Audio => (111, ((packet.epoch.0 as u32) << 1) | 1),
    };
    let mut bytes = Vec::with_capacity(12 + packet.payload.len());
    bytes.extend([0x80, pt | if packet.marker { 0x80 } else { 0 }]);
    bytes.extend((packet.seq as u16).to_be_bytes());
    bytes.extend(packet.timestamp.to_be_bytes());
    bytes.extend(ssrc.to_be_bytes());
    bytes.extend_from_slice(&packet.payload);
    let time: MediaTime = packet.time;
    RtpPacket {
        kind: packet.kind,
        time,
        keyframe: packet.keyframe,
        packet: bytes.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rtp(kind: Kind, seq: u16, timestamp: u32, keyframe: bool, payload: &[u8]) -> RtpPacket {
        let mut bytes = vec![0x80, 0x80 | 96];
        bytes.extend(seq.to_be_bytes());
        bytes.extend(timestamp.to_be_bytes());
        bytes.extend([0, 0, 0, 1]);
        bytes.extend(payload);
        RtpPacket {
            kind,
            time: 0,
            keyframe,
            packet: bytes.into(),
        }
    }

    fn bridge() -> BridgeIngest {
        let tracks = RtpTracks {
            video: Some(VideoCodec::H264),
            audio: false,
        };
        BridgeIngest::new(Instant::now(), Epoch(1), tracks)
    }

    #[test]
    fn sequence_numbers_go_round() {
        let mut last = None;
        for (seq, expected) in [
            (65_534_u16, 0x1_fffe_u64),
            (65_535, 0x1_ffff),
            (1, 0x2_0001),
            (0, 0x2_0000),
            (65_533, 0x1_fffd),
        ] {
            let extended = extend(last, seq);
            assert_eq!(extended, expected);
            last = Some(last.unwrap_or(0).max(extended));
        }
    }

    #[test]
    fn only_the_first_packet_of_a_keyframe_starts() {
        let mut ingest = bridge();
        let now = Instant::now();
        let starts: Vec<_> = [
            (1, 0, true),
            (2, 0, true),
            (3, 3_000, false),
            (4, 6_000, true),
        ]
        .map(|(seq, ts, key)| {
            ingest.packet(now, &rtp(Kind::Video, seq, ts, key, &[0x67, 0x42, 0xe0]))
        })
        .into_iter()
        .map(|p| p.unwrap().keyframe_start)
        .collect();
        assert_eq!(starts, [true, false, false, true]);
    }

    #[test]
    fn what_is_not_plain_rtp_is_left_out() {
        let mut ingest = bridge();
        let now = Instant::now();
        let good = rtp(Kind::Video, 1, 0, true, &[0x65, 1]);
        assert!(ingest.packet(now, &good).is_some());
        for (index, byte) in [(0, 0x90), (0, 0xa0), (0, 0x40), (0, 0x81)] {
            let mut bytes = good.packet.to_vec();
            bytes[index] = byte;
            let bad = RtpPacket {
                packet: bytes.into(),
                ..good.clone()
            };
            assert!(ingest.packet(now, &bad).is_none());
        }
        let short = RtpPacket {
            packet: good.packet.slice(..12),
            ..good.clone()
        };
        assert!(ingest.packet(now, &short).is_none());
        assert!(
            ingest
                .packet(now, &rtp(Kind::Audio, 1, 0, false, &[1]))
                .is_none()
        );
        assert!(
            ingest
                .packet(now, &rtp(Kind::Video, 1, 0, false, &[1; 1_500]))
                .is_none()
        );
    }

    #[test]
    fn the_link_gets_back_what_it_gave() {
        let mut ingest = bridge();
        let packet = rtp(Kind::Video, 77, 1234, true, &[0x65, 1, 2]);
        let media = ingest.packet(Instant::now(), &packet).unwrap();
        let back = to_rtp(&media);
        assert_eq!(&back.packet[1..8], &packet.packet[1..8]);
        assert_eq!(&back.packet[12..], &packet.packet[12..]);
        assert!(back.keyframe);
    }
}
