//! `GET /metrics` in the OpenMetrics text format, which Prometheus asks for and reads.

mod access;
mod audience;
mod process;

use std::{
    fmt,
    time::{Instant, SystemTime},
};

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, Method, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, MetricEncoder, NoLabelSet, text},
    metrics::{MetricType, counter::Counter, family::Family, histogram::Histogram},
    registry::Registry,
};

use crate::{ApiError, App, Services, auth, auth::client::ClientAddress};

pub use access::{MetricsConfig, PRIVATE_NETWORKS};
pub(crate) use process::samples as of_the_process;

/// Figures of parts that this crate does not know, such as the bridge workers.
pub trait ExtraMetrics: Send + Sync + 'static {
    /// The figures now. Called at each scrape; must not block.
    fn read(&self) -> Vec<Sample>;
}

/// One figure. Figures with the same name have the same help and kind and differ in their labels.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Starts with `weir_`, or `process_` for what any program has. Without `_total`, which counters get by themselves.
    pub name: &'static str,
    /// What it counts, without a full stop.
    pub help: &'static str,
    /// Names and values. Few different values: each set is a series that is kept for years.
    pub labels: Vec<(&'static str, String)>,
    /// Its value.
    pub kind: SampleKind,
}

/// What kind of figure, and its value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum SampleKind {
    /// Only grows, from the start of the process.
    Counter(u64),
    /// Time that only grows.
    Seconds(f64),
    /// Goes up and down.
    Gauge(f64),
}

impl SampleKind {
    fn encode(self, encoder: &mut MetricEncoder) -> fmt::Result {
        match self {
            Self::Counter(value) => encoder.encode_counter::<NoLabelSet, _, u64>(&value, None),
            Self::Seconds(value) => encoder.encode_counter::<NoLabelSet, _, u64>(&value, None),
            Self::Gauge(value) => encoder.encode_gauge(&value),
        }
    }
}

impl Sample {
    /// A counter without labels.
    pub fn counter(name: &'static str, help: &'static str, value: u64) -> Self {
        Self {
            name,
            help,
            labels: Vec::new(),
            kind: SampleKind::Counter(value),
        }
    }

    /// A counter of seconds without labels.
    pub fn seconds(name: &'static str, help: &'static str, value: f64) -> Self {
        Self {
            name,
            help,
            labels: Vec::new(),
            kind: SampleKind::Seconds(value),
        }
    }

    /// A gauge without labels.
    pub fn gauge(name: &'static str, help: &'static str, value: f64) -> Self {
        Self {
            name,
            help,
            labels: Vec::new(),
            kind: SampleKind::Gauge(value),
        }
    }

    /// The same with a label.
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.labels.push((name, value.into()));
        self
    }
}

/// Counts requests, by what was matched and answered: never by what the client wrote.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: &'static str,
    route: String,
    status: u16,
}

/// How long requests take. Fewer labels: each set is a dozen series.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DurationLabels {
    method: &'static str,
    route: String,
}

/// Upper bounds of the durations told apart, in seconds. Blocking playlists take up to some seconds.
const DURATIONS: [f64; 11] = [
    0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0,
];

/// What this crate itself counts.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    durations: Family<DurationLabels, Histogram, fn() -> Histogram>,
    started: SystemTime,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let requests = Family::default();
        let mut registry = Registry::default();
        registry.register(
            "weir_http_requests",
            "HTTP requests answered",
            requests.clone(),
        );
        let durations: Family<_, _, fn() -> Histogram> =
            Family::new_with_constructor(|| Histogram::new(DURATIONS));
        registry.register(
            "weir_http_request_seconds",
            "Time until the answer to an HTTP request began",
            durations.clone(),
        );
        Self {
            registry,
            requests,
            durations,
            started: SystemTime::now(),
        }
    }

    /// When the process started, or nearly so.
    pub(crate) fn started(&self) -> SystemTime {
        self.started
    }

    fn encode(&self, samples: Vec<Sample>) -> Result<String, fmt::Error> {
        let mut snapshot = Registry::default();
        snapshot.register_collector(Box::new(Snapshot::new(samples)));
        let mut body = String::new();
        text::encode_registry(&mut body, &self.registry)?;
        text::encode_registry(&mut body, &snapshot)?;
        text::encode_eof(&mut body)?;
        Ok(body)
    }
}

