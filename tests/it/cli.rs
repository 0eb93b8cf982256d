//! The command line of the real program.

use std::{
    fs,
    io::Write as _,
    net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::Stdio,
    sync::Arc,
    time::Duration,
};

use reqwest::StatusCode;
use serde_json::{Value, json};
use weir_bench::server::Server;

use crate::{
    media::Video,
    program::{command, error, serve, stdout, until},
    webrtc_client::{Publisher, Viewer},
};

/// More than the server gives to open requests and sessions.
const STOP_TIMEOUT: Duration = Duration::from_secs(30);

#[test]
fn config_masks_secrets_and_says_what_is_in_force() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(
        dir.path().join("weir.toml"),
        "[http]\nlisten = \"127.0.0.1:8111\"\n[ice]\nurls = [\"turn:turn.example:3478\"]\nturn_secret = \"hunter2\"\n",
    )
    .unwrap();
    let output = command(dir.path())
        .args(["config", "--rtmp", "127.0.0.1:1936"])
        .env("WEIR_DATA_DATABASE_URL", "postgres://weir:sesame@db/weir")
        .env("WEIR_HTTP_LISTEN", "127.0.0.1:8222")
        .output()
        .unwrap();
    let text = stdout(&output);
    assert!(
        !text.contains("hunter2") && !text.contains("sesame"),
        "{text}"
    );
    assert!(text.contains("turn_secret = \"********\""), "{text}");
    assert!(text.contains("database_url = \"********\""), "{text}");
    // The environment goes before the file, a flag before both.
    assert!(text.contains("listen = \"127.0.0.1:8222\""), "{text}");
    assert!(text.contains("listen = \"127.0.0.1:1936\""), "{text}");
}

#[test]
fn what_is_not_a_setting_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let config = |name: &str, value: &str| {
        let output = command(dir.path()).arg("config").env(name, value).output();
        error(&output.unwrap())
    };
    let text = config("WEIR_HTTP_LISSTEN", "127.0.0.1:1");
    assert!(text.contains("WEIR_HTTP_LISSTEN"), "{text}");
    let text = config("WEIR_HTTP_LISTEN", "everywhere");
    assert!(
        text.contains("http.listen") && text.contains("WEIR_HTTP_LISTEN"),
        "{text}"
    );
    let text = config("WEIR_MEDIA_SHARDS", "-1");
    assert!(text.contains("media.shards"), "{text}");

    fs::write(dir.path().join("weir.toml"), "[media]\nport = 7882\n").unwrap();
    let output = command(dir.path()).arg("config").output().unwrap();
    let text = error(&output);
    assert!(
        text.contains("media.port") && text.contains("weir.toml"),
        "{text}"
    );
    // A server does not start on it either.
    let output = command(dir.path()).arg("serve").output().unwrap();
    assert!(error(&output).contains("media.port"));

    let output = command(dir.path())
        .args(["config", "--config", "missing.toml"])
        .output()
        .unwrap();
    assert!(error(&output).contains("missing.toml"));
}

