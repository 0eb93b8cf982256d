//! Offers as clients send them, and as nobody should.

use weir_media::RtpTracks;

use super::*;
use crate::{
    answer::{EgressExtensions, egress_media},
    packet::Epoch,
};

const HEAD: &str = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\na=ice-ufrag:abcd\r\na=ice-pwd:0123456789abcdefghijklmn\r\na=fingerprint:sha-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF\r\na=setup:actpass\r\n";
const AUDIO: &str = "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=sendonly\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1;stereo=1;sprop-stereo=1\r\na=ssrc:1 cname:x\r\n";
const VIDEO: &str = "m=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=mid:1\r\na=sendonly\r\na=rtcp-mux\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 profile-level-id=42e01f;packetization-mode=1;level-asymmetry-allowed=1\r\na=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\na=rtcp-fb:96 goog-remb\r\na=ssrc:2 cname:x\r\n";
/// What Chromium offers to receive, in its order, shortened.
const CHROMIUM_VIDEO: &str = "m=video 9 UDP/TLS/RTP/SAVPF 96 97 102 103 106 107 98 99 45 46\r\na=mid:1\r\na=recvonly\r\na=rtcp-mux\r\na=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\na=rtpmap:102 H264/90000\r\na=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f\r\na=rtpmap:103 rtx/90000\r\na=fmtp:103 apt=102\r\na=rtpmap:106 H264/90000\r\na=fmtp:106 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\r\na=rtpmap:107 rtx/90000\r\na=fmtp:107 apt=106\r\na=rtpmap:98 VP9/90000\r\na=fmtp:98 profile-id=0\r\na=rtpmap:99 rtx/90000\r\na=fmtp:99 apt=98\r\na=rtpmap:45 AV1/90000\r\na=fmtp:45 level-idx=5;profile=0;tier=0\r\na=rtpmap:46 rtx/90000\r\na=fmtp:46 apt=45\r\n";

