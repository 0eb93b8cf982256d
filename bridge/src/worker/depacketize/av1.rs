//! AOMedia's RTP payload format for AV1, section 4.

use bytes::BufMut;

use super::{MAX_PICTURE, Malformed};

const SEQUENCE_HEADER: u8 = 1;
const TEMPORAL_DELIMITER: u8 = 2;
const TILE_LIST: u8 = 8;
const PADDING: u8 = 15;

/// Joins payloads to OBUs of the low-overhead format, each with its size.
#[derive(Debug, Default)]
pub(super) struct Av1Depacketizer {
    /// The OBU whose fragments are coming.
    fragment: Option<Vec<u8>>,
}

impl Av1Depacketizer {
    /// Takes one payload; whole OBUs are appended to `out`. True when a coded video sequence begins.
    pub(super) fn push(&mut self, payload: &[u8], out: &mut Vec<u8>) -> Result<bool, Malformed> {
        let (&aggregation, mut rest) = payload.split_first().ok_or(Malformed)?;
        let (continues, goes_on) = (aggregation & 0x80 != 0, aggregation & 0x40 != 0);
        let count = aggregation >> 4 & 3;
        let mut begins = aggregation & 0x08 != 0;
        if continues != self.fragment.is_some() {
            self.fragment = None;
            return Err(Malformed);
        }
        let mut at = 0;
        while !rest.is_empty() {
            at += 1;
            // The last of a known count has no length (section 4.3).
            let length = if count > 0 && at == count {
                rest.len()
            } else {
                leb128(&mut rest)?
            };
            let (element, tail) = rest.split_at_checked(length).ok_or(Malformed)?;
            rest = tail;
            let mut obu = self.fragment.take().unwrap_or_default();
            obu.extend_from_slice(element);
            if obu.len() > MAX_PICTURE {
                return Err(Malformed);
            }
            if rest.is_empty() && goes_on {
                self.fragment = Some(obu);
            } else if !obu.is_empty() {
                begins |= put(&obu, out)?;
            }
        }
        Ok(begins)
    }

    /// Forgets an OBU that will not be whole.
    pub(super) fn reset(&mut self) {
        self.fragment = None;
    }
}

/// Appends an OBU with its size. True for a sequence header.
fn put(obu: &[u8], out: &mut Vec<u8>) -> Result<bool, Malformed> {
    const HAS_EXTENSION: u8 = 0x04;
    const HAS_SIZE: u8 = 0x02;
    let header = obu[0];
    let kind = header >> 3 & 0xf;
    if matches!(kind, TEMPORAL_DELIMITER | TILE_LIST | PADDING) {
        return Ok(false);
    }
    let head = if header & HAS_EXTENSION != 0 { 2 } else { 1 };
    let (head, mut body) = obu.split_at_checked(head).ok_or(Malformed)?;
    if header & HAS_SIZE != 0 {
        let size = leb128(&mut body)?;
        body = body.get(..size).ok_or(Malformed)?;
    }
    out.put_u8(header | HAS_SIZE);
    out.put_slice(&head[1..]);
    let mut size = body.len();
    while size > 0x7f {
        out.put_u8(size as u8 | 0x80);
        size >>= 7;
    }
    out.put_u8(size as u8);
    out.put_slice(body);
    Ok(kind == SEQUENCE_HEADER)
}

fn leb128(bytes: &mut &[u8]) -> Result<usize, Malformed> {
    let mut value = 0_u64;
    for at in 0..8 {
        let (&byte, rest) = bytes.split_first().ok_or(Malformed)?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << (at * 7);
        if byte & 0x80 == 0 {
            return usize::try_from(value).map_err(|_| Malformed);
        }
    }
    Err(Malformed)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn fragments_become_obus_with_sizes() {
        let mut depacketizer = Av1Depacketizer::default();
        let mut out = Vec::new();
        // N, Y, W=2: a sequence header (type 1) of 2 bytes, and the beginning of a frame (type 6)
        assert_eq!(
            depacketizer.push(&[0x68, 2, 0x08, 0xaa, 0x30, 1, 2], &mut out),
            Ok(true)
        );
        // Z, W=1: its end
        assert_eq!(depacketizer.push(&[0x90, 3, 4], &mut out), Ok(false));
        assert_eq!(out, [0x0a, 1, 0xaa, 0x32, 4, 1, 2, 3, 4]);
        assert_eq!(
            depacketizer.push(&[0x90, 3, 4], &mut out),
            Err(Malformed),
            "a continuation of nothing"
        );
    }
}
