//! Webhooks, with a real endpoint that behaves and misbehaves.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Uri},
    response::IntoResponse,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sha2::Sha256;
use sqlx::{AnyConnection, Connection as _};

use super::server::{Kind, Person, Platform, expect, refused};
use crate::{media::Video, program::until, webrtc_client::Publisher};

/// Lets deliveries go to this machine, and makes retries quick.
const OPEN: &[(&str, &str)] = &[
    ("WEIR_WEBHOOKS_ALLOW_PRIVATE", "true"),
    ("WEIR_WEBHOOKS_ALLOW_HTTP", "true"),
    ("WEIR_WEBHOOKS_RETRY", "200ms,200ms,200ms"),
];

/// As `on_both!`, with settings under which the endpoints here may be told.
macro_rules! on_both_open {
    ($($case:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                let platform = super::Platform::start_with(super::Kind::Sqlite, super::OPEN).await;
                super::$case(platform).await;
            })+
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                let platform = super::Platform::start_with(super::Kind::Postgres, super::OPEN).await;
                super::$case(platform).await;
            })+
        }
    };
}

on_both_open!(
    i4_a_broadcast_is_told_and_signed,
    i4_the_log_tells_everything_and_replays,
    i4_nothing_is_lost_over_a_crash,
    i4_endpoints_are_managed_by_their_owners,
    i4_endpoints_say_when_to_come_back_and_that_they_are_gone,
);

/// Cases in which the endpoint says how long it fails: there are tries enough for any machine.
mod patient {
    use super::*;

    const OPEN: &[(&str, &str)] = &[
        super::OPEN[0],
        super::OPEN[1],
        ("WEIR_WEBHOOKS_RETRY", "200ms,200ms,400ms,1s,2s,4s,8s,16s"),
    ];

    on_both_open!(i4_a_stream_that_fails_holds_nobody_else_up);
}

/// A request that an endpoint got.
#[derive(Debug, Clone)]
struct Got {
    path: String,
    headers: HeaderMap,
    raw: String,
    body: Value,
}

impl Got {
    fn kind(&self) -> &str {
        self.body["type"].as_str().unwrap()
    }

    fn slug(&self) -> &str {
        self.body["data"]["stream"]["slug"].as_str().unwrap_or("")
    }

    fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }

    /// By the words of the specification, with nothing of the server's code.
    fn is_signed_with(&self, secret: &str) -> bool {
        let key = STANDARD
            .decode(secret.strip_prefix("whsec_").unwrap())
            .unwrap();
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
        let (id, time) = (self.header("webhook-id"), self.header("webhook-timestamp"));
        mac.update(format!("{id}.{time}.{}", self.raw).as_bytes());
        let expected = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
        let mut signatures = self.header("webhook-signature").split(' ');
        signatures.any(|signature| signature == expected)
    }
}

