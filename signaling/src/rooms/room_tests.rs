//! A room without connections: who is told what, and when.

use std::net::{IpAddr, Ipv4Addr};

use tokio::sync::broadcast::error::TryRecvError;
use weir_db::{Db, NewStream, RoomSubject, Stream};
use weir_protocol::room::{Author, Events, RoomName, ServerMessage};

use super::*;
use crate::{keys, rooms::memory::RING};

/// A room of a stream in a database of its own.
async fn room(settings: RoomSettings) -> (Room, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let db = Db::open(&Db::sqlite_url(&folder.path().join("weir.db")))
        .await
        .expect("a database");
    let new = NewStream {
        slug: "talk".parse().expect("a slug"),
        title: "Talk".into(),
        key_hash: keys::generate().1,
        owner: None,
    };
    let stream: Stream = db.create_stream(new).await.expect("a stream");
    let row = db
        .open_room(RoomSubject::Stream(stream.id))
        .await
        .expect("a room");
    let memory = Memory::new(row.seq, Vec::new(), Vec::new());
    let target = Target::of_stream(stream);
    assert!(matches!(target.name, RoomName::Stream(_)));
    (Room::new(row.id, target, 0, memory, settings, None), folder)
}

fn who(name: Option<&str>, moderator: bool) -> Arc<Identity> {
    Arc::new(Identity {
        person: name.map(|name| Person {
            key: format!("user:{name}").into(),
            id: format!("user:{name}"),
            name: name.into(),
            user: None,
        }),
        moderator,
        address: IpAddr::V4(Ipv4Addr::LOCALHOST),
    })
}

fn message(seq: u64, author: &str, hidden: bool) -> Event {
    said(seq, seq, author, hidden, false)
}

fn said(seq: u64, id: u64, author: &str, hidden: bool, deleted: bool) -> Event {
    let key: Arc<str> = format!("user:{author}").into();
    let message = ChatMessage {
        id: MessageId::new(i64::try_from(id).expect("small")),
        seq: id,
        author: Author {
            id: Some(key.to_string()),
            name: author.into(),
            guest: false,
            moderator: false,
        },
        text: if deleted {
            String::new()
        } else {
            format!("text {id}")
        },
        sent_at: 0,
        edited_at: None,
        deleted,
        pinned_at: None,
        reply_to: None,
        mentions: Vec::new(),
        hidden,
        emotes: Vec::new(),
        reactions: Vec::new(),
    };
    let body = match deleted {
        true => RoomEventBody::Changed { message },
        false => RoomEventBody::Message { message },
    };
    let event = RoomEvent {
        seq: Some(seq),
        at: 0,
        body,
    };
    let audience = match hidden {
        true => Audience::ModeratorsAnd(key.clone()),
        false => Audience::Everyone,
    };
    let mut event = Event::new(event, audience);
    event.author_key = Some(key);
    event
}

fn read(frames: &[Frame]) -> Vec<RoomEvent> {
    let events = |frame: &Frame| match serde_json::from_str(&frame.text()) {
        Ok(ServerMessage::Events(Events { events })) => events,
        other => panic!("{other:?}"),
    };
    frames
        .iter()
        .flat_map(events)
        .filter(|event| event.seq.is_some())
        .collect()
}

fn numbers(events: &[RoomEvent]) -> Vec<u64> {
    events.iter().filter_map(|event| event.seq).collect()
}

/// What a member is told next, and its position.
fn told(attached: &mut Attached, identity: &Identity) -> (Vec<RoomEvent>, u64) {
    let mut events = Vec::new();
    let mut position = 0;
    while let Ok(batch) = attached.batches.try_recv() {
        let (frames, now) = batch.of(identity);
        events.extend(read(frames));
        position = now;
    }
    (events, position)
}

#[tokio::test]
async fn who_falls_behind_is_told_from_memory_then_from_the_database() {
    let (room, _folder) = room(RoomSettings::default()).await;
    let reader = who(None, false);
    let mut slow = room.attach(&reader, None, 10).expect("attached");
    let mut now = Instant::now();
    let say = |from: u64, until: u64, now: &mut Instant| {
        for seq in from..=until {
            room.take_in(message(seq, "ann", false));
            *now += Duration::from_secs(1);
            room.tick(*now);
        }
    };
    let many = u64::try_from(BATCHES).expect("small") * 2;
    say(1, many, &mut now);
    // The channel has dropped what it could not hold.
    assert!(matches!(
        slow.batches.try_recv(),
        Err(TryRecvError::Lagged(_))
    ));
    let (_, start, snapshot) = room.catch_up(&reader, 0);
    let Start::Events(frames) = start else {
        panic!("all of it is in memory");
    };
    assert_eq!(numbers(&read(&frames)), (1..=many).collect::<Vec<_>>());
    assert_eq!(snapshot.position, many);

    let ring = u64::try_from(RING).expect("small");
    say(many + 1, many + ring + 1, &mut now);
    let (_, start, _) = room.catch_up(&reader, many);
    assert!(matches!(start, Start::Database { after } if after == many));
    let (_, start, _) = room.catch_up(&reader, many + 1);
    assert!(
        matches!(start, Start::Events(_)),
        "the ring is just large enough"
    );
    // A number that was never given.
    let (_, start, _) = room.catch_up(&reader, 1_000_000);
    assert!(matches!(start, Start::Fresh(messages, true) if messages.len() == 50));
}

