//! AV1 of Enhanced RTMP: the sequence header may be in the configuration record only.

use bytes::Bytes;

/// Fixed bytes of `av1C` before its OBUs (AV1 in ISOBMFF, section 2.3.3).
const RECORD: usize = 4;

/// `OBU_SEQUENCE_HEADER` and `OBU_TEMPORAL_DELIMITER` (AV1, section 6.2.2).
const SEQUENCE_HEADER: u8 = 1;
const TEMPORAL_DELIMITER: u8 = 2;

/// The keyframe with a sequence header in front, taken from the record where it has none itself.
pub(in crate::worker) fn with_sequence_header(keyframe: &Bytes, record: &Bytes) -> Bytes {
    let kind = |at: usize| keyframe.get(at).map(|header| header >> 3 & 0xf);
    // A temporal delimiter is a header and a size of 0.
    let first = if kind(0) == Some(TEMPORAL_DELIMITER) {
        2
    } else {
        0
    };
    if kind(first) == Some(SEQUENCE_HEADER) || record.len() <= RECORD {
        return keyframe.clone();
    }
    [&record[RECORD..], &keyframe[first.min(keyframe.len())..]]
        .concat()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_put_in_front_only_where_it_is_missing() {
        let record = Bytes::from_static(&[0x81, 0, 0, 0, 0x0a, 1, 7]);
        let bare = Bytes::from_static(&[0x32, 1, 9]);
        let whole = Bytes::from_static(&[0x0a, 1, 7, 0x32, 1, 9]);
        let delimited = Bytes::from_static(&[0x12, 0, 0x32, 1, 9]);
        assert_eq!(with_sequence_header(&bare, &record), whole);
        assert_eq!(with_sequence_header(&delimited, &record), whole);
        assert_eq!(with_sequence_header(&whole, &record), whole);
        assert_eq!(with_sequence_header(&bare, &Bytes::new()), bare);
        assert_eq!(
            with_sequence_header(&Bytes::new(), &Bytes::new()),
            Bytes::new()
        );
    }
}
