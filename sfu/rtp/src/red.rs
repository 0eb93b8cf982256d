//! Redundant audio, RFC 2198: earlier payloads ride before the present one.

use crate::{
    Malformed,
    packet::{u16_at, u32_at},
};

/// Octets of the header of an earlier block, section 3.
const HEADER: usize = 4;

/// One payload of several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block<'a> {
    /// Payload type of the data, below 128.
    pub payload_type: u8,
    /// How much older than the packet's timestamp it is, below 2¹⁴ units of the media's clock.
    pub timestamp_offset: u16,
    /// The payload.
    pub data: &'a [u8],
}

/// The blocks of a payload, oldest first as a rule; the last is the primary one.
///
/// # Errors
/// [`Malformed`] if blocks are announced that are not there.
pub fn blocks(payload: &[u8]) -> Result<Blocks<'_>, Malformed> {
    let mut earlier = 0;
    let mut announced = 0;
    loop {
        let at = HEADER * earlier;
        match payload.get(at) {
            Some(first) if first & 0x80 == 0 => break,
            Some(_) => announced += usize::from(u16_at(payload, at + 2) & 0x3ff),
            None => return Err(malformed("headers without end")),
        }
        earlier += 1;
    }
    let (headers, data) = payload.split_at(HEADER * earlier + 1);
    if announced > data.len() {
        return Err(malformed("fewer octets than announced"));
    }
    Ok(Blocks { headers, data })
}

/// The present payload, without the earlier ones.
///
/// # Errors
/// [`Malformed`] if blocks are announced that are not there.
pub fn primary(payload: &[u8]) -> Result<Block<'_>, Malformed> {
    blocks(payload)?.last().ok_or(malformed("no block"))
}

/// The blocks of a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blocks<'a> {
    headers: &'a [u8],
    data: &'a [u8],
}

impl<'a> Iterator for Blocks<'a> {
    type Item = Block<'a>;

    fn next(&mut self) -> Option<Block<'a>> {
        let payload_type = self.headers.first()? & 0x7f;
        let Some((header, rest)) = self.headers.split_at_checked(HEADER) else {
            self.headers = &[];
            return Some(Block {
                payload_type,
                timestamp_offset: 0,
                data: self.data,
            });
        };
        self.headers = rest;
        let fields = u32_at(header, 0);
        let (data, rest) = self.data.split_at_checked((fields & 0x3ff) as usize)?;
        self.data = rest;
        Some(Block {
            payload_type,
            timestamp_offset: (fields >> 10 & 0x3fff) as u16,
            data,
        })
    }
}

fn malformed(reason: &'static str) -> Malformed {
    Malformed::new("redundant audio", reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn earlier_blocks_come_before_the_primary_one() {
        // Two of Opus (111), 1,920 and 960 units ago, of 3 and 0 octets; then the present one.
        let payload = [
            0x80 | 111,
            0x1e,
            0x00,
            3,
            0x80 | 111,
            0x0f,
            0x00,
            0,
            111,
            1,
            2,
            3,
            0x78,
            9,
        ];
        let block = |timestamp_offset, data| Block {
            payload_type: 111,
            timestamp_offset,
            data,
        };
        let found: Vec<_> = blocks(&payload).unwrap().collect();
        assert_eq!(
            found,
            [
                block(1_920, &[1, 2, 3]),
                block(960, &[]),
                block(0, &[0x78, 9])
            ]
        );
        assert_eq!(primary(&payload).unwrap().data, [0x78, 9]);
        for cut in 0..12 {
            assert!(primary(&payload[..cut]).is_err(), "{cut}");
        }
        assert_eq!(primary(&payload[..12]).unwrap().data, []);
        assert_eq!(primary(&[111, 5]).unwrap(), block(0, &[5]));
    }
}
