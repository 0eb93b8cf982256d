//! `weir doctor`: beside a real server, without one, and with settings that do not work.

use std::{
    net::{Ipv4Addr, TcpListener},
    process::Output,
};

use reqwest::StatusCode;
use serde_json::Value;
use weir_bench::server::Server;

use crate::program::{command, stdout, weir};

/// The checks of `weir doctor --json`.
fn checks(output: &Output) -> Vec<Value> {
    let text = String::from_utf8_lossy(&output.stdout);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        let stderr = String::from_utf8_lossy(&output.stderr);
        panic!("{error}: {text} {stderr}")
    });
    assert_eq!(report["ok"], output.status.success(), "{text}");
    report["checks"].as_array().unwrap().clone()
}

fn with_code<'a>(checks: &'a [Value], code: &str) -> Vec<&'a Value> {
    checks.iter().filter(|it| it["code"] == code).collect()
}

fn problems(checks: &[Value]) -> Vec<&str> {
    let bad = checks.iter().filter(|it| it["state"] == "problem");
    bad.map(|it| it["code"].as_str().unwrap()).collect()
}

/// Services that answered wherever they were asked.
fn answering(checks: &[Value]) -> Vec<&str> {
    let answers = with_code(checks, "port_answers").into_iter();
    answers
        .map(|it| it["values"]["service"].as_str().unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_looks_at_itself() {
    let environment = [
        ("WEIR_TLS_LISTEN", "127.0.0.1:0"),
        ("WEIR_TLS_SELF_SIGNED", "true"),
        ("WEIR_RTMPS_LISTEN", "127.0.0.1:0"),
    ];
    let mut server = Server::start_with(weir(), &environment).await.unwrap();
    let output = server.command(&["doctor", "--json"]).output().unwrap();
    let found = checks(&output);
    assert_eq!(problems(&found), [""; 0], "{found:#?}");
    assert!(output.status.success());
    assert_eq!(with_code(&found, "server_running").len(), 1);
    // Each was spoken to in its own protocol: media with ICE's checks of a session, TURN with an allocation.
    assert_eq!(
        answering(&found),
        [
            "http",
            "https",
            "rtmp",
            "rtmps",
            "media_udp",
            "media_tcp",
            "turn_udp",
            "turn_tcp",
            "turn_tls"
        ]
    );
    for code in ["database_answers", "disk_room", "gstreamer_complete"] {
        assert_eq!(with_code(&found, code).len(), 1, "{code}");
    }
    assert_eq!(with_code(&found, "certificate_self_signed").len(), 1);

    // Nothing is left of the question: no token, no session.
    let tokens = server
        .command(&["token", "list", "--user", "admin"])
        .output()
        .unwrap();
    assert_eq!(stdout(&tokens).trim(), "");

    let text = stdout(&server.command(&["doctor"]).output().unwrap());
    let first = text.lines().next().unwrap();
    assert!(first.starts_with("warning  "), "the worst first: {text}");
    assert!(text.contains("→ "), "{text}");
    assert!(text.contains("\nProblems: 0. "), "{text}");

    let api = format!("{}/api/v1/admin/connectivity", server.url());
    // Plain HTTP leads to HTTPS, whose certificate is the server's own.
    let client = reqwest::Client::builder().tls_danger_accept_invalid_certs(true);
    let stranger = client.build().unwrap().get(&api).send().await.unwrap();
    assert_eq!(stranger.status(), StatusCode::UNAUTHORIZED);

    // What a crash leaves behind deceives nobody.
    server
        .terminate(std::time::Duration::from_secs(30))
        .await
        .unwrap();
    assert!(!server.data_dir().join("server.url").exists());
    std::fs::write(server.data_dir().join("server.url"), server.url()).unwrap();
    let output = server.command(&["doctor", "--json"]).output().unwrap();
    let found = checks(&output);
    assert_eq!(with_code(&found, "server_not_running").len(), 1);
    assert_eq!(problems(&found), [""; 0], "{found:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_leads_nowhere_is_said_with_what_to_do() {
    let environment = [
        // An address of documentation's (RFC 5737), which leads nowhere.
        ("WEIR_MEDIA_ADVERTISE", "192.0.2.77"),
        ("WEIR_HTTP_PUBLIC_URL", "https://live.example.org"),
        ("WEIR_ICE_URLS", "stun:127.0.0.1:9"),
        ("WEIR_TURN_ENABLED", "false"),
    ];
    let server = Server::start_with(weir(), &environment).await.unwrap();
    let output = server.command(&["doctor", "--json"]).output().unwrap();
    let found = checks(&output);
    assert_eq!(output.status.code(), Some(1), "{found:#?}");
    assert_eq!(problems(&found), ["proxy_missing"]);
    let hairpin = with_code(&found, "hairpin_missing");
    assert_eq!(hairpin[0]["values"]["address"], "192.0.2.77");
    let ports = hairpin[0]["values"]["ports"].as_str().unwrap();
    assert!(ports.contains("UDP ") && ports.contains("TCP "), "{ports}");
    let advice = hairpin[0]["advice"].as_str().unwrap();
    assert!(advice.contains(ports), "{advice}");
    assert_eq!(with_code(&found, "stun_silent").len(), 1);
    assert_eq!(with_code(&found, "turn_off").len(), 1);
    drop(server);

    // Without a server the machine is looked at.
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let rtmp = taken.local_addr().unwrap().to_string();
    let dir = tempfile::tempdir().unwrap();
    let output = command(dir.path())
        .args(["doctor", "--http=127.0.0.1:0", "--media-udp=127.0.0.1:0"])
        .args(["--rtmp", &rtmp])
        .env("WEIR_DATA_DATABASE_URL", "postgres://weir@127.0.0.1:9/weir")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).unwrap();
    let taken_line = format!("PROBLEM  RTMP cannot have {rtmp}");
    assert!(text.contains(&taken_line), "{text}");
    assert!(text.contains("PROBLEM  The database (PostgreSQL) does not answer"));
    assert!(text.contains("\nProblems: 2. "), "{text}");
    assert!(!dir.path().join("data").exists(), "it only looks");

    let output = command(dir.path())
        .args(["doctor", "--json"])
        .env("WEIR_MEDIA_GRACE", "soon")
        .output()
        .unwrap();
    let found = checks(&output);
    assert_eq!(problems(&found), ["configuration_invalid"]);
    assert!(
        found[0]["meaning"]
            .as_str()
            .unwrap()
            .contains("media.grace")
    );
}
