//! The benchmark's own program, so that it cannot rot. Its figures mean nothing here: the build is
//! not optimised and the machine does other things.

#![allow(clippy::unwrap_used, missing_docs)]

use std::{path::Path, process::Command};

use serde_json::Value;

fn run(arguments: &[&str]) -> (String, Value) {
    let dir = tempfile::tempdir().unwrap();
    let json = dir.path().join("report.json");
    let output = Command::new(Path::new(env!("CARGO_BIN_EXE_weir-bench")))
        .args(arguments)
        .args(["--smoke", "--json"])
        .arg(&json)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}{errors}");
    let report = serde_json::from_slice(&std::fs::read(json).unwrap()).unwrap();
    (text, report)
}

/// What any run of the media plane must show, however it is published.
fn everything_arrived(text: &str, report: &Value) {
    let row = &report["rows"][0];
    let run = &report["runs"][0];
    assert_eq!(row["viewers"], 3, "{text}");
    // A busy machine may lose a packet on loopback, which is resent; more is a defect.
    assert!(row["loss"].as_f64().unwrap() < 0.01, "{text}");
    let received = row["packets_per_second"].as_f64().unwrap();
    assert!(received > 80.0, "{text}");
    assert!(row["packets_per_send"].as_f64().unwrap() >= 1.0, "{text}");
    assert_eq!(run["rejected"], 0, "{text}");
    assert_eq!(run["aead"], true, "{text}");
    assert_eq!(run["transport_cc"], true, "{text}");
    // Reports each second and feedback each 50 ms, not one for each packet.
    let rtcp = row["rtcp_per_second"].as_f64().unwrap();
    assert!((0.3..40.0).contains(&rtcp), "{text}");
    let allocations = row["allocations_per_packet"].as_f64().unwrap();
    assert!(allocations < MOST_ALLOCATIONS, "{text}");
    assert!(row["server_us"].as_f64().unwrap() > 0.0, "{text}");
    assert!(row["limit_us"].as_f64().unwrap() > 0.0, "{text}");
    assert!(row["delay_ms"]["p50"].as_f64().is_some(), "{text}");
    assert!(row["join_ms"]["p50"].as_f64().is_some(), "{text}");
    assert!(row["heap"].as_f64().unwrap() > 1_000.0, "{text}");
    assert!(text.contains("RATIO at 3 viewers"), "{text}");
}

/// Far above what is wanted, and far below what a copy of everything for everybody would need.
const MOST_ALLOCATIONS: f64 = 50.0;

#[test]
fn fanout_works() {
    let (text, report) = run(&["fanout", "--layers", "2"]);
    everything_arrived(&text, &report);
    assert_eq!(report["published"], "ingest");
}

#[test]
fn fanout_works_with_a_webrtc_publisher_and_layers() {
    let (text, report) = run(&["fanout", "--whip", "--layers", "3"]);
    everything_arrived(&text, &report);
    assert_eq!(report["published"], "whip");
    assert_eq!(report["layers"], 3);
}

#[test]
fn the_limit_works() {
    let (text, report) = run(&["limit"]);
    assert!(
        report["rows"][0]["gso_us"].as_f64().unwrap() > 0.0,
        "{text}"
    );
    assert!(report["rows"][0]["single_us"].as_f64().unwrap() > 0.0);
    let lost = report["runs"].as_array().unwrap();
    assert!(lost.iter().all(|run| run["lost"] == 0), "{text}");
}

#[test]
fn every_tool_explains_itself() {
    for tool in ["fanout", "load", "limit", "turn"] {
        let output = Command::new(env!("CARGO_BIN_EXE_weir-bench"))
            .args([tool, "--help"])
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains("--json"), "{text}");
    }
}

/// Without coturn, which need not be there: its package starts a server of its own.
#[test]
fn turn_works() {
    let (text, report) = run(&["turn", "--alone"]);
    let runs = report["embedded"].as_array().unwrap();
    assert_eq!(
        (runs.len(), report["coturn"].as_array().unwrap().len()),
        (1, 0)
    );
    assert!(runs[0]["arrived"].as_f64().unwrap() > 0.99, "{text}");
    let [mbps, relay, all] = ["mbps", "relay_us", "all_us"].map(|it| runs[0][it].as_f64().unwrap());
    assert!(mbps > 0.0, "{text}");
    assert!(relay > 0.0 && all > relay, "{text}");
    assert!(text.contains("embedded"), "{text}");
}

#[test]
fn ladder_works() {
    let (text, report) = run(&["ladder"]);
    let rows = report["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 3, "{text}");
    for row in &rows[..2] {
        assert!(row["ratio"].as_f64().unwrap() > 0.0, "{text}");
        assert!(row["complete"].as_f64().unwrap() > 0.0, "{text}");
    }
    assert!(rows[2]["worker_cpu"].as_f64().unwrap() > 0.0, "{text}");
    assert!(rows[2]["delay_ms"][0]["p50"].as_f64().is_some(), "{text}");
    assert!(text.contains("RATIO"), "{text}");
}
