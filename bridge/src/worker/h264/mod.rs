//! H.264 as far as the bridge must understand it: NAL units, parameter sets, slice types.

mod bits;
mod config;
mod inspect;
mod packetize;
mod sei;
mod sps;

pub use config::AvcConfig;
pub use inspect::{Inspection, inspect};
pub use packetize::H264Packetizer;
pub use sei::cc_data;
pub use sps::{Reordering, Sps};

/// NAL unit types of ITU-T H.264, table 7-1.
pub mod nal {
    /// First slice type that is no IDR.
    pub const SLICE: u8 = 1;
    /// Slice data partition A: it has the slice header.
    pub const PARTITION_A: u8 = 2;
    /// Slice of an IDR picture.
    pub const IDR: u8 = 5;
    /// Supplemental enhancement information.
    pub const SEI: u8 = 6;
    /// Sequence parameter set.
    pub const SPS: u8 = 7;
    /// Picture parameter set.
    pub const PPS: u8 = 8;
    /// Access unit delimiter.
    pub const AUD: u8 = 9;
    /// End of sequence.
    pub const END_OF_SEQUENCE: u8 = 10;
    /// End of stream.
    pub const END_OF_STREAM: u8 = 11;
    /// Filler data, which constant-bitrate encoders stuff their streams with.
    pub const FILLER: u8 = 12;
}

/// Type of a NAL unit. The unit must not be empty.
pub fn nal_type(nal: &[u8]) -> u8 {
    nal[0] & 0x1f
}

/// Whether viewers need the unit: delimiters and filler only cost bytes.
pub fn is_payload(nal: &[u8]) -> bool {
    !matches!(
        nal_type(nal),
        nal::AUD | nal::END_OF_SEQUENCE | nal::END_OF_STREAM | nal::FILLER
    )
}

/// The NAL units of an access unit with 4-byte lengths. Empty units are left out; a length beyond the
/// end gives `Err` as the last item.
pub fn nal_units(mut data: &[u8]) -> impl Iterator<Item = Result<&[u8], Malformed>> {
    std::iter::from_fn(move || {
        loop {
            if data.is_empty() {
                return None;
            }
            let Some((length, rest)) = data.split_first_chunk::<4>() else {
                data = &[];
                return Some(Err(Malformed));
            };
            let length = u32::from_be_bytes(*length) as usize;
            let Some((unit, rest)) = rest.split_at_checked(length) else {
                data = &[];
                return Some(Err(Malformed));
            };
            data = rest;
            if !unit.is_empty() {
                return Some(Ok(unit));
            }
        }
    })
}

/// Bytes that are not what they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed H.264")]
pub struct Malformed;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_cut_by_their_lengths() {
        let data = [0, 0, 0, 2, 0x67, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0x65];
        let units: Vec<_> = nal_units(&data).collect();
        assert_eq!(units, [Ok(&[0x67, 1][..]), Ok(&[0x65][..])]);
    }

    #[test]
    fn a_length_beyond_the_end_is_an_error() {
        assert_eq!(
            nal_units(&[0, 0, 0, 9, 0x65]).collect::<Vec<_>>(),
            [Err(Malformed)]
        );
        assert_eq!(nal_units(&[0, 0, 1]).collect::<Vec<_>>(), [Err(Malformed)]);
        assert_eq!(nal_units(&[0xff; 4]).collect::<Vec<_>>(), [Err(Malformed)]);
        assert!(nal_units(&[]).next().is_none());
    }
}
