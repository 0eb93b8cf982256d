//! What an initialisation segment says of its codec. An encoder may choose another level than was
//! announced, and a player that trusts `CODECS` must not be told wrong.

use std::fmt::Write;

use bytes::Bytes;

/// `AVCDecoderConfigurationRecord`, by the type of its box (ISO/IEC 14496-15 section 5.4.2.1.1).
const AVCC: &[u8] = b"avcC";

/// RFC 6381 string of H.264 in this initialisation segment; `None` for other codecs.
pub(super) fn of_init(init: &Bytes) -> Option<String> {
    let at = init.windows(AVCC.len()).position(|word| word == AVCC)?;
    let record = init.get(at + AVCC.len()..)?;
    // configurationVersion, AVCProfileIndication, profile_compatibility, AVCLevelIndication.
    let [1, profile, compatibility, level, ..] = record else {
        return None;
    };
    let mut text = String::from("avc1.");
    for byte in [profile, compatibility, level] {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn h264_is_read_and_nothing_else() {
        let init = Bytes::from_static(b"\0\0\0\x30avcC\x01\x64\x00\x1f\xff\xe1");
        assert_eq!(of_init(&init).as_deref(), Some("avc1.64001f"));
        assert_eq!(of_init(&Bytes::from_static(b"avcC\x01\x64")), None);
        assert_eq!(of_init(&Bytes::from_static(b"hvcC\x01\x64\x00\x1f")), None);
    }
}
