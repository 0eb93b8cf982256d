//! Rooms and chat messages.

use weir_db::{
    Appended, ChatChange, ChatReader, Db, DbError, NewChatMessage, NewUser, Role, RoomId,
    RoomSubject, User, new_message_id,
};
use weir_protocol::room::{Mention, MessageId};

use crate::fixture::{TestDb, make_stream, on_both, slug};

on_both!(
    a_room_is_made_once_and_goes_with_its_stream,
    messages_are_kept_in_order_and_once,
    a_batch_holds_together_or_not_at_all,
    changes_are_found_by_their_numbers,
    hidden_messages_are_for_moderators_and_their_authors,
    pins_come_newest_first_and_end_with_their_message,
    a_purge_takes_one_author,
    a_deleted_user_leaves_messages_without_a_name,
    names_are_looked_up_in_one_go,
);

async fn user(db: &Db, name: &str) -> User {
    let new = NewUser {
        name: name.into(),
        password_hash: "x".into(),
        role: Role::Attendee,
    };
    db.create_user(new).await.unwrap()
}

fn message(room: RoomId, seq: u64, author: &User, text: &str) -> NewChatMessage {
    NewChatMessage {
        id: new_message_id(),
        room,
        seq,
        author: Some(author.id),
        author_key: format!("user:{}", author.id),
        guest_name: None,
        moderator: false,
        client_ref: format!("ref {seq}"),
        text: text.into(),
        reply_to: None,
        mentions: Vec::new(),
        emotes: Vec::new(),
        hidden: false,
        sent_at: 1_000 + i64::try_from(seq).unwrap(),
    }
}

async fn room(db: &Db) -> RoomId {
    let stream = make_stream(db, "one").await;
    let room = db.open_room(RoomSubject::Stream(stream.id)).await.unwrap();
    assert_eq!(room.seq, 0);
    room.id
}

async fn texts(db: &Db, room: RoomId, reader: ChatReader<'_>) -> Vec<String> {
    let rows = db.chat_before(room, None, reader, 100).await.unwrap();
    rows.into_iter().rev().map(|row| row.message.text).collect()
}

async fn a_room_is_made_once_and_goes_with_its_stream(test: TestDb) {
    let db = &test.db;
    let stream = make_stream(db, "one").await;
    let subject = RoomSubject::Stream(stream.id);
    assert_eq!(db.room_of(subject).await.unwrap(), None);
    let (a, b) = tokio::join!(db.open_room(subject), db.open_room(subject));
    assert_eq!(a.unwrap(), b.unwrap());
    let session = db.open_room(RoomSubject::EventSession(7)).await.unwrap();
    db.delete_stream(&slug("one")).await.unwrap();
    assert_eq!(db.room_of(subject).await.unwrap(), None);
    assert!(matches!(
        db.open_room(subject).await,
        Err(DbError::NotFound { .. })
    ));
    let subject = RoomSubject::EventSession(7);
    assert_eq!(db.room_of(subject).await.unwrap(), Some(session));
    db.delete_room(subject).await.unwrap();
    assert_eq!(db.room_of(subject).await.unwrap(), None);
}

