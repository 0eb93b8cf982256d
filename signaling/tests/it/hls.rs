//! The HLS origin as players see it, through its router without a socket. Media is made up: what is
//! inside of a part is nothing to the origin.

mod ladder;

use std::{
    future::Future,
    pin::{Pin, pin},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    http::{HeaderMap, Method, Request, StatusCode, header},
};
use futures_util::{FutureExt, future::join_all, poll};
use tower::ServiceExt;
use weir_media::{HlsAudio, HlsOutput, HlsTrack, HlsTracks, HlsVideo};
use weir_protocol::{ErrorCode, Problem, StreamSlug};
use weir_signaling::hls::{HlsWriter, Origin, OriginConfig, router};

/// A live stream `demo` and a player.
struct Site {
    origin: Origin,
    router: Router,
}

struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Reply {
    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    fn header(&self, name: header::HeaderName) -> &str {
        self.headers[name].to_str().unwrap()
    }

    /// The address after this tag's `URI="`, or the line after the tag.
    fn uri(&self, tag: &str) -> String {
        let (_, after) = self.text().rsplit_once(tag).unwrap();
        let attribute = after.lines().next().unwrap().split_once("URI=\"");
        match attribute {
            Some((_, rest)) => rest.split_once('"').unwrap().0.to_owned(),
            None => after.lines().nth(1).unwrap().to_owned(),
        }
    }

    fn check_problem(&self, status: StatusCode, code: ErrorCode) {
        assert_eq!(self.status, status, "{:?}", self.body);
        assert_eq!(
            self.header(header::CONTENT_TYPE),
            "application/problem+json"
        );
        // What is not there may be asked of a cache for a moment; what the server cannot do now may not.
        let cached = match status {
            StatusCode::NOT_FOUND | StatusCode::BAD_REQUEST => "public, max-age=0, s-maxage=1",
            _ => "no-store",
        };
        assert_eq!(self.header(header::CACHE_CONTROL), cached);
        assert_eq!(
            serde_json::from_slice::<Problem>(&self.body).unwrap().code,
            code
        );
    }
}

impl Site {
    fn new(config: OriginConfig) -> Self {
        let origin = Origin::new(config);
        Self {
            router: router(origin.clone()),
            origin,
        }
    }

    async fn ask(&self, request: Request<Body>) -> Reply {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        Reply {
            status: parts.status,
            headers: parts.headers,
            body,
        }
    }

    async fn get(&self, path: &str) -> Reply {
        self.ask(Request::get(path).body(Body::empty()).unwrap())
            .await
    }

    /// A request that is sent and waits now.
    async fn waiting<'a>(&'a self, path: &'a str) -> Pin<Box<dyn Future<Output = Reply> + 'a>> {
        let mut request: Pin<Box<dyn Future<Output = Reply> + 'a>> = Box::pin(self.get(path));
        if let std::task::Poll::Ready(reply) = poll!(&mut request) {
            panic!(
                "{path} was answered at once: {} {:?}",
                reply.status, reply.body
            );
        }
        request
    }
}

/// A writer that knows where it is in the media.
struct Source {
    writer: HlsWriter,
    parts: u64,
}

impl Source {
    fn start(writer: HlsWriter) -> Self {
        let mut source = Self { writer, parts: 0 };
        source.writer.push(HlsOutput::Start(HlsTracks {
            video: vec![HlsVideo {
                name: "360p".into(),
                codec: "avc1.42c01e".into(),
                width: 640,
                height: 360,
                frame_rate: None,
                bitrate: 1_000_000,
            }],
            audio: Some(HlsAudio {
                codec: "opus".into(),
                bitrate: 96_000,
                channels: 2,
            }),
            target_duration: Duration::from_secs(1),
            part_target: Duration::from_millis(250),
        }));
        for track in [HlsTrack::BEST, HlsTrack::Audio] {
            let data = Bytes::from(format!("{:?} init", track.kind()));
            source.writer.push(HlsOutput::Init { track, data });
        }
        source
    }

    /// Video and audio parts of 250 ms each, four in a segment.
    fn parts(&mut self, count: u64) -> &mut Self {
        for _ in 0..count {
            for track in [HlsTrack::BEST, HlsTrack::Audio] {
                self.writer.push(HlsOutput::Part {
                    track,
                    segment_start: self.parts.is_multiple_of(4),
                    independent: self.parts.is_multiple_of(4),
                    time: self.parts * 250_000_000,
                    duration: Duration::from_millis(250),
                    data: Bytes::from(format!("<{:?} {}>", track.kind(), self.parts)),
                });
            }
            self.parts += 1;
        }
        self
    }
}

fn live() -> (Site, Source) {
    let site = Site::new(OriginConfig::default());
    let mut source = Source::start(site.origin.open("demo"));
    // Segments 0 and 1 are whole, 2 has its parts 0 and 1.
    source.parts(10);
    (site, source)
}

