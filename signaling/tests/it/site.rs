//! What admins see of the site and do to it.

use reqwest::{Method, Response};
use serde_json::{Value, json};
use weir_db::{NewStream, Role, StreamDetails, UserChange};
use weir_protocol::{
    CheckCode, Connectivity, ErrorCode, LoginResponse, Page, ServerLoad, StreamSummary, Visibility,
    room::AuditEntry,
};
use weir_signaling::keys;

use crate::server::{Published, Server, problem, soon};

/// A server with an admin, and the admin's token.
async fn administered() -> (Server, String) {
    let server = Server::start().await;
    server.user("root", "correct horse", Role::Admin).await;
    let token = log_in(&server, "root").await;
    (server, token)
}

async fn log_in(server: &Server, name: &str) -> String {
    let login = server
        .request(Method::POST, "/api/v1/login")
        .json(&json!({"name": name, "password": "correct horse"}));
    let answer: LoginResponse = login.send().await.unwrap().json().await.unwrap();
    answer.token
}

async fn ask(server: &Server, token: &str, method: Method, path: &str) -> Response {
    let request = server.request(method, path).bearer_auth(token);
    request.send().await.unwrap()
}

async fn streams(server: &Server, token: &str, query: &str) -> Vec<StreamSummary> {
    let path = format!("/api/v1/admin/streams?{query}");
    let list = ask(server, token, Method::GET, &path).await;
    list.json::<Page<StreamSummary>>().await.unwrap().items
}

/// What the audit log says was done, and to what; the newest first.
async fn done(server: &Server, token: &str, query: &str) -> Vec<(String, Option<String>)> {
    let path = format!("/api/v1/admin/audit?{query}");
    let list = ask(server, token, Method::GET, &path).await;
    let page: Page<AuditEntry> = list.json().await.unwrap();
    let entries = page.items.into_iter();
    entries.map(|it| (it.action, it.target)).collect()
}

#[tokio::test]
async fn private_streams_are_seen_and_ended() {
    let (mut server, token) = administered().await;
    let (key, key_hash) = keys::generate();
    let new = NewStream {
        slug: "hidden".parse().unwrap(),
        title: "Hidden".into(),
        key_hash,
        owner: None,
    };
    let details = StreamDetails {
        visibility: Visibility::Private,
        ..StreamDetails::default()
    };
    let row = server.db.create_stream_with(new, details).await.unwrap();
    let key = key.reveal().to_owned();
    let hidden = Published { row, key };
    server.stream("other").await;

    let end = "/api/v1/streams/hidden/broadcast";
    let early = ask(&server, &token, Method::DELETE, end).await;
    problem(early, 409, ErrorCode::Conflict).await;
    assert!(streams(&server, &token, "live=true").await.is_empty());

    let (_peer, location, broadcast) = server.publish(&hidden).await;
    let live = streams(&server, &token, "live=true").await;
    assert_eq!((live.len(), live[0].slug.as_str()), (1, "hidden"));
    assert!(live[0].live && live[0].visibility == Visibility::Private);
    let all = streams(&server, &token, "").await;
    let slugs: Vec<_> = all.iter().map(|it| it.slug.as_str()).collect();
    assert_eq!(slugs, ["other", "hidden"]);
    assert_eq!(streams(&server, &token, "q=HID").await.len(), 1);
    let first = ask(
        &server,
        &token,
        Method::GET,
        "/api/v1/admin/streams?limit=1",
    )
    .await;
    let next = first.json::<Page<StreamSummary>>().await.unwrap().next;
    let second = streams(&server, &token, &format!("cursor={}", next.unwrap())).await;
    assert_eq!(second[0].slug.as_str(), "hidden");

    let ended = ask(&server, &token, Method::DELETE, end).await;
    assert_eq!(ended.status(), 204);
    let over = broadcast.over.cancelled();
    soon("the end of the broadcast", over).await;
    assert!(!server.live.summary(&hidden.row).live);
    let gone = server
        .request(Method::DELETE, &location)
        .bearer_auth(&hidden.key);
    problem(gone.send().await.unwrap(), 404, ErrorCode::NotFound).await;
    // The key stays good.
    server.publish(&hidden).await;
    let entry = ("end_broadcast".to_owned(), Some("stream:hidden".to_owned()));
    assert_eq!(done(&server, &token, "").await, [entry]);
}

