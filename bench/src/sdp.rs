//! What an answer says about the packets that will come.

use anyhow::Context;

/// URI of the transport-wide sequence number.
const TRANSPORT_CC: &str =
    "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";

/// What a payload type carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Payload {
    Audio,
    Video,
    /// Resent video (RFC 4588).
    Rtx,
    /// Something that is not counted: probes, forward error correction.
    Other,
}

/// Payload types and header extensions of an answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    /// By payload type.
    payloads: Box<[Payload; 128]>,
    /// Id of the transport-wide sequence number, where it was agreed.
    pub(crate) transport_cc: Option<u8>,
    /// Whether NACKs are understood.
    pub(crate) nack: bool,
    /// How many m-lines send.
    pub(crate) audio: bool,
    pub(crate) video: bool,
}

impl Answer {
    pub(crate) fn parse(sdp: &str) -> anyhow::Result<Self> {
        let mut answer = Self {
            payloads: Box::new([Payload::Other; 128]),
            transport_cc: None,
            nack: false,
            audio: false,
            video: false,
        };
        let mut media = Payload::Other;
        let mut feedback = false;
        for line in sdp.lines().map(str::trim_end) {
            if let Some(rest) = line.strip_prefix("m=") {
                let mut words = rest.split(' ');
                let kind = words.next();
                let refused = words.next() == Some("0");
                media = match kind {
                    Some("audio") if !refused => Payload::Audio,
                    Some("video") if !refused => Payload::Video,
                    _ => Payload::Other,
                };
                answer.audio |= media == Payload::Audio;
                answer.video |= media == Payload::Video;
            } else if let Some(rest) = line.strip_prefix("a=rtpmap:") {
                let (number, codec) = rest.split_once(' ').context("a bad rtpmap")?;
                let codec = codec.to_ascii_lowercase();
                let number: usize = number.parse().context("a bad payload type")?;
                let slot = answer.payloads.get_mut(number);
                *slot.context("a bad payload type")? = match codec.split('/').next() {
                    Some("rtx") => Payload::Rtx,
                    Some("red" | "ulpfec" | "flexfec-03") if media == Payload::Video => {
                        Payload::Other
                    }
                    _ => media,
                };
            } else if let Some(rest) = line.strip_prefix("a=extmap:") {
                let (id, uri) = rest.split_once(' ').context("a bad extmap")?;
                if uri.split(' ').next() == Some(TRANSPORT_CC) {
                    let id = id.split('/').next().and_then(|id| id.parse().ok());
                    answer.transport_cc = Some(id.context("a bad extmap")?);
                }
            } else if line.starts_with("a=rtcp-fb:") {
                feedback |= line.ends_with(" transport-cc");
                answer.nack |= media == Payload::Video && line.ends_with(" nack");
            }
        }
        if !feedback {
            answer.transport_cc = None;
        }
        Ok(answer)
    }

    pub(crate) fn payload(&self, number: u8) -> Payload {
        self.payloads[usize::from(number & 0x7f)]
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn payload_types_and_extensions_are_found() {
        let sdp = format!(
            "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=rtpmap:111 opus/48000/2\r\n\
             a=extmap:3/recvonly {TRANSPORT_CC}\r\nm=video 9 UDP/TLS/RTP/SAVPF 96 97\r\n\
             a=rtpmap:96 H264/90000\r\na=rtcp-fb:96 nack\r\na=rtcp-fb:96 transport-cc\r\n\
             a=rtpmap:97 rtx/90000\r\nm=video 0 UDP/TLS/RTP/SAVPF 98\r\na=rtpmap:98 VP8/90000\r\n"
        );
        let answer = Answer::parse(&sdp).unwrap();
        assert_eq!(answer.payload(111), Payload::Audio);
        assert_eq!(answer.payload(96), Payload::Video);
        assert_eq!(answer.payload(97), Payload::Rtx);
        assert_eq!(answer.payload(98), Payload::Other);
        assert_eq!(answer.transport_cc, Some(3));
        assert!(answer.nack && answer.audio && answer.video);
        let without = Answer::parse(&sdp.replace(" transport-cc\r", " other\r")).unwrap();
        assert_eq!(without.transport_cc, None);
    }
}
