//! Accounts, sessions, API tokens and how much of the API somebody may use.

use std::time::{Duration, Instant};

use reqwest::{Method, Response, StatusCode, header};
use serde_json::{Value, json};

use super::server::{Kind, PASSWORD, Person, Platform, expect, on_both, read, refused};

on_both!(
    p1_register_login_logout_and_current_user,
    p1_access_tokens_are_signed_by_keys_that_rotate,
    p1_web_pages_go_by_cookies_with_csrf_protection,
    p2_devices_are_listed_and_revoked,
    p2_refresh_tokens_are_good_once,
    p11_api_tokens_have_scopes_and_are_revoked,
    p11_admin_token_for_automation,
);

async fn register(platform: &Platform, name: &str) -> Value {
    let body = json!({"name": name, "password": PASSWORD, "email": format!("{name}@example.org")});
    let request = platform
        .request(Method::POST, "/api/v1/register")
        .json(&body);
    expect(request, StatusCode::CREATED).await
}

fn person(session: &Value) -> Person {
    Person {
        token: text(session, "token"),
    }
}

fn text(value: &Value, member: &str) -> String {
    value[member].as_str().unwrap().to_owned()
}

fn me(platform: &Platform, who: &Person) -> reqwest::RequestBuilder {
    platform.by(who, Method::GET, "/api/v1/me")
}

async fn p1_register_login_logout_and_current_user(platform: Platform) {
    let session = register(&platform, "Ann").await;
    let ann = person(&session);
    let shown = expect(me(&platform, &ann), StatusCode::OK).await;
    assert_eq!(
        (&shown["name"], &shown["role"]),
        (&json!("ann"), &json!("attendee"))
    );
    let again = platform
        .request(Method::POST, "/api/v1/register")
        .json(&json!({"name": "ann", "password": PASSWORD}));
    refused(again, StatusCode::CONFLICT, "conflict").await;
    let short = platform
        .request(Method::POST, "/api/v1/register")
        .json(&json!({"name": "bob", "password": "short"}));
    refused(short, StatusCode::BAD_REQUEST, "bad_request").await;

    // By name or by address, in any case; a wrong password and nobody get the same answer.
    for login in ["ANN", "Ann@Example.org"] {
        let body = json!({"name": login, "password": PASSWORD});
        let request = platform.request(Method::POST, "/api/v1/login").json(&body);
        let answer = expect(request, StatusCode::OK).await;
        let lifetime = answer["expires_at"].as_i64().unwrap() - now_ms();
        assert!(
            (14 * 60_000..=15 * 60_000 + 1000).contains(&lifetime),
            "{lifetime}"
        );
    }
    let wrong = |name: &str| {
        let body = json!({"name": name, "password": "not the one"});
        platform.request(Method::POST, "/api/v1/login").json(&body)
    };
    let one = refused(wrong("ann"), StatusCode::UNAUTHORIZED, "unauthorized").await;
    let other = refused(wrong("nobody"), StatusCode::UNAUTHORIZED, "unauthorized").await;
    assert_eq!(one, other);

    let out = platform.by(&ann, Method::DELETE, "/api/v1/session");
    expect(out, StatusCode::NO_CONTENT).await;
    refused(
        me(&platform, &ann),
        StatusCode::UNAUTHORIZED,
        "unauthorized",
    )
    .await;
    let body = json!({"refresh_token": session["refresh_token"]});
    let refresh = platform
        .request(Method::POST, "/api/v1/session/refresh")
        .json(&body);
    refused(refresh, StatusCode::UNAUTHORIZED, "unauthorized").await;

    let closed =
        Platform::start_with(platform.kind, &[("WEIR_ACCOUNTS_REGISTRATION", "closed")]).await;
    let request = closed
        .request(Method::POST, "/api/v1/register")
        .json(&json!({"name": "ann", "password": PASSWORD}));
    refused(request, StatusCode::FORBIDDEN, "forbidden").await;
}

