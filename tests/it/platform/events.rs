//! Events, registrations, attendance, calendars, and the player in other people's pages.

use std::time::{SystemTime, UNIX_EPOCH};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::server::{Person, Platform, expect, on_both, refused};

on_both!(
    s6_an_event_from_draft_to_its_end,
    s6_places_are_never_given_twice,
    s6_private_events_are_for_the_invited,
    s6_branding_can_be_read,
    s6_sessions_have_times_speakers_and_streams,
    s6_calendars_follow_changes,
    s6_attendees_watch_private_streams,
    i2_attendance_is_reported_by_person_and_session,
    i7_the_player_can_be_embedded,
);

const HOUR: i64 = 3_600_000;

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_millis()).unwrap()
}

/// What an event needs at least. It is on.
fn event(slug: &str) -> Value {
    json!({
        "slug": slug, "title": format!("The {slug} days"), "time_zone": "Europe/Berlin",
        "starts_at": now() - HOUR, "ends_at": now() + 9 * HOUR,
    })
}

fn with(mut value: Value, more: Value) -> Value {
    let more = more.as_object().unwrap().clone();
    value.as_object_mut().unwrap().extend(more);
    value
}

async fn published(platform: &Platform, owner: &Person, body: Value) -> String {
    let made = platform
        .by(owner, Method::POST, "/api/v1/events")
        .json(&body);
    let made = expect(made, StatusCode::CREATED).await;
    let path = format!("/api/v1/events/{}", made["slug"].as_str().unwrap());
    let publish = platform
        .by(owner, Method::POST, &format!("{path}/state"))
        .json(&json!({"state": "published"}));
    expect(publish, StatusCode::OK).await;
    path
}

fn guest(n: usize) -> Value {
    json!({"name": format!("Guest {n}"), "email": format!("guest{n}@example.org")})
}

async fn register(platform: &Platform, path: &str, body: Value) -> Value {
    let request = platform
        .request(Method::POST, &format!("{path}/registrations"))
        .json(&body);
    expect(request, StatusCode::CREATED).await
}

