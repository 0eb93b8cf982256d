//! Chunks: `moof` and `mdat`.

use bytes::Bytes;
use weir_media::Boxes;

use super::{Segment, TRACK_ID};

/// One coded picture or audio frame, in ticks of the track's timescale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// How long it lasts, in decoding order.
    pub duration: u32,
    /// Presentation after decoding.
    pub composition: i32,
    /// Whether decoding can start here.
    pub keyframe: bool,
    /// The bytes; H.264 with 4-byte lengths.
    pub data: Bytes,
}

/// Sample flags (ISO/IEC 14496-12, clause 8.8.3.1): depends on no other.
const KEYFRAME: u32 = 0x0200_0000;
/// Depends on others, and is no sync sample.
const DELTA: u32 = 0x0101_0000;

/// One chunk. `sequence` counts a track's chunks; `decode_time` is that of the first sample; a chunk
/// that begins a segment has `styp` in front.
pub fn fragment(
    sequence: u32,
    decode_time: u64,
    segment_start: bool,
    samples: &[Sample],
) -> Segment {
    const DEFAULT_BASE_IS_MOOF: u32 = 0x2_0000;
    const DATA_OFFSET: u32 = 0x1;
    const DURATION_SIZE_FLAGS_COMPOSITION: u32 = 0xf00;
    let mut out = Boxes::default();
    if segment_start {
        out.put(b"styp", |out| {
            out.slice(b"msdh");
            out.u32(0);
            out.slice(b"msdhmsixcmfs");
        });
    }
    let moof = out.bytes.len();
    let mut offset_at = 0;
    out.put(b"moof", |out| {
        out.full(b"mfhd", 0, 0, |out| out.u32(sequence));
        out.put(b"traf", |out| {
            out.full(b"tfhd", 0, DEFAULT_BASE_IS_MOOF, |out| out.u32(TRACK_ID));
            out.full(b"tfdt", 1, 0, |out| out.u64(decode_time));
            out.full(
                b"trun",
                1,
                DATA_OFFSET | DURATION_SIZE_FLAGS_COMPOSITION,
                |out| {
                    out.u32(samples.len() as u32);
                    offset_at = out.bytes.len();
                    out.u32(0);
                    for sample in samples {
                        out.u32(sample.duration);
                        out.u32(sample.data.len() as u32);
                        out.u32(if sample.keyframe { KEYFRAME } else { DELTA });
                        // Version 1: signed.
                        out.u32(sample.composition as u32);
                    }
                },
            );
        });
    });
    const MDAT_HEADER: usize = 8;
    let offset = (out.bytes.len() - moof + MDAT_HEADER) as u32;
    out.bytes[offset_at..offset_at + 4].copy_from_slice(&offset.to_be_bytes());
    out.put(b"mdat", |out| {
        samples.iter().for_each(|sample| out.slice(&sample.data))
    });
    out.bytes.into()
}
