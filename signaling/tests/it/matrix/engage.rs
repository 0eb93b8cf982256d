use serde_json::{Value, json};
use weir_db::{Asked, NewBanRow, NewChatMessage, NewImage, NewQuestionRow, RoomId, RoomSubject};
use weir_protocol::room::{BanKind, Emote, NewPoll, QuestionState};

use super::{Line, World, line};

/// Of those who may moderate: nobody, attendee, other creator, owner, moderator, admin, and who has a
/// token that is worth nothing.
const fn moderators(done: u16) -> [u16; 8] {
    [401, 403, 403, done, done, done, 401, 401]
}

/// Of the owner and admins.
const fn runners(done: u16) -> [u16; 8] {
    [401, 403, 403, done, 403, done, 401, 401]
}

/// Of everybody with an account.
const fn accounts(done: u16) -> [u16; 8] {
    [401, done, done, done, done, done, 401, 401]
}

/// Of everybody whose credentials are not wrong.
const fn everybody(done: u16) -> [u16; 8] {
    [done, done, done, done, done, done, 401, 401]
}

struct Place {
    slug: String,
    room: RoomId,
    path: String,
}

async fn place(world: &World) -> Place {
    let stream = world.stream().await;
    let subject = RoomSubject::Stream(stream.id);
    let room = world.server.db.open_room(subject).await.unwrap();
    Place {
        slug: stream.slug.to_string(),
        room: room.id,
        path: format!("/api/v1/streams/{}/room", stream.slug),
    }
}

async fn poll(world: &World, place: &Place) -> String {
    let owner = world
        .server
        .db
        .user_by_name("owner")
        .await
        .unwrap()
        .unwrap();
    let new = NewPoll {
        question: "Which?".into(),
        options: vec!["a".into(), "b".into()],
        multiple: false,
        seconds: None,
    };
    let poll = world
        .server
        .db
        .open_poll(place.room, owner.id, &new, None)
        .await;
    format!("{}/polls/{}", place.path, poll.unwrap().id)
}

async fn question(world: &World, place: &Place) -> String {
    let new = NewQuestionRow {
        room: place.room,
        author: None,
        author_key: "guest:0000000000000000".into(),
        guest_name: Some("Zoe".into()),
        client_ref: None,
        text: "Why?".into(),
        state: QuestionState::Open,
    };
    match world.server.db.ask(&new).await.unwrap() {
        Asked::New(id) | Asked::Before(id) => format!("{}/questions/{id}", place.path),
    }
}

async fn ban(world: &World, place: &Place) -> String {
    let owner = world
        .server
        .db
        .user_by_name("owner")
        .await
        .unwrap()
        .unwrap();
    let new = NewBanRow {
        room: place.room,
        kind: BanKind::Ban,
        member_key: "guest:0000000000000000".into(),
        user: None,
        name: "Zoe".into(),
        address_hash: None,
        reason: String::new(),
        by: owner.id,
        ends_at: None,
    };
    let id = world.server.db.add_ban(&new).await.unwrap();
    format!("{}/bans/{id}", place.path)
}

async fn message(world: &World, place: &Place) -> String {
    let id = weir_db::new_message_id();
    let new = NewChatMessage {
        id,
        room: place.room,
        seq: 1,
        author: None,
        author_key: "guest:0000000000000000".into(),
        guest_name: Some("Zoe".into()),
        moderator: false,
        client_ref: "1".into(),
        text: "hi".into(),
        reply_to: None,
        mentions: Vec::new(),
        emotes: Vec::new(),
        hidden: false,
        sent_at: 1,
    };
    let db = &world.server.db;
    db.append_chat(&[new], &[(place.room, 1)]).await.unwrap();
    format!("/api/v1/streams/{}/chat/{id}", place.slug)
}

async fn picture(world: &World) -> String {
    let db = &world.server.db;
    let owner = db.user_by_name("owner").await.unwrap().unwrap();
    let new = NewImage {
        media_type: "image/png",
        width: 1,
        height: 1,
        bytes: world.fresh("picture").into_bytes(),
    };
    db.store_image(new, owner.id).await.unwrap().to_string()
}

async fn emote(world: &World, room: Option<RoomId>) -> String {
    let db = &world.server.db;
    let owner = db.user_by_name("owner").await.unwrap().unwrap();
    let code = world.fresh("e").replace('-', "_");
    let emote = Emote {
        code: code.clone(),
        image: picture(world).await,
    };
    db.add_emote(room, &emote, owner.id, 200).await.unwrap();
    code
}

async fn new_emote(world: &World) -> Value {
    json!({"code": world.fresh("n").replace('-', "_"), "image": picture(world).await})
}

