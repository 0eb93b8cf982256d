//! What a connection is, by the first bytes that its client sends.

/// RFC 8489 section 5.
const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];

/// Bytes that always suffice: a length, a STUN type and length, the cookie.
pub(crate) const ENOUGH: usize = 10;

/// What speaks there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// A handshake record with a ClientHello (RFC 8446 section 5.1).
    Tls,
    /// HTTP/1, or HTTP/2 with its preface: an upper-case letter.
    Http,
    /// STUN as it is over TCP (RFC 8489 section 6.2.2): a client of TURN.
    Stun,
    /// STUN behind its length (RFC 4571): ICE over TCP (RFC 6544).
    FramedStun,
    /// None of these.
    Unknown,
}

/// What begins with these bytes; none while they are too few to say.
pub(crate) fn protocol(read: &[u8]) -> Option<Protocol> {
    /// RFC 8446 section 5.1: the type of handshake records, and the first byte of their version.
    const HANDSHAKE: u8 = 22;
    const VERSION: u8 = 3;
    match *read {
        [] | [HANDSHAKE] => None,
        [HANDSHAKE, VERSION, ..] => Some(Protocol::Tls),
        [HANDSHAKE, ..] => Some(Protocol::Unknown),
        [b'A'..=b'Z', ..] => Some(Protocol::Http),
        // RFC 8489 section 5: the first two bits of STUN are 0.
        [first, ..] if first & 0xc0 == 0 => stun(read),
        _ => Some(Protocol::Unknown),
    }
}

fn stun(read: &[u8]) -> Option<Protocol> {
    if read.get(4..8)? == MAGIC_COOKIE {
        return Some(Protocol::Stun);
    }
    let framed = read.get(6..ENOUGH)? == MAGIC_COOKIE && read[2] & 0xc0 == 0;
    Some(match framed {
        true => Protocol::FramedStun,
        false => Protocol::Unknown,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_tell() {
        let hello = [22, 3, 1, 2, 0, 1, 0, 1, 252, 3];
        let allocate = [0, 3, 0, 8, 0x21, 0x12, 0xa4, 0x42, 9, 9];
        let binding = [0, 88, 0, 1, 0, 68, 0x21, 0x12, 0xa4, 0x42];
        for (bytes, expected) in [
            (&hello[..], Protocol::Tls),
            (b"GET / HTTP/1.1\r\n", Protocol::Http),
            (b"PRI * HTTP/2.0", Protocol::Http),
            (&allocate, Protocol::Stun),
            (&binding, Protocol::FramedStun),
            (b"get / http/1.1", Protocol::Unknown),
            (&[0; ENOUGH], Protocol::Unknown),
            (&[0x80; ENOUGH], Protocol::Unknown),
            // SSL 2, which nobody needs.
            (&[0x80, 0x2e, 1, 3, 1], Protocol::Unknown),
            (&[22, 4], Protocol::Unknown),
        ] {
            let told = (0..=bytes.len()).find_map(|len| protocol(&bytes[..len]));
            let expected = Some(expected);
            // SSH and the like begin with letters too; HTTP answers them with 400.
            assert_eq!(told, expected, "{bytes:?}");
        }
        for len in 0..8 {
            assert_eq!(protocol(&allocate[..len]), None);
        }
        for len in 0..ENOUGH {
            assert_eq!(protocol(&binding[..len]), None);
        }
        assert_eq!(protocol(&[22]), None);
    }
}
