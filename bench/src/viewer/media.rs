//! The media of one viewer: datagrams in, counts and RTCP out.

use serde::Serialize;

use crate::{
    rtcp::{self, Arrivals, Told},
    sdp::{Answer, Payload},
    session_keys::SessionKeys,
    source::{FRAME_TICKS, Stamp},
};

use super::tracks::{StreamCounts, Track};

/// Every packet up to here is authenticated, then a sample.
const OPENED_AT_FIRST: u64 = 100;

/// One of so many packets is authenticated: decrypting all would cost what the server's sealing
/// costs.
const OPENED_OF: u64 = 64;

/// The stamp of one in so many frames is read.
const STAMP_OF: u64 = 16;

/// Between two receiver reports, in nanoseconds; libwebrtc's for video.
const REPORT: u64 = 1_000_000_000;

/// RTP clocks (RFC 6184 section 8.2.1, RFC 7587 section 4.1).
const VIDEO_RATE: u64 = 90_000;
const AUDIO_RATE: u64 = 48_000;

/// What one viewer received since it joined.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct ViewerCounts {
    /// Packets of the picture, those sent again included.
    pub video: StreamCounts,
    /// Packets of the sound.
    pub audio: StreamCounts,
    /// Bytes of datagrams with RTP.
    pub bytes: u64,
    /// Packets that came twice.
    pub duplicates: u64,
    /// Packets that came after they were asked for.
    pub recovered: u64,
    /// Packets asked for, each time counted.
    pub nacked: u64,
    /// RTX packets and others that are not media: probes, padding.
    pub other: u64,
    /// Frames that ended: markers.
    pub frames: u64,
    /// Frames whose time is not one frame after the one before.
    pub time_jumps: u64,
    /// Packets that were decrypted and found to be authentic.
    pub opened: u64,
    /// Packets that were not authentic, or not of this session.
    pub rejected: u64,
    /// RTCP datagrams that were sent.
    pub rtcp_sent: u64,
    /// Sender reports.
    pub sender_reports: u64,
    /// SRTP is sealed with AES-GCM.
    pub aead: bool,
    /// Feedback for congestion control was agreed and is sent.
    pub transport_cc: bool,
    /// Kernel's time of the first media packet, in nanoseconds since the Unix epoch; 0 before.
    pub first_media: u64,
}

/// A frame of the source whose last packet arrived.
pub(crate) struct FrameArrival {
    /// Its number, as the source stamped it.
    pub(crate) frame: u32,
    pub(crate) at: u64,
}

/// When a viewer reports, in nanoseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reports {
    /// Spreads the viewers over time.
    pub(crate) phase: u64,
    /// Between two feedbacks for congestion control; zero: none.
    pub(crate) feedback: u64,
}

/// Keys, continuity and reports.
pub(crate) struct ViewerMedia {
    keys: SessionKeys,
    answer: Answer,
    video: Option<Track>,
    audio: Option<Track>,
    rtx: Option<Track>,
    arrivals: Arrivals,
    counts: ViewerCounts,
    seen: u64,
    last_frame_time: Option<u32>,
    /// RTP time of the source's frame 0, as this viewer sees it.
    zero: Option<u32>,
    feedback_every: u64,
    feedback_due: u64,
    report_due: u64,
    /// The server said goodbye.
    ended: bool,
}

/// Room for decrypting and writing; one per thread.
#[derive(Default)]
pub(crate) struct Scratch {
    plain: Vec<u8>,
    rtcp: Vec<u8>,
    sealed: Vec<u8>,
    wanted: Vec<u16>,
}

impl ViewerMedia {
    pub(crate) fn new(
        keys: SessionKeys,
        mut answer: Answer,
        now: u64,
        Reports { phase, feedback }: Reports,
    ) -> Self {
        if feedback == 0 {
            answer.transport_cc = None;
        }
        let counts = ViewerCounts {
            aead: keys.overhead() == 16,
            transport_cc: answer.transport_cc.is_some(),
            ..ViewerCounts::default()
        };
        Self {
            keys,
            answer,
            video: None,
            audio: None,
            rtx: None,
            arrivals: Arrivals::default(),
            counts,
            seen: 0,
            last_frame_time: None,
            zero: None,
            feedback_every: feedback.max(1),
            feedback_due: now + phase % feedback.max(1),
            report_due: now + phase % REPORT,
            ended: false,
        }
    }

    pub(crate) fn counts(&self) -> ViewerCounts {
        let of = |track: &Option<Track>| track.as_ref().map(|t| t.counts).unwrap_or_default();
        let duplicates = |track: &Option<Track>| track.as_ref().map_or(0, |t| t.duplicates);
        ViewerCounts {
            video: of(&self.video),
            audio: of(&self.audio),
            duplicates: duplicates(&self.video) + duplicates(&self.audio),
            ..self.counts
        }
    }

    pub(crate) fn ended(&self) -> bool {
        self.ended
    }

