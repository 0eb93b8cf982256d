//! The tracker in virtual time.

#![allow(clippy::unwrap_used)]

use weir_sfu::ViewerStats;

use super::*;

/// A whole minute.
const START: i64 = 1_000 * MINUTE_MS;

/// A stream of two of the tracker's words for it.
struct Named {
    id: StreamId,
    slug: StreamSlug,
}

impl Named {
    fn both(&self) -> (StreamId, &StreamSlug) {
        (self.id, &self.slug)
    }
}

fn stream(id: &str) -> Named {
    Named {
        id: id.parse().unwrap(),
        slug: format!("s{id}").parse().unwrap(),
    }
}

fn id(text: &str) -> StreamId {
    text.parse().unwrap()
}

fn broadcast(number: u32) -> BroadcastId {
    number.to_string().parse().unwrap()
}

fn from(agent: &'static str) -> Origin<'static> {
    Origin {
        address: None,
        agent: agent.as_bytes(),
    }
}

fn tracker() -> Tracker {
    Tracker::new(Salt::fresh())
}

impl Tracker {
    /// A viewer who takes 300 ms to connect.
    fn view(&mut self, session: u128, stream: StreamId, at: i64) {
        let arrival = Arrival {
            stream,
            user: None,
            visitor: self.visitor(stream, None, from("x")),
            origin: self.origin(stream, from("x")),
            agent: "Firefox",
            at: at - 300,
        };
        self.arrived(SessionId(session), arrival);
        self.connected(SessionId(session), at);
    }

    fn ended_rows(&mut self, now: i64) -> Vec<ViewerSession> {
        let mut rows = self.take(false, now).sessions;
        rows.retain(|row| row.ended_at.is_some());
        rows
    }
}

fn viewer(session: u128, layer: &str, height: u16, loss: f32) -> ViewerStats {
    ViewerStats {
        session: SessionId(session),
        transcoded: false,
        connected_for: std::time::Duration::ZERO,
        via: None,
        bitrate: 0,
        layer: Some(layer.into()),
        choice: LayerChoice::Auto,
        width: None,
        height: Some(height),
        loss,
        rtt: None,
        estimate: 0,
        nacks: 0,
        retransmissions: 0,
        keyframe_requests: 0,
        dropped: 0,
    }
}

#[test]
fn watch_time_is_exact_and_cut_at_minutes() {
    let mut tracker = tracker();
    let stream = stream("1");
    tracker.started(stream.both(), broadcast(9), START + 10_000);
    tracker.view(1, stream.id, START + 30_000);
    tracker.view(2, stream.id, START + 45_000);
    tracker.left(SessionId(2), START + 75_000);
    tracker.left(SessionId(1), START + 90_000);
    tracker.ended(stream.both(), broadcast(9), START + 100_000);
    let rows = tracker.take(false, START + 200_000);
    let minutes: Vec<_> = rows
        .minutes
        .iter()
        .map(|row| (row.at - START, row.figures.live_ms, row.figures.webrtc_ms))
        .collect();
    assert_eq!(minutes, [(0, 50_000, 45_000), (60_000, 40_000, 45_000)]);
    let peaks: Vec<_> = rows.minutes.iter().map(|row| row.figures.peak).collect();
    assert_eq!(peaks, [2, 2]);
    let joins: Vec<_> = rows.minutes.iter().map(|row| row.figures.joins).collect();
    assert_eq!(joins, [2, 0]);
    let lasted: Vec<_> = rows
        .sessions
        .iter()
        .map(|row| (row.ended_at.unwrap() - row.started_at, row.join_ms))
        .collect();
    assert_eq!(lasted, [(30_000, Some(300)), (60_000, Some(300))]);
    assert!(
        rows.sessions
            .iter()
            .all(|row| row.broadcast_id == Some(broadcast(9)))
    );
    assert_eq!(rows.broadcasts, [broadcast(9)]);
    assert!(tracker.take(false, START + 300_000).minutes.is_empty());
    assert!(tracker.streams.is_empty(), "nothing is kept of it");
}

#[test]
fn who_stays_has_a_session_in_each_broadcast() {
    let mut tracker = tracker();
    let stream = stream("1");
    // The viewer is there before the broadcast's row is written.
    tracker.view(1, stream.id, START);
    tracker.started(stream.both(), broadcast(1), START + 100);
    tracker.ended(stream.both(), broadcast(1), START + 10_000);
    tracker.started(stream.both(), broadcast(2), START + 20_000);
    tracker.left(SessionId(1), START + 25_000);
    let rows = tracker.ended_rows(START + 26_000);
    let all: Vec<_> = rows
        .iter()
        .map(|row| {
            (
                row.broadcast_id,
                row.started_at - START,
                row.ended_at.unwrap() - START,
            )
        })
        .collect();
    assert_eq!(
        all,
        [
            (Some(broadcast(1)), 0, 10_000),
            (Some(broadcast(2)), 20_000, 25_000)
        ]
    );
    let minutes = tracker.take(true, START + 30_000).minutes;
    assert_eq!(minutes[0].figures.webrtc_ms, 15_000);
    assert_eq!(minutes[0].figures.live_ms, 19_900);
}

#[test]
fn hls_goes_by_playlist_requests() {
    let mut tracker = tracker();
    let stream = stream("1");
    tracker.asked_for_playlist("s1", from("Safari/1"), START);
    assert!(tracker.watchers.is_empty(), "it is not on the air");
    tracker.started(stream.both(), broadcast(1), START);
    for second in 0..20 {
        tracker.asked_for_playlist("s1", from("Safari/1"), START + second * 1_000);
        tracker.asked_for_playlist("s1", from("VLC/3"), START + second * 500);
        tracker.tick(START + second * 1_000);
    }
    tracker.tick(START + 28_999);
    let rows = tracker.ended_rows(START + 29_000);
    let lasted: Vec<_> = rows
        .iter()
        .map(|row| (&*row.agent, row.ended_at.unwrap() - START))
        .collect();
    assert_eq!(lasted, [("VLC", 9_500), ("Safari", 19_000)]);
    assert!(rows.iter().all(|row| row.protocol == ViewProtocol::Hls));
    assert_ne!(rows[0].viewer, rows[1].viewer);
}

#[test]
fn who_falls_back_to_hls_and_returns_is_one_viewer() {
    let mut tracker = tracker();
    let stream = stream("1");
    tracker.started(stream.both(), broadcast(1), START);
    tracker.view(1, stream.id, START);
    tracker.asked_for_playlist("s1", from("VLC/3"), START);
    // No pictures over WebRTC: HLS meanwhile, behind a session that is still there.
    for second in 5..12 {
        tracker.asked_for_playlist("s1", from("x"), START + second * 1_000);
        tracker.asked_for_playlist("s1", from("VLC/3"), START + second * 1_000);
        assert_eq!(tracker.over_hls(stream.id), 1);
    }
    // The session is given up, and another connects.
    tracker.left(SessionId(1), START + 15_000);
    assert_eq!(tracker.over_hls(stream.id), 2);
    tracker.asked_for_playlist("s1", from("VLC/3"), START + 16_000);
    tracker.view(2, stream.id, START + 17_000);
    assert_eq!(tracker.over_hls(stream.id), 1);
    tracker.tick(START + 22_000);
    tracker.left(SessionId(2), START + 27_000);
    tracker.tick(START + 27_000);
    assert_eq!(tracker.over_hls(stream.id), 0);

    let rows = tracker.take(true, START + 27_000);
    let figures = rows.minutes[0].figures;
    assert_eq!((figures.peak, figures.joins), (2, 3));
    assert_eq!((figures.webrtc_ms, figures.hls_ms), (25_000, 29_000));
    let viewers: HashSet<_> = rows.sessions.iter().map(|row| &row.viewer).collect();
    assert_eq!((rows.sessions.len(), viewers.len()), (4, 2));
    assert!(tracker.connected.is_empty());
}

#[test]
fn players_are_believed_within_reason() {
    let mut tracker = tracker();
    let stream = stream("1");
    tracker.started(stream.both(), broadcast(1), START);
    tracker.view(1, stream.id, START);
    let key = Key::WebRtc(SessionId(1));
    let say = |stalls, stall_ms, delay| QoeReport {
        session: None,
        join_ms: Some(420),
        stalls,
        stall_ms,
        delay_ms: Some(delay),
    };
    let report = |tracker: &mut Tracker, said: QoeReport, second: i64| {
        tracker.report(key, id("1"), None, &said, START + second * 1_000)
    };
    assert_eq!(report(&mut tracker, say(1, 500, 100), 10), Some(true));
    // The same again changes nothing, and counters do not go back.
    assert_eq!(report(&mut tracker, say(1, 500, 300), 20), Some(true));
    assert_eq!(report(&mut tracker, say(0, 0, 200), 30), Some(true));
    // No more stalled time than time.
    assert_eq!(report(&mut tracker, say(3, 3_600_000, 250), 40), Some(true));
    let quality = tracker.quality(SessionId(1)).unwrap();
    assert_eq!((quality.stalls, quality.stall_ms), (3, 40_000));
    assert_eq!((quality.delay_ms, quality.join_ms), (Some(250), Some(420)));
    // Six at once, of which the last was one.
    let outcomes: Vec<_> = (0..9)
        .map(|_| report(&mut tracker, say(3, 1, 1), 41).unwrap())
        .collect();
    assert_eq!(
        outcomes.iter().filter(|taken| **taken).count(),
        5,
        "{outcomes:?}"
    );
    assert_eq!(report(&mut tracker, say(3, 1, 1), 60), Some(true));
    let other = say(0, 0, 0);
    assert_eq!(tracker.report(key, id("2"), None, &other, START), None);
    let nobody = Key::WebRtc(SessionId(2));
    assert_eq!(tracker.report(nobody, id("1"), None, &other, START), None);

    let minutes = tracker.take(true, START + 61_000).minutes;
    let figures = minutes[0].figures;
    assert_eq!((figures.stalls, figures.stall_ms), (3, 40_000));
    // The last report falls into the next minute.
    assert_eq!(figures.delays, 9);
}

#[test]
fn time_counts_for_the_layer_that_was_sent() {
    let mut tracker = tracker();
    let stream = stream("1");
    tracker.started(stream.both(), broadcast(1), START);
    tracker.view(1, stream.id, START);
    let sample = |tracker: &mut Tracker, second: i64, layer: &str, height| {
        let stats = StreamStats {
            layers: Vec::new(),
            viewers: vec![viewer(1, layer, height, 0.5), viewer(7, "q", 180, 1.0)],
        };
        tracker.sample(id("1"), &stats, START + second * 1_000);
    };
    sample(&mut tracker, 5, "f", 720);
    sample(&mut tracker, 10, "q", 180);
    sample(&mut tracker, 15, "q", 180);
    tracker.left(SessionId(1), START + 17_000);
    let row = tracker.ended_rows(START + 20_000).remove(0);
    assert_eq!(row.layers, r#"{"180p":7000,"720p":10000}"#);
    assert_eq!(row.loss, Some(0.5));
    let figures = tracker.take(true, START + 60_000).minutes[0].figures;
    assert_eq!((figures.losses, figures.loss), (3, 0.5));
}

#[test]
fn who_never_connects_is_counted_as_such() {
    let mut tracker = tracker();
    let stream = stream("1");
    let arrival = Arrival {
        stream: stream.id,
        user: None,
        visitor: tracker.visitor(stream.id, None, from("x")),
        origin: tracker.origin(stream.id, from("x")),
        agent: "other",
        at: START,
    };
    tracker.arrived(SessionId(1), arrival);
    tracker.tick(START + 59_000);
    tracker.tick(START + 60_000);
    tracker.connected(SessionId(1), START + 61_000);
    let minutes = tracker.take(true, START + 62_000).minutes;
    assert_eq!(minutes.len(), 1);
    assert_eq!(
        (minutes[0].figures.failed_joins, minutes[0].figures.joins),
        (1, 0)
    );
}

#[test]
fn chat_counts_for_streams_and_users() {
    let mut tracker = tracker();
    let stream = stream("1");
    let ann: UserId = "5".parse().unwrap();
    tracker.said(stream.id, Some(ann), Said::Message, START);
    tracker.started(stream.both(), broadcast(1), START + 1_000);
    for second in 2..5 {
        tracker.said(stream.id, Some(ann), Said::Message, START + second * 1_000);
    }
    tracker.said(stream.id, None, Said::Reaction, START + 5_000);
    let rows = tracker.take(true, START + 6_000);
    let figures = rows.minutes[0].figures;
    assert_eq!((figures.messages, figures.reactions), (4, 1));
    let said = Participation {
        broadcast_id: broadcast(1),
        user_id: ann,
        at: START + 4_000,
        messages: 3,
        reactions: 0,
    };
    assert_eq!(rows.participation, [said]);
}

#[test]
fn what_could_not_be_written_is_given_out_again() {
    let mut tracker = tracker();
    let stream = stream("1");
    tracker.started(stream.both(), broadcast(1), START);
    tracker.view(1, stream.id, START);
    tracker.view(2, stream.id, START);
    tracker.left(SessionId(1), START + 50_000);
    let rows = tracker.take(false, START + 61_000);
    let (sessions, minutes) = (rows.sessions.len(), rows.minutes.clone());
    assert_eq!((sessions, minutes.len()), (2, 1));
    tracker.put_back(rows);
    let again = tracker.take(false, START + 62_000);
    assert_eq!((again.sessions.len(), again.minutes), (sessions, minutes));
    assert_eq!(again.broadcasts, [broadcast(1)]);
    tracker.forget(stream.both());
    let rows = tracker.take(true, START + 63_000);
    assert!(rows.sessions.is_empty() && rows.minutes.is_empty());
}

#[test]
fn what_carries_the_media_is_counted_for_an_hour() {
    let mut tracker = tracker();
    let stream = stream("1");
    tracker.started(stream.both(), broadcast(9), START);
    tracker.view(1, stream.id, START);
    tracker.view(2, stream.id, START);
    let origin = Origin {
        address: None,
        agent: b"hls",
    };
    tracker.asked_for_playlist("s1", origin, START);
    let sampled = |session, via| ViewerStats {
        via: Some(via),
        ..viewer(session, "", 720, 0.0)
    };
    let stats = StreamStats {
        viewers: vec![sampled(1, Via::Udp), sampled(2, Via::Relay)],
        ..StreamStats::default()
    };
    tracker.tick(START);
    tracker.sample(stream.id, &stats, START);
    tracker.tick(START + 5_000);
    let used = tracker.transports(START + 5_000);
    assert_eq!((used.udp_ms, used.turn_ms, used.tcp_ms), (5_000, 5_000, 0));
    tracker.arrived(
        SessionId(3),
        Arrival {
            stream: stream.id,
            user: None,
            visitor: tracker.visitor(stream.id, None, origin),
            origin: tracker.origin(stream.id, origin),
            agent: "Other",
            at: START,
        },
    );
    tracker.tick(START + 61_000);
    assert_eq!(tracker.transports(START + 61_000).failed, 1);
    let later = tracker.transports(START + 2 * 60 * 60_000);
    assert_eq!(later, TransportsInUse::default());
}
