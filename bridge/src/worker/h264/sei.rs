//! Supplemental enhancement information, as far as captions need it (ITU-T H.264, clause 7.3.2.3).

use super::{Malformed, bits::Bits};

/// Payload type `user_data_registered_itu_t_t35`.
const REGISTERED: u32 = 4;
/// Whose user data it is: the United States, ATSC, its identifier, and `cc_data` (ATSC A/53 part 4, 6.2.3).
const CC_DATA: [u8; 8] = [0xb5, 0x00, 0x31, b'G', b'A', b'9', b'4', 0x03];
/// Longest payload that is looked at in bytes: 31 constructs of captions take 104.
const PAYLOAD_MAX: u32 = 512;

/// The `cc_data` structures in a NAL unit of type 6, in order.
pub fn cc_data(nal: &[u8]) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    // What is cut off ends it; what came before counts.
    let _ = read(nal, &mut found);
    found
}

fn read(nal: &[u8], found: &mut Vec<Vec<u8>>) -> Result<(), Malformed> {
    let mut bits = Bits::new(nal.get(1..).ok_or(Malformed)?);
    loop {
        let kind = number(&mut bits)?;
        let size = number(&mut bits)?;
        // Trailing bits read as a payload that is longer than what is left.
        if kind != REGISTERED || size > PAYLOAD_MAX {
            for _ in 0..size {
                bits.bits(8)?;
            }
            continue;
        }
        let payload = (0..size)
            .map(|_| byte(&mut bits))
            .collect::<Result<Vec<u8>, _>>()?;
        if let Some(data) = payload.strip_prefix(&CC_DATA) {
            found.push(data.to_vec());
        }
    }
}

/// A type or a size: bytes of 255, and one that is less.
fn number(bits: &mut Bits<'_>) -> Result<u32, Malformed> {
    let mut number: u32 = 0;
    loop {
        let byte = byte(bits)?;
        number = number.checked_add(byte.into()).ok_or(Malformed)?;
        if byte != 255 {
            return Ok(number);
        }
    }
}

fn byte(bits: &mut Bits<'_>) -> Result<u8, Malformed> {
    Ok(u8::try_from(bits.bits(8)?).expect("eight bits"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn captions_are_found_among_other_messages() {
        let mut nal = vec![0x06, 5, 2, 9, 9, 4, 12];
        nal.extend_from_slice(&CC_DATA);
        // A zero byte that would begin a start code is followed by 3.
        nal.extend_from_slice(&[0x00, 0x00, 0x03, 0x01, 0x7f]);
        nal.push(0x80);
        assert_eq!(cc_data(&nal), [[0x00, 0x00, 0x01, 0x7f]]);
    }

    #[test]
    fn others_and_torn_messages_are_nothing() {
        assert!(cc_data(&[]).is_empty());
        assert!(cc_data(&[0x06]).is_empty());
        assert!(cc_data(&[0x06, 4, 200, 0xb5]).is_empty());
        assert!(cc_data(&[0x06, 255, 255, 255]).is_empty());
        let mut other = vec![0x06, 4, 8];
        other.extend_from_slice(&CC_DATA);
        other[5] = 0x32;
        assert!(cc_data(&other).is_empty());
    }
}
