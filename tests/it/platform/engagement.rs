//! How rooms are run, moderation, polls, questions, reactions and emotes.

mod moderation;

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{
    rooms::link::Link,
    server::{Person, Platform, expect, on_both, refused},
};

on_both!(
    e5_chat_settings_act_at_once_and_in_the_whole_room,
    e5_words_and_links_are_kept_out,
    e5_only_followers_may_write,
    e5_delayed_chat_is_seen_by_moderators_at_once,
    e6_polls_are_voted_in_live_and_survive_a_restart,
    e6_bad_polls_and_votes_are_refused,
    e7_questions_are_voted_for_and_answered,
    e7_moderated_questions_wait_for_approval,
    e8_reactions_come_together_twice_a_second,
    e8_emotes_are_resolved_in_messages_and_on_them,
);

const ROOM: &str = "/api/v1/streams/talk/room";

/// Says something and gives the answer.
async fn ask(link: &mut Link, mut message: Value) -> Value {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("ask {}", NEXT.fetch_add(1, Ordering::Relaxed));
    message["ref"] = name.as_str().into();
    link.say(message).await;
    link.answer(&name).await
}

async fn done(link: &mut Link, message: Value) -> Value {
    let answer = ask(link, message).await;
    assert_eq!(answer["type"], "ack", "{answer}");
    answer
}

/// Gives the refusal.
async fn not_done(link: &mut Link, message: Value, code: &str) -> Value {
    let answer = ask(link, message.clone()).await;
    assert_eq!(answer["code"], code, "{message}: {answer}");
    answer
}

fn text(text: &str) -> Value {
    json!({"type": "send", "text": text})
}

async fn enter(platform: &Platform, person: &Person) -> Link {
    let base = platform.server.url();
    let mut link = Link::websocket(&base, Some(&person.token)).await;
    link.join("stream:talk", None).await;
    link
}

async fn guest(platform: &Platform, nickname: &str) -> (Link, Value) {
    let base = platform.server.url();
    let mut link = Link::websocket(&base, None).await;
    let join = json!({"type": "join", "room": "stream:talk", "nickname": nickname});
    let joined = link.enter(join).await;
    (link, joined)
}

async fn set_rules(platform: &Platform, by: &Person, change: Value) -> Value {
    let request = platform.by(by, Method::PATCH, ROOM).json(&change);
    expect(request, StatusCode::OK).await
}

