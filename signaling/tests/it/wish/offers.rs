//! Offers and answers: RFC 9725 sections 4.2 and 4.4, and the same of WHEP.

use std::time::Duration;

use tokio::sync::mpsc;
use weir_media::{RtpTracks, VideoCodec};
use weir_protocol::{IngestProtocol, Visibility};
use weir_sfu::Ingest;
use weir_signaling::live::media_id;

use super::raw::{Answer, SDP, lines, sections, send};
use crate::{
    peer::Offer,
    server::{Published, Server},
};

/// The offer in RFC 9725 section 4.2: its second section is bundle-only, on port 0, and has neither
/// transport nor `rtcp-mux` of its own.
const RFC_9725_OFFER: &str = "v=0\r\no=- 5228595038118931041 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n\
    a=group:BUNDLE 0 1\r\na=extmap-allow-mixed\r\na=ice-options:trickle ice2\r\n\
    m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\n\
    a=ice-ufrag:EsAw\r\na=ice-pwd:bP+XJMM09aR8AiX1jdukzR6Y\r\n\
    a=fingerprint:sha-256 DA:7B:57:DC:28:CE:04:4F:31:79:85:C4:31:67:EB:27:58:29:ED:77:2A:0D:24:AE:ED:AD:30:BC:BD:F1:9C:02\r\n\
    a=setup:actpass\r\na=mid:0\r\na=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\na=sendonly\r\n\
    a=msid:d46fb922-d52a-4e9c-aa87-444eadc1521b ce326ecf-a081-453a-8f9f-0605d5ef4128\r\n\
    a=rtcp-mux\r\na=rtcp-mux-only\r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1\r\n\
    m=video 0 UDP/TLS/RTP/SAVPF 96 97\r\na=mid:1\r\na=bundle-only\r\n\
    a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n\
    a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\n\
    a=extmap:11 urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id\r\na=sendonly\r\n\
    a=msid:d46fb922-d52a-4e9c-aa87-444eadc1521b 3956b460-40f4-4d05-acef-03abcdd8c6fd\r\n\
    a=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 ccm fir\r\na=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\n\
    a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n";

async fn publish(server: &Server, key: &str, offer: &str) -> Answer {
    let bearer = format!("Bearer {key}");
    let fields = [("Content-Type", SDP), ("Authorization", bearer.as_str())];
    send(server, "POST /whip", &fields, offer).await
}

async fn view(server: &Server, offer: &str) -> Answer {
    send(server, "POST /whep/demo", &[("Content-Type", SDP)], offer).await
}

/// What every answer of either protocol is like.
fn assert_answer(answer: &Answer, session: &str, direction: &str) {
    assert_answer_as(answer, session, direction, "a=setup:passive");
}

fn assert_answer_as(answer: &Answer, session: &str, direction: &str, setup: &str) {
    assert_eq!(answer.status, 201, "{answer:#?}");
    assert_eq!(answer.field("content-type"), SDP);
    let location = answer.field("location");
    let id = location.strip_prefix(session).expect("its own address");
    assert!(id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit()));
    let tag = answer.field("etag");
    assert!(tag.len() > 2 && tag.starts_with('"') && tag.ends_with('"'));

    let sdp = &answer.body;
    let (head, _) = sdp.split_once("\r\nm=").unwrap();
    let head: Vec<&str> = head.split("\r\n").collect();
    assert!(head.contains(&"a=ice-lite"), "{sdp}");
    assert!(head.contains(&"a=ice-options:trickle ice2"), "{sdp}");
    // One transport, with RTCP on it, and one media stream.
    let sections = sections(sdp);
    let mids = lines(sdp, "a=mid:");
    assert_eq!(lines(sdp, "a=group:BUNDLE "), [mids.join(" ")]);
    for section in &sections {
        let has = |line: &str| section.split("\r\n").any(|it| it == line);
        assert!(has("a=rtcp-mux") && has("a=rtcp-mux-only"), "{section}");
        assert!(has(direction), "{section}");
        assert!(has(setup), "{section}");
    }
    let streams: Vec<&str> = lines(sdp, "a=msid:")
        .iter()
        .map(|msid| msid.split(' ').next().unwrap())
        .collect();
    assert_eq!(streams.len(), sections.len(), "{sdp}");
    assert!(streams.iter().all(|stream| *stream == streams[0]), "{sdp}");
    // All candidates that there will be.
    assert!(!lines(sdp, "a=candidate:").is_empty(), "{sdp}");
    assert_eq!(lines(sdp, "a=end-of-candidates"), [""]);
    let last = sdp.rfind("a=candidate:").unwrap();
    assert!(last < sdp.find("a=end-of-candidates").unwrap());
}