async fn messages_are_kept_in_order_and_once(test: TestDb) {
    let db = &test.db;
    let room = room(db).await;
    let ann = user(db, "ann").await;
    let batch: Vec<_> = (1..=5)
        .map(|seq| message(room, seq, &ann, &format!("text {seq}")))
        .collect();
    let results = db.append_chat(&batch, &[(room, 5)]).await.unwrap();
    assert_eq!(results, [Appended::New; 5]);

    // Sent again, beside a new one, and twice in the same batch.
    let again = NewChatMessage {
        id: new_message_id(),
        seq: 6,
        ..batch[2].clone()
    };
    let new = message(room, 7, &ann, "text 7");
    let twice = NewChatMessage {
        id: new_message_id(),
        seq: 8,
        ..new.clone()
    };
    let results = db
        .append_chat(&[again, new.clone(), twice], &[(room, 8)])
        .await
        .unwrap();
    let before = |message: &NewChatMessage| Appended::Before {
        id: message.id,
        seq: message.seq,
    };
    assert_eq!(results, [before(&batch[2]), Appended::New, before(&new)]);
    let subject = RoomSubject::Stream(db.stream_by_slug(&slug("one")).await.unwrap().unwrap().id);
    assert_eq!(db.room_of(subject).await.unwrap().unwrap().seq, 8);

    let page = db
        .chat_before(room, Some(4), ChatReader::Plain(None), 2)
        .await
        .unwrap();
    let seqs: Vec<u64> = page.iter().map(|row| row.message.seq).collect();
    assert_eq!(seqs, [3, 2]);
    assert_eq!(page[0].message.author.id.as_deref(), Some("user:ann"));
    assert_eq!(page[0].author, Some(ann.id));
    assert_eq!(texts(db, room, ChatReader::Moderator).await.len(), 6);

    let nul = message(room, 9, &ann, "a\0b");
    assert!(matches!(
        db.append_chat(&[nul], &[(room, 9)]).await,
        Err(DbError::Invalid { .. })
    ));
}

async fn a_batch_holds_together_or_not_at_all(test: TestDb) {
    let db = &test.db;
    let room = room(db).await;
    let ann = user(db, "ann").await;
    let other = db.open_room(RoomSubject::EventSession(1)).await.unwrap().id;
    db.delete_room(RoomSubject::EventSession(1)).await.unwrap();
    let batch = [message(room, 1, &ann, "a"), message(other, 1, &ann, "b")];
    let result = db.append_chat(&batch, &[(room, 1), (other, 1)]).await;
    assert!(
        matches!(result, Err(DbError::NotFound { .. })),
        "{result:?}"
    );
    assert_eq!(texts(db, room, ChatReader::Moderator).await.len(), 0);
}

async fn changes_are_found_by_their_numbers(test: TestDb) {
    let db = &test.db;
    let room = room(db).await;
    let ann = user(db, "ann").await;
    let mut batch: Vec<_> = (1..=4)
        .map(|seq| message(room, seq, &ann, "text"))
        .collect();
    batch[3].reply_to = Some(batch[0].id);
    db.append_chat(&batch, &[(room, 4)]).await.unwrap();

    let edit = ChatChange::Edit {
        text: "@ann".into(),
        mentions: vec!["ann".into()],
        emotes: Vec::new(),
        at: 5_000,
    };
    let row = db
        .change_chat(room, batch[1].id, &edit, 5)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((row.message.seq, row.changed_seq), (2, 5));
    assert_eq!(row.message.edited_at, Some(5_000));
    assert_eq!(row.message.mentions, [Mention { name: "ann".into() }]);
    let delete = ChatChange::Delete { at: 6_000 };
    let row = db.change_chat(room, batch[0].id, &delete, 6).await.unwrap();
    assert!(row.unwrap().message.deleted);
    assert_eq!(
        db.change_chat(room, batch[0].id, &edit, 7).await.unwrap(),
        None,
        "it is deleted"
    );
    let nobody = MessageId::new(1);
    assert_eq!(db.change_chat(room, nobody, &edit, 7).await.unwrap(), None);

    let reader = ChatReader::Plain(None);
    let since = db.chat_changes(room, 3, 6, reader, 100).await.unwrap();
    let seqs: Vec<(u64, u64)> = since
        .iter()
        .map(|row| (row.message.seq, row.changed_seq))
        .collect();
    assert_eq!(seqs, [(4, 4), (2, 5), (1, 6)]);
    let reply = since[0].message.reply_to.as_ref().unwrap();
    assert_eq!((reply.id, reply.excerpt.as_str()), (batch[0].id, ""));
    let until = db.chat_changes(room, 3, 5, reader, 1).await.unwrap();
    assert_eq!(until.len(), 1);
}