async fn e5_chat_settings_act_at_once_and_in_the_whole_room(platform: Platform) {
    let otto = platform.person("otto", "speaker").await;
    let ann = platform.person("ann", "attendee").await;
    platform.stream(&otto, "talk").await;
    let mut owner = enter(&platform, &otto).await;
    let mut member = enter(&platform, &ann).await;

    // Over HTTP and in the room alike; everybody is told.
    let rules = set_rules(&platform, &otto, json!({"chat": false})).await;
    assert_eq!(
        (&rules["chat"], &rules["version"]),
        (&json!(false), &json!(1))
    );
    assert_eq!(member.event("settings").await["settings"]["chat"], false);
    not_done(&mut member, text("hello?"), "chat_off").await;
    done(&mut owner, text("only I may write")).await;
    not_done(
        &mut member,
        json!({"type": "set_rules", "chat": true}),
        "forbidden",
    )
    .await;
    done(
        &mut owner,
        json!({"type": "set_rules", "chat": true, "slow_ms": 2000}),
    )
    .await;
    assert_eq!(member.event("settings").await["settings"]["slow_ms"], 2000);

    // Slow mode, which asks nothing of moderators and lets through what is sent again.
    done(&mut member, text("one")).await;
    let refusal = not_done(&mut member, text("two"), "slow_mode").await;
    let wait = refusal["retry_after_ms"].as_u64().unwrap();
    assert!((1..=2001).contains(&wait), "{wait}");
    done(&mut owner, text("a")).await;
    done(&mut owner, text("b")).await;
    // Coming again does not help; waiting does.
    let mut again = enter(&platform, &ann).await;
    not_done(&mut again, text("two"), "slow_mode").await;
    tokio::time::sleep(Duration::from_millis(wait)).await;
    done(&mut again, text("two")).await;

    set_rules(&platform, &otto, json!({"slow_ms": 0, "emotes_only": true})).await;
    not_done(&mut again, text("words"), "emotes_only").await;
    done(&mut again, text("🎉 🎉")).await;
    set_rules(&platform, &otto, json!({"emotes_only": false})).await;

    // Guests, when they are allowed.
    let mut nobody = Link::websocket(&platform.server.url(), None).await;
    let join = json!({"type": "join", "room": "stream:talk", "nickname": "Zoe"});
    not_done(&mut nobody, join, "read_only").await;
    set_rules(&platform, &otto, json!({"guests": true})).await;
    let (mut zoe, joined) = guest(&platform, "Zoe").await;
    assert_eq!(joined["settings"]["guests"], true);
    done(&mut zoe, text("hi")).await;
    set_rules(&platform, &otto, json!({"guests": false})).await;
    not_done(&mut zoe, text("still here?"), "read_only").await;

    // An edit of what somebody else has changed meanwhile is refused; nonsense is too.
    let stale = platform
        .by(&otto, Method::PATCH, ROOM)
        .header("if-match", "\"1\"")
        .json(&json!({"chat": false}));
    refused(stale, StatusCode::PRECONDITION_FAILED, "changed").await;
    let current = platform.by(&otto, Method::GET, ROOM).send().await.unwrap();
    let tag = current.headers()["etag"].clone();
    let fresh = platform
        .by(&otto, Method::PATCH, ROOM)
        .header("if-match", tag)
        .json(&json!({"delay_ms": 0}));
    expect(fresh, StatusCode::OK).await;
    for bad in [
        json!({"delay_ms": 120_001}),
        json!({"slow_ms": -1}),
        json!({"blocked_words": ["a\u{0}"]}),
        json!({"link_hosts": ["not a host"]}),
        json!({"other": 1}),
    ] {
        let request = platform.by(&otto, Method::PATCH, ROOM).json(&bad);
        refused(request, StatusCode::BAD_REQUEST, "bad_request").await;
    }
    let by_member = platform.by(&ann, Method::GET, ROOM);
    refused(by_member, StatusCode::FORBIDDEN, "forbidden").await;
}

async fn e5_words_and_links_are_kept_out(platform: Platform) {
    let otto = platform.person("otto", "speaker").await;
    let ann = platform.person("ann", "attendee").await;
    platform.stream(&otto, "talk").await;
    let mut owner = enter(&platform, &otto).await;
    let mut member = enter(&platform, &ann).await;
    set_rules(
        &platform,
        &otto,
        json!({"blocked_words": ["badword"], "links": "moderators"}),
    )
    .await;
    for bad in ["badword", "B4dW0rd!", "b a d w o r d", "b\u{200b}adword"] {
        not_done(&mut member, text(bad), "blocked_word").await;
    }
    not_done(
        &mut member,
        text("see https://example.org"),
        "links_not_allowed",
    )
    .await;
    done(&mut owner, text("see https://example.org")).await;
    let sent = done(&mut member, text("a fine word")).await;
    // No way around it by editing.
    let edit = json!({"type": "edit", "id": sent["id"], "text": "a badword"});
    not_done(&mut member, edit, "blocked_word").await;
    set_rules(
        &platform,
        &otto,
        json!({"links": "hosts", "link_hosts": ["example.org"]}),
    )
    .await;
    done(&mut member, text("see www.example.org/x")).await;
    not_done(&mut member, text("see example.com"), "links_not_allowed").await;
    // Members are not told the words.
    let mut late = Link::websocket(&platform.server.url(), None).await;
    let joined = late.join("stream:talk", None).await;
    assert_eq!(joined["settings"]["links"], "hosts");
    assert!(!joined.to_string().contains("badword"));
}

