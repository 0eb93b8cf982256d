//! Who is let into a stream, and how streams are found.

use weir_db::{
    DbError, KeyHash, Mark, NewCategory, NewInvitation, NewUser, NewViewerToken, Role, Stream,
    StreamDetails, StreamId, User,
};
use weir_protocol::{Party, Visibility};

use crate::fixture::{TestDb, make_stream, on_both};

on_both!(
    last_use_of_an_invitation_is_taken_once,
    accounts_come_again_and_count_once,
    revoked_tokens_let_nobody_in,
    lists_and_searches_go_on_where_they_ended,
    edits_need_the_newest_version,
    old_rows_are_indexed_in_the_end,
    a_party_is_steered_from_its_newest_state,
);

const LATER: i64 = i64::MAX / 4;

async fn invite(
    test: &TestDb,
    stream: &Stream,
    code: &str,
    max_uses: u32,
) -> weir_db::InvitationId {
    let new = NewInvitation {
        stream: stream.id,
        code: KeyHash::of(code),
        label: "friends".into(),
        max_uses,
        pass_lifetime: 60_000,
        created_by: None,
        expires_at: LATER,
    };
    test.db.create_invitation(new).await.unwrap().id
}

async fn user(test: &TestDb, name: &str) -> User {
    let new = NewUser {
        name: name.into(),
        password_hash: "x".into(),
        role: Role::Attendee,
    };
    test.db.create_user(new).await.unwrap()
}

async fn last_use_of_an_invitation_is_taken_once(test: TestDb) {
    let stream = make_stream(&test.db, "den").await;
    invite(&test, &stream, "code", 3).await;
    let mut tries = tokio::task::JoinSet::new();
    for n in 0..16 {
        let db = test.db.clone();
        tries.spawn(async move {
            let name = Some(format!("guest {n}"));
            db.accept_invitation(KeyHash::of("code"), None, name, 1)
                .await
                .is_ok()
        });
    }
    let let_in = tries.join_all().await.into_iter().filter(|it| *it).count();
    assert_eq!(let_in, 3);
    assert_eq!(test.db.invited(KeyHash::of("code")).await.unwrap(), None);
    let list = test.db.list_invitations(stream.id, None, 10).await.unwrap();
    assert_eq!((list.len(), list[0].uses), (1, 3));
    assert_eq!(
        test.db
            .list_viewer_tokens(stream.id, None, 10)
            .await
            .unwrap()
            .len(),
        3
    );
}

async fn accounts_come_again_and_count_once(test: TestDb) {
    let stream = make_stream(&test.db, "den").await;
    let id = invite(&test, &stream, "code", 1).await;
    let ann = user(&test, "ann").await;
    let come = |who: &User| {
        test.db
            .accept_invitation(KeyHash::of("code"), Some(who.id), None, 1)
    };
    assert!(!test.db.is_let_in(stream.id, ann.id).await.unwrap());
    let first = come(&ann).await.unwrap();
    assert!(test.db.is_let_in(stream.id, ann.id).await.unwrap());
    let again = come(&ann).await.unwrap();
    assert_eq!(again.id, first.id);
    assert!(again.expires_at >= first.expires_at);
    let bob = user(&test, "bob").await;
    assert!(matches!(come(&bob).await, Err(DbError::NotFound { .. })));

    let ended = test.db.revoke_invitation(stream.id, id).await.unwrap();
    assert_eq!(ended, [first.id]);
    assert!(!test.db.is_let_in(stream.id, ann.id).await.unwrap());
    assert!(matches!(come(&ann).await, Err(DbError::NotFound { .. })));
    assert!(test.db.revoke_invitation(stream.id, id).await.is_err());
}

async fn revoked_tokens_let_nobody_in(test: TestDb) {
    let (den, other) = (
        make_stream(&test.db, "den").await,
        make_stream(&test.db, "other").await,
    );
    let new = NewViewerToken {
        stream: den.id,
        invitation: None,
        user: None,
        nickname: Some("Gus".into()),
        max_sessions: 2,
        created_by: None,
        expires_at: LATER,
    };
    let token = test.db.create_viewer_token(new.clone()).await.unwrap();
    assert_eq!(
        test.db.viewer_token(token.id).await.unwrap(),
        Some(token.clone())
    );
    let foreign = test.db.revoke_viewer_token(other.id, token.id).await;
    assert!(matches!(foreign, Err(DbError::NotFound { .. })));
    assert_eq!(test.db.viewer_tokens_revoked_since(0).await.unwrap(), []);
    test.db.revoke_viewer_token(den.id, token.id).await.unwrap();
    assert_eq!(
        test.db.viewer_tokens_revoked_since(0).await.unwrap(),
        [token.id]
    );
    assert_eq!(
        test.db.list_viewer_tokens(den.id, None, 10).await.unwrap(),
        []
    );
    let nul = NewViewerToken {
        nickname: Some("a\0".into()),
        ..new
    };
    assert!(matches!(
        test.db.create_viewer_token(nul).await,
        Err(DbError::Invalid { .. })
    ));
    assert_eq!(test.db.forget_viewer_tokens(i64::MAX).await.unwrap(), 1);
}

async fn edit(test: &TestDb, stream: &Stream, title: &str, details: StreamDetails) -> Stream {
    let edited = test
        .db
        .edit_stream(stream.id, stream.version, title, &details)
        .await;
    edited.unwrap().expect("nobody was faster")
}

fn tagged(tag: &str) -> StreamDetails {
    StreamDetails {
        tags: vec![tag.into()],
        ..StreamDetails::default()
    }
}

