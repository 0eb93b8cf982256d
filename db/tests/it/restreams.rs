//! Restreams' rows.

use weir_db::{DbError, RestreamFields, RestreamId};

use crate::fixture::{TestDb, make_stream, on_both};

on_both!(they_are_kept_changed_and_deleted);

fn fields(name: &str, enabled: bool) -> RestreamFields {
    RestreamFields {
        name: name.to_owned(),
        url: "rtmps://live.example.org/app".to_owned(),
        sealed_key: "sealed".to_owned(),
        enabled,
        max_height: Some(720),
        max_bitrate: None,
    }
}

async fn they_are_kept_changed_and_deleted(test: TestDb) {
    let db = &test.db;
    let (stream, other) = (make_stream(db, "one").await, make_stream(db, "two").await);
    let first = RestreamId::draw();
    let made = db
        .create_restream(first, stream.id, fields("first", true), 2)
        .await
        .unwrap();
    assert_eq!(made.id, first);
    assert_eq!((made.max_height, made.max_bitrate), (Some(720), None));
    assert_eq!(
        db.restream(stream.id, first).await.unwrap(),
        Some(made.clone())
    );
    // It is another stream's.
    assert_eq!(db.restream(other.id, first).await.unwrap(), None);

    let second = RestreamId::draw();
    db.create_restream(second, stream.id, fields("second", false), 2)
        .await
        .unwrap();
    let third = db
        .create_restream(RestreamId::draw(), stream.id, fields("third", true), 2)
        .await;
    assert!(matches!(third, Err(DbError::Invalid { .. })), "{third:?}");
    let ids = |rows: Vec<weir_db::Restream>| rows.iter().map(|row| row.id).collect::<Vec<_>>();
    let listed = db.list_restreams(stream.id, None, 10).await.unwrap();
    assert_eq!(ids(listed), [first, second]);
    let listed = db.list_restreams(stream.id, Some(first), 10).await.unwrap();
    assert_eq!(ids(listed), [second]);
    let enabled = db.enabled_restreams(&[stream.id, other.id]).await.unwrap();
    assert_eq!(ids(enabled), [first]);
    assert!(db.enabled_restreams(&[]).await.unwrap().is_empty());

    let off = RestreamFields {
        max_height: None,
        max_bitrate: Some(3_000_000),
        ..fields("renamed", false)
    };
    let changed = db
        .edit_restream(first, 1, off.clone())
        .await
        .unwrap()
        .unwrap();
    assert_eq!((changed.name.as_str(), changed.version), ("renamed", 2));
    assert_eq!(
        (changed.max_height, changed.max_bitrate),
        (None, Some(3_000_000))
    );
    let stale = db.edit_restream(first, 1, off).await.unwrap();
    assert_eq!(stale, None);
    assert!(db.enabled_restreams(&[stream.id]).await.unwrap().is_empty());

    let others = db.delete_restream(other.id, first).await;
    assert!(
        matches!(others, Err(DbError::NotFound { .. })),
        "{others:?}"
    );
    db.delete_restream(stream.id, first).await.unwrap();
    // The rest goes with its stream.
    db.delete_stream(&stream.slug).await.unwrap();
    assert_eq!(db.restream(stream.id, second).await.unwrap(), None);
}
