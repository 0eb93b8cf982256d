//! Decoder configuration records: what must be checked and known of them before media is passed on.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use weir_media::VideoCodec;

/// Records are some dozens of bytes, and are kept for as long as the stream lives.
const LONGEST: usize = 64 * 1024;

/// Why a configuration record is not one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// It ends before what it announces, or is empty.
    #[error("the configuration record is cut short")]
    Truncated,
    /// Version, length size or sample rate out of range.
    #[error("the configuration record has an impossible value")]
    Impossible,
    /// Longer than any real one.
    #[error("the configuration record has more than {LONGEST} bytes")]
    TooLong,
    /// H.264 or HEVC without parameter sets: nothing could be decoded.
    #[error("the configuration record has no parameter sets")]
    NoParameterSets,
}

impl From<bytes::TryGetError> for ConfigError {
    fn from(_: bytes::TryGetError) -> Self {
        Self::Truncated
    }
}

/// Checks a video configuration record. Returns it, for H.264 and HEVC rewritten to 4-byte NAL
/// unit lengths, with the number of bytes that the publisher's own lengths have (1, 2 or 4; 0 for
/// codecs without NAL units).
pub fn video(codec: VideoCodec, config: &[u8]) -> Result<(Bytes, usize), ConfigError> {
    /// Byte of `lengthSizeMinusOne` (ISO/IEC 14496-15, 5.3.3.1 and 8.3.3.1).
    const AVC_LENGTH_SIZE: usize = 4;
    const HEVC_LENGTH_SIZE: usize = 21;
    if config.len() > LONGEST {
        return Err(ConfigError::TooLong);
    }
    let at = match codec {
        VideoCodec::H264 => {
            check_avc(config)?;
            AVC_LENGTH_SIZE
        }
        VideoCodec::Hevc => {
            check_hevc(config)?;
            HEVC_LENGTH_SIZE
        }
        VideoCodec::Vp8 | VideoCodec::Vp9 | VideoCodec::Av1 => {
            if config.is_empty() {
                return Err(ConfigError::Truncated);
            }
            return Ok((Bytes::copy_from_slice(config), 0));
        }
    };
    let size = usize::from(config[at] & 3) + 1;
    if size == 3 {
        return Err(ConfigError::Impossible);
    }
    let mut config = BytesMut::from(config);
    config[at] |= 3;
    Ok((config.freeze(), size))
}

/// `AVCDecoderConfigurationRecord`, ISO/IEC 14496-15, 5.3.3.1.
fn check_avc(mut config: &[u8]) -> Result<(), ConfigError> {
    if config.try_get_u8()? != 1 {
        return Err(ConfigError::Impossible);
    }
    config.try_get_uint(4)?;
    for mask in [0x1f, 0xff] {
        let count = config.try_get_u8()? & mask;
        if count == 0 {
            return Err(ConfigError::NoParameterSets);
        }
        for _ in 0..count {
            skip_parameter_set(&mut config)?;
        }
    }
    Ok(())
}

/// `HEVCDecoderConfigurationRecord`, ISO/IEC 14496-15, 8.3.3.1.
fn check_hevc(mut config: &[u8]) -> Result<(), ConfigError> {
    const BEFORE_ARRAYS: usize = 22;
    // Drafts of the format had version 0, and encoders of that age are about.
    if config.first().is_none_or(|version| *version > 1) {
        return Err(ConfigError::Impossible);
    }
    if config.len() < BEFORE_ARRAYS {
        return Err(ConfigError::Truncated);
    }
    config.advance(BEFORE_ARRAYS);
    let mut sets = 0;
    for _ in 0..config.try_get_u8()? {
        config.try_get_u8()?;
        for _ in 0..config.try_get_u16()? {
            skip_parameter_set(&mut config)?;
            sets += 1;
        }
    }
    if sets == 0 {
        return Err(ConfigError::NoParameterSets);
    }
    Ok(())
}

fn skip_parameter_set(config: &mut &[u8]) -> Result<(), ConfigError> {
    let length = usize::from(config.try_get_u16()?);
    if length == 0 {
        return Err(ConfigError::NoParameterSets);
    }
    if length > config.len() {
        return Err(ConfigError::Truncated);
    }
    config.advance(length);
    Ok(())
}

