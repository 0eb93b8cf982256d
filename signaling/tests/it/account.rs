use reqwest::{Method, Response, StatusCode, header};
use serde_json::json;
use weir_db::Role;
use weir_protocol::{ErrorCode, LoginResponse, Me, Page, StreamAccess, StreamSummary};

use crate::server::{Published, Server, problem, soon};

async fn login(server: &Server, name: &str, password: &str) -> Response {
    server
        .request(Method::POST, "/api/v1/login")
        .json(&json!({ "name": name, "password": password }))
        .send()
        .await
        .unwrap()
}

async fn token(server: &Server, name: &str, password: &str) -> String {
    let response = login(server, name, password).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
    response.json::<LoginResponse>().await.unwrap().token
}

#[tokio::test]
async fn login_gives_a_token_that_works() {
    let server = Server::start().await;
    server.user("ann", "correct horse", Role::Admin).await;
    let token = token(&server, "Ann", "correct horse").await;
    let me = server
        .request(Method::GET, "/api/v1/me")
        .bearer_auth(&token)
        .send()
        .await
        .unwrap();
    let me: Me = me.json().await.unwrap();
    assert_eq!(
        me,
        Me {
            name: "ann".into(),
            role: "admin".into()
        }
    );

    problem(server.get("/api/v1/me").await, 401, ErrorCode::Unauthorized).await;
    let forged = server
        .request(Method::GET, "/api/v1/me")
        .bearer_auth(format!("{token}x"));
    problem(forged.send().await.unwrap(), 401, ErrorCode::Unauthorized).await;
}

#[tokio::test]
async fn wrong_logins_are_refused_alike_and_limited() {
    let server = Server::start().await;
    server.user("ann", "correct horse", Role::Speaker).await;
    let wrong = problem(
        login(&server, "ann", "x").await,
        401,
        ErrorCode::Unauthorized,
    )
    .await;
    let nobody = problem(
        login(&server, "bob", "x").await,
        401,
        ErrorCode::Unauthorized,
    )
    .await;
    assert_eq!(wrong, nobody);

    let request = server.request(Method::POST, "/api/v1/login");
    let response = request.body("{}").send().await.unwrap();
    problem(response, 415, ErrorCode::UnsupportedMediaType).await;
    let request = server.request(Method::POST, "/api/v1/login");
    problem(
        request.json(&json!({})).send().await.unwrap(),
        400,
        ErrorCode::BadRequest,
    )
    .await;

    for _ in 0..8 {
        problem(
            login(&server, "ann", "x").await,
            401,
            ErrorCode::Unauthorized,
        )
        .await;
    }
    let limited = login(&server, "ann", "correct horse").await;
    let wait: u64 = limited.headers()[header::RETRY_AFTER]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((1..=300).contains(&wait), "{wait}");
    problem(limited, 429, ErrorCode::TooManyRequests).await;
}