async fn s6_an_event_from_draft_to_its_end(platform: Platform) {
    let owner = platform.person("otto", "speaker").await;
    let other = platform.person("olga", "speaker").await;
    let anna = platform.person("anna", "attendee").await;
    let refused_role = platform
        .by(&anna, Method::POST, "/api/v1/events")
        .json(&event("x"));
    refused(refused_role, StatusCode::FORBIDDEN, "forbidden").await;

    let create = platform
        .by(&owner, Method::POST, "/api/v1/events")
        .json(&event("spring"));
    let made = create.send().await.unwrap();
    assert_eq!(made.status(), StatusCode::CREATED);
    assert_eq!(made.headers()["location"], "/api/v1/events/spring");
    let tag = made.headers()["etag"].clone();
    let path = "/api/v1/events/spring";
    // A draft is not there for others.
    expect(platform.request(Method::GET, path), StatusCode::NOT_FOUND).await;
    expect(
        platform.by(&other, Method::PATCH, path).json(&json!({})),
        StatusCode::NOT_FOUND,
    )
    .await;

    let helper = platform.by(&owner, Method::PUT, &format!("{path}/organisers/olga"));
    expect(helper, StatusCode::NO_CONTENT).await;
    let edit = platform
        .by(&other, Method::PATCH, path)
        .header("if-match", &tag)
        .json(&json!({"title": "Spring!", "attendee_limit": 2}));
    let edited = expect(edit, StatusCode::OK).await;
    assert_eq!(edited["title"], "Spring!");
    let late = platform
        .by(&owner, Method::PATCH, path)
        .header("if-match", &tag)
        .json(&json!({"title": "Late"}));
    refused(late, StatusCode::PRECONDITION_FAILED, "changed").await;
    for (bad, status) in [
        (json!({"time_zone": "Berlin"}), StatusCode::BAD_REQUEST),
        (json!({"titel": "x"}), StatusCode::BAD_REQUEST),
        (json!({"title": "a\u{0}b"}), StatusCode::BAD_REQUEST),
        (json!({"ends_at": 1}), StatusCode::UNPROCESSABLE_ENTITY),
        (json!({"attendee_limit": 0}), StatusCode::BAD_REQUEST),
    ] {
        let edit = platform.by(&owner, Method::PATCH, path).json(&bad);
        let got = edit.send().await.unwrap();
        let (got, text) = (got.status(), got.text().await.unwrap());
        assert!(
            got == status || got == StatusCode::UNPROCESSABLE_ENTITY,
            "{bad}: {got} {text}"
        );
        assert!(got.is_client_error());
    }

    let state = |person: &Person, state: &str| {
        platform
            .by(person, Method::POST, &format!("{path}/state"))
            .json(&json!({"state": state}))
    };
    refused(state(&owner, "ended"), StatusCode::CONFLICT, "conflict").await;
    expect(state(&other, "published"), StatusCode::OK).await;
    let page = expect(platform.request(Method::GET, path), StatusCode::OK).await;
    assert_eq!(
        (&page["state"], &page["may_edit"]),
        (&json!("published"), &json!(false))
    );
    assert_eq!(page["organisers"], json!(["olga"]));
    assert_eq!(page["registration"], Value::Null);
    assert_eq!(page["registration_open"], true);
    let list = expect(
        platform.request(Method::GET, "/api/v1/events?q=spr"),
        StatusCode::OK,
    )
    .await;
    assert_eq!(list["items"].as_array().unwrap().len(), 1, "{list}");

    // An account registers, is checked in, and hears that the event is cancelled.
    let mine = platform
        .by(&anna, Method::POST, &format!("{path}/registrations"))
        .json(&json!({}));
    let mine = expect(mine, StatusCode::CREATED).await;
    assert_eq!(mine["status"], "confirmed");
    let twice = platform
        .by(&anna, Method::POST, &format!("{path}/registrations"))
        .json(&json!({}));
    refused(twice, StatusCode::CONFLICT, "conflict").await;
    let check_in = format!(
        "{path}/registrations/{}/check-in",
        mine["id"].as_str().unwrap()
    );
    let checked = expect(platform.by(&owner, Method::PUT, &check_in), StatusCode::OK).await;
    assert!(checked["checked_in_at"].is_i64());
    expect(
        platform.by(&anna, Method::PUT, &check_in),
        StatusCode::FORBIDDEN,
    )
    .await;
    let csv = platform.by(&owner, Method::GET, &format!("{path}/registrations.csv"));
    let csv = csv.send().await.unwrap().text().await.unwrap();
    assert_eq!(csv.lines().count(), 2, "{csv}");
    assert!(csv.contains(",anna,anna,,confirmed,false,"), "{csv}");

    expect(state(&owner, "cancelled"), StatusCode::OK).await;
    let news = platform.by(&anna, Method::GET, "/api/v1/me/notifications");
    let news = expect(news, StatusCode::OK).await;
    assert_eq!(news["items"][0]["kind"], "event", "{news}");
    let page = expect(platform.request(Method::GET, path), StatusCode::OK).await;
    assert_eq!(page["state"], "cancelled");
    let late = platform
        .request(Method::POST, &format!("{path}/registrations"))
        .json(&guest(1));
    refused(late, StatusCode::CONFLICT, "conflict").await;

    expect(
        platform.by(&other, Method::DELETE, path),
        StatusCode::FORBIDDEN,
    )
    .await;
    expect(
        platform.by(&owner, Method::DELETE, path),
        StatusCode::NO_CONTENT,
    )
    .await;
    expect(
        platform.by(&owner, Method::GET, path),
        StatusCode::NOT_FOUND,
    )
    .await;
}