/// `GET /metrics`.
pub(crate) async fn metrics(
    State(app): State<App>,
    ClientAddress(address): ClientAddress,
    headers: HeaderMap,
) -> Result<impl IntoResponse, ApiError> {
    let config = &app.services.config.metrics;
    config.check(address, auth::bearer(&headers))?;
    let mut samples = of_the_media_plane(&app.services);
    samples.extend(audience::samples(&app.services).await);
    samples.extend(of_the_server(&app.services));
    samples.extend(of_the_process(app.metrics.started));
    samples.extend(app.services.gauges.read());
    samples.extend(app.rooms.samples());
    samples.extend(app.services.live.findings().samples());
    let body = app
        .metrics
        .encode(samples)
        .map_err(|_| ApiError::Internal)?;
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, content_type)], body))
}

/// Middleware that counts.
pub(crate) async fn count(State(app): State<App>, request: Request, next: Next) -> Response {
    let method = known_method(request.method());
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "other".to_owned(), |path| path.as_str().to_owned());
    let begun = Instant::now();
    let response = next.run(request).await;
    let duration = DurationLabels {
        method,
        route: route.clone(),
    };
    let durations = app.metrics.durations.get_or_create(&duration);
    durations.observe(begun.elapsed().as_secs_f64());
    let labels = RequestLabels {
        method,
        route,
        status: response.status().as_u16(),
    };
    app.metrics.requests.get_or_create(&labels).inc();
    response
}

fn known_method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

fn of_the_media_plane(services: &Services) -> Vec<Sample> {
    let stats = services.sfu.stats();
    let live = services.live.counts();
    let both_ways = |name, help, into: u64, out: u64| {
        [
            Sample::counter(name, help, into).with("direction", "in"),
            Sample::counter(name, help, out).with("direction", "out"),
        ]
    };
    let viewers = |protocol, count: u32| {
        Sample::gauge("weir_viewers", "Viewers now", count.into()).with("protocol", protocol)
    };
    let mut samples = vec![
        Sample::gauge(
            "weir_streams_live",
            "Streams on the air now",
            live.streams.into(),
        ),
        Sample::gauge(
            "weir_streams_reconnecting",
            "Streams that wait for their publisher to come back",
            live.reconnecting.into(),
        ),
        viewers("webrtc", live.viewers.webrtc),
        viewers("hls", live.viewers.hls),
        Sample::gauge(
            "weir_webrtc_publishers",
            "WebRTC publishers now",
            stats.publishers as f64,
        ),
        Sample::counter(
            "weir_sends",
            "System calls that sent media, fewer than packets where frames leave at once",
            stats.sends,
        ),
        Sample::counter(
            "weir_retransmissions",
            "Packets sent again to viewers",
            stats.retransmissions,
        ),
        Sample::counter(
            "weir_keyframe_requests",
            "Keyframes asked of publishers",
            stats.keyframe_requests,
        ),
        Sample::counter(
            "weir_datagrams_dropped",
            "Datagrams dropped because nobody was addressed or they made no sense",
            stats.datagrams_dropped,
        ),
        Sample::counter(
            "weir_overflow_drops",
            "Packets dropped because a bounded queue was full",
            stats.overflow_drops,
        ),
        Sample::counter(
            "weir_viewer_drops",
            "Video packets that viewers did not get because their connections do not carry them",
            stats.viewer_drops,
        ),
        Sample::counter(
            "weir_viewer_keyframe_requests",
            "Keyframes that viewers asked for",
            stats.viewer_keyframe_requests,
        ),
        Sample::counter(
            "weir_viewer_nacks",
            "Packets that viewers asked to have again",
            stats.nacks,
        ),
        Sample::gauge(
            "weir_tcp_connections",
            "TCP connections that carry WebRTC sessions now",
            stats.tcp_connections as f64,
        ),
    ];
    let packets = "Media packets received from publishers and sent to viewers";
    samples.extend(both_ways(
        "weir_packets",
        packets,
        stats.packets_in,
        stats.packets_out,
    ));
    let bytes = "Bytes of those packets";
    samples.extend(both_ways(
        "weir_bytes",
        bytes,
        stats.bytes_in,
        stats.bytes_out,
    ));
    let losses = "Packets of publishers that never arrived, and packets that viewers reported lost";
    samples.extend(both_ways(
        "weir_losses",
        losses,
        stats.losses_in,
        stats.losses_reported,
    ));
    samples
}