type Answer = (u16, Vec<(&'static str, String)>, String);
type Behaviour = Box<dyn FnMut(&Got) -> Answer + Send>;

/// An endpoint on this machine.
struct Endpoint {
    url: String,
    port: u16,
    state: Inside,
    task: tokio::task::JoinHandle<()>,
}

#[derive(Clone)]
struct Inside {
    got: Arc<Mutex<Vec<Got>>>,
    behaviour: Arc<Mutex<Behaviour>>,
}

impl Endpoint {
    async fn start(behaviour: impl FnMut(&Got) -> Answer + Send + 'static) -> Self {
        Self::start_at(0, behaviour).await
    }

    async fn start_at(port: u16, behaviour: impl FnMut(&Got) -> Answer + Send + 'static) -> Self {
        let state = Inside {
            got: Arc::default(),
            behaviour: Arc::new(Mutex::new(Box::new(behaviour))),
        };
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", port))
            .await
            .unwrap();
        let port = listener.local_addr().unwrap().port();
        let router = Router::new().fallback(take).with_state(state.clone());
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            url: format!("http://127.0.0.1:{port}/hook"),
            port,
            state,
            task,
        }
    }

    fn got(&self) -> Vec<Got> {
        self.state.got.lock().unwrap().clone()
    }

    async fn wait_for(&self, count: usize) -> Vec<Got> {
        until("deliveries", || async { self.got().len() >= count }).await;
        self.got()
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn take(
    State(inside): State<Inside>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> impl IntoResponse {
    let got = Got {
        path: uri.path().to_owned(),
        headers,
        raw: String::from_utf8(body.to_vec()).unwrap(),
        body: serde_json::from_slice(&body).unwrap(),
    };
    let (status, fields, text) = {
        // Whoever is counted by a behaviour is in the list before the next is asked.
        let mut behaviour = inside.behaviour.lock().unwrap();
        let answer = behaviour(&got);
        inside.got.lock().unwrap().push(got);
        answer
    };
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.insert(name, value.parse().unwrap());
    }
    (StatusCode::from_u16(status).unwrap(), headers, text)
}

fn fine(_: &Got) -> Answer {
    (200, vec![], "thanks".to_owned())
}

async fn hook(platform: &Platform, owner: &Person, body: Value) -> Value {
    let request = platform
        .by(owner, Method::POST, "/api/v1/webhooks")
        .json(&body);
    expect(request, StatusCode::CREATED).await
}

fn path(hook: &Value, rest: &str) -> String {
    format!("/api/v1/webhooks/{}{rest}", hook["id"].as_str().unwrap())
}

async fn log(platform: &Platform, owner: &Person, hook: &Value, query: &str) -> Vec<Value> {
    let address = path(hook, &format!("/deliveries{query}"));
    let page = expect(platform.by(owner, Method::GET, &address), StatusCode::OK).await;
    page["items"].as_array().unwrap().clone()
}

/// Statements past the server, for what cannot be brought about otherwise.
async fn execute(platform: &Platform, sql: String) {
    sqlx::any::install_default_drivers();
    let url = platform.database_url.clone().unwrap_or_else(|| {
        let path = platform.server.data_dir().join("weir.db");
        format!("sqlite://{}", path.display())
    });
    let mut connection = AnyConnection::connect(&url).await.unwrap();
    let query = sqlx::raw_sql(sqlx::AssertSqlSafe(sql));
    query.execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

async fn delete_stream(platform: &Platform, owner: &Person, slug: &str) {
    let request = platform.by(owner, Method::DELETE, &format!("/api/v1/streams/{slug}"));
    expect(request, StatusCode::NO_CONTENT).await;
}

async fn i4_a_broadcast_is_told_and_signed(platform: Platform) {
    let ada = platform.person("ada", "speaker").await;
    let endpoint = Endpoint::start(fine).await;
    let types = json!(["stream.started", "stream.ended"]);
    let made = hook(
        &platform,
        &ada,
        json!({"url": endpoint.url, "types": types}),
    )
    .await;
    let secret = made["secret"].as_str().unwrap();
    let other = platform.person("bob", "speaker").await;
    let theirs = Endpoint::start(fine).await;
    hook(&platform, &other, json!({"url": theirs.url})).await;

    let access = platform.stream(&ada, "stage").await;
    let (whip, key) = (
        access["whip_url"].as_str().unwrap(),
        access["key"].as_str().unwrap(),
    );
    let publisher = Publisher::start(whip, key, Arc::new(Video::h264())).await;
    let got = endpoint.wait_for(1).await;
    publisher.close().await;
    let got = [got, endpoint.wait_for(2).await].concat();
    let (started, ended) = (&got[0], got.last().unwrap());
    assert_eq!(
        (started.kind(), ended.kind()),
        ("stream.started", "stream.ended")
    );
    for one in &got {
        assert_eq!(one.slug(), "stage");
        assert!(one.is_signed_with(secret), "{one:?}");
        assert!(!one.is_signed_with("whsec_AAAA"));
        assert_eq!(one.header("content-type"), "application/json");
        let time = one.body["timestamp"].as_str().unwrap();
        assert!(time.starts_with("20") && time.ends_with('Z'), "{time}");
    }
    let broadcast = &ended.body["data"]["broadcast"];
    assert_eq!(broadcast["id"], started.body["data"]["broadcast"]["id"]);
    assert_eq!(broadcast["protocol"], "whip");
    assert!(broadcast["ended_at"].as_i64() >= broadcast["started_at"].as_i64());
    assert!(theirs.got().is_empty(), "it is none of theirs");

    // For a day both secrets sign.
    let rotate = platform.by(&ada, Method::POST, &path(&made, "/secret"));
    let rotated = expect(rotate, StatusCode::OK).await;
    let fresh = rotated["secret"].as_str().unwrap();
    assert_ne!(fresh, secret);
    let test = platform.by(&ada, Method::POST, &path(&made, "/tests"));
    let test = expect(test, StatusCode::OK).await;
    assert_eq!(
        (&test["state"], &test["status"]),
        (&json!("delivered"), &json!(200))
    );
    let got = endpoint.wait_for(3).await;
    let got = got.last().unwrap();
    assert_eq!(got.kind(), "webhook.test");
    assert_eq!(got.header("webhook-id"), test["id"].as_str().unwrap());
    assert!(got.is_signed_with(fresh) && got.is_signed_with(secret));
    execute(
        &platform,
        "UPDATE webhooks SET old_salt_until = 1".to_owned(),
    )
    .await;
    let test = platform.by(&ada, Method::POST, &path(&made, "/tests"));
    expect(test, StatusCode::OK).await;
    let got = endpoint.wait_for(4).await;
    let got = got.last().unwrap();
    assert!(got.is_signed_with(fresh) && !got.is_signed_with(secret));
    // Nobody is shown a secret again, and no log has one.
    let show = platform.by(&ada, Method::GET, &path(&made, ""));
    let shown = expect(show, StatusCode::OK).await.to_string();
    assert!(!shown.contains("whsec_"), "{shown}");
    let log = platform.server.log();
    assert!(
        !log.contains("whsec_") && !log.contains(&secret[6..]),
        "{log}"
    );
}

async fn i4_a_stream_that_fails_holds_nobody_else_up(platform: Platform) {
    let ada = platform.person("ada", "speaker").await;
    let tries = Arc::new(Mutex::new(HashMap::<String, u32>::new()));
    let counted = tries.clone();
    let endpoint = Endpoint::start(move |got| {
        let mut tries = counted.lock().unwrap();
        let tried = tries
            .entry(got.header("webhook-id").to_owned())
            .or_default();
        *tried += 1;
        let again = *tried < 3;
        // The first event of this stream fails until the ten of the others are here, and at least twice.
        let all_but_its_last = tries.len() == 11;
        let fails =
            got.slug() == "s3" && got.kind() == "stream.created" && (again || !all_but_its_last);
        (if fails { 503 } else { 204 }, vec![], String::new())
    })
    .await;
    hook(&platform, &ada, json!({"url": endpoint.url})).await;
    for n in 0..6 {
        platform.stream(&ada, &format!("s{n}")).await;
    }
    for n in 0..6 {
        delete_stream(&platform, &ada, &format!("s{n}")).await;
    }
    // Were any held up by it, it would fail until it is given up.
    let its_end = |one: &Got| one.slug() == "s3" && one.kind() == "stream.deleted";
    until("its last event", || async {
        endpoint.got().iter().any(its_end)
    })
    .await;
    let got = endpoint.got();
    for n in 0..6 {
        let slug = format!("s{n}");
        let of_stream = got.iter().filter(|one| one.slug() == slug);
        let mut kinds: Vec<&str> = of_stream.map(Got::kind).collect();
        if n == 3 {
            assert!(
                kinds.len() >= 4,
                "three tries, and the next event: {kinds:?}"
            );
            kinds.dedup();
        }
        assert_eq!(kinds, ["stream.created", "stream.deleted"], "{slug}");
    }
    // A retry is the same message: an endpoint that got it can tell.
    assert_eq!(tries.lock().unwrap().len(), 12);
}

async fn i4_the_log_tells_everything_and_replays(platform: Platform) {
    let ada = platform.person("ada", "speaker").await;
    let works = Arc::new(Mutex::new(false));
    let switch = works.clone();
    let endpoint = Endpoint::start(move |_| match *switch.lock().unwrap() {
        true => (200, vec![], "ok\0".to_owned()),
        false => (500, vec![], "x".repeat(5000)),
    })
    .await;
    let made = hook(&platform, &ada, json!({"url": endpoint.url})).await;
    platform.stream(&ada, "one").await;
    platform.stream(&ada, "two").await;
    // Four tries each, then they are given up.
    endpoint.wait_for(8).await;
    until("they are given up", || async {
        log(&platform, &ada, &made, "?state=failed").await.len() == 2
    })
    .await;
    let failed = log(&platform, &ada, &made, "?limit=1").await;
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0]["type"], "stream.created");
    assert_eq!(
        (&failed[0]["attempts"], &failed[0]["status"]),
        (&json!(4), &json!(500))
    );
    assert!(failed[0]["next_at"].is_null());
    let id = failed[0]["id"].as_str().unwrap();
    let detail = platform.by(
        &ada,
        Method::GET,
        &path(&made, &format!("/deliveries/{id}")),
    );
    let detail = expect(detail, StatusCode::OK).await;
    let tries = detail["tries"].as_array().unwrap();
    assert_eq!(tries.len(), 4);
    assert_eq!(tries[0]["response"].as_str().unwrap().len(), 1024, "cut");
    assert!(tries[0]["error"].as_str().unwrap().contains("500"));
    assert!(tries[0]["duration_ms"].as_i64().unwrap() < 10_000);
    let times: Vec<i64> = tries
        .iter()
        .map(|one| one["at"].as_i64().unwrap())
        .collect();
    assert!(
        times.windows(2).all(|pair| pair[1] - pair[0] >= 150),
        "{times:?}"
    );
    let body: Value = serde_json::from_str(detail["body"].as_str().unwrap()).unwrap();
    assert_eq!(body["data"]["stream"]["slug"], "two");
    let shown = platform.by(&ada, Method::GET, &path(&made, ""));
    let shown = expect(shown, StatusCode::OK).await;
    assert!(shown["failing_since"].is_i64(), "{shown}");

    *works.lock().unwrap() = true;
    let replay = platform.by(
        &ada,
        Method::POST,
        &path(&made, &format!("/deliveries/{id}/replays")),
    );
    let answer = expect(replay, StatusCode::ACCEPTED).await;
    assert_eq!(answer["deliveries"], 1);
    let got = endpoint.wait_for(9).await;
    assert_eq!(got[8].header("webhook-id"), id);
    let since = |body: Value| {
        let request = platform.by(&ada, Method::POST, &path(&made, "/replays"));
        expect(request.json(&body), StatusCode::ACCEPTED)
    };
    until("the replay is in the log", || async {
        log(&platform, &ada, &made, "?state=delivered").await.len() == 1
    })
    .await;
    assert_eq!(
        since(json!({"since": 0})).await["deliveries"],
        1,
        "what failed"
    );
    endpoint.wait_for(10).await;
    until("it is in the log", || async {
        log(&platform, &ada, &made, "?state=delivered").await.len() == 2
    })
    .await;
    assert_eq!(since(json!({"since": 0})).await["deliveries"], 0);
    assert_eq!(
        since(json!({"since": 0, "all": true})).await["deliveries"],
        2
    );
    endpoint.wait_for(12).await;
    let shown = platform.by(&ada, Method::GET, &path(&made, ""));
    let shown = expect(shown, StatusCode::OK).await;
    assert!(shown["failing_since"].is_null(), "{shown}");

    // What happens while it is switched off is kept, and sent when it is asked for.
    let edit = |body: Value| {
        let request = platform.by(&ada, Method::PATCH, &path(&made, ""));
        expect(request.json(&body), StatusCode::OK)
    };
    edit(json!({"enabled": false})).await;
    platform.stream(&ada, "three").await;
    let skipped = log(&platform, &ada, &made, "?state=skipped").await;
    assert_eq!(skipped.len(), 1);
    edit(json!({"enabled": true})).await;
    assert_eq!(since(json!({"since": 0})).await["deliveries"], 1);
    let got = endpoint.wait_for(13).await;
    assert_eq!(got[12].slug(), "three");
}

async fn i4_nothing_is_lost_over_a_crash(mut platform: Platform) {
    let ada = platform.person("ada", "speaker").await;
    // Nobody listens there yet.
    let port = weir_bench::server::free_port().unwrap();
    let url = format!("http://127.0.0.1:{port}/later");
    let made = hook(&platform, &ada, json!({"url": url})).await;
    let mut secrets = vec![made["secret"].as_str().unwrap().to_owned()];
    for n in 0..10 {
        platform.stream(&ada, &format!("s{n}")).await;
    }
    platform.server.kill_and_restart().await.unwrap();
    let endpoint = Endpoint::start_at(port, fine).await;
    // Some were given up before there was an endpoint: those are asked for.
    let again = platform.by(&ada, Method::POST, &path(&made, "/replays"));
    expect(again.json(&json!({"since": 0})), StatusCode::ACCEPTED).await;
    until("all have arrived", || async {
        let mut slugs: Vec<_> = endpoint
            .got()
            .iter()
            .map(|one| one.slug().to_owned())
            .collect();
        slugs.sort();
        slugs.dedup();
        slugs.len() == 10
    })
    .await;
    // The secret is the same after the restart.
    let secret = secrets.pop().unwrap();
    assert!(endpoint.got().iter().all(|one| one.is_signed_with(&secret)));
    assert!(endpoint.got().iter().all(|one| one.path == "/later"));
    // One that is killed with deliveries on their way sends them again.
    platform.stream(&ada, "last").await;
    platform.server.kill_and_restart().await.unwrap();
    until("the last one", || async {
        endpoint.got().iter().any(|one| one.slug() == "last")
    })
    .await;
    assert_eq!(endpoint.port, port);
}

async fn i4_endpoints_are_managed_by_their_owners(platform: Platform) {
    let ada = platform.person("ada", "speaker").await;
    let bob = platform.person("bob", "speaker").await;
    let root = platform.person("root", "admin").await;
    let endpoint = Endpoint::start(fine).await;
    let made = hook(
        &platform,
        &ada,
        json!({"url": endpoint.url, "description": "Mine", "types": ["stream.created"]}),
    )
    .await;
    for person in [&bob, &root] {
        let request = platform.by(person, Method::GET, &path(&made, ""));
        refused(request, StatusCode::NOT_FOUND, "not_found").await;
    }
    let list = |person: &Person, query: &str| {
        let address = format!("/api/v1/webhooks{query}");
        expect(platform.by(person, Method::GET, &address), StatusCode::OK)
    };
    assert_eq!(list(&ada, "").await["items"].as_array().unwrap().len(), 1);
    assert!(list(&bob, "").await["items"].as_array().unwrap().is_empty());

    // The site's hears of everybody's.
    let site = json!({"url": endpoint.url, "site": true});
    let request = platform
        .by(&bob, Method::POST, "/api/v1/webhooks")
        .json(&site);
    refused(request, StatusCode::FORBIDDEN, "forbidden").await;
    let of_site = hook(&platform, &root, site).await;
    assert_eq!(
        list(&root, "?site=true").await["items"][0]["id"],
        of_site["id"]
    );
    platform.stream(&bob, "bobs").await;
    let got = endpoint.wait_for(1).await;
    assert_eq!((got[0].kind(), got[0].slug()), ("stream.created", "bobs"));

    // Who is followed hears of it.
    let follow = platform.by(&bob, Method::PUT, "/api/v1/me/following/ada");
    expect(follow, StatusCode::NO_CONTENT).await;
    let got = endpoint.wait_for(2).await;
    assert_eq!(got[1].kind(), "user.followed");
    assert_eq!(got[1].body["data"]["follower"]["name"], "bob");

    // Of one stream only, which must be one's own.
    let of_stream = json!({"url": endpoint.url, "stream": "bobs"});
    let request = platform
        .by(&ada, Method::POST, "/api/v1/webhooks")
        .json(&of_stream);
    refused(request, StatusCode::NOT_FOUND, "not_found").await;
    let of_stream = hook(&platform, &bob, of_stream).await;
    assert_eq!(of_stream["stream"], "bobs");

    // Edits on condition.
    let show = platform
        .by(&ada, Method::GET, &path(&made, ""))
        .send()
        .await
        .unwrap();
    let tag = show.headers()["etag"].clone();
    let edit = |tag: &reqwest::header::HeaderValue, body: Value| {
        let request = platform.by(&ada, Method::PATCH, &path(&made, ""));
        request.header("if-match", tag).json(&body)
    };
    let edited = expect(edit(&tag, json!({"description": "Ours"})), StatusCode::OK).await;
    assert_eq!(
        (&edited["description"], &edited["types"]),
        (&json!("Ours"), &made["types"])
    );
    let stale = edit(&tag, json!({"description": "Theirs"}));
    refused(stale, StatusCode::PRECONDITION_FAILED, "changed").await;
    for bad in [
        json!({"types": ["stream.exploded"]}),
        json!({"description": "x".repeat(201)}),
        json!({"description": "a\0b"}),
        json!({"url": "nonsense"}),
        json!({"urls": "https://example.com/"}),
    ] {
        let request = platform
            .by(&ada, Method::PATCH, &path(&made, ""))
            .json(&bad);
        refused(request, StatusCode::BAD_REQUEST, "bad_request").await;
    }
    let delete = platform.by(&ada, Method::DELETE, &path(&made, ""));
    expect(delete, StatusCode::NO_CONTENT).await;
    let gone = platform.by(&ada, Method::GET, &path(&made, "/deliveries"));
    refused(gone, StatusCode::NOT_FOUND, "not_found").await;

    // Not more than makes sense.
    for _ in 0..20 {
        hook(&platform, &ada, json!({"url": endpoint.url})).await;
    }
    let request = platform
        .by(&ada, Method::POST, "/api/v1/webhooks")
        .json(&json!({"url": endpoint.url}));
    refused(request, StatusCode::CONFLICT, "conflict").await;
}

async fn i4_endpoints_say_when_to_come_back_and_that_they_are_gone(platform: Platform) {
    let ada = platform.person("ada", "speaker").await;
    let elsewhere = Endpoint::start(fine).await;
    let target = elsewhere.url.clone();
    let mut count = 0;
    let endpoint = Endpoint::start(move |_| {
        count += 1;
        match count {
            1 => (429, vec![("retry-after", "2".to_owned())], String::new()),
            2 => (302, vec![("location", target.clone())], String::new()),
            _ => (410, vec![], String::new()),
        }
    })
    .await;
    let made = hook(&platform, &ada, json!({"url": endpoint.url})).await;
    platform.stream(&ada, "one").await;
    endpoint.wait_for(1).await;
    let began = std::time::Instant::now();
    endpoint.wait_for(2).await;
    let waited = began.elapsed();
    assert!(waited > Duration::from_millis(1700), "{waited:?}");
    endpoint.wait_for(3).await;
    until("it is switched off", || async {
        let shown = platform.by(&ada, Method::GET, &path(&made, ""));
        expect(shown, StatusCode::OK).await["enabled"] == false
    })
    .await;
    let shown = platform.by(&ada, Method::GET, &path(&made, ""));
    let shown = expect(shown, StatusCode::OK).await;
    assert!(
        shown["disabled_why"].as_str().unwrap().contains("410"),
        "{shown}"
    );
    platform.stream(&ada, "two").await;
    assert_eq!(log(&platform, &ada, &made, "?state=skipped").await.len(), 1);
    assert!(elsewhere.got().is_empty(), "redirects are not followed");
    let news = platform.by(&ada, Method::GET, "/api/v1/me/notifications");
    let news = expect(news, StatusCode::OK).await;
    assert_eq!(news["items"][0]["kind"], "account", "{news}");
    assert_eq!(news["items"][0]["payload"]["webhook"], made["id"], "{news}");
    let failed = log(&platform, &ada, &made, "?state=failed").await;
    assert_eq!(failed[0]["attempts"], 3);
}

/// Under the settings that a server has by itself.
#[tokio::test(flavor = "multi_thread")]
async fn i4_addresses_of_the_own_network_are_never_asked() {
    let platform = Platform::start(Kind::Sqlite).await;
    let ada = platform.person("ada", "speaker").await;
    let endpoint = Endpoint::start(fine).await;
    for url in [
        "https://127.0.0.1/",
        "https://localhost/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://169.254.169.254/latest/meta-data/",
        "https://10.1.2.3/",
        "https://100.64.0.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "http://8.8.8.8/",
        "https://user:secret@8.8.8.8/",
        "ftp://8.8.8.8/",
        &endpoint.url,
    ] {
        let request = platform.by(&ada, Method::POST, "/api/v1/webhooks");
        let request = request.json(&json!({"url": url}));
        let why = refused(request, StatusCode::BAD_REQUEST, "bad_request").await;
        assert!(!why.is_empty(), "{url}");
    }
    let made = hook(&platform, &ada, json!({"url": "https://8.8.8.8/hook"})).await;
    // What was stored once, or is another address now than when it was made, is judged again before each
    // connection.
    for (url, word) in [
        (
            format!("https://localhost:{}/", endpoint.port),
            "this machine",
        ),
        (
            format!("https://127.0.0.1:{}/", endpoint.port),
            "this machine",
        ),
        (format!("http://localhost:{}/", endpoint.port), "https"),
    ] {
        execute(&platform, format!("UPDATE webhooks SET url = '{url}'")).await;
        let test = platform.by(&ada, Method::POST, &path(&made, "/tests"));
        let test = expect(test, StatusCode::OK).await;
        assert_eq!(test["state"], "failed");
        let error = test["error"].as_str().unwrap();
        assert!(error.contains(word), "{url}: {error}");
    }
    assert!(endpoint.got().is_empty());
}
