//! `AVCDecoderConfigurationRecord` (ISO/IEC 14496-15, clause 5.3.3.1).

use bytes::{BufMut, Bytes};

use super::{Malformed, Sps};

/// The parameter sets of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AvcConfig {
    /// Sequence parameter sets, whole NAL units; at least one.
    pub sps: Vec<Bytes>,
    /// Picture parameter sets, whole NAL units.
    pub pps: Vec<Bytes>,
}

impl AvcConfig {
    /// Reads a record. What follows the parameter sets is not needed.
    pub fn parse(record: &Bytes) -> Result<Self, Malformed> {
        let mut at = 5;
        let mut sets = |mask: u8| -> Result<Vec<Bytes>, Malformed> {
            let count = record.get(at).ok_or(Malformed)? & mask;
            at += 1;
            let mut sets = Vec::new();
            for _ in 0..count {
                let length = record.get(at..at + 2).ok_or(Malformed)?;
                let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
                at += 2;
                if length == 0 || at + length > record.len() {
                    return Err(Malformed);
                }
                sets.push(record.slice(at..at + length));
                at += length;
            }
            Ok(sets)
        };
        let config = Self {
            sps: sets(0x1f)?,
            pps: sets(0xff)?,
        };
        if record[0] != 1 || config.sps.is_empty() {
            Err(Malformed)
        } else {
            Ok(config)
        }
    }

    /// The first sequence parameter set, read.
    pub fn sps(&self) -> Result<Sps, Malformed> {
        Sps::parse(self.sps.first().ok_or(Malformed)?)
    }

    /// The record of these parameter sets, for 4-byte lengths.
    pub fn record(&self) -> Bytes {
        let mut out = Vec::new();
        let profile = self
            .sps
            .first()
            .and_then(|sps| sps.get(1..4))
            .unwrap_or(&[66, 0xc0, 31]);
        out.put_u8(1);
        out.put_slice(profile);
        out.put_u8(0xfc | 3);
        for (sets, reserved, most) in [(&self.sps, 0xe0, 31), (&self.pps, 0, 255)] {
            let sets = &sets[..sets.len().min(most)];
            out.put_u8(reserved | sets.len() as u8);
            for set in sets {
                // A NAL unit of more than 64 KiB is not a parameter set; none gets here.
                out.put_u16(set.len() as u16);
                out.put_slice(set);
            }
        }
        if matches!(profile[0], 100 | 110 | 122 | 144) {
            // Chroma 4:2:0 with 8 bits; other formats are re-encoded and never get here.
            out.put_slice(&[0xfc | 1, 0xf8, 0xf8, 0]);
        }
        out.into()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let config = AvcConfig {
            sps: vec![Bytes::from_static(&[0x67, 100, 0, 31, 5])],
            pps: vec![
                Bytes::from_static(&[0x68, 1]),
                Bytes::from_static(&[0x68, 2]),
            ],
        };
        assert_eq!(AvcConfig::parse(&config.record()), Ok(config.clone()));
        let record = config.record();
        for end in 0..15 {
            assert!(AvcConfig::parse(&record.slice(..end)).is_err(), "{end}");
        }
    }
}
