//! Viewer sessions and what is summed up of them.

use weir_db::{
    BroadcastId, DAY_MS, Figures, Grain, HOUR_MS, MINUTE_MS, NewUser, Participation, Role,
    StreamId, StreamMinute, UserId, ViewProtocol, ViewerSession, ViewerSessionId,
};
use weir_protocol::IngestProtocol::Whip;

use crate::fixture::{TestDb, make_stream, on_both};

on_both!(
    sessions_are_written_as_they_go_on,
    open_sessions_end_where_they_were_seen_last,
    sessions_of_what_is_gone_are_left_out,
    a_day_has_one_salt,
    minutes_add_up_to_hours_and_days,
    a_minute_written_twice_is_added,
    broadcasts_are_summed_up,
    creators_see_all_their_streams,
    activity_is_kept_per_user,
    the_old_goes_in_batches,
);

fn session(stream: StreamId, broadcast: Option<BroadcastId>, viewer: &str) -> ViewerSession {
    ViewerSession {
        id: ViewerSessionId::begin(),
        stream_id: stream,
        broadcast_id: broadcast,
        user_id: None,
        protocol: ViewProtocol::WebRtc,
        viewer: viewer.into(),
        agent: "Firefox".into(),
        started_at: 1_000,
        seen_at: 31_000,
        ended_at: None,
        layers: "{}".into(),
        stalls: 0,
        stall_ms: 0,
        delay_ms: None,
        loss: None,
        join_ms: None,
    }
}

async fn user(test: &TestDb, name: &str) -> UserId {
    let new = NewUser {
        name: name.into(),
        password_hash: "x".into(),
        role: Role::Attendee,
    };
    test.db.create_user(new).await.unwrap().id
}

async fn sessions_are_written_as_they_go_on(test: TestDb) {
    let db = &test.db;
    let stream = make_stream(db, "demo").await.id;
    let broadcast = db.begin_broadcast(stream, Whip).await.unwrap().id;
    let ann = user(&test, "ann").await;
    let mut one = session(stream, None, "a");
    let other = session(stream, Some(broadcast), "b");
    db.put_viewer_sessions(&[one.clone(), other.clone()])
        .await
        .unwrap();
    one.broadcast_id = Some(broadcast);
    one.user_id = Some(ann);
    one.seen_at = 61_000;
    one.ended_at = Some(61_000);
    one.layers = r#"{"720p":60000}"#.into();
    (one.stalls, one.stall_ms, one.delay_ms) = (2, 900, Some(180));
    (one.loss, one.join_ms) = (Some(0.25), Some(420));
    db.put_viewer_sessions(std::slice::from_ref(&one))
        .await
        .unwrap();
    let listed = db
        .list_viewer_sessions(stream, None, None, 10)
        .await
        .unwrap();
    assert_eq!(
        listed,
        [(other.clone(), None), (one.clone(), Some("ann".into()))]
    );
    let page = db
        .list_viewer_sessions(stream, Some(broadcast), Some(other.id), 1)
        .await
        .unwrap();
    assert_eq!(page, [(one, Some("ann".into()))]);
    // A batch is more than one statement takes.
    let many: Vec<ViewerSession> = (0..1_201)
        .map(|n| session(stream, None, &n.to_string()))
        .collect();
    db.put_viewer_sessions(&many).await.unwrap();
    let listed = db
        .list_viewer_sessions(stream, None, None, 2_000)
        .await
        .unwrap();
    assert_eq!(listed.len(), 1_203);
}

async fn open_sessions_end_where_they_were_seen_last(test: TestDb) {
    let db = &test.db;
    let stream = make_stream(db, "demo").await.id;
    let broadcast = db.begin_broadcast(stream, Whip).await.unwrap().id;
    db.put_viewer_sessions(&[session(stream, Some(broadcast), "a")])
        .await
        .unwrap();
    assert_eq!(db.broadcasts_to_sum_up().await.unwrap(), [broadcast]);
    assert_eq!(db.end_open_viewer_sessions().await.unwrap(), 1);
    assert_eq!(db.end_open_viewer_sessions().await.unwrap(), 0);
    assert_eq!(db.broadcasts_to_sum_up().await.unwrap(), []);
    let listed = db
        .list_viewer_sessions(stream, None, None, 10)
        .await
        .unwrap();
    assert_eq!(listed[0].0.ended_at, Some(31_000));
}

