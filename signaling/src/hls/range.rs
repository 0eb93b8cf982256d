//! Requests for a part of a file (RFC 9110 section 14).

use std::ops::Range;

use axum::http::{HeaderMap, HeaderValue, header};
use bytes::Bytes;

/// What of a file is wanted.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    All,
    Some(Range<usize>),
    /// What lies beyond its end.
    Nothing,
}

/// What `Range` asks of a file with so many bytes. More than one range at a time is nothing that players
/// ask for, and may be answered with all; so may what cannot be read.
pub(super) fn wanted(headers: &HeaderMap, whole: usize) -> Wanted {
    let field = headers.get(header::RANGE);
    let text = field.and_then(|field| field.to_str().ok());
    // Media has no validator that it could be compared by.
    if headers.contains_key(header::IF_RANGE) {
        return Wanted::All;
    }
    text.and_then(|text| read(text, whole))
        .unwrap_or(Wanted::All)
}

fn read(text: &str, whole: usize) -> Option<Wanted> {
    let (first, last) = text.strip_prefix("bytes=")?.trim().split_once('-')?;
    let number = |text: &str| {
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| text.parse().unwrap_or(usize::MAX))
    };
    if first.is_empty() {
        let length = number(last)?.min(whole);
        return Some(match length {
            0 => Wanted::Nothing,
            _ => Wanted::Some(whole - length..whole),
        });
    }
    let first = number(first)?;
    let end = match last {
        "" => whole,
        _ => number(last)?.saturating_add(1).min(whole),
    };
    if first >= whole {
        return Some(Wanted::Nothing);
    }
    (first < end).then_some(Wanted::Some(first..end))
}

/// The bytes of a range.
pub(super) fn cut(pieces: Vec<Bytes>, range: Range<usize>) -> Vec<Bytes> {
    let mut at = 0;
    let mut taken = Vec::new();
    for piece in pieces {
        let begin = range.start.clamp(at, at + piece.len()) - at;
        let end = range.end.clamp(at, at + piece.len()) - at;
        at += piece.len();
        if begin < end {
            taken.push(piece.slice(begin..end));
        }
    }
    taken
}

/// As a header field.
pub(super) fn field(text: &str) -> HeaderValue {
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("bytes */*"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read() {
        use Wanted::{All, Nothing, Some};
        for (text, wants) in [
            ("bytes=0-0", Some(0..1)),
            ("bytes=2-", Some(2..10)),
            ("bytes=2-99", Some(2..10)),
            ("bytes=-3", Some(7..10)),
            ("bytes=-99", Some(0..10)),
            ("bytes=10-", Nothing),
            ("bytes=99999999999999999999-", Nothing),
            ("bytes=-0", Nothing),
            // What cannot be read, and what may be ignored.
            ("bytes=5-2", All),
            ("bytes=-", All),
            ("bytes=+1-2", All),
            ("bytes=0-1,3-4", All),
            ("lines=0-1", All),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::RANGE, HeaderValue::from_static(text));
            assert_eq!(wanted(&headers, 10), wants, "{text}");
        }
        assert_eq!(wanted(&HeaderMap::new(), 10), All);
    }

    #[test]
    fn pieces_are_cut() {
        let pieces = || {
            vec![
                Bytes::from_static(b"abc"),
                Bytes::from_static(b"de"),
                Bytes::from_static(b"f"),
            ]
        };
        for (range, text) in [(0..6, "abcdef"), (1..2, "b"), (2..4, "cd"), (3..6, "def")] {
            assert_eq!(cut(pieces(), range).concat(), text.as_bytes());
        }
    }
}
