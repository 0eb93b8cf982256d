//! The way in: a publisher's RTP becomes [`MediaPacket`]s.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use str0m::{
    Rtc,
    format::Codec,
    media::{KeyframeRequestKind, MediaKind, Mid, Pt, Rid, SenderFeedback},
    rtp::{RtpPacket as Received, Ssrc},
};
use weir_media::{Kind, MediaTime, RtpPacket, RtpTracks, VideoCodec};
use weir_rtp::rtcp;

use crate::{
    clock::{ClockTrack, PublisherClock},
    extension::DependencyDescriptor,
    keyframe::{self, PayloadSigns},
    media_keys::MediaKeys,
    nack::NackList,
    packet::{Epoch, Epochs, LayerId, MediaPacket, PictureSize, single_layer},
    scalability::ScalabilityTracker,
    sdp,
};

/// Largest RTP payload that is forwarded, in bytes. With headers, SRTP tag and RTX it must fit one
/// Ethernet frame on the viewer's side, since media is never fragmented.
pub(crate) const MAX_PAYLOAD: usize = 1_400;

/// Most SSRCs that are followed for one publisher (layers and restarts of the encoder).
const MAX_SSRCS: usize = 64;

/// A track goes back to the SSRC that it had before only when the newer one was silent for so long:
/// stragglers of the older must not begin a run.
const SSRC_SILENCE: Duration = Duration::from_millis(500);

/// Remembers which picture is a keyframe: its packets share a timestamp.
#[derive(Debug, Default)]
pub(crate) struct KeyframeTracker {
    timestamp: Option<u32>,
}

impl KeyframeTracker {
    /// Whether the packet belongs to a keyframe, and whether it is its first.
    pub(crate) fn mark(&mut self, timestamp: u32, starts: bool) -> (bool, bool) {
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
    source: Epoch,
    media: Vec<(Mid, Kind)>,
    video: Option<VideoCodec>,
    /// Payload type of redundant audio, where it was negotiated.
    red: Option<Pt>,
    /// Names of the simulcast layers in the offer's order; one empty name where there is but one.
    layers: Arc<[String]>,
    audio: Track,
    /// By [`LayerId`].
    pictures: Vec<Track>,
    streams: Vec<Stream>,
    clock: Option<PublisherClock>,
    lost: Vec<Losses>,
    /// Identifier of the dependency descriptor's header extension.
    descriptor_id: Option<u8>,
    /// Packets that were taken, from str0m or late.
    pub(crate) taken: u64,
}

/// Audio or one layer.
#[derive(Debug, Default)]
struct Track {
    run: Option<Run>,
    /// SSRC of the run before.
    before: Option<Ssrc>,
}

/// From a track's first packet with an SSRC to its last.
#[derive(Debug)]
struct Run {
    ssrc: Ssrc,
    epoch: Epoch,
    heard: Instant,
    keyframes: KeyframeTracker,
    scalability: ScalabilityTracker,
}

#[derive(Debug)]
struct Stream {
    ssrc: Ssrc,
    /// Where its retransmissions come, once known.
    rtx: Option<Ssrc>,
    track: ClockTrack,
    /// Of video.
    nacks: NackList,
    /// Greatest extended RTP timestamp.
    time: u64,
}

/// A packet as it arrived: from str0m, or later than str0m takes it.
struct Arrived<'a> {
    ssrc: Ssrc,
    seq: u64,
    timestamp: u32,
    /// Extended timestamp.
    time: u64,
    marker: bool,
    red: bool,
    descriptor: Option<&'a [u8]>,
    payload: Arc<[u8]>,
}

/// What is given up of a layer: this number and those before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct GivenUp {
    pub(crate) layer: LayerId,
    pub(crate) epoch: Epoch,
    pub(crate) seq: u64,
}

#[derive(Debug)]
struct Losses {
    ssrc: Ssrc,
    first: u64,
    highest: u64,
    received: u64,
    told: u64,
}

