//! P3 and P4.

use reqwest::{Method, StatusCode, header};
use serde_json::json;

use super::with;
use crate::platform::server::{Person, Platform, expect, on_both, refused};

on_both!(
    p3_roles_decide_what_people_may_do,
    p3_there_is_always_an_admin,
    p3_users_are_managed_by_the_command_line,
    p4_creators_are_approved_by_admins,
    p4_whoever_asks_may_stream_where_nobody_decides,
);

async fn make_stream(platform: &Platform, person: &Person, slug: &str, status: StatusCode) {
    let create = platform
        .by(person, Method::POST, "/api/v1/streams")
        .json(&json!({ "slug": slug }));
    expect(create, status).await;
}

async fn p3_roles_decide_what_people_may_do(platform: Platform) {
    let root = platform.person("root", "admin").await;
    let ann = platform.person("ann", "attendee").await;
    let mia = platform.person("mia", "moderator").await;
    make_stream(&platform, &ann, "early", StatusCode::FORBIDDEN).await;
    make_stream(&platform, &mia, "mia", StatusCode::CREATED).await;
    let users = "/api/v1/admin/users";
    for person in [&ann, &mia] {
        refused(
            platform.by(person, Method::GET, users),
            StatusCode::FORBIDDEN,
            "forbidden",
        )
        .await;
    }
    refused(
        platform.request(Method::GET, users),
        StatusCode::UNAUTHORIZED,
        "unauthorized",
    )
    .await;

    let account = platform.by(&root, Method::GET, "/api/v1/admin/users/ann");
    let account = account.send().await.unwrap();
    let tag = account.headers()[header::ETAG].to_str().unwrap().to_owned();
    let edit = |tag: &str| {
        platform
            .by(&root, Method::PATCH, "/api/v1/admin/users/ann")
            .header(header::IF_MATCH, tag)
            .json(&json!({"role": "speaker"}))
    };
    let changed = expect(edit(&tag), StatusCode::OK).await;
    assert_eq!(
        (&changed["role"], &changed["approved"]),
        (&json!("speaker"), &json!(true))
    );
    refused(edit(&tag), StatusCode::PRECONDITION_FAILED, "changed").await;
    make_stream(&platform, &ann, "ann", StatusCode::CREATED).await;
    let told = platform.by(&ann, Method::GET, "/api/v1/me/notifications");
    let told = expect(told, StatusCode::OK).await;
    assert_eq!(told["items"][0]["payload"]["role"], "speaker");

    let list = async |query: &str| {
        let path = format!("{users}?{query}");
        let list = expect(platform.by(&root, Method::GET, &path), StatusCode::OK).await;
        let items = list["items"].as_array().unwrap().clone();
        items
            .iter()
            .map(|item| item["name"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(list("q=AN").await, ["ann"]);
    assert_eq!(list("role=moderator").await, ["mia"]);
    assert_eq!(list("state=disabled").await, [""; 0]);
    let lock = platform
        .by(&root, Method::PATCH, "/api/v1/admin/users/ann")
        .json(&json!({"disabled": true}));
    expect(lock, StatusCode::OK).await;
    let me = platform.by(&ann, Method::GET, "/api/v1/me");
    refused(me, StatusCode::UNAUTHORIZED, "unauthorized").await;
    assert_eq!(list("state=disabled").await, ["ann"]);
    let gone = platform.by(&root, Method::DELETE, "/api/v1/admin/users/ann");
    expect(gone, StatusCode::NO_CONTENT).await;
    let stream = platform.request(Method::GET, "/api/v1/streams/ann");
    refused(stream, StatusCode::NOT_FOUND, "not_found").await;
}

async fn p3_there_is_always_an_admin(platform: Platform) {
    let root = platform.person("root", "admin").await;
    // Made by the first start.
    let other = platform.by(&root, Method::DELETE, "/api/v1/admin/users/admin");
    expect(other, StatusCode::NO_CONTENT).await;
    for change in [json!({"role": "speaker"}), json!({"disabled": true})] {
        let change = platform
            .by(&root, Method::PATCH, "/api/v1/admin/users/root")
            .json(&change);
        refused(change, StatusCode::CONFLICT, "conflict").await;
    }
    let leave = platform.by(&root, Method::DELETE, "/api/v1/admin/users/root");
    refused(leave, StatusCode::CONFLICT, "conflict").await;
    let password = json!({"password": crate::platform::server::PASSWORD});
    let leave = platform
        .by(&root, Method::DELETE, "/api/v1/me")
        .json(&password);
    refused(leave, StatusCode::CONFLICT, "conflict").await;
    expect(
        platform.by(&root, Method::GET, "/api/v1/me"),
        StatusCode::OK,
    )
    .await;
}

async fn p3_users_are_managed_by_the_command_line(platform: Platform) {
    let ann = platform.person("ann", "attendee").await;
    platform.command(&["user", "set-role", "--name", "ann", "--role", "speaker"]);
    make_stream(&platform, &ann, "ann", StatusCode::CREATED).await;
    let list = platform.command(&["user", "list", "--search", "an", "--json"]);
    let list: serde_json::Value = serde_json::from_str(&list).unwrap();
    assert_eq!(list[0]["name"], "ann");
    assert_eq!(list[0]["role"], "speaker");
    let new = platform.command(&["user", "set-password", "--name", "ann", "--json"]);
    let new: serde_json::Value = serde_json::from_str(&new).unwrap();
    let login = |password: &serde_json::Value| {
        platform
            .request(Method::POST, "/api/v1/login")
            .json(&json!({"name": "ann", "password": password}))
    };
    let old = json!(crate::platform::server::PASSWORD);
    refused(login(&old), StatusCode::UNAUTHORIZED, "unauthorized").await;
    expect(login(&new["password"]), StatusCode::OK).await;
    // Who was logged in is not any more.
    let me = platform.by(&ann, Method::GET, "/api/v1/me");
    refused(me, StatusCode::UNAUTHORIZED, "unauthorized").await;
    platform.command(&["user", "disable", "--name", "ann"]);
    let locked = login(&new["password"]).send().await.unwrap();
    assert!(locked.status().is_client_error(), "{}", locked.status());
    platform.command(&["user", "disable", "--name", "ann", "--undo"]);
    expect(login(&new["password"]), StatusCode::OK).await;
    let last = platform
        .server
        .command(&["user", "set-role", "--name", "admin", "--role", "attendee"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&last.stderr).into_owned();
    assert!(said.contains("last admin"), "{said}");
}

async fn p4_creators_are_approved_by_admins(platform: Platform) {
    let platform = with(platform, &[("WEIR_ACCOUNTS_CREATOR_APPROVAL", "true")]).await;
    let root = platform.person("root", "admin").await;
    let ann = platform.person("ann", "attendee").await;
    let bob = platform.person("bob", "speaker").await;
    let apply = |text: &str| {
        platform
            .by(&ann, Method::POST, "/api/v1/me/creator-application")
            .json(&json!({ "text": text }))
    };
    let mine = || platform.by(&ann, Method::GET, "/api/v1/me/creator-application");
    assert_eq!(expect(mine(), StatusCode::OK).await, json!(null));
    refused(apply(" "), StatusCode::BAD_REQUEST, "bad_request").await;
    let asked = expect(apply("I sing"), StatusCode::CREATED).await;
    assert_eq!(asked["state"], "pending");
    refused(apply("I sing!"), StatusCode::CONFLICT, "conflict").await;
    make_stream(&platform, &ann, "songs", StatusCode::FORBIDDEN).await;

    let list = "/api/v1/admin/creator-applications";
    refused(
        platform.by(&bob, Method::GET, list),
        StatusCode::FORBIDDEN,
        "forbidden",
    )
    .await;
    let waiting = expect(platform.by(&root, Method::GET, list), StatusCode::OK).await;
    assert_eq!(waiting["items"][0]["text"], "I sing");
    let decide = |person, approved: bool| {
        let path = format!("{list}/ann/decision");
        let decision = json!({"approved": approved, "reason": "because"});
        platform.by(person, Method::POST, &path).json(&decision)
    };
    refused(decide(&bob, true), StatusCode::FORBIDDEN, "forbidden").await;
    expect(decide(&root, false), StatusCode::NO_CONTENT).await;
    refused(decide(&root, true), StatusCode::NOT_FOUND, "not_found").await;
    make_stream(&platform, &ann, "songs", StatusCode::FORBIDDEN).await;
    let mine = expect(mine(), StatusCode::OK).await;
    assert_eq!(
        (&mine["state"], &mine["reason"]),
        (&json!("rejected"), &json!("because"))
    );

    expect(apply("I sing better now"), StatusCode::CREATED).await;
    expect(decide(&root, true), StatusCode::NO_CONTENT).await;
    make_stream(&platform, &ann, "songs", StatusCode::CREATED).await;
    let told = platform.by(&ann, Method::GET, "/api/v1/me/notifications");
    let told = expect(told, StatusCode::OK).await;
    assert_eq!(told["items"][0]["kind"], "approval");
    assert_eq!(told["items"][0]["payload"]["approved"], true);

    // A creator manages its own streams and no others.
    let theirs = platform.by(&bob, Method::DELETE, "/api/v1/streams/songs");
    refused(theirs, StatusCode::FORBIDDEN, "forbidden").await;
    let take_back = platform
        .by(&root, Method::PATCH, "/api/v1/admin/users/ann")
        .json(&json!({"approved": false}));
    expect(take_back, StatusCode::OK).await;
    make_stream(&platform, &ann, "more-songs", StatusCode::FORBIDDEN).await;
    let unapproved = platform.by(&root, Method::GET, "/api/v1/admin/users?state=unapproved");
    let unapproved = expect(unapproved, StatusCode::OK).await;
    assert_eq!(unapproved["items"][0]["name"], "ann");
}

async fn p4_whoever_asks_may_stream_where_nobody_decides(platform: Platform) {
    let ann = platform.person("ann", "attendee").await;
    make_stream(&platform, &ann, "songs", StatusCode::FORBIDDEN).await;
    let apply = || {
        platform
            .by(&ann, Method::POST, "/api/v1/me/creator-application")
            .json(&json!({"text": "I sing"}))
    };
    let granted = expect(apply(), StatusCode::CREATED).await;
    assert_eq!(granted["state"], "approved");
    make_stream(&platform, &ann, "songs", StatusCode::CREATED).await;
    refused(apply(), StatusCode::CONFLICT, "conflict").await;
}