#[tokio::test]
async fn what_is_done_to_accounts_is_written_down() {
    let (server, token) = administered().await;
    server.user("ann", "correct horse", Role::Attendee).await;
    let ann = log_in(&server, "ann").await;
    let edit = server
        .request(Method::PATCH, "/api/v1/admin/users/ann")
        .bearer_auth(&token)
        .json(&json!({"role": "speaker", "approved": true}));
    assert_eq!(edit.send().await.unwrap().status(), 200);

    let me = ask(&server, &ann, Method::GET, "/api/v1/me").await;
    assert_eq!(me.status(), 200);
    let devices = "/api/v1/admin/users/ann/devices";
    let out = ask(&server, &token, Method::DELETE, devices).await;
    assert_eq!(out.status(), 204);
    let me = ask(&server, &ann, Method::GET, "/api/v1/me").await;
    problem(me, 401, ErrorCode::Unauthorized).await;

    let totp = "/api/v1/admin/users/ann/totp";
    let none = ask(&server, &token, Method::DELETE, totp).await;
    problem(none, 409, ErrorCode::Conflict).await;
    let row = server.db.user_by_name("ann").await.unwrap().unwrap();
    assert!(server.db.begin_totp(row.id, "sealed").await.unwrap());
    let removed = ask(&server, &token, Method::DELETE, totp).await;
    assert_eq!(removed.status(), 204);
    assert_eq!(server.db.totp(row.id).await.unwrap(), None);

    let ann = Some("user:ann".to_owned());
    let entry = |action: &str| (action.to_owned(), ann.clone());
    assert_eq!(
        done(&server, &token, "by=Root").await,
        [
            entry("remove_second_factor"),
            entry("log_out"),
            entry("approve"),
            entry("make_speaker"),
        ]
    );
    let filtered = done(&server, &token, "action=log_out").await;
    assert_eq!(filtered, [entry("log_out")]);
    assert_eq!(done(&server, &token, "by=ann").await, []);
}

#[tokio::test]
async fn the_server_says_how_it_is() {
    let (mut server, token) = administered().await;
    let stream = server.stream("demo").await;
    server.publish(&stream).await;
    let load = ask(&server, &token, Method::GET, "/api/v1/admin/load").await;
    let load: ServerLoad = load.json().await.unwrap();
    assert_eq!((load.streams, load.ready), (1, true));
    assert!(load.started_at <= load.now && load.cores > 0);
    assert!(load.memory.unwrap() < load.memory_total.unwrap());
    assert!(load.database_ms >= 0.0 && load.cpu_seconds.is_some());
    let settings = ask(&server, &token, Method::GET, "/api/v1/admin/settings").await;
    let settings: Value = settings.json().await.unwrap();
    assert_eq!(settings, json!([]), "the program fills it");

    let change = UserChange {
        role: Some(Role::Moderator),
        ..UserChange::default()
    };
    server.user("spare", "correct horse", Role::Admin).await;
    let root = server.db.user_by_name("root").await.unwrap().unwrap();
    server.db.change_user(root.id, None, &change).await.unwrap();
    let no_more = ask(&server, &token, Method::GET, "/api/v1/admin/load").await;
    problem(no_more, 403, ErrorCode::Forbidden).await;
}

#[tokio::test]
async fn connectivity_is_told_with_what_viewers_use() {
    let (mut server, token) = administered().await;
    let stream = server.stream("demo").await;
    let (_publisher, _, _) = server.publish(&stream).await;
    let (mut viewer, _) = server.view("demo").await;
    soon("a picture", viewer.received()).await;
    let told = async || {
        let path = "/api/v1/admin/connectivity";
        let answer = ask(&server, &token, Method::GET, path).await;
        assert_eq!(answer.headers()["cache-control"], "no-store");
        answer.json::<Connectivity>().await.unwrap()
    };
    let first = told().await;
    assert_eq!(first.checks[0].code, CheckCode::TurnOff);
    // The media plane is asked every five seconds which way each viewer has.
    let used = soon("a sample", async {
        loop {
            let used = told().await.transports;
            if used.total_ms() > 0 {
                return used;
            }
            tokio::time::sleep(std::time::Duration::from_millis(250)).await;
        }
    });
    let used = used.await;
    assert_eq!(used.udp_ms, used.total_ms(), "{used:?}");
}