/// Checks the NAL unit lengths of an access unit and makes them 4 bytes long. `None` when they do
/// not add up, or when there is nothing in it.
pub fn four_byte_lengths(data: Bytes, size: usize) -> Option<Bytes> {
    if data.is_empty() {
        return None;
    }
    let mut rest = &data[..];
    let mut units = 0;
    while !rest.is_empty() {
        let length = rest.try_get_uint(size).ok()? as usize;
        if length > rest.len() {
            return None;
        }
        rest.advance(length);
        // Empty ones are left out, so that a message of nothing else does not grow.
        units += usize::from(length > 0);
    }
    if units == 0 {
        return None;
    }
    if size == 4 {
        return Some(data);
    }
    let mut rest = &data[..];
    let mut out = BytesMut::with_capacity(data.len() + units * 4);
    while rest.has_remaining() {
        let length = rest.get_uint(size) as usize;
        if length > 0 {
            out.put_u32(length as u32);
            out.put_slice(&rest[..length]);
            rest.advance(length);
        }
    }
    Some(out.freeze())
}

/// How long an AAC frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AacFrames {
    /// Hertz of the core coder (SBR doubles the output rate, not the number of frames a second).
    pub rate: u32,
    /// Samples per frame at that rate: 1,024 or 960.
    pub samples: u32,
}

/// Reads an `AudioSpecificConfig` (ISO/IEC 14496-3, 1.6.2.1) as far as a frame's duration.
pub fn aac(config: &[u8]) -> Result<AacFrames, ConfigError> {
    const RATES: [u32; 13] = [
        96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025,
        8_000, 7_350,
    ];
    const SBR: u32 = 5;
    const PARAMETRIC_STEREO: u32 = 29;
    if config.len() > LONGEST {
        return Err(ConfigError::TooLong);
    }
    let mut bits = Bits {
        data: config,
        at: 0,
    };
    let mut object_type = bits.object_type()?;
    let rate = bits.rate(&RATES)?;
    bits.take(4)?;
    if matches!(object_type, SBR | PARAMETRIC_STEREO) {
        bits.rate(&RATES)?;
        object_type = bits.object_type()?;
    }
    // GASpecificConfig begins with frameLengthFlag; other object types are not sent over RTMP.
    let short = matches!(object_type, 1..=4) && bits.take(1)? == 1;
    Ok(AacFrames {
        rate,
        samples: if short { 960 } else { 1024 },
    })
}

/// Checks an `OpusHead` (RFC 7845, section 5.1), which may also be missing. WebRTC and our AAC encoder
/// take mono and stereo.
pub fn opus(config: &[u8]) -> Result<(), OpusError> {
    const CHANNELS: usize = 9;
    const MAPPING_FAMILY: usize = 18;
    if config.len() > LONGEST {
        return Err(OpusError::Record(ConfigError::TooLong));
    }
    match (config.get(CHANNELS), config.get(MAPPING_FAMILY)) {
        (Some(&channels), family) if channels > 2 || family.is_some_and(|family| *family > 0) => {
            Err(OpusError::Surround(channels))
        }
        _ => Ok(()),
    }
}

/// Why Opus is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpusError {
    /// More than stereo.
    #[error("Opus with {0} channels")]
    Surround(u8),
    /// Not a configuration record.
    #[error("{0}")]
    Record(ConfigError),
}