#[tokio::test]
async fn the_offer_of_the_rfc_gets_its_answer() {
    let server = Server::start().await;
    let key = server.stream("demo").await.key;
    let answer = publish(&server, &key, RFC_9725_OFFER).await;
    assert_answer(&answer, "/whip/session/", "a=recvonly");
    let sections = sections(&answer.body);
    assert!(sections[0].starts_with("audio ") && sections[1].starts_with("video "));
    assert_eq!(lines(&answer.body, "a=mid:"), ["0", "1"]);
    for section in sections {
        assert!(section.contains("urn:ietf:params:rtp-hdrext:sdes:mid"));
    }
}

#[tokio::test]
async fn a_viewers_offer_gets_its_answer() {
    let mut server = Server::start().await;
    let stream = server.stream("demo").await;
    let _publisher = server.publish(&stream).await;
    let answer = view(&server, Offer::viewer().await.sdp()).await;
    assert_answer(&answer, "/whep/session/", "a=sendonly");
    // The draft tolerates sendrecv, and the answer says what there is.
    let both_ways = Offer::viewer()
        .await
        .sdp()
        .replace("a=recvonly", "a=sendrecv");
    let answer = view(&server, &both_ways).await;
    assert_answer(&answer, "/whep/session/", "a=sendonly");
}

#[tokio::test]
async fn a_publisher_may_say_sendrecv_and_active() {
    let server = Server::start().await;
    let key = server.stream("demo").await.key;
    for (what, instead) in [
        ("a=sendonly", "a=sendrecv"),
        ("a=setup:actpass", "a=setup:active"),
    ] {
        let offer = RFC_9725_OFFER.replace(what, instead);
        let answer = publish(&server, &key, &offer).await;
        assert_answer(&answer, "/whip/session/", "a=recvonly");
    }
    // No offer should say this (RFC 8842 section 5.2), and FFmpeg's do.
    let offer = RFC_9725_OFFER.replace("a=setup:actpass", "a=setup:passive");
    let answer = publish(&server, &key, &offer).await;
    assert_answer_as(&answer, "/whip/session/", "a=recvonly", "a=setup:active");
}

#[tokio::test]
async fn a_publishers_offer_is_taken_whole_or_not_at_all() {
    let server = Server::start().await;
    let key = server.stream("demo").await.key;
    let video = RFC_9725_OFFER.find("m=video").unwrap();
    let (audio, video) = RFC_9725_OFFER.split_at(video);
    let second = video.replace("a=mid:1", "a=mid:2");
    let two = audio.replace("BUNDLE 0 1", "BUNDLE 0 1 2");
    let text = "m=text 9 RTP/AVP 98\r\na=mid:2\r\na=rtpmap:98 t140/1000\r\n";
    let whole = RFC_9725_OFFER;
    for (what, offer, status) in [
        ("two videos", format!("{two}{video}{second}"), 422),
        ("a text track", format!("{two}{video}{text}"), 422),
        ("a codec of nobody's", whole.replace("VP8", "X-OWN"), 422),
        ("no Opus", whole.replace("opus/48000/2", "PCMU/8000"), 422),
        (
            "a track that receives",
            whole.replace("sendonly", "recvonly"),
            422,
        ),
        (
            "a track that is off",
            whole.replacen("sendonly", "inactive", 1),
            422,
        ),
        ("RTCP apart", whole.replace("a=rtcp-mux\r\n", ""), 422),
        (
            "no bundle",
            whole.replace("a=group:BUNDLE 0 1\r\n", ""),
            422,
        ),
        (
            "half a bundle",
            whole
                .replace("m=video 0", "m=video 9")
                .replace("BUNDLE 0 1", "BUNDLE 0"),
            422,
        ),
        (
            "nothing to send",
            "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n".into(),
            400,
        ),
    ] {
        let code = if status == 422 {
            "unprocessable"
        } else {
            "bad_request"
        };
        let answer = publish(&server, &key, &offer).await;
        assert_eq!(answer.status, status, "{what}: {}", answer.body);
        assert!(!answer.problem(status, code).is_empty(), "{what}");
        assert!(answer.all("location").is_empty(), "{what}");
    }
    assert_eq!(publish(&server, &key, whole).await.status, 201);
}

