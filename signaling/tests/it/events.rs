use std::time::Duration;

use axum::body::Bytes;
use futures_util::StreamExt;
use reqwest::{Method, Response, header};
use weir_db::Db;
use weir_media::{HlsOutput, HlsTrack, HlsTracks, HlsVideo};
use weir_protocol::{ErrorCode, IngestProtocol, StreamEvent};
use weir_signaling::keys;

use crate::server::{Server, problem, soon};

/// Reads server-sent events.
struct Events {
    response: futures_util::stream::BoxStream<'static, reqwest::Result<Bytes>>,
    buffer: String,
}

impl Events {
    fn new(response: Response) -> Self {
        assert_eq!(response.status(), 200);
        assert_eq!(
            response.headers()[header::CONTENT_TYPE],
            "text/event-stream"
        );
        assert_eq!(response.headers()[header::CACHE_CONTROL], "no-cache");
        Self {
            response: response.bytes_stream().boxed(),
            buffer: String::new(),
        }
    }

    /// The next event; none when the server has ended the stream.
    async fn next(&mut self) -> Option<StreamEvent> {
        loop {
            if let Some((event, rest)) = self.buffer.split_once("\n\n") {
                let mut lines = event.lines();
                let (name, data) = (
                    lines.next().unwrap().to_owned(),
                    lines.next().map(str::to_owned),
                );
                self.buffer = rest.to_owned();
                if name.starts_with(':') {
                    continue;
                }
                assert_eq!(name, "event: stream");
                let data = data.unwrap();
                return Some(serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap());
            }
            match soon("an event", self.response.next()).await {
                Some(chunk) => self
                    .buffer
                    .push_str(std::str::from_utf8(&chunk.unwrap()).unwrap()),
                None => return None,
            }
        }
    }

    async fn until(&mut self, what: &str, wanted: impl Fn(&StreamEvent) -> bool) -> StreamEvent {
        loop {
            let event = self
                .next()
                .await
                .unwrap_or_else(|| panic!("ended before: {what}"));
            if wanted(&event) {
                return event;
            }
        }
    }
}

#[tokio::test]
async fn events_tell_of_live_and_offline() {
    let server = Server::start().await;
    let stream = server.stream("demo").await;
    let mut events = Events::new(server.get("/api/v1/streams/demo/events").await);
    let first = events.next().await.unwrap();
    assert!(!first.live);
    assert_eq!(
        (first.slug.as_str(), first.title.as_str()),
        ("demo", "A title")
    );

    let broadcast = server.live.begin(&stream.row, IngestProtocol::Rtmp);
    let live = events.until("live", |event| event.live).await;
    assert_eq!(live.protocol, Some(IngestProtocol::Rtmp));
    assert!(live.started_at.unwrap() > 1_600_000_000_000);

    broadcast.end();
    let offline = events.until("offline", |event| !event.live).await;
    assert_eq!((offline.protocol, offline.started_at), (None, None));

    // A stopping server ends the stream, so that it can stop.
    server.draining.cancel();
    assert!(events.next().await.is_none());
}

