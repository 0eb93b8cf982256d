//! Bits of an H.264 raw byte sequence payload.

/// Collects bits, most significant first.
#[derive(Debug, Default)]
pub(super) struct Bits {
    bytes: Vec<u8>,
    /// Bits used of the last byte, 0 to 7; 0 means that it is full.
    used: u8,
}

impl Bits {
    /// `u(1)`
    pub(super) fn bit(&mut self, bit: bool) {
        if self.used == 0 {
            self.bytes.push(0);
        }
        if bit && let Some(last) = self.bytes.last_mut() {
            *last |= 0x80 >> self.used;
        }
        self.used = (self.used + 1) % 8;
    }

    /// `u(n)`
    pub(super) fn fixed(&mut self, value: u32, bits: u32) {
        for shift in (0..bits).rev() {
            self.bit(value >> shift & 1 == 1);
        }
    }

    /// `ue(v)`, Exp-Golomb (H.264 section 9.1).
    pub(super) fn ue(&mut self, value: u32) {
        let code = value + 1;
        let bits = 32 - code.leading_zeros();
        self.fixed(0, bits - 1);
        self.fixed(code, bits);
    }

    /// Zero bits up to the next byte.
    pub(super) fn align(&mut self) {
        self.used = 0;
    }

    /// Whole bytes, from an aligned position.
    pub(super) fn bytes(&mut self, bytes: impl IntoIterator<Item = u8>) {
        debug_assert_eq!(self.used, 0, "bytes stand at an aligned position");
        self.bytes.extend(bytes);
    }

    /// The NAL unit with this header byte: trailing bits, and emulation prevention (section 7.4.1).
    pub(super) fn into_nal(mut self, header: u8) -> Vec<u8> {
        self.bit(true);
        self.align();
        let mut nal = vec![header];
        let mut zeros = 0;
        for byte in self.bytes {
            if zeros >= 2 && byte <= 3 {
                nal.push(3);
                zeros = 0;
            }
            zeros = if byte == 0 { zeros + 1 } else { 0 };
            nal.push(byte);
        }
        nal
    }
}
