//! P8.

use std::fmt::Write as _;

use reqwest::{Method, StatusCode, header};
use serde_json::json;

use super::{mailbox::Mailbox, with};
use crate::platform::server::{Platform, expect, on_both, refused};

on_both!(
    p8_users_are_imported_with_a_report_per_row,
    p8_ten_thousand_users_are_imported,
);

const FILE: &str = "name,email,role,display_name,password\n\
    Ann,ann@example.org,speaker,\"Ann, who sings\",\n\
    bob,bob@example.org,attendee,,long enough\n\
    cid,nowhere,,,\n\
    dan,,king,,long enough\n\
    ann,other@example.org,,,\n\
    root,,attendee,,\n";

async fn p8_users_are_imported_with_a_report_per_row(platform: Platform) {
    let mailbox = Mailbox::open().await;
    let platform = with(platform, &[("WEIR_MAIL_SMTP_URL", &mailbox.url)]).await;
    let root = platform.person("root", "admin").await;
    let import = |query: &str, file: &str| {
        let path = format!("/api/v1/admin/users/import{query}");
        platform
            .by(&root, Method::POST, &path)
            .header(header::CONTENT_TYPE, "text/csv; charset=utf-8")
            .body(file.to_owned())
    };
    let dry = expect(import("?dry_run=true", FILE), StatusCode::OK).await;
    assert_eq!((&dry["created"], &dry["errors"]), (&json!(2), &json!(4)));
    let nobody = platform.request(Method::GET, "/api/v1/users/ann");
    refused(nobody, StatusCode::NOT_FOUND, "not_found").await;

    let report = expect(import("", FILE), StatusCode::OK).await;
    assert_eq!(report["rows"], dry["rows"], "the dry run said so");
    assert_eq!(report["rows"][0]["outcome"], "created");
    for (row, line, word) in [
        (2, 4, "e-mail"),
        (3, 5, "role"),
        (4, 6, "earlier"),
        (5, 7, "admin"),
    ] {
        let row = &report["rows"][row];
        assert_eq!(
            (&row["outcome"], &row["line"]),
            (&json!("error"), &json!(line)),
            "{row}"
        );
        assert!(row["error"].as_str().unwrap().contains(word), "{row}");
    }
    let profile = platform.request(Method::GET, "/api/v1/users/ann");
    let profile = expect(profile, StatusCode::OK).await;
    assert_eq!(profile["display_name"], "Ann, who sings");
    let login = platform
        .request(Method::POST, "/api/v1/login")
        .json(&json!({"name": "bob", "password": "long enough"}));
    expect(login, StatusCode::OK).await;

    // Who came without a password is invited, and sets one.
    let token = mailbox.mail("ann@example.org", "account").await.token();
    let set = platform
        .request(Method::POST, "/api/v1/password-reset/confirm")
        .json(&json!({"token": token, "password": crate::platform::server::PASSWORD}));
    expect(set, StatusCode::NO_CONTENT).await;
    platform.log_in("ann").await;

    let again = "name,display_name\nann,\"Ann, who sings\"\nbob,Bob\n";
    let report = expect(import("", again), StatusCode::OK).await;
    assert_eq!(
        (&report["skipped"], &report["updated"]),
        (&json!(1), &json!(1))
    );
    for bad in ["", "email\nx@example.org\n", "name,nickname\nx,y\n"] {
        refused(import("", bad), StatusCode::BAD_REQUEST, "bad_request").await;
    }
    let json = platform
        .by(&root, Method::POST, "/api/v1/admin/users/import")
        .json(&json!([]));
    refused(
        json,
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "unsupported_media_type",
    )
    .await;
    let large = import("", &"name\n".repeat(2_000_000));
    refused(large, StatusCode::PAYLOAD_TOO_LARGE, "too_large").await;

    let path = platform.server.data_dir().join("users.csv");
    std::fs::write(&path, "name,email\neve,eve@example.org\nbad name,\n").unwrap();
    let path = path.to_str().unwrap();
    let said = platform.command(&["user", "import", path, "--dry-run"]);
    assert!(said.contains("1 users would be created"), "{said}");
    let said = platform.command(&["user", "import", path, "--json"]);
    let report: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(
        (&report["created"], &report["errors"]),
        (&json!(1), &json!(1))
    );
    // The running server sends what the command line has queued.
    mailbox.mail("eve@example.org", "account").await;
}

async fn p8_ten_thousand_users_are_imported(platform: Platform) {
    let root = platform.person("root", "admin").await;
    let mut file = "name,email,role,display_name\n".to_owned();
    for n in 0..10_000 {
        writeln!(file, "user{n},user{n}@example.org,attendee,User {n}").unwrap();
    }
    let import = || {
        platform
            .by(&root, Method::POST, "/api/v1/admin/users/import")
            .header(header::CONTENT_TYPE, "text/csv")
            .body(file.clone())
    };
    let report = expect(import(), StatusCode::OK).await;
    assert_eq!(report["created"], 10_000);
    let report = expect(import(), StatusCode::OK).await;
    assert_eq!(report["skipped"], 10_000);
    let path = "/api/v1/admin/users?q=user9999%40";
    let found = expect(platform.by(&root, Method::GET, path), StatusCode::OK).await;
    assert_eq!(found["items"].as_array().unwrap().len(), 1);
}