pub fn lines() -> Vec<Line> {
    vec![
        line!(GET "/api/v1/streams/{slug}/room", moderators(200), |world| (
            place(world).await.path, None,
        )),
        line!(PATCH "/api/v1/streams/{slug}/room", moderators(200), |world| (
            place(world).await.path, Some(json!({"slow_ms": 1000})),
        )),
        line!(GET "/api/v1/streams/{slug}/room/audit", moderators(200), |world| (
            place(world).await.path + "/audit", None,
        )),
        line!(GET "/api/v1/admin/audit", [401, 403, 403, 403, 403, 200, 401, 401]),
        line!(GET "/api/v1/streams/{slug}/room/moderators", moderators(200), |world| (
            place(world).await.path + "/moderators", None,
        )),
        line!(PUT "/api/v1/streams/{slug}/room/moderators/{name}", runners(204), |world| (
            place(world).await.path + "/moderators/attendee", None,
        )),
        line!(DELETE "/api/v1/streams/{slug}/room/moderators/{name}", runners(204), |world| {
            let place = place(world).await;
            let db = &world.server.db;
            // Somebody else than those who ask, who would stand higher by it.
            let user = db.user_by_name("gone").await.unwrap().unwrap();
            db.add_room_moderator(place.room, user.id).await.unwrap();
            (place.path + "/moderators/gone", None)
        }),
        line!(GET "/api/v1/streams/{slug}/room/bans", moderators(200), |world| (
            place(world).await.path + "/bans", None,
        )),
        line!(POST "/api/v1/streams/{slug}/room/bans", moderators(201), |world| (
            place(world).await.path + "/bans",
            Some(json!({"member": "user:attendee", "kind": "timeout", "seconds": 60})),
        )),
        line!(GET "/api/v1/streams/{slug}/room/bans/{ban}", moderators(200), |world| {
            let place = place(world).await;
            (ban(world, &place).await, None)
        }),
        line!(DELETE "/api/v1/streams/{slug}/room/bans/{ban}", moderators(204), |world| {
            let place = place(world).await;
            (ban(world, &place).await, None)
        }),
        line!(POST "/api/v1/streams/{slug}/room/purges", moderators(204), |world| (
            place(world).await.path + "/purges",
            Some(json!({"member": "user:attendee"})),
        )),
        line!(DELETE "/api/v1/streams/{slug}/chat/{message}", moderators(204), |world| {
            let place = place(world).await;
            (message(world, &place).await, None)
        }),
        line!(GET "/api/v1/streams/{slug}/room/polls", everybody(200), |world| (
            place(world).await.path + "/polls", None,
        )),
        line!(POST "/api/v1/streams/{slug}/room/polls", moderators(201), |world| (
            place(world).await.path + "/polls",
            Some(json!({"question": "Which?", "options": ["a", "b"]})),
        )),
        line!(GET "/api/v1/streams/{slug}/room/polls/{poll}", everybody(200), |world| {
            let place = place(world).await;
            (poll(world, &place).await, None)
        }),
        line!(DELETE "/api/v1/streams/{slug}/room/polls/{poll}", moderators(204), |world| {
            let place = place(world).await;
            (poll(world, &place).await, None)
        }),
        line!(POST "/api/v1/streams/{slug}/room/polls/{poll}/closure", moderators(200), |world| {
            let place = place(world).await;
            (poll(world, &place).await + "/closure", None)
        }),
        line!(PUT "/api/v1/streams/{slug}/room/polls/{poll}/vote", accounts(204), |world| {
            let place = place(world).await;
            (poll(world, &place).await + "/vote", Some(json!({"choices": [1]})))
        }),
        line!(GET "/api/v1/streams/{slug}/room/questions", everybody(200), |world| (
            place(world).await.path + "/questions", None,
        )),
        line!(POST "/api/v1/streams/{slug}/room/questions", accounts(201), |world| (
            place(world).await.path + "/questions", Some(json!({"text": "Why?"})),
        )),
        line!(GET "/api/v1/streams/{slug}/room/questions/{question}", everybody(200), |world| {
            let place = place(world).await;
            (question(world, &place).await, None)
        }),
        line!(PATCH "/api/v1/streams/{slug}/room/questions/{question}", moderators(200), |world| {
            let place = place(world).await;
            (question(world, &place).await, Some(json!({"state": "answered"})))
        }),
        line!(DELETE "/api/v1/streams/{slug}/room/questions/{question}", moderators(204), |world| {
            let place = place(world).await;
            (question(world, &place).await, None)
        }),
        line!(PUT "/api/v1/streams/{slug}/room/questions/{question}/vote", accounts(204), |world| {
            let place = place(world).await;
            (question(world, &place).await + "/vote", None)
        }),
        line!(DELETE "/api/v1/streams/{slug}/room/questions/{question}/vote", accounts(204), |world| {
            let place = place(world).await;
            (question(world, &place).await + "/vote", None)
        }),
        line!(GET "/api/v1/streams/{slug}/room/emotes", everybody(200), |world| (
            place(world).await.path + "/emotes", None,
        )),
        line!(POST "/api/v1/streams/{slug}/room/emotes", runners(201), |world| (
            place(world).await.path + "/emotes", Some(new_emote(world).await),
        )),
        line!(DELETE "/api/v1/streams/{slug}/room/emotes/{code}", runners(204), |world| {
            let place = place(world).await;
            let code = emote(world, Some(place.room)).await;
            (format!("{}/emotes/{code}", place.path), None)
        }),
        line!(GET "/api/v1/emotes", [200; 8]),
        line!(POST "/api/v1/admin/emotes", [401, 403, 403, 403, 403, 201, 401, 401], |world| (
            "/api/v1/admin/emotes".into(), Some(new_emote(world).await),
        )),
        line!(DELETE "/api/v1/admin/emotes/{code}", [401, 403, 403, 403, 403, 204, 401, 401], |world| (
            format!("/api/v1/admin/emotes/{}", emote(world, None).await), None,
        )),
    ]
}
