//! RFC 9628.

use super::Malformed;

/// Appends a payload's part of the picture. True when it begins a keyframe. Of spatial layers only
/// the base is taken: the layers of a picture would need a superframe index that is not sent.
pub(super) fn push(payload: &[u8], out: &mut Vec<u8>) -> Result<bool, Malformed> {
    const I: u8 = 0x80;
    const P: u8 = 0x40;
    const L: u8 = 0x20;
    const F: u8 = 0x10;
    const B: u8 = 0x08;
    const V: u8 = 0x02;
    let (&flags, mut rest) = payload.split_first().ok_or(Malformed)?;
    let mut byte = || -> Result<u8, Malformed> {
        let (&byte, tail) = rest.split_first().ok_or(Malformed)?;
        rest = tail;
        Ok(byte)
    };
    if flags & I != 0 && byte()? & 0x80 != 0 {
        byte()?;
    }
    let mut spatial = 0;
    if flags & L != 0 {
        spatial = byte()? >> 1 & 7;
        if flags & F == 0 {
            byte()?; // TL0PICIDX
        }
    }
    if flags & (F | P) == F | P {
        // At most three references (section 4.2).
        for _ in 0..3 {
            if byte()? & 1 == 0 {
                break;
            }
        }
    }
    if flags & V != 0 {
        let structure = byte()?;
        if structure & 0x10 != 0 {
            for _ in 0..4 * (u16::from(structure >> 5) + 1) {
                byte()?;
            }
        }
        if structure & 0x08 != 0 {
            for _ in 0..byte()? {
                for _ in 0..byte()? >> 2 & 3 {
                    byte()?;
                }
            }
        }
    }
    if spatial > 0 {
        return Ok(false);
    }
    let begins = flags & B != 0;
    if begins && !out.is_empty() || !begins && out.is_empty() {
        return Err(Malformed);
    }
    out.extend_from_slice(rest);
    Ok(begins && flags & P == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_are_left_out() {
        let mut out = Vec::new();
        // I with 15 bits, L without F, B, V with one size and a group of one picture with one reference
        let payload = [0xaa, 0x81, 2, 0x00, 9, 0x18, 1, 2, 3, 4, 1, 0x04, 7, 0x55];
        assert_eq!(push(&payload, &mut out), Ok(true));
        assert_eq!(out, [0x55]);
        assert_eq!(push(&[0x40, 0x66], &mut out), Ok(false));
        assert_eq!(out, [0x55, 0x66]);
    }
}
