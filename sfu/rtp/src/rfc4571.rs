//! Datagrams over a stream: each after its length in two octets (RFC 4571 section 2), as ICE-TCP
//! carries STUN, DTLS and SRTP (RFC 6544 section 3).

/// The longest datagram that two octets can announce.
pub const MAX_DATAGRAM: usize = u16::MAX as usize;

/// Octets of the length.
const LENGTH: usize = 2;

/// The datagram is longer than its length field can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a datagram of {0} octets is too long to be framed; at most {MAX_DATAGRAM} fit")]
pub struct TooLong(pub usize);

/// Appends a datagram behind its length.
///
/// # Errors
/// [`TooLong`]: nothing was written.
pub fn frame(out: &mut Vec<u8>, datagram: &[u8]) -> Result<(), TooLong> {
    let length = u16::try_from(datagram.len()).map_err(|_| TooLong(datagram.len()))?;
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(datagram);
    Ok(())
}

/// Finds the datagrams in what a stream brings, in pieces of any size.
///
/// ```
/// let mut deframer = weir_rtp::rfc4571::Deframer::new(1500);
/// for mut piece in [&[0, 2, 7][..], &[8, 0, 0]] {
///     while let Some(datagram) = deframer.next(&mut piece).unwrap() {
///         assert_eq!(datagram, [7, 8]);
///     }
/// }
/// ```
#[derive(Debug)]
pub struct Deframer {
    /// The begun datagram with its length; never more than `LENGTH + limit` octets.
    begun: Vec<u8>,
    limit: usize,
    /// The datagram in `begun` was handed out.
    taken: bool,
}

/// A peer that announces more than a datagram may have: the stream cannot be read on. Close it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the peer announced a datagram of {announced} octets; at most {limit} are taken")]
pub struct Oversized {
    /// Octets announced.
    pub announced: usize,
    /// Octets allowed.
    pub limit: usize,
}

impl Deframer {
    /// Takes datagrams of at most `limit` octets, which is also the most that it buffers.
    pub fn new(limit: usize) -> Self {
        Self {
            begun: Vec::new(),
            limit: limit.min(MAX_DATAGRAM),
            taken: false,
        }
    }

    /// The next datagram that is complete, or `None` when `input` is used up; call until then.
    /// `input` moves on past what was read. Empty datagrams are passed over (RFC 4571 section 2
    /// allows them and they say nothing).
    ///
    /// # Errors
    /// [`Oversized`], again and again: the stream has no more sense.
    pub fn next<'a>(&'a mut self, input: &mut &[u8]) -> Result<Option<&'a [u8]>, Oversized> {
        if self.taken {
            self.begun.clear();
            self.taken = false;
        }
        loop {
            if !self.fill(LENGTH, input) {
                return Ok(None);
            }
            let announced = self
                .begun
                .iter()
                .take(LENGTH)
                .fold(0, |sum, octet| sum << 8 | usize::from(*octet));
            if announced > self.limit {
                return Err(Oversized {
                    announced,
                    limit: self.limit,
                });
            }
            if announced > 0 {
                if !self.fill(LENGTH + announced, input) {
                    return Ok(None);
                }
                self.taken = true;
                return Ok(self.begun.get(LENGTH..));
            }
            self.begun.clear();
        }
    }

    /// Whether `begun` has this many octets now.
    fn fill(&mut self, wanted: usize, input: &mut &[u8]) -> bool {
        let missing = wanted.saturating_sub(self.begun.len());
        let (piece, rest) = input.split_at(missing.min(input.len()));
        self.begun.extend_from_slice(piece);
        *input = rest;
        self.begun.len() >= wanted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn datagrams_come_out_whole_however_the_stream_is_cut() {
        let datagrams: Vec<Vec<u8>> = (1..60_usize)
            .map(|n| vec![n as u8; n * n % 1400 + 1])
            .collect();
        let mut stream = Vec::new();
        for datagram in &datagrams {
            frame(&mut stream, datagram).unwrap();
            frame(&mut stream, &[]).unwrap();
        }
        for cut in [1, 2, 3, 7, 1000, stream.len()] {
            let mut deframer = Deframer::new(1400);
            let mut found = Vec::new();
            for mut piece in stream.chunks(cut) {
                while let Some(datagram) = deframer.next(&mut piece).unwrap() {
                    found.push(datagram.to_vec());
                }
                assert!(piece.is_empty());
            }
            assert_eq!(found, datagrams, "{cut}");
            assert!(deframer.begun.capacity() <= 2 * (1400 + LENGTH));
        }
    }

    #[test]
    fn what_is_too_long_is_refused_on_both_ends() {
        let mut out = Vec::new();
        assert_eq!(frame(&mut out, &[0; 65_536]), Err(TooLong(65_536)));
        assert!(out.is_empty());
        let mut deframer = Deframer::new(100);
        for _ in 0..2 {
            let mut input = &[0, 101, 1, 2, 3][..];
            assert!(deframer.next(&mut input).is_err());
        }
    }
}
