//! Offers as clients send them, and as nobody should.

use weir_media::RtpTracks;

use super::*;
use crate::packet::Epoch;

const HEAD: &str = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\na=ice-ufrag:abcd\r\na=ice-pwd:0123456789abcdefghijklmn\r\na=fingerprint:sha-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF\r\na=setup:actpass\r\n";
const AUDIO: &str = "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=sendonly\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1;stereo=1;sprop-stereo=1\r\na=ssrc:1 cname:x\r\n";
const VIDEO: &str = "m=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=mid:1\r\na=sendonly\r\na=rtcp-mux\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 profile-level-id=42e01f;packetization-mode=1;level-asymmetry-allowed=1\r\na=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\na=rtcp-fb:96 goog-remb\r\na=ssrc:2 cname:x\r\n";
/// What Chromium offers to receive, in its order, shortened.
const CHROMIUM_VIDEO: &str = "m=video 9 UDP/TLS/RTP/SAVPF 96 97 102 103 106 107 98 99 45 46\r\na=mid:1\r\na=recvonly\r\na=rtcp-mux\r\na=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\na=rtpmap:102 H264/90000\r\na=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f\r\na=rtpmap:103 rtx/90000\r\na=fmtp:103 apt=102\r\na=rtpmap:106 H264/90000\r\na=fmtp:106 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\r\na=rtpmap:107 rtx/90000\r\na=fmtp:107 apt=106\r\na=rtpmap:98 VP9/90000\r\na=fmtp:98 profile-id=0\r\na=rtpmap:99 rtx/90000\r\na=fmtp:99 apt=98\r\na=rtpmap:45 AV1/90000\r\na=fmtp:45 level-idx=5;profile=0;tier=0\r\na=rtpmap:46 rtx/90000\r\na=fmtp:46 apt=45\r\n";

fn source(video: Option<VideoCodec>) -> SourceInfo {
    SourceInfo {
        epoch: Epoch(1),
        layers: crate::packet::single_layer(),
        tracks: RtpTracks { video, audio: true },
        h264_profile: None,
    }
}

fn pts(checked: &CheckedOffer) -> Vec<(u8, Option<u8>)> {
    let params = checked.codecs.params().iter();
    params
        .map(|p| (*p.pt(), p.resend().map(|rtx| *rtx)))
        .collect()
}

#[test]
fn obs_is_served() {
    let checked = check_publisher(&format!("{HEAD}{AUDIO}{VIDEO}")).unwrap();
    assert_eq!(pts(&checked), [(111, None), (96, None)]);
    assert!(checked.rids.is_empty());
}

#[test]
fn obs_simulcast_lists_its_layers() {
    let layers = "a=rid:0 send\r\na=rid:1 send\r\na=rid:2 send\r\na=simulcast:send 0;1;2\r\n";
    let checked = check_publisher(&format!("{HEAD}{AUDIO}{VIDEO}{layers}")).unwrap();
    assert_eq!(checked.rids, ["0", "1", "2"]);
}

#[test]
fn a_publisher_keeps_its_first_codec() {
    let video = CHROMIUM_VIDEO.replace("recvonly", "sendonly");
    let checked = check_publisher(&format!("{HEAD}{AUDIO}{video}")).unwrap();
    assert_eq!(pts(&checked), [(111, None), (96, Some(97))]);
    let h264_first = video.replace(" 96 97 102 103 106 107", " 102 103 106 107 96 97");
    let checked = check_publisher(&format!("{HEAD}{h264_first}")).unwrap();
    assert_eq!(pts(&checked), [(102, Some(103)), (106, Some(107))]);
}

#[test]
fn a_viewer_keeps_every_codec_open_and_must_have_the_streams() {
    let audio = AUDIO.replace("sendonly", "recvonly");
    let offer = format!("{HEAD}{audio}{CHROMIUM_VIDEO}");
    for video in [Some(VideoCodec::H264), Some(VideoCodec::Av1), None] {
        let checked = check_viewer(&offer, &source(video)).unwrap();
        assert_eq!(checked.codecs.params().len(), 6);
    }
    let hevc = check_viewer(&offer, &source(Some(VideoCodec::Hevc))).unwrap_err();
    assert!(
        hevc.to_string().contains("H265") && hevc.to_string().contains("HLS"),
        "{hevc}"
    );
}

