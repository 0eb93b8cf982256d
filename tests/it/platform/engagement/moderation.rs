//! Moderation.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{ROOM, ask, done, enter, guest, not_done, set_rules, text};
use crate::platform::{
    rooms::link::Link,
    server::{Platform, expect, on_both, refused},
};

on_both!(
    e3_pins_stand_in_the_audit_log,
    e4_moderators_delete_purge_and_time_out,
    e4_a_ban_ends_membership_at_once_and_survives,
    e4_guests_are_banned_by_address,
    e4_who_is_shadow_banned_does_not_notice,
    e4_nobody_acts_on_equals_owners_and_admins,
    e4_the_audit_log_says_who_did_what,
    e4_changes_of_another_process_act_within_a_second,
);

async fn e3_pins_stand_in_the_audit_log(platform: Platform) {
    let otto = platform.person("otto", "speaker").await;
    platform.stream(&otto, "talk").await;
    let mut owner = enter(&platform, &otto).await;
    let (id, _) = owner.send("a", "pin this").await;
    done(&mut owner, json!({"type": "pin", "id": id})).await;
    done(&mut owner, json!({"type": "unpin", "id": id})).await;
    let log = platform.by(&otto, Method::GET, &format!("{ROOM}/audit"));
    let log = expect(log, StatusCode::OK).await;
    let lines: Vec<_> = log["items"].as_array().unwrap().iter().collect();
    assert_eq!((lines.len(), &lines[0]["action"]), (2, &json!("unpin")));
    assert_eq!(
        (&lines[1]["action"], &lines[1]["target"]),
        (&json!("pin"), &json!(id))
    );
}

async fn e4_moderators_delete_purge_and_time_out(platform: Platform) {
    let otto = platform.person("otto", "speaker").await;
    let mod_ = platform.person("mod", "attendee").await;
    let ann = platform.person("ann", "attendee").await;
    platform.stream(&otto, "talk").await;
    let mut keeper = enter(&platform, &mod_).await;
    let mut member = enter(&platform, &ann).await;
    let mut reader = Link::websocket(&platform.server.url(), None).await;
    reader.join("stream:talk", None).await;
    let timeout = |seconds: u32| json!({"type": "ban", "member": "user:ann", "kind": "timeout", "seconds": seconds});
    not_done(&mut keeper, timeout(60), "forbidden").await;
    // Made a moderator, one joins again as one.
    let path = format!("{ROOM}/moderators/mod");
    refused(
        platform.by(&ann, Method::PUT, &path),
        StatusCode::FORBIDDEN,
        "forbidden",
    )
    .await;
    expect(
        platform.by(&otto, Method::PUT, &path),
        StatusCode::NO_CONTENT,
    )
    .await;
    assert_eq!(keeper.message("closed").await["reason"], "changed");
    let joined = keeper.join("stream:talk", None).await;
    assert_eq!(joined["you"]["moderator"], true);
    let list = platform.by(&otto, Method::GET, &format!("{ROOM}/moderators"));
    assert_eq!(expect(list, StatusCode::OK).await[0]["name"], "mod");

    let (first, _) = member.send("1", "one").await;
    member.send("2", "two").await;
    let delete = platform.by(
        &mod_,
        Method::DELETE,
        &format!("/api/v1/streams/talk/chat/{first}?reason=rude"),
    );
    expect(delete, StatusCode::NO_CONTENT).await;
    let changed = reader.event("changed").await;
    assert_eq!(
        (&changed["message"]["id"], &changed["message"]["deleted"]),
        (&json!(first), &json!(true))
    );
    done(
        &mut keeper,
        json!({"type": "purge", "member": "user:ann", "reason": "spam"}),
    )
    .await;
    assert_eq!(reader.event("purged").await["author"], "user:ann");
    let mut late = Link::websocket(&platform.server.url(), None).await;
    late.join("stream:talk", None).await;
    assert!(
        late.history
            .iter()
            .all(|message| message["deleted"] == true)
    );

    not_done(
        &mut keeper,
        json!({"type": "ban", "member": "user:ann", "kind": "timeout"}),
        "bad_message",
    )
    .await;
    not_done(&mut keeper, timeout(0), "bad_message").await;
    not_done(
        &mut keeper,
        json!({"type": "ban", "member": "user:none", "kind": "ban"}),
        "not_found",
    )
    .await;
    done(&mut keeper, timeout(2)).await;
    let refusal = not_done(&mut member, text("quiet?"), "timed_out").await;
    let wait = refusal["retry_after_ms"].as_u64().unwrap();
    assert!((1..=2001).contains(&wait), "{wait}");
    // Nor does coming again help, nor asking questions.
    let mut again = enter(&platform, &ann).await;
    not_done(&mut again, text("quiet?"), "timed_out").await;
    not_done(
        &mut again,
        json!({"type": "ask", "text": "quiet?"}),
        "timed_out",
    )
    .await;
    tokio::time::sleep(Duration::from_millis(wait)).await;
    done(&mut again, text("back")).await;
    // No moderator any more.
    expect(
        platform.by(&otto, Method::DELETE, &path),
        StatusCode::NO_CONTENT,
    )
    .await;
    assert_eq!(keeper.message("closed").await["reason"], "changed");
    keeper.join("stream:talk", None).await;
    not_done(&mut keeper, timeout(60), "forbidden").await;
}

