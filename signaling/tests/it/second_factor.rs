//! Logging in with a second factor.

use reqwest::Method;
use serde_json::{Value, json};
use totp_rs::{Builder, Secret};
use weir_db::Role;
use weir_protocol::ErrorCode;

use crate::server::{Server, problem};

const PASSWORD: &str = "correct horse";

async fn post(server: &Server, path: &str, token: Option<&str>, body: Value) -> reqwest::Response {
    let mut request = server.request(Method::POST, path).json(&body);
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    request.send().await.unwrap()
}

async fn json_of(response: reqwest::Response, status: u16) -> Value {
    let got = response.status().as_u16();
    let body = response.text().await.unwrap();
    assert_eq!(got, status, "{body}");
    serde_json::from_str(&body).unwrap_or(Value::Null)
}

fn text(value: &Value, member: &str) -> String {
    value[member].as_str().unwrap().to_owned()
}

/// The code of a step, counted from the one of now.
fn code(secret: &str, step: i64) -> String {
    let totp = Builder::new()
        .with_secret(Secret::try_from_base32(secret).unwrap())
        .build()
        .unwrap();
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let at = now.saturating_add_signed(30 * step);
    totp.generate(at).to_string()
}

#[tokio::test]
async fn codes_are_asked_for_and_good_once() {
    let server = Server::start().await;
    server.user("ann", PASSWORD, Role::Speaker).await;
    let login = || {
        post(
            &server,
            "/api/v1/login",
            None,
            json!({"name": "ann", "password": PASSWORD}),
        )
    };
    let session = json_of(login().await, 200).await;
    let token = text(&session, "token");
    let begin = json!({"password": PASSWORD});
    let begun = post(&server, "/api/v1/me/totp", Some(&token), begin.clone()).await;
    let begun = json_of(begun, 200).await;
    let secret = text(&begun, "secret");
    assert!(text(&begun, "uri").starts_with("otpauth://totp/Weir:ann?"));
    // Not asked for before it is confirmed.
    json_of(login().await, 200).await;
    let confirm = "/api/v1/me/totp/confirm";
    let wrong = post(&server, confirm, Some(&token), json!({"code": "000000x"})).await;
    problem(wrong, 403, ErrorCode::Forbidden).await;
    let now = json!({"code": code(&secret, 0)});
    let confirmed = post(&server, confirm, Some(&token), now).await;
    let codes = json_of(confirmed, 200).await;
    let recovery = codes["recovery_codes"][0].as_str().unwrap().to_owned();

    let challenge = text(&json_of(login().await, 202).await, "challenge");
    let answer = |code: String| {
        post(
            &server,
            "/api/v1/login/totp",
            None,
            json!({"challenge": challenge, "code": code}),
        )
    };
    // The one that confirmed it is used up; the next one works, once.
    problem(answer(code(&secret, 0)).await, 401, ErrorCode::Unauthorized).await;
    let next = code(&secret, 1);
    let session = json_of(answer(next.clone()).await, 200).await;
    problem(answer(next).await, 401, ErrorCode::Unauthorized).await;
    let me = server
        .request(Method::GET, "/api/v1/me")
        .bearer_auth(text(&session, "token"));
    json_of(me.send().await.unwrap(), 200).await;
    json_of(answer(recovery.to_uppercase()).await, 200).await;
    problem(answer(recovery).await, 401, ErrorCode::Unauthorized).await;

    // Guessing ends soon, also for whoever then has the right one.
    let mut last = 401;
    for _ in 0..5 {
        last = answer("123456".into()).await.status().as_u16();
    }
    assert_eq!(last, 429);
    problem(
        answer(codes["recovery_codes"][1].as_str().unwrap().into()).await,
        429,
        ErrorCode::TooManyRequests,
    )
    .await;

    let removal = "/api/v1/me/totp/removal";
    let wrong = json!({"password": "not the one"});
    let refused = post(&server, removal, Some(&token), wrong).await;
    problem(refused, 403, ErrorCode::Forbidden).await;
    json_of(post(&server, removal, Some(&token), begin).await, 204).await;
    json_of(login().await, 200).await;
}
