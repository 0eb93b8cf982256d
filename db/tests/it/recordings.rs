//! Recordings and clips.

use weir_db::{BroadcastId, ClipId, DbError, NewClip, Recording, RecordingFigures, StreamId};
use weir_protocol::RecordingState;

use crate::{
    fixture::{TestDb, make_stream, on_both},
    people::user,
};

on_both!(
    goes_through_its_states,
    one_at_a_time,
    lists_show_what_is_ready,
    the_oldest_go_first,
    a_stream_that_is_gone_leaves_its_files_to_be_removed,
    clips_are_listed_and_deleted,
);

async fn begun(test: &TestDb, stream: StreamId) -> Recording {
    let db = &test.db;
    db.begin_recording(stream, BroadcastId::begin(), "A title", 5)
        .await
        .unwrap()
}

async fn ready(test: &TestDb, stream: StreamId, ended_at: i64, bytes: i64) -> Recording {
    let row = begun(test, stream).await;
    assert!(test.db.stop_recording(row.id, ended_at).await.unwrap());
    let figures = RecordingFigures {
        duration_ms: 7,
        bytes,
        movies: 1,
    };
    assert!(test.db.recording_ready(row.id, figures).await.unwrap());
    test.db.recording(row.id).await.unwrap().unwrap()
}

async fn goes_through_its_states(test: TestDb) {
    let stream = make_stream(&test.db, "demo").await;
    let row = begun(&test, stream.id).await;
    assert_eq!(row.state, RecordingState::Recording);
    let open = test.db.open_recording(stream.id).await.unwrap();
    assert_eq!(open.as_ref(), Some(&row));
    assert!(
        !test.db.delete_recording(row.id).await.unwrap(),
        "it goes on"
    );
    assert!(test.db.stop_recording(row.id, 9).await.unwrap());
    assert!(!test.db.stop_recording(row.id, 10).await.unwrap());
    let all = async |state| test.db.recordings_in(state, 10).await.unwrap();
    assert_eq!(all(RecordingState::Processing).await.len(), 1);
    let figures = RecordingFigures {
        duration_ms: 7,
        bytes: 8,
        movies: 2,
    };
    assert!(test.db.recording_ready(row.id, figures).await.unwrap());
    let row = test.db.recording(row.id).await.unwrap().unwrap();
    assert_eq!((row.duration_ms, row.bytes, row.movies), (7, 8, 2));
    assert_eq!(row.ended_at, Some(9));
    assert_eq!(test.db.recordings_to_upload(10).await.unwrap().len(), 1);
    assert!(test.db.recording_in_bucket(row.id).await.unwrap());
    assert_eq!(test.db.recordings_to_upload(10).await.unwrap().len(), 0);
    let edited = test.db.edit_recording(row.id, row.version, "New", true);
    assert!(edited.await.unwrap());
    let again = test.db.edit_recording(row.id, row.version, "Other", false);
    assert!(!again.await.unwrap(), "of an older version");
    assert!(test.db.delete_recording(row.id).await.unwrap());
    let deleted = all(RecordingState::Deleted).await;
    assert!(deleted[0].in_bucket && deleted[0].protected);
    test.db.forget_recording(row.id).await.unwrap();
    assert_eq!(test.db.recording(row.id).await.unwrap(), None);
}

async fn one_at_a_time(test: TestDb) {
    let stream = make_stream(&test.db, "demo").await;
    begun(&test, stream.id).await;
    let again = test
        .db
        .begin_recording(stream.id, BroadcastId::begin(), "Again", 5)
        .await;
    assert!(matches!(again, Err(DbError::Conflict { .. })), "{again:?}");
    assert_eq!(test.db.records(stream.id).await.unwrap(), None);
    for wish in [Some(true), Some(false), None] {
        test.db.set_records(stream.id, wish).await.unwrap();
        assert_eq!(test.db.records(stream.id).await.unwrap(), wish);
    }
}

async fn lists_show_what_is_ready(test: TestDb) {
    let stream = make_stream(&test.db, "demo").await;
    let first = ready(&test, stream.id, 10, 1).await;
    let second = ready(&test, stream.id, 20, 1).await;
    let open = begun(&test, stream.id).await;
    let list = async |only_ready, before| {
        let rows = test
            .db
            .recordings_of_stream(stream.id, only_ready, before, 10);
        let rows = rows.await.unwrap();
        rows.iter().map(|row| row.id).collect::<Vec<_>>()
    };
    assert_eq!(list(true, None).await, [second.id, first.id]);
    assert_eq!(list(false, None).await, [open.id, second.id, first.id]);
    assert_eq!(list(true, Some(second.id)).await, [first.id]);
    let known = test.db.known_files(&[first.id.get(), 12345]).await.unwrap();
    assert_eq!(known, [first.id.get()]);
}

async fn the_oldest_go_first(test: TestDb) {
    let stream = make_stream(&test.db, "demo").await;
    let mut rows = Vec::new();
    for ended in [10, 20, 30, 40] {
        rows.push(ready(&test, stream.id, ended, 100).await);
    }
    let kept = &rows[0];
    assert!(
        test.db
            .edit_recording(kept.id, kept.version, "Kept", true)
            .await
            .unwrap()
    );
    // The protected one counts, and stays.
    assert_eq!(test.db.shrink_recordings(300).await.unwrap(), 1);
    let left = async || {
        let rows = test.db.recordings_of_stream(stream.id, true, None, 10);
        let rows = rows.await.unwrap();
        rows.iter()
            .map(|row| row.ended_at.unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(left().await, [40, 30, 10]);
    assert_eq!(test.db.expire_recordings(35).await.unwrap(), 1);
    assert_eq!(left().await, [40, 10]);
}

async fn a_stream_that_is_gone_leaves_its_files_to_be_removed(test: TestDb) {
    let stream = make_stream(&test.db, "demo").await;
    let row = ready(&test, stream.id, 10, 1).await;
    test.db.delete_stream(&stream.slug).await.unwrap();
    test.db.delete_orphans().await.unwrap();
    let deleted = test.db.recordings_in(RecordingState::Deleted, 10).await;
    let deleted = deleted.unwrap();
    assert_eq!(deleted.len(), 1);
    assert_eq!(deleted[0].id, row.id);
}

async fn clips_are_listed_and_deleted(test: TestDb) {
    let stream = make_stream(&test.db, "demo").await;
    let user = user(&test, "ada").await;
    let row = ready(&test, stream.id, 10, 1).await;
    let new = NewClip {
        id: ClipId::begin(),
        stream: stream.id,
        recording: Some(row.id),
        user: user.id,
        title: "A clip".into(),
        duration_ms: 1,
        bytes: 2,
    };
    let clip = test.db.add_clip(&new).await.unwrap();
    assert_eq!(clip.user_name.as_deref(), Some("ada"));
    let list = async || test.db.clips_of_stream(stream.id, None, 10).await.unwrap();
    assert_eq!(list().await, [clip]);
    assert_eq!(test.db.clips_to_upload(10).await.unwrap().len(), 1);
    assert!(test.db.clip_in_bucket(new.id).await.unwrap());
    assert!(test.db.delete_clip(new.id).await.unwrap());
    assert!(!test.db.delete_clip(new.id).await.unwrap());
    assert_eq!(list().await, []);
    assert_eq!(test.db.deleted_clips(10).await.unwrap().len(), 1);
    test.db.forget_clip(new.id).await.unwrap();
    assert_eq!(test.db.deleted_clips(10).await.unwrap(), []);
}