struct Bits<'a> {
    data: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn take(&mut self, count: usize) -> Result<u32, ConfigError> {
        let mut value = 0;
        for _ in 0..count {
            let byte = self.data.get(self.at / 8).ok_or(ConfigError::Truncated)?;
            value = value << 1 | u32::from(byte >> (7 - self.at % 8) & 1);
            self.at += 1;
        }
        Ok(value)
    }

    fn object_type(&mut self) -> Result<u32, ConfigError> {
        match self.take(5)? {
            31 => Ok(32 + self.take(6)?),
            other => Ok(other),
        }
    }

    fn rate(&mut self, rates: &[u32]) -> Result<u32, ConfigError> {
        let rate = match self.take(4)? {
            15 => self.take(24)?,
            index => *rates.get(index as usize).ok_or(ConfigError::Impossible)?,
        };
        if (1_000..=192_000).contains(&rate) {
            Ok(rate)
        } else {
            Err(ConfigError::Impossible)
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const AVC: &[u8] = &[
        1, 0x42, 0xc0, 0x1f, 0xff, 0xe1, 0, 2, 0x67, 0x42, 1, 0, 1, 0x68,
    ];

    #[test]
    fn an_avc_record_is_checked_to_its_last_byte() {
        assert_eq!(
            video(VideoCodec::H264, AVC).unwrap(),
            (Bytes::from_static(AVC), 4)
        );
        for length in 0..AVC.len() {
            assert!(
                video(VideoCodec::H264, &AVC[..length]).is_err(),
                "{length} bytes"
            );
        }
    }

    #[test]
    fn two_byte_lengths_become_four() {
        let mut config = AVC.to_vec();
        config[4] = 0xfd;
        let (rewritten, size) = video(VideoCodec::H264, &config).unwrap();
        assert_eq!((rewritten, size), (Bytes::from_static(AVC), 2));
        let data =
            four_byte_lengths(Bytes::from_static(&[0, 1, 0x65, 0, 2, 0x41, 0x42]), 2).unwrap();
        assert_eq!(&data[..], [0, 0, 0, 1, 0x65, 0, 0, 0, 2, 0x41, 0x42]);
    }

    #[test]
    fn lengths_that_do_not_add_up_are_refused() {
        assert_eq!(
            four_byte_lengths(Bytes::from_static(&[0, 0, 0, 2, 0x65]), 4),
            None
        );
        assert_eq!(four_byte_lengths(Bytes::from_static(&[0, 0, 0]), 4), None);
        assert_eq!(four_byte_lengths(Bytes::new(), 4), None);
    }

    #[test]
    fn records_without_end_are_refused() {
        let long = vec![1; LONGEST + 1];
        for codec in [VideoCodec::H264, VideoCodec::Hevc, VideoCodec::Av1] {
            assert_eq!(video(codec, &long), Err(ConfigError::TooLong));
        }
        assert_eq!(aac(&long), Err(ConfigError::TooLong));
        assert_eq!(opus(&long), Err(OpusError::Record(ConfigError::TooLong)));
    }

    #[test]
    fn empty_nal_units_are_left_out() {
        let zeros = Bytes::from(vec![0; 1_000]);
        for size in [1, 2, 4] {
            assert_eq!(four_byte_lengths(zeros.clone(), size), None);
        }
        let some = Bytes::from_static(&[0, 1, 0x65, 0]);
        assert_eq!(
            four_byte_lengths(some, 1).unwrap(),
            [0, 0, 0, 1, 0x65].as_slice()
        );
    }

    #[test]
    fn opus_has_two_channels_at_most() {
        let head = |channels: u8, family: u8| {
            let mut head = *b"OpusHead\x01\x02\x38\x01\x80\xbb\0\0\0\0\0";
            (head[9], head[18]) = (channels, family);
            head
        };
        assert_eq!(opus(&head(2, 0)), Ok(()));
        assert_eq!(opus(&head(1, 0)), Ok(()));
        assert_eq!(opus(b""), Ok(()));
        assert_eq!(opus(&head(6, 1)), Err(OpusError::Surround(6)));
        assert_eq!(opus(&head(2, 255)), Err(OpusError::Surround(2)));
    }

    #[test]
    fn aac_frame_durations() {
        assert_eq!(
            aac(&[0x11, 0x90]).unwrap(),
            AacFrames {
                rate: 48_000,
                samples: 1024
            }
        );
        assert_eq!(
            aac(&[0x12, 0x10]).unwrap(),
            AacFrames {
                rate: 44_100,
                samples: 1024
            }
        );
        // HE-AAC: 24 kHz core, 48 kHz out.
        assert_eq!(
            aac(&[0x2b, 0x11, 0x88, 0x00]).unwrap(),
            AacFrames {
                rate: 24_000,
                samples: 1024
            }
        );
        assert!(aac(&[]).is_err());
        assert!(aac(&[0x17, 0x80]).is_err());
    }
}
