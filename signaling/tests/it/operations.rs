use std::collections::HashMap;

use reqwest::{Method, StatusCode, header};
use weir_protocol::{ErrorCode, ServerTime};

use crate::{
    peer::Offer,
    server::{Server, problem, soon},
};

#[tokio::test]
async fn health_and_drain() {
    let server = Server::start().await;
    let stream = server.stream("demo").await;
    assert_eq!(server.get("/healthz").await.status(), StatusCode::OK);
    assert_eq!(server.get("/readyz").await.status(), StatusCode::OK);

    server.draining.cancel();
    assert_eq!(server.get("/healthz").await.status(), StatusCode::OK);
    let response = server.get("/readyz").await;
    assert!(response.headers().contains_key(header::RETRY_AFTER));
    problem(response, 503, ErrorCode::Unavailable).await;
    let offer = Offer::publisher().await;
    let response = server
        .post_sdp("/whip", Some(&stream.key), offer.sdp())
        .await;
    assert!(response.headers().contains_key(header::RETRY_AFTER));
    problem(response, 503, ErrorCode::Unavailable).await;
}

#[tokio::test]
async fn a_database_that_is_gone_is_not_ready() {
    let server = Server::start().await;
    server.db.close().await;
    problem(server.get("/readyz").await, 503, ErrorCode::Unavailable).await;
    problem(
        server.get("/api/v1/streams").await,
        503,
        ErrorCode::Unavailable,
    )
    .await;
}

async fn metrics(server: &Server) -> String {
    let response = server.get("/metrics").await;
    let content_type = response.headers()[header::CONTENT_TYPE].to_str().unwrap();
    assert!(
        content_type.starts_with("application/openmetrics-text"),
        "{content_type}"
    );
    response.text().await.unwrap()
}

#[tokio::test]
async fn metrics_are_typed_and_count() {
    let mut server = Server::start().await;
    let stream = server.stream("demo").await;
    let (_peer, _, _broadcast) = server.publish(&stream).await;
    let (mut viewer, _) = server.view("demo").await;
    soon("media", viewer.received()).await;
    server.post_sdp("/whip", None, "x").await;

    // The media plane publishes its counters a few times a second.
    let text = soon("the counters", async {
        loop {
            let text = metrics(&server).await;
            let sent = |line: &str| {
                let packets = line.strip_prefix("weir_packets_total{direction=\"out\"} ");
                packets.is_some_and(|packets| packets != "0")
            };
            if text.lines().any(sent) {
                break text;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    })
    .await;
    assert!(text.ends_with("# EOF\n"));

    let mut kinds = HashMap::new();
    let mut helped = Vec::new();
    let mut values = HashMap::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert!(kinds.insert(name, kind).is_none(), "{name} twice");
        } else if let Some(rest) = line.strip_prefix("# HELP ") {
            helped.push(rest.split_once(' ').unwrap().0);
        } else if line != "# EOF" {
            let (series, value) = line.rsplit_once(' ').unwrap();
            let value: f64 = value.parse().unwrap();
            assert!(values.insert(series, value).is_none(), "{series} twice");
        }
    }
    for name in kinds.keys() {
        assert!(helped.contains(name), "{name} has no help");
    }
    for series in values.keys() {
        let name = series.split('{').next().unwrap();
        let of_histogram = ["_bucket", "_sum", "_count"]
            .iter()
            .filter_map(|suffix| name.strip_suffix(suffix))
            .find(|family| kinds.get(family) == Some(&"histogram"));
        if of_histogram.is_some() {
            continue;
        }
        let family = name.strip_suffix("_total").unwrap_or(name);
        let kind = if name == family { "gauge" } else { "counter" };
        assert_eq!(kinds.get(family), Some(&kind), "{series}");
    }
    for name in [
        "weir_sends_total",
        "weir_keyframe_requests_total",
        "weir_losses_total{direction=\"in\"}",
    ] {
        assert!(values.contains_key(name), "{name}\n{text}");
    }
    assert_eq!(values["weir_streams_live"], 1.0);
    assert_eq!(values["weir_viewers{protocol=\"webrtc\"}"], 1.0);
    assert_eq!(values["weir_viewers{protocol=\"hls\"}"], 0.0);
    assert_eq!(values["weir_worker_restarts_total"], 3.0);
    for direction in ["in", "out"] {
        for name in ["packets", "bytes"] {
            let series = format!("weir_{name}_total{{direction=\"{direction}\"}}");
            assert!(values[series.as_str()] > 0.0, "{series}\n{text}");
        }
    }
    let refused = "weir_http_requests_total{method=\"POST\",route=\"/whip\",status=\"401\"}";
    assert_eq!(values[refused], 1.0, "{text}");
    assert!(!text.contains("/whep/demo"), "routes, not addresses");
}

#[tokio::test]
async fn time_is_the_servers_clock() {
    let server = Server::start().await;
    let response = server
        .request(Method::GET, "/api/v1/time")
        .send()
        .await
        .unwrap();
    assert_eq!(response.headers()[header::CACHE_CONTROL], "no-cache");
    let time: ServerTime = response.json().await.unwrap();
    assert!(time.now_ms > 1_600_000_000_000);
}
