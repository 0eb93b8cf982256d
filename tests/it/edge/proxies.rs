//! Whose word of who asks is taken, and what is refused without TLS.

use reqwest::StatusCode;
use serde_json::{Value, json};
use weir_bench::server::Server;

use crate::program::{command, error, weir};

/// Somebody on the Internet.
const STRANGER: &str = "203.0.113.9";

/// Asks for figures, which are for private networks, with a forwarding field.
async fn figures(server: &Server, fields: &[(&str, &str)]) -> StatusCode {
    let mut request = reqwest::Client::new().get(format!("{}/metrics", server.url()));
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap().status()
}

async fn log_in(server: &Server, fields: &[(&str, &str)]) -> (StatusCode, Value) {
    let url = format!("{}/api/v1/login", server.url());
    let mut request = reqwest::Client::new()
        .post(url)
        .json(&json!({"name": "nobody", "password": "wrong password"}));
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    let response = request.send().await.unwrap();
    (response.status(), response.json().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_may_not_say_who_they_are() {
    let server = Server::start_with(weir(), &[]).await.unwrap();
    let forged = [
        ("x-forwarded-for", STRANGER),
        ("forwarded", "for=203.0.113.9"),
    ];
    assert_eq!(figures(&server, &forged).await, StatusCode::OK);
    let (status, _) = log_in(&server, &[("x-forwarded-for", STRANGER)]).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED, "as from this machine");
    // A proxy elsewhere is not believed by the short setting.
    let settings = [("WEIR_HTTP_TRUSTED_PROXIES", "192.0.2.0/24")];
    let server = Server::start_with(weir(), &settings).await.unwrap();
    assert_eq!(figures(&server, &forged).await, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn trusted_proxies_say_who_asks() {
    for settings in [
        [("WEIR_HTTP_TRUSTED_PROXIES", "127.0.0.1, 192.0.2.0/24")],
        [("WEIR_HTTP_BEHIND_PROXY", "true")],
    ] {
        let server = Server::start_with(weir(), &settings).await.unwrap();
        let by = async |list: &str| figures(&server, &[("x-forwarded-for", list)]).await;
        assert_eq!(figures(&server, &[]).await, StatusCode::OK);
        assert_ne!(by(STRANGER).await, StatusCode::OK);
        assert_ne!(by(&format!("127.0.0.1, {STRANGER}")).await, StatusCode::OK);
        assert_eq!(by(&format!("{STRANGER}, 10.0.0.1")).await, {
            // The short setting trusts private networks, and looks past them.
            match settings[0].0.ends_with("BEHIND_PROXY") {
                true => by(STRANGER).await,
                false => StatusCode::OK,
            }
        });
    }
    let settings = [
        ("WEIR_HTTP_TRUSTED_PROXIES", "127.0.0.1"),
        ("WEIR_HTTP_PROXY_HEADER", "forwarded"),
    ];
    let server = Server::start_with(weir(), &settings).await.unwrap();
    let standard = [("forwarded", "for=\"[2001:db8::1]:99\";proto=https")];
    assert_ne!(figures(&server, &standard).await, StatusCode::OK);
    let other = [("x-forwarded-for", STRANGER)];
    assert_eq!(figures(&server, &other).await, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_do_not_cross_the_internet_in_the_clear() {
    let proxy = ("WEIR_HTTP_TRUSTED_PROXIES", "127.0.0.1");
    let server = Server::start_with(weir(), &[proxy]).await.unwrap();
    let from = ("x-forwarded-for", STRANGER);
    let (status, problem) = log_in(&server, &[from]).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert_eq!(problem["code"], "tls_required");
    let https = ("x-forwarded-proto", "https");
    let (status, _) = log_in(&server, &[from, https]).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    let neighbour = ("x-forwarded-for", "192.168.1.7");
    let (status, _) = log_in(&server, &[neighbour]).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED, "at home it works");
    // A stream's key is a secret; watching needs none.
    let key = reqwest::Client::new()
        .post(format!("{}/whip", server.url()))
        .header(from.0, from.1)
        .bearer_auth("some-key")
        .send();
    let problem: Value = key.await.unwrap().json().await.unwrap();
    assert_eq!(problem["code"], "tls_required");
    let page = reqwest::Client::new()
        .get(format!("{}/api/v1/streams", server.url()))
        .header(from.0, from.1)
        .send();
    assert_eq!(page.await.unwrap().status(), StatusCode::OK);

    let insecure = ("WEIR_HTTP_ALLOW_INSECURE", "true");
    let server = Server::start_with(weir(), &[proxy, insecure])
        .await
        .unwrap();
    let (status, _) = log_in(&server, &[from]).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert!(server.log().contains("http.allow_insecure"));
}

#[test]
fn settings_that_cannot_work_are_named() {
    let dir = tempfile::tempdir().unwrap();
    for (name, value, key) in [
        ("WEIR_HTTP_TRUSTED_PROXIES", "here", "http.trusted_proxies"),
        ("WEIR_HTTP_PROXY_HEADER", "via", "http.proxy_header"),
        ("WEIR_HTTP_MAX_CONNECTIONS", "0", "http.max_connections"),
        ("WEIR_TLS_SELF_SIGNED", "true", "tls.listen"),
        ("WEIR_TLS_ACME_NAMES", "*.example.org", "tls."),
    ] {
        let output = command(dir.path()).arg("config").env(name, value).output();
        let text = error(&output.unwrap());
        assert!(text.contains(key), "{text}");
    }
}
