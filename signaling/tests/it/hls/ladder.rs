//! Several rungs, of which all but the best are made on demand; DASH; parts of files.

use super::*;

const LOW: HlsTrack = HlsTrack::Video(1);
const PARTS: u64 = 4;

/// What is wanted of the worker, a bit for each rung: the picture that is always there, and everything.
const BEST: u8 = 1;
const LADDER: u8 = u8::MAX;

/// A worker that encodes what it is told to.
struct Worker {
    writer: HlsWriter,
    awake: Vec<HlsTrack>,
    parts: u64,
}

impl Worker {
    fn start(site: &Site) -> Self {
        let video = |name: &str, height| HlsVideo {
            name: name.into(),
            codec: "avc1.42c01e".into(),
            width: height * 16 / 9,
            height,
            frame_rate: Some(30.0),
            bitrate: 2_000 * height,
        };
        let mut worker = Self {
            writer: site.origin.open("demo"),
            awake: vec![HlsTrack::BEST, HlsTrack::Audio],
            parts: 0,
        };
        worker.writer.push(HlsOutput::Start(HlsTracks {
            video: vec![video("720p", 720), video("360p", 360)],
            audio: Some(HlsAudio {
                codec: "mp4a.40.2".into(),
                bitrate: 96_000,
                channels: 2,
            }),
            target_duration: Duration::from_secs(1),
            part_target: Duration::from_millis(250),
        }));
        for track in worker.awake.clone() {
            worker.init(track);
        }
        worker
    }

    fn init(&mut self, track: HlsTrack) {
        let data = Bytes::from(format!("{track:?} init"));
        self.writer.push(HlsOutput::Init { track, data });
    }

    fn segments(&mut self, count: u64) {
        for _ in 0..count * PARTS {
            for track in self.awake.clone() {
                self.writer.push(HlsOutput::Part {
                    track,
                    segment_start: self.parts.is_multiple_of(PARTS),
                    independent: self.parts.is_multiple_of(PARTS),
                    time: self.parts * 250_000_000,
                    duration: Duration::from_millis(250),
                    data: Bytes::from(format!("<{track:?} {}>", self.parts)),
                });
            }
            self.parts += 1;
        }
    }

    fn wake(&mut self) {
        self.init(LOW);
        self.awake.push(LOW);
    }
}

fn live_ladder() -> (Site, Worker) {
    let site = Site::new(OriginConfig {
        rung_kept: Duration::from_millis(800),
        rung_wakes: Duration::from_secs(4),
        ..OriginConfig::default()
    });
    let mut worker = Worker::start(&site);
    worker.segments(3);
    (site, worker)
}

#[tokio::test]
async fn the_ladder_is_made_when_a_player_comes() {
    let (site, mut worker) = live_ladder();
    let mut wanted = worker.writer.wanted();
    assert_eq!(*wanted.borrow_and_update(), BEST);
    let master = site.get("/demo/master.m3u8").await;
    assert!(master.text().contains("\nvideo0.m3u8\n") && master.text().contains("\nvideo1.m3u8\n"));
    assert_eq!(
        *wanted.borrow(),
        BEST,
        "a list of rungs is no wish for them"
    );

    let low = site.waiting("/demo/video1.m3u8").await;
    assert_eq!(*wanted.borrow_and_update(), LADDER);
    let other = site.waiting("/demo/video1.m3u8?_HLS_msn=3").await;
    worker.segments(1);
    worker.wake();
    worker.segments(1);
    let (mut low, mut other) = (low, other);
    assert!(poll!(&mut low).is_pending() && poll!(&mut other).is_pending());
    worker.segments(1);
    for reply in [low.await, other.await] {
        assert_eq!(reply.status, StatusCode::OK);
        assert!(
            reply.text().contains("#EXT-X-MEDIA-SEQUENCE:4\n"),
            "{}",
            reply.text()
        );
        let path = format!("/demo/{}", reply.uri("#EXTINF:"));
        assert!(site.get(&path).await.text().starts_with("<Video(1) 16>"));
    }
    let best = site.get("/demo/video0.m3u8").await;
    assert!(
        best.text()
            .contains("REPORT:URI=\"video1.m3u8\",LAST-MSN=5")
    );

    // Nobody asks any more: it is let go. The next player has the best one at once, and the others soon.
    wanted.wait_for(|rungs| *rungs == BEST).await.unwrap();
    worker.writer.push(HlsOutput::Dormant(LOW));
    let best = site.get("/demo/video0.m3u8").await;
    assert!(!best.text().contains("video1"));
    assert_eq!(*wanted.borrow(), LADDER);
    drop(site.waiting("/demo/video1.m3u8").await);
}