fn source(video: Option<VideoCodec>) -> SourceInfo {
    SourceInfo {
        epoch: Epoch(1),
        layers: crate::packet::single_layer(),
        announced: Vec::new().into(),
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
                OfferError::Malformed(_) | OfferError::Unprocessable(_) | OfferError::Form(_)
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
fn hevc_is_served_where_both_have_it() {
    // As OBS declares it.
    let video = VIDEO.replace("H264/90000", "H265/90000").replace(
        "profile-level-id=42e01f;packetization-mode=1;level-asymmetry-allowed=1",
        "profile-id=1;tier-flag=0;level-id=93;tx-mode=SRST",
    );
    let checked = check_publisher(&format!("{HEAD}{AUDIO}{video}")).unwrap();
    let codec = checked.codecs.params().last().unwrap().spec().codec;
    assert_eq!(video_codec(codec), Some(VideoCodec::Hevc));
    let hevc = source(Some(VideoCodec::Hevc));
    let chromium = format!("{HEAD}{CHROMIUM_VIDEO}");
    let refused = check_viewer(&chromium, &hevc).unwrap_err();
    assert!(matches!(&refused, OfferError::OtherCodec(why) if why.contains("H265")));
    let taking = video.replace("sendonly", "recvonly");
    check_viewer(&format!("{HEAD}{taking}"), &hevc).unwrap();
}

#[test]
fn what_cannot_be_served_says_why() {
    let says = |offer: String, words: &str| {
        let error = check_publisher(&offer).unwrap_err();
        assert!(
            matches!(error, OfferError::Unprocessable(_) | OfferError::Form(_)),
            "{error}"
        );
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
fn the_answer_says_what_we_are_and_that_it_is_all() {
    let answer = "v=0\r\na=ice-lite\r\nm=audio 9 X 111\r\na=candidate:1 x\r\na=candidate:2 x\r\na=rtcp-mux\r\n";
    let expected = "v=0\r\na=ice-lite\r\na=ice-options:trickle ice2\r\nm=audio 9 X 111\r\na=candidate:1 x\r\na=candidate:2 x\r\na=end-of-candidates\r\na=rtcp-mux\r\na=rtcp-mux-only\r\n";
    assert_eq!(finish_answer(answer), expected);
}

#[test]
fn a_section_that_the_peer_refused_is_passed_over() {
    let audio = AUDIO.replace("sendonly", "recvonly");
    let refused = "m=video 0 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=mid:1\r\na=inactive\r\na=rtpmap:96 VP8/90000\r\n";
    let alone = HEAD.replace("BUNDLE 0 1", "BUNDLE 0");
    let source = source(Some(VideoCodec::H264));
    let checked = check_viewer(&format!("{alone}{audio}{refused}"), &source).unwrap();
    assert_eq!(pts(&checked), [(111, None)]);
    let open = refused.replace("m=video 0", "m=video 9");
    let error = check_viewer(&format!("{alone}{audio}{open}"), &source).unwrap_err();
    assert!(matches!(error, OfferError::Form(_)), "{error}");
}

#[test]
fn all_tracks_of_an_answer_are_one_stream() {
    let answer = "v=0\r\na=msid-semantic: WMS abc def\r\na=msid:abc one\r\na=ssrc:5 msid:abc one\r\na=ssrc:5 cname:one\r\na=msid:def two\r\n";
    let expected = "v=0\r\na=msid-semantic: WMS weir\r\na=msid:weir one\r\na=ssrc:5 msid:weir one\r\na=ssrc:5 cname:one\r\na=msid:weir two\r\n";
    assert_eq!(finish_answer(answer), expected);
}

/// Feedback and extensions as Chromium offers them on its video.
const CHROMIUM_EXTENSIONS: &str = "a=extmap:14 urn:ietf:params:rtp-hdrext:toffset\r\na=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time\r\na=extmap:13 urn:3gpp:video-orientation\r\na=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\r\na=extmap:5 http://www.webrtc.org/experiments/rtp-hdrext/playout-delay\r\na=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\na=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\na=extmap:11 urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id\r\n";
const CHROMIUM_AUDIO: &str = "m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=recvonly\r\na=rtcp-mux\r\na=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time\r\na=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\r\na=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\na=rtpmap:111 opus/48000/2\r\na=rtcp-fb:111 transport-cc\r\na=fmtp:111 minptime=10;useinbandfec=1\r\na=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\na=rtpmap:9 G722/8000\r\n";
/// What Firefox offers to receive, shortened: other payload types, directions on extensions.
const FIREFOX: &str = "m=audio 9 UDP/TLS/RTP/SAVPF 109\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=recvonly\r\na=rtcp-mux\r\na=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\na=extmap:2/recvonly urn:ietf:params:rtp-hdrext:csrc-audio-level\r\na=extmap:3 urn:ietf:params:rtp-hdrext:sdes:mid\r\na=rtpmap:109 opus/48000/2\r\na=fmtp:109 maxplaybackrate=48000;stereo=1;useinbandfec=1\r\nm=video 9 UDP/TLS/RTP/SAVPF 120 124 126 127\r\nc=IN IP4 0.0.0.0\r\na=mid:1\r\na=recvonly\r\na=rtcp-mux\r\na=extmap:3 urn:ietf:params:rtp-hdrext:sdes:mid\r\na=extmap:4 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time\r\na=extmap:6/recvonly http://www.webrtc.org/experiments/rtp-hdrext/playout-delay\r\na=extmap:7 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\r\na=rtpmap:120 VP8/90000\r\na=fmtp:120 max-fs=12288;max-fr=60\r\na=rtpmap:124 rtx/90000\r\na=fmtp:124 apt=120\r\na=rtpmap:126 H264/90000\r\na=fmtp:126 profile-level-id=42e01f;level-asymmetry-allowed=1;packetization-mode=1\r\na=rtpmap:127 rtx/90000\r\na=fmtp:127 apt=126\r\na=rtcp-fb:120 nack\r\na=rtcp-fb:120 nack pli\r\na=rtcp-fb:120 ccm fir\r\na=rtcp-fb:120 goog-remb\r\na=rtcp-fb:120 transport-cc\r\na=rtcp-fb:126 nack\r\na=rtcp-fb:126 nack pli\r\na=rtcp-fb:126 transport-cc\r\n";

/// The answer as a session gives it.
fn answer(checked: CheckedOffer) -> String {
    let mut config = str0m::RtcConfig::new()
        .set_crypto_provider(crate::dtls::crypto_provider(Role::Publisher))
        .set_rtp_mode(true)
        .set_ice_lite(true)
        .set_extension_map(checked.extensions);
    *config.codec_config() = checked.codecs;
    let mut rtc = config.build(std::time::Instant::now());
    let answer = rtc.sdp_api().accept_offer(checked.offer).unwrap();
    finish_answer(&answer.to_sdp_string())
}

#[test]
fn what_a_chromium_viewer_gets() {
    let video = CHROMIUM_VIDEO
        .replace("a=mid:1\r\n", &format!("a=mid:1\r\n{CHROMIUM_EXTENSIONS}"))
        .replace("nack pli\r\n", "nack pli\r\na=rtcp-fb:96 transport-cc\r\n");
    let offer = format!("{HEAD}{CHROMIUM_AUDIO}{video}");
    let answer = answer(check_viewer(&offer, &source(None)).unwrap());
    let media = egress_media(&answer);
    assert_eq!(media.len(), 2, "{answer}");
    let (audio, video) = (&media[0], &media[1]);
    assert_eq!((audio.kind, video.kind), (Kind::Audio, Kind::Video));
    assert_eq!((&*audio.mid, &*video.mid), ("0", "1"));
    assert_eq!(audio.cname, video.cname);
    assert_eq!(video.flexfec, None, "not offered");
    assert_ne!(audio.ssrc, video.ssrc);
    assert!(audio.rtx_ssrc.is_none() && video.rtx_ssrc.is_some_and(|rtx| rtx != video.ssrc));
    let opus = audio.opus().unwrap();
    assert_eq!((opus.pt, opus.red, opus.rtx), (111, Some(63), None));
    assert!(opus.transport_cc && !opus.nack);
    assert!(opus.fmtp.contains("useinbandfec=1") && opus.fmtp.contains("stereo=1"));
    let vp8 = video.video(VideoCodec::Vp8, None).unwrap();
    assert_eq!((vp8.pt, vp8.rtx), (96, Some(97)));
    assert!(vp8.nack && vp8.pli && vp8.transport_cc);
    let h264 = video.video(VideoCodec::H264, None).unwrap();
    assert_eq!(
        (h264.pt, h264.rtx),
        (106, Some(107)),
        "constrained baseline"
    );
    assert!(!h264.nack, "not offered for it");
    let baseline = H264Profile {
        idc: 66,
        constraints: 0,
    };
    let h264 = video.video(VideoCodec::H264, Some(baseline)).unwrap();
    assert_eq!(h264.pt, 102);
    for (codec, pt, rtx) in [(VideoCodec::Vp9, 98, 99), (VideoCodec::Av1, 45, 46)] {
        let found = video.video(codec, None).unwrap();
        assert_eq!((found.pt, found.rtx), (pt, Some(rtx)));
    }
    assert_eq!(
        video.extensions,
        EgressExtensions {
            mid: Some(4),
            transport_cc: Some(3),
            abs_send_time: Some(2),
            playout_delay: Some(5),
        }
    );
    assert_eq!(audio.extensions.playout_delay, None);
    assert_eq!(audio.extensions.transport_cc, Some(3));
}

#[test]
fn what_a_firefox_viewer_gets() {
    let offer = format!("{HEAD}{FIREFOX}");
    let answer = answer(check_viewer(&offer, &source(Some(VideoCodec::H264))).unwrap());
    let media = egress_media(&answer);
    let (audio, video) = (&media[0], &media[1]);
    assert_eq!(audio.opus().map(|c| (c.pt, c.red)), Some((109, None)));
    assert_eq!(audio.extensions.transport_cc, None);
    assert_eq!(audio.extensions.mid, Some(3));
    let h264 = video.video(VideoCodec::H264, None).unwrap();
    assert_eq!((h264.pt, h264.rtx), (126, Some(127)));
    assert!(h264.nack && h264.pli && h264.transport_cc);
    assert_eq!(video.video(VideoCodec::Vp8, None).map(|c| c.pt), Some(120));
    assert_eq!(
        video.extensions,
        EgressExtensions {
            mid: Some(3),
            transport_cc: Some(7),
            abs_send_time: Some(4),
            playout_delay: Some(6),
        }
    );
}

#[test]
fn obs_gets_what_it_offered_and_no_more() {
    let layers = "a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid\r\na=extmap:2 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\na=rid:0 send\r\na=rid:1 send\r\na=rid:2 send\r\na=rid:3 send\r\na=simulcast:send 0;1;2;3\r\n";
    let answer = answer(check_publisher(&format!("{HEAD}{AUDIO}{VIDEO}{layers}")).unwrap());
    for line in [
        "a=simulcast:recv 0;1;2;3",
        "a=rid:0 recv",
        "a=rid:3 recv",
        "a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid",
        "a=extmap:2 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
        "a=rtcp-fb:96 nack",
        "a=rtcp-fb:96 nack pli",
    ] {
        assert!(
            answer.contains(&format!("{line}\r\n")),
            "{line} not in {answer}"
        );
    }
    for absent in ["transport-cc", "ccm fir", "rtx"] {
        assert!(!answer.contains(absent), "{absent} in {answer}");
    }
}

#[test]
fn layers_are_named_in_the_order_of_simulcast() {
    let rids = |lines: &str| {
        let rid = "a=rid:f send\r\na=rid:h send\r\na=rid:q send\r\na=rid:x recv\r\n";
        check_publisher(&format!("{HEAD}{VIDEO}{rid}{lines}")).map(|checked| checked.rids)
    };
    assert_eq!(
        rids("a=simulcast:send q;~h;f\r\n").unwrap(),
        ["q", "h", "f"]
    );
    assert_eq!(
        rids("a=simulcast:recv x send f,h;q\r\n").unwrap(),
        ["f", "q"]
    );
    assert_eq!(rids("").unwrap(), ["f", "h", "q"]);
    let error = rids("a=rid:five send\r\na=rid:four send\r\n").unwrap_err();
    assert!(error.to_string().contains("at most 4"), "{error}");
    let error = rids("a=rid:a-b send\r\na=rid:a.b send\r\n");
    assert!(error.is_err(), "no more than four, and two alike");
    let same = "a=rid:layer-001a send\r\na=rid:layer-001b send\r\na=simulcast:send layer-001a;layer-001b\r\n";
    let error = rids(same).unwrap_err();
    assert!(error.to_string().contains("same names"), "{error}");
}

#[test]
fn a_publishers_extensions_keep_the_offers_ids() {
    let uri = weir_rtp::dependency_descriptor::URI;
    let lines = format!("a=extmap:9 {uri}\r\na=extmap:10 urn:ietf:params:rtp-hdrext:sdes:mid\r\n");
    let checked = check_publisher(&format!("{HEAD}{AUDIO}{VIDEO}{lines}")).unwrap();
    let ids: Vec<_> = checked
        .extensions
        .iter()
        .map(|(id, e)| (id, e.as_uri().to_owned()))
        .collect();
    assert_eq!(
        ids,
        [
            (9, uri.to_owned()),
            (10, "urn:ietf:params:rtp-hdrext:sdes:mid".to_owned())
        ]
    );
    assert!(answer(checked).contains(&format!("a=extmap:9 {uri}\r\n")));
    // An id that means something else for audio is not used at all.
    let audio = AUDIO.replace("a=mid:0\r\n", "a=mid:0\r\na=extmap:9 urn:x\r\n");
    let checked = check_publisher(&format!("{HEAD}{audio}{VIDEO}{lines}")).unwrap();
    assert_eq!(
        checked
            .extensions
            .iter()
            .map(|(id, _)| id)
            .collect::<Vec<_>>(),
        [10]
    );
}

#[test]
fn redundant_audio_comes_from_publishers_that_prefer_it() {
    let audio = CHROMIUM_AUDIO.replace("recvonly", "sendonly");
    let checked = check_publisher(&format!("{HEAD}{audio}{VIDEO}")).unwrap();
    assert!(!answer(checked).contains("red/48000"));
    let first = audio.replace("SAVPF 111 63", "SAVPF 63 111");
    let checked = check_publisher(&format!("{HEAD}{first}{VIDEO}")).unwrap();
    let answer = answer(checked);
    for line in [
        "m=audio 9 UDP/TLS/RTP/SAVPF 63 111\r\n",
        "a=rtpmap:63 red/48000/2\r\n",
        "a=fmtp:63 111/111\r\n",
        "m=video 9 UDP/TLS/RTP/SAVPF 96\r\n",
    ] {
        assert!(answer.contains(line), "{line} not in {answer}");
    }
}