impl Track {
    /// The run that a packet of this SSRC belongs to, and whether it begins with it. None for what
    /// is late from the run before.
    fn run(&mut self, now: Instant, ssrc: Ssrc, epochs: &mut Epochs) -> Option<(&mut Run, bool)> {
        if let Some(run) = &self.run
            && run.ssrc != ssrc
        {
            let silent = now.saturating_duration_since(run.heard) >= SSRC_SILENCE;
            if self.before == Some(ssrc) && !silent {
                return None;
            }
            self.before = Some(run.ssrc);
            self.run = None;
        }
        let begins = self.run.is_none();
        let run = self.run.get_or_insert_with(|| Run {
            ssrc,
            epoch: epochs.next(),
            heard: now,
            keyframes: KeyframeTracker::default(),
            scalability: ScalabilityTracker::new(),
        });
        run.heard = now;
        Some((run, begins))
    }
}

impl PublisherIngest {
    /// `rids` are the offer's simulcast layers, at most 256; `descriptor_id` is what the dependency
    /// descriptor has in its header extensions.
    pub(crate) fn new(source: Epoch, rids: &[String], descriptor_id: Option<u8>) -> Self {
        let layers = if rids.len() > 1 {
            rids.into()
        } else {
            single_layer()
        };
        Self {
            source,
            media: Vec::new(),
            video: None,
            red: None,
            audio: Track::default(),
            pictures: layers.iter().map(|_| Track::default()).collect(),
            layers,
            streams: Vec::new(),
            clock: None,
            lost: Vec::new(),
            descriptor_id,
            taken: 0,
        }
    }

    pub(crate) fn source(&self) -> Epoch {
        self.source
    }

    /// The first media, at all or since the publisher was lost, begins runs that are newer than all before:
    /// what was sent into the void meanwhile is missed by no viewer.
    pub(crate) fn begin(&mut self, source: Epoch) {
        self.source = source;
        self.audio = Track::default();
        self.pictures.fill_with(Track::default);
    }

    /// When its timeline began, with its first packet.
    pub(crate) fn origin(&self) -> Option<Instant> {
        self.clock.as_ref().map(PublisherClock::origin)
    }

    /// For [`SourceInfo::layers`](crate::SourceInfo::layers).
    pub(crate) fn layers(&self) -> Arc<[String]> {
        self.layers.clone()
    }

    /// An m-line of the answer.
    pub(crate) fn add_track(&mut self, rtc: &Rtc, mid: Mid, kind: MediaKind) {
        let params = rtc.codec_config().params();
        let kind = match kind {
            MediaKind::Video => {
                let codecs = params.iter().map(|p| p.spec().codec);
                self.video = codecs
                    .filter(|codec| *codec != Codec::Opus)
                    .find_map(sdp::video_codec);
                Kind::Video
            }
            MediaKind::Audio => {
                self.red = params.iter().find_map(|p| p.red());
                Kind::Audio
            }
        };
        self.media.push((mid, kind));
    }

    /// What was negotiated.
    pub(crate) fn tracks(&self) -> RtpTracks {
        RtpTracks {
            video: self.video,
            audio: self.media.iter().any(|(_, k)| *k == Kind::Audio),
        }
    }

    /// A sender report.
    pub(crate) fn report(&mut self, now: Instant, feedback: &SenderFeedback) {
        let Some(track) = self.track_of(feedback.mid, feedback.rid) else {
            return;
        };
        let info = &feedback.sender_info;
        let Ok(ntp) = info.ntp_time.duration_since(SystemTime::UNIX_EPOCH) else {
            return;
        };
        let Ok(ntp) = i64::try_from(ntp.as_nanos()) else {
            return;
        };
        if let Some(clock) = &mut self.clock {
            clock.report(now, track, info.rtp_time.numer() as u32, ntp);
        }
    }