#[test]
fn the_profile_of_the_picture_chooses_the_payload_type() {
    let offer = format!("{HEAD}{CHROMIUM_VIDEO}");
    let checked = check_viewer(&offer, &source(Some(VideoCodec::H264))).unwrap();
    let pick = |profile| {
        let params = checked.codecs.params().iter();
        params
            .filter(|p| p.spec().codec == Codec::H264)
            .min_by_key(|p| {
                let format = p.spec().format;
                let mode = format.packetization_mode.unwrap_or(0);
                rank_h264(format.profile_level_id, mode, profile)
            })
            .map(|p| *p.pt())
    };
    assert_eq!(
        pick(None),
        Some(106),
        "constrained baseline when nothing is known"
    );
    assert_eq!(
        pick(Some(H264Profile {
            idc: 66,
            constraints: 0
        })),
        Some(102)
    );
    assert_eq!(
        pick(Some(H264Profile {
            idc: 66,
            constraints: 0xc0
        })),
        Some(106)
    );
    assert_eq!(
        pick(Some(H264Profile {
            idc: 100,
            constraints: 0
        })),
        Some(106)
    );
}

#[test]
fn what_is_no_sdp_is_malformed() {
    let huge = format!("v=0\r\n{}", "a=x\r\n".repeat(20_000));
    for bad in [
        "",
        "  \r\n",
        "hello",
        "{\"type\":\"offer\"}",
        HEAD,
        &huge,
        "v=0\r\nm=audio\r\n",
    ] {
        let error = check_publisher(bad).unwrap_err();
        assert!(
            matches!(
                error,
                OfferError::Malformed(_) | OfferError::Unprocessable(_)
            ),
            "{error}"
        );
    }
    assert!(matches!(check_publisher(""), Err(OfferError::Malformed(_))));
    assert!(matches!(
        check_publisher(HEAD),
        Err(OfferError::Malformed(_))
    ));
    assert!(matches!(
        check_publisher(&huge),
        Err(OfferError::Malformed(_))
    ));
}

#[test]
fn what_cannot_be_served_says_why() {
    let says = |offer: String, words: &str| {
        let error = check_publisher(&offer).unwrap_err();
        assert!(matches!(error, OfferError::Unprocessable(_)), "{error}");
        assert!(error.to_string().contains(words), "{error}");
    };
    says(
        format!("{HEAD}{VIDEO}{}", VIDEO.replace("mid:1", "mid:2")),
        "2 video tracks",
    );
    says(
        format!("{HEAD}{}", VIDEO.replace("sendonly", "recvonly")),
        "does not send",
    );
    says(
        format!("{HEAD}{}", VIDEO.replace("H264", "THEORA")),
        "THEORA",
    );
    says(
        format!("{HEAD}{}", AUDIO.replace("opus/48000/2", "PCMU/8000")),
        "PCMU",
    );
    says(format!("{HEAD}{AUDIO}m=text 9 RTP/AVP 98\r\n"), "m=text");
    let viewer = check_viewer(&format!("{HEAD}{AUDIO}"), &source(None)).unwrap_err();
    assert!(viewer.to_string().contains("does not receive"), "{viewer}");
}

#[test]
fn audio_alone_and_sendrecv_are_fine() {
    assert!(check_publisher(&format!("{HEAD}{AUDIO}")).is_ok());
    let both = format!("{HEAD}{}{}", AUDIO.replace("sendonly", "sendrecv"), VIDEO);
    let checked = check_publisher(&both).unwrap();
    assert!(!checked.offer.to_sdp_string().contains("sendrecv"));
    let unsaid = format!("{HEAD}{}", AUDIO.replace("a=sendonly\r\n", ""));
    assert!(
        check_publisher(&unsaid)
            .unwrap()
            .offer
            .to_sdp_string()
            .contains("a=sendonly")
    );
}

#[test]
fn the_answer_asks_for_stereo() {
    let answer = "v=0\r\nm=audio 9 X 111\r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1\r\n";
    let finished = finish_answer(answer);
    assert!(finished.contains("a=fmtp:111 minptime=10;useinbandfec=1;stereo=1;sprop-stereo=1\r\n"));
    assert_eq!(finish_answer(&finished), finished);
    let bare = finish_answer("v=0\r\na=rtpmap:111 opus/48000/2\r\n");
    assert!(
        bare.ends_with("a=fmtp:111 stereo=1;sprop-stereo=1\r\n"),
        "{bare}"
    );
}

#[test]
fn all_tracks_of_an_answer_are_one_stream() {
    let answer = "v=0\r\na=msid-semantic: WMS abc def\r\na=msid:abc one\r\na=ssrc:5 msid:abc one\r\na=ssrc:5 cname:one\r\na=msid:def two\r\n";
    let expected = "v=0\r\na=msid-semantic: WMS weir\r\na=msid:weir one\r\na=ssrc:5 msid:weir one\r\na=ssrc:5 cname:one\r\na=msid:weir two\r\n";
    assert_eq!(finish_answer(answer), expected);
}