async fn e4_a_ban_ends_membership_at_once_and_survives(mut platform: Platform) {
    let otto = platform.person("otto", "speaker").await;
    let ann = platform.person("ann", "attendee").await;
    platform.stream(&otto, "talk").await;
    let mut member = enter(&platform, &ann).await;
    let ban = json!({"member": "user:ann", "kind": "ban", "reason": "spam"});
    let request = platform
        .by(&otto, Method::POST, &format!("{ROOM}/bans"))
        .json(&ban);
    let ban = expect(request, StatusCode::CREATED).await;
    assert_eq!((&ban["by"], &ban["name"]), (&json!("otto"), &json!("ann")));
    assert_eq!(member.message("closed").await["reason"], "banned");
    let join = json!({"type": "join", "room": "stream:talk"});
    not_done(&mut member, join.clone(), "banned").await;
    let over_http = platform
        .by(&ann, Method::POST, &format!("{ROOM}/questions"))
        .json(&json!({"text": "why?"}));
    refused(over_http, StatusCode::FORBIDDEN, "forbidden").await;

    platform.server.kill_and_restart().await.unwrap();
    let otto = platform.log_in("otto").await;
    let ann = platform.log_in("ann").await;
    let base = platform.server.url();
    let mut member = Link::websocket(&base, Some(&ann.token)).await;
    not_done(&mut member, join.clone(), "banned").await;
    let list = platform.by(&otto, Method::GET, &format!("{ROOM}/bans"));
    let list = expect(list, StatusCode::OK).await;
    assert_eq!(list["items"][0]["id"], ban["id"]);
    // Not the address, in whatever form.
    assert!(!list.to_string().contains("127.0.0.1"), "{list}");
    let path = format!("{ROOM}/bans/{}", ban["id"].as_str().unwrap());
    expect(
        platform.by(&otto, Method::DELETE, &path),
        StatusCode::NO_CONTENT,
    )
    .await;
    refused(
        platform.by(&otto, Method::GET, &path),
        StatusCode::NOT_FOUND,
        "not_found",
    )
    .await;
    member.join("stream:talk", None).await;
    done(&mut member, text("back")).await;
}

async fn e4_guests_are_banned_by_address(platform: Platform) {
    let otto = platform.person("otto", "speaker").await;
    let ann = platform.person("ann", "attendee").await;
    platform.stream(&otto, "talk").await;
    set_rules(&platform, &otto, json!({"guests": true})).await;
    let mut owner = enter(&platform, &otto).await;
    let mut member = enter(&platform, &ann).await;
    let (mut zoe, joined) = guest(&platform, "Zoe").await;
    let id = joined["you"]["id"].clone();
    done(
        &mut owner,
        json!({"type": "ban", "member": id, "kind": "ban"}),
    )
    .await;
    assert_eq!(zoe.message("closed").await["reason"], "banned");
    // Under another name and without the secret it is somebody else, but from the same address.
    let mut other = Link::websocket(&platform.server.url(), None).await;
    let join = json!({"type": "join", "room": "stream:talk", "nickname": "Eve"});
    not_done(&mut other, join.clone(), "banned").await;
    // Accounts are told apart without addresses.
    done(&mut member, text("still here")).await;
    done(&mut owner, json!({"type": "unban", "member": id})).await;
    other.enter(join).await;
    not_done(
        &mut owner,
        json!({"type": "unban", "member": id}),
        "not_found",
    )
    .await;
}

