//! Reads samples back out of the CMAF that the worker writes (ISO/IEC 14496-12): one track per file.

use bytes::{Buf, Bytes};
use weir_media::{AudioCodec, VideoCodec};

use crate::source::SourceFormat;

/// Why an initialisation segment or a part cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CmafError {
    /// A box ends before what it announces.
    #[error("the CMAF is cut short")]
    Truncated,
    /// A box that must be there is not.
    #[error("the CMAF has no {0}")]
    Missing(&'static str),
    /// Neither H.264 nor AAC.
    #[error("RTMP targets take H.264 and AAC only")]
    Codec,
}

impl From<bytes::TryGetError> for CmafError {
    fn from(_: bytes::TryGetError) -> Self {
        Self::Truncated
    }
}

/// What a track's initialisation segment says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Init {
    /// Codec and configuration.
    pub format: SourceFormat,
    /// Ticks a second.
    pub timescale: u32,
    defaults: Defaults,
}

/// One coded picture or audio frame, in ticks of its track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// Decoding time.
    pub decode: u64,
    /// Presentation after decoding.
    pub composition: i32,
    /// Whether decoding can start here.
    pub keyframe: bool,
    /// The bytes.
    pub data: Bytes,
}

/// What samples have that say nothing of their own (`trex`, `tfhd`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Defaults {
    duration: u32,
    size: u32,
    flags: u32,
}

/// Samples of a part at most: what says more is not of our making, and must not fill the memory.
const MOST_SAMPLES: usize = 16_384;

/// `sample_is_non_sync_sample` (clause 8.8.3.1).
const NON_SYNC: u32 = 0x1_0000;

/// Reads an initialisation segment (`ftyp moov`).
pub fn read_init(file: &Bytes) -> Result<Init, CmafError> {
    let moov = find(file, b"moov")?;
    let mdia = find(&find(&moov, b"trak")?, b"mdia")?;
    let stbl = find(&find(&mdia, b"minf")?, b"stbl")?;
    let mut entries = find(&stbl, b"stsd")?;
    // Version and flags, and the number of entries.
    skip(&mut entries, 8)?;
    let format = match next_box(&mut entries)? {
        Some((kind, mut entry)) if matches!(&kind, b"avc1" | b"avc3") => {
            skip(&mut entry, 78)?;
            SourceFormat::Video {
                codec: VideoCodec::H264,
                config: find(&entry, b"avcC")?,
                layer: 0,
            }
        }
        Some((kind, mut entry)) if &kind == b"mp4a" => {
            skip(&mut entry, 28)?;
            SourceFormat::Audio {
                codec: AudioCodec::Aac,
                config: audio_config(find(&entry, b"esds")?)?,
            }
        }
        _ => return Err(CmafError::Codec),
    };
    let mut mdhd = find(&mdia, b"mdhd")?;
    let version = mdhd.try_get_u32()? >> 24;
    skip(&mut mdhd, if version == 1 { 16 } else { 8 })?;
    let timescale = mdhd.try_get_u32()?.max(1);
    Ok(Init {
        format,
        timescale,
        defaults: track_defaults(&moov)?,
    })
}

fn track_defaults(moov: &Bytes) -> Result<Defaults, CmafError> {
    let mut trex = find(&find(moov, b"mvex")?, b"trex")?;
    // Version and flags, the track, its sample description.
    skip(&mut trex, 12)?;
    Ok(Defaults {
        duration: trex.try_get_u32()?,
        size: trex.try_get_u32()?,
        flags: trex.try_get_u32()?,
    })
}

/// The `AudioSpecificConfig` in an `esds` (ISO/IEC 14496-1, clause 7.2.6).
fn audio_config(mut esds: Bytes) -> Result<Bytes, CmafError> {
    const ES: u8 = 3;
    const DECODER_CONFIG: u8 = 4;
    const DECODER_SPECIFIC: u8 = 5;
    skip(&mut esds, 4)?;
    let mut stream = descriptor(&mut esds, ES)?;
    skip(&mut stream, 2)?;
    let flags = stream.try_get_u8()?;
    if flags & 0x80 != 0 {
        skip(&mut stream, 2)?;
    }
    if flags & 0x40 != 0 {
        let length = stream.try_get_u8()?;
        skip(&mut stream, length.into())?;
    }
    if flags & 0x20 != 0 {
        skip(&mut stream, 2)?;
    }
    let mut decoder = descriptor(&mut stream, DECODER_CONFIG)?;
    const MPEG4_AUDIO: u8 = 0x40;
    if decoder.try_get_u8()? != MPEG4_AUDIO {
        return Err(CmafError::Codec);
    }
    skip(&mut decoder, 12)?;
    descriptor(&mut decoder, DECODER_SPECIFIC)
}

