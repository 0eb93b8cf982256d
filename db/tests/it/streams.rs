//! Streams and their keys.

use weir_db::{DbError, KeyHash, NewStream, NewUser, PlayoutDelay, Role, StreamId, UserId};
use weir_protocol::IngestProtocol;

use crate::fixture::{TestDb, make_stream, on_both, slug};

on_both!(
    found_by_slug_and_by_key,
    owned_by_a_user,
    owner_must_exist,
    slug_and_key_are_unique,
    rotated_key_replaces_the_old_one,
    titles_are_kept_as_they_are,
    playout_delay_is_the_streams_own_or_nobodys,
    listed_by_slug,
    admins_find_all,
    deleted_with_its_broadcasts,
    absent_streams_are_reported,
    opens_again_with_its_rows,
);

async fn found_by_slug_and_by_key(test: TestDb) {
    let made = make_stream(&test.db, "demo").await;
    make_stream(&test.db, "other").await;
    assert_eq!(made.owner, None);
    assert_eq!(made.key_rotated_at, None);
    assert_eq!(made.created_at, made.updated_at);
    assert_eq!(
        test.db.stream_by_slug(&slug("demo")).await.unwrap(),
        Some(made.clone())
    );
    let by_key = test
        .db
        .stream_by_key_hash(KeyHash::of("key of demo"))
        .await
        .unwrap();
    assert_eq!(by_key, Some(made));
    assert_eq!(
        test.db
            .stream_by_key_hash(KeyHash::of("demo"))
            .await
            .unwrap(),
        None
    );
    assert_eq!(test.db.stream_by_slug(&slug("dem")).await.unwrap(), None);
}