async fn hidden_messages_are_for_moderators_and_their_authors(test: TestDb) {
    let db = &test.db;
    let room = room(db).await;
    let (ann, bob) = (user(db, "ann").await, user(db, "bob").await);
    let mut hidden = message(room, 2, &bob, "hidden");
    hidden.hidden = true;
    let key = hidden.author_key.clone();
    let batch = [message(room, 1, &ann, "open"), hidden];
    db.append_chat(&batch, &[(room, 2)]).await.unwrap();
    assert_eq!(texts(db, room, ChatReader::Plain(None)).await, ["open"]);
    assert_eq!(
        texts(db, room, ChatReader::Plain(Some(&batch[0].author_key))).await,
        ["open"]
    );
    let both = ["open", "hidden"];
    assert_eq!(texts(db, room, ChatReader::Plain(Some(&key))).await, both);
    assert_eq!(texts(db, room, ChatReader::Moderator).await, both);
}

async fn pins_come_newest_first_and_end_with_their_message(test: TestDb) {
    let db = &test.db;
    let room = room(db).await;
    let ann = user(db, "ann").await;
    let batch: Vec<_> = (1..=3)
        .map(|seq| message(room, seq, &ann, &seq.to_string()))
        .collect();
    db.append_chat(&batch, &[(room, 3)]).await.unwrap();
    for (seq, message) in (4..).zip(&batch) {
        let pin = ChatChange::Pin { at: seq };
        let seq = seq.unsigned_abs();
        db.change_chat(room, message.id, &pin, seq).await.unwrap();
    }
    let delete = ChatChange::Delete { at: 9 };
    db.change_chat(room, batch[1].id, &delete, 7).await.unwrap();
    let pinned = db.pinned_chat(room, 10).await.unwrap();
    let pinned: Vec<&str> = pinned.iter().map(|row| row.message.text.as_str()).collect();
    assert_eq!(pinned, ["3", "1"]);
    db.change_chat(room, batch[2].id, &ChatChange::Unpin, 8)
        .await
        .unwrap();
    assert_eq!(db.pinned_chat(room, 10).await.unwrap().len(), 1);
}

async fn a_purge_takes_one_author(test: TestDb) {
    let db = &test.db;
    let room = room(db).await;
    let (ann, bob) = (user(db, "ann").await, user(db, "bob").await);
    let batch = [
        message(room, 1, &ann, "a"),
        message(room, 2, &bob, "b"),
        message(room, 3, &ann, "c"),
    ];
    db.append_chat(&batch, &[(room, 3)]).await.unwrap();
    let key = &batch[0].author_key;
    assert_eq!(db.purge_chat(room, key, 4, 9).await.unwrap(), 2);
    assert_eq!(db.purge_chat(room, key, 5, 9).await.unwrap(), 0);
    assert_eq!(texts(db, room, ChatReader::Moderator).await, ["", "b", ""]);
}

async fn a_deleted_user_leaves_messages_without_a_name(test: TestDb) {
    let db = &test.db;
    let room = room(db).await;
    let mut guest = message(room, 1, &user(db, "ann").await, "a");
    guest.author = None;
    guest.author_key = "guest:1234".into();
    guest.guest_name = Some("Zoë".into());
    let mut gone = message(room, 2, &user(db, "bob").await, "b");
    gone.author = None;
    db.append_chat(&[guest, gone], &[(room, 2)]).await.unwrap();
    let rows = db
        .chat_before(room, None, ChatReader::Moderator, 10)
        .await
        .unwrap();
    let gone = &rows[0].message.author;
    assert_eq!(
        (gone.id.as_deref(), gone.name.as_str()),
        (None, "deleted user")
    );
    let guest = &rows[1].message.author;
    assert_eq!(guest.id.as_deref(), Some("guest:1234"));
    assert!(guest.guest && guest.name == "Zoë");
}

async fn names_are_looked_up_in_one_go(test: TestDb) {
    let db = &test.db;
    user(db, "ann").await;
    user(db, "bob").await;
    let ask = ["bob".to_owned(), "eve".to_owned(), "ann".to_owned()];
    let mut found = db.existing_names(&ask).await.unwrap();
    found.sort();
    assert_eq!(found, ["ann", "bob"]);
    assert!(db.existing_names(&[]).await.unwrap().is_empty());
}
