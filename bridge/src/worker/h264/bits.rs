//! Reading a raw byte sequence payload bit by bit (ITU-T H.264, clauses 7.2 and 9.1).

use super::Malformed;

/// Reads bits of a NAL unit, leaving out its emulation prevention bytes.
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    /// Zero bytes in a row just before the current byte.
    zeros: u8,
    current: u8,
    /// Bits of `current` not yet read.
    left: u8,
}

impl<'a> Bits<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            zeros: 0,
            current: 0,
            left: 0,
        }
    }

    pub(super) fn bit(&mut self) -> Result<u32, Malformed> {
        if self.left == 0 {
            let (&byte, rest) = self.bytes.split_first().ok_or(Malformed)?;
            self.bytes = rest;
            if self.zeros >= 2 && byte == 3 {
                self.zeros = 0;
                return self.bit();
            }
            self.zeros = if byte == 0 { self.zeros + 1 } else { 0 };
            self.zeros = self.zeros.min(2);
            self.current = byte;
            self.left = 8;
        }
        self.left -= 1;
        Ok(u32::from(self.current >> self.left & 1))
    }

    pub(super) fn flag(&mut self) -> Result<bool, Malformed> {
        Ok(self.bit()? == 1)
    }

    /// `count` bits, at most 32.
    pub(super) fn bits(&mut self, count: u8) -> Result<u32, Malformed> {
        let mut value = 0;
        for _ in 0..count {
            value = value << 1 | self.bit()?;
        }
        Ok(value)
    }

    pub(super) fn skip(&mut self, count: u32) -> Result<(), Malformed> {
        for _ in 0..count {
            self.bit()?;
        }
        Ok(())
    }

    /// ue(v): unsigned Exp-Golomb.
    pub(super) fn ue(&mut self) -> Result<u32, Malformed> {
        let mut zeros = 0;
        while self.bit()? == 0 {
            zeros += 1;
            if zeros > 31 {
                return Err(Malformed);
            }
        }
        Ok((1_u32 << zeros) - 1 + self.bits(zeros)?)
    }

    /// se(v): signed Exp-Golomb.
    pub(super) fn se(&mut self) -> Result<i32, Malformed> {
        let code = i64::from(self.ue()?);
        let magnitude = (code + 1) / 2;
        i32::try_from(if code % 2 == 1 { magnitude } else { -magnitude }).map_err(|_| Malformed)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn exp_golomb_codes_are_read() {
        // 1 | 010 | 011 | 00100 | 1…: 0, 1, 2, 3, 0
        let mut bits = Bits::new(&[0b1010_0110, 0b0100_1000]);
        assert_eq!([(); 5].map(|()| bits.ue().unwrap()), [0, 1, 2, 3, 0]);
        let mut bits = Bits::new(&[0b1010_0110, 0b0100_1000]);
        assert_eq!([(); 4].map(|()| bits.se().unwrap()), [0, 1, -1, 2]);
    }

    #[test]
    fn emulation_prevention_is_left_out() {
        let mut bits = Bits::new(&[0, 0, 3, 1]);
        assert_eq!(bits.bits(24), Ok(1));
        assert_eq!(bits.bit(), Err(Malformed));
    }

    #[test]
    fn endless_zeros_are_refused() {
        assert_eq!(Bits::new(&[0; 64]).ue(), Err(Malformed));
        assert_eq!(Bits::new(&[]).ue(), Err(Malformed));
    }
}
