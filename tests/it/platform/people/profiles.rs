//! P5.

use std::sync::Arc;

use reqwest::{Method, StatusCode, header};
use serde_json::json;

use crate::{
    media::Video,
    platform::server::{Platform, expect, on_both, refused},
    program::until,
    webrtc_client::Publisher,
};

on_both!(
    p5_a_profile_is_public_and_its_users_own,
    p5_a_profile_shows_what_is_live_and_what_was,
);

/// A GIF of this size.
pub fn gif(width: u16, height: u16) -> Vec<u8> {
    let mut bytes = b"GIF89a".to_vec();
    bytes.extend_from_slice(&width.to_le_bytes());
    bytes.extend_from_slice(&height.to_le_bytes());
    bytes.extend_from_slice(&[0, 0, 0, 0x3b]);
    bytes
}

async fn p5_a_profile_is_public_and_its_users_own(platform: Platform) {
    let ann = platform.person("ann", "attendee").await;
    let upload = |kind: &str, bytes: Vec<u8>| {
        platform
            .by(&ann, Method::POST, "/api/v1/images")
            .header(header::CONTENT_TYPE, kind)
            .body(bytes)
    };
    let image = expect(upload("image/gif", gif(30, 20)), StatusCode::CREATED).await;
    assert_eq!(
        (&image["width"], &image["height"]),
        (&json!(30), &json!(20))
    );
    let again = expect(upload("image/png", gif(30, 20)), StatusCode::CREATED).await;
    assert_eq!(
        again["id"], image["id"],
        "the same bytes are the same image"
    );
    let svg = b"<svg xmlns='http://www.w3.org/2000/svg'/>".to_vec();
    refused(
        upload("image/svg+xml", svg),
        StatusCode::BAD_REQUEST,
        "bad_request",
    )
    .await;
    let wide = upload("image/gif", gif(5000, 20));
    refused(wide, StatusCode::BAD_REQUEST, "bad_request").await;
    let text = upload("text/plain", gif(3, 3));
    refused(
        text,
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "unsupported_media_type",
    )
    .await;
    let mut large = gif(3, 3);
    large.resize(1024 * 1024 + 1, 0);
    let large = upload("image/gif", large);
    refused(large, StatusCode::PAYLOAD_TOO_LARGE, "too_large").await;

    let address = image["url"].as_str().unwrap();
    let shown = platform.request(Method::GET, address).send().await.unwrap();
    assert_eq!(shown.status(), StatusCode::OK);
    let field = |name: &str| shown.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(field("content-type"), "image/gif");
    assert_eq!(field("x-content-type-options"), "nosniff");
    assert!(field("cache-control").contains("immutable"));
    assert!(field("content-security-policy").contains("sandbox"));
    let tag = field("etag");
    assert_eq!(shown.bytes().await.unwrap(), gif(30, 20));
    let known = platform
        .request(Method::GET, address)
        .header(header::IF_NONE_MATCH, tag);
    expect(known, StatusCode::NOT_MODIFIED).await;

    let mine = platform.by(&ann, Method::GET, "/api/v1/me/profile");
    let mine = mine.send().await.unwrap();
    let tag = mine.headers()[header::ETAG].to_str().unwrap().to_owned();
    let edit = |tag: &str, body: serde_json::Value| {
        platform
            .by(&ann, Method::PATCH, "/api/v1/me")
            .header(header::IF_MATCH, tag)
            .json(&body)
    };
    let body = json!({
        "display_name": "Ann", "bio": "I sing.\nSometimes.", "avatar": image["id"],
        "links": [{"label": "Songs", "url": "https://example.org/songs"}],
    });
    expect(edit(&tag, body), StatusCode::OK).await;
    let late = edit(&tag, json!({"bio": "too late"}));
    refused(late, StatusCode::PRECONDITION_FAILED, "changed").await;
    for bad in [
        json!({"display_name": ""}),
        json!({"bio": "x".repeat(2001)}),
        json!({"bio": "nul\u{0}"}),
        json!({"avatar": "../../etc/passwd"}),
        json!({"links": [{"label": "x", "url": "javascript:alert(1)"}]}),
        json!({"role": "admin"}),
    ] {
        refused(edit("*", bad), StatusCode::BAD_REQUEST, "bad_request").await;
    }
    let missing = edit("*", json!({"banner": "0".repeat(64)}));
    refused(missing, StatusCode::NOT_FOUND, "not_found").await;

    let profile = platform.request(Method::GET, "/api/v1/users/Ann");
    let profile = expect(profile, StatusCode::OK).await;
    assert_eq!(profile["display_name"], "Ann");
    assert_eq!(profile["bio"], "I sing.\nSometimes.");
    assert_eq!(profile["avatar_url"], image["url"]);
    assert_eq!(profile["links"][0]["label"], "Songs");
    assert!(profile.get("email").is_none(), "{profile}");
    expect(edit("*", json!({"avatar": null})), StatusCode::OK).await;
    let profile = platform.request(Method::GET, "/api/v1/users/ann");
    let profile = expect(profile, StatusCode::OK).await;
    assert!(profile["avatar_url"].is_null(), "{profile}");
    let nobody = platform.request(Method::GET, "/api/v1/users/nobody");
    refused(nobody, StatusCode::NOT_FOUND, "not_found").await;
}

async fn p5_a_profile_shows_what_is_live_and_what_was(platform: Platform) {
    let ann = platform.person("ann", "speaker").await;
    let access = platform.stream(&ann, "songs").await;
    let profile = async || {
        let profile = platform.request(Method::GET, "/api/v1/users/ann");
        expect(profile, StatusCode::OK).await
    };
    assert_eq!(profile().await["live"], json!([]));
    let whip = access["whip_url"].as_str().unwrap();
    let key = access["key"].as_str().unwrap();
    let publisher = Publisher::start(whip, key, Arc::new(Video::h264())).await;
    until("the profile shows the stream", || async {
        profile().await["live"][0]["slug"] == "songs"
    })
    .await;
    assert_eq!(publisher.resource.delete().await, StatusCode::OK);
    until("the broadcast is listed", || async {
        let list = platform.request(Method::GET, "/api/v1/users/ann/broadcasts");
        let list = expect(list, StatusCode::OK).await;
        list["items"][0]["slug"] == "songs" && list["items"][0]["ended_at"].is_number()
    })
    .await;
    assert_eq!(profile().await["live"], json!([]));
    publisher.close().await;
}
