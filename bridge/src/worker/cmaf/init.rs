//! Initialisation segments.

use bytes::Bytes;
use weir_media::Boxes;

use super::{Segment, TRACK_ID, VIDEO_TIMESCALE};

/// The unity matrix of `mvhd` and `tkhd`.
const MATRIX: [u32; 9] = [0x1_0000, 0, 0, 0, 0x1_0000, 0, 0, 0, 0x4000_0000];

/// `und`, undetermined (ISO 639-2/T), packed as `mdhd` wants it.
const LANGUAGE: u16 = 0x55c4;

/// For H.264. `record` is its `AVCDecoderConfigurationRecord`; sizes in pixels.
pub fn h264_init(record: &Bytes, width: u32, height: u32) -> Segment {
    // The fields have 16 bits; H.264 has no larger pictures.
    let (width, height) = (width.min(0xffff) as u16, height.min(0xffff) as u16);
    init(VIDEO_TIMESCALE, Some((width, height)), |out| {
        out.put(b"avc1", |out| {
            out.zeros(6);
            out.u16(1); // data_reference_index
            out.zeros(16);
            out.u16(width);
            out.u16(height);
            out.u32(0x48_0000); // 72 dpi
            out.u32(0x48_0000);
            out.u32(0);
            out.u16(1); // frame_count
            out.zeros(32); // compressorname
            out.u16(0x18); // depth
            out.u16(0xffff);
            out.put(b"avcC", |out| out.slice(record));
        });
    })
}

/// For AAC. `config` is the `AudioSpecificConfig`; `rate` in Hz is also the timescale.
pub fn aac_init(config: &[u8], rate: u32, channels: u16) -> Segment {
    init(rate, None, |out| {
        out.put(b"mp4a", |out| {
            out.zeros(6);
            out.u16(1);
            out.zeros(8);
            out.u16(channels);
            out.u16(16); // samplesize
            out.u32(0);
            out.u32(rate.min(0xffff) << 16);
            out.full(b"esds", 0, 0, |out| elementary_stream(out, config));
        });
    })
}

/// `ES_Descriptor` (ISO/IEC 14496-1, clause 7.2.6).
fn elementary_stream(out: &mut Boxes, config: &[u8]) {
    // Lengths below 128 need one byte; a longer configuration than this is not AAC's.
    let config = &config[..config.len().min(64)];
    let specific = 2 + config.len() as u8;
    let decoder = 2 + 13 + specific;
    out.u8(0x03); // ES_DescrTag
    out.u8(3 + decoder + 3);
    out.u16(0); // ES_ID
    out.u8(0);
    out.u8(0x04); // DecoderConfigDescrTag
    out.u8(13 + specific);
    out.u8(0x40); // MPEG-4 audio
    out.u8(0x15); // AudioStream
    out.zeros(3); // bufferSizeDB
    out.u32(0); // maxBitrate
    out.u32(0); // avgBitrate
    out.u8(0x05); // DecSpecificInfoTag
    out.u8(config.len() as u8);
    out.slice(config);
    out.u8(0x06); // SLConfigDescrTag
    out.u8(1);
    out.u8(2); // MP4
}

fn init(timescale: u32, size: Option<(u16, u16)>, entry: impl FnOnce(&mut Boxes)) -> Segment {
    let mut out = Boxes::default();
    out.put(b"ftyp", |out| {
        out.slice(b"iso6");
        out.u32(0);
        out.slice(b"iso6cmfcmp41");
    });
    out.put(b"moov", |out| {
        out.full(b"mvhd", 0, 0, |out| {
            out.zeros(8); // creation and modification time
            out.u32(timescale);
            out.u32(0); // duration
            out.u32(0x1_0000); // rate
            out.u16(0x100); // volume
            out.zeros(10);
            MATRIX.iter().for_each(|value| out.u32(*value));
            out.zeros(24);
            out.u32(TRACK_ID + 1);
        });
        out.put(b"trak", |out| track(out, timescale, size, entry));
        out.put(b"mvex", |out| {
            out.full(b"trex", 0, 0, |out| {
                out.u32(TRACK_ID);
                out.u32(1); // sample description
                out.zeros(12);
            });
        });
    });
    out.bytes.into()
}

fn track(
    out: &mut Boxes,
    timescale: u32,
    size: Option<(u16, u16)>,
    entry: impl FnOnce(&mut Boxes),
) {
    const ENABLED_IN_MOVIE: u32 = 3;
    out.full(b"tkhd", 0, ENABLED_IN_MOVIE, |out| {
        out.zeros(8);
        out.u32(TRACK_ID);
        out.zeros(4);
        out.u32(0); // duration
        out.zeros(8);
        out.u16(0); // layer
        out.u16(0); // alternate group
        out.u16(if size.is_none() { 0x100 } else { 0 }); // volume
        out.zeros(2);
        MATRIX.iter().for_each(|value| out.u32(*value));
        let (width, height) = size.unwrap_or_default();
        out.u32(u32::from(width) << 16);
        out.u32(u32::from(height) << 16);
    });
    out.put(b"mdia", |out| {
        out.full(b"mdhd", 0, 0, |out| {
            out.zeros(8);
            out.u32(timescale);
            out.u32(0);
            out.u16(LANGUAGE);
            out.zeros(2);
        });
        out.full(b"hdlr", 0, 0, |out| {
            out.u32(0);
            out.slice(if size.is_some() { b"vide" } else { b"soun" });
            out.zeros(12);
            out.slice(b"weir\0");
        });
        out.put(b"minf", |out| {
            match size {
                Some(_) => out.full(b"vmhd", 0, 1, |out| out.zeros(8)),
                None => out.full(b"smhd", 0, 0, |out| out.zeros(4)),
            }
            out.put(b"dinf", |out| {
                out.full(b"dref", 0, 0, |out| {
                    out.u32(1);
                    out.full(b"url ", 0, 1, |_| {});
                });
            });
            out.put(b"stbl", |out| {
                out.full(b"stsd", 0, 0, |out| {
                    out.u32(1);
                    entry(out);
                });
                out.full(b"stts", 0, 0, |out| out.u32(0));
                out.full(b"stsc", 0, 0, |out| out.u32(0));
                out.full(b"stsz", 0, 0, |out| out.zeros(8));
                out.full(b"stco", 0, 0, |out| out.u32(0));
            });
        });
    });
}
