//! Messages in a stream, as TURN over TCP and TLS has them: STUN messages and ChannelData padded to four
//! octets, one after the other, each saying its own length (RFC 8656 sections 3.1 and 12.5).

use super::codec::CHANNEL_HEADER;

/// Octets of the header of a STUN message.
const STUN_HEADER: usize = 20;

/// Octets by which the length of either is known.
const PREFIX: usize = 4;

/// The longest message that is taken in octets: a datagram for the media plane, which takes 2000, and
/// what is around it.
pub const MAX_MESSAGE: usize = 2_000 + super::relaying::MAX_OVERHEAD;

/// The stream has no sense, or a message is too long: close it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("neither STUN nor ChannelData, or longer than {MAX_MESSAGE} octets")]
pub struct Senseless;

/// Whether a stream that begins so is a TURN client's, and not HTTP or TLS; none when too little is here
/// to say.
pub fn is_turn(begin: &[u8]) -> Option<bool> {
    /// RFC 8489 section 5.
    const MAGIC: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
    if *begin.first()? >= 0x40 {
        return Some(false);
    }
    begin.get(4..8).map(|magic| magic == MAGIC)
}

/// Octets of the message that begins with these, with its padding; none when too few are here.
///
/// # Errors
/// [`Senseless`].
pub fn message_len(begin: &[u8]) -> Result<Option<usize>, Senseless> {
    let Some(&first) = begin.first() else {
        return Ok(None);
    };
    if first >= 0x50 {
        return Err(Senseless);
    }
    let Some([_, _, l0, l1]) = begin.first_chunk::<PREFIX>() else {
        return Ok(None);
    };
    let announced = usize::from(u16::from_be_bytes([*l0, *l1]));
    let len = if first < 0x40 {
        STUN_HEADER + announced
    } else {
        CHANNEL_HEADER + announced.next_multiple_of(4)
    };
    let sound = first >= 0x40 || announced.is_multiple_of(4);
    if sound && len <= MAX_MESSAGE {
        Ok(Some(len))
    } else {
        Err(Senseless)
    }
}

/// Finds the messages in what a stream brings, in pieces of any size.
#[derive(Debug, Default)]
pub struct Deframer {
    /// What was read and not handed out; never more than a message and what one read brought.
    read: Vec<u8>,
    taken: usize,
}

impl Deframer {
    /// Takes what was read. Ask for [`message`](Self::message) until there is none before the next piece.
    pub fn push(&mut self, piece: &[u8]) {
        self.read.drain(..self.taken);
        self.taken = 0;
        self.read.extend_from_slice(piece);
    }

    /// The next message that is complete, with its padding.
    ///
    /// # Errors
    /// [`Senseless`], again and again.
    pub fn message(&mut self) -> Result<Option<&[u8]>, Senseless> {
        let rest = self.read.get(self.taken..).unwrap_or_default();
        let Some(len) = message_len(rest)?.filter(|len| *len <= rest.len()) else {
            return Ok(None);
        };
        let start = self.taken;
        self.taken += len;
        Ok(self.read.get(start..self.taken))
    }
}

#[cfg(test)]
mod tests {
    use weir_rtp::stun::binding_request;

    use super::*;
    use crate::server::codec::write_channel_data;

    #[test]
    fn messages_come_out_whole_however_the_stream_is_cut() {
        let mut stream = Vec::new();
        let mut messages = Vec::new();
        for n in 0..60_u8 {
            let mut message = Vec::new();
            if n % 3 == 0 {
                message.extend(binding_request(&[n; 12]));
            } else {
                let data = vec![n; usize::from(n) * 30];
                assert!(write_channel_data(&mut message, 0x4000, &data, true));
            }
            stream.extend(&message);
            messages.push(message);
        }
        for cut in [1, 2, 3, 5, 1_000, stream.len()] {
            let mut deframer = Deframer::default();
            let mut found = Vec::new();
            for piece in stream.chunks(cut) {
                deframer.push(piece);
                while let Some(message) = deframer.message().unwrap() {
                    found.push(message.to_vec());
                }
            }
            assert_eq!(found, messages, "{cut}");
        }
    }

    #[test]
    fn what_has_no_sense_ends_the_stream() {
        for senseless in [
            &b"GET / HTTP/1.1"[..],
            &[0x16, 3, 1, 2],
            &[0, 1, 0, 3],
            &[0, 1, 0xff, 0xfc],
            &[0x40, 0, 0xff, 0xff],
            &[0x80],
        ] {
            let mut deframer = Deframer::default();
            deframer.push(senseless);
            assert_eq!(deframer.message(), Err(Senseless), "{senseless:?}");
            assert_eq!(deframer.message(), Err(Senseless));
        }
        let hello = binding_request(&[1; 12]);
        assert_eq!(is_turn(&hello), Some(true));
        assert_eq!(is_turn(&hello[..7]), None);
        assert_eq!(is_turn(b"GET / HTTP/1.1"), Some(false));
        assert_eq!(is_turn(&[0x16, 3, 1, 2, 0, 1, 0, 1]), Some(false), "TLS");
        assert_eq!(message_len(&[0, 1]), Ok(None));
        assert_eq!(message_len(&[0x40, 0, 0, 5]), Ok(Some(12)));
    }
}