    /// One RTP packet from str0m, decrypted. None when it is not forwarded. `epochs` gives each run of
    /// a layer its number: a changed SSRC begins a new one, since its sequence numbers start anew.
    pub(crate) fn packet(
        &mut self,
        now: Instant,
        rtc: &mut Rtc,
        keys: Option<&mut MediaKeys>,
        received: Received,
        epochs: &mut Epochs,
    ) -> Option<MediaPacket> {
        self.taken += 1;
        let (ssrc, seq) = (received.header.ssrc, *received.seq_no);
        let time = received.time.numer();
        let index = self.stream(rtc, ssrc)?;
        let stream = self.streams.get_mut(index)?;
        stream.time = stream.time.max(time);
        if stream.track != ClockTrack::Audio {
            if let Some(keys) = keys {
                keys.note(*ssrc, seq);
            }
            stream.nacks.received(now, seq);
        }
        let values = &received.header.ext_vals.user_values;
        let descriptor = values.get::<DependencyDescriptor>();
        let arrived = Arrived {
            ssrc,
            seq,
            timestamp: received.header.timestamp,
            time,
            marker: received.header.marker,
            red: self.red == Some(received.header.payload_type),
            descriptor: descriptor.map(DependencyDescriptor::as_bytes),
            payload: received.payload,
        };
        self.arrived(now, arrived, epochs)
    }

    /// A datagram of RTP that str0m made nothing of (`dropped`), since it is later than 100 packets;
    /// or one that it did. Gives what is still missing.
    pub(crate) fn late(
        &mut self,
        now: Instant,
        rtc: &mut Rtc,
        keys: &mut MediaKeys,
        datagram: &[u8],
        dropped: bool,
        epochs: &mut Epochs,
    ) -> Option<MediaPacket> {
        let ssrc = datagram.get(8..12)?.first_chunk()?;
        let ssrc = Ssrc::from(u32::from_be_bytes(*ssrc));
        let on = |stream: &&mut Stream| stream.ssrc == ssrc || stream.rtx == Some(ssrc);
        if !self.streams.iter_mut().any(|stream| on(&stream)) {
            // Which SSRC repairs which, str0m learns from SDP or from the first packet.
            let mut api = rtc.direct_api();
            for stream in &mut self.streams {
                stream.rtx = api.stream_rx(&stream.ssrc).and_then(|found| found.rtx());
            }
        }
        let stream = self.streams.iter_mut().find(on)?;
        let repair = stream.ssrc != ssrc;
        if !repair {
            let seq = datagram.get(2..4)?.first_chunk()?;
            stream.nacks.missing(u16::from_be_bytes(*seq))?;
            if !dropped {
                return None;
            }
        }
        // Each repair is opened, so that the rollover counter of their SSRC is known.
        let (packet, _) = keys.open(datagram)?;
        let (seq, payload) = if repair {
            // RFC 4588 section 4: the original sequence number comes first.
            let (seq, payload) = packet.payload.split_first_chunk()?;
            (u16::from_be_bytes(*seq), payload)
        } else {
            (packet.seq, packet.payload)
        };
        if !dropped {
            return None;
        }
        let seq = stream.nacks.missing(seq)?;
        stream.nacks.received(now, seq);
        let distance = i64::from(packet.timestamp.wrapping_sub(stream.time as u32) as i32);
        let arrived = Arrived {
            ssrc: stream.ssrc,
            seq,
            timestamp: packet.timestamp,
            time: stream.time.checked_add_signed(distance)?,
            marker: packet.marker,
            red: false,
            descriptor: self.descriptor_id.and_then(|id| packet.extension(id)),
            payload: payload.into(),
        };
        self.taken += 1;
        self.arrived(now, arrived, epochs)
    }