async fn sessions_of_what_is_gone_are_left_out(test: TestDb) {
    let db = &test.db;
    let gone = make_stream(db, "gone").await;
    let broadcast = db.begin_broadcast(gone.id, Whip).await.unwrap().id;
    let kept = make_stream(db, "kept").await.id;
    db.delete_stream(&gone.slug).await.unwrap();
    let mut one = session(kept, Some(broadcast), "a");
    one.user_id = Some("17".parse().unwrap());
    db.put_viewer_sessions(&[session(gone.id, None, "b"), one.clone()])
        .await
        .unwrap();
    (one.broadcast_id, one.user_id) = (None, None);
    let listed = db.list_viewer_sessions(kept, None, None, 10).await.unwrap();
    assert_eq!(listed, [(one, None)]);
    let minute = StreamMinute {
        stream_id: gone.id,
        at: 0,
        figures: Figures::default(),
    };
    db.add_stream_minutes(&[minute]).await.unwrap();
    let said = Participation {
        broadcast_id: broadcast,
        user_id: "17".parse().unwrap(),
        at: 1,
        messages: 1,
        reactions: 0,
    };
    db.add_participation(&[said]).await.unwrap();
}

async fn a_day_has_one_salt(test: TestDb) {
    let db = &test.db;
    assert_eq!(db.viewer_salt(1, "one").await.unwrap(), "one");
    assert_eq!(db.viewer_salt(1, "other").await.unwrap(), "one");
    assert_eq!(db.viewer_salt(2, "two").await.unwrap(), "two");
    // The first day's is gone for good.
    assert_eq!(db.viewer_salt(1, "new").await.unwrap(), "new");
}

fn minute(stream: StreamId, at: i64, figures: Figures) -> StreamMinute {
    StreamMinute {
        stream_id: stream,
        at,
        figures,
    }
}

async fn minutes_add_up_to_hours_and_days(test: TestDb) {
    let db = &test.db;
    let stream = make_stream(db, "demo").await.id;
    let other = make_stream(db, "other").await.id;
    let day = 20_000 * DAY_MS;
    let figures = |n: i64| Figures {
        live_ms: MINUTE_MS,
        webrtc_ms: n * 1_000,
        hls_ms: 500,
        peak: n,
        joins: 1,
        delay_ms: 100 * n,
        delays: n,
        loss: 0.5,
        losses: 2,
        messages: 3,
        ..Figures::default()
    };
    let mut minutes: Vec<StreamMinute> = (0..120)
        .map(|n| minute(stream, day + n * MINUTE_MS, figures(n % 60)))
        .collect();
    minutes.push(minute(other, day, figures(7)));
    minutes.push(minute(stream, day + DAY_MS, figures(9)));
    db.add_stream_minutes(&minutes).await.unwrap();
    db.roll_up_hours().await.unwrap();
    // Again: the newest hour is replaced by the same.
    db.roll_up_hours().await.unwrap();

    let series = |from, to, grain| db.stream_series(stream, from, to, grain);
    let read = series(day, day + 3 * MINUTE_MS, Grain::Minute)
        .await
        .unwrap();
    assert_eq!(read, minutes[..3]);
    let hours = series(day, day + DAY_MS, Grain::Hour).await.unwrap();
    assert_eq!(hours.len(), 2);
    assert_eq!((hours[0].at, hours[1].at), (day, day + HOUR_MS));
    let hour = hours[0].figures;
    assert_eq!(hours[1].figures, hour);
    assert_eq!((hour.live_ms, hour.webrtc_ms), (HOUR_MS, 1_770_000));
    assert_eq!((hour.peak, hour.joins, hour.messages), (59, 60, 180));
    // Σ 100 n² / Σ n over n < 60.
    assert_eq!((hour.delay_ms, hour.delays), (3_966, 1_770));
    assert!((hour.loss - 0.5).abs() < 1e-9);
    let days = series(day, day + 2 * DAY_MS, Grain::Day).await.unwrap();
    assert_eq!(days.len(), 2);
    assert_eq!(days[0].figures.webrtc_ms, 2 * 1_770_000);
    assert_eq!(days[1].figures.peak, 9);

    db.add_stream_minutes(&[minute(stream, day + DAY_MS + MINUTE_MS, figures(5))])
        .await
        .unwrap();
    db.roll_up_hours().await.unwrap();
    let later = series(day + DAY_MS, day + 2 * DAY_MS, Grain::Hour)
        .await
        .unwrap();
    assert_eq!(later[0].figures.webrtc_ms, 14_000);
}

