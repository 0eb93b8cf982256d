//! Lists, search, recommendations, schedule.

use std::{collections::BTreeSet, sync::Arc};

use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};

use super::live::text;
use crate::{
    media::Video,
    platform::server::{Person, Platform, expect, on_both, refused},
    program::until,
    webrtc_client::Publisher,
};

on_both!(
    s4_streams_are_listed_in_pages_and_found_by_words,
    s4_own_streams_are_listed_whoever_may_see_them,
    s4_recommendations_follow_their_rule,
    s5_coming_streams_are_planned_and_in_calendars,
);

async fn make(platform: &Platform, owner: &Person, stream: Value) -> Value {
    let create = platform
        .by(owner, Method::POST, "/api/v1/streams")
        .json(&stream);
    expect(create, StatusCode::CREATED).await
}

fn slugs(page: &Value) -> Vec<String> {
    let items = page["items"].as_array().or(page.as_array()).unwrap();
    items.iter().map(|it| text(it, "slug")).collect()
}

async fn s4_own_streams_are_listed_whoever_may_see_them(platform: Platform) {
    let owner = platform.person("otto", "speaker").await;
    let other = platform.person("olga", "speaker").await;
    for (slug, visibility) in [
        ("first", "public"),
        ("second", "private"),
        ("third", "unlisted"),
    ] {
        let new = json!({"slug": slug, "visibility": visibility});
        make(&platform, &owner, new).await;
    }
    make(&platform, &other, json!({"slug": "else"})).await;
    let list = |query: &str| {
        let address = format!("/api/v1/me/streams{query}");
        expect(platform.by(&owner, Method::GET, &address), StatusCode::OK)
    };
    assert_eq!(slugs(&list("").await), ["third", "second", "first"]);
    let page = list("?limit=2").await;
    assert_eq!(slugs(&page), ["third", "second"]);
    let rest = list(&format!("?limit=2&cursor={}", text(&page, "next"))).await;
    assert_eq!(slugs(&rest), ["first"]);
    assert!(rest.get("next").is_none(), "{rest}");
}