async fn p1_access_tokens_are_signed_by_keys_that_rotate(platform: Platform) {
    let session = register(&platform, "ann").await;
    let old = person(&session);
    let kid = |token: &str| {
        use base64_of::decode;
        let header: Value =
            serde_json::from_slice(&decode(token.split('.').next().unwrap())).unwrap();
        header["kid"].as_str().unwrap().to_owned()
    };
    let first = kid(&old.token);
    platform.command(&["token-keys", "rotate"]);
    // The running server signs with it soon, and takes tokens of the old one still.
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let body = json!({"name": "ann", "password": PASSWORD});
        let request = platform.request(Method::POST, "/api/v1/login").json(&body);
        let answer = expect(request, StatusCode::OK).await;
        if kid(&text(&answer, "token")) != first {
            break;
        }
        assert!(Instant::now() < deadline, "the new key never signed");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    expect(me(&platform, &old), StatusCode::OK).await;

    platform.command(&["token-keys", "rotate", "--drop-old"]);
    let deadline = Instant::now() + Duration::from_secs(20);
    while me(&platform, &old).send().await.unwrap().status() != StatusCode::UNAUTHORIZED {
        assert!(Instant::now() < deadline, "a dropped key still checks");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    // The session itself goes on.
    let body = json!({"refresh_token": session["refresh_token"]});
    let refresh = platform
        .request(Method::POST, "/api/v1/session/refresh")
        .json(&body);
    let next = expect(refresh, StatusCode::OK).await;
    expect(me(&platform, &person(&next)), StatusCode::OK).await;
}

/// Value of a cookie that an answer sets, and its attributes.
fn cookie(response: &Response, name: &str) -> (String, String) {
    let all = response.headers().get_all(header::SET_COOKIE);
    let line = all
        .iter()
        .map(|line| line.to_str().unwrap())
        .find(|line| line.starts_with(&format!("{name}=")))
        .unwrap_or_else(|| panic!("no cookie {name}"));
    let (pair, rules) = line.split_once("; ").unwrap();
    (pair.split_once('=').unwrap().1.to_owned(), rules.to_owned())
}

async fn p1_web_pages_go_by_cookies_with_csrf_protection(platform: Platform) {
    platform.person("ann", "speaker").await;
    let body = json!({"name": "ann", "password": PASSWORD, "cookies": true});
    let response = platform
        .request(Method::POST, "/api/v1/login")
        .json(&body)
        .send()
        .await
        .unwrap();
    let (access, rules) = cookie(&response, "weir_access");
    assert!(
        rules.contains("HttpOnly") && rules.contains("SameSite=Lax"),
        "{rules}"
    );
    let (refresh, rules) = cookie(&response, "weir_refresh");
    assert!(
        rules.contains("HttpOnly")
            && rules.contains("SameSite=Strict")
            && rules.contains("Path=/api/v1/session"),
        "{rules}"
    );
    assert!(!rules.contains("Secure"), "not over TLS: {rules}");
    let (csrf, _) = cookie(&response, "weir_csrf");
    let answer = read(response, StatusCode::OK).await;
    assert!(
        answer.get("token").is_none() && answer.get("refresh_token").is_none(),
        "{answer}"
    );
    assert_eq!(answer["csrf_token"], json!(csrf));

    let by_cookie = |method: Method, path: &str| {
        platform
            .request(method, path)
            .header(header::COOKIE, format!("weir_access={access}"))
    };
    expect(by_cookie(Method::GET, "/api/v1/me"), StatusCode::OK).await;
    let create = || by_cookie(Method::POST, "/api/v1/streams").json(&json!({"slug": "mine"}));
    refused(create(), StatusCode::FORBIDDEN, "forbidden").await;
    let forged = create().header("x-csrf-token", "x".repeat(43));
    refused(forged, StatusCode::FORBIDDEN, "forbidden").await;
    let elsewhere = create()
        .header("x-csrf-token", &csrf)
        .header(header::ORIGIN, "https://evil.example");
    refused(elsewhere, StatusCode::FORBIDDEN, "forbidden").await;
    let across = create()
        .header("x-csrf-token", &csrf)
        .header("sec-fetch-site", "cross-site");
    refused(across, StatusCode::FORBIDDEN, "forbidden").await;
    let own = create()
        .header("x-csrf-token", &csrf)
        .header(header::ORIGIN, platform.server.url());
    expect(own, StatusCode::CREATED).await;
    // A bearer token goes before the cookie.
    let bad = by_cookie(Method::GET, "/api/v1/me").bearer_auth("nonsense");
    refused(bad, StatusCode::UNAUTHORIZED, "unauthorized").await;

    let response = platform
        .request(Method::POST, "/api/v1/session/refresh")
        .header(header::COOKIE, format!("weir_refresh={refresh}"))
        .json(&json!({}))
        .send()
        .await
        .unwrap();
    let (next, _) = cookie(&response, "weir_refresh");
    assert_ne!(next, refresh);
    read(response, StatusCode::OK).await;
    let out = platform
        .request(Method::DELETE, "/api/v1/session")
        .header(header::COOKIE, format!("weir_refresh={next}"))
        .send()
        .await
        .unwrap();
    let (gone, rules) = cookie(&out, "weir_access");
    assert!(gone.is_empty() && rules.contains("Max-Age=0"), "{rules}");
    read(out, StatusCode::NO_CONTENT).await;
    refused(
        by_cookie(Method::GET, "/api/v1/me"),
        StatusCode::UNAUTHORIZED,
        "unauthorized",
    )
    .await;
}

async fn p2_devices_are_listed_and_revoked(platform: Platform) {
    register(&platform, "ann").await;
    let mut sessions = Vec::new();
    for agent in [
        "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        "curl/8.9.1",
    ] {
        let request = platform
            .request(Method::POST, "/api/v1/login")
            .header(header::USER_AGENT, agent)
            .json(&json!({"name": "ann", "password": PASSWORD}));
        sessions.push(expect(request, StatusCode::OK).await);
    }
    let (browser, curl) = (person(&sessions[0]), person(&sessions[1]));
    let list = platform.by(&browser, Method::GET, "/api/v1/me/devices");
    let list = expect(list, StatusCode::OK).await;
    let devices = list["items"].as_array().unwrap();
    let names: Vec<_> = devices
        .iter()
        .map(|it| it["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["curl", "Firefox on Linux", "unknown"]);
    assert_eq!(devices[1]["current"], json!(true));
    assert_eq!(devices[0]["current"], json!(false));
    assert_eq!(
        devices[0]["network"],
        json!("127.0.0.0/24"),
        "no address is kept"
    );
    // In pages too.
    let page = platform.by(&browser, Method::GET, "/api/v1/me/devices?limit=2");
    let page = expect(page, StatusCode::OK).await;
    assert_eq!(page["items"].as_array().unwrap().len(), 2);
    let next = format!("/api/v1/me/devices?limit=2&cursor={}", text(&page, "next"));
    let page = expect(platform.by(&browser, Method::GET, &next), StatusCode::OK).await;
    assert_eq!(page["items"].as_array().unwrap().len(), 1);

    let other = platform.person("bob", "attendee").await;
    let path = format!("/api/v1/me/devices/{}", text(&sessions[1], "device"));
    refused(
        platform.by(&other, Method::DELETE, &path),
        StatusCode::NOT_FOUND,
        "not_found",
    )
    .await;
    expect(
        platform.by(&browser, Method::DELETE, &path),
        StatusCode::NO_CONTENT,
    )
    .await;
    refused(
        me(&platform, &curl),
        StatusCode::UNAUTHORIZED,
        "unauthorized",
    )
    .await;
    let body = json!({"refresh_token": sessions[1]["refresh_token"]});
    let refresh = platform
        .request(Method::POST, "/api/v1/session/refresh")
        .json(&body);
    refused(refresh, StatusCode::UNAUTHORIZED, "unauthorized").await;

    let others = platform.by(&browser, Method::DELETE, "/api/v1/me/devices");
    expect(others, StatusCode::NO_CONTENT).await;
    let list = platform.by(&browser, Method::GET, "/api/v1/me/devices");
    let list = expect(list, StatusCode::OK).await;
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
}

async fn p2_refresh_tokens_are_good_once(platform: Platform) {
    let first = register(&platform, "ann").await;
    let refresh = |session: &Value| {
        let body = json!({"refresh_token": session["refresh_token"]});
        platform
            .request(Method::POST, "/api/v1/session/refresh")
            .json(&body)
    };
    let second = expect(refresh(&first), StatusCode::OK).await;
    assert_ne!(second["refresh_token"], first["refresh_token"]);
    assert_eq!(second["device"], first["device"]);
    // The answer may have got lost: the same one again, for a moment, to the same program.
    let again = expect(refresh(&first), StatusCode::OK).await;
    assert_eq!(again["refresh_token"], second["refresh_token"]);
    let third = expect(refresh(&second), StatusCode::OK).await;
    expect(me(&platform, &person(&third)), StatusCode::OK).await;
    // An older one was stolen, or its successor was: everything of this device ends.
    let detail = refused(refresh(&first), StatusCode::UNAUTHORIZED, "unauthorized").await;
    assert!(detail.contains("used before"), "{detail}");
    refused(refresh(&third), StatusCode::UNAUTHORIZED, "unauthorized").await;
    refused(
        me(&platform, &person(&third)),
        StatusCode::UNAUTHORIZED,
        "unauthorized",
    )
    .await;
    // Two at once get one successor between them, and both stay logged in.
    let body = json!({"name": "ann", "password": PASSWORD});
    let session = expect(
        platform.request(Method::POST, "/api/v1/login").json(&body),
        StatusCode::OK,
    )
    .await;
    let (one, other) = tokio::join!(
        expect(refresh(&session), StatusCode::OK),
        expect(refresh(&session), StatusCode::OK),
    );
    assert_eq!(one["refresh_token"], other["refresh_token"]);
}

async fn p11_api_tokens_have_scopes_and_are_revoked(platform: Platform) {
    let ann = platform.person("ann", "speaker").await;
    let make = |body: Value| {
        platform
            .by(&ann, Method::POST, "/api/v1/me/tokens")
            .json(&body)
    };
    let made = expect(
        make(json!({"name": "a program", "scopes": ["profile"]})),
        StatusCode::CREATED,
    )
    .await;
    let token = text(&made, "token");
    assert!(token.starts_with(made["info"]["prefix"].as_str().unwrap()));
    let program = Person { token };
    expect(me(&platform, &program), StatusCode::OK).await;
    let create = platform
        .by(&program, Method::POST, "/api/v1/streams")
        .json(&json!({"slug": "mine"}));
    let detail = refused(create, StatusCode::FORBIDDEN, "forbidden").await;
    assert!(detail.contains("streams:write"), "{detail}");
    let list = platform.by(&program, Method::GET, "/api/v1/me/tokens");
    refused(list, StatusCode::FORBIDDEN, "forbidden").await;
    for bad in [
        json!({"name": "x", "scopes": ["account"]}),
        json!({"name": "x", "scopes": []}),
        json!({"name": "", "scopes": ["profile"]}),
        json!({"name": "x", "scopes": ["profile"], "expires_at": 1}),
    ] {
        refused(make(bad), StatusCode::BAD_REQUEST, "bad_request").await;
    }
    let admin = make(json!({"name": "x", "scopes": ["admin"]}));
    refused(admin, StatusCode::FORBIDDEN, "forbidden").await;

    let list = platform.by(&ann, Method::GET, "/api/v1/me/tokens");
    let list = expect(list, StatusCode::OK).await;
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
    assert!(!list.to_string().contains(&program.token), "shown once");
    let path = format!("/api/v1/me/tokens/{}", made["info"]["id"].as_str().unwrap());
    expect(
        platform.by(&ann, Method::DELETE, &path),
        StatusCode::NO_CONTENT,
    )
    .await;
    refused(
        me(&platform, &program),
        StatusCode::UNAUTHORIZED,
        "unauthorized",
    )
    .await;

    // One that ends.
    let soon = make(json!({"name": "x", "scopes": ["profile"], "expires_at": now_ms() + 1500}));
    let program = Person {
        token: text(&expect(soon, StatusCode::CREATED).await, "token"),
    };
    expect(me(&platform, &program), StatusCode::OK).await;
    tokio::time::sleep(Duration::from_millis(1600)).await;
    refused(
        me(&platform, &program),
        StatusCode::UNAUTHORIZED,
        "unauthorized",
    )
    .await;
}

async fn p11_admin_token_for_automation(platform: Platform) {
    platform.person("root", "admin").await;
    platform.person("ann", "speaker").await;
    let made = platform.command(&[
        "token",
        "create",
        "--user",
        "root",
        "--scopes",
        "admin,streams:write",
        "--json",
    ]);
    let made: Value = serde_json::from_str(&made).unwrap();
    let robot = Person {
        token: text(&made, "token"),
    };
    platform.stream(&robot, "made-by-a-robot").await;
    let session = platform.by(&robot, Method::GET, "/api/v1/session");
    let session = expect(session, StatusCode::OK).await;
    assert_eq!(session["scopes"], json!(["admin", "streams:write"]));
    let list = platform.command(&["token", "list", "--user", "root", "--json"]);
    assert!(list.contains(made["id"].as_str().unwrap()), "{list}");
    // Nobody gets more than their user may.
    let refused_by = platform
        .server
        .command(&["token", "create", "--user", "ann", "--scopes", "admin"])
        .output()
        .unwrap();
    assert!(!refused_by.status.success());
    assert!(String::from_utf8_lossy(&refused_by.stderr).contains("no admin"));
    platform.command(&[
        "token",
        "revoke",
        "--user",
        "root",
        "--id",
        &text(&made, "id"),
    ]);
    let ended = platform.by(&robot, Method::GET, "/api/v1/session");
    refused(ended, StatusCode::UNAUTHORIZED, "unauthorized").await;
}

fn now_ms() -> i64 {
    let since_epoch = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    i64::try_from(since_epoch.as_millis()).unwrap()
}

/// Base64 as tokens have it, by the alphabet: a test needs no library for it.
mod base64_of {
    pub fn decode(text: &str) -> Vec<u8> {
        const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let (mut bits, mut held, mut bytes) = (0u32, 0, Vec::new());
        for letter in text.bytes() {
            let value = ALPHABET.iter().position(|it| *it == letter).unwrap();
            bits = bits << 6 | u32::try_from(value).unwrap();
            held += 6;
            if held >= 8 {
                held -= 8;
                bytes.push(u8::try_from(bits >> held & 0xff).unwrap());
            }
        }
        bytes
    }
}

/// The settings under which loopback is limited like any other network.
const NOBODY_EXEMPT: (&str, &str) = ("WEIR_LIMITS_EXEMPT", "192.0.2.0/24");

async fn r6_limits(kind: Kind) {
    let platform = Platform::start_with(
        kind,
        &[
            NOBODY_EXEMPT,
            ("WEIR_LIMITS_ADDRESS_READS", "10"),
            ("WEIR_LIMITS_ACCOUNT_READS", "4"),
            ("WEIR_HTTP_CORS_ORIGINS", "https://pages.example"),
        ],
    )
    .await;
    let ann = platform.person("ann", "attendee").await;
    let mut last = None;
    for _ in 0..5 {
        last = Some(me(&platform, &ann).send().await.unwrap());
    }
    let over = last.unwrap();
    assert_eq!(over.status(), StatusCode::TOO_MANY_REQUESTS);
    let field = |name: &str| over.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(
        field("ratelimit-policy"),
        "\"read-address\";q=10;w=60, \"read-account\";q=4;w=60"
    );
    assert!(
        field("ratelimit").contains("\"read-account\";r=0"),
        "{}",
        field("ratelimit")
    );
    let wait: u64 = field("retry-after").parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    assert!(!field("x-request-id").is_empty());

    // Listed pages may send cookies, others may not.
    let origin = |origin: &'static str| {
        platform
            .request(Method::GET, "/api/v1/time")
            .header(header::ORIGIN, origin)
    };
    let listed = origin("https://pages.example").send().await.unwrap();
    assert_eq!(
        listed.headers()["access-control-allow-origin"],
        "https://pages.example"
    );
    assert_eq!(listed.headers()["access-control-allow-credentials"], "true");
    let other = origin("https://other.example").send().await.unwrap();
    assert!(
        !other
            .headers()
            .contains_key("access-control-allow-credentials")
    );
    assert_eq!(other.headers()["x-content-type-options"], "nosniff");
    let policy = other.headers()["content-security-policy"]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
}

#[tokio::test(flavor = "multi_thread")]
async fn r6_limits_cors_and_defaults_on_sqlite() {
    r6_limits(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r6_limits_cors_and_defaults_on_postgres() {
    r6_limits(Kind::Postgres).await;
}
