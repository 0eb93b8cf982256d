//! What a DTLS client says of itself before anything is agreed upon.

use std::collections::BTreeMap;

/// DTLS 1.3 in the extension `supported_versions` (RFC 9147 section 5.3).
const DTLS_1_3: [u8; 2] = [0xfe, 0xfc];

/// Extension type `supported_versions` (RFC 8446 section 4.2).
const SUPPORTED_VERSIONS: u16 = 43;

/// Bytes of a hello: those of browsers with keys against quantum computers have about 1,800.
const MAX_HELLO: usize = 8_192;

/// Datagrams that are kept until a hello is whole. GStreamer cuts its own into pieces of 230 bytes.
const MAX_DATAGRAMS: usize = 64;

/// What a client's first datagrams offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Offers {
    /// Nothing newer than DTLS 1.2.
    Dtls12Only,
    /// DTLS 1.3, or nothing that is understood here.
    Other,
}

/// A hello, piece by piece, with the datagrams that it came in.
#[derive(Debug, Default)]
pub(super) struct ClientHello {
    datagrams: Vec<Box<[u8]>>,
    /// Fragments by their offset.
    fragments: BTreeMap<usize, Vec<u8>>,
}

impl ClientHello {
    /// Takes the next datagram. None while the hello is not whole.
    pub(super) fn read(&mut self, datagram: &[u8]) -> Option<Offers> {
        self.datagrams.push(datagram.into());
        let mut records = Reader(datagram);
        while !records.0.is_empty() {
            let Some(length) = self.record(&mut records) else {
                return Some(Offers::Other);
            };
            if let Some(hello) = self.whole(length) {
                return Some(offers(&hello).unwrap_or(Offers::Other));
            }
        }
        (self.datagrams.len() >= MAX_DATAGRAMS).then_some(Offers::Other)
    }

    /// What came so far, for whoever answers it.
    pub(super) fn into_datagrams(self) -> Vec<Box<[u8]>> {
        self.datagrams
    }

    /// Takes a record's fragment; gives the length of the whole.
    fn record(&mut self, records: &mut Reader<'_>) -> Option<usize> {
        // The record's header (RFC 6347 section 4.1), then the handshake message's (section 4.2.2).
        let is_handshake = records.take(1)? == [22];
        records.take(2 + 2 + 6)?;
        let mut message = Reader(records.prefixed(2)?);
        let is_hello = message.take(1)? == [1];
        let length = message.number(3)?;
        message.take(2)?;
        let offset = message.number(3)?;
        let fragment = message.prefixed(3)?;
        if !is_handshake || !is_hello || length > MAX_HELLO || offset + fragment.len() > length {
            return None;
        }
        self.fragments.insert(offset, fragment.to_vec());
        Some(length)
    }

    fn whole(&self, length: usize) -> Option<Vec<u8>> {
        let mut hello = Vec::new();
        for (offset, fragment) in &self.fragments {
            // Sent again, it may be cut elsewhere.
            hello.extend(
                fragment
                    .get(hello.len().checked_sub(*offset)?..)
                    .unwrap_or(&[]),
            );
        }
        (hello.len() == length).then_some(hello)
    }
}

