//! What is printed of it.

use std::{collections::BTreeMap, fmt, time::Duration};

use serde::Serialize;

use super::requests::Measured;
use crate::report::{Machine, Percentiles, table};

/// Everything that was measured.
#[derive(Debug, Clone, Serialize)]
pub struct ApiReport {
    /// Which kind of database.
    pub database: String,
    /// Accounts in it.
    pub users: u32,
    /// Streams in it.
    pub streams: u32,
    /// By kind of request.
    pub rows: Vec<ApiRow>,
    /// Where.
    pub machine: Machine,
}

/// One kind of request.
#[derive(Debug, Clone, Serialize)]
pub struct ApiRow {
    /// What was asked for.
    pub name: String,
    /// Requests in a second that were wanted.
    pub rate: f64,
    /// Requests in a second that succeeded.
    pub succeeded: f64,
    /// From the moment at which each was due to the end of its answer, in milliseconds.
    pub time_ms: Percentiles,
    /// How often each status came; 0 is no answer.
    pub statuses: BTreeMap<u16, u64>,
    /// What the first that failed was told.
    pub first_error: Option<String>,
    /// Cores that the server was busy with.
    pub cores: f64,
    /// CPU time of the server for one request, in microseconds.
    pub cpu_us: f64,
}

impl ApiRow {
    pub(super) fn new(name: &str, rate: f64, measured: Measured, busy: Duration) -> Self {
        let requests: u64 = measured.statuses.values().sum();
        let elapsed = measured.elapsed.as_secs_f64();
        Self {
            name: name.to_owned(),
            rate,
            succeeded: measured.times.len() as f64 / elapsed,
            time_ms: Percentiles::of(measured.times.into_iter()).unwrap_or_default(),
            statuses: measured.statuses,
            first_error: measured.first_error,
            cores: busy.as_secs_f64() / elapsed,
            cpu_us: busy.as_secs_f64() * 1e6 / requests.max(1) as f64,
        }
    }
}

impl fmt::Display for ApiReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            database,
            users,
            streams,
            rows,
            machine,
        } = self;
        writeln!(f, "{database}, {users} users, {streams} streams")?;
        let head = [
            "request", "wanted/s", "done/s", "p50 ms", "p95 ms", "p99 ms", "max ms", "cores",
            "CPU µs", "failed",
        ];
        let cells = |row: &ApiRow| {
            let failed = row
                .statuses
                .iter()
                .filter(|(status, _)| !(200..300).contains(*status));
            let time = row.time_ms;
            let mut cells = vec![row.name.clone()];
            cells.extend([row.rate, row.succeeded].map(|value| format!("{value:.0}")));
            cells.extend([time.p50, time.p95, time.p99, time.max].map(|ms| format!("{ms:.1}")));
            cells.push(format!("{:.2}", row.cores));
            cells.push(format!("{:.0}", row.cpu_us));
            cells.push(failed.map(|(_, count)| count).sum::<u64>().to_string());
            cells
        };
        let cells: Vec<_> = rows.iter().map(cells).collect();
        table(f, &head, &cells)?;
        for row in rows {
            if let Some(error) = &row.first_error {
                writeln!(f, "{}: {error}", row.name)?;
            }
        }
        writeln!(f, "{}", machine.line())
    }
}