#[tokio::test]
async fn a_player_finds_everything() {
    let (site, _source) = live();
    let master = site.get("/demo/master.m3u8").await;
    assert_eq!(master.status, StatusCode::OK);
    assert_eq!(
        master.header(header::CONTENT_TYPE),
        "application/vnd.apple.mpegurl"
    );
    assert_eq!(master.uri("#EXT-X-MEDIA:"), "audio.m3u8");
    assert_eq!(master.uri("#EXT-X-STREAM-INF:"), "video0.m3u8");

    for (track, word, media_type) in [
        ("video0", "Video", "video/mp4"),
        ("audio", "Audio", "audio/mp4"),
    ] {
        let list = site.get(&format!("/demo/{track}.m3u8")).await;
        assert_eq!(
            list.header(header::CONTENT_TYPE),
            "application/vnd.apple.mpegurl"
        );
        assert_eq!(
            list.header(header::CACHE_CONTROL),
            "public, max-age=0, s-maxage=1"
        );
        for (tag, expected) in [
            ("#EXT-X-MAP:", format!("{word} init")),
            (
                "#EXTINF:",
                format!("<{word} 4><{word} 5><{word} 6><{word} 7>"),
            ),
            ("#EXT-X-PART:", format!("<{word} 9>")),
        ] {
            let path = format!("/demo/{}", list.uri(tag));
            let media = site.get(&path).await;
            assert_eq!(
                (media.status, media.text()),
                (StatusCode::OK, &*expected),
                "{path}"
            );
            assert_eq!(media.header(header::CONTENT_TYPE), media_type);
            assert_eq!(
                media.header(header::CACHE_CONTROL),
                "public, max-age=3600, immutable"
            );
            assert_eq!(
                media.header(header::CONTENT_LENGTH),
                expected.len().to_string()
            );

            let head = Request::head(&path).body(Body::empty()).unwrap();
            let head = site.ask(head).await;
            assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0));
            assert_eq!(head.headers, media.headers);
        }
    }
    let head = Request::head("/demo/video0.m3u8")
        .body(Body::empty())
        .unwrap();
    let head = site.ask(head).await;
    assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0));
}

#[tokio::test]
async fn what_is_not_there_is_404() {
    let (site, _source) = live();
    let list = site.get("/demo/video0.m3u8").await;
    let segment = list.uri("#EXTINF:");
    let folder = segment.rsplit_once('/').unwrap().0;
    let epoch = folder.strip_prefix("video0/").unwrap();
    for path in [
        "/nobody/master.m3u8".into(),
        "/nobody/video0.m3u8".into(),
        format!("/nobody/{segment}"),
        "/demo".into(),
        "/demo/subtitles.m3u8".into(),
        "/demo/video0.m3u8/x".into(),
        format!("/demo/text/{epoch}/s0.m4s"),
        format!("/demo/video/{epoch}/s0.m4s"),
        "/demo/video1.m3u8".into(),
        "/demo/video00.m3u8".into(),
        "/demo/video0/00000000x/s0.m4s".into(),
        // Not whole yet, not there yet, long gone, never there.
        format!("/demo/{folder}/s2.m4s"),
        format!("/demo/{folder}/s99999999999999999999.m4s"),
        format!("/demo/{folder}/p11.m4s"),
        format!("/demo/{folder}/init1.mp4"),
        // One address per file.
        format!("/demo/{folder}/s00.m4s"),
        format!("/demo/{folder}/s+0.m4s"),
        format!("/demo/{folder}/init0.m4s"),
        format!("/demo/{folder}/p.m4s"),
        format!("/demo/{folder}/..%2Fs0.m4s"),
    ] {
        let reply = site.get(&path).await;
        assert_eq!(reply.status, StatusCode::NOT_FOUND, "{path}");
        reply.check_problem(StatusCode::NOT_FOUND, ErrorCode::NotFound);
    }
}

#[tokio::test]
async fn media_is_not_shown_before_a_segment_is_whole() {
    let site = Site::new(OriginConfig::default());
    let mut changes = site.origin.changes();
    let slug: StreamSlug = "demo".parse().unwrap();
    let mut source = Source::start(site.origin.open(&slug));
    source.parts(4);
    assert!(!site.origin.is_ready(&slug) && !changes.has_changed().unwrap());
    for path in [
        "/demo/master.m3u8",
        "/demo/video0.m3u8",
        "/demo/video0.m3u8?_HLS_msn=0",
    ] {
        site.get(path)
            .await
            .check_problem(StatusCode::NOT_FOUND, ErrorCode::NotFound);
    }
    source.parts(1);
    assert!(site.origin.is_ready("demo") && !site.origin.is_ready("other"));
    changes.changed().now_or_never().unwrap().unwrap();
    assert_eq!(site.get("/demo/master.m3u8").await.status, StatusCode::OK);
}

