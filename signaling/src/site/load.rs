//! How busy this server is, in the few figures that one looks at first. `/metrics` has all.

use std::{
    fs,
    time::{Instant, UNIX_EPOCH},
};

use axum::{extract::State, http::header, response::IntoResponse};
use weir_protocol::ServerLoad;

use crate::{
    ApiError, App, Refusals, Sample, SampleKind,
    api::{Actor, Json, scope},
    live, metrics, rights,
};

/// This server's load
#[utoipa::path(
    get, path = "/api/v1/admin/load", tag = "admin",
    responses((status = OK, body = ServerLoad), Refusals),
)]
pub(super) async fn load(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Admin>,
) -> Result<impl IntoResponse, ApiError> {
    rights::may_administer(&user)?;
    let services = &app.services;
    let asked = Instant::now();
    services.db.ping().await?;
    let database_ms = asked.elapsed().as_secs_f64() * 1_000.0;
    let started = app.metrics.started();
    let mut samples = metrics::of_the_process(started);
    samples.extend(services.gauges.read());
    let (counts, media) = (services.live.counts(), services.sfu.stats());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let average = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = ServerLoad {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started_at: started
            .duration_since(UNIX_EPOCH)
            .ok()
            .and_then(|since| i64::try_from(since.as_millis()).ok())
            .unwrap_or_default(),
        now: live::now(),
        ready: app.check_open().is_ok() && !services.live.media_stopped().is_cancelled(),
        streams: counts.streams,
        reconnecting: counts.reconnecting,
        viewers: counts.viewers,
        bytes_in: media.bytes_in,
        bytes_out: media.bytes_out,
        cores: u32::try_from(cores).unwrap_or(u32::MAX),
        cpu_seconds: figure(&samples, "process_cpu_seconds"),
        load: average
            .split_whitespace()
            .next()
            .and_then(|it| it.parse().ok()),
        memory: figure(&samples, "process_resident_memory_bytes").map(whole),
        memory_total: bytes(&memory, "MemTotal:"),
        memory_available: bytes(&memory, "MemAvailable:"),
        workers: figure(&samples, "weir_workers").map(whole),
        disk_free: figure(&samples, "weir_archive_free_bytes").map(whole),
        database_ms,
    };
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(load)))
}

fn figure(samples: &[Sample], name: &str) -> Option<f64> {
    let sample = samples.iter().find(|sample| sample.name == name)?;
    Some(match sample.kind {
        SampleKind::Gauge(value) | SampleKind::Seconds(value) => value,
        #[allow(clippy::cast_precision_loss)]
        SampleKind::Counter(value) => value as f64,
    })
}

/// Figures that count things are whole and not negative.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn whole(value: f64) -> u64 {
    value as u64
}

/// proc_meminfo(5), in KiB.
fn bytes(meminfo: &str, name: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix(name))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1_024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_in_bytes() {
        let text = "MemTotal:        2048 kB\nMemFree:          1 kB\nMemAvailable:    512 kB\n";
        assert_eq!(bytes(text, "MemTotal:"), Some(2_097_152));
        assert_eq!(bytes(text, "MemAvailable:"), Some(524_288));
        assert_eq!(bytes(text, "SwapTotal:"), None);
    }
}
