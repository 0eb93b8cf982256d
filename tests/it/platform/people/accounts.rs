//! Passwords, export and deletion, which belong to P1.

use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::json;

use super::{mailbox::Mailbox, with};
use crate::{
    platform::server::{PASSWORD, Platform, expect, on_both, refused},
    program::until,
};

on_both!(
    p1_a_new_password_logs_other_devices_out,
    p1_a_forgotten_password_is_set_by_mail,
    p1_without_a_mail_server_the_link_stands_in_the_log,
    p1_accounts_are_exported_and_deleted,
);

async fn p1_a_new_password_logs_other_devices_out(platform: Platform) {
    let here = platform.person("ann", "attendee").await;
    let there = platform.log_in("ann").await;
    let change = |current: &str, new: &str| {
        platform
            .by(&here, Method::POST, "/api/v1/me/password")
            .json(&json!({"current": current, "new": new}))
    };
    refused(
        change("wrong", "another horse"),
        StatusCode::FORBIDDEN,
        "forbidden",
    )
    .await;
    refused(
        change(PASSWORD, "short"),
        StatusCode::BAD_REQUEST,
        "bad_request",
    )
    .await;
    expect(change(PASSWORD, "another horse"), StatusCode::NO_CONTENT).await;
    expect(
        platform.by(&here, Method::GET, "/api/v1/me"),
        StatusCode::OK,
    )
    .await;
    let me = platform.by(&there, Method::GET, "/api/v1/me");
    refused(me, StatusCode::UNAUTHORIZED, "unauthorized").await;
    let login = |password: &str| {
        platform
            .request(Method::POST, "/api/v1/login")
            .json(&json!({"name": "ann", "password": password}))
    };
    refused(login(PASSWORD), StatusCode::UNAUTHORIZED, "unauthorized").await;
    expect(login("another horse"), StatusCode::OK).await;
}

async fn p1_a_forgotten_password_is_set_by_mail(platform: Platform) {
    let mailbox = Mailbox::open().await;
    let platform = with(platform, &[("WEIR_MAIL_SMTP_URL", &mailbox.url)]).await;
    let file = platform.server.data_dir().join("users.csv");
    std::fs::write(
        &file,
        format!("name,email,password\nann,ann@example.org,{PASSWORD}\n"),
    )
    .unwrap();
    platform.command(&["user", "import", file.to_str().unwrap()]);
    let ann = platform.log_in("ann").await;
    let forget = |email: &str| {
        platform
            .request(Method::POST, "/api/v1/password-reset")
            .json(&json!({ "email": email }))
    };
    refused(forget("nonsense"), StatusCode::BAD_REQUEST, "bad_request").await;
    let mut answers = Vec::new();
    for email in ["ANN@example.org", "nobody@example.org"] {
        let began = Instant::now();
        let answer = forget(email).send().await.unwrap();
        let took = began.elapsed();
        assert!(
            took >= Duration::from_millis(200),
            "the same for all: {took:?}"
        );
        answers.push((answer.status(), answer.text().await.unwrap()));
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0].0, StatusCode::ACCEPTED);
    let mail = mailbox.mail("ann@example.org", "password").await;
    assert!(mail.body.contains("the account ann"), "{}", mail.body);
    let token = mail.token();
    let confirm = |token: &str, password: &str| {
        platform
            .request(Method::POST, "/api/v1/password-reset/confirm")
            .json(&json!({"token": token, "password": password}))
    };
    // A password that cannot be set does not use the link up.
    refused(
        confirm(&token, "short"),
        StatusCode::BAD_REQUEST,
        "bad_request",
    )
    .await;
    refused(
        confirm("guess", "another horse"),
        StatusCode::BAD_REQUEST,
        "bad_request",
    )
    .await;
    expect(confirm(&token, "another horse"), StatusCode::NO_CONTENT).await;
    refused(
        confirm(&token, "third horse"),
        StatusCode::BAD_REQUEST,
        "bad_request",
    )
    .await;
    let me = platform.by(&ann, Method::GET, "/api/v1/me");
    refused(me, StatusCode::UNAUTHORIZED, "unauthorized").await;
    let login = platform
        .request(Method::POST, "/api/v1/login")
        .json(&json!({"name": "ann", "password": "another horse"}));
    expect(login, StatusCode::OK).await;
    assert!(
        mailbox
            .mails()
            .iter()
            .all(|mail| mail.to == "ann@example.org")
    );
    let log = platform.server.log();
    assert!(
        !log.contains(&token) && !log.contains("ann@example.org"),
        "{log}"
    );
}

async fn p1_without_a_mail_server_the_link_stands_in_the_log(platform: Platform) {
    let file = platform.server.data_dir().join("users.csv");
    std::fs::write(&file, "name,email\nann,ann@example.org\n").unwrap();
    platform.command(&["user", "import", file.to_str().unwrap()]);
    until("the invitation is in the log", || async {
        platform.server.log().contains("/reset-password?token=")
    })
    .await;
    let log = platform.server.log();
    let (_, rest) = log.split_once("/reset-password?token=").unwrap();
    let word = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let token: String = rest.chars().take_while(|c| word(*c)).collect();
    let set = platform
        .request(Method::POST, "/api/v1/password-reset/confirm")
        .json(&json!({"token": token, "password": PASSWORD}));
    expect(set, StatusCode::NO_CONTENT).await;
    platform.log_in("ann").await;
}

async fn p1_accounts_are_exported_and_deleted(platform: Platform) {
    let ann = platform.person("ann", "speaker").await;
    let bob = platform.person("bob", "attendee").await;
    platform.stream(&ann, "songs").await;
    let follow = platform.by(&bob, Method::PUT, "/api/v1/me/following/ann");
    expect(follow, StatusCode::NO_CONTENT).await;
    let export = platform.by(&ann, Method::GET, "/api/v1/me/export");
    let export = expect(export, StatusCode::OK).await;
    assert_eq!(export["account"][0]["name"], "ann");
    assert_eq!(export["streams"][0]["slug"], "songs");
    assert_eq!(export["followers"][0]["name"], "bob");
    assert!(!export.to_string().contains("argon2"), "{export}");

    let delete = |password: &str| {
        platform
            .by(&ann, Method::DELETE, "/api/v1/me")
            .json(&json!({ "password": password }))
    };
    refused(delete("wrong"), StatusCode::FORBIDDEN, "forbidden").await;
    expect(delete(PASSWORD), StatusCode::NO_CONTENT).await;
    let me = platform.by(&ann, Method::GET, "/api/v1/me");
    refused(me, StatusCode::UNAUTHORIZED, "unauthorized").await;
    for gone in ["/api/v1/users/ann", "/api/v1/streams/songs"] {
        refused(
            platform.request(Method::GET, gone),
            StatusCode::NOT_FOUND,
            "not_found",
        )
        .await;
    }
    let following = platform.request(Method::GET, "/api/v1/users/bob/following");
    assert_eq!(expect(following, StatusCode::OK).await["items"], json!([]));
}