    fn arrived(
        &mut self,
        now: Instant,
        packet: Arrived<'_>,
        epochs: &mut Epochs,
    ) -> Option<MediaPacket> {
        if packet.payload.is_empty() || packet.payload.len() > MAX_PAYLOAD {
            return None;
        }
        let track = self.streams.iter().find(|s| s.ssrc == packet.ssrc)?.track;
        let (kind, layer) = match track {
            ClockTrack::Audio => (Kind::Audio, LayerId::default()),
            ClockTrack::Video(layer) => (Kind::Video, layer),
        };
        self.count(packet.ssrc, packet.seq);
        let layers = self.layers.len();
        let clock = self
            .clock
            .get_or_insert_with(|| PublisherClock::new(now, layers));
        let (run, begins) = match track {
            ClockTrack::Audio => &mut self.audio,
            ClockTrack::Video(layer) => self.pictures.get_mut(usize::from(layer.0))?,
        }
        .run(now, packet.ssrc, epochs)?;
        if begins {
            clock.restart(track);
        }
        let (timestamp, marker) = (packet.timestamp, packet.marker);
        let mut signs = PayloadSigns::default();
        let (mut keyframe, mut keyframe_start) = (false, false);
        let mut scalability = None;
        if let (Kind::Video, Some(codec)) = (kind, self.video) {
            signs = keyframe::inspect(codec, &packet.payload, marker);
            scalability = run.scalability.packet(packet.descriptor, &signs);
            // Only the base spatial layer starts a decoder.
            let base = scalability.is_none_or(|said| said.spatial == 0);
            (keyframe, keyframe_start) = run.keyframes.mark(timestamp, signs.keyframe && base);
            if keyframe_start && signs.size.is_none() {
                let size = run.scalability.size();
                signs.size = size.map(|(width, height)| PictureSize { width, height });
            }
        }
        let (time, captured) = clock.packet(now, track, packet.time, keyframe_start);
        Some(MediaPacket {
            source: self.source,
            epoch: run.epoch,
            layer,
            kind,
            red: kind == Kind::Audio && packet.red,
            seq: packet.seq,
            timestamp,
            marker,
            keyframe,
            keyframe_start,
            payload: packet.payload,
            time,
            captured,
            h264_profile: signs.h264_profile,
            size: signs.size,
            picture_ids: signs.picture_ids,
            scalability,
        })
    }

    /// When [`ask_again`](Self::ask_again) has something to do.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let deadlines = self.streams.iter().map(|stream| stream.nacks.deadline());
        deadlines.flatten().min()
    }

    /// NACKs for what is missing, as RTCP compounds that fit a datagram, and what is given up.
    pub(crate) fn ask_again(&mut self, now: Instant, sender: u32) -> (Vec<Vec<u8>>, Vec<GivenUp>) {
        let mut compounds = Vec::new();
        let mut given_up = Vec::new();
        for stream in &mut self.streams {
            let mut ask = Vec::new();
            let lost = stream.nacks.take_due(now, &mut ask);
            if !ask.is_empty() {
                let mut compound = Vec::new();
                // RFC 3550 section 6.1: a compound begins with a report.
                rtcp::write_receiver_report(&mut compound, sender, &[]);
                rtcp::write_nack(&mut compound, sender, *stream.ssrc, ask);
                compounds.push(compound);
            }
            if let (Some(seq), ClockTrack::Video(layer)) = (lost, stream.track)
                && let Some(track) = self.pictures.get(usize::from(layer.0))
                && let Some(run) = track.run.as_ref().filter(|run| run.ssrc == stream.ssrc)
            {
                let epoch = run.epoch;
                given_up.push(GivenUp { layer, epoch, seq });
            }
        }
        (compounds, given_up)
    }

    /// Asks the encoder of a layer, or of all, for a keyframe (PLI, RFC 4585 section 6.3.1). False
    /// when nothing was heard of it yet.
    pub(crate) fn request_keyframe(&self, rtc: &mut Rtc, layer: Option<LayerId>) -> bool {
        let mut asked = false;
        for (index, track) in self.pictures.iter().enumerate() {
            let wanted = layer.is_none_or(|layer| usize::from(layer.0) == index);
            if let (true, Some(run)) = (wanted, &track.run)
                && let Some(stream) = rtc.direct_api().stream_rx(&run.ssrc)
            {
                stream.request_keyframe(KeyframeRequestKind::Pli);
                asked = true;
            }
        }
        asked
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

    fn track_of(&self, mid: Mid, rid: Option<Rid>) -> Option<ClockTrack> {
        let (_, kind) = self.media.iter().find(|(m, _)| *m == mid)?;
        if *kind == Kind::Audio {
            return Some(ClockTrack::Audio);
        }
        if self.layers.len() == 1 {
            return Some(ClockTrack::Video(LayerId(0)));
        }
        let rid = rid?;
        let mut names = self.layers.iter();
        let layer = names.position(|name| Rid::from(name.as_str()) == rid)?;
        Some(ClockTrack::Video(LayerId(u8::try_from(layer).ok()?)))
    }

    /// Place of an SSRC's stream.
    fn stream(&mut self, rtc: &mut Rtc, ssrc: Ssrc) -> Option<usize> {
        if let Some(known) = self.streams.iter().position(|s| s.ssrc == ssrc) {
            return Some(known);
        }
        let mut api = rtc.direct_api();
        let found = api.stream_rx(&ssrc)?;
        let track = self.track_of(found.mid(), found.rid())?;
        // We ask ourselves, see `nack`.
        found.suppress_nack(true);
        if self.streams.len() >= MAX_SSRCS {
            self.streams.remove(0);
        }
        self.streams.push(Stream {
            ssrc,
            rtx: found.rtx(),
            track,
            nacks: NackList::default(),
            time: 0,
        });
        Some(self.streams.len() - 1)
    }
}