#[tokio::test]
async fn a_rung_that_does_not_come_is_503() {
    let (site, _worker) = live_ladder();
    let reply = site.get("/demo/video1.m3u8").await;
    reply.check_problem(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Unavailable);
    assert!(reply.headers.contains_key(header::RETRY_AFTER));
    let reply = site.get("/demo/video2.m3u8").await;
    reply.check_problem(StatusCode::NOT_FOUND, ErrorCode::NotFound);
}

#[tokio::test]
async fn a_rung_that_the_machine_is_too_slow_for_is_left_out() {
    let (site, mut worker) = live_ladder();
    let waiting = site.waiting("/demo/video1.m3u8").await;
    worker.writer.push(HlsOutput::Withheld(0b10));
    let late = site.get("/demo/video1.m3u8").await;
    for reply in [waiting.await, late] {
        reply.check_problem(StatusCode::NOT_FOUND, ErrorCode::NotFound);
    }
    let master = site.get("/demo/master.m3u8").await;
    assert!(master.text().contains("\nvideo0.m3u8\n") && !master.text().contains("video1"));
    let manifest = site.get("/demo/manifest.mpd").await;
    assert!(
        manifest.text().contains("id=\"video0\"") && !manifest.text().contains("id=\"video1\"")
    );

    worker.writer.push(HlsOutput::Withheld(0));
    let master = site.get("/demo/master.m3u8").await;
    assert!(master.text().contains("\nvideo1.m3u8\n"));
    let low = site.waiting("/demo/video1.m3u8").await;
    worker.wake();
    worker.segments(2);
    assert_eq!(low.await.status, StatusCode::OK);
}

#[tokio::test]
async fn dash_players_get_the_whole_ladder() {
    let (site, mut worker) = live_ladder();
    let wanted = worker.writer.wanted();
    let waiting = site.waiting("/demo/manifest.mpd").await;
    assert_eq!(*wanted.borrow(), LADDER);
    worker.wake();
    worker.segments(2);
    let reply = waiting.await;
    assert_eq!(reply.status, StatusCode::OK);
    assert_eq!(reply.header(header::CONTENT_TYPE), "application/dash+xml");
    let text = reply.text();
    assert_eq!(text.matches("<Representation ").count(), 3, "{text}");
    // Everything that it names is there.
    for name in ["video0", "video1", "audio"] {
        let (_, from) = text.split_once(&format!("id=\"{name}\"")).unwrap();
        let attribute = |name: &str| {
            let (_, from) = from.split_once(&format!("{name}=\"")).unwrap();
            from.split_once('"').unwrap().0.to_owned()
        };
        let start: u64 = attribute("startNumber").parse().unwrap();
        let timeline = from.split_once("</SegmentTimeline>").unwrap().0;
        let count = timeline.matches("<S ").count() as u64;
        let init = site
            .get(&format!("/demo/{}", attribute("initialization")))
            .await;
        assert!(init.text().ends_with("init"));
        for number in start..start + count {
            let media = attribute("media").replace("$Number$", &number.to_string());
            let reply = site.get(&format!("/demo/{media}")).await;
            let first = format!(" {}>", number * PARTS);
            assert!(reply.text().contains(&first), "{media}: {}", reply.text());
        }
    }
    let time = site.get("/demo/time").await;
    assert_eq!(time.header(header::CACHE_CONTROL), "no-store");
    assert!(time.text().ends_with('Z') && time.text().starts_with("20"));
    // A rung that does not come does not keep the others from playing.
    worker.writer.push(HlsOutput::Dormant(LOW));
    let reply = site.get("/demo/manifest.mpd").await;
    assert_eq!(reply.text().matches("<Representation ").count(), 2);
}

#[tokio::test]
async fn parts_of_a_segment_can_be_asked_for() {
    let (site, _worker) = live_ladder();
    let list = site.get("/demo/video0.m3u8").await;
    let path = format!("/demo/{}", list.uri("#EXTINF:"));
    let whole = site.get(&path).await;
    assert_eq!(whole.header(header::ACCEPT_RANGES), "bytes");
    let ask = async |range: &str| {
        let request = Request::get(&path).header(header::RANGE, range);
        site.ask(request.body(Body::empty()).unwrap()).await
    };
    // Across the border of two parts.
    let some = ask("bytes=10-20").await;
    assert_eq!(some.status, StatusCode::PARTIAL_CONTENT);
    assert_eq!(some.body, whole.body.slice(10..21));
    assert_eq!(some.header(header::CONTENT_LENGTH), "11");
    let of = format!("bytes 10-20/{}", whole.body.len());
    assert_eq!(some.header(header::CONTENT_RANGE), of);
    let beyond = ask("bytes=9999-").await;
    assert_eq!(beyond.status, StatusCode::RANGE_NOT_SATISFIABLE);
    let of = format!("bytes */{}", whole.body.len());
    assert_eq!(beyond.header(header::CONTENT_RANGE), of);
    assert_eq!(ask("bytes=0-1,5-6").await.body, whole.body);
}