async fn e4_who_is_shadow_banned_does_not_notice(platform: Platform) {
    let otto = platform.person("otto", "speaker").await;
    let ann = platform.person("ann", "attendee").await;
    platform.stream(&otto, "talk").await;
    let mut owner = enter(&platform, &otto).await;
    let mut member = enter(&platform, &ann).await;
    let mut reader = Link::websocket(&platform.server.url(), None).await;
    reader.join("stream:talk", None).await;
    done(
        &mut owner,
        json!({"type": "ban", "member": "user:ann", "kind": "shadow"}),
    )
    .await;
    let (hidden, _) = member.send("1", "can you read this?").await;
    let own = member.event("message").await;
    assert_eq!(
        (&own["message"]["id"], &own["message"]["hidden"]),
        (&json!(hidden), &Value::Null)
    );
    let seen = owner.event("message").await;
    assert_eq!(
        (&seen["message"]["id"], &seen["message"]["hidden"]),
        (&json!(hidden), &json!(true))
    );
    let (open, _) = owner.send("2", "anybody here?").await;
    assert_eq!(reader.event("message").await["message"]["id"], open);
    // Nor in the history, where the author finds it.
    let mut late = Link::websocket(&platform.server.url(), None).await;
    late.join("stream:talk", None).await;
    assert_eq!(late.messages(), std::slice::from_ref(&open));
    let again = enter(&platform, &ann).await;
    assert_eq!(again.messages(), [hidden.clone(), open.clone()]);
    let chat = platform.request(Method::GET, "/api/v1/streams/talk/chat");
    assert!(
        !expect(chat, StatusCode::OK)
            .await
            .to_string()
            .contains("can you read")
    );
    // A question waits, and a reaction goes nowhere.
    done(&mut member, json!({"type": "ask", "text": "hello?"})).await;
    let page = ask(&mut late, json!({"type": "questions"})).await;
    assert_eq!(page["questions"], json!([]));
    let page = ask(&mut member, json!({"type": "questions"})).await;
    assert_eq!(page["questions"][0]["text"], "hello?");
    done(
        &mut owner,
        json!({"type": "unban", "member": "user:ann", "kind": "shadow"}),
    )
    .await;
    let (open, _) = member.send("3", "and now?").await;
    assert_eq!(reader.event("message").await["message"]["id"], open);
}

async fn e4_nobody_acts_on_equals_owners_and_admins(platform: Platform) {
    let otto = platform.person("otto", "speaker").await;
    let site = platform.person("site", "moderator").await;
    platform.person("root", "admin").await;
    for name in ["mod1", "mod2"] {
        platform.person(name, "attendee").await;
    }
    platform.person("ann", "attendee").await;
    platform.stream(&otto, "talk").await;
    for name in ["mod1", "mod2"] {
        let add = platform.by(&otto, Method::PUT, &format!("{ROOM}/moderators/{name}"));
        expect(add, StatusCode::NO_CONTENT).await;
    }
    let mod1 = platform.log_in("mod1").await;
    let ban = |name: &str| json!({"member": format!("user:{name}"), "kind": "shadow"});
    for (by, whom, status) in [
        (&mod1, "otto", StatusCode::FORBIDDEN),
        (&mod1, "root", StatusCode::FORBIDDEN),
        (&mod1, "site", StatusCode::FORBIDDEN),
        (&mod1, "mod2", StatusCode::FORBIDDEN),
        (&mod1, "mod1", StatusCode::FORBIDDEN),
        (&mod1, "ann", StatusCode::CREATED),
        (&otto, "mod2", StatusCode::CREATED),
        (&otto, "otto", StatusCode::FORBIDDEN),
        (&otto, "site", StatusCode::FORBIDDEN),
        (&site, "otto", StatusCode::FORBIDDEN),
        (&site, "root", StatusCode::FORBIDDEN),
        (&site, "mod1", StatusCode::CREATED),
    ] {
        let path = format!("{ROOM}/bans");
        expect(
            platform.by(by, Method::POST, &path).json(&ban(whom)),
            status,
        )
        .await;
        let purge = platform
            .by(by, Method::POST, &format!("{ROOM}/purges"))
            .json(&json!({"member": format!("user:{whom}")}));
        let status = match status {
            StatusCode::CREATED => StatusCode::NO_CONTENT,
            other => other,
        };
        expect(purge, status).await;
    }
    // Nor are their single messages theirs to delete.
    let mut owner = enter(&platform, &otto).await;
    let (id, _) = owner.send("x", "mine").await;
    let path = format!("/api/v1/streams/talk/chat/{id}");
    refused(
        platform.by(&mod1, Method::DELETE, &path),
        StatusCode::FORBIDDEN,
        "forbidden",
    )
    .await;
}