async fn e5_only_followers_may_write(platform: Platform) {
    let otto = platform.person("otto", "speaker").await;
    let ann = platform.person("ann", "attendee").await;
    platform.stream(&otto, "talk").await;
    set_rules(&platform, &otto, json!({"followers_only": true})).await;
    let mut member = enter(&platform, &ann).await;
    not_done(&mut member, text("hi"), "followers_only").await;
    let follow = platform.by(&ann, Method::PUT, "/api/v1/me/following/otto");
    assert!(follow.send().await.unwrap().status().is_success());
    // It is known within a second or so.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    done(&mut member, text("hi")).await;
    set_rules(&platform, &otto, json!({"followers_age_ms": 3_600_000})).await;
    let refusal = not_done(&mut member, text("again"), "followers_only").await;
    let wait = refusal["retry_after_ms"].as_u64().unwrap();
    assert!((3_500_000..=3_600_001).contains(&wait), "{wait}");
}

async fn e5_delayed_chat_is_seen_by_moderators_at_once(platform: Platform) {
    let otto = platform.person("otto", "speaker").await;
    let ann = platform.person("ann", "attendee").await;
    platform.stream(&otto, "talk").await;
    set_rules(&platform, &otto, json!({"delay_ms": 1500})).await;
    let mut owner = enter(&platform, &otto).await;
    let mut member = enter(&platform, &ann).await;
    let mut reader = Link::websocket(&platform.server.url(), None).await;
    reader.join("stream:talk", None).await;
    let start = Instant::now();
    member.send("x", "late").await;
    owner.event("message").await;
    assert!(
        start.elapsed() < Duration::from_millis(1200),
        "moderators wait too"
    );
    reader.event("message").await;
    assert!(
        start.elapsed() >= Duration::from_millis(1400),
        "nobody waits"
    );
}