async fn owned_by_a_user(test: TestDb) {
    let new = NewUser {
        name: "anna".into(),
        password_hash: "x".into(),
        role: Role::Speaker,
    };
    let user = test.db.create_user(new).await.unwrap();
    let made = test
        .db
        .create_stream(NewStream {
            slug: slug("hers"),
            title: String::new(),
            key_hash: KeyHash::of("k"),
            owner: Some(user.id),
        })
        .await
        .unwrap();
    let found = test
        .db
        .stream_by_slug(&slug("hers"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(found.owner, Some(user.id));
    assert_eq!(found, made);
}

async fn owner_must_exist(test: TestDb) {
    // The id of a user in another database.
    let elsewhere = TestDb::sqlite().await;
    let new = NewUser {
        name: "anna".into(),
        password_hash: "x".into(),
        role: Role::Speaker,
    };
    let stranger: UserId = elsewhere.db.create_user(new).await.unwrap().id;
    let refused = test
        .db
        .create_stream(NewStream {
            slug: slug("hers"),
            title: String::new(),
            key_hash: KeyHash::of("k"),
            owner: Some(stranger),
        })
        .await
        .unwrap_err();
    assert!(
        matches!(refused, DbError::NotFound { what: "user" }),
        "{refused:?}"
    );
}

async fn slug_and_key_are_unique(test: TestDb) {
    make_stream(&test.db, "demo").await;
    let with = |name: &str, key: &str| NewStream {
        slug: slug(name),
        title: "t".into(),
        key_hash: KeyHash::of(key),
        owner: None,
    };
    let same_slug = test
        .db
        .create_stream(with("demo", "new key"))
        .await
        .unwrap_err();
    assert!(
        matches!(same_slug, DbError::Conflict { what: "slug" }),
        "{same_slug:?}"
    );
    let same_key = test
        .db
        .create_stream(with("new", "key of demo"))
        .await
        .unwrap_err();
    assert!(
        matches!(same_key, DbError::Conflict { what: "stream key" }),
        "{same_key:?}"
    );
    make_stream(&test.db, "other").await;
    let taken = test
        .db
        .rotate_key(&slug("other"), KeyHash::of("key of demo"))
        .await
        .unwrap_err();
    assert!(
        matches!(taken, DbError::Conflict { what: "stream key" }),
        "{taken:?}"
    );
    assert_eq!(test.db.list_streams().await.unwrap().len(), 2);
}

async fn rotated_key_replaces_the_old_one(test: TestDb) {
    let made = make_stream(&test.db, "demo").await;
    make_stream(&test.db, "other").await;
    test.db
        .rotate_key(&slug("demo"), KeyHash::of("second"))
        .await
        .unwrap();
    assert_eq!(
        test.db
            .stream_by_key_hash(KeyHash::of("key of demo"))
            .await
            .unwrap(),
        None
    );
    let found = test
        .db
        .stream_by_key_hash(KeyHash::of("second"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(found.id, made.id);
    assert!(found.key_rotated_at.unwrap() >= made.created_at);
    assert_eq!(found.key_rotated_at, Some(found.updated_at));
    // The neighbour keeps its own.
    let other = test
        .db
        .stream_by_key_hash(KeyHash::of("key of other"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!((other.slug.as_str(), other.key_rotated_at), ("other", None));
}

async fn titles_are_kept_as_they_are(test: TestDb) {
    let made = make_stream(&test.db, "demo").await;
    let long = "ß".repeat(10_000);
    for title in [
        "",
        "Robert'); DROP TABLE streams;--",
        "\"$1\" ? :a @b \\",
        "日本語 👩‍🚀\n\u{7f}",
        &long,
    ] {
        test.db.update_title(&slug("demo"), title).await.unwrap();
        let found = test
            .db
            .stream_by_slug(&slug("demo"))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(found.title, title);
        assert!(found.updated_at >= made.updated_at);
    }
    let refused = test
        .db
        .update_title(&slug("demo"), "a\0b")
        .await
        .unwrap_err();
    assert!(
        matches!(refused, DbError::Invalid { what: "title", .. }),
        "{refused:?}"
    );
    let unchanged = test
        .db
        .stream_by_slug(&slug("demo"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(unchanged.title, long);
}

async fn playout_delay_is_the_streams_own_or_nobodys(test: TestDb) {
    let made = make_stream(&test.db, "demo").await;
    make_stream(&test.db, "other").await;
    assert_eq!(made.details.playout_delay, None);
    let delay = PlayoutDelay {
        min_ms: 100,
        max_ms: 40_950,
    };
    let set = async |delay| test.db.set_playout_delay(&slug("demo"), delay).await;
    set(Some(delay)).await.unwrap();
    let listed = test.db.list_streams().await.unwrap();
    assert_eq!(listed[0].details.playout_delay, Some(delay));
    assert_eq!(listed[1].details.playout_delay, None);
    set(None).await.unwrap();
    let by_key = test.db.stream_by_key_hash(KeyHash::of("key of demo")).await;
    assert_eq!(by_key.unwrap().unwrap().details.playout_delay, None);
    let absent = test.db.set_playout_delay(&slug("none"), Some(delay)).await;
    assert!(matches!(absent, Err(DbError::NotFound { .. })));
}

async fn listed_by_slug(test: TestDb) {
    assert_eq!(test.db.list_streams().await.unwrap(), []);
    for name in ["b", "a_b", "a", "a-b", "0"] {
        make_stream(&test.db, name).await;
    }
    let slugs: Vec<_> = test
        .db
        .list_streams()
        .await
        .unwrap()
        .into_iter()
        .map(|s| s.slug.to_string())
        .collect();
    assert_eq!(slugs, ["0", "a", "a-b", "a_b", "b"]);
}

async fn admins_find_all(test: TestDb) {
    let new = NewUser {
        name: "anna".into(),
        password_hash: "x".into(),
        role: Role::Speaker,
    };
    let anna = test.db.create_user(new).await.unwrap();
    let make = async |name: &str, title: &str, owner| {
        let new = NewStream {
            slug: slug(name),
            title: title.into(),
            key_hash: KeyHash::of(name),
            owner,
        };
        test.db.create_stream(new).await.unwrap()
    };
    let first = make("forge", "The 100% Forge", Some(anna.id)).await;
    let second = make("choir", "Sunday_choir", None).await;
    let only = [first.id];
    let find = async |search, among: Option<&[StreamId]>, before| -> Vec<String> {
        let found = test
            .db
            .all_streams(search, among, before, 10)
            .await
            .unwrap();
        found.into_iter().map(|row| row.slug.to_string()).collect()
    };
    assert_eq!(find("", None, None).await, ["choir", "forge"]);
    assert_eq!(find("", None, Some(second.id)).await, ["forge"]);
    assert_eq!(find("ORG", None, None).await, ["forge"], "of the address");
    assert_eq!(find("sunday", None, None).await, ["choir"], "of the title");
    assert_eq!(find("nna", None, None).await, ["forge"], "of the owner");
    assert_eq!(find("0%", None, None).await, ["forge"]);
    assert_eq!(find("y_c", None, None).await, ["choir"]);
    assert_eq!(find("%%", None, None).await, [""; 0], "no wildcard");
    assert_eq!(find("", Some(&only), None).await, ["forge"]);
    assert_eq!(find("choir", Some(&only), None).await, [""; 0]);
    assert_eq!(find("", Some(&[]), None).await, [""; 0]);
}

async fn deleted_with_its_broadcasts(test: TestDb) {
    let gone = make_stream(&test.db, "gone").await;
    let kept = make_stream(&test.db, "kept").await;
    let of_gone = test
        .db
        .begin_broadcast(gone.id, IngestProtocol::Rtmp)
        .await
        .unwrap();
    let of_kept = test
        .db
        .begin_broadcast(kept.id, IngestProtocol::Rtmp)
        .await
        .unwrap();

    test.db.delete_stream(&slug("gone")).await.unwrap();

    assert_eq!(test.db.stream_by_slug(&slug("gone")).await.unwrap(), None);
    assert_eq!(test.db.list_broadcasts(gone.id, 10).await.unwrap(), []);
    let ended = test.db.end_broadcast(of_gone.id, 1).await.unwrap_err();
    assert!(
        matches!(ended, DbError::NotFound { what: "broadcast" }),
        "{ended:?}"
    );
    let begun = test
        .db
        .begin_broadcast(gone.id, IngestProtocol::Rtmp)
        .await
        .unwrap_err();
    assert!(
        matches!(begun, DbError::NotFound { what: "stream" }),
        "{begun:?}"
    );
    assert_eq!(
        test.db.list_broadcasts(kept.id, 10).await.unwrap(),
        [of_kept]
    );

    // The name is free again, and it is another stream.
    assert_ne!(make_stream(&test.db, "gone").await.id, gone.id);
}

async fn absent_streams_are_reported(test: TestDb) {
    let none = slug("none");
    for outcome in [
        test.db.rotate_key(&none, KeyHash::of("k")).await,
        test.db.update_title(&none, "t").await,
        test.db.delete_stream(&none).await,
    ] {
        assert!(
            matches!(outcome, Err(DbError::NotFound { what: "stream" })),
            "{outcome:?}"
        );
    }
}

async fn opens_again_with_its_rows(test: TestDb) {
    let made = make_stream(&test.db, "demo").await;
    test.db.ping().await.unwrap();
    test.db.close().await;
    assert!(matches!(test.db.ping().await, Err(DbError::Backend(_))));
    let again = weir_db::Db::open(&test.url).await.unwrap();
    assert_eq!(again.list_streams().await.unwrap(), [made]);
}
