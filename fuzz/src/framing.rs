//! RFC 4571: however the stream is cut, the same datagrams come out.

use weir_rtp::rfc4571::{Deframer, frame};

const LIMIT: usize = 1_500;

/// The first octet says into what pieces the rest is cut.
pub fn run(input: &[u8]) {
    let Some((&cut, stream)) = input.split_first() else {
        return;
    };
    let whole = read(stream, stream.len().max(1));
    assert_eq!(read(stream, usize::from(cut) + 1), whole);

    let (datagrams, _) = whole;
    let mut framed = Vec::new();
    for datagram in &datagrams {
        assert!((1..=LIMIT).contains(&datagram.len()));
        frame(&mut framed, datagram).expect("a datagram within the limit can be framed");
    }
    assert_eq!(read(&framed, 7), (datagrams, false));
}

/// The datagrams, and whether the stream ended in an error.
fn read(stream: &[u8], cut: usize) -> (Vec<Vec<u8>>, bool) {
    let mut deframer = Deframer::new(LIMIT);
    let mut datagrams = Vec::new();
    for mut piece in stream.chunks(cut) {
        loop {
            match deframer.next(&mut piece) {
                Ok(Some(datagram)) => datagrams.push(datagram.to_vec()),
                Ok(None) => break,
                Err(_) => return (datagrams, true),
            }
        }
        assert!(piece.is_empty());
    }
    (datagrams, false)
}