async fn s4_streams_are_listed_in_pages_and_found_by_words(platform: Platform) {
    let admin = platform.person("ada", "admin").await;
    let owner = platform.person("otto", "speaker").await;
    let other = platform.person("olga", "speaker").await;
    for (slug, name) in [("games", "Games"), ("music", "Music")] {
        let new = json!({"slug": slug, "name": name});
        let create = platform
            .by(&admin, Method::POST, "/api/v1/admin/categories")
            .json(&new);
        expect(create, StatusCode::CREATED).await;
    }
    let categories = platform.request(Method::GET, "/api/v1/categories");
    assert_eq!(
        slugs(&expect(categories, StatusCode::OK).await),
        ["games", "music"]
    );

    make(&platform, &owner, json!({"slug": "one", "title": "Chess for beginners", "category": "games", "tags": ["chess"]})).await;
    make(
        &platform,
        &owner,
        json!({"slug": "two", "title": "Höhlentour", "language": "de"}),
    )
    .await;
    make(&platform, &other, json!({"slug": "three", "title": "Evening jazz", "category": "music", "tags": ["jazz", "chess-players"]})).await;
    make(
        &platform,
        &other,
        json!({"slug": "four", "title": "Chess, hidden", "visibility": "private"}),
    )
    .await;
    make(
        &platform,
        &other,
        json!({"slug": "five", "title": "Chess, by address", "visibility": "unlisted"}),
    )
    .await;
    let live = make(
        &platform,
        &other,
        json!({"slug": "six", "title": "Rapid chess cup"}),
    )
    .await;
    let publisher = Publisher::start(
        &text(&live, "whip_url"),
        &text(&live, "key"),
        Arc::new(Video::h264()),
    )
    .await;
    until("six is live", || async {
        let list = platform.request(Method::GET, "/api/v1/streams?live=true");
        slugs(&expect(list, StatusCode::OK).await) == ["six"]
    })
    .await;

    let table: &[(&str, &[&str])] = &[
        ("", &["six", "three", "two", "one", "demo"]),
        ("live=true", &["six"]),
        ("category=games", &["one"]),
        ("category=nothing", &[]),
        ("tag=%23Chess", &["one"]),
        ("owner=otto", &["two", "one"]),
        ("language=DE", &["two"]),
        ("owner=olga&tag=jazz", &["three"]),
        // The live one first, then by weight: a title counts more than a tag.
        ("q=chess", &["six", "one", "three"]),
        ("q=che", &["six", "one", "three"]),
        ("q=H%C3%96HLEN", &["two"]),
        ("q=jazz+evening", &["three"]),
        ("q=jazz+chess+cup", &[]),
        ("q=otto", &["two", "one"]),
        ("q=music", &["three"]),
        ("q=chess&category=games", &["one"]),
        ("q=%25", &[]),
        ("q=hidden", &[]),
    ];
    for (query, expected) in table {
        let list = platform.request(Method::GET, &format!("/api/v1/streams?{query}"));
        let page = expect(list, StatusCode::OK).await;
        assert_eq!(slugs(&page), *expected, "{query}");
        assert_eq!(page["next"], Value::Null, "{query}");
    }
    for search in ["", "&q=chess"] {
        let mut seen = Vec::new();
        let mut next = String::new();
        loop {
            let path = format!("/api/v1/streams?limit=1{search}{next}");
            let page = expect(platform.request(Method::GET, &path), StatusCode::OK).await;
            seen.extend(slugs(&page));
            match page["next"].as_str() {
                Some(cursor) => next = format!("&cursor={cursor}"),
                None => break,
            }
        }
        let unique: BTreeSet<&String> = seen.iter().collect();
        let expected = if search.is_empty() { 5 } else { 3 };
        assert_eq!((seen.len(), unique.len()), (expected, expected), "{seen:?}");
        assert_eq!(seen[0], "six");
    }
    for bad in [
        "limit=0",
        "cursor=x",
        "live=maybe",
        "tag=a,b",
        "unknown=1",
        "language=x",
    ] {
        let list = platform.request(Method::GET, &format!("/api/v1/streams?{bad}"));
        refused(list, StatusCode::BAD_REQUEST, "bad_request").await;
    }
    // By address it is there for everybody, and what is private for nobody else.
    let shown = |slug: &str| platform.request(Method::GET, &format!("/api/v1/streams/{slug}"));
    expect(shown("five"), StatusCode::OK).await;
    refused(shown("four"), StatusCode::NOT_FOUND, "not_found").await;
    // A rename is found at once.
    let rename = platform
        .by(&owner, Method::PATCH, "/api/v1/streams/two")
        .json(&json!({"title": "Grottenfahrt"}));
    expect(rename, StatusCode::OK).await;
    for (query, expected) in [("q=grotten", vec!["two"]), ("q=h%C3%B6hlen", vec![])] {
        let list = platform.request(Method::GET, &format!("/api/v1/streams?{query}"));
        assert_eq!(
            slugs(&expect(list, StatusCode::OK).await),
            expected,
            "{query}"
        );
    }
    publisher.close().await;
}

async fn s4_recommendations_follow_their_rule(platform: Platform) {
    let owner = platform.person("otto", "speaker").await;
    let other = platform.person("olga", "speaker").await;
    let fan = platform.person("fay", "attendee").await;
    let video = Arc::new(Video::h264());
    let first = make(&platform, &owner, json!({"slug": "first"})).await;
    let second = make(&platform, &other, json!({"slug": "second"})).await;
    let mut publishers = Vec::new();
    for access in [&first, &second] {
        let (whip, key) = (text(access, "whip_url"), text(access, "key"));
        publishers.push(Publisher::start(&whip, &key, video.clone()).await);
    }
    until("both are live", || async {
        let list = platform.request(Method::GET, "/api/v1/streams?live=true");
        slugs(&expect(list, StatusCode::OK).await).len() == 2
    })
    .await;
    let list = platform.request(Method::GET, "/api/v1/streams/recommended?limit=5");
    assert_eq!(
        slugs(&expect(list, StatusCode::OK).await),
        ["second", "first"]
    );
    // Whom one follows comes first, whoever has begun later.
    let follow = platform.by(&fan, Method::PUT, "/api/v1/me/following/otto");
    expect(follow, StatusCode::NO_CONTENT).await;
    let mine = || platform.by(&fan, Method::GET, "/api/v1/streams/for-me");
    assert_eq!(
        slugs(&expect(mine(), StatusCode::OK).await),
        ["first", "second"]
    );
    // Who has blocked one is not recommended.
    let block = platform.by(&other, Method::PUT, "/api/v1/me/blocks/fay");
    expect(block, StatusCode::NO_CONTENT).await;
    assert_eq!(slugs(&expect(mine(), StatusCode::OK).await), ["first"]);
    let nobody = platform.request(Method::GET, "/api/v1/streams/for-me");
    refused(nobody, StatusCode::UNAUTHORIZED, "unauthorized").await;
    for publisher in publishers {
        publisher.close().await;
    }
}