/// The content of the next descriptor, which must have this tag.
fn descriptor(bytes: &mut Bytes, tag: u8) -> Result<Bytes, CmafError> {
    if bytes.try_get_u8()? != tag {
        return Err(CmafError::Missing("decoder configuration"));
    }
    let mut length = 0;
    // Seven bits a byte, four bytes at most.
    for _ in 0..4 {
        let byte = bytes.try_get_u8()?;
        length = length << 7 | usize::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            break;
        }
    }
    take(bytes, length)
}

/// Reads a part (`moof mdat`, perhaps `styp` and others between), which may hold several fragments.
pub fn read_part(file: &Bytes, init: &Init) -> Result<Vec<Sample>, CmafError> {
    let mut samples = Vec::new();
    let mut rest = file.clone();
    loop {
        let at = file.len() - rest.len();
        match next_box(&mut rest)? {
            None => return Ok(samples),
            Some((kind, moof)) if &kind == b"moof" => {
                let traf = find(&moof, b"traf")?;
                read_fragment(&traf, file.slice(at..), init.defaults, &mut samples)?;
            }
            Some(_) => {}
        }
    }
}

/// Offsets count from the first byte of the `moof` (`default-base-is-moof`), which CMAF demands.
fn read_fragment(
    traf: &Bytes,
    from_moof: Bytes,
    mut defaults: Defaults,
    samples: &mut Vec<Sample>,
) -> Result<(), CmafError> {
    let mut tfhd = find(traf, b"tfhd")?;
    let flags = tfhd.try_get_u32()?;
    skip(&mut tfhd, 4)?;
    skip(&mut tfhd, if flags & 0x1 != 0 { 8 } else { 0 })?;
    skip(&mut tfhd, if flags & 0x2 != 0 { 4 } else { 0 })?;
    for (flag, field) in [
        (0x8, &mut defaults.duration),
        (0x10, &mut defaults.size),
        (0x20, &mut defaults.flags),
    ] {
        if flags & flag != 0 {
            *field = tfhd.try_get_u32()?;
        }
    }
    let mut tfdt = find(traf, b"tfdt")?;
    let mut decode = match tfdt.try_get_u32()? >> 24 {
        1 => tfdt.try_get_u64()?,
        _ => tfdt.try_get_u32()?.into(),
    };
    let mut data = from_moof.clone();
    let mut rest = traf.clone();
    while let Some((kind, mut run)) = next_box(&mut rest)? {
        if &kind != b"trun" {
            continue;
        }
        let flags = run.try_get_u32()?;
        let count = run.try_get_u32()?;
        if flags & 0x1 != 0 {
            let offset = run.try_get_u32()?;
            data = from_moof.clone();
            skip(&mut data, usize::try_from(offset).unwrap_or(usize::MAX))?;
        }
        let first_flags = match flags & 0x4 {
            0 => None,
            _ => Some(run.try_get_u32()?),
        };
        for n in 0..count {
            if samples.len() >= MOST_SAMPLES {
                return Err(CmafError::Truncated);
            }
            let mut field = |flag: u32, default: u32| match flags & flag {
                0 => Ok(default),
                _ => run.try_get_u32(),
            };
            let duration = field(0x100, defaults.duration)?;
            let size = field(0x200, defaults.size)?;
            let own = field(0x400, defaults.flags)?;
            // Unsigned in version 0, where it fits all the same.
            let composition = field(0x800, 0)? as i32;
            let sample_flags = first_flags.filter(|_| n == 0).unwrap_or(own);
            samples.push(Sample {
                decode,
                composition,
                keyframe: sample_flags & NON_SYNC == 0,
                data: take(&mut data, size as usize)?,
            });
            decode += u64::from(duration);
        }
    }
    Ok(())
}

