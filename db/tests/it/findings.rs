//! What was wrong with broadcasts.

use weir_db::{FindingRow, new_finding_id};
use weir_protocol::IngestProtocol;

use crate::fixture::{TestDb, make_stream, on_both};

on_both!(
    findings_are_kept_by_broadcast_and_code,
    the_end_of_a_broadcast_ends_its_findings
);

async fn row(test: &TestDb, name: &str) -> FindingRow {
    let stream = match test
        .db
        .stream_by_slug(&name.parse().unwrap())
        .await
        .unwrap()
    {
        Some(stream) => stream,
        None => make_stream(&test.db, name).await,
    };
    let begun = test.db.begin_broadcast(stream.id, IngestProtocol::Rtmp);
    FindingRow {
        id: new_finding_id(),
        stream_id: stream.id,
        broadcast_id: begun.await.unwrap().id,
        code: "b_frames".into(),
        severity: "warning".into(),
        facts: "{}".into(),
        repaired: true,
        first_at: 1,
        last_at: 2,
        cleared_at: None,
        times: 1,
    }
}

async fn findings_are_kept_by_broadcast_and_code(test: TestDb) {
    let db = &test.db;
    let first = row(&test, "one").await;
    let silent = FindingRow {
        id: new_finding_id(),
        code: "audio_silent".into(),
        cleared_at: Some(5),
        ..first.clone()
    };
    let later = row(&test, "one").await;
    let other = row(&test, "two").await;
    let all = [first.clone(), silent.clone(), later.clone(), other.clone()];
    db.put_findings(&all).await.unwrap();
    let stream = first.stream_id;
    let listed = db.list_findings(stream, None, 10).await.unwrap();
    assert_eq!(listed, [later.clone(), silent.clone(), first.clone()]);
    let page = db
        .list_findings(stream, Some(later.id.get()), 1)
        .await
        .unwrap();
    assert_eq!(page, std::slice::from_ref(&silent));
    let of_first = db.findings_of_broadcast(stream, first.broadcast_id, None, 10);
    assert_eq!(of_first.await.unwrap(), [silent, first.clone()]);
    let foreign = db.findings_of_broadcast(other.stream_id, first.broadcast_id, None, 10);
    assert_eq!(foreign.await.unwrap(), [], "of another stream");

    // The same one again is the same row, as it is now.
    let again = FindingRow {
        id: new_finding_id(),
        last_at: 9,
        cleared_at: Some(9),
        times: 2,
        ..first.clone()
    };
    db.put_findings(std::slice::from_ref(&again)).await.unwrap();
    let listed = db.list_findings(stream, None, 10).await.unwrap();
    let same = FindingRow {
        id: first.id,
        ..again
    };
    assert_eq!(listed[2], same);
}

async fn the_end_of_a_broadcast_ends_its_findings(test: TestDb) {
    let db = &test.db;
    let open = row(&test, "one").await;
    db.put_findings(std::slice::from_ref(&open)).await.unwrap();
    let listed = |stream| db.list_findings(stream, None, 10);
    assert_eq!(listed(open.stream_id).await.unwrap()[0].cleared_at, None);
    db.end_broadcast(open.broadcast_id, 0).await.unwrap();
    assert!(
        listed(open.stream_id).await.unwrap()[0]
            .cleared_at
            .is_some()
    );

    let slug = "one".parse().unwrap();
    let stream = db.stream_by_slug(&slug).await.unwrap().unwrap();
    db.delete_stream(&slug).await.unwrap();
    db.put_findings(&[open]).await.unwrap();
    assert_eq!(listed(stream.id).await.unwrap(), [], "gone with its stream");
}