#[tokio::test]
async fn streams_are_made_and_changed_by_their_owner() {
    let mut server = Server::start().await;
    server.user("ann", "correct horse", Role::Speaker).await;
    server.user("bob", "correct horse", Role::Speaker).await;
    server.user("root", "correct horse", Role::Admin).await;
    let ann = token(&server, "ann", "correct horse").await;
    let bob = token(&server, "bob", "correct horse").await;
    let root = token(&server, "root", "correct horse").await;
    let call = |method: Method, path: &str, token: Option<&str>, body: serde_json::Value| {
        let mut request = server.request(method, path).json(&body);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        async { request.send().await.unwrap() }
    };
    let streams = "/api/v1/streams";

    let new = json!({ "slug": "show", "title": "The show" });
    let response = call(Method::POST, streams, None, new.clone()).await;
    problem(response, 401, ErrorCode::Unauthorized).await;
    let response = call(Method::POST, streams, Some(&ann), new.clone()).await;
    assert_eq!(response.status(), StatusCode::CREATED);
    assert_eq!(response.headers()[header::LOCATION], "/api/v1/streams/show");
    assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
    let access: StreamAccess = response.json().await.unwrap();
    assert_eq!(access.whip_url, format!("{}/whip", server.base));
    assert_eq!(access.watch_url, format!("{}/@show", server.base));
    assert_eq!(access.rtmp_url, "rtmp://127.0.0.1/live");

    problem(
        call(Method::POST, streams, Some(&bob), new).await,
        409,
        ErrorCode::Conflict,
    )
    .await;
    for bad in [
        json!({ "slug": "No" }),
        json!({ "slug": "a", "title": " " }),
        json!({ "slug": "a", "x": 1 }),
    ] {
        let response = call(Method::POST, streams, Some(&ann), bad).await;
        problem(response, 400, ErrorCode::BadRequest).await;
    }

    let row = server
        .db
        .stream_by_slug(&access.slug)
        .await
        .unwrap()
        .unwrap();
    let stream = Published {
        row: row.clone(),
        key: access.key.clone(),
    };
    let none = json!({});
    let (show, key) = ("/api/v1/streams/show", "/api/v1/streams/show/key");
    problem(
        call(Method::POST, key, Some(&bob), none.clone()).await,
        403,
        ErrorCode::Forbidden,
    )
    .await;
    problem(
        call(Method::DELETE, show, Some(&bob), none.clone()).await,
        403,
        ErrorCode::Forbidden,
    )
    .await;
    let nobodys = call(
        Method::POST,
        "/api/v1/streams/nobody/key",
        Some(&ann),
        none.clone(),
    )
    .await;
    problem(nobodys, 404, ErrorCode::NotFound).await;

    let (mut peer, _, broadcast) = server.publish(&stream).await;
    let call = |method: Method, path: &str, token: &str| {
        let request = server.request(method, path).bearer_auth(token);
        async { request.send().await.unwrap() }
    };
    let rotated: StreamAccess = call(Method::POST, key, &ann).await.json().await.unwrap();
    assert_ne!(rotated.key, access.key);
    assert!(
        broadcast.over.is_cancelled(),
        "ends at once, not at the next look"
    );
    soon("the publisher's end", peer.ended()).await;
    let old_key = server.post_sdp("/whip", Some(&access.key), "x").await;
    problem(old_key, 401, ErrorCode::Unauthorized).await;

    assert_eq!(
        call(Method::DELETE, show, &root).await.status(),
        StatusCode::NO_CONTENT
    );
    problem(
        call(Method::DELETE, show, &root).await,
        404,
        ErrorCode::NotFound,
    )
    .await;
    problem(server.get(show).await, 404, ErrorCode::NotFound).await;
}

#[tokio::test]
async fn list_has_live_ones_first() {
    let server = Server::start().await;
    for slug in ["a", "b", "c"] {
        server.stream(slug).await;
    }
    let row = server
        .db
        .stream_by_slug(&"b".parse().unwrap())
        .await
        .unwrap()
        .unwrap();
    let _broadcast = server.live.begin(&row, weir_protocol::IngestProtocol::Rtmp);
    let list = |path: &'static str| {
        let response = server.get(path);
        async {
            let list: Page<StreamSummary> = response.await.json().await.unwrap();
            list.items
                .iter()
                .map(|it| it.slug.to_string())
                .collect::<Vec<_>>()
        }
    };
    assert_eq!(list("/api/v1/streams").await, ["b", "c", "a"]);
    assert_eq!(list("/api/v1/streams?live=true").await, ["b"]);
    problem(
        server.get("/api/v1/streams?live=maybe").await,
        400,
        ErrorCode::BadRequest,
    )
    .await;
    let shown: StreamSummary = server.get("/api/v1/streams/b").await.json().await.unwrap();
    assert!(shown.live);
    problem(
        server.get("/api/v1/nonsense").await,
        404,
        ErrorCode::NotFound,
    )
    .await;
    problem(server.get("/api/nonsense").await, 404, ErrorCode::NotFound).await;
}