/// The content of the first box of this kind.
fn find(bytes: &Bytes, wanted: &'static [u8; 4]) -> Result<Bytes, CmafError> {
    let mut rest = bytes.clone();
    while let Some((kind, body)) = next_box(&mut rest)? {
        if &kind == wanted {
            return Ok(body);
        }
    }
    Err(CmafError::Missing(
        std::str::from_utf8(wanted).unwrap_or("box"),
    ))
}

/// The next box's kind and content.
fn next_box(bytes: &mut Bytes) -> Result<Option<([u8; 4], Bytes)>, CmafError> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let size = bytes.try_get_u32()?;
    let mut kind = [0; 4];
    bytes.try_copy_to_slice(&mut kind)?;
    let length = match size {
        // To the end.
        0 => bytes.len(),
        1 => usize::try_from(bytes.try_get_u64()?)
            .ok()
            .and_then(|size| size.checked_sub(16))
            .ok_or(CmafError::Truncated)?,
        size => (size as usize).checked_sub(8).ok_or(CmafError::Truncated)?,
    };
    Ok(Some((kind, take(bytes, length)?)))
}

fn take(bytes: &mut Bytes, length: usize) -> Result<Bytes, CmafError> {
    if bytes.len() < length {
        return Err(CmafError::Truncated);
    }
    Ok(bytes.split_to(length))
}

fn skip(bytes: &mut Bytes, length: usize) -> Result<(), CmafError> {
    take(bytes, length).map(drop)
}

#[cfg(all(test, feature = "worker"))]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::worker::cmaf;

    fn written() -> Vec<cmaf::Sample> {
        [
            (true, 3000, 0, 700),
            (false, 3003, 6000, 1),
            (false, 2997, -3000, 90),
        ]
        .into_iter()
        .map(|(keyframe, duration, composition, size)| cmaf::Sample {
            duration,
            composition,
            keyframe,
            data: Bytes::from(vec![size as u8; size]),
        })
        .collect()
    }

    #[test]
    fn what_the_worker_writes_is_read_back() {
        let record = Bytes::from_static(b"\x01\x42\xc0\x1frecord");
        let init = read_init(&cmaf::h264_init(&record, 1280, 720)).unwrap();
        assert_eq!(init.timescale, cmaf::VIDEO_TIMESCALE);
        let format = SourceFormat::Video {
            codec: VideoCodec::H264,
            config: record,
            layer: 0,
        };
        assert_eq!(init.format, format);
        for segment_start in [true, false] {
            let part = cmaf::fragment(7, 1 << 40, segment_start, &written());
            let read = read_part(&part, &init).unwrap();
            let mut decode = 1 << 40;
            for (read, written) in read.iter().zip(written()) {
                assert_eq!(read.decode, decode);
                assert_eq!(read.composition, written.composition);
                assert_eq!(read.keyframe, written.keyframe);
                assert_eq!(read.data, written.data);
                decode += u64::from(written.duration);
            }
            assert_eq!(read.len(), 3);
            // Several chunks in one piece.
            let twice = [&part[..], &part[..]].concat();
            assert_eq!(read_part(&twice.into(), &init).unwrap().len(), 6);
        }
    }

    #[test]
    fn audio_is_read_back() {
        let config = [0x11, 0x90];
        let init = read_init(&cmaf::aac_init(&config, 48_000, 2)).unwrap();
        assert_eq!(init.timescale, 48_000);
        let format = SourceFormat::Audio {
            codec: AudioCodec::Aac,
            config: Bytes::copy_from_slice(&config),
        };
        assert_eq!(init.format, format);
    }

    #[test]
    fn what_is_cut_short_is_an_error_and_never_a_panic() {
        let init_bytes = cmaf::h264_init(&Bytes::from_static(b"record"), 1280, 720);
        let init = read_init(&init_bytes).unwrap();
        for end in 0..init_bytes.len() {
            assert!(read_init(&init_bytes.slice(..end)).is_err(), "{end}");
        }
        let part = cmaf::fragment(1, 0, true, &written());
        for end in 0..part.len() {
            // Between two boxes is an end too.
            let _ = read_part(&part.slice(..end), &init);
        }
        // Any byte may be wrong.
        for at in 0..part.len() {
            let mut broken = part.to_vec();
            broken[at] ^= 0xff;
            let _ = read_part(&broken.into(), &init);
        }
        let opus = Bytes::from_static(b"\0\0\0\x08moov");
        assert_eq!(read_init(&opus), Err(CmafError::Missing("trak")));
    }
}