async fn s6_places_are_never_given_twice(platform: Platform) {
    let owner = platform.person("otto", "speaker").await;
    let path = published(
        &platform,
        &owner,
        with(event("race"), json!({"attendee_limit": 10})),
    )
    .await;
    let mut requests = tokio::task::JoinSet::new();
    for n in 0..50 {
        let request = platform.request(Method::POST, &format!("{path}/registrations"));
        requests.spawn(expect(request.json(&guest(n)), StatusCode::CREATED));
    }
    let all = requests.join_all().await;
    let with_status = |status: &str| all.iter().filter(|it| it["status"] == status).count();
    assert_eq!((with_status("confirmed"), with_status("waiting")), (10, 40));

    // One withdraws by ticket: the first who waits gets the place.
    let leaver = all.iter().find(|it| it["status"] == "confirmed").unwrap();
    let by_ticket = |method, registration: &Value| {
        platform
            .request(method, &format!("{path}/registration"))
            .header("weir-ticket", registration["ticket"].as_str().unwrap())
    };
    let place = |registration: Value| {
        (
            registration["status"].clone(),
            registration["waiting_position"].as_u64(),
        )
    };
    let mut first = None;
    for registration in &all {
        let now = expect(by_ticket(Method::GET, registration), StatusCode::OK).await;
        if place(now).1 == Some(1) {
            first = Some(registration);
        }
    }
    let first = first.expect("somebody is first");
    expect(by_ticket(Method::DELETE, leaver), StatusCode::NO_CONTENT).await;
    let moved = expect(by_ticket(Method::GET, first), StatusCode::OK).await;
    assert_eq!(place(moved), (json!("confirmed"), None));
    let report = platform.by(&owner, Method::GET, &format!("{path}/report"));
    let totals = expect(report, StatusCode::OK).await["totals"].clone();
    assert_eq!(
        (
            &totals["confirmed"],
            &totals["waiting"],
            &totals["cancelled"]
        ),
        (&json!(10), &json!(39), &json!(1))
    );
    // More places serve the next five.
    let edit = platform
        .by(&owner, Method::PATCH, &path)
        .json(&json!({"attendee_limit": 15}));
    expect(edit, StatusCode::OK).await;
    let page = expect(platform.request(Method::GET, &path), StatusCode::OK).await;
    assert_eq!(page["places_taken"], 15);

    // The list comes in pages, each registration once.
    let (mut seen, mut cursor) = (std::collections::HashSet::new(), String::new());
    loop {
        let list = format!("{path}/registrations?limit=20{cursor}");
        let page = expect(platform.by(&owner, Method::GET, &list), StatusCode::OK).await;
        for item in page["items"].as_array().unwrap() {
            assert!(seen.insert(item["id"].as_str().unwrap().to_owned()));
        }
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen.len(), 50);
    let found = platform.by(
        &owner,
        Method::GET,
        &format!("{path}/registrations?q=GUEST49@"),
    );
    let found = expect(found, StatusCode::OK).await;
    assert_eq!(found["items"].as_array().unwrap().len(), 1);
}