#[tokio::test]
async fn secrets_are_made_once_and_nobody_else_may_read_them() {
    let mut server = serve().await;
    let dir = server.data_dir();
    assert_eq!(mode(&dir), 0o700);
    let mut files = Vec::new();
    for entry in fs::read_dir(&dir).unwrap() {
        let path = entry.unwrap().path();
        files.push(path.file_name().unwrap().to_string_lossy().into_owned());
        if path.extension().is_some_and(|extension| extension == "key") {
            assert_eq!(mode(&path), 0o600, "{}", path.display());
        }
    }
    assert!(files.iter().any(|name| name.ends_with(".key")), "{files:?}");
    let secret = fs::read(dir.join("token.key")).unwrap();
    assert!(secret.len() >= 32);
    server.terminate(STOP_TIMEOUT).await.unwrap();

    // Opened to others, it is refused with what to do about it.
    fs::set_permissions(dir.join("token.key"), fs::Permissions::from_mode(0o644)).unwrap();
    let output = server.command(&["serve"]).output().unwrap();
    assert!(error(&output).contains("chmod 600"));
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn the_first_start_shows_account_and_key_once() {
    let mut server = serve().await;
    // Requests are answered a moment before the box is written.
    until("the box", || async {
        server.log().contains("Weir is running")
    })
    .await;
    let log = server.log();
    let shown = |name: &str| {
        let line = log.lines().find(|line| line.contains(name)).unwrap();
        assert!(line.contains("shown once"), "{line}");
    };
    shown("Admin");
    shown("Key");
    let password = log
        .lines()
        .find_map(|line| line.split("admin / ").nth(1))
        .and_then(|rest| rest.split_whitespace().next())
        .unwrap();
    let client = reqwest::Client::new();
    let login = |password: &str| {
        client
            .post(format!("{}/api/v1/login", server.url()))
            .json(&json!({"name": "admin", "password": password}))
            .send()
    };
    assert_eq!(login(password).await.unwrap().status(), StatusCode::OK);
    let wrong = login("admin").await.unwrap();
    assert_eq!(wrong.status(), StatusCode::UNAUTHORIZED);
    server.terminate(STOP_TIMEOUT).await.unwrap();
}

#[tokio::test]
async fn streams_are_managed_beside_the_server() {
    let server = serve().await;
    let access = server.create_stream("stage").unwrap();
    assert_eq!(access.whip_url, format!("{}/whip", server.url()));
    assert_eq!(access.whep_url, format!("{}/whep/stage", server.url()));
    assert_eq!(access.watch_url, format!("{}/@stage", server.url()));
    assert!(access.hls_url.ends_with("/hls/stage/master.m3u8"));
    assert!(access.rtmp_url.starts_with("rtmp://127.0.0.1"));

    let taken = server
        .command(&["stream", "create", "--slug", "stage"])
        .output()
        .unwrap();
    assert!(error(&taken).contains("exists already"));
    // What is no slug at all is an error of usage.
    let bad = server
        .command(&["stream", "create", "--slug", "no slug!"])
        .output()
        .unwrap();
    assert_eq!(bad.status.code(), Some(2));

    let listed = |server: &Server| {
        let output = server.command(&["stream", "list", "--json"]).output();
        let list: Value = serde_json::from_str(&stdout(&output.unwrap())).unwrap();
        let streams = list.as_array().unwrap().clone();
        streams
            .iter()
            .map(|stream| stream["slug"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert!(listed(&server).contains(&"stage".to_owned()));
    let table = server.command(&["stream", "list"]).output().unwrap();
    let table = stdout(&table);
    assert!(
        table
            .lines()
            .any(|line| line.starts_with("stage") && line.contains("offline")),
        "{table}"
    );

    // The key is nowhere in clear.
    for entry in fs::read_dir(server.data_dir()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            continue;
        }
        let bytes = fs::read(path).unwrap();
        let found = bytes
            .windows(access.key.len())
            .any(|window| window == access.key.as_bytes());
        assert!(!found, "the stream key is stored in clear");
    }

    let output = server
        .command(&["stream", "rotate-key", "--slug", "stage", "--json"])
        .output()
        .unwrap();
    let rotated: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(rotated["slug"], "stage");
    assert_ne!(rotated["key"], access.key);

    let set = |delay: &str| {
        let output = server
            .command(&["stream", "set", "--slug", "stage", "--playout-delay", delay])
            .output();
        output.unwrap()
    };
    assert!(stdout(&set("100..400")).contains("100..400 ms (its own)"));
    assert!(stdout(&set("default")).contains("0..200 ms (the server's)"));
    for bad in ["400..100", "0..60000", "200"] {
        assert_eq!(set(bad).status.code(), Some(2), "{bad}");
    }

    // The running server sees what was created beside it, and what was deleted.
    let client = reqwest::Client::new();
    let look = || async { client.get(&access.whep_url).send().await.unwrap().status() };
    until("the server knows the stream", || async {
        look().await.is_success()
    })
    .await;
    let output = server
        .command(&["stream", "delete", "--slug", "stage"])
        .output()
        .unwrap();
    stdout(&output);
    assert!(!listed(&server).contains(&"stage".to_owned()));
    until("the server forgot the stream", || async {
        look().await == StatusCode::NOT_FOUND
    })
    .await;
    let output = server
        .command(&["stream", "delete", "--slug", "stage"])
        .output()
        .unwrap();
    assert!(error(&output).contains("no stream stage"));
}

#[tokio::test]
async fn users_are_made_beside_the_server() {
    let server = serve().await;
    let output = server
        .command(&["user", "create", "--name", "ada", "--json"])
        .output()
        .unwrap();
    let made: Value = serde_json::from_str(&stdout(&output)).unwrap();
    let generated = made["password"].as_str().unwrap().to_owned();

    let mut child = server
        .command(&["user", "create", "--name", "bob", "--password-stdin"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"correct horse battery\n").unwrap();
    drop(stdin);
    let text = stdout(&child.wait_with_output().unwrap());
    assert!(text.contains("bob") && !text.contains("horse"), "{text}");

    let client = reqwest::Client::new();
    for (name, password) in [
        ("ada", generated.as_str()),
        ("bob", "correct horse battery"),
    ] {
        let login = client
            .post(format!("{}/api/v1/login", server.url()))
            .json(&json!({"name": name, "password": password}))
            .send()
            .await
            .unwrap();
        assert_eq!(login.status(), StatusCode::OK, "{name}");
    }
    let again = server
        .command(&["user", "create", "--name", "ada"])
        .output()
        .unwrap();
    assert!(error(&again).contains("exists already"));
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_ends_sessions_and_the_server() {
    let mut server = serve().await;
    let access = server.create_stream("last").unwrap();
    let video = Arc::new(Video::h264());
    let _publisher = Publisher::start(&access.whip_url, &access.key, video.clone()).await;
    let mut viewer = Viewer::start(&access.whep_url, &video).await;
    viewer.video(100).await;
    let status = server.terminate(STOP_TIMEOUT).await.unwrap();
    assert_eq!(status.code(), Some(0), "{}", server.log());
    // The viewer is told, and does not wait for a timeout.
    viewer.closed_by_server().await;
    // The broadcast is over in the database too.
    let output = server.command(&["stream", "list", "--json"]).output();
    let list: Value = serde_json::from_str(&stdout(&output.unwrap())).unwrap();
    for stream in list.as_array().unwrap() {
        assert_eq!(stream["live"], false, "{stream}");
    }
}

#[test]
fn a_port_in_use_is_said_with_its_flag() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let taken_udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let (tcp, udp) = (taken.local_addr().unwrap(), taken_udp.local_addr().unwrap());
    let free = "127.0.0.1:0".parse().unwrap();
    for (flag, addresses) in [
        ("--http", [tcp, free, free]),
        ("--rtmp", [free, tcp, free]),
        ("--media-udp", [free, free, udp]),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let [http, rtmp, media]: [SocketAddr; 3] = addresses;
        let output = command(dir.path())
            .arg("serve")
            .args(["--http", &http.to_string(), "--rtmp", &rtmp.to_string()])
            .args(["--media-udp", &media.to_string(), "--data-dir", "data"])
            .output()
            .unwrap();
        let text = error(&output);
        let address = if flag == "--media-udp" { udp } else { tcp };
        assert!(
            text.contains(flag) && text.contains(&address.to_string()),
            "{text}"
        );
    }
}