#[tokio::test]
async fn blocked_players_get_the_playlist_with_their_part() {
    let (site, mut source) = live();
    let part = "/demo/video0.m3u8?_HLS_msn=2&_HLS_part=2";
    let next_segment = "/demo/audio.m3u8?_HLS_msn=2";
    let past_its_end = "/demo/video0.m3u8?_HLS_msn=2&_HLS_part=4&_HLS_skip=YES";
    let mut for_part = Vec::new();
    for _ in 0..100 {
        for_part.push(site.waiting(part).await);
    }
    let for_segment = site.waiting(next_segment).await;
    let for_next = site.waiting(past_its_end).await;

    source.parts(1);
    let all = join_all(for_part).await;
    let hint = all[0].uri("#EXT-X-PRELOAD-HINT:");
    for reply in &all {
        assert_eq!(reply.status, StatusCode::OK);
        assert_eq!(reply.body, all[0].body);
        assert_eq!(reply.header(header::CACHE_CONTROL), "public, max-age=6");
    }
    assert!(all[0].uri("#EXT-X-PART:").ends_with("/p10.m4s"));
    assert!(hint.ends_with("/p11.m4s"));

    source.parts(1);
    let (mut for_segment, mut for_next) = (pin!(for_segment), pin!(for_next));
    assert!(poll!(&mut for_segment).is_pending() && poll!(&mut for_next).is_pending());
    source.parts(1);
    assert!(for_segment.await.uri("#EXTINF:").ends_with("/s2.m4s"));
    assert!(for_next.await.uri("#EXT-X-PART:").ends_with("/p12.m4s"));
    // What is there already is answered at once.
    for path in [
        part,
        next_segment,
        past_its_end,
        "/demo/video0.m3u8?_HLS_msn=0",
    ] {
        let reply = site.get(path).now_or_never().expect(path);
        assert_eq!(reply.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn a_hinted_part_is_sent_when_it_exists() {
    let (site, mut source) = live();
    // Three parts on: two within the segment, and one that begins the next.
    for number in 10..13 {
        let list = site.get("/demo/video0.m3u8").await;
        let path = format!("/demo/{}", list.uri("#EXT-X-PRELOAD-HINT:"));
        let mut early = Vec::new();
        for _ in 0..20 {
            early.push(site.waiting(&path).await);
        }
        source.parts(1);
        for reply in join_all(early).await {
            assert_eq!(
                (reply.status, reply.text()),
                (StatusCode::OK, &*format!("<Video {number}>"))
            );
        }
        let list = site.get("/demo/video0.m3u8").await;
        assert_eq!(format!("/demo/{}", list.uri("#EXT-X-PART:")), path);
    }
}

#[tokio::test]
async fn mistaken_players_get_400() {
    let (site, _source) = live();
    for query in [
        "_HLS_part=0",
        "_HLS_msn=x",
        "_HLS_msn=-1",
        "_HLS_msn=1&_HLS_part=1.5",
        "_HLS_msn=1&_HLS_msn=1",
        // The last whole segment is 1.
        "_HLS_msn=4",
        "_HLS_msn=4&_HLS_part=0",
        "_HLS_msn=18446744073709551615&_HLS_part=18446744073709551615",
        // The Advance Part Limit is twelve parts of 250 ms.
        "_HLS_msn=2&_HLS_part=15",
    ] {
        let reply = site.get(&format!("/demo/audio.m3u8?{query}")).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{query}");
        reply.check_problem(StatusCode::BAD_REQUEST, ErrorCode::BadRequest);
    }
    drop(site.waiting("/demo/audio.m3u8?_HLS_msn=3").await);
    drop(
        site.waiting("/demo/audio.m3u8?_HLS_msn=2&_HLS_part=14")
            .await,
    );
}

#[tokio::test]
async fn who_waits_too_long_gets_503() {
    let (site, _source) = live();
    let list = site.get("/demo/video0.m3u8").await;
    let hint = format!("/demo/{}", list.uri("#EXT-X-PRELOAD-HINT:"));
    let playlist = site.waiting("/demo/video0.m3u8?_HLS_msn=2").await;
    let part = site.waiting(&hint).await;
    for reply in [playlist.await, part.await] {
        reply.check_problem(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Unavailable);
    }
}

#[tokio::test]
async fn the_number_of_waiting_players_is_limited() {
    let site = Site::new(OriginConfig {
        max_waiting: 2,
        ..OriginConfig::default()
    });
    let mut source = Source::start(site.origin.open("demo"));
    source.parts(10);
    let path = "/demo/video0.m3u8?_HLS_msn=2";
    let first = site.waiting(path).await;
    let second = site.waiting(path).await;
    let refused = site.get(path).await;
    refused.check_problem(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Unavailable);
    assert!(refused.headers.contains_key(header::RETRY_AFTER));
    // Who need not wait is served, and a place becomes free when its player leaves.
    assert_eq!(
        site.get("/demo/video0.m3u8?_HLS_msn=1").await.status,
        StatusCode::OK
    );
    drop(first);
    let third = site.waiting(path).await;
    source.parts(3);
    assert_eq!(second.await.status, StatusCode::OK);
    assert_eq!(third.await.status, StatusCode::OK);
}

#[tokio::test]
async fn delta_updates_leave_out_what_is_known() {
    let (site, mut source) = live();
    source.parts(40);
    let full = site.get("/demo/video0.m3u8").await;
    let delta = site.get("/demo/video0.m3u8?_HLS_skip=YES").await;
    assert!(!full.text().contains("#EXT-X-SKIP"));
    // Segments 0 to 11 are whole, 12 has half a second: 6 s of them stay.
    assert!(
        delta.text().contains("#EXT-X-SKIP:SKIPPED-SEGMENTS=6\n"),
        "{}",
        delta.text()
    );
    assert!(full.text().contains("/s5.m4s") && !delta.text().contains("/s5.m4s"));
    assert!(delta.text().contains("/s6.m4s"));
    assert!(
        delta.uri("#EXT-X-MAP:").ends_with("/init0.mp4"),
        "what is listed can be played by itself"
    );
}

#[tokio::test]
async fn a_publisher_that_returns_in_time_goes_on() {
    let (site, source) = live();
    let waiting = site
        .waiting("/demo/video0.m3u8?_HLS_msn=3&_HLS_part=0")
        .await;
    drop(source);
    let list = site.get("/demo/video0.m3u8").await;
    assert!(
        list.uri("#EXTINF:").ends_with("/s2.m4s"),
        "the rest of it is whole"
    );
    assert!(!list.text().contains("ENDLIST"));
    assert!(site.origin.is_ready("demo"));

    let mut source = Source::start(site.origin.open("demo"));
    source.parts(5);
    let list = waiting.await;
    assert_eq!(list.status, StatusCode::OK);
    let (_, after) = list.text().split_once("#EXT-X-DISCONTINUITY\n").unwrap();
    assert!(
        after.contains("/init1.mp4") && after.contains("/p10.m4s"),
        "{after}"
    );
}

#[tokio::test]
async fn a_stream_is_gone_after_the_grace_period() {
    let config = OriginConfig {
        grace: Duration::from_millis(200),
        ..OriginConfig::default()
    };
    let site = Site::new(config);
    let mut source = Source::start(site.origin.open("demo"));
    source.parts(10);
    let first = site.get("/demo/video0.m3u8").await;
    let mut changes = site.origin.changes();
    let waiting = site
        .waiting("/demo/video0.m3u8?_HLS_msn=2&_HLS_part=3")
        .await;
    drop(source);
    changes.changed().await.unwrap();
    waiting
        .await
        .check_problem(StatusCode::NOT_FOUND, ErrorCode::NotFound);
    assert!(!site.origin.is_ready("demo"));
    let old = format!("/demo/{}", first.uri("#EXTINF:"));
    for path in ["/demo/master.m3u8", "/demo/video0.m3u8", &old] {
        site.get(path)
            .await
            .check_problem(StatusCode::NOT_FOUND, ErrorCode::NotFound);
    }
    // What comes then under the same name has other addresses: caches keep the old ones for long.
    let mut source = Source::start(site.origin.open("demo"));
    source.parts(10);
    let second = site.get("/demo/video0.m3u8").await;
    assert!(second.text().contains("#EXT-X-MEDIA-SEQUENCE:0\n"));
    assert_ne!(second.uri("#EXT-X-MAP:"), first.uri("#EXT-X-MAP:"));
    assert_eq!(site.get(&old).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_newest_writer_has_the_stream() {
    let (site, mut old) = live();
    let mut new = Source::start(site.origin.open("demo"));
    new.parts(5);
    let before = site.get("/demo/video0.m3u8").await;
    old.parts(5);
    drop(old);
    assert_eq!(site.get("/demo/video0.m3u8").await.body, before.body);
    new.parts(1);
    assert_ne!(site.get("/demo/video0.m3u8").await.body, before.body);
}

#[tokio::test]
async fn other_methods_are_refused() {
    let (site, _source) = live();
    for method in [Method::POST, Method::PUT, Method::DELETE] {
        let request = Request::builder().method(method).uri("/demo/video0.m3u8");
        let reply = site.ask(request.body(Body::empty()).unwrap()).await;
        assert_eq!(reply.status, StatusCode::METHOD_NOT_ALLOWED);
    }
}