async fn s6_private_events_are_for_the_invited(platform: Platform) {
    let owner = platform.person("otto", "speaker").await;
    let anna = platform.person("anna", "attendee").await;
    let body = with(
        event("club"),
        json!({"visibility": "private", "approval": true}),
    );
    let path = published(&platform, &owner, body).await;
    expect(
        platform.by(&anna, Method::GET, &path),
        StatusCode::NOT_FOUND,
    )
    .await;
    let list = expect(
        platform.request(Method::GET, "/api/v1/events"),
        StatusCode::OK,
    )
    .await;
    assert_eq!(list["items"], json!([]));

    let invite = |body: Value| {
        platform
            .by(&owner, Method::POST, &format!("{path}/invitations"))
            .json(&body)
    };
    let link = expect(invite(json!({"max_uses": 1})), StatusCode::CREATED).await;
    let token = link["token"].as_str().unwrap();
    assert!(link["url"].as_str().unwrap().ends_with(token));
    let shown = platform.by(&anna, Method::GET, &format!("{path}?invitation={token}"));
    expect(shown, StatusCode::OK).await;
    let by_link = |person: &Person, token: &str| {
        platform
            .by(person, Method::POST, &format!("{path}/registrations"))
            .json(&json!({"invitation": token}))
    };
    let mine = expect(by_link(&anna, token), StatusCode::CREATED).await;
    assert_eq!(
        mine["status"], "confirmed",
        "who is invited needs no approval"
    );
    expect(platform.by(&anna, Method::GET, &path), StatusCode::OK).await;
    let bert = platform.person("bert", "attendee").await;
    expect(by_link(&bert, token), StatusCode::NOT_FOUND).await;

    let personal = expect(
        invite(json!({"email": "Carla@Example.org"})),
        StatusCode::CREATED,
    )
    .await;
    assert_eq!(personal["email"], "carla@example.org");
    let token = personal["token"].as_str().unwrap();
    let wrong = platform
        .request(Method::POST, &format!("{path}/registrations"))
        .json(&with(guest(1), json!({"invitation": token})));
    refused(wrong, StatusCode::FORBIDDEN, "forbidden").await;
    let right = json!({"name": "Carla", "email": "carla@example.org", "invitation": token});
    let ticket = register(&platform, &path, right).await["ticket"].clone();
    let page = platform
        .request(Method::GET, &path)
        .header("weir-ticket", ticket.as_str().unwrap());
    let page = expect(page, StatusCode::OK).await;
    assert_eq!(page["registration"]["name"], "Carla");

    let late = expect(
        invite(json!({"max_uses": 5, "expires_at": now() - 1000})),
        StatusCode::CREATED,
    )
    .await;
    expect(
        by_link(&bert, late["token"].as_str().unwrap()),
        StatusCode::NOT_FOUND,
    )
    .await;
    let invitations = format!("{path}/invitations");
    let list = expect(
        platform.by(&owner, Method::GET, &invitations),
        StatusCode::OK,
    )
    .await;
    assert_eq!(list["items"].as_array().unwrap().len(), 3);
    assert!(list["items"][0].get("token").is_none(), "shown once");
    let gone = format!("{invitations}/{}", list["items"][0]["id"].as_str().unwrap());
    expect(
        platform.by(&owner, Method::DELETE, &gone),
        StatusCode::NO_CONTENT,
    )
    .await;
}

async fn s6_branding_can_be_read(platform: Platform) {
    let owner = platform.person("otto", "speaker").await;
    let create = |branding: Value| {
        platform
            .by(&owner, Method::POST, "/api/v1/events")
            .json(&with(event("looks"), json!({"branding": branding})))
    };
    let why = refused(
        create(json!({"background": "#ffffff", "text": "#eeeeee"})),
        StatusCode::UNPROCESSABLE_ENTITY,
        "unprocessable",
    )
    .await;
    assert!(why.contains("contrast"), "{why}");
    refused(
        create(json!({"primary": "red"})),
        StatusCode::BAD_REQUEST,
        "bad_request",
    )
    .await;
    let nowhere = "0".repeat(64);
    let why = refused(
        create(json!({"logo": nowhere})),
        StatusCode::UNPROCESSABLE_ENTITY,
        "unprocessable",
    )
    .await;
    assert!(why.contains("upload"), "{why}");

    // A picture of one pixel (PNG, from its specification's smallest form).
    let png: &[u8] = &[
        0x89, b'P', b'N', b'G', 13, 10, 26, 10, 0, 0, 0, 13, b'I', b'H', b'D', b'R', 0, 0, 0, 1, 0,
        0, 0, 1, 8, 6, 0, 0, 0, 0x1f, 0x15, 0xc4, 0x89, 0, 0, 0, 13, b'I', b'D', b'A', b'T', 0x78,
        0x9c, 0x63, 0, 1, 0, 0, 5, 0, 1, 0x0d, 0x0a, 0x2d, 0xb4, 0, 0, 0, 0, b'I', b'E', b'N',
        b'D', 0xae, 0x42, 0x60, 0x82,
    ];
    let upload = platform
        .by(&owner, Method::POST, "/api/v1/images")
        .header("content-type", "image/png")
        .body(png);
    let logo = expect(upload, StatusCode::CREATED).await["id"].clone();
    let branding =
        json!({"primary": "#ffff00", "background": "#fff", "text": "#111", "logo": logo});
    let made = expect(create(branding), StatusCode::CREATED).await;
    assert_eq!(made["branding"]["logo"], logo);
    assert_eq!(
        made["warnings"].as_array().unwrap().len(),
        1,
        "yellow on white: {made}"
    );
}

