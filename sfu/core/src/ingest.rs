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

use crate::{
    clock::{ClockTrack, PublisherClock},
    extension::DependencyDescriptor,
    keyframe::{self, PayloadSigns},
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

#[derive(Debug, Clone, Copy)]
struct Stream {
    ssrc: Ssrc,
    track: ClockTrack,
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
    /// `rids` are the offer's simulcast layers, at most 256.
    pub(crate) fn new(source: Epoch, rids: &[String]) -> Self {
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
        }
    }

    pub(crate) fn source(&self) -> Epoch {
        self.source
    }

    /// The first media begins a run that is newer than all before it.
    pub(crate) fn begin(&mut self, source: Epoch) {
        self.source = source;
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

    /// One RTP packet, decrypted. None when it is not forwarded. `epochs` gives each run of a layer
    /// its number: a changed SSRC begins a new one, since its sequence numbers start anew.
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
        let Stream { ssrc, track } = self.stream(rtc, received.header.ssrc)?;
        let (kind, layer) = match track {
            ClockTrack::Audio => (Kind::Audio, LayerId::default()),
            ClockTrack::Video(layer) => (Kind::Video, layer),
        };
        let seq = *received.seq_no;
        self.count(ssrc, seq);
        let layers = self.layers.len();
        let clock = self
            .clock
            .get_or_insert_with(|| PublisherClock::new(now, layers));
        let (run, begins) = match track {
            ClockTrack::Audio => &mut self.audio,
            ClockTrack::Video(layer) => self.pictures.get_mut(usize::from(layer.0))?,
        }
        .run(now, ssrc, epochs)?;
        if begins {
            clock.restart(track);
        }
        let timestamp = received.header.timestamp;
        let marker = received.header.marker;
        let mut signs = PayloadSigns::default();
        let (mut keyframe, mut keyframe_start) = (false, false);
        let mut scalability = None;
        if let (Kind::Video, Some(codec)) = (kind, self.video) {
            signs = keyframe::inspect(codec, &received.payload, marker);
            let values = &received.header.ext_vals.user_values;
            let descriptor = values.get::<DependencyDescriptor>();
            scalability = run
                .scalability
                .packet(descriptor.map(DependencyDescriptor::as_bytes), &signs);
            // Only the base spatial layer starts a decoder.
            let base = scalability.is_none_or(|said| said.spatial == 0);
            (keyframe, keyframe_start) = run.keyframes.mark(timestamp, signs.keyframe && base);
            if keyframe_start && signs.size.is_none() {
                let size = run.scalability.size();
                signs.size = size.map(|(width, height)| PictureSize { width, height });
            }
        }
        let (time, captured) = clock.packet(now, track, received.time.numer(), keyframe_start);
        Some(MediaPacket {
            source: self.source,
            epoch: run.epoch,
            layer,
            kind,
            red: kind == Kind::Audio && self.red == Some(received.header.payload_type),
            seq,
            timestamp,
            marker,
            keyframe,
            keyframe_start,
            payload: received.payload,
            time,
            captured,
            h264_profile: signs.h264_profile,
            size: signs.size,
            picture_ids: signs.picture_ids,
            scalability,
        })
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

    fn stream(&mut self, rtc: &mut Rtc, ssrc: Ssrc) -> Option<Stream> {
        if let Some(known) = self.streams.iter().find(|s| s.ssrc == ssrc) {
            return Some(*known);
        }
        let mut api = rtc.direct_api();
        let found = api.stream_rx(&ssrc)?;
        let track = self.track_of(found.mid(), found.rid())?;
        // Publishers without RTX (OBS) resend on the original SSRC; str0m would not ask them.
        if track != ClockTrack::Audio {
            found.suppress_nack(false);
        }
        if self.streams.len() >= MAX_SSRCS {
            self.streams.remove(0);
        }
        let stream = Stream { ssrc, track };
        self.streams.push(stream);
        Some(stream)
    }
}

/// The payload with redundant audio taken off: for receivers that did not negotiate it.
pub(crate) fn opus_payload(packet: &MediaPacket) -> Arc<[u8]> {
    let primary = packet.red.then(|| red_primary(&packet.payload)).flatten();
    primary.map_or_else(|| packet.payload.clone(), Arc::from)
}

/// The primary block of redundant audio: RFC 2198 section 3. None when malformed.
pub(crate) fn red_primary(payload: &[u8]) -> Option<&[u8]> {
    let mut rest = payload;
    let mut redundant = 0;
    // F, payload type; with F set 14 bits of timestamp offset and 10 of length follow.
    while let [0x80..=0xff, _, high, low, after @ ..] = rest {
        redundant += usize::from(u16::from_be_bytes([high & 0x03, *low]));
        rest = after;
    }
    let (last, blocks) = rest.split_first()?;
    if last & 0x80 != 0 {
        return None;
    }
    blocks
        .get(redundant..)
        .filter(|primary| !primary.is_empty())
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