async fn a_minute_written_twice_is_added(test: TestDb) {
    let db = &test.db;
    let stream = make_stream(db, "demo").await.id;
    let part = |peak, delay_ms, delays| {
        minute(
            stream,
            0,
            Figures {
                live_ms: 20_000,
                peak,
                delay_ms,
                delays,
                loss: 0.1,
                losses: delays,
                joins: 1,
                ..Figures::default()
            },
        )
    };
    for part in [part(3, 100, 1), part(2, 0, 0), part(1, 400, 2)] {
        db.add_stream_minutes(&[part]).await.unwrap();
    }
    let read = db
        .stream_series(stream, 0, 1, Grain::Minute)
        .await
        .unwrap()
        .remove(0)
        .figures;
    assert_eq!((read.live_ms, read.peak, read.joins), (60_000, 3, 3));
    assert_eq!((read.delay_ms, read.delays), (300, 3));
    assert!((read.loss - 0.1).abs() < 1e-9);
}

async fn broadcasts_are_summed_up(test: TestDb) {
    let db = &test.db;
    let stream = make_stream(db, "demo").await.id;
    let broadcast = db.begin_broadcast(stream, Whip).await.unwrap();
    let empty = db.begin_broadcast(stream, Whip).await.unwrap();
    let ann = user(&test, "ann").await;
    let mut sessions: Vec<ViewerSession> = ["a", "a", "b"]
        .into_iter()
        .map(|viewer| session(stream, Some(broadcast.id), viewer))
        .collect();
    sessions[0].protocol = ViewProtocol::Hls;
    sessions[0].ended_at = Some(11_000);
    sessions[1].delay_ms = Some(100);
    sessions[2].delay_ms = Some(300);
    for known in &mut sessions[1..] {
        known.user_id = Some(ann);
        known.stalls = 2;
        known.loss = Some(0.2);
    }
    db.put_viewer_sessions(&sessions).await.unwrap();
    let said = Participation {
        broadcast_id: broadcast.id,
        user_id: ann,
        at: 40_000,
        messages: 4,
        reactions: 1,
    };
    db.add_participation(&[said]).await.unwrap();
    let day = broadcast.started_at - broadcast.started_at % DAY_MS;
    for _ in 0..2 {
        db.sum_up_broadcasts(&[broadcast.id, empty.id], day)
            .await
            .unwrap();
    }
    let (report, slug) = db.broadcast_report(broadcast.id).await.unwrap().unwrap();
    assert_eq!(slug, "demo");
    assert_eq!(report.broadcast, broadcast);
    let totals = report.totals;
    assert_eq!((totals.sessions, totals.viewers), (3, 2));
    assert_eq!((totals.hls_ms, totals.webrtc_ms), (10_000, 60_000));
    assert_eq!((totals.stalls, totals.delay_ms), (4, Some(200)));
    assert!((totals.loss.unwrap() - 0.2).abs() < 1e-9);
    assert_eq!((totals.messages, totals.chatters), (4, 1));
    assert_eq!(totals.reactions, 1);
    let range = (0, i64::MAX);
    let all = db
        .list_broadcast_reports(stream, range, None, 10)
        .await
        .unwrap();
    assert_eq!(all.len(), 2);
    assert!(all.contains(&report));
    let first = &all[0].broadcast;
    let rest = db
        .list_broadcast_reports(stream, range, Some((first.started_at, first.id.get())), 10)
        .await
        .unwrap();
    assert_eq!(rest, all[1..]);
    assert_eq!(
        db.stream_viewers(stream, day, day + DAY_MS).await.unwrap(),
        2
    );
    assert_eq!(db.stream_chatters(stream, range).await.unwrap(), 1);
    assert_eq!(
        db.broadcast_report("9".parse().unwrap()).await.unwrap(),
        None
    );
}

async fn creators_see_all_their_streams(test: TestDb) {
    let db = &test.db;
    let ann = user(&test, "ann").await;
    let mut streams = Vec::new();
    for name in ["b", "a"] {
        let new = weir_db::NewStream {
            slug: name.parse().unwrap(),
            title: name.to_uppercase(),
            key_hash: weir_db::KeyHash::of(name),
            owner: Some(ann),
        };
        streams.push(db.create_stream(new).await.unwrap().id);
    }
    let others = make_stream(db, "others").await.id;
    let figures = Figures {
        webrtc_ms: 5,
        ..Figures::default()
    };
    let all = [streams[0], streams[1], others];
    let minutes: Vec<StreamMinute> = (0..3)
        .flat_map(|n| all.map(|stream| minute(stream, n * HOUR_MS, figures)))
        .collect();
    db.add_stream_minutes(&minutes).await.unwrap();
    db.roll_up_hours().await.unwrap();
    let report = db.creator_report(ann, (HOUR_MS, DAY_MS)).await.unwrap();
    let names: Vec<&str> = report.iter().map(|stream| &*stream.slug).collect();
    assert_eq!(names, ["a", "b"]);
    assert_eq!(report[0].figures.webrtc_ms, 10);
    assert_eq!(report[0].title, "A");
    assert_eq!(
        db.creator_report(ann, (DAY_MS, 2 * DAY_MS)).await.unwrap(),
        []
    );
}

