//! The `webrtc` crate (webrtc-rs), both ways.

use std::sync::Arc;

use reqwest::StatusCode;
use weir_bench::server::Server;

use super::watched::watch;
use crate::{media::Video, webrtc_client::Publisher};

pub async fn publishes_and_plays(server: Arc<Server>) -> String {
    let access = server.create_stream("webrtc-rs").unwrap();
    let video = Arc::new(Video::h264());
    let publisher = Publisher::start(&access.whip_url, &access.key, video).await;
    let figures = watch(&access.whep_url).await;
    assert_eq!(publisher.resource.delete().await, StatusCode::OK);
    publisher.close().await;
    figures
}
