//! Reads bits, most significant first, and never past the end.

/// What is left of some bytes. Reading past the end gives None, from then on.
#[derive(Debug, Clone)]
pub(crate) struct BitReader<'a> {
    bytes: &'a [u8],
    /// Bits read so far.
    at: usize,
    /// Leave out the emulation prevention bytes of H.264 (ITU-T H.264 section 7.4.1).
    unescape: bool,
}

impl<'a> BitReader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            at: 0,
            unescape: false,
        }
    }

    /// Reads a NAL unit's bytes: 3 after two zero bytes is left out.
    pub(crate) fn of_nal_unit(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            at: 0,
            unescape: true,
        }
    }

    pub(crate) fn bit(&mut self) -> Option<bool> {
        let mut octet = self.at / 8;
        if self.unescape
            && self.at.is_multiple_of(8)
            && octet >= 2
            && self.bytes.get(octet - 2..=octet) == Some(&[0, 0, 3])
        {
            self.at += 8;
            octet += 1;
        }
        let value = *self.bytes.get(octet)?;
        let bit = value >> (7 - self.at % 8) & 1;
        self.at += 1;
        Some(bit == 1)
    }

    /// An unsigned number of up to 32 bits.
    pub(crate) fn bits(&mut self, count: u32) -> Option<u32> {
        let mut value = 0_u32;
        for _ in 0..count.min(32) {
            value = value << 1 | u32::from(self.bit()?);
        }
        Some(value)
    }

    pub(crate) fn byte(&mut self, count: u32) -> Option<u8> {
        self.bits(count.min(8)).map(|value| value as u8)
    }

    pub(crate) fn skip(&mut self, count: u32) -> Option<()> {
        for _ in 0..count {
            self.bit()?;
        }
        Some(())
    }

    /// Exp-Golomb code (ITU-T H.264 section 9.1, `ue(v)`; AV1's `uvlc()` is the same).
    pub(crate) fn exp_golomb(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while !self.bit()? {
            zeros += 1;
            if zeros > 31 {
                return None;
            }
        }
        let rest = self.bits(zeros)?;
        Some(((1_u64 << zeros) - 1 + u64::from(rest)) as u32)
    }

    /// Signed Exp-Golomb code (`se(v)`).
    pub(crate) fn signed_exp_golomb(&mut self) -> Option<i32> {
        let code = i64::from(self.exp_golomb()?);
        let value = (code + 1) / 2;
        Some(if code % 2 == 1 { value } else { -value } as i32)
    }

    /// A number below `count`, as AV1 writes it (`ns(n)`, AV1 section 4.10.7).
    pub(crate) fn below(&mut self, count: u32) -> Option<u32> {
        if count == 0 {
            return None;
        }
        let width = 32 - count.leading_zeros();
        let short = (1_u64 << width) - u64::from(count);
        let value = self.bits(width - 1)?;
        if u64::from(value) < short {
            return Some(value);
        }
        let extra = u32::from(self.bit()?);
        Some((u64::from(value) * 2 - short + u64::from(extra)) as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_several_lengths() {
        // 1 | 010 | 011 | 00100 | 1111
        let mut reader = BitReader::new(&[0b1010_0110, 0b0100_1111]);
        assert_eq!(reader.exp_golomb(), Some(0));
        assert_eq!(reader.exp_golomb(), Some(1));
        assert_eq!(reader.signed_exp_golomb(), Some(-1));
        assert_eq!(reader.exp_golomb(), Some(3));
        assert_eq!(reader.bits(4), Some(15));
        assert_eq!(reader.bit(), None);
        assert_eq!(BitReader::new(&[0; 9]).exp_golomb(), None);
    }

    #[test]
    fn numbers_below_a_count() {
        // For 5: 0, 1, 2 take two bits; 3 and 4 take three.
        let mut reader = BitReader::new(&[0b0001_1011, 0b1110_0000]);
        let read: Vec<_> = (0..5).filter_map(|_| reader.below(5)).collect();
        assert_eq!(read, [0, 1, 2, 4, 3]);
        assert_eq!(BitReader::new(&[0]).below(1), Some(0));
    }

    #[test]
    fn emulation_prevention_is_left_out() {
        let mut reader = BitReader::of_nal_unit(&[0, 0, 3, 1, 3]);
        assert_eq!(reader.bits(32), Some(0x0000_0103));
    }
}