async fn e4_the_audit_log_says_who_did_what(platform: Platform) {
    let otto = platform.person("otto", "speaker").await;
    let ann = platform.person("ann", "attendee").await;
    let root = platform.person("root", "admin").await;
    platform.stream(&otto, "talk").await;
    set_rules(&platform, &otto, json!({"slow_ms": 1000})).await;
    for kind in ["shadow", "ban"] {
        let request = platform
            .by(&otto, Method::POST, &format!("{ROOM}/bans"))
            .json(&json!({"member": "user:ann", "kind": kind, "reason": format!("a {kind}")}));
        expect(request, StatusCode::CREATED).await;
    }
    let path = format!("{ROOM}/audit");
    refused(
        platform.by(&ann, Method::GET, &path),
        StatusCode::FORBIDDEN,
        "forbidden",
    )
    .await;
    let mut lines = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = platform.by(&root, Method::GET, &format!("{path}?limit=2{cursor}"));
        let page = expect(page, StatusCode::OK).await;
        lines.extend(page["items"].as_array().unwrap().clone());
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let actions: Vec<_> = lines
        .iter()
        .map(|line| line["action"].as_str().unwrap())
        .collect();
    assert_eq!(actions, ["ban", "shadow", "rules"]);
    assert_eq!(lines[0]["by"], "otto");
    assert_eq!(lines[0]["target"], "user:ann");
    assert_eq!(lines[0]["reason"], "a ban");
    assert!(lines[0]["at"].is_i64());
    // It outlives the room, for admins.
    let delete = platform.by(&otto, Method::DELETE, "/api/v1/streams/talk");
    expect(delete, StatusCode::NO_CONTENT).await;
    let all = platform.by(&root, Method::GET, "/api/v1/admin/audit");
    let all = expect(all, StatusCode::OK).await;
    assert_eq!(all["items"].as_array().unwrap().len(), 3);
    assert_eq!(all["items"][0]["room"], "stream:talk");
}

async fn e4_changes_of_another_process_act_within_a_second(platform: Platform) {
    let otto = platform.person("otto", "speaker").await;
    let ann = platform.person("ann", "attendee").await;
    platform.stream(&otto, "talk").await;
    let mut member = enter(&platform, &ann).await;
    done(&mut member, text("fine")).await;
    // What another node would do.
    let db = weir_db::Db::open(&platform.database()).await.unwrap();
    let stream = db
        .stream_by_slug(&"talk".parse().unwrap())
        .await
        .unwrap()
        .unwrap();
    let room = db
        .open_room(weir_db::RoomSubject::Stream(stream.id))
        .await
        .unwrap();
    let mut rules = db.room_rules(room.id).await.unwrap();
    rules.chat = false;
    db.set_room_rules(room.id, &rules).await.unwrap();
    let start = std::time::Instant::now();
    assert_eq!(member.event("settings").await["settings"]["chat"], false);
    assert!(
        start.elapsed() < Duration::from_millis(1500),
        "{:?}",
        start.elapsed()
    );
    not_done(&mut member, text("off?"), "chat_off").await;
    db.close().await;
}