    /// An RTP or RTCP datagram (first byte 128 to 191, RFC 7983).
    pub(crate) fn datagram(
        &mut self,
        bytes: &[u8],
        at: u64,
        scratch: &mut Scratch,
        frame: &mut dyn FnMut(FrameArrival),
    ) {
        // RFC 5761 section 4: payload types that would look like RTCP's are not used.
        let is_rtcp = bytes.get(1).is_some_and(|kind| (192..=223).contains(kind));
        let understood = if is_rtcp {
            self.rtcp(bytes, at, scratch)
        } else {
            self.rtp(bytes, at, scratch, frame)
        };
        if understood.is_none() {
            self.counts.rejected += 1;
        }
    }

    fn rtcp(&mut self, bytes: &[u8], at: u64, scratch: &mut Scratch) -> Option<()> {
        self.keys.open_rtcp(bytes, &mut scratch.plain).ok()?;
        rtcp::read(&scratch.plain, |told| match told {
            Told::SenderReport { ssrc, ntp_middle } => {
                self.counts.sender_reports += 1;
                let tracks = [&mut self.video, &mut self.audio].into_iter().flatten();
                for track in tracks.filter(|track| track.ssrc == ssrc) {
                    track.sender_report(ntp_middle, at);
                }
            }
            Told::Goodbye => self.ended = true,
        });
        Some(())
    }

    fn rtp(
        &mut self,
        bytes: &[u8],
        at: u64,
        scratch: &mut Scratch,
        frame: &mut dyn FnMut(FrameArrival),
    ) -> Option<()> {
        let header = RtpHeader::read(bytes, self.answer.transport_cc)?;
        self.counts.bytes += bytes.len() as u64;
        if let Some(number) = header.transport_cc {
            self.arrivals.arrived(number, at);
        }
        let payload = self.answer.payload(header.payload_type);
        let (slot, rate) = match payload {
            Payload::Video => (&mut self.video, VIDEO_RATE),
            Payload::Audio => (&mut self.audio, AUDIO_RATE),
            Payload::Rtx => (&mut self.rtx, VIDEO_RATE),
            Payload::Other => {
                self.counts.other += 1;
                return Some(());
            }
        };
        if slot.as_ref().is_none_or(|track| track.ssrc != header.ssrc) {
            *slot = Some(Track::new(header.ssrc, rate, header.sequence));
        }
        let track = slot.as_mut()?;
        let index = track.index(header.sequence)?;
        self.seen += 1;
        let sampled = self.seen <= OPENED_AT_FIRST || self.seen.is_multiple_of(OPENED_OF);
        // A frame's stamp says which RTP time the source's frames have; after a viewer's start that may
        // change.
        let ends_frame = header.marker && payload == Payload::Video;
        let asked = ends_frame && self.counts.frames.is_multiple_of(STAMP_OF);
        if sampled || asked || payload == Payload::Rtx {
            let plain = &mut scratch.plain;
            self.keys
                .open_rtp(bytes, header.len, header.ssrc, index, plain)
                .ok()?;
            self.counts.opened += 1;
            if ends_frame && let Some(Stamp(number)) = Stamp::read(plain) {
                let since = number.wrapping_mul(FRAME_TICKS);
                self.zero = Some(header.timestamp.wrapping_sub(since));
            }
        }
        track.arrived(index, header.timestamp, at);
        match payload {
            Payload::Rtx => {
                self.counts.other += 1;
                // RFC 4588 section 4: the original sequence number stands before the payload.
                // One that is nothing but padding probes the link.
                let padded = bytes[0] & 0x20 != 0;
                if let (Some(video), false, [high, low, _, ..]) =
                    (&mut self.video, padded, scratch.plain.as_slice())
                {
                    let original = video.index(u16::from_be_bytes([*high, *low]));
                    if original.is_some_and(|original| video.count(original, at)) {
                        self.counts.recovered += 1;
                    }
                }
                return Some(());
            }
            Payload::Video if header.marker => {
                self.counts.frames += 1;
                let time = header.timestamp;
                let last = self.last_frame_time.replace(time);
                if last.is_some_and(|last| time.wrapping_sub(last) != FRAME_TICKS) {
                    self.counts.time_jumps += 1;
                }
                if let Some(zero) = self.zero {
                    let since = time.wrapping_sub(zero);
                    if since.is_multiple_of(FRAME_TICKS) {
                        let number = since / FRAME_TICKS;
                        frame(FrameArrival { frame: number, at });
                    }
                }
            }
            Payload::Video | Payload::Audio | Payload::Other => {}
        }
        if self.counts.first_media == 0 {
            self.counts.first_media = at;
        }
        Some(())
    }

