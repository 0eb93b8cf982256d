//! What whoever runs the server sees of it.

use std::collections::BTreeSet;

use reqwest::{Method, StatusCode};
use serde_json::Value;

use super::server::{Kind, Platform, expect, on_both, refused};

on_both!(
    i6_dashboards_and_alerts_name_figures_that_there_are,
    i6_health_readiness_and_structured_logs,
);

/// Every name that PromQL texts ask for.
fn asked_for(texts: &[String]) -> BTreeSet<String> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = texts.iter().flat_map(|text| text.split(|c| !is_name(c)));
    words
        .filter(|word| word.starts_with("weir_") || word.starts_with("process_"))
        .map(str::to_owned)
        .collect()
}

/// All values of a key, at any depth.
fn values_of(key: &str, within: &Value, found: &mut Vec<String>) {
    match within {
        Value::Object(members) => {
            for (name, value) in members {
                if let (true, Some(text)) = (name == key, value.as_str()) {
                    found.push(text.to_owned());
                }
                values_of(key, value, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| values_of(key, item, found)),
        _ => {}
    }
}

async fn i6_dashboards_and_alerts_name_figures_that_there_are(platform: Platform) {
    // One request of the API, so that its families are there.
    platform
        .request(Method::GET, "/api/v1/time")
        .send()
        .await
        .unwrap();
    let response = platform.request(Method::GET, "/metrics").send();
    let text = response.await.unwrap().text().await.unwrap();
    let there: BTreeSet<&str> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split(['{', ' ']).next())
        .collect();

    let dashboard: Value =
        serde_json::from_str(include_str!("../../../deploy/grafana/dashboards/weir.json")).unwrap();
    let mut texts = Vec::new();
    values_of("expr", &dashboard, &mut texts);
    values_of("query", &dashboard, &mut texts);
    let charts = texts.len();
    assert!(charts > 30, "{charts}");
    let alerts: Value =
        serde_saphyr::from_str(include_str!("../../../deploy/prometheus/alerts.yml")).unwrap();
    values_of("expr", &alerts, &mut texts);
    assert!(texts.len() >= charts + 8);
    // What only comes with an event is told by its type alone.
    let typed = |name: &str| {
        let family = name.strip_suffix("_total").unwrap_or(name);
        text.contains(&format!("# TYPE {family} "))
    };
    for name in asked_for(&texts) {
        assert!(
            there.contains(&*name) || typed(&name),
            "{name} is not in:\n{text}"
        );
    }
    // And the other way: nothing is measured that nobody looks at.
    let shown = asked_for(&texts);
    let unseen: Vec<_> = there
        .iter()
        .filter(|name| !name.ends_with("_sum") && !name.ends_with("_count"))
        .filter(|name| name.starts_with("weir_") && !shown.contains(**name))
        .collect();
    assert!(unseen.is_empty(), "not on the dashboard: {unseen:?}");
}

async fn i6_health_readiness_and_structured_logs(platform: Platform) {
    let kind = platform.kind;
    drop(platform);
    let platform = Platform::start_with(
        kind,
        &[
            ("WEIR_LOG_FORMAT", "json"),
            ("WEIR_METRICS_ALLOW", "192.0.2.0/24"),
            ("WEIR_METRICS_TOKEN", "scraper"),
        ],
    )
    .await;
    for path in ["/healthz", "/readyz"] {
        expect(platform.request(Method::GET, path), StatusCode::OK).await;
    }
    let metrics = || platform.request(Method::GET, "/metrics");
    refused(metrics(), StatusCode::UNAUTHORIZED, "unauthorized").await;
    refused(
        metrics().bearer_auth("x"),
        StatusCode::UNAUTHORIZED,
        "unauthorized",
    )
    .await;
    let text = metrics().bearer_auth("scraper").send().await.unwrap();
    let text = text.text().await.unwrap();
    let pool = match kind {
        Kind::Sqlite => "pool=\"writers\"",
        Kind::Postgres => "pool=\"all\"",
    };
    assert!(text.contains(pool), "{text}");

    let named = platform
        .request(Method::POST, "/api/v1/login")
        .header("x-request-id", "from-outside.1")
        .json(&serde_json::json!({"name": "nobody", "password": "wrong"}))
        .send()
        .await
        .unwrap();
    assert_eq!(named.headers()["x-request-id"], "from-outside.1");
    let fresh = metrics().header("x-request-id", "no blanks").send();
    let fresh = fresh.await.unwrap().headers()["x-request-id"].clone();
    assert_eq!(fresh.len(), 32);
    assert!(
        fresh
            .to_str()
            .unwrap()
            .bytes()
            .all(|b| b.is_ascii_hexdigit())
    );

    let log = platform.server.log();
    let lines: Vec<Value> = log
        .lines()
        .filter(|line| line.starts_with('{'))
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let ready = lines
        .iter()
        .any(|line| line["fields"]["message"] == "ready");
    assert!(ready, "{log}");
    let refusal = lines
        .iter()
        .find(|line| line["span"]["id"] == "from-outside.1")
        .unwrap_or_else(|| panic!("the request's name is not in the log:\n{log}"));
    assert_eq!(refusal["span"]["route"], "/api/v1/login");
    assert!(!log.contains("scraper"), "no secrets in the log");
}
