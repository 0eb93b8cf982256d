//! An ICE restart in words: what a session is asked for by a fragment (RFC 8840, section 4.4; RFC 9725, section 4.3.3),
//! and what its answer makes of the session's description.

/// What asks for a restart with the credentials of this offer. It names no candidates: the server learns where we are
/// from our checks.
pub fn of_offer(offer: &str) -> Option<String> {
    let value = |prefix: &str| offer.lines().find(|line| line.starts_with(prefix));
    let lines = [
        value("a=group:BUNDLE")?,
        value("m=")?,
        value("a=mid:")?,
        value("a=ice-ufrag:")?,
        value("a=ice-pwd:")?,
    ];
    Some(
        lines
            .iter()
            .map(|line| format!("{}\r\n", line.trim_end()))
            .collect(),
    )
}

/// The session's answer, once the server has taken a restart: its credentials and candidates are those of the fragment,
/// and all else is as it was.
pub fn renewed(answer: &str, fragment: &str) -> Option<String> {
    let value = |prefix: &str| fragment.lines().find(|line| line.starts_with(prefix));
    let ufrag = value("a=ice-ufrag:")?.trim_end();
    let pwd = value("a=ice-pwd:")?.trim_end();
    let mut candidates = Some(fragment.lines().filter(|line| is_candidate(line)));
    let mut new = String::with_capacity(answer.len() + fragment.len());
    let mut add = |line: &str| {
        new.push_str(line.trim_end());
        new.push_str("\r\n");
    };
    let mut in_media = false;
    for line in answer.lines() {
        // All media is bundled with the first: its candidates are all that count.
        if line.starts_with("m=") && std::mem::replace(&mut in_media, true) {
            candidates.take().into_iter().flatten().for_each(&mut add);
        }
        if line.starts_with("a=ice-ufrag:") {
            add(ufrag);
        } else if line.starts_with("a=ice-pwd:") {
            add(pwd);
        } else if !is_candidate(line) {
            add(line);
        }
    }
    candidates.take().into_iter().flatten().for_each(add);
    Some(new)
}

fn is_candidate(line: &str) -> bool {
    line.starts_with("a=candidate:") || line.trim_end() == "a=end-of-candidates"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fragment_has_the_credentials_of_the_bundle() {
        let offer = "v=0\r\na=group:BUNDLE 0 1\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=ice-ufrag:new1\r\n\
            a=ice-pwd:new+password\r\na=mid:0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=ice-ufrag:new1\r\na=mid:1\r\n";
        assert_eq!(
            of_offer(offer).as_deref(),
            Some(
                "a=group:BUNDLE 0 1\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\na=ice-ufrag:new1\r\n\
                 a=ice-pwd:new+password\r\n"
            )
        );
        assert_eq!(of_offer("v=0\r\n"), None);
    }

    #[test]
    fn an_answer_changes_its_credentials_and_candidates_alone() {
        let answer = "v=0\r\na=ice-lite\r\nm=video 9 X 96\r\na=ice-ufrag:old1\r\na=ice-pwd:old\r\n\
            a=candidate:1 1 udp 1 192.0.2.1 7882 typ host\r\na=end-of-candidates\r\na=mid:0\r\n\
            m=audio 9 X 111\r\na=ice-ufrag:old1\r\na=ice-pwd:old\r\na=mid:1\r\n";
        let fragment = "a=ice-lite\r\nm=video 9 X 96\r\na=mid:0\r\na=ice-ufrag:new1\r\na=ice-pwd:new\r\n\
            a=candidate:1 1 udp 1 192.0.2.2 7882 typ host\r\na=candidate:2 1 tcp 1 192.0.2.2 443 typ host tcptype passive\r\n\
            a=end-of-candidates\r\n";
        let new = "v=0\r\na=ice-lite\r\nm=video 9 X 96\r\na=ice-ufrag:new1\r\na=ice-pwd:new\r\na=mid:0\r\n\
            a=candidate:1 1 udp 1 192.0.2.2 7882 typ host\r\na=candidate:2 1 tcp 1 192.0.2.2 443 typ host tcptype passive\r\n\
            a=end-of-candidates\r\nm=audio 9 X 111\r\na=ice-ufrag:new1\r\na=ice-pwd:new\r\na=mid:1\r\n";
        assert_eq!(renewed(answer, fragment).as_deref(), Some(new));
        let alone = answer.split_once("m=audio").map(|(first, _)| first);
        let new = new.split_once("m=audio").map(|(first, _)| first.to_owned());
        assert_eq!(alone.and_then(|answer| renewed(answer, fragment)), new);
        assert_eq!(renewed(answer, "a=ice-lite\r\n"), None);
    }
}