async fn e6_polls_are_voted_in_live_and_survive_a_restart(mut platform: Platform) {
    let otto = platform.person("otto", "speaker").await;
    let ann = platform.person("ann", "attendee").await;
    platform.stream(&otto, "talk").await;
    set_rules(&platform, &otto, json!({"guests": true})).await;
    let mut owner = enter(&platform, &otto).await;
    let mut member = enter(&platform, &ann).await;
    let (mut zoe, _) = guest(&platform, "Zoe").await;
    let open =
        json!({"type": "open_poll", "question": "Which?", "options": ["a", "b", "c"], "ref": "p"});
    not_done(&mut member, open.clone(), "forbidden").await;
    owner.say(open.clone()).await;
    let poll = owner.answer("p").await["made"].as_str().unwrap().to_owned();
    // Sent again, it is not opened again.
    owner.say(open).await;
    assert_eq!(owner.answer("p").await["made"], poll);
    let event = member.event("poll").await;
    assert_eq!(event["poll"]["id"], poll);
    assert_eq!(
        event["poll"]["options"][1],
        json!({"text": "b", "votes": 0})
    );

    let vote = |choices: Value| json!({"type": "vote_poll", "poll": poll, "choices": choices});
    done(&mut member, vote(json!([0]))).await;
    done(&mut zoe, vote(json!([0]))).await;
    done(&mut owner, vote(json!([2]))).await;
    // Once each; the newest counts.
    done(&mut member, vote(json!([1]))).await;
    not_done(&mut member, vote(json!([0, 1])), "bad_message").await;
    not_done(&mut member, vote(json!([3])), "bad_message").await;
    let votes = |poll: &Value| -> Vec<u64> {
        let options = poll["options"].as_array().unwrap();
        options
            .iter()
            .map(|option| option["votes"].as_u64().unwrap())
            .collect()
    };
    let mut told = 0;
    loop {
        let event = member.event("poll").await;
        told += 1;
        if votes(&event["poll"]) == [1, 1, 1] {
            assert_eq!(event["poll"]["voters"], 3);
            break;
        }
    }
    assert!(told <= 4, "results are told together: {told}");

    // The same over HTTP, where one also sees what one chose.
    let path = format!("{ROOM}/polls/{poll}");
    let mine = expect(platform.by(&ann, Method::GET, &path), StatusCode::OK).await;
    assert_eq!(mine["chosen"], json!([1]));
    let over_http = platform
        .by(&ann, Method::PUT, &format!("{path}/vote"))
        .json(&json!({"choices": [2]}));
    expect(over_http, StatusCode::NO_CONTENT).await;

    platform.server.kill_and_restart().await.unwrap();
    let otto = platform.log_in("otto").await;
    let ann = platform.log_in("ann").await;
    let mut late = Link::websocket(&platform.server.url(), None).await;
    let joined = late.join("stream:talk", None).await;
    assert_eq!(votes(&joined["polls"][0]), [1, 0, 2]);
    let mut owner = enter(&platform, &otto).await;
    let mut member = enter(&platform, &ann).await;
    done(&mut owner, json!({"type": "close_poll", "poll": poll})).await;
    loop {
        let event = late.event("poll").await;
        if event["poll"]["closed_at"].is_i64() {
            assert_eq!(votes(&event["poll"]), [1, 0, 2]);
            break;
        }
    }
    not_done(&mut member, vote(json!([0])), "conflict").await;

    // One with an end closes by itself, for who is there and in the list.
    let timed =
        json!({"question": "Quick?", "options": ["y", "n"], "multiple": true, "seconds": 1});
    let request = platform
        .by(&otto, Method::POST, &format!("{ROOM}/polls"))
        .json(&timed);
    let timed = expect(request, StatusCode::CREATED).await;
    let both = json!({"type": "vote_poll", "poll": timed["id"], "choices": [0, 1]});
    done(&mut member, both).await;
    loop {
        let event = member.event("poll").await;
        if event["poll"]["id"] == timed["id"] && event["poll"]["closed_at"].is_i64() {
            assert_eq!(event["poll"]["closed_at"], timed["ends_at"]);
            assert_eq!(votes(&event["poll"]), [1, 1]);
            break;
        }
    }
    let list = platform.request(Method::GET, &format!("{ROOM}/polls?limit=1"));
    let list = expect(list, StatusCode::OK).await;
    assert_eq!(list["items"][0]["id"], timed["id"]);
    let next = list["next"].as_str().unwrap();
    let rest = platform.request(Method::GET, &format!("{ROOM}/polls?cursor={next}"));
    let rest = expect(rest, StatusCode::OK).await;
    assert_eq!(
        (&rest["items"][0]["id"], &rest["next"]),
        (&json!(poll), &Value::Null)
    );
    let delete = platform.by(&otto, Method::DELETE, &path);
    expect(delete, StatusCode::NO_CONTENT).await;
    refused(
        platform.request(Method::GET, &path),
        StatusCode::NOT_FOUND,
        "not_found",
    )
    .await;
}

async fn e6_bad_polls_and_votes_are_refused(platform: Platform) {
    let otto = platform.person("otto", "speaker").await;
    platform.stream(&otto, "talk").await;
    let path = format!("{ROOM}/polls");
    for bad in [
        json!({"question": "", "options": ["a", "b"]}),
        json!({"question": "q", "options": ["a"]}),
        json!({"question": "q", "options": ["a", "a"]}),
        json!({"question": "q", "options": ["a", "b"], "seconds": 0}),
        json!({"question": "q", "options": ["a", "\u{0}"]}),
    ] {
        let request = platform.by(&otto, Method::POST, &path).json(&bad);
        refused(request, StatusCode::BAD_REQUEST, "bad_request").await;
    }
    let fine = json!({"question": "q", "options": ["a", "b"]});
    for _ in 0..5 {
        let request = platform.by(&otto, Method::POST, &path).json(&fine);
        expect(request, StatusCode::CREATED).await;
    }
    let sixth = platform.by(&otto, Method::POST, &path).json(&fine);
    let detail = refused(sixth, StatusCode::CONFLICT, "conflict").await;
    assert!(detail.contains("close one"), "{detail}");
    let none = platform
        .by(&otto, Method::PUT, &format!("{path}/1/vote"))
        .json(&json!({"choices": []}));
    refused(none, StatusCode::NOT_FOUND, "not_found").await;
}