/// The payload with redundant audio taken off: for receivers that did not negotiate it.
pub(crate) fn opus_payload(packet: &MediaPacket) -> Arc<[u8]> {
    let primary = packet.red.then(|| red_primary(&packet.payload)).flatten();
    primary.map_or_else(|| packet.payload.clone(), Arc::from)
}

/// The primary block of redundant audio: RFC 2198 section 3. None when malformed or empty.
pub(crate) fn red_primary(payload: &[u8]) -> Option<&[u8]> {
    let primary = weir_rtp::red::primary(payload).ok()?;
    (!primary.data.is_empty()).then_some(primary.data)
}

/// A media packet as the bridge takes it: plain RTP of 12 header bytes.
pub(crate) fn to_rtp(packet: &MediaPacket) -> RtpPacket {
    // Payload types and SSRCs are of no meaning on that link, but a changed SSRC tells a new run.
    let (pt, ssrc) = match packet.kind {
        Kind::Video => (96_u8, (packet.epoch.0 as u32) << 1),
        Kind::Audio => (111, ((packet.epoch.0 as u32) << 1) | 1),
    };
    let payload = opus_payload(packet);
    let mut bytes = Vec::with_capacity(12 + payload.len());
    bytes.extend([0x80, pt | if packet.marker { 0x80 } else { 0 }]);
    bytes.extend((packet.seq as u16).to_be_bytes());
    bytes.extend(packet.timestamp.to_be_bytes());
    bytes.extend(ssrc.to_be_bytes());
    bytes.extend_from_slice(&payload);
    let time: MediaTime = packet.time;
    RtpPacket {
        kind: packet.kind,
        layer: packet.layer.0,
        time,
        keyframe: packet.keyframe,
        packet: bytes.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stragglers_of_an_older_ssrc_begin_no_run() {
        let start = Instant::now();
        let mut track = Track::default();
        let mut epochs = Epochs::default();
        let mut run = |ms, ssrc: u32| {
            let now = start + Duration::from_millis(ms);
            let run = track.run(now, ssrc.into(), &mut epochs);
            run.map(|(run, begins)| (run.epoch.0, begins))
        };
        assert_eq!(run(0, 1), Some((1, true)));
        assert_eq!(run(10, 1), Some((1, false)));
        assert_eq!(run(20, 2), Some((2, true)));
        assert_eq!(run(30, 1), None, "late");
        assert_eq!(run(40, 2), Some((2, false)));
        assert_eq!(run(600, 1), Some((3, true)), "the encoder went back to it");
    }

    #[test]
    fn redundant_audio_is_taken_off() {
        let red = [0x80 | 111, 0x0f, 0x00, 3, 111, 1, 2, 3, 9, 8];
        assert_eq!(red_primary(&red), Some(&[9, 8][..]));
        assert_eq!(red_primary(&[111, 7]), Some(&[7][..]));
        for bad in [
            &[][..],
            &[111],
            &[0x80 | 111, 0, 0, 1],
            &red[..8],
            &red[..3],
        ] {
            assert_eq!(red_primary(bad), None, "{bad:?}");
        }
    }
}
