//! Broadcasts.

use weir_db::DbError;
use weir_protocol::IngestProtocol::{Rtmp, Whip};

use crate::fixture::{TestDb, make_stream, on_both};

on_both!(
    begins_and_ends,
    peak_only_rises,
    open_ones_end_after_a_crash,
    listed_newest_first,
    absent_broadcasts_are_reported,
);

async fn begins_and_ends(test: TestDb) {
    let stream = make_stream(&test.db, "demo").await;
    let begun = test.db.begin_broadcast(stream.id, Whip).await.unwrap();
    assert_eq!((begun.stream_id, begun.protocol), (stream.id, Whip));
    assert_eq!((begun.ended_at, begun.peak_viewers), (None, 0));
    assert_eq!(
        test.db.list_broadcasts(stream.id, 10).await.unwrap(),
        std::slice::from_ref(&begun)
    );

    test.db.end_broadcast(begun.id, 7).await.unwrap();
    let first = test
        .db
        .list_broadcasts(stream.id, 10)
        .await
        .unwrap()
        .remove(0);
    assert!(first.ended_at.unwrap() >= begun.started_at);
    assert_eq!(first.peak_viewers, 7);

    test.db.end_broadcast(begun.id, 3).await.unwrap();
    assert_eq!(
        test.db.list_broadcasts(stream.id, 10).await.unwrap(),
        [first]
    );
}

async fn peak_only_rises(test: TestDb) {
    let stream = make_stream(&test.db, "demo").await;
    let id = test.db.begin_broadcast(stream.id, Rtmp).await.unwrap().id;
    let other = test.db.begin_broadcast(stream.id, Rtmp).await.unwrap();
    for (viewers, peak) in [(5, 5), (2, 5), (0, 5), (u32::MAX, u32::MAX), (6, u32::MAX)] {
        test.db.raise_peak(id, viewers).await.unwrap();
        let listed = test.db.list_broadcasts(stream.id, 10).await.unwrap();
        assert_eq!(
            listed.iter().find(|b| b.id == id).unwrap().peak_viewers,
            peak
        );
        assert!(listed.contains(&other), "the other one is untouched");
    }
}

async fn open_ones_end_after_a_crash(test: TestDb) {
    let stream = make_stream(&test.db, "demo").await;
    let ended = test.db.begin_broadcast(stream.id, Rtmp).await.unwrap();
    test.db.end_broadcast(ended.id, 1).await.unwrap();
    let before = test
        .db
        .list_broadcasts(stream.id, 10)
        .await
        .unwrap()
        .remove(0);
    let open = test.db.begin_broadcast(stream.id, Rtmp).await.unwrap();
    test.db.raise_peak(open.id, 9).await.unwrap();

    assert_eq!(test.db.end_open_broadcasts().await.unwrap(), 1);
    assert_eq!(test.db.end_open_broadcasts().await.unwrap(), 0);

    let listed = test.db.list_broadcasts(stream.id, 10).await.unwrap();
    assert!(listed.contains(&before), "what had ended keeps its end");
    let open = listed.iter().find(|b| b.id == open.id).unwrap();
    assert!(open.ended_at.is_some());
    assert_eq!(open.peak_viewers, 9);
}

async fn listed_newest_first(test: TestDb) {
    let stream = make_stream(&test.db, "demo").await;
    let mut made = Vec::new();
    for _ in 0..5 {
        made.push(test.db.begin_broadcast(stream.id, Rtmp).await.unwrap());
    }
    made.sort_by_key(|b| (b.started_at, b.id));
    made.reverse();
    assert_eq!(test.db.list_broadcasts(stream.id, 10).await.unwrap(), made);
    assert_eq!(
        test.db.list_broadcasts(stream.id, 2).await.unwrap(),
        made[..2]
    );
    assert_eq!(test.db.list_broadcasts(stream.id, 0).await.unwrap(), []);
    let other = make_stream(&test.db, "other").await;
    assert_eq!(test.db.list_broadcasts(other.id, 10).await.unwrap(), []);
}

async fn absent_broadcasts_are_reported(test: TestDb) {
    let elsewhere = TestDb::sqlite().await;
    let stream = make_stream(&elsewhere.db, "demo").await;
    let id = elsewhere
        .db
        .begin_broadcast(stream.id, Rtmp)
        .await
        .unwrap()
        .id;
    for outcome in [
        test.db.raise_peak(id, 1).await,
        test.db.end_broadcast(id, 1).await,
    ] {
        assert!(
            matches!(outcome, Err(DbError::NotFound { what: "broadcast" })),
            "{outcome:?}"
        );
    }
    let begun = test.db.begin_broadcast(stream.id, Rtmp).await.unwrap_err();
    assert!(
        matches!(begun, DbError::NotFound { what: "stream" }),
        "{begun:?}"
    );
}
