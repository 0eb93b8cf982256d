//! Chat, presence and live state in rooms, over WebSocket and data channel.

pub(super) mod link;
mod reconnects;

use std::sync::Arc;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use self::link::Link;
use super::server::{Platform, expect, on_both, refused};
use crate::{
    media::Video,
    webrtc_client::{Publisher, RoomChannel},
};

on_both!(
    e1_chat_reaches_everybody_and_is_kept,
    e1_bad_input_is_refused_with_what_to_do,
    e1_chat_goes_over_data_channels_too,
    e1_who_was_away_gets_what_was_missed_also_from_the_database,
    e2_who_is_here_and_who_is_writing,
    e3_messages_are_pinned_by_moderators,
    s3_live_state_and_viewers_are_told_in_the_room,
);

async fn e1_chat_reaches_everybody_and_is_kept(platform: Platform) {
    let owner = platform.person("otto", "speaker").await;
    let ann = platform.person("ann", "attendee").await;
    platform.stream(&owner, "talk").await;
    let base = platform.server.url();

    let mut otto = Link::websocket(&base, Some(&owner.token)).await;
    let mut reader = Link::websocket(&base, None).await;
    let joined = otto.join("stream:talk", None).await;
    assert_eq!(joined["you"]["id"], "user:otto");
    assert_eq!(joined["you"]["moderator"], true);
    assert_eq!(joined["resumed"], false);
    let joined = reader.join("stream:talk", None).await;
    assert_eq!(joined["you"], json!({}), "nobody in particular");
    // A token may also come with the join.
    let mut ann_link = Link::websocket(&base, None).await;
    let join = json!({"type": "join", "room": "stream:talk", "token": ann.token});
    let joined = ann_link.enter(join).await;
    assert_eq!(joined["you"]["id"], "user:ann");

    let (id, seq) = otto.send("a", "hello @Ann and @nobody").await;
    let event = reader.event("message").await;
    assert_eq!(event["seq"], seq);
    let message = &event["message"];
    assert_eq!(message["id"], id);
    assert_eq!(message["author"]["name"], "otto");
    assert_eq!(message["mentions"], json!([{"name": "ann"}]));

    // Sent again, it is acknowledged again and not repeated.
    assert_eq!(otto.send("a", "hello @Ann and @nobody").await.0, id);

    ann_link
        .say(json!({"type": "send", "ref": "r", "text": "hi", "reply_to": id}))
        .await;
    let ack = ann_link.answer("r").await;
    assert_eq!(ack["type"], "ack");
    let reply = reader.event("message").await;
    assert_eq!(reply["message"]["reply_to"]["id"], id);
    assert_eq!(
        reply["message"]["reply_to"]["excerpt"],
        "hello @Ann and @nobody"
    );

    // Own messages may be edited, others' not; moderators may delete any.
    let own = ack["id"].as_str().unwrap().to_owned();
    ann_link
        .say(json!({"type": "edit", "ref": "e", "id": own, "text": "hi!"}))
        .await;
    assert_eq!(ann_link.answer("e").await["type"], "ack");
    let changed = reader.event("changed").await;
    assert_eq!(changed["message"]["text"], "hi!");
    assert!(changed["message"]["edited_at"].is_i64());
    for request in [
        json!({"type": "edit", "ref": "no", "id": id, "text": "mine"}),
        json!({"type": "delete", "ref": "no", "id": id}),
    ] {
        ann_link.say(request).await;
        assert_eq!(ann_link.answer("no").await["code"], "forbidden");
    }
    otto.say(json!({"type": "delete", "ref": "d", "id": own}))
        .await;
    assert_eq!(otto.answer("d").await["type"], "ack");
    let changed = reader.event("changed").await;
    assert_eq!(changed["message"]["deleted"], true);
    assert_eq!(changed["message"]["text"], "");

    // More than a page.
    for n in 0..60 {
        otto.send_patiently(&format!("n{n}"), &format!("number {n}"))
            .await;
    }
    let mut late = Link::websocket(&base, None).await;
    late.join("stream:talk", None).await;
    let newest = late.history.clone();
    assert_eq!(newest.len(), 50);
    assert_eq!(newest[49]["text"], "number 59");
    let before = late.before.expect("there is more");
    late.say(json!({"type": "history", "ref": "h", "before": before, "limit": 100}))
        .await;
    let page = late.answer("h").await;
    let older = page["messages"].as_array().unwrap();
    assert_eq!(older.len(), 12);
    assert_eq!(older[0]["id"], id);
    assert_eq!(page["before"], Value::Null);

    // The same over HTTP, the newest first.
    let mut found = Vec::new();
    let mut cursor = String::new();
    loop {
        let path = format!("/api/v1/streams/talk/chat?limit=40{cursor}");
        let page = expect(platform.request(Method::GET, &path), StatusCode::OK).await;
        found.extend(page["items"].as_array().unwrap().clone());
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(found.len(), 62);
    assert_eq!(found[61]["id"], id);
    let none = platform.request(Method::GET, "/api/v1/streams/none/chat");
    refused(none, StatusCode::NOT_FOUND, "not_found").await;

    // Without the stream there is no room.
    let delete = platform.by(&owner, Method::DELETE, "/api/v1/streams/talk");
    expect(delete, StatusCode::NO_CONTENT).await;
    assert_eq!(otto.message("closed").await["reason"], "gone");
}

async fn e1_bad_input_is_refused_with_what_to_do(platform: Platform) {
    let owner = platform.person("otto", "speaker").await;
    platform.stream(&owner, "talk").await;
    let base = platform.server.url();
    let mut link = Link::websocket(&base, None).await;
    link.say(json!({"type": "send", "ref": "1", "text": "x"}))
        .await;
    assert_eq!(link.answer("1").await["code"], "not_joined");
    for (join, code) in [
        (json!({"room": "stream:none"}), "not_found"),
        (json!({"room": "event:none/none"}), "not_found"),
        (json!({"room": "stream:talk", "token": "x"}), "unauthorized"),
        (
            json!({"room": "stream:talk", "protocol": 2}),
            "unsupported_version",
        ),
        (
            json!({"room": "stream:talk", "nickname": "Zoe"}),
            "read_only",
        ),
        (json!({"room": "nowhere"}), "bad_message"),
        (json!({"room": "stream:talk", "since": "x"}), "bad_message"),
    ] {
        let mut join = join;
        join["type"] = "join".into();
        join["ref"] = "j".into();
        link.say(join).await;
        let answer = link.answer("j").await;
        assert_eq!(answer["code"], code, "{answer}");
        assert!(answer["detail"].as_str().unwrap().len() > 10, "{answer}");
    }
    link.join("stream:talk", None).await;
    link.say(json!({"type": "send", "ref": "2", "text": "x"}))
        .await;
    assert_eq!(link.answer("2").await["code"], "read_only");

    let mut otto = Link::websocket(&base, Some(&owner.token)).await;
    otto.join("stream:talk", None).await;
    for (request, code) in [
        (
            json!({"type": "send", "ref": "x", "text": ""}),
            "bad_message",
        ),
        (
            json!({"type": "send", "ref": "x", "text": "a\u{0}b"}),
            "bad_message",
        ),
        (
            json!({"type": "send", "ref": "x", "text": "x".repeat(501)}),
            "too_large",
        ),
        (
            json!({"type": "send", "ref": "x", "text": "x", "reply_to": "1"}),
            "not_found",
        ),
        (
            json!({"type": "send", "ref": "x", "text": "x", "other": 1}),
            "bad_message",
        ),
        (
            json!({"type": "delete", "ref": "x", "id": "1"}),
            "not_found",
        ),
        (
            json!({"type": "history", "ref": "x", "limit": 0}),
            "bad_message",
        ),
        (json!({"type": "sing", "ref": "x"}), "bad_message"),
    ] {
        otto.say(request.clone()).await;
        let answer = otto.answer("x").await;
        assert_eq!(answer["code"], code, "{request}: {answer}");
    }
    otto.say(json!({"type": "send", "text": "x"})).await;
    assert_eq!(otto.message("error").await["code"], "bad_message");
    otto.say_text(&"x".repeat(9_000)).await;
    assert_eq!(otto.message("error").await["code"], "too_large");
    // The connection has suffered all of it.
    otto.send("fine", "fine").await;

    // Who writes too fast is told how long to wait.
    let ann = platform.person("ann", "attendee").await;
    let mut fast = Link::websocket(&base, Some(&ann.token)).await;
    fast.join("stream:talk", None).await;
    for n in 0..30 {
        let name = format!("f{n}");
        fast.say(json!({"type": "send", "ref": name, "text": "more"}))
            .await;
        let answer = fast.answer(&name).await;
        if answer["type"] == "error" {
            assert_eq!(answer["code"], "too_fast");
            assert!(answer["retry_after_ms"].as_u64().unwrap() > 0);
            return;
        }
    }
    panic!("nothing stops who writes too fast");
}

async fn e1_chat_goes_over_data_channels_too(platform: Platform) {
    let owner = platform.person("otto", "speaker").await;
    let access = platform.stream(&owner, "live").await;
    let base = platform.server.url();
    let video = Arc::new(Video::h264());
    let key = access["key"].as_str().unwrap();
    let publisher = Publisher::start(&format!("{base}/whip"), key, video.clone()).await;
    let whep = format!("{base}/whep/live");
    let channel = RoomChannel::open(&whep, &video).await;
    let mut data = Link::of(channel);
    let join = json!({"type": "join", "room": "stream:live", "token": owner.token});
    assert_eq!(data.enter(join).await["you"]["id"], "user:otto");
    let mut socket = Link::websocket(&base, None).await;
    let joined = socket.join("stream:live", None).await;
    assert_eq!(joined["stream"]["live"], true);

    data.send("a", "over SCTP").await;
    assert_eq!(
        socket.event("message").await["message"]["text"],
        "over SCTP"
    );
    let metrics = platform
        .request(Method::GET, "/metrics")
        .send()
        .await
        .unwrap();
    let metrics = metrics.text().await.unwrap();
    assert!(
        metrics.contains("weir_room_members{transport=\"data_channel\"} 1"),
        "{metrics}"
    );
    assert!(
        metrics.contains("weir_room_members{transport=\"websocket\"} 1"),
        "{metrics}"
    );
    data.close().await;
    publisher.close().await;
}

async fn e1_who_was_away_gets_what_was_missed_also_from_the_database(platform: Platform) {
    let owner = platform.person("otto", "speaker").await;
    platform.stream(&owner, "talk").await;
    let base = platform.server.url();
    let mut otto = Link::websocket(&base, Some(&owner.token)).await;
    otto.join("stream:talk", None).await;
    let mut away = Link::websocket(&base, None).await;
    away.join("stream:talk", None).await;
    let (first, _) = otto.send_patiently("first", "first").await;
    away.event("message").await;
    let since = away.position;
    away.close().await;
    let mut expected = Vec::new();
    for n in 0..5 {
        expected.push(
            otto.send_patiently(&format!("{n}"), &format!("number {n}"))
                .await
                .0,
        );
    }
    otto.say(json!({"type": "delete", "ref": "d", "id": first}))
        .await;
    otto.answer("d").await;

    let mut back = Link::websocket(&base, None).await;
    let joined = back.join("stream:talk", Some(since)).await;
    assert_eq!(joined["resumed"], true);
    assert_missed(&back, &expected, &first);
    assert_eq!(back.history.len(), 0);

    // A number that was never given: everything anew.
    let mut strange = Link::websocket(&base, None).await;
    let joined = strange.join("stream:talk", Some(1_000_000)).await;
    assert_eq!(joined["resumed"], false);
    assert_eq!(strange.history.len(), 6);

    // After the room was closed in memory there is only the database, which numbers go on from.
    drop((otto, back, strange));
    let platform = restart(platform).await;
    let base = platform.server.url();
    let mut back = Link::websocket(&base, None).await;
    let joined = back.join("stream:talk", Some(since)).await;
    assert_eq!(joined["resumed"], true);
    assert_missed(&back, &expected, &first);
    let newest = back.position;
    let owner = platform.log_in("otto").await;
    let mut otto = Link::websocket(&base, Some(&owner.token)).await;
    otto.join("stream:talk", None).await;
    let (_, seq) = otto.send("after", "after").await;
    assert!(seq > newest, "{seq} is not after {newest}");
    // What was sent before the restart is known too.
    let (again, _) = otto.send("0", "number 0").await;
    assert_eq!(again, expected[0]);
}

fn assert_missed(link: &Link, expected: &[String], deleted: &str) {
    let events = |kind: &str| -> Vec<String> {
        let those = link.events.iter().filter(|event| event["type"] == kind);
        those
            .map(|event| event["message"]["id"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(events("message"), expected);
    assert_eq!(events("changed"), [deleted]);
}

/// The same server again, on its database.
async fn restart(mut platform: Platform) -> Platform {
    platform.server.kill_and_restart().await.unwrap();
    platform
}

async fn e2_who_is_here_and_who_is_writing(platform: Platform) {
    let owner = platform.person("otto", "speaker").await;
    let ann = platform.person("ann", "attendee").await;
    platform.stream(&owner, "talk").await;
    let base = platform.server.url();
    let mut watcher = Link::websocket(&base, None).await;
    watcher.join("stream:talk", None).await;
    // Two connections of one person are one person.
    let mut otto = Link::websocket(&base, Some(&owner.token)).await;
    otto.join("stream:talk", None).await;
    let mut second = Link::websocket(&base, Some(&owner.token)).await;
    second.join("stream:talk", None).await;
    let mut ann_link = Link::websocket(&base, Some(&ann.token)).await;
    let joined = ann_link.join("stream:talk", None).await;
    assert_eq!(joined["presence"]["people"], 2);
    assert_eq!(joined["presence"]["anonymous"], 1);
    let mut names = Vec::new();
    while names.len() < 2 {
        let presence = watcher.event("presence").await;
        for member in presence["joined"].as_array().into_iter().flatten() {
            names.push(member["name"].as_str().unwrap().to_owned());
        }
    }
    names.sort();
    assert_eq!(names, ["ann", "otto"]);
    watcher
        .say(json!({"type": "members", "ref": "m", "limit": 1}))
        .await;
    let page = watcher.answer("m").await;
    assert_eq!(page["members"][0]["name"], "ann");
    let after = page["after"].as_str().unwrap();
    watcher
        .say(json!({"type": "members", "ref": "n", "after": after}))
        .await;
    let page = watcher.answer("n").await;
    assert_eq!(page["members"][0]["id"], "user:otto");
    assert_eq!(page["members"][0]["moderator"], true);
    assert_eq!(page["after"], Value::Null);

    ann_link.say(json!({"type": "typing"})).await;
    let typing = watcher.event("typing").await;
    assert_eq!(
        (&typing["names"], &typing["count"]),
        (&json!(["ann"]), &json!(1))
    );
    // Who has sent it is not writing any more.
    ann_link.send("x", "done").await;
    assert_eq!(watcher.event("typing").await["count"], 0);

    ann_link.close().await;
    loop {
        let presence = watcher.event("presence").await;
        if let Some(left) = presence["left"].as_array() {
            assert_eq!(left[0]["name"], "ann");
            assert_eq!(presence["people"], 1);
            break;
        }
    }
}

async fn e3_messages_are_pinned_by_moderators(platform: Platform) {
    let owner = platform.person("otto", "speaker").await;
    let ann = platform.person("ann", "attendee").await;
    platform.stream(&owner, "talk").await;
    let base = platform.server.url();
    let mut otto = Link::websocket(&base, Some(&owner.token)).await;
    otto.join("stream:talk", None).await;
    let mut ann_link = Link::websocket(&base, Some(&ann.token)).await;
    ann_link.join("stream:talk", None).await;
    let (id, _) = ann_link.send("a", "pin this").await;
    ann_link
        .say(json!({"type": "pin", "ref": "p", "id": id}))
        .await;
    assert_eq!(ann_link.answer("p").await["code"], "forbidden");
    otto.say(json!({"type": "pin", "ref": "p", "id": id})).await;
    assert_eq!(otto.answer("p").await["type"], "ack");
    let changed = ann_link.event("changed").await;
    assert!(changed["message"]["pinned_at"].is_i64());
    // However many messages come after it, it is there for who joins.
    let mut late = Link::websocket(&base, None).await;
    let joined = late.join("stream:talk", None).await;
    assert_eq!(joined["pinned"][0]["id"], id);

    for n in 0..9 {
        let (id, _) = otto.send_patiently(&format!("{n}"), "another").await;
        otto.say(json!({"type": "pin", "ref": "p", "id": id})).await;
        assert_eq!(otto.answer("p").await["type"], "ack");
    }
    let (eleventh, _) = otto.send_patiently("11", "another").await;
    otto.say(json!({"type": "pin", "ref": "p", "id": eleventh}))
        .await;
    assert_eq!(otto.answer("p").await["code"], "too_many_pinned");
    otto.say(json!({"type": "unpin", "ref": "u", "id": id}))
        .await;
    assert_eq!(otto.answer("u").await["type"], "ack");
    otto.say(json!({"type": "pin", "ref": "p", "id": eleventh}))
        .await;
    assert_eq!(otto.answer("p").await["type"], "ack");
    let mut late = Link::websocket(&base, None).await;
    let joined = late.join("stream:talk", None).await;
    let pinned = joined["pinned"].as_array().unwrap();
    assert_eq!((pinned.len(), &pinned[0]["id"]), (10, &json!(eleventh)));
}

async fn s3_live_state_and_viewers_are_told_in_the_room(platform: Platform) {
    let owner = platform.person("otto", "speaker").await;
    let access = platform.stream(&owner, "live").await;
    let base = platform.server.url();
    let mut link = Link::websocket(&base, None).await;
    let joined = link.join("stream:live", None).await;
    assert_eq!(joined["stream"]["live"], false);
    let video = Arc::new(Video::h264());
    let key = access["key"].as_str().unwrap();
    let publisher = Publisher::start(&format!("{base}/whip"), key, video.clone()).await;
    until_state(&mut link, |stream| stream["live"] == true).await;
    let viewer = RoomChannel::open(&format!("{base}/whep/live"), &video).await;
    until_state(&mut link, |stream| stream["viewers"]["webrtc"] == 1).await;
    viewer.close().await;
    publisher.resource.delete().await;
    until_state(&mut link, |stream| stream["live"] == false).await;
    publisher.close().await;
}

async fn until_state(link: &mut Link, wanted: impl Fn(&Value) -> bool) {
    loop {
        let event = link.event("stream").await;
        if wanted(&event["stream"]) {
            return;
        }
    }
}