async fn lists_and_searches_go_on_where_they_ended(test: TestDb) {
    let mut made = Vec::new();
    for n in 0..7 {
        let stream = make_stream(&test.db, &format!("s{n}")).await;
        let details = tagged(if n % 2 == 0 { "even" } else { "odd" });
        made.push(edit(&test, &stream, &format!("Évening show {n}"), details).await);
    }
    let hidden = StreamDetails {
        visibility: Visibility::Private,
        ..tagged("even")
    };
    edit(&test, &made[6], "Évening, hidden", hidden).await;

    let ids = |streams: Vec<Stream>| -> Vec<StreamId> { streams.iter().map(|it| it.id).collect() };
    let newest_first: Vec<StreamId> = made[..6].iter().rev().map(|it| it.id).collect();
    let mut seen = Vec::new();
    loop {
        let page = test
            .db
            .list_page(&[], seen.last().copied(), 4)
            .await
            .unwrap();
        if page.is_empty() {
            break;
        }
        seen.extend(ids(page));
    }
    assert_eq!(seen, newest_first);
    let even = [Mark::Tag("even".into()), Mark::All];
    let even = ids(test.db.list_page(&even, None, 10).await.unwrap());
    assert_eq!(even, [made[4].id, made[2].id, made[0].id]);

    let words = weir_db::words("évEN sh");
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let page = test.db.search_page(&words, &[], after, 4).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some((last.score, last.stream.id));
        found.extend(page.into_iter().map(|it| it.stream.id));
    }
    assert_eq!(found, newest_first);
    let (words, tags) = (weir_db::words("show 3"), [Mark::Tag("odd".into())]);
    let odd = test.db.search_page(&words, &tags, None, 10).await.unwrap();
    assert_eq!(odd[0].stream.id, made[3].id);
    // What was said before is not found any more, and wild cards are none.
    for gone in ["title", "%", "evening"] {
        let words = weir_db::words(gone);
        assert_eq!(
            test.db.search_page(&words, &[], None, 10).await.unwrap(),
            [],
            "{gone}"
        );
    }
}

async fn edits_need_the_newest_version(test: TestDb) {
    let stream = make_stream(&test.db, "show").await;
    let new = NewCategory {
        slug: "music".into(),
        name: "Music".into(),
        image: None,
    };
    let music = test.db.create_category(new.clone()).await.unwrap();
    let details = StreamDetails {
        category: Some(music.id),
        language: Some("de".into()),
        ..tagged("jazz")
    };
    let edited = edit(&test, &stream, "Concert", details.clone()).await;
    assert_eq!(edited.category_names.as_ref().unwrap().name, "Music");
    assert_eq!((edited.version, &edited.details), (2, &details));
    assert_eq!(
        test.db.stream_by_slug(&stream.slug).await.unwrap().unwrap(),
        edited
    );
    let stale = test
        .db
        .edit_stream(stream.id, stream.version, "x", &details)
        .await;
    assert_eq!(stale.unwrap(), None);
    let picture = StreamDetails {
        thumbnail: Some("0".repeat(64)),
        ..details
    };
    let missing = test.db.edit_stream(stream.id, 2, "x", &picture).await;
    assert!(matches!(missing, Err(DbError::NotFound { what: "image" })));

    // A category's new name is found, and its end leaves the stream without one.
    let renamed = NewCategory {
        name: "Klang".into(),
        ..new
    };
    assert!(test.db.edit_category(music.id, 1, &renamed).await.unwrap());
    assert!(!test.db.edit_category(music.id, 1, &renamed).await.unwrap());
    assert_eq!(test.db.index_streams().await.unwrap(), 1);
    let found = test
        .db
        .search_page(&weir_db::words("klang"), &[], None, 5)
        .await
        .unwrap();
    assert_eq!(found[0].stream.id, stream.id);
    test.db.delete_category(music.id).await.unwrap();
    let without = test.db.stream_by_slug(&stream.slug).await.unwrap().unwrap();
    assert_eq!(
        (without.details.category, without.category_names),
        (None, None)
    );
}

async fn old_rows_are_indexed_in_the_end(test: TestDb) {
    make_stream(&test.db, "old").await;
    assert_eq!(
        test.db.index_streams().await.unwrap(),
        0,
        "new ones are at once"
    );
    let reserved = test.db.create_stream(weir_db::NewStream {
        slug: "events".parse().unwrap(),
        title: "x".into(),
        key_hash: KeyHash::of("x"),
        owner: None,
    });
    assert!(matches!(
        reserved.await,
        Err(DbError::Invalid { what: "slug", .. })
    ));
}

async fn a_party_is_steered_from_its_newest_state(test: TestDb) {
    let stream = make_stream(&test.db, "den").await;
    let party = |version| Party {
        media: "recording:7".into(),
        duration_ms: Some(9),
        position_ms: version,
        playing: true,
        rate: 1.25,
        at: 5,
        version,
    };
    assert_eq!(test.db.party(stream.id).await.unwrap(), None);
    assert!(test.db.steer_party(stream.id, &party(1)).await.unwrap());
    assert!(test.db.steer_party(stream.id, &party(2)).await.unwrap());
    assert!(!test.db.steer_party(stream.id, &party(2)).await.unwrap());
    assert_eq!(test.db.party(stream.id).await.unwrap(), Some(party(2)));
    assert!(test.db.end_party(stream.id).await.unwrap());
    assert!(!test.db.end_party(stream.id).await.unwrap());
}
