//! FlexFEC-03 in an answer to a viewer (draft-ietf-payload-flexible-fec-scheme-03).
//!
//! str0m does not know it, so the finished answer gets what the scheme needs: the offer's payload type,
//! its `repair-window`, and an SSRC that is grouped with the picture's (RFC 5956 section 4.1, as
//! browsers understand it).

use std::fmt::Write as _;

/// Whether viewers get forward error correction on their video.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Flexfec {
    /// Never; it is not in answers either.
    Off,
    /// Who offers it gets it while it wins: while packets are lost on a round trip so long that a
    /// retransmission would come too late.
    #[default]
    Auto,
    /// Who offers it gets it while packets are lost, however short the round trip is.
    Always,
}

/// The encoding's name in `a=rtpmap`.
pub(crate) const NAME: &str = "flexfec-03";

/// RFC 5956 section 4.1.
pub(crate) const GROUP: &str = "FEC-FR ";

/// Section 5.1.1 of the draft: how long a repair may come after what it repairs, in µs. 10 s, as
/// browsers say; ours come within a tenth.
const REPAIR_WINDOW: u32 = 10_000_000;

/// Adds to each m-line of a finished answer the payload type that the offer's m-line at the same place
/// has for FlexFEC. `ssrc` gives SSRCs that the session does not use.
pub(crate) fn add_to_answer(
    answer: &str,
    offered: &[Option<u8>],
    mut ssrc: impl FnMut() -> u32,
) -> String {
    let mut out = String::with_capacity(answer.len() + 512);
    for (place, section) in answer.split("\r\nm=").enumerate() {
        if place > 0 {
            out.push_str("\r\nm=");
        }
        let pt = place.checked_sub(1).and_then(|place| offered.get(place));
        match pt.copied().flatten() {
            Some(pt) => add_to_section(&mut out, section, pt, &mut ssrc),
            None => out.push_str(section),
        }
    }
    out
}

fn add_to_section(out: &mut String, section: &str, pt: u8, ssrc: &mut impl FnMut() -> u32) {
    let body = section.trim_end_matches("\r\n");
    let (media, attributes) = body.split_once("\r\n").unwrap_or((body, ""));
    let rejected = media.split(' ').nth(1) == Some("0");
    let taken = media
        .split(' ')
        .skip(3)
        .any(|other| other.parse() == Ok(pt));
    let mut ssrcs = attributes
        .lines()
        .filter_map(|line| line.strip_prefix("a=ssrc:")?.split_once(' '));
    // str0m writes the picture's SSRC before that of its retransmissions.
    let protected = ssrcs.clone().next().map(|(ssrc, _)| ssrc);
    let Some(protected) = protected.filter(|_| !rejected && !taken) else {
        out.push_str(section);
        return;
    };
    let repair = ssrc();
    let _ = write!(
        out,
        "{media} {pt}\r\n{attributes}\r\na=rtpmap:{pt} {NAME}/90000\r\n\
         a=fmtp:{pt} repair-window={REPAIR_WINDOW}\r\n\
         a=ssrc-group:{GROUP}{protected} {repair}"
    );
    // CNAME and stream as the picture has them: that is how browsers know that both belong together.
    for (_, attribute) in ssrcs.by_ref().filter(|(of, _)| *of == protected) {
        let _ = write!(out, "\r\na=ssrc:{repair} {attribute}");
    }
    if body.len() < section.len() {
        out.push_str("\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = "v=0\r\na=group:BUNDLE 0 1\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=ssrc:7 cname:c\r\nm=video 9 UDP/TLS/RTP/SAVPF 96 97\r\na=mid:1\r\na=ssrc-group:FID 8 9\r\na=ssrc:8 cname:c\r\na=ssrc:8 msid:weir v\r\na=ssrc:9 cname:c\r\n";

    #[test]
    fn only_the_line_that_offers_it_gets_it() {
        let answer = add_to_answer(ANSWER, &[None, Some(49)], || 10);
        let video = "m=video 9 UDP/TLS/RTP/SAVPF 96 97 49\r\na=mid:1\r\na=ssrc-group:FID 8 9\r\na=ssrc:8 cname:c\r\na=ssrc:8 msid:weir v\r\na=ssrc:9 cname:c\r\na=rtpmap:49 flexfec-03/90000\r\na=fmtp:49 repair-window=10000000\r\na=ssrc-group:FEC-FR 8 10\r\na=ssrc:10 cname:c\r\na=ssrc:10 msid:weir v\r\n";
        let (before, _) = ANSWER.split_once("m=video").unwrap();
        assert_eq!(answer, format!("{before}{video}"));
        assert_eq!(add_to_answer(ANSWER, &[None, None], || 10), ANSWER);
        assert_eq!(add_to_answer(ANSWER, &[], || 10), ANSWER);
    }

    #[test]
    fn a_refused_line_and_a_taken_payload_type_stay_as_they_are() {
        assert_eq!(add_to_answer(ANSWER, &[None, Some(97)], || 10), ANSWER);
        let refused = ANSWER.replace("m=video 9", "m=video 0");
        assert_eq!(add_to_answer(&refused, &[None, Some(49)], || 10), refused);
        let silent = ANSWER.replace("a=ssrc:", "a=other:");
        assert_eq!(add_to_answer(&silent, &[None, Some(49)], || 10), silent);
    }
}