#[tokio::test]
async fn events_tell_when_hls_is_ready_and_who_watches_it() {
    let server = Server::start().await;
    let stream = server.stream("demo").await;
    let _broadcast = server.live.begin(&stream.row, IngestProtocol::Rtmp);
    let mut events = Events::new(server.get("/api/v1/streams/demo/events").await);
    assert!(!events.next().await.unwrap().hls_ready);

    let mut writer = server.hls.open("demo");
    writer.push(HlsOutput::Start(HlsTracks {
        video: vec![HlsVideo {
            name: "360p".into(),
            codec: "avc1.42e01f".into(),
            width: 640,
            height: 360,
            frame_rate: None,
            bitrate: 500_000,
        }],
        audio: None,
        target_duration: Duration::from_secs(1),
        part_target: Duration::from_millis(200),
    }));
    let track = HlsTrack::BEST;
    writer.push(HlsOutput::Init {
        track,
        data: Bytes::from_static(b"init"),
    });
    for part in 0..25 {
        writer.push(HlsOutput::Part {
            track,
            segment_start: part % 5 == 0,
            independent: part % 5 == 0,
            time: part * 200_000_000,
            duration: Duration::from_millis(200),
            data: Bytes::from_static(b"part"),
        });
    }
    events.until("HLS", |event| event.hls_ready).await;

    let ask = async |agent: &str, path: &str| {
        let request = server.request(Method::GET, &format!("/hls/demo/{path}"));
        let answer = request.header(header::USER_AGENT, agent).send().await;
        let answer = answer.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        answer
    };
    let playlist = ask("a", "master.m3u8").await;
    assert_eq!(playlist.headers()[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*");
    // As players do, again and again: who asked before the broadcast was written down is counted then.
    let mut watched = async |agents: &[&str]| loop {
        for agent in agents {
            ask(agent, "master.m3u8").await;
        }
        let all = |event: &StreamEvent| event.viewers.hls as usize >= agents.len();
        let counted = events.until("the viewers", all);
        if let Ok(event) = tokio::time::timeout(Duration::from_secs(1), counted).await {
            break (event.viewers.webrtc, event.viewers.hls);
        }
    };
    assert_eq!(watched(&["a"]).await, (0, 1));
    // One player asks for all of its playlists, and media is no sign of a viewer.
    let list = ask("a", "video0.m3u8").await.text().await.unwrap();
    let (_, segment) = list.rsplit_once("#EXTINF:").unwrap();
    ask("b", segment.lines().nth(1).unwrap()).await;
    assert_eq!(watched(&["a", "c"]).await, (0, 2));
    drop(writer);
}

#[tokio::test]
async fn a_broadcast_outlives_its_publishers_connection() {
    let server = Server::start_with_grace(Duration::from_secs(2)).await;
    let stream = server.stream("demo").await;
    let mut events = Events::new(server.get("/api/v1/streams/demo/events").await);
    let first = server.live.begin(&stream.row, IngestProtocol::Rtmp);
    let live = events.until("live", |event| event.live).await;
    assert_eq!(live.reconnecting_until, None);

    drop(first);
    let broken = events
        .until("the gap", |event| event.reconnecting_until.is_some())
        .await;
    assert!(broken.live);
    assert_eq!(broken.started_at, live.started_at);

    // By the other protocol: the same broadcast.
    let second = server.live.begin(&stream.row, IngestProtocol::Whip);
    let back = events
        .until("the return", |event| event.reconnecting_until.is_none())
        .await;
    assert!(back.live && back.started_at == live.started_at);
    assert_eq!(back.protocol, Some(IngestProtocol::Whip));

    // The end of the grace period of the first gap means nothing any more, that of the second does.
    drop(second);
    let until = events
        .until("the second gap", |event| event.reconnecting_until.is_some())
        .await;
    assert!(until.reconnecting_until >= broken.reconnecting_until);
    events.until("offline", |event| !event.live).await;
    server.draining.cancel();
    server.live.settle().await;
    let rows = server.db.list_broadcasts(stream.row.id, 10).await.unwrap();
    assert_eq!(rows.len(), 1);
    assert!(rows[0].ended_at.is_some());
}

#[tokio::test]
async fn nobody_is_waited_for_under_a_rotated_key() {
    let server = Server::start().await;
    let stream = server.stream("demo").await;
    drop(server.live.begin(&stream.row, IngestProtocol::Rtmp));
    let mut state = server.live.subscribe(&stream.row);
    assert!(state.borrow_and_update().reconnecting_until.is_some());
    let new_key = keys::generate().1;
    let rotated = server.db.rotate_key(&stream.row.slug, new_key).await;
    rotated.unwrap();
    soon("offline", state.wait_for(|state| !state.live))
        .await
        .unwrap();
}

#[tokio::test]
async fn takeover_cancels_the_older_and_stays_live() {
    let server = Server::start().await;
    let stream = server.stream("demo").await;
    let older = server.live.begin(&stream.row, IngestProtocol::Rtmp);
    let newer = server.live.begin(&stream.row, IngestProtocol::Whip);
    assert!(older.cancelled().is_cancelled());
    assert!(!newer.cancelled().is_cancelled());
    drop(older);
    let summary = server.live.summary(&stream.row);
    assert_eq!(
        (summary.live, summary.protocol),
        (true, Some(IngestProtocol::Whip))
    );
    newer.end();
    assert!(!server.live.summary(&stream.row).live);
    server.draining.cancel();
    server.live.settle().await;
    let rows = server.db.list_broadcasts(stream.row.id, 10).await.unwrap();
    assert_eq!(rows.len(), 1, "viewers saw one broadcast");
    assert!(rows.iter().all(|row| row.ended_at.is_some()));
}

#[tokio::test]
async fn events_of_nobody_and_of_the_deleted() {
    let server = Server::start().await;
    let response = server.get("/api/v1/streams/nobody/events").await;
    problem(response, 404, ErrorCode::NotFound).await;

    let stream = server.stream("demo").await;
    let mut events = Events::new(server.get("/api/v1/streams/demo/events").await);
    events.next().await.unwrap();
    let broadcast = server.live.begin(&stream.row, IngestProtocol::Rtmp);
    // As another process does it.
    server.db.delete_stream(&stream.row.slug).await.unwrap();
    soon("the publisher's end", broadcast.cancelled().cancelled()).await;
    while events.next().await.is_some() {}
}

#[tokio::test]
async fn a_key_rotated_by_another_process_ends_the_publisher() {
    let mut server = Server::start().await;
    let stream = server.stream("demo").await;
    let (mut peer, _, broadcast) = server.publish(&stream).await;
    let rtmp = server.stream("rtmp").await;
    let rtmp_broadcast = server.live.begin(&rtmp.row, IngestProtocol::Rtmp);

    let other: Db = server.db.clone();
    let (new_key, new_hash) = keys::generate();
    other.rotate_key(&stream.row.slug, new_hash).await.unwrap();
    soon("the WHIP publisher's end", broadcast.over.cancelled()).await;
    soon("its transport's end", peer.ended()).await;
    assert!(!rtmp_broadcast.cancelled().is_cancelled());
    other
        .rotate_key(&rtmp.row.slug, keys::generate().1)
        .await
        .unwrap();
    soon(
        "the RTMP publisher's end",
        rtmp_broadcast.cancelled().cancelled(),
    )
    .await;

    problem(
        server.post_sdp("/whip", Some(&stream.key), "x").await,
        401,
        ErrorCode::Unauthorized,
    )
    .await;
    let renewed = crate::server::Published {
        row: stream.row,
        key: new_key.reveal().to_owned(),
    };
    let (_peer, _, broadcast) = server.publish(&renewed).await;
    assert!(!broadcast.over.is_cancelled());
}