async fn e7_questions_are_voted_for_and_answered(platform: Platform) {
    let otto = platform.person("otto", "speaker").await;
    let ann = platform.person("ann", "attendee").await;
    platform.stream(&otto, "talk").await;
    let mut owner = enter(&platform, &otto).await;
    let mut member = enter(&platform, &ann).await;
    let mut ids = Vec::new();
    for question in ["first?", "second?", "third?"] {
        let asked = json!({"type": "ask", "text": question, "ref": question});
        member.say(asked.clone()).await;
        let id = member.answer(question).await["made"].clone();
        // Once, however often it is sent.
        member.say(asked).await;
        assert_eq!(member.answer(question).await["made"], id);
        ids.push(id);
    }
    let event = owner.event("questions").await;
    assert_eq!(event["questions"][0]["text"], "first?");
    assert_eq!(event["questions"][0]["author"]["name"], "ann");
    let vote = |n: usize, vote: bool| json!({"type": "upvote", "question": ids[n], "vote": vote});
    for (n, on) in [(1, true), (1, true), (2, true), (0, true), (0, false)] {
        done(&mut member, vote(n, on)).await;
    }
    done(&mut owner, vote(1, true)).await;
    loop {
        let event = member.event("questions").await;
        let voted = event["questions"].as_array().unwrap();
        if voted
            .iter()
            .any(|question| question["id"] == ids[1] && question["votes"] == 2)
        {
            break;
        }
    }
    let set =
        |n: usize, state: &str| json!({"type": "set_question", "question": ids[n], "state": state});
    not_done(&mut member, set(0, "pinned"), "forbidden").await;
    done(&mut owner, set(0, "pinned")).await;
    let page = ask(&mut member, json!({"type": "questions", "limit": 2})).await;
    let texts = |page: &Value, list: &str| -> Vec<String> {
        let questions = page[list].as_array().unwrap();
        questions
            .iter()
            .map(|one| one["text"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(texts(&page, "questions"), ["first?", "second?"]);
    assert_eq!(page["questions"][1]["voted"], true);
    let rest = ask(
        &mut member,
        json!({"type": "questions", "after": page["after"]}),
    )
    .await;
    assert_eq!(texts(&rest, "questions"), ["third?"]);
    assert_eq!(rest["after"], Value::Null);

    // Over HTTP: answered, and dismissed, by which others lose sight of it.
    let path = |n: usize| format!("{ROOM}/questions/{}", ids[n].as_str().unwrap());
    let answered = platform
        .by(&otto, Method::PATCH, &path(1))
        .json(&json!({"state": "answered"}));
    let answered = expect(answered, StatusCode::OK).await;
    assert!(answered["answered_at"].is_i64());
    let stale = platform
        .by(&otto, Method::PATCH, &path(1))
        .header("if-match", "\"1\"")
        .json(&json!({"state": "open"}));
    refused(stale, StatusCode::PRECONDITION_FAILED, "changed").await;
    let dismissed = platform
        .by(&otto, Method::PATCH, &path(2))
        .json(&json!({"state": "dismissed"}));
    expect(dismissed, StatusCode::OK).await;
    refused(
        platform.request(Method::GET, &path(2)),
        StatusCode::NOT_FOUND,
        "not_found",
    )
    .await;
    expect(platform.by(&ann, Method::GET, &path(2)), StatusCode::OK).await;
    let list = platform.request(Method::GET, &format!("{ROOM}/questions?order=newest"));
    let list = expect(list, StatusCode::OK).await;
    assert_eq!(texts(&list, "items"), ["second?", "first?"]);
    let list = platform.request(Method::GET, &format!("{ROOM}/questions?state=answered"));
    let list = expect(list, StatusCode::OK).await;
    assert_eq!(texts(&list, "items"), ["second?"]);
}

async fn e7_moderated_questions_wait_for_approval(platform: Platform) {
    let otto = platform.person("otto", "speaker").await;
    let ann = platform.person("ann", "attendee").await;
    platform.stream(&otto, "talk").await;
    set_rules(
        &platform,
        &otto,
        json!({"questions_moderated": true, "blocked_words": ["badword"]}),
    )
    .await;
    let mut owner = enter(&platform, &otto).await;
    let mut member = enter(&platform, &ann).await;
    let mut other = Link::websocket(&platform.server.url(), None).await;
    other.join("stream:talk", None).await;
    not_done(
        &mut member,
        json!({"type": "ask", "text": "badword?"}),
        "blocked_word",
    )
    .await;
    not_done(
        &mut other,
        json!({"type": "ask", "text": "me?"}),
        "read_only",
    )
    .await;
    let id = done(&mut member, json!({"type": "ask", "text": "why?"})).await["made"].clone();
    assert_eq!(
        owner.event("questions").await["questions"][0]["state"],
        "waiting"
    );
    let seen = ask(&mut other, json!({"type": "questions"})).await;
    assert_eq!(seen["questions"], json!([]));
    done(
        &mut owner,
        json!({"type": "set_question", "question": id, "state": "open"}),
    )
    .await;
    let event = other.event("questions").await;
    assert_eq!(event["questions"][0]["id"], id);
    assert_eq!(event["questions"][0]["state"], "open");
    done(
        &mut owner,
        json!({"type": "set_question", "question": id, "state": "dismissed"}),
    )
    .await;
    assert_eq!(
        other.event("questions").await["questions"][0]["removed"],
        true
    );
}

async fn e8_reactions_come_together_twice_a_second(platform: Platform) {
    let otto = platform.person("otto", "speaker").await;
    platform.stream(&otto, "talk").await;
    let mut reader = Link::websocket(&platform.server.url(), None).await;
    reader.join("stream:talk", None).await;
    let mut links = Vec::new();
    for n in 0..4 {
        let person = platform.person(&format!("ann{n}"), "attendee").await;
        links.push(enter(&platform, &person).await);
    }
    for link in &mut links {
        for _ in 0..10 {
            link.say(json!({"type": "react", "emoji": "🎉"})).await;
        }
        link.say(json!({"type": "react", "emoji": "👍"})).await;
    }
    let (mut party, mut thumbs, mut told) = (0, 0, 0);
    while party < 40 || thumbs < 4 {
        told += 1;
        for reaction in reader.event("reactions").await["reactions"]
            .as_array()
            .unwrap()
        {
            let count = reaction["count"].as_u64().unwrap();
            match reaction["emoji"].as_str().unwrap() {
                "🎉" => party += count,
                _ => thumbs += count,
            }
        }
    }
    assert_eq!((party, thumbs), (40, 4));
    assert!(told <= 8, "44 reactions in {told} messages");
    not_done(
        &mut links[0],
        json!({"type": "react", "emoji": "words"}),
        "bad_message",
    )
    .await;
    let mut refused = false;
    for _ in 0..30 {
        links[1]
            .say(json!({"type": "react", "emoji": "👍", "ref": "more"}))
            .await;
    }
    let answer = links[1].answer("more").await;
    refused |= answer["code"] == "too_fast";
    assert!(refused, "{answer}");
}

async fn e8_emotes_are_resolved_in_messages_and_on_them(platform: Platform) {
    let otto = platform.person("otto", "speaker").await;
    let root = platform.person("root", "admin").await;
    let ann = platform.person("ann", "attendee").await;
    platform.stream(&otto, "talk").await;
    let mut member = enter(&platform, &ann).await;
    let picture = platform
        .by(&otto, Method::POST, "/api/v1/images")
        .header("content-type", "image/png")
        .body(PNG);
    let picture = expect(picture, StatusCode::CREATED).await;
    let image = picture["id"].as_str().unwrap();
    let path = format!("{ROOM}/emotes");
    let wave = json!({"code": "wave", "image": image});
    refused(
        platform.by(&ann, Method::POST, &path).json(&wave),
        StatusCode::FORBIDDEN,
        "forbidden",
    )
    .await;
    expect(
        platform.by(&otto, Method::POST, &path).json(&wave),
        StatusCode::CREATED,
    )
    .await;
    let twice = platform.by(&otto, Method::POST, &path).json(&wave);
    refused(twice, StatusCode::CONFLICT, "conflict").await;
    let site = platform
        .by(&root, Method::POST, "/api/v1/admin/emotes")
        .json(&json!({"code": "ok", "image": image}));
    expect(site, StatusCode::CREATED).await;
    let unknown = json!({"code": "other", "image": "0".repeat(64)});
    let unknown = platform.by(&otto, Method::POST, &path).json(&unknown);
    refused(unknown, StatusCode::UNPROCESSABLE_ENTITY, "unprocessable").await;
    let bad = json!({"code": "a b", "image": image});
    let bad = platform.by(&otto, Method::POST, &path).json(&bad);
    refused(bad, StatusCode::BAD_REQUEST, "bad_request").await;

    // Who is there is told; who comes gets all of them.
    loop {
        let event = member.event("emotes").await;
        if event["emotes"].as_array().unwrap().len() == 2 {
            break;
        }
    }
    let mut late = Link::websocket(&platform.server.url(), None).await;
    let joined = late.join("stream:talk", None).await;
    assert_eq!(joined["emotes"][0]["code"], "ok");
    assert_eq!(joined["emotes"][1], wave);
    let sent = done(&mut member, text("hi :wave: :wave: :nope: :ok:")).await;
    let event = late.event("message").await;
    let codes: Vec<_> = event["message"]["emotes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["code"])
        .collect();
    assert_eq!(codes, ["wave", "ok"]);

    // Reactions on the message, counted once a member.
    let mut owner = enter(&platform, &otto).await;
    let react = |emoji: &str, on: bool| json!({"type": "react_to_message", "id": sent["id"], "emoji": emoji, "on": on});
    done(&mut member, react("👍", true)).await;
    done(&mut member, react("👍", true)).await;
    done(&mut owner, react("👍", true)).await;
    done(&mut owner, react(":wave:", true)).await;
    not_done(&mut owner, react(":nope:", true), "bad_message").await;
    let expected = json!([{"emoji": "👍", "count": 2}, {"emoji": ":wave:", "count": 1}]);
    loop {
        let event = late.event("message_reactions").await;
        if event["messages"][0]["reactions"] == expected {
            assert_eq!(event["messages"][0]["id"], sent["id"]);
            break;
        }
    }
    done(&mut owner, react(":wave:", false)).await;
    tokio::time::sleep(Duration::from_millis(800)).await;
    let mut later = Link::websocket(&platform.server.url(), None).await;
    later.join("stream:talk", None).await;
    assert_eq!(
        later.history[0]["reactions"],
        json!([{"emoji": "👍", "count": 2}])
    );
    assert_eq!(later.history[0]["emotes"][0], wave);
    let chat = platform.request(Method::GET, "/api/v1/streams/talk/chat");
    let chat = expect(chat, StatusCode::OK).await;
    assert_eq!(chat["items"][0]["reactions"][0]["count"], 2);

    let remove = platform.by(&otto, Method::DELETE, &format!("{path}/wave"));
    expect(remove, StatusCode::NO_CONTENT).await;
    done(&mut member, text(":wave:")).await;
    assert_eq!(
        late.event("message").await["message"]["emotes"],
        Value::Null
    );
}

/// One pixel.
const PNG: &[u8] = &[
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13, 0x49, 0x48, 0x44, 0x52, 0, 0, 0,
    1, 0, 0, 0, 1, 8, 6, 0, 0, 0, 0x1f, 0x15, 0xc4, 0x89, 0, 0, 0, 13, 0x49, 0x44, 0x41, 0x54,
    0x78, 0x9c, 0x63, 0x64, 0x60, 0xf8, 0x5f, 0x0f, 0, 2, 0x87, 1, 0x80, 0xeb, 0x47, 0xba, 0x92, 0,
    0, 0, 0, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82,
];
