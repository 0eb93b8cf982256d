//! `AudioSpecificConfig` (ISO/IEC 14496-3, clause 1.6.2.1).

use bytes::Bytes;

/// Sampling rates by index (table 1.18).
const RATES: [u32; 13] = [
    96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000,
    7_350,
];

/// What the configuration says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AacConfig {
    /// The record itself.
    pub record: Bytes,
    /// Audio object type: 2 is LC, 5 SBR, 29 PS.
    pub object_type: u8,
    /// Hz of the coded core.
    pub rate: u32,
    /// Samples of a frame at `rate`.
    pub frame: u32,
    /// Channels; 2 where the stream describes them itself.
    pub channels: u16,
}

impl AacConfig {
    /// What our own encoder makes.
    pub fn stereo_48k() -> Self {
        // LC, index 3 (48 kHz), 2 channels, 1,024 samples.
        Self {
            record: Bytes::from_static(&[0x11, 0x90]),
            object_type: 2,
            rate: 48_000,
            frame: 1024,
            channels: 2,
        }
    }

    /// Reads a record.
    pub fn parse(record: &Bytes) -> anyhow::Result<Self> {
        let mut bits = Bits {
            bytes: record,
            at: 0,
        };
        let object_type = bits.object_type()?;
        let rate = bits.rate()?;
        let mut channels = bits.take(4)?;
        let mut core = object_type;
        if matches!(object_type, 5 | 29) {
            // Explicit signalling: the extension's rate, then the core's type.
            bits.rate()?;
            core = bits.object_type()?;
        }
        let short = matches!(core, 1 | 2 | 3 | 4 | 6 | 7 | 17 | 19..=23) && bits.take(1)? == 1;
        if channels == 7 {
            channels = 8;
        } else if channels == 0 {
            channels = 2;
        }
        anyhow::ensure!(
            rate > 0 && channels <= 8,
            "AAC with {channels} channels at {rate} Hz"
        );
        let frame = if short { 960 } else { 1024 };
        Ok(Self {
            record: record.clone(),
            object_type: object_type as u8,
            rate,
            frame,
            channels: channels as u16,
        })
    }

    /// RFC 6381 codec string.
    pub fn codec_string(&self) -> String {
        format!("mp4a.40.{}", self.object_type)
    }
}

struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn take(&mut self, count: usize) -> anyhow::Result<u32> {
        let mut value = 0;
        for _ in 0..count {
            let Some(byte) = self.bytes.get(self.at / 8) else {
                anyhow::bail!("the AAC configuration is cut short")
            };
            value = value << 1 | u32::from(byte >> (7 - self.at % 8) & 1);
            self.at += 1;
        }
        Ok(value)
    }

    fn object_type(&mut self) -> anyhow::Result<u32> {
        Ok(match self.take(5)? {
            31 => 32 + self.take(6)?,
            other => other,
        })
    }

    fn rate(&mut self) -> anyhow::Result<u32> {
        match self.take(4)? {
            15 => self.take(24),
            index => RATES
                .get(index as usize)
                .copied()
                .ok_or_else(|| anyhow::anyhow!("reserved AAC rate {index}")),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn parse(bytes: &'static [u8]) -> anyhow::Result<AacConfig> {
        AacConfig::parse(&Bytes::from_static(bytes))
    }

    #[test]
    fn configurations_are_read() {
        let stereo = parse(&[0x11, 0x90]).unwrap();
        assert_eq!(stereo, AacConfig::stereo_48k());
        let mono = parse(&[0x12, 0x08]).unwrap();
        assert_eq!((mono.rate, mono.channels, mono.frame), (44_100, 1, 1024));
        // HE-AAC: type 5, core 24 kHz, stereo, extension 48 kHz, core type LC
        let sbr = parse(&[0x2b, 0x11, 0x88, 0x00]).unwrap();
        assert_eq!((sbr.object_type, sbr.rate, sbr.channels), (5, 24_000, 2));
        assert!(parse(&[]).is_err() && parse(&[0x11]).is_err() && parse(&[0x17, 0x00]).is_err());
    }
}