fn offers(hello: &[u8]) -> Option<Offers> {
    let mut hello = Reader(hello);
    // Version and random, session, cookie, cipher suites, compression methods.
    hello.take(2 + 32)?;
    hello.prefixed(1)?;
    hello.prefixed(1)?;
    hello.prefixed(2)?;
    hello.prefixed(1)?;
    if hello.0.is_empty() {
        return Some(Offers::Dtls12Only);
    }
    let mut extensions = Reader(hello.prefixed(2)?);
    while !extensions.0.is_empty() {
        let kind = extensions.number(2)?;
        let data = extensions.prefixed(2)?;
        if kind == usize::from(SUPPORTED_VERSIONS) {
            let versions = Reader(data).prefixed(1)?;
            let newer = versions.chunks(2).any(|version| version == DTLS_1_3);
            return Some(if newer {
                Offers::Other
            } else {
                Offers::Dtls12Only
            });
        }
    }
    Some(Offers::Dtls12Only)
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    /// A number of so many bytes.
    fn number(&mut self, bytes: usize) -> Option<usize> {
        let bytes = self.take(bytes)?.iter();
        Some(bytes.fold(0, |number, byte| number << 8 | usize::from(*byte)))
    }

    /// What follows a length of so many bytes.
    fn prefixed(&mut self, bytes: usize) -> Option<&'a [u8]> {
        let length = self.number(bytes)?;
        self.take(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello(extensions: Option<&[u8]>) -> Vec<u8> {
        let mut hello = vec![0xfe, 0xfd];
        hello.extend([7; 32]);
        hello.extend([0, 0, 0, 2, 0xc0, 0x2b, 1, 0]);
        if let Some(extensions) = extensions {
            hello.extend((extensions.len() as u16).to_be_bytes());
            hello.extend(extensions);
        }
        hello
    }

    fn record(hello: &[u8], from: usize, to: usize) -> Vec<u8> {
        let number = |n: usize| (n as u32).to_be_bytes()[1..].to_vec();
        let fragment = &hello[from..to];
        let mut message = vec![1];
        message.extend(number(hello.len()));
        message.extend([0; 2]);
        message.extend(number(from));
        message.extend(number(fragment.len()));
        message.extend(fragment);
        let mut record = vec![22, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 0];
        record.extend((message.len() as u16).to_be_bytes());
        record.extend(message);
        record
    }

    fn read(datagrams: &[Vec<u8>]) -> Vec<Option<Offers>> {
        let mut hello = ClientHello::default();
        let said = datagrams.iter().map(|datagram| hello.read(datagram));
        let said = said.collect();
        assert_eq!(hello.into_datagrams().len(), datagrams.len());
        said
    }

    const OLDER: &[u8] = &[0, 43, 0, 3, 2, 0xfe, 0xfd];
    const BOTH: &[u8] = &[0, 23, 0, 0, 0, 43, 0, 5, 4, 0xfe, 0xfc, 0xfe, 0xfd];

    #[test]
    fn a_hello_says_what_it_offers() {
        let cases = [
            (None, Offers::Dtls12Only),
            (Some(&[0, 23, 0, 0][..]), Offers::Dtls12Only),
            (Some(OLDER), Offers::Dtls12Only),
            (Some(BOTH), Offers::Other),
        ];
        for (extensions, offers) in cases {
            let hello = hello(extensions);
            let whole = record(&hello, 0, hello.len());
            assert_eq!(read(&[whole]), [Some(offers)], "{extensions:?}");
        }
    }

    #[test]
    fn a_hello_may_come_in_pieces() {
        for (extensions, offers) in [(OLDER, Offers::Dtls12Only), (BOTH, Offers::Other)] {
            let hello = hello(Some(extensions));
            let end = hello.len();
            let [a, b, c] =
                [(0, 20), (20, 41), (41, end)].map(|(from, to)| record(&hello, from, to));
            let in_order = [a.clone(), b.clone(), c.clone()];
            assert_eq!(read(&in_order), [None, None, Some(offers)]);
            let again = [c.clone(), a.clone(), a.clone(), record(&hello, 10, 45)];
            assert_eq!(read(&again), [None, None, None, Some(offers)]);
            assert_eq!(read(&[[a, b, c].concat()]), [Some(offers)]);
        }
    }

    #[test]
    fn what_is_no_hello_is_no_older_client() {
        let hello = hello(Some(OLDER));
        let whole = record(&hello, 0, hello.len());
        for end in 1..whole.len() {
            assert_eq!(read(&[whole[..end].to_vec()]), [Some(Offers::Other)]);
        }
        for (place, value) in [(0, 23), (13, 2), (14, 1), (20, 200)] {
            let mut other = whole.clone();
            other[place] = value;
            assert_eq!(read(&[other]), [Some(Offers::Other)], "byte {place}");
        }
        let mut piece = ClientHello::default();
        let said = (0..MAX_DATAGRAMS).find_map(|_| piece.read(&record(&hello, 0, 10)));
        assert_eq!(said, Some(Offers::Other), "it is never whole");
    }
}
