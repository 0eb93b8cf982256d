//! P6 and P7.

use std::sync::Arc;

use reqwest::{Method, StatusCode};
use serde_json::json;

use super::{mailbox::Mailbox, with};
use crate::{
    media::Video,
    platform::server::{Platform, expect, on_both, refused},
    program::until,
    webrtc_client::Publisher,
};

on_both!(
    p6_followers_are_told_when_a_creator_goes_live,
    p6_lists_of_people_go_by_pages,
    p7_who_is_blocked_neither_follows_nor_is_told,
);

async fn p6_followers_are_told_when_a_creator_goes_live(platform: Platform) {
    let mailbox = Mailbox::open().await;
    let platform = with(platform, &[("WEIR_MAIL_SMTP_URL", &mailbox.url)]).await;
    let ann = platform.person("ann", "speaker").await;
    let bob = platform.person("bob", "attendee").await;
    let cid = platform.person("cid", "attendee").await;
    for person in [&bob, &bob, &cid] {
        let follow = platform.by(person, Method::PUT, "/api/v1/me/following/ann");
        expect(follow, StatusCode::NO_CONTENT).await;
    }
    let told = async |person, unread: &str| {
        let path = format!("/api/v1/me/notifications{unread}");
        expect(platform.by(person, Method::GET, &path), StatusCode::OK).await
    };
    let new = told(&ann, "?unread=true").await;
    assert_eq!(new["items"].as_array().unwrap().len(), 2, "{new}");
    assert_eq!(new["items"][1]["kind"], "follower");
    assert_eq!(new["items"][1]["payload"]["user"], "bob");

    // Bob wants a mail and has an address; Cid wants to hear nothing.
    let email = json!({"email": "Bob@example.org", "password": crate::platform::server::PASSWORD});
    let email = platform
        .by(&bob, Method::POST, "/api/v1/me/email")
        .json(&email);
    expect(email, StatusCode::ACCEPTED).await;
    let token = mailbox.mail("bob@example.org", "Confirm").await.token();
    let confirm = || {
        platform
            .request(Method::POST, "/api/v1/email-confirmation")
            .json(&json!({"token": token}))
    };
    expect(confirm(), StatusCode::NO_CONTENT).await;
    refused(confirm(), StatusCode::BAD_REQUEST, "bad_request").await;
    let wish = |person, kind: &str, in_app: bool, by_mail: bool| {
        let path = format!("/api/v1/me/notification-settings/{kind}");
        let wish = json!({"in_app": in_app, "by_mail": by_mail});
        platform.by(person, Method::PUT, &path).json(&wish)
    };
    expect(
        wish(&bob, "stream_live", true, true),
        StatusCode::NO_CONTENT,
    )
    .await;
    expect(
        wish(&cid, "stream_live", false, false),
        StatusCode::NO_CONTENT,
    )
    .await;
    let raid = wish(&bob, "raid", true, true);
    refused(raid, StatusCode::BAD_REQUEST, "bad_request").await;
    let odd = wish(&bob, "odd", true, false);
    refused(odd, StatusCode::NOT_FOUND, "not_found").await;
    let settings = platform.by(&bob, Method::GET, "/api/v1/me/notification-settings");
    let settings = expect(settings, StatusCode::OK).await;
    assert_eq!(
        settings[0],
        json!({"kind": "stream_live", "in_app": true, "by_mail": true})
    );

    let access = platform.stream(&ann, "songs").await;
    let whip = access["whip_url"].as_str().unwrap();
    let key = access["key"].as_str().unwrap();
    let publisher = Publisher::start(whip, key, Arc::new(Video::h264())).await;
    until("bob is told", || async {
        let news = told(&bob, "").await;
        news["items"][0]["kind"] == "stream_live" && news["items"][0]["payload"]["slug"] == "songs"
    })
    .await;
    let mail = mailbox.mail("bob@example.org", "ann is live").await;
    assert!(mail.body.contains("/@songs"), "{}", mail.body);
    assert_eq!(told(&cid, "").await["items"], json!([]));

    let unread = async || {
        let unread = platform.by(&bob, Method::GET, "/api/v1/me/notifications/unread");
        expect(unread, StatusCode::OK).await["unread"].clone()
    };
    assert_eq!(unread().await, 1);
    let id = told(&bob, "").await["items"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let one = format!("/api/v1/me/notifications/{id}/read");
    expect(platform.by(&bob, Method::PUT, &one), StatusCode::NO_CONTENT).await;
    assert_eq!(unread().await, 0);
    refused(
        platform.by(&cid, Method::PUT, &one),
        StatusCode::NOT_FOUND,
        "not_found",
    )
    .await;
    let all = platform
        .by(&ann, Method::POST, "/api/v1/me/notifications/read")
        .json(&json!({}));
    expect(all, StatusCode::NO_CONTENT).await;
    assert_eq!(told(&ann, "?unread=true").await["items"], json!([]));
    publisher.close().await;
}

async fn p6_lists_of_people_go_by_pages(platform: Platform) {
    let names = ["ann", "bob", "cid", "dan"];
    let mut people = Vec::new();
    for name in names {
        people.push(platform.person(name, "attendee").await);
    }
    for person in &people[1..] {
        let follow = platform.by(person, Method::PUT, "/api/v1/me/following/ann");
        expect(follow, StatusCode::NO_CONTENT).await;
    }
    let list =
        async |path: String| expect(platform.request(Method::GET, &path), StatusCode::OK).await;
    let first = list("/api/v1/users/ann/followers?limit=2".into()).await;
    assert_eq!(first["items"][0]["name"], "dan", "newest first");
    let next = first["next"].as_str().unwrap();
    let rest = list(format!("/api/v1/users/ann/followers?limit=2&cursor={next}")).await;
    assert_eq!(rest["items"].as_array().unwrap().len(), 1);
    assert_eq!(rest["items"][0]["name"], "bob");
    assert!(rest.get("next").is_none());
    assert_eq!(
        list("/api/v1/users/bob/following".into()).await["items"][0]["name"],
        "ann"
    );
    let profile = platform.by(&people[1], Method::GET, "/api/v1/users/ann");
    let profile = expect(profile, StatusCode::OK).await;
    assert_eq!(
        (&profile["followers"], &profile["followed_by_you"]),
        (&json!(3), &json!(true))
    );

    for _ in 0..2 {
        let unfollow = platform.by(&people[1], Method::DELETE, "/api/v1/me/following/ann");
        expect(unfollow, StatusCode::NO_CONTENT).await;
    }
    let own = platform.by(&people[0], Method::PUT, "/api/v1/me/following/ann");
    refused(own, StatusCode::BAD_REQUEST, "bad_request").await;
    let nobody = platform.by(&people[0], Method::PUT, "/api/v1/me/following/nobody");
    refused(nobody, StatusCode::NOT_FOUND, "not_found").await;
    let followers = list("/api/v1/users/ann/followers".into()).await;
    assert_eq!(followers["items"].as_array().unwrap().len(), 2);
    for bad in ["limit=0", "limit=101", "cursor=x", "other=1"] {
        let path = format!("/api/v1/users/ann/followers?{bad}");
        refused(
            platform.request(Method::GET, &path),
            StatusCode::BAD_REQUEST,
            "bad_request",
        )
        .await;
    }
}

async fn p7_who_is_blocked_neither_follows_nor_is_told(platform: Platform) {
    let ann = platform.person("ann", "speaker").await;
    let bob = platform.person("bob", "attendee").await;
    let follow = || platform.by(&bob, Method::PUT, "/api/v1/me/following/ann");
    expect(follow(), StatusCode::NO_CONTENT).await;
    for _ in 0..2 {
        let block = platform.by(&ann, Method::PUT, "/api/v1/me/blocks/bob");
        expect(block, StatusCode::NO_CONTENT).await;
    }
    let profile = platform.request(Method::GET, "/api/v1/users/ann");
    assert_eq!(expect(profile, StatusCode::OK).await["followers"], 0);
    refused(follow(), StatusCode::NOT_FOUND, "not_found").await;
    let blocks = platform.by(&ann, Method::GET, "/api/v1/me/blocks");
    assert_eq!(
        expect(blocks, StatusCode::OK).await["items"][0]["name"],
        "bob"
    );

    // What is live and what was is not for the blocked one.
    let access = platform.stream(&ann, "songs").await;
    let whip = access["whip_url"].as_str().unwrap();
    let key = access["key"].as_str().unwrap();
    let publisher = Publisher::start(whip, key, Arc::new(Video::h264())).await;
    until("the profile shows the stream", || async {
        let profile = platform.request(Method::GET, "/api/v1/users/ann");
        expect(profile, StatusCode::OK).await["live"][0]["slug"] == "songs"
    })
    .await;
    let seen = platform.by(&bob, Method::GET, "/api/v1/users/ann");
    assert_eq!(expect(seen, StatusCode::OK).await["live"], json!([]));
    let told = platform.by(&bob, Method::GET, "/api/v1/me/notifications");
    assert_eq!(expect(told, StatusCode::OK).await["items"], json!([]));
    publisher.close().await;

    let unblock = platform.by(&ann, Method::DELETE, "/api/v1/me/blocks/bob");
    expect(unblock, StatusCode::NO_CONTENT).await;
    expect(follow(), StatusCode::NO_CONTENT).await;
    let own = platform.by(&ann, Method::PUT, "/api/v1/me/blocks/ann");
    refused(own, StatusCode::BAD_REQUEST, "bad_request").await;
}