/// What the rest of this crate knows.
fn of_the_server(services: &Services) -> Vec<Sample> {
    let stats = services.sfu.stats();
    let (watchers, waiting) = services.live.audience().sizes();
    // Counts stay far below 2⁵³.
    #[allow(clippy::cast_precision_loss)]
    let gauge = |name, help, value: usize| Sample::gauge(name, help, value as f64);
    let messages = "Messages of data channels received from and sent to clients";
    let mut samples = vec![
        Sample::gauge("weir_build_info", "This program", 1.0)
            .with("version", env!("CARGO_PKG_VERSION")),
        Sample::gauge(
            "weir_draining",
            "Whether the server is about to stop",
            f64::from(u8::from(services.draining.is_cancelled())),
        ),
        Sample::counter("weir_data_messages", messages, stats.data_in).with("direction", "in"),
        Sample::counter("weir_data_messages", messages, stats.data_out).with("direction", "out"),
        Sample::counter(
            "weir_data_messages_dropped",
            "Messages of data channels that nobody took",
            stats.data_dropped,
        ),
        gauge(
            "weir_viewer_sessions",
            "Viewers whose figures are tracked",
            watchers,
        ),
        gauge(
            "weir_insight_rows_waiting",
            "Rows of figures that the database did not take yet",
            waiting,
        ),
    ];
    let connections = "Connections to the database";
    for pool in services.db.connections() {
        for (state, count) in [("busy", pool.busy), ("idle", pool.idle)] {
            let sample = gauge("weir_database_connections", connections, count);
            samples.push(sample.with("pool", pool.pool).with("state", state));
        }
    }
    samples
}

/// Samples of one moment, those of one name together.
#[derive(Debug)]
struct Snapshot(Vec<Sample>);

impl Snapshot {
    fn new(mut samples: Vec<Sample>) -> Self {
        samples.sort_by_key(|sample| sample.name);
        Self(samples)
    }
}

impl Collector for Snapshot {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        for family in self.0.chunk_by(|a, b| a.name == b.name) {
            let first = &family[0];
            let kind = match first.kind {
                SampleKind::Counter(_) | SampleKind::Seconds(_) => MetricType::Counter,
                SampleKind::Gauge(_) => MetricType::Gauge,
            };
            let mut encoder = encoder.encode_descriptor(first.name, first.help, None, kind)?;
            for sample in family {
                // Without labels there are no braces either, which simple readers stumble over.
                if sample.labels.is_empty() {
                    sample.kind.encode(&mut encoder)?;
                } else {
                    sample
                        .kind
                        .encode(&mut encoder.encode_family(&sample.labels)?)?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_grouped_typed_and_explained() {
        let samples = vec![
            Sample::counter("weir_packets", "Packets", 3).with("direction", "in"),
            Sample::gauge("weir_viewers", "Viewers now", 2.0).with("protocol", "a\"b"),
            Sample::counter("weir_packets", "Packets", 5).with("direction", "out"),
            Sample::gauge("weir_workers", "Workers now", 1.0),
        ];
        let text = Metrics::new().encode(samples).expect("text");
        let expected = "# HELP weir_packets Packets\n\
            # TYPE weir_packets counter\n\
            weir_packets_total{direction=\"in\"} 3\n\
            weir_packets_total{direction=\"out\"} 5\n\
            # HELP weir_viewers Viewers now\n\
            # TYPE weir_viewers gauge\n\
            weir_viewers{protocol=\"a\\\"b\"} 2.0\n\
            # HELP weir_workers Workers now\n\
            # TYPE weir_workers gauge\n\
            weir_workers 1.0\n\
            # EOF\n";
        assert!(text.ends_with(expected), "{text}");
    }
}