#[tokio::test]
async fn a_viewers_offer_is_taken_whole_or_not_at_all() {
    let mut server = Server::start().await;
    let stream = server.stream("demo").await;
    let _publisher = server.publish(&stream).await;
    let good = Offer::viewer().await.sdp().to_owned();
    for (what, offer, status) in [
        (
            "a track that sends",
            good.replace("recvonly", "sendonly"),
            422,
        ),
        (
            "a track that is off",
            good.replacen("recvonly", "inactive", 1),
            422,
        ),
        ("a codec of nobody's", good.replace("VP8", "X-OWN"), 422),
        ("half an offer", good[..40].to_owned(), 400),
    ] {
        let code = if status == 422 {
            "unprocessable"
        } else {
            "bad_request"
        };
        let answer = view(&server, &offer).await;
        assert_eq!(answer.status, status, "{what}: {}", answer.body);
        assert!(!answer.problem(status, code).is_empty(), "{what}");
    }
    assert_eq!(view(&server, &good).await.status, 201);
}

#[tokio::test]
async fn who_has_no_codec_of_the_stream_is_told_where_it_is() {
    let mut server = Server::start().await;
    let stream = server.stream("demo").await;
    let _publisher = server.publish(&stream).await;
    let h264 = Offer::viewer()
        .await
        .sdp()
        .replace("VP8/90000", "H264/90000");
    let answer = view(&server, &h264).await;
    let detail = answer.problem(422, "unprocessable");
    assert!(detail.contains("VP8") && detail.contains("HLS"), "{detail}");
    assert_eq!(
        answer.field("link"),
        "</hls/demo/master.m3u8>; rel=\"alternate\"; type=\"application/vnd.apple.mpegurl\""
    );
}

#[tokio::test]
async fn another_media_type_is_refused_with_the_right_one() {
    let server = Server::start().await;
    let key = server.stream("demo").await.key;
    let bearer = format!("Bearer {key}");
    for endpoint in ["POST /whip", "POST /whep/demo"] {
        for wrong in [Some("text/plain"), Some("application/sdpx"), None] {
            let mut fields = vec![("Content-Type", wrong.unwrap_or_default())];
            fields.retain(|_| wrong.is_some());
            if endpoint == "POST /whip" {
                fields.push(("Authorization", &bearer));
            }
            let answer = send(&server, endpoint, &fields, RFC_9725_OFFER).await;
            answer.problem(415, "unsupported_media_type");
            assert_eq!(answer.field("accept-post"), SDP);
        }
    }
}

#[tokio::test]
async fn a_stream_that_is_not_live_is_asked_for_again() {
    let server = Server::start().await;
    server.stream("demo").await;
    let answer = view(&server, Offer::viewer().await.sdp()).await;
    answer.problem(409, "not_live");
    assert!(answer.field("retry-after").parse::<u32>().unwrap() > 0);
}

/// What the bridge does when its worker has read the first of a publisher's media.
fn bring_source(server: &Server, stream: &Published) -> Ingest {
    let (keyframes, _) = mpsc::channel(1);
    let ingest = server.sfu.ingest(media_id(&stream.row), keyframes);
    let tracks = RtpTracks {
        video: Some(VideoCodec::Vp8),
        audio: true,
    };
    ingest.start(tracks, &[]);
    ingest
}

#[tokio::test]
async fn who_comes_with_the_broadcast_waits_for_its_media() {
    let server = Server::start().await;
    let stream = server.stream("demo").await;
    let offer = Offer::viewer().await;
    let _broadcast = server.live.begin(&stream.row, IngestProtocol::Rtmp);
    let worker = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        bring_source(&server, &stream)
    };
    let (answer, _ingest) = tokio::join!(view(&server, offer.sdp()), worker);
    assert_eq!(answer.status, 201, "{answer:#?}");
}

#[tokio::test]
async fn a_broadcast_whose_media_do_not_come_is_asked_for_again() {
    let server = Server::start().await;
    let stream = server.stream("demo").await;
    let _broadcast = server.live.begin(&stream.row, IngestProtocol::Rtmp);
    let answer = view(&server, Offer::viewer().await.sdp()).await;
    answer.problem(409, "not_live");
}

#[tokio::test]
async fn who_waits_for_media_may_not_see_what_became_private_meanwhile() {
    let server = Server::start().await;
    let stream = server.stream("demo").await;
    let offer = Offer::viewer().await;
    let _broadcast = server.live.begin(&stream.row, IngestProtocol::Rtmp);
    let worker = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let Published { row, .. } = &stream;
        let mut details = row.details.clone();
        details.visibility = Visibility::Private;
        let edited = server
            .db
            .edit_stream(row.id, row.version, &row.title, &details);
        assert!(edited.await.unwrap().is_some());
        bring_source(&server, &stream)
    };
    let (answer, _ingest) = tokio::join!(view(&server, offer.sdp()), worker);
    answer.problem(404, "not_found");
}