async fn s5_coming_streams_are_planned_and_in_calendars(platform: Platform) {
    let owner = platform.person("otto", "speaker").await;
    make(&platform, &owner, json!({"slug": "show"})).await;
    make(
        &platform,
        &owner,
        json!({"slug": "secret", "visibility": "private"}),
    )
    .await;
    let hour = 3_600_000_i64;
    let now = expect(
        platform.request(Method::GET, "/api/v1/time"),
        StatusCode::OK,
    )
    .await;
    let now = now["now_ms"].as_i64().unwrap();
    let plan = |slug: &str, title: &str, start: i64| {
        platform
            .by(
                &owner,
                Method::POST,
                &format!("/api/v1/streams/{slug}/schedule"),
            )
            .json(&json!({"title": title, "starts_at": start, "ends_at": start + hour}))
    };
    expect(
        plan("show", "Second, with; signs", now + 48 * hour),
        StatusCode::CREATED,
    )
    .await;
    let first = plan("show", "First", now + 24 * hour).send().await.unwrap();
    let location = first.headers()[header::LOCATION]
        .to_str()
        .unwrap()
        .to_owned();
    let tag = first.headers()[header::ETAG].clone();
    expect(
        plan("secret", "Hidden", now + 2 * hour),
        StatusCode::CREATED,
    )
    .await;

    let titles = |list: Value| -> Vec<String> {
        list["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| text(it, "title"))
            .collect()
    };
    let list = platform.request(Method::GET, "/api/v1/schedule");
    let list = expect(list, StatusCode::OK).await;
    assert_eq!(
        titles(list),
        ["First", "Second, with; signs"],
        "hidden ones are left out"
    );
    let page = platform.request(Method::GET, "/api/v1/streams/show/schedule?limit=1");
    let page = expect(page, StatusCode::OK).await;
    let next = page["next"].as_str().unwrap().to_owned();
    assert_eq!(titles(page), ["First"]);
    let page = format!("/api/v1/streams/show/schedule?limit=1&cursor={next}");
    let page = expect(platform.request(Method::GET, &page), StatusCode::OK).await;
    assert_eq!(titles(page), ["Second, with; signs"]);
    let hidden = platform.request(Method::GET, "/api/v1/streams/secret/schedule");
    refused(hidden, StatusCode::NOT_FOUND, "not_found").await;

    let calendar = platform
        .request(Method::GET, "/api/v1/schedule.ics")
        .send()
        .await
        .unwrap();
    assert_eq!(
        calendar.headers()[header::CONTENT_TYPE],
        "text/calendar; charset=utf-8"
    );
    let calendar = calendar.text().await.unwrap();
    assert!(calendar.starts_with("BEGIN:VCALENDAR\r\n"), "{calendar}");
    assert_eq!(calendar.matches("BEGIN:VEVENT").count(), 2, "{calendar}");
    assert!(
        calendar.contains("SUMMARY:Second\\, with\\; signs"),
        "{calendar}"
    );
    let of_stream = platform.request(Method::GET, "/api/v1/streams/show/schedule.ics");
    let of_stream = of_stream.send().await.unwrap().text().await.unwrap();
    assert!(of_stream.contains("SUMMARY:First"), "{of_stream}");

    let moved = json!({"title": "Moved", "starts_at": now + 72 * hour, "ends_at": now + 73 * hour});
    let change = platform.by(&owner, Method::PUT, &location).json(&moved);
    let change = change.header(header::IF_MATCH, &tag);
    assert_eq!(expect(change, StatusCode::OK).await["title"], "Moved");
    let stale = platform
        .by(&owner, Method::DELETE, &location)
        .header(header::IF_MATCH, &tag);
    refused(stale, StatusCode::PRECONDITION_FAILED, "changed").await;
    let other = platform.person("olga", "speaker").await;
    let foreign = platform.by(&other, Method::DELETE, &location);
    refused(foreign, StatusCode::FORBIDDEN, "forbidden").await;
    expect(
        platform.by(&owner, Method::DELETE, &location),
        StatusCode::NO_CONTENT,
    )
    .await;
    let backwards = json!({"title": "x", "starts_at": now + 2, "ends_at": now + 1});
    let backwards = platform
        .by(&owner, Method::POST, "/api/v1/streams/show/schedule")
        .json(&backwards);
    refused(backwards, StatusCode::BAD_REQUEST, "bad_request").await;
}
