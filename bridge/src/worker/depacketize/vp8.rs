//! RFC 7741.

use super::Malformed;

/// Appends a payload's part of the picture. True when it begins a keyframe.
pub(super) fn push(payload: &[u8], out: &mut Vec<u8>) -> Result<bool, Malformed> {
    let (&first, mut rest) = payload.split_first().ok_or(Malformed)?;
    let mut byte = || -> Result<u8, Malformed> {
        let (&byte, tail) = rest.split_first().ok_or(Malformed)?;
        rest = tail;
        Ok(byte)
    };
    // Section 4.2: X, then I, L, T and K.
    if first & 0x80 != 0 {
        let extension = byte()?;
        if extension & 0x80 != 0 && byte()? & 0x80 != 0 {
            byte()?; // a 15-bit picture id
        }
        if extension & 0x40 != 0 {
            byte()?;
        }
        if extension & 0x30 != 0 {
            byte()?;
        }
    }
    // S and a partition index of 0: the picture begins here, with its frame tag (section 4.3).
    let begins = first & 0x17 == 0x10;
    if begins && !out.is_empty() || !begins && out.is_empty() {
        return Err(Malformed);
    }
    let keyframe = begins && rest.first().ok_or(Malformed)? & 1 == 0;
    out.extend_from_slice(rest);
    Ok(keyframe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_of_all_lengths_are_left_out() {
        let payloads: [&[u8]; 3] = [
            &[0x10, 0xaa],
            &[0x90, 0x80, 0x05, 0xaa],
            &[0x90, 0xf0, 0x81, 2, 3, 4, 0xaa],
        ];
        for payload in payloads {
            let mut out = Vec::new();
            assert_eq!(push(payload, &mut out), Ok(true));
            assert_eq!(out, [0xaa]);
        }
    }
}