    /// Reports that are due, sealed, one datagram each.
    pub(crate) fn poll(
        &mut self,
        now: u64,
        scratch: &mut Scratch,
        send: &mut dyn FnMut(&[u8]) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        scratch.rtcp.clear();
        if now >= self.report_due {
            self.report_due = next(self.report_due, REPORT, now);
            let tracks = [&mut self.video, &mut self.audio].into_iter().flatten();
            let blocks: Vec<_> = tracks.map(|track| track.report(now)).collect();
            if !blocks.is_empty() {
                rtcp::receiver_report(&mut scratch.rtcp, &blocks);
            }
        }
        if let Some(video) = &mut self.video
            && self.answer.nack
        {
            video.wanted(now, &mut scratch.wanted);
            if !scratch.wanted.is_empty() {
                self.counts.nacked += scratch.wanted.len() as u64;
                rtcp::nack(&mut scratch.rtcp, video.ssrc, &scratch.wanted);
            }
        }
        if now >= self.feedback_due {
            self.feedback_due = next(self.feedback_due, self.feedback_every, now);
            let ssrc = self.video.as_ref().or(self.audio.as_ref());
            let ssrc = ssrc.map_or(0, |track| track.ssrc);
            while !self.arrivals.is_empty() && self.arrivals.feedback(&mut scratch.rtcp, ssrc) {}
        }
        if !scratch.rtcp.is_empty() {
            self.keys.seal_rtcp(&scratch.rtcp, &mut scratch.sealed)?;
            self.counts.rtcp_sent += 1;
            send(&scratch.sealed)?;
        }
        Ok(())
    }

    pub(crate) fn profile(&self) -> String {
        self.keys.profile.to_string()
    }
}

/// The next time of something regular; what was missed is not made up for.
fn next(due: u64, every: u64, now: u64) -> u64 {
    let next = due + every;
    if next > now { next } else { now + every }
}

/// What stands in the clear in an SRTP packet.
struct RtpHeader {
    len: usize,
    marker: bool,
    payload_type: u8,
    sequence: u16,
    timestamp: u32,
    ssrc: u32,
    transport_cc: Option<u16>,
}

impl RtpHeader {
    /// RFC 3550 section 5.1; extensions as in RFC 8285.
    fn read(bytes: &[u8], transport_cc: Option<u8>) -> Option<Self> {
        let fixed = bytes.first_chunk::<12>()?;
        if fixed[0] >> 6 != 2 {
            return None;
        }
        let word = |at: usize| {
            u32::from_be_bytes([fixed[at], fixed[at + 1], fixed[at + 2], fixed[at + 3]])
        };
        let mut header = Self {
            len: 12 + 4 * usize::from(fixed[0] & 0x0f),
            marker: fixed[1] & 0x80 != 0,
            payload_type: fixed[1] & 0x7f,
            sequence: u16::from_be_bytes([fixed[2], fixed[3]]),
            timestamp: word(4),
            ssrc: word(8),
            transport_cc: None,
        };
        if fixed[0] & 0x10 != 0 {
            let [a, b, high, low] = *bytes.get(header.len..)?.first_chunk::<4>()?;
            let from = header.len + 4;
            header.len = from + 4 * usize::from(u16::from_be_bytes([high, low]));
            let extensions = bytes.get(from..header.len)?;
            if let Some(id) = transport_cc {
                header.transport_cc = find_extension(u16::from_be_bytes([a, b]), extensions, id);
            }
        }
        (header.len <= bytes.len()).then_some(header)
    }
}

fn find_extension(profile: u16, mut bytes: &[u8], wanted: u8) -> Option<u16> {
    /// One-byte headers (RFC 8285 section 4.2); two-byte ones have 0x100 and four bits of anything.
    const ONE_BYTE: u16 = 0xbede;
    loop {
        let (id, len, rest) = match *bytes {
            [0, ref rest @ ..] => {
                bytes = rest;
                continue;
            }
            [both, ref rest @ ..] if profile == ONE_BYTE => {
                (both >> 4, usize::from(both & 0x0f) + 1, rest)
            }
            [id, len, ref rest @ ..] if profile >> 4 == 0x100 => (id, usize::from(len), rest),
            _ => return None,
        };
        let (value, rest) = rest.split_at_checked(len)?;
        if id == wanted {
            return Some(u16::from_be_bytes(value.try_into().ok()?));
        }
        bytes = rest;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn headers_are_read_and_rubbish_is_not() {
        let packet = [
            0x90, 0xe0, 1, 2, 0, 0, 0, 3, 0, 0, 0, 4, // fixed
            0xbe, 0xde, 0, 2, 0x10, 0xff, 0, 0x51, 7, 8, 0, 0, // id 1, padding, id 5
            9,
        ];
        let header = RtpHeader::read(&packet, Some(5)).unwrap();
        assert_eq!(header.transport_cc, Some(0x0708));
        assert_eq!((header.len, header.payload_type), (24, 0x60));
        assert_eq!(
            (header.sequence, header.timestamp, header.ssrc),
            (0x0102, 3, 4)
        );
        assert!(header.marker);
        let other = RtpHeader::read(&packet, Some(6)).unwrap();
        assert_eq!(other.transport_cc, None);
        for len in 0..24 {
            assert!(RtpHeader::read(&packet[..len], Some(5)).is_none());
        }
    }
}
