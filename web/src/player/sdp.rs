//! What the browser's offer leaves out.

/// Asks for stereo: browsers decode Opus in mono unless the receiver's fmtp says otherwise (RFC 7587, section 7.1).
pub fn with_stereo_opus(offer: &str) -> String {
    let opus: Vec<&str> = offer
        .lines()
        .filter_map(|line| line.strip_prefix("a=rtpmap:")?.split_once(' '))
        .filter(|(_, codec)| codec.to_ascii_lowercase().starts_with("opus/48000"))
        .map(|(payload_type, _)| payload_type)
        .collect();
    let mut out = String::with_capacity(offer.len() + 32);
    for line in offer.lines() {
        out.push_str(line);
        let parameters = line
            .strip_prefix("a=fmtp:")
            .and_then(|rest| rest.split_once(' '));
        if let Some((payload_type, parameters)) = parameters
            && opus.contains(&payload_type)
            && !parameters
                .split(';')
                .any(|one| one.trim().starts_with("stereo="))
        {
            out.push_str(";stereo=1");
        }
        out.push_str("\r\n");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFER: &str = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111 63\r\na=rtpmap:111 opus/48000/2\r\n\
        a=fmtp:111 minptime=10;useinbandfec=1\r\na=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\n";

    #[test]
    fn only_opus_becomes_stereo() {
        let sdp = with_stereo_opus(OFFER);
        assert!(
            sdp.contains("a=fmtp:111 minptime=10;useinbandfec=1;stereo=1\r\n"),
            "{sdp}"
        );
        assert!(sdp.contains("a=fmtp:63 111/111\r\n"), "{sdp}");
    }

    #[test]
    fn once_is_enough() {
        let once = with_stereo_opus(OFFER);
        assert_eq!(with_stereo_opus(&once), once);
    }
}
