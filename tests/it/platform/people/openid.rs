//! Logging in by another site, which belongs to P1.

use reqwest::{Method, Response, StatusCode, header};
use serde_json::json;

use super::{
    provider::{CLIENT_ID, CLIENT_SECRET, Provider},
    with,
};
use crate::platform::server::{Platform, expect, on_both, read, refused};

on_both!(p1_people_log_in_by_an_openid_provider);

fn location(response: &Response) -> String {
    let value = response.headers().get(header::LOCATION);
    value.expect("a Location").to_str().unwrap().to_owned()
}

/// The cookies that an answer sets, as a browser sends them back.
fn cookies(response: &Response) -> String {
    let set = response.headers().get_all(header::SET_COOKIE).iter();
    let pairs = set.map(|value| value.to_str().unwrap().split(';').next().unwrap());
    let pairs = pairs.filter(|pair| !pair.ends_with('='));
    pairs.collect::<Vec<_>>().join("; ")
}

struct Browser<'a>(&'a Platform);

impl Browser<'_> {
    /// Goes to the provider and back up to the callback; gives its address and the cookie for it.
    async fn depart(&self, return_to: &str) -> (String, String) {
        let path = format!("/api/v1/oidc/example/login?return_to={return_to}");
        let begun = self.0.request(Method::GET, &path).send().await.unwrap();
        assert_eq!(begun.status(), StatusCode::SEE_OTHER);
        let cookie = cookies(&begun);
        let there = self.0.http.get(location(&begun)).send().await.unwrap();
        assert_eq!(there.status(), StatusCode::SEE_OTHER);
        (location(&there), cookie)
    }

    async fn arrive(&self, callback: &str, cookie: &str) -> Response {
        let request = self.0.http.get(callback).header(header::COOKIE, cookie);
        request.send().await.unwrap()
    }

    async fn me(&self, cookie: &str) -> serde_json::Value {
        let me = self.0.request(Method::GET, "/api/v1/me");
        expect(me.header(header::COOKIE, cookie), StatusCode::OK).await
    }
}

async fn p1_people_log_in_by_an_openid_provider(platform: Platform) {
    let provider = Provider::start().await;
    let settings = [
        ("WEIR_OIDC_EXAMPLE_ISSUER", provider.issuer()),
        ("WEIR_OIDC_EXAMPLE_CLIENT_ID", CLIENT_ID),
        ("WEIR_OIDC_EXAMPLE_CLIENT_SECRET", CLIENT_SECRET),
        ("WEIR_OIDC_EXAMPLE_NAME", "Example"),
    ];
    let platform = with(platform, &settings).await;
    let list = platform.request(Method::GET, "/api/v1/oidc");
    let list = expect(list, StatusCode::OK).await;
    assert_eq!(
        (&list[0]["id"], &list[0]["name"]),
        (&json!("example"), &json!("Example"))
    );
    let browser = Browser(&platform);

    provider.next(json!({
        "sub": "42", "email": "Ann@example.org", "email_verified": true, "preferred_username": "Ann",
        "name": "Ann O.",
    }));
    let (callback, cookie) = browser.depart("/@demo").await;
    // Another browser has no cookie, and another log-in another state.
    read(browser.arrive(&callback, "").await, StatusCode::BAD_REQUEST).await;
    let (_, stranger) = browser.depart("/").await;
    read(
        browser.arrive(&callback, &stranger).await,
        StatusCode::BAD_REQUEST,
    )
    .await;
    let arrived = browser.arrive(&callback, &cookie).await;
    let session = cookies(&arrived);
    assert_eq!(location(&arrived), "/@demo");
    read(arrived, StatusCode::SEE_OTHER).await;
    let me = browser.me(&session).await;
    assert_eq!(
        (&me["name"], &me["role"]),
        (&json!("ann"), &json!("attendee"))
    );
    // The code was used.
    read(
        browser.arrive(&callback, &cookie).await,
        StatusCode::FORBIDDEN,
    )
    .await;

    // The same one again, whatever the name is by now.
    provider.next(json!({"sub": "42", "preferred_username": "other"}));
    let (callback, cookie) = browser.depart("/").await;
    let arrived = browser.arrive(&callback, &cookie).await;
    assert_eq!(browser.me(&cookies(&arrived)).await["name"], "ann");

    // Somebody else whose name is taken gets another, and no address that nobody has verified.
    provider.next(json!({"sub": "43", "preferred_username": "ann", "email": "x@example.org"}));
    let (callback, cookie) = browser.depart("/").await;
    let arrived = browser.arrive(&callback, &cookie).await;
    let other = browser.me(&cookies(&arrived)).await["name"].clone();
    assert!(
        other.as_str().unwrap().starts_with("ann") && other != "ann",
        "{other}"
    );

    // An address that is taken does not open the account that has it.
    provider.next(json!({"sub": "44", "email": "ann@example.org", "email_verified": true}));
    let (callback, cookie) = browser.depart("/").await;
    read(
        browser.arrive(&callback, &cookie).await,
        StatusCode::CONFLICT,
    )
    .await;

    // What is signed for somebody else, or for another request, is worth nothing.
    for lie in [
        json!({"sub": "42", "aud": "another"}),
        json!({"sub": "42", "nonce": "another"}),
        json!({"sub": "42", "iss": "https://elsewhere.example"}),
        json!({"sub": "42", "exp": 1_000_000_000}),
    ] {
        provider.next(lie);
        let (callback, cookie) = browser.depart("/").await;
        read(
            browser.arrive(&callback, &cookie).await,
            StatusCode::FORBIDDEN,
        )
        .await;
    }

    let away = "/api/v1/oidc/example/login?return_to=//evil.example";
    refused(
        platform.request(Method::GET, away),
        StatusCode::BAD_REQUEST,
        "bad_request",
    )
    .await;
    let unknown = platform.request(Method::GET, "/api/v1/oidc/nobody/login");
    refused(unknown, StatusCode::NOT_FOUND, "not_found").await;

    // Where the operator trusts the provider with addresses, a verified one leads to its account.
    let mut settings = settings.to_vec();
    settings.push(("WEIR_OIDC_EXAMPLE_LINK_BY_EMAIL", "true"));
    let platform = with(platform, &settings).await;
    let browser = Browser(&platform);
    for sub in ["50", "51"] {
        provider.next(json!({"sub": sub, "email": "eve@example.org", "email_verified": true}));
        let (callback, cookie) = browser.depart("/").await;
        let arrived = browser.arrive(&callback, &cookie).await;
        assert_eq!(browser.me(&cookies(&arrived)).await["name"], "eve");
    }
}