#[tokio::test]
async fn who_comes_in_between_misses_and_repeats_nothing() {
    let (room, _folder) = room(RoomSettings::default()).await;
    let reader = who(None, false);
    let start = Instant::now();
    for seq in 1..=100 {
        room.take_in(message(seq, "ann", false));
        if seq % 7 == 0 {
            room.tick(start + Duration::from_millis(seq));
        }
        let since = seq.saturating_sub(10);
        let mut member = room.attach(&reader, Some(since), 1_000).expect("attached");
        let Start::Events(frames) = &member.start else {
            panic!("it is in memory");
        };
        let mut got = numbers(&read(frames));
        room.tick(start + Duration::from_secs(1000 + seq));
        let (events, position) = told(&mut member, &reader);
        got.extend(numbers(&events));
        assert_eq!(got, (since + 1..=seq).collect::<Vec<_>>());
        assert!(position == seq || (events.is_empty() && position == 0));
        room.detach(member.seat);
    }
}

#[tokio::test]
async fn hidden_messages_are_for_their_author_and_moderators() {
    let (room, _folder) = room(RoomSettings::default()).await;
    let (ann, bob, moderator) = (
        who(Some("ann"), false),
        who(Some("bob"), false),
        who(Some("mod"), true),
    );
    let mut seats: Vec<(Arc<Identity>, Attached)> = [&ann, &bob, &moderator]
        .map(|who| (who.clone(), room.attach(who, None, 10).expect("attached")))
        .into();
    room.take_in(message(1, "ann", false));
    room.take_in(message(2, "bob", true));
    room.take_in(message(3, "ann", false));
    room.tick(Instant::now());
    let mut hidden_flags = Vec::new();
    let got: Vec<Vec<u64>> = seats
        .iter_mut()
        .map(|(who, attached)| {
            let (events, _) = told(attached, who);
            let text = serde_json::to_string(&events).expect("json");
            hidden_flags.push(text.contains("\"hidden\":true"));
            numbers(&events)
        })
        .collect();
    assert_eq!(got, [vec![1, 3], vec![1, 2, 3], vec![1, 2, 3]]);
    assert_eq!(
        hidden_flags,
        [false, false, true],
        "bob does not learn of it"
    );
    let fresh = |who: &Arc<Identity>| room.newest(who, 3).0.len();
    assert_eq!((fresh(&ann), fresh(&bob), fresh(&moderator)), (2, 3, 3));
}

#[tokio::test]
async fn delayed_messages_can_be_taken_back_before_they_are_shown() {
    let settings = RoomSettings {
        delay_ms: 10_000,
        ..RoomSettings::default()
    };
    let (room, _folder) = room(settings).await;
    let (reader, moderator) = (who(None, false), who(Some("mod"), true));
    let mut plain = room.attach(&reader, None, 10).expect("attached");
    let mut first = room.attach(&moderator, None, 10).expect("attached");
    let start = Instant::now();
    room.take_in(message(1, "ann", false));
    room.take_in(message(2, "ann", false));
    room.tick(start + Duration::from_secs(1));
    assert_eq!(numbers(&told(&mut first, &moderator).0), [1, 2]);
    assert_eq!(numbers(&told(&mut plain, &reader).0), [0; 0]);
    assert_eq!(room.horizon(&reader), 0);
    assert_eq!(room.newest(&reader, room.horizon(&reader)).0.len(), 0);
    room.take_in(said(3, 1, "ann", false, true));
    room.tick(start + Duration::from_secs(20));
    let (events, position) = told(&mut plain, &reader);
    assert_eq!((numbers(&events), position), (vec![1, 2, 3], 3));
    let text = serde_json::to_string(&events).expect("json");
    assert!(
        !text.contains("text 1") && text.contains("text 2"),
        "{text}"
    );
}

#[tokio::test]
async fn a_room_has_a_size_and_members_can_be_ended() {
    let (room, _folder) = room(RoomSettings::default()).await;
    let ann = who(Some("ann"), false);
    let mut member = room.attach(&ann, None, 1).expect("attached");
    let Err(error) = room.attach(&who(None, false), None, 1) else {
        panic!("it is full");
    };
    assert_eq!(error.code, RoomErrorCode::RoomFull);
    room.attach(&who(Some("mod"), true), None, 1)
        .expect("moderators come in");
    room.end_members(|who| who.key() == ann.key(), CloseReason::Banned);
    assert_eq!(member.ended.try_recv(), Ok(CloseReason::Banned));
    assert_eq!(room.connections(), 1);
}
