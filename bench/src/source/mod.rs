//! The synthetic source: 720p30 H.264 and Opus as RTP payloads, the same in every run.

mod bits;
mod h264;
mod report;
mod stamp;

use std::{sync::Arc, time::Duration};

use h264::{Gop, Size};

pub(crate) use report::{LATE, NICE, SourceReport};
pub(crate) use stamp::Stamp;

/// Frames a second.
pub const FPS: u32 = 30;

/// Frames in a group of pictures: a keyframe each 2 s.
const GOP_FRAMES: u32 = 60;

/// Bits of RTP video payload a second.
pub const VIDEO_BITRATE: u32 = 2_500_000;

/// Bytes of the largest RTP payload.
pub const MAX_PAYLOAD: usize = 1_150;

/// Ticks of the RTP clock from one frame to the next (RFC 6184 section 8.2.1: 90 kHz).
pub const FRAME_TICKS: u32 = 90_000 / FPS;

/// Time of a frame.
pub const FRAME_TIME: Duration = Duration::from_nanos(1_000_000_000 / FPS as u64);

/// Duration of an Opus packet.
pub const AUDIO_TIME: Duration = Duration::from_millis(20);

/// Ticks of the RTP clock from one Opus packet to the next (RFC 7587 section 4.1: 48 kHz).
pub const AUDIO_TICKS: u32 = 960;

/// Bytes of an Opus packet: 64 kbit/s.
const AUDIO_PAYLOAD: usize = 160;

/// A frame's RTP payloads; the last one carries the marker.
pub type Frame = Vec<Arc<[u8]>>;

/// Simulcast layers, the largest first: names as OBS gives them, bits of RTP video payload a second,
/// and by how much the picture is smaller on each side.
pub(crate) const LAYERS: [(&str, u32, u32); 3] = [
    ("0", VIDEO_BITRATE, 1),
    ("1", 1_000_000, 2),
    ("2", 400_000, 4),
];

/// What is sent, over and over.
#[derive(Debug)]
pub struct Source {
    frames: Vec<Frame>,
    audio: Arc<[u8]>,
}

impl Default for Source {
    fn default() -> Self {
        Self::new()
    }
}

impl Source {
    /// Makes the group of pictures: 720p at [`VIDEO_BITRATE`].
    pub fn new() -> Self {
        Self::layer(VIDEO_BITRATE, 1)
    }

    /// A smaller picture at another rate.
    pub(crate) fn layer(bitrate: u32, smaller: u32) -> Self {
        let bytes = bitrate / 8 * GOP_FRAMES / FPS;
        let size = Size::hd().smaller(smaller);
        let gop = Gop::new(size, GOP_FRAMES, FPS, bytes as usize);
        let mut frames: Vec<Frame> = gop.slices.iter().map(|slice| fragments(slice)).collect();
        frames[0].insert(0, aggregate(&[&gop.sps, &gop.pps]));
        Self {
            frames,
            audio: silence().into(),
        }
    }

    /// The frames of a group of pictures; the first one is the keyframe.
    pub fn frames(&self) -> &[Frame] {
        &self.frames
    }

    /// An Opus packet.
    pub fn audio(&self) -> &Arc<[u8]> {
        &self.audio
    }

    /// RTP packets a second, video and audio.
    pub fn packets_per_second(&self) -> f64 {
        let packets: usize = self.frames.iter().map(Vec::len).sum();
        let video = packets as f64 * f64::from(FPS) / self.frames.len() as f64;
        video + 1.0 / AUDIO_TIME.as_secs_f64()
    }
}

/// STAP-A (RFC 6184 section 5.7.1).
fn aggregate(nals: &[&[u8]]) -> Arc<[u8]> {
    /// Type of the aggregation, with the reference bits of what is in it.
    const STAP_A: u8 = 0x60 | 24;
    let mut payload = vec![STAP_A];
    for nal in nals {
        let len = u16::try_from(nal.len()).expect("parameter sets are short");
        payload.extend_from_slice(&len.to_be_bytes());
        payload.extend_from_slice(nal);
    }
    payload.into()
}

/// FU-A (RFC 6184 section 5.8): all of full size but the last one.
fn fragments(nal: &[u8]) -> Frame {
    /// Type of a fragment.
    const FU_A: u8 = 28;
    const START: u8 = 0x80;
    const END: u8 = 0x40;
    let (header, body) = nal.split_first().expect("a NAL unit has a header");
    let chunks = body.chunks(MAX_PAYLOAD - 2);
    let last = chunks.len() - 1;
    chunks
        .enumerate()
        .map(|(number, chunk)| {
            let mut flags = header & 0x1F;
            if number == 0 {
                flags |= START;
            }
            if number == last {
                flags |= END;
            }
            let mut payload = vec![header & 0xE0 | FU_A, flags];
            payload.extend_from_slice(chunk);
            payload.into()
        })
        .collect()
}

/// Opus silence, padded as RFC 6716 section 3.2.5 says: stereo, full band, 20 ms, one frame.
fn silence() -> [u8; AUDIO_PAYLOAD] {
    /// Table of contents: CELT, full band, 20 ms, stereo, any number of frames.
    const TOC: u8 = 31 << 3 | 1 << 2 | 3;
    /// One frame, padding follows.
    const ONE_PADDED: u8 = 0x40 | 1;
    let mut packet = [0; AUDIO_PAYLOAD];
    packet[..5].copy_from_slice(&[TOC, ONE_PADDED, (AUDIO_PAYLOAD - 5) as u8, 0xFF, 0xFE]);
    packet
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_like_those_of_an_encoder() {
        let source = Source::new();
        assert_eq!(source.frames().len(), 60);
        let keyframe = &source.frames()[0];
        assert!((44..52).contains(&keyframe.len()), "{}", keyframe.len());
        for frame in &source.frames()[1..] {
            assert!((8..=10).contains(&frame.len()), "{}", frame.len());
        }
        let all = || source.frames().iter().flatten();
        assert!(all().all(|payload| payload.len() <= MAX_PAYLOAD));
        let bits: usize = all().map(|payload| payload.len() * 8).sum();
        let rate = bits as u32 / 2;
        assert!((2_480_000..2_530_000).contains(&rate), "{rate}");
        let packets = source.packets_per_second();
        assert!((310.0..340.0).contains(&packets), "{packets}");
    }
}
