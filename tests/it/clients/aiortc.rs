//! aiortc as a player, in Python.

use std::sync::Arc;

use weir_bench::server::Server;

use super::{
    WATCHED,
    ffmpeg::Source,
    watched::{decoded, installed, until_live},
};

pub async fn plays((server, source): (Arc<Server>, Arc<Source>)) -> String {
    until_live(&server, source.slug, true).await;
    let output = tokio::process::Command::new(installed("webrtc-python/bin/python"))
        .arg("tests/it/clients/whep_play.py")
        .args([&source.access.whep_url, &WATCHED.as_secs().to_string()])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let text = String::from_utf8(output.stdout).unwrap();
    let figures: Vec<f64> = text
        .split_whitespace()
        .map(|figure| figure.parse().unwrap())
        .collect();
    let [pictures, sounds, first] = figures[..] else {
        panic!("{text}")
    };
    decoded(pictures, sounds, first)
}
