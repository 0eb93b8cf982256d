//! Restreaming as a streamer sees it: from one server to another, by the API alone.

use std::process::{Child, Command, Stdio};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    platform::server::{Kind, Platform, expect, refused},
    program::{serve, until},
};

/// An ffmpeg that publishes in real time. Dropping it kills it.
struct Encoder(Child);

impl Encoder {
    fn start(rtmp: &str, key: &str) -> Self {
        let source = "-re -f lavfi -i testsrc2=size=320x180:rate=30 \
            -f lavfi -i sine=frequency=440:sample_rate=48000 \
            -c:v libx264 -preset ultrafast -tune zerolatency -pix_fmt yuv420p -b:v 300k -g 30 \
            -sc_threshold 0 -c:a aac -b:a 96k -ac 2 -f flv";
        let child = Command::new("ffmpeg")
            .args(["-v", "error"])
            .args(source.split_whitespace())
            .arg(format!("rtmp://{rtmp}/live/{key}"))
            .stdin(Stdio::null())
            .spawn()
            .expect("ffmpeg is installed by script/bootstrap --test");
        Self(child)
    }
}

impl Drop for Encoder {
    fn drop(&mut self) {
        // An error says that it has ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

const RESTREAMS: &str = "/api/v1/streams/main/restreams";

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_sent_to_another_server_while_it_is_live() {
    let settings = [("WEIR_RESTREAM_ALLOW_PRIVATE", "true")];
    let here = Platform::start_with(Kind::Sqlite, &settings).await;
    let owner = here.person("ada", "speaker").await;
    let key = here.stream(&owner, "main").await["key"].clone();
    let there = serve().await;
    let far = there.create_stream("far").unwrap();
    let encoder = Encoder::start(&here.server.rtmp_address().unwrap(), key.as_str().unwrap());

    // Added while it is live or about to be.
    let wanted = json!({
        "name": "Elsewhere",
        "url": format!("rtmp://{}/live", there.rtmp_address().unwrap()),
        "key": far.key,
    });
    let create = here.by(&owner, Method::POST, RESTREAMS).json(&wanted);
    let made = expect(create, StatusCode::CREATED).await;
    assert!(!made.to_string().contains(&far.key), "{made}");
    let one = format!("{RESTREAMS}/{}", made["id"].as_str().unwrap());
    let show = async || expect(here.by(&owner, Method::GET, &one), StatusCode::OK).await;
    until("media goes out", async || {
        let status = show().await["status"].clone();
        status["state"] == "live" && status["bytes"].as_u64() > Some(50_000)
    })
    .await;
    let status = show().await["status"].clone();
    assert_eq!(status["rendition"], "180p", "{status}");

    // It is a stream there like any other: somebody watches it by HLS.
    let master = format!("{}/hls/far/master.m3u8", there.url());
    until("HLS is ready there", async || {
        let answer = reqwest::get(&master).await;
        answer.is_ok_and(|answer| answer.status().is_success())
    })
    .await;
    let player = Command::new("ffmpeg")
        .args(["-v", "error", "-i", &master, "-t", "2", "-f", "null", "-"])
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&player.stderr).into_owned();
    assert!(player.status.success() && errors.is_empty(), "{errors}");

    // The key is nowhere to be read.
    for name in ["weir.db", "weir.db-wal"] {
        let bytes = std::fs::read(here.server.data_dir().join(name)).unwrap_or_default();
        let found = bytes
            .windows(far.key.len())
            .any(|it| it == far.key.as_bytes());
        assert!(!found, "the key stands in {name}");
    }
    assert!(!here.server.log().contains(&far.key));

    // Switched off while it is live: it ends there at once, without any time of grace.
    let off = here.by(&owner, Method::PATCH, &one);
    expect(off.json(&json!({"enabled": false})), StatusCode::OK).await;
    let live_there = async || {
        let stream = reqwest::get(format!("{}/api/v1/streams/far", there.url()));
        let stream: Value = stream.await.unwrap().json().await.unwrap();
        stream["live"] == true
    };
    until("it ends there", async || !live_there().await).await;
    assert_eq!(show().await["status"]["state"], "idle");
    let test = here.by(&owner, Method::POST, &format!("{one}/tests"));
    let tested = expect(test, StatusCode::OK).await;
    assert_eq!(tested["ok"], true, "{tested}");

    // And on again; the end of the broadcast is its end too.
    let on = here.by(&owner, Method::PATCH, &one);
    expect(on.json(&json!({"enabled": true})), StatusCode::OK).await;
    until("it is live there again", async || live_there().await).await;
    let stop = here.by(&owner, Method::DELETE, "/api/v1/streams/main");
    expect(stop, StatusCode::NO_CONTENT).await;
    until("it ends there too", async || !live_there().await).await;
    drop(encoder);
}

#[tokio::test(flavor = "multi_thread")]
async fn restreams_are_checked_and_belong_to_their_owner() {
    let platform = Platform::start(Kind::Sqlite).await;
    let owner = platform.person("ada", "speaker").await;
    platform.stream(&owner, "main").await;
    let new = |url: &str| json!({"name": "n", "url": url, "key": "secret"});
    for url in [
        "rtmp://127.0.0.1/live",
        "rtmp://localhost/live",
        "rtmp://10.0.0.1/live",
        "rtmps://[::1]/live",
        "rtmp://169.254.169.254/live",
        "http://192.0.9.1/live",
        "rtmp://192.0.9.1:22/live",
        "rtmp://192.0.9.1",
    ] {
        let create = platform.by(&owner, Method::POST, RESTREAMS).json(&new(url));
        let detail = refused(create, StatusCode::BAD_REQUEST, "bad_request").await;
        assert!(!detail.is_empty(), "{url}");
    }
    let url = "rtmp://192.0.9.1/live";
    let create = platform.by(&owner, Method::POST, RESTREAMS).json(&new(url));
    let made = expect(create, StatusCode::CREATED).await;
    assert_eq!(made["enabled"], true);
    assert_eq!(made["status"]["state"], "idle");
    let one = format!("{RESTREAMS}/{}", made["id"].as_str().unwrap());

    // Whoever changes the address does not get the key.
    let elsewhere = json!({"url": "rtmp://192.0.9.2/live"});
    let edit = platform.by(&owner, Method::PATCH, &one).json(&elsewhere);
    let detail = refused(edit, StatusCode::BAD_REQUEST, "bad_request").await;
    assert!(detail.contains("key again"), "{detail}");
    let both = json!({"url": "rtmp://192.0.9.2/live", "key": "other", "max_height": 720});
    let edit = platform.by(&owner, Method::PATCH, &one).json(&both);
    assert_eq!(expect(edit, StatusCode::OK).await["max_height"], 720);
    let edit = platform.by(&owner, Method::PATCH, &one);
    let edit = edit.json(&json!({"max_height": null}));
    assert_eq!(
        expect(edit, StatusCode::OK).await["max_height"],
        Value::Null
    );

    for _ in 1..10 {
        let create = platform.by(&owner, Method::POST, RESTREAMS).json(&new(url));
        expect(create, StatusCode::CREATED).await;
    }
    let create = platform.by(&owner, Method::POST, RESTREAMS).json(&new(url));
    refused(create, StatusCode::CONFLICT, "conflict").await;
    let list = platform.by(&owner, Method::GET, RESTREAMS);
    let list = expect(list, StatusCode::OK).await;
    assert_eq!(list["items"].as_array().unwrap().len(), 10);
    let delete = platform.by(&owner, Method::DELETE, &one);
    expect(delete, StatusCode::NO_CONTENT).await;
    let gone = platform.by(&owner, Method::GET, &one);
    refused(gone, StatusCode::NOT_FOUND, "not_found").await;
}
