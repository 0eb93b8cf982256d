//! RFC 6184, packetization mode 1 (and what senders of mode 0 send).

use bytes::BufMut;

use super::{MAX_PICTURE, Malformed};

const STAP_A: u8 = 24;
const FU_A: u8 = 28;

/// Joins payloads to NAL units with 4-byte lengths.
#[derive(Debug, Default)]
pub struct H264Depacketizer {
    /// The unit whose fragments are coming.
    fragment: Option<Vec<u8>>,
}

impl H264Depacketizer {
    /// Takes one payload; whole units are appended to `out`.
    pub fn push(&mut self, payload: &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
        let header = *payload.first().ok_or(Malformed)?;
        match header & 0x1f {
            1..=23 => put(payload, out),
            STAP_A => {
                let mut rest = &payload[1..];
                while let Some((length, tail)) = rest.split_first_chunk::<2>() {
                    let length = usize::from(u16::from_be_bytes(*length));
                    let (unit, tail) = tail.split_at_checked(length).ok_or(Malformed)?;
                    if !unit.is_empty() {
                        put(unit, out);
                    }
                    rest = tail;
                }
                if !rest.is_empty() {
                    return Err(Malformed);
                }
            }
            FU_A => {
                let (flags, piece) = payload[1..].split_first().ok_or(Malformed)?;
                if flags & 0x80 != 0 {
                    self.fragment = Some(vec![header & 0xe0 | flags & 0x1f]);
                }
                let unit = self.fragment.as_mut().ok_or(Malformed)?;
                unit.extend_from_slice(piece);
                if unit.len() > MAX_PICTURE {
                    self.fragment = None;
                    return Err(Malformed);
                }
                if flags & 0x40 != 0
                    && let Some(unit) = self.fragment.take()
                {
                    put(&unit, out);
                }
            }
            _ => return Err(Malformed),
        }
        Ok(())
    }

    /// Forgets a unit that will not be whole.
    pub fn reset(&mut self) {
        self.fragment = None;
    }
}

fn put(unit: &[u8], out: &mut Vec<u8>) {
    // Bounded by MAX_PICTURE, so it fits.
    out.put_u32(unit.len() as u32);
    out.put_slice(unit);
}