async fn s6_sessions_have_times_speakers_and_streams(platform: Platform) {
    let owner = platform.person("otto", "speaker").await;
    platform.person("sina", "speaker").await;
    let path = published(&platform, &owner, event("talks")).await;
    platform.stream(&owner, "main-stage").await;
    let sessions = format!("{path}/sessions");
    let talk = |slug: &str, from: i64, to: i64, more: Value| {
        let body = json!({
            "slug": slug, "title": format!("On {slug}"), "starts_at": now() + from,
            "ends_at": now() + to,
        });
        platform
            .by(&owner, Method::POST, &sessions)
            .json(&with(body, more))
    };
    let speakers = json!([
        {"user": "sina", "bio": "Writes."}, {"name": "Guest Star", "bio": "Sings."},
    ]);
    let more = json!({"speakers": speakers, "stream": "main-stage", "stage": "Main"});
    let made = expect(talk("keynote", 0, HOUR, more), StatusCode::CREATED).await;
    assert_eq!(made["room"], "event:talks/keynote");
    assert_eq!(made["speakers"][1]["name"], "Guest Star");
    assert_eq!(made["stream"]["live"], false);
    let clash = talk("second", 0, HOUR, json!({"stage": "Main"}));
    refused(clash, StatusCode::CONFLICT, "conflict").await;
    expect(
        talk("second", 0, HOUR, json!({"stage": "Tent"})),
        StatusCode::CREATED,
    )
    .await;
    let outside = talk("third", 8 * HOUR, 10 * HOUR, json!({}));
    refused(outside, StatusCode::BAD_REQUEST, "bad_request").await;
    let nobody = talk(
        "fourth",
        HOUR,
        2 * HOUR,
        json!({"speakers": [{"user": "nobody"}]}),
    );
    refused(nobody, StatusCode::UNPROCESSABLE_ENTITY, "unprocessable").await;

    // Order is what the organiser says.
    let edit = platform
        .by(&owner, Method::PATCH, &format!("{sessions}/second"))
        .json(&json!({"position": 0, "title": "First of all"}));
    expect(edit, StatusCode::OK).await;
    let edit = platform
        .by(&owner, Method::PATCH, &format!("{sessions}/keynote"))
        .json(&json!({"position": 1}));
    expect(edit, StatusCode::OK).await;
    let page = expect(platform.request(Method::GET, &path), StatusCode::OK).await;
    let order: Vec<_> = page["sessions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["slug"].clone())
        .collect();
    assert_eq!(order, ["second", "keynote"]);
    assert_eq!(page["sessions"][1]["stream"]["slug"], "main-stage");

    // The speaker shows the talk on her own stream.
    let sina = platform.log_in("sina").await;
    platform.stream(&sina, "sinas").await;
    let own = |person: &Person, session: &str| {
        platform
            .by(person, Method::PUT, &format!("{sessions}/{session}/stream"))
            .json(&json!({"stream": "sinas"}))
    };
    expect(own(&sina, "second"), StatusCode::FORBIDDEN).await;
    let shown = expect(own(&sina, "keynote"), StatusCode::OK).await;
    assert_eq!(shown["stream"]["slug"], "sinas");
    let gone = platform.by(&owner, Method::DELETE, &format!("{sessions}/second"));
    expect(gone, StatusCode::NO_CONTENT).await;
    let gone = platform.request(Method::GET, &format!("{sessions}/second"));
    expect(gone, StatusCode::NOT_FOUND).await;
}

async fn s6_calendars_follow_changes(platform: Platform) {
    let owner = platform.person("otto", "speaker").await;
    let anna = platform.person("anna", "attendee").await;
    let path = published(&platform, &owner, event("cal")).await;
    let read = |address: String| {
        let request = platform.request(Method::GET, &address);
        async move {
            let response = request.send().await.unwrap();
            assert_eq!(response.status(), StatusCode::OK, "{address}");
            let kind = response.headers()["content-type"]
                .to_str()
                .unwrap()
                .to_owned();
            assert!(kind.starts_with("text/calendar"), "{kind}");
            response.text().await.unwrap()
        }
    };
    let line = |text: &str, name: &str| {
        let lines = text.lines().filter(|line| line.starts_with(name));
        lines
            .map(str::to_owned)
            .next()
            .unwrap_or_else(|| panic!("no {name} in {text}"))
    };
    let first = read(format!("{path}/calendar.ics")).await;
    assert!(
        line(&first, "DTSTART").ends_with('Z'),
        "one moment: {first}"
    );
    let edit = platform
        .by(&owner, Method::PATCH, &path)
        .json(&json!({"ends_at": now() + 8 * HOUR}));
    expect(edit, StatusCode::OK).await;
    let second = read(format!("{path}/calendar.ics")).await;
    assert_eq!(line(&first, "UID"), line(&second, "UID"));
    let sequence = |text: &str| line(text, "SEQUENCE")[9..].parse::<u64>().unwrap();
    assert!(sequence(&second) > sequence(&first));

    let talk =
        json!({"slug": "talk", "title": "Talk", "starts_at": now(), "ends_at": now() + HOUR});
    let talk = platform
        .by(&owner, Method::POST, &format!("{path}/sessions"))
        .json(&talk);
    expect(talk, StatusCode::CREATED).await;
    let session = read(format!("{path}/sessions/talk/calendar.ics")).await;
    assert_ne!(line(&session, "UID"), line(&second, "UID"));

    let mine = platform
        .by(&anna, Method::POST, &format!("{path}/registrations"))
        .json(&json!({}));
    expect(mine, StatusCode::CREATED).await;
    let address = platform.by(&anna, Method::POST, "/api/v1/me/calendar");
    let address = expect(address, StatusCode::CREATED).await;
    let feed = address["url"]
        .as_str()
        .unwrap()
        .replace(&platform.url(""), "");
    assert_eq!(
        line(&read(feed.clone()).await, "STATUS"),
        "STATUS:CONFIRMED"
    );
    let cancel = platform
        .by(&owner, Method::POST, &format!("{path}/state"))
        .json(&json!({"state": "cancelled"}));
    expect(cancel, StatusCode::OK).await;
    let after = read(feed.clone()).await;
    assert_eq!(line(&after, "STATUS"), "STATUS:CANCELLED");
    assert!(sequence(&after) > sequence(&second));
    expect(
        platform.by(&anna, Method::DELETE, "/api/v1/me/calendar"),
        StatusCode::NO_CONTENT,
    )
    .await;
    expect(platform.request(Method::GET, &feed), StatusCode::NOT_FOUND).await;
}

async fn s6_attendees_watch_private_streams(platform: Platform) {
    let owner = platform.person("otto", "speaker").await;
    let anna = platform.person("anna", "attendee").await;
    let bert = platform.person("bert", "attendee").await;
    let path = published(&platform, &owner, event("secret")).await;
    platform.stream(&owner, "backstage").await;
    let hide = platform
        .by(&owner, Method::PATCH, "/api/v1/streams/backstage")
        .json(&json!({"visibility": "private"}));
    expect(hide, StatusCode::OK).await;
    let talk = json!({
        "slug": "talk", "title": "Talk", "starts_at": now(), "ends_at": now() + HOUR,
        "stream": "backstage",
    });
    let talk = platform
        .by(&owner, Method::POST, &format!("{path}/sessions"))
        .json(&talk);
    expect(talk, StatusCode::CREATED).await;
    let register = platform
        .by(&anna, Method::POST, &format!("{path}/registrations"))
        .json(&json!({}));
    expect(register, StatusCode::CREATED).await;
    let watch = |person: &Person| platform.by(person, Method::GET, "/whep/backstage");
    expect(watch(&anna), StatusCode::OK).await;
    expect(watch(&bert), StatusCode::NOT_FOUND).await;
    let withdraw = platform.by(&anna, Method::DELETE, &format!("{path}/registration"));
    expect(withdraw, StatusCode::NO_CONTENT).await;
    expect(watch(&anna), StatusCode::NOT_FOUND).await;
}

async fn i2_attendance_is_reported_by_person_and_session(mut platform: Platform) {
    let owner = platform.person("otto", "speaker").await;
    let anna = platform.person("anna", "attendee").await;
    let path = published(
        &platform,
        &owner,
        with(event("seen"), json!({"attendee_limit": 5})),
    )
    .await;
    for slug in ["first", "second"] {
        let body = json!({
            "slug": slug, "title": slug, "stage": slug, "starts_at": now() - 1000, "ends_at": now() + HOUR,
        });
        let make = platform
            .by(&owner, Method::POST, &format!("{path}/sessions"))
            .json(&body);
        expect(make, StatusCode::CREATED).await;
    }
    let mine = platform
        .by(&anna, Method::POST, &format!("{path}/registrations"))
        .json(&json!({}));
    expect(mine, StatusCode::CREATED).await;
    let ticket = register(&platform, &path, guest(1)).await["ticket"].clone();
    let ticket = ticket.as_str().unwrap();
    let address = |session: &str| format!("{path}/sessions/{session}/attendance");
    let nobody = platform.request(Method::POST, &address("first"));
    refused(nobody, StatusCode::UNAUTHORIZED, "unauthorized").await;
    let stranger = platform.person("sven", "attendee").await;
    let stranger = platform.by(&stranger, Method::POST, &address("first"));
    refused(stranger, StatusCode::FORBIDDEN, "forbidden").await;

    let by_guest = |method, session: &str| {
        platform
            .request(method, &address(session))
            .header("weir-ticket", ticket)
    };
    expect(
        platform.by(&anna, Method::POST, &address("first")),
        StatusCode::OK,
    )
    .await;
    expect(by_guest(Method::POST, "first"), StatusCode::OK).await;
    expect(by_guest(Method::POST, "second"), StatusCode::OK).await;
    tokio::time::sleep(std::time::Duration::from_millis(2_500)).await;
    expect(
        platform.by(&anna, Method::DELETE, &address("first")),
        StatusCode::NO_CONTENT,
    )
    .await;
    expect(by_guest(Method::POST, "first"), StatusCode::OK).await;

    // A server that is stopped writes what it has; the next one tells of it.
    let stopped = platform
        .server
        .terminate(std::time::Duration::from_secs(20));
    assert!(stopped.await.unwrap().success());
    platform.server.restart().await.unwrap();
    let owner = platform.log_in("otto").await;
    let report = platform.by(&owner, Method::GET, &format!("{path}/report"));
    let report = expect(report, StatusCode::OK).await;
    assert_eq!(report["totals"]["attendees"], 2, "{report}");
    let first = &report["sessions"][0];
    assert_eq!(
        (&first["slug"], &first["attendees"], &first["peak"]),
        (&json!("first"), &json!(2), &json!(2))
    );
    let watched = first["watch_ms"].as_i64().unwrap();
    assert!(
        (5_000..9_000).contains(&watched),
        "two people for 2.5 s: {watched}"
    );
    assert_eq!(report["sessions"][1]["attendees"], 1);
    let people = platform.by(&owner, Method::GET, &format!("{path}/attendance"));
    let people = expect(people, StatusCode::OK).await;
    let people = people["items"].as_array().unwrap();
    assert_eq!(people.len(), 2);
    let of_guest = people.iter().find(|it| it["user"].is_null()).unwrap();
    assert_eq!(
        (&of_guest["name"], &of_guest["sessions"]),
        (&json!("Guest 1"), &json!(2))
    );
    for (file, lines) in [("attendance.csv", 3), ("report.csv", 3)] {
        let csv = platform.by(&owner, Method::GET, &format!("{path}/{file}"));
        let csv = csv.send().await.unwrap();
        assert!(
            csv.headers()["content-type"]
                .to_str()
                .unwrap()
                .starts_with("text/csv")
        );
        assert_eq!(csv.text().await.unwrap().lines().count(), lines, "{file}");
    }
}

async fn i7_the_player_can_be_embedded(platform: Platform) {
    let owner = platform.person("otto", "speaker").await;
    platform.stream(&owner, "show").await;
    platform.stream(&owner, "hidden").await;
    let hide = platform
        .by(&owner, Method::PATCH, "/api/v1/streams/hidden")
        .json(&json!({"visibility": "private"}));
    expect(hide, StatusCode::OK).await;
    let get = |path: &str| {
        let request = platform
            .request(Method::GET, path)
            .header("accept", "text/html");
        async move { request.send().await.unwrap() }
    };
    let policy = |response: &reqwest::Response| {
        response.headers()["content-security-policy"]
            .to_str()
            .unwrap()
            .to_owned()
    };
    // Other sites may frame the player, and nothing else.
    let embed = get("/embed/show").await;
    assert_eq!(embed.status(), StatusCode::OK);
    assert!(
        policy(&embed).ends_with("frame-ancestors *"),
        "{}",
        policy(&embed)
    );
    assert!(embed.headers().get("x-frame-options").is_none());
    for path in ["/", "/@show"] {
        let page = get(path).await;
        assert_eq!(page.status(), StatusCode::OK);
        assert!(policy(&page).ends_with("frame-ancestors 'self'"));
        assert_eq!(page.headers()["x-frame-options"], "SAMEORIGIN");
    }
    for path in ["/embed/none", "/embed/hidden", "/@hidden", "/@none"] {
        assert_eq!(get(path).await.status(), StatusCode::NOT_FOUND, "{path}");
    }

    // The page says where its frame is, as a site would look for it.
    let page = get("/@show").await.text().await.unwrap();
    let link = page
        .lines()
        .find(|line| line.contains("application/json+oembed"))
        .unwrap();
    let (_, link) = link.split_once("href=\"").unwrap();
    let link = link.split('"').next().unwrap().replace("&amp;", "&");
    let found: Value = platform
        .http
        .get(&link)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(
        (&found["version"], &found["type"]),
        (&json!("1.0"), &json!("video"))
    );
    let frame = format!("src=\"{}\"", platform.url("/embed/show"));
    assert!(found["html"].as_str().unwrap().contains(&frame), "{found}");

    let oembed = |url: String, more: &str| format!("/oembed?url={url}{more}");
    let show = platform.url("/@show");
    let small = get(&oembed(show.clone(), "&maxwidth=640&format=xml")).await;
    assert!(
        small.headers()["content-type"]
            .to_str()
            .unwrap()
            .starts_with("text/xml")
    );
    let xml = small.text().await.unwrap();
    assert!(
        xml.contains("<width>640</width>\n<height>360</height>"),
        "{xml}"
    );
    assert!(xml.contains("&lt;iframe src=&quot;"), "{xml}");
    for (url, more, status) in [
        (platform.url("/@hidden"), "", StatusCode::NOT_FOUND),
        (
            "https://example.org/@show".to_owned(),
            "",
            StatusCode::NOT_FOUND,
        ),
        (show.clone(), "&format=yaml", StatusCode::NOT_IMPLEMENTED),
        (show, "&maxwidth=0", StatusCode::BAD_REQUEST),
    ] {
        assert_eq!(
            get(&oembed(url.clone(), more)).await.status(),
            status,
            "{url}{more}"
        );
    }
}
