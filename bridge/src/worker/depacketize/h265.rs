//! RFC 7798, without decoding order numbers (`sprop-max-don-diff` is 0 with every WebRTC sender).

use super::{MAX_PICTURE, Malformed};

/// Aggregation of whole units, and a fragment of one.
const AP: u8 = 48;
const FU: u8 = 49;

/// Pictures from which decoding can start (ITU-T H.265 table 7-1): BLA, IDR and CRA.
const IRAP: std::ops::RangeInclusive<u8> = 16..=21;

/// What stands before a unit in a byte stream (ITU-T H.265 annex B). Parameter sets are in the stream
/// itself, so there is no record that lengths could be told by.
const START: [u8; 4] = [0, 0, 0, 1];

/// Joins payloads to a byte stream.
#[derive(Debug, Default)]
pub struct H265Depacketizer {
    /// The unit whose fragments are coming.
    fragment: Option<Vec<u8>>,
}

impl H265Depacketizer {
    /// Takes one payload; whole units are appended to `out`. True when one of them is a picture from
    /// which decoding can start.
    pub fn push(&mut self, payload: &[u8], out: &mut Vec<u8>) -> Result<bool, Malformed> {
        // Type in the middle of two octets of header, then layer and temporal id.
        let (header, body) = payload.split_first_chunk::<2>().ok_or(Malformed)?;
        match kind(header[0]) {
            AP => {
                let mut keyframe = false;
                let mut rest = body;
                while let Some((length, tail)) = rest.split_first_chunk::<2>() {
                    let length = usize::from(u16::from_be_bytes(*length));
                    let (unit, tail) = tail.split_at_checked(length).ok_or(Malformed)?;
                    keyframe |= put(unit, out);
                    rest = tail;
                }
                if rest.is_empty() {
                    Ok(keyframe)
                } else {
                    Err(Malformed)
                }
            }
            FU => {
                let (flags, piece) = body.split_first().ok_or(Malformed)?;
                if flags & 0x80 != 0 {
                    let first = header[0] & 0x81 | (flags & 0x3f) << 1;
                    self.fragment = Some(vec![first, header[1]]);
                }
                let unit = self.fragment.as_mut().ok_or(Malformed)?;
                unit.extend_from_slice(piece);
                if unit.len() > MAX_PICTURE {
                    self.fragment = None;
                    return Err(Malformed);
                }
                match self.fragment.take_if(|_| flags & 0x40 != 0) {
                    Some(unit) => Ok(put(&unit, out)),
                    None => Ok(false),
                }
            }
            // Beyond are PACI packets, which nobody sends, and what is not defined.
            50.. => Err(Malformed),
            _ => Ok(put(payload, out)),
        }
    }

    /// Forgets a unit that will not be whole.
    pub fn reset(&mut self) {
        self.fragment = None;
    }
}

fn kind(first: u8) -> u8 {
    (first >> 1) & 0x3f
}

fn put(unit: &[u8], out: &mut Vec<u8>) -> bool {
    let Some(first) = unit.first() else {
        return false;
    };
    out.extend_from_slice(&START);
    out.extend_from_slice(unit);
    IRAP.contains(&kind(*first))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn unit(kind: u8, body: &[u8]) -> Vec<u8> {
        let mut unit = vec![kind << 1, 1];
        unit.extend_from_slice(body);
        unit
    }

    fn stream(units: &[Vec<u8>]) -> Vec<u8> {
        units.iter().fold(Vec::new(), |mut stream, unit| {
            stream.extend_from_slice(&START);
            stream.extend_from_slice(unit);
            stream
        })
    }

    #[test]
    fn units_come_whole_together_and_in_fragments() {
        let mut depacketizer = H265Depacketizer::default();
        let mut out = Vec::new();
        let (vps, sps, idr) = (unit(32, &[7]), unit(33, &[8, 9]), unit(19, &[1, 2, 3, 4]));
        let mut together = unit(AP, &[]);
        for unit in [&vps, &sps] {
            together.extend_from_slice(&(unit.len() as u16).to_be_bytes());
            together.extend_from_slice(unit);
        }
        assert_eq!(depacketizer.push(&together, &mut out), Ok(false));
        for (flags, piece) in [(0x80, &idr[2..4]), (0, &idr[4..5]), (0x40, &idr[5..])] {
            let mut fragment = unit(FU, &[flags | 19]);
            fragment.extend_from_slice(piece);
            let ends = flags & 0x40 != 0;
            assert_eq!(depacketizer.push(&fragment, &mut out), Ok(ends));
        }
        assert_eq!(out, stream(&[vps, sps, idr]));
        out.clear();
        let trail = unit(1, &[5]);
        assert_eq!(depacketizer.push(&trail, &mut out), Ok(false));
        assert_eq!(out, stream(&[trail]));
    }

    #[test]
    fn what_is_not_whole_is_said() {
        let mut depacketizer = H265Depacketizer::default();
        let mut out = Vec::new();
        let lost_begin = unit(FU, &[0x40 | 19, 1]);
        let too_long = unit(AP, &[0, 9, 1]);
        for bad in [
            &[0x40][..],
            &lost_begin,
            &too_long,
            &unit(50, &[1]),
            &unit(FU, &[]),
        ] {
            assert_eq!(depacketizer.push(bad, &mut out), Err(Malformed), "{bad:?}");
        }
        assert!(out.is_empty());
    }
}