async fn activity_is_kept_per_user(test: TestDb) {
    let db = &test.db;
    let stream = make_stream(db, "demo").await.id;
    let ann = user(&test, "ann").await;
    let bob = user(&test, "bob").await;
    let mut broadcasts = Vec::new();
    for n in 0..3 {
        let broadcast = db.begin_broadcast(stream, Whip).await.unwrap();
        db.end_broadcast(broadcast.id, 0).await.unwrap();
        let mut session = session(stream, Some(broadcast.id), "a");
        session.user_id = Some(ann);
        session.started_at = 1_000 * (n + 1);
        session.seen_at = session.started_at + 500;
        db.put_viewer_sessions(&[session]).await.unwrap();
        broadcasts.push(broadcast.id);
    }
    db.sum_up_broadcasts(&broadcasts, 0).await.unwrap();
    let said = |messages| Participation {
        broadcast_id: broadcasts[0],
        user_id: bob,
        at: 7_000,
        messages,
        reactions: 2,
    };
    db.add_participation(&[said(1)]).await.unwrap();
    db.add_participation(&[said(2)]).await.unwrap();

    let all = (0, i64::MAX);
    let listed = db.list_activity(ann, all, None, 2).await.unwrap();
    assert_eq!(listed.len(), 2);
    assert_eq!(listed[0].broadcast_id, broadcasts[2]);
    assert_eq!((listed[0].watch_ms, listed[0].sessions), (500, 1));
    let last = &listed[1];
    let rest = db
        .list_activity(ann, all, Some((last.first_at, last.broadcast_id.get())), 2)
        .await
        .unwrap();
    assert_eq!(rest.len(), 1);
    assert_eq!(rest[0].first_at, 1_000);
    let sum = db.sum_activity(ann, (2_000, 10_000), 0).await.unwrap();
    assert_eq!((sum.broadcasts, sum.watch_ms), (2, 1_000));
    let sum = db.sum_activity(bob, all, 0).await.unwrap();
    assert_eq!((sum.messages, sum.reactions, sum.sessions), (3, 4, 0));

    let everybody = db.streams_activity(&[stream], all).await.unwrap();
    assert_eq!(everybody.len(), 4);
    assert_eq!(everybody.iter().filter(|a| a.user == "bob").count(), 1);
    assert_eq!(db.streams_activity(&[], all).await.unwrap(), []);
}

async fn the_old_goes_in_batches(test: TestDb) {
    let db = &test.db;
    let stream = make_stream(db, "demo").await.id;
    let minutes: Vec<StreamMinute> = (0..1_100)
        .map(|n| minute(stream, n * MINUTE_MS, Figures::default()))
        .collect();
    db.add_stream_minutes(&minutes).await.unwrap();
    db.roll_up_hours().await.unwrap();
    let before = 1_000 * MINUTE_MS;
    let mut batches = Vec::new();
    loop {
        match db.forget_stream_minutes(before).await.unwrap() {
            0 => break,
            gone => batches.push(gone),
        }
    }
    assert_eq!(batches, [501, 499]);
    let left = db
        .stream_series(stream, 0, i64::MAX, Grain::Minute)
        .await
        .unwrap();
    assert_eq!(left.len(), 100);
    let hours = db
        .stream_series(stream, 0, i64::MAX, Grain::Hour)
        .await
        .unwrap();
    assert_eq!(hours.len(), 19, "hours stay");

    let sessions: Vec<ViewerSession> = (0..700).map(|_| session(stream, None, "a")).collect();
    db.put_viewer_sessions(&sessions).await.unwrap();
    let now = i64::try_from(
        std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap()
            .as_millis(),
    )
    .unwrap();
    assert_eq!(db.forget_viewer_sessions(now - DAY_MS).await.unwrap(), 0);
    assert_eq!(db.forget_viewer_sessions(now + DAY_MS).await.unwrap(), 500);
    assert_eq!(db.forget_viewer_sessions(now + DAY_MS).await.unwrap(), 200);
    assert_eq!(db.forget_viewer_sessions(now + DAY_MS).await.unwrap(), 0);
}
