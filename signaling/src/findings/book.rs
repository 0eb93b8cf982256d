//! One stream's findings, in memory. Pure: time is told.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};
use weir_db::{BroadcastId, FindingId, FindingRow, Stream, UnixMillis, new_finding_id};
use weir_protocol::finding::{Finding, FindingCode, FindingFacts, FindingReport, Severity};

/// What is open is said again every ten seconds; what a new worker has not said by then is over. Longer than
/// any check takes but the drift's.
const CONFIRM: i64 = 60_000;

/// A worker's death is told for so long.
const RESTART: i64 = 60_000;

/// The stream, and what is wrong with it.
#[derive(Debug)]
pub(super) struct Book {
    pub(super) stream: Arc<Stream>,
    /// The broadcast that is on the air, once its row is written.
    current: Option<BroadcastId>,
    records: BTreeMap<FindingCode, Record>,
    /// Of broadcasts that are over, to be told once more.
    left: Vec<Record>,
}

/// A finding of a broadcast.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Record {
    id: FindingId,
    broadcast: Option<BroadcastId>,
    report: FindingReport,
    first_at: UnixMillis,
    last_at: UnixMillis,
    cleared_at: Option<UnixMillis>,
    times: u32,
    /// Over at this time, unless it is seen again.
    until: Option<UnixMillis>,
    /// Whether others know it as open.
    told_open: bool,
    told_written: bool,
    told_room: bool,
}

/// Something to tell.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct News {
    pub(super) stream: Arc<Stream>,
    pub(super) finding: Finding,
    /// To be written down; none before the broadcast has a row.
    pub(super) row: Option<FindingRow>,
    /// It opened or cleared, and is no mere update.
    pub(super) turned: bool,
}

/// The facts of a row.
#[derive(Serialize, Deserialize)]
struct Facts {
    values: BTreeMap<String, f64>,
    words: BTreeMap<String, String>,
}

impl Book {
    pub(super) fn new(stream: Stream) -> Self {
        Self {
            stream: Arc::new(stream),
            current: None,
            records: BTreeMap::new(),
            left: Vec::new(),
        }
    }

    /// Takes a report in. True when a finding opens by it.
    pub(super) fn report(&mut self, report: &FindingReport, now: UnixMillis) -> bool {
        let until = (report.code == FindingCode::WorkerRestarted).then_some(now + RESTART);
        let Some(record) = self.records.get_mut(&report.code) else {
            if report.active {
                let record = Record::new(report.clone(), self.current, until, now);
                self.records.insert(report.code, record);
            }
            return report.active;
        };
        let opens = report.active && record.cleared_at.is_some();
        if !report.active && record.cleared_at.is_some() {
            return false;
        }
        record.told_written = false;
        record.told_room = false;
        if !report.active {
            record.clear(now);
            return false;
        }
        let worst = record.report.severity.max(report.severity);
        record.report = report.clone();
        record.report.severity = worst;
        record.last_at = now;
        record.cleared_at = None;
        record.times += u32::from(opens);
        record.until = until;
        opens
    }

    /// A broadcast is on the air.
    pub(super) fn begin(&mut self, broadcast: BroadcastId, now: UnixMillis) {
        if let Some(before) = self.current.filter(|before| *before != broadcast) {
            self.end(before, now);
        }
        self.current = Some(broadcast);
        for record in self.records.values_mut() {
            record.broadcast.get_or_insert(broadcast);
        }
    }

    /// It is over, and with it what was wrong.
    pub(super) fn end(&mut self, broadcast: BroadcastId, now: UnixMillis) {
        if self.current != Some(broadcast) {
            return;
        }
        self.current = None;
        for (_, mut record) in std::mem::take(&mut self.records) {
            record.clear(now);
            self.left.push(record);
        }
    }

    /// Whoever saw what is open is gone: the worker, or the publisher with it.
    pub(super) fn unconfirmed(&mut self, now: UnixMillis, publisher: bool) {
        for record in self.records.values_mut() {
            // Not seen by workers.
            let stays = match record.report.code {
                FindingCode::WorkerRestarted
                | FindingCode::WorkerQuarantined
                | FindingCode::RecordingStopped => true,
                FindingCode::TracksIgnored
                | FindingCode::HdrVideo
                | FindingCode::TimestampsJump
                | FindingCode::Unsupported => !publisher,
                _ => false,
            };
            if !stays && record.cleared_at.is_none() {
                record.until = Some(now + CONFIRM);
            }
        }
    }

    /// Codes that are open.
    pub(super) fn open(&self) -> impl Iterator<Item = FindingCode> {
        let open = self.records.values();
        open.filter(|record| record.cleared_at.is_none())
            .map(|record| record.report.code)
    }

    /// The findings of the broadcast that is on the air.
    pub(super) fn findings(&self) -> impl Iterator<Item = Finding> {
        self.records.values().map(Record::finding)
    }

    /// Ends what was not confirmed, and gives what there is to tell.
    pub(super) fn news(&mut self, now: UnixMillis) -> Vec<News> {
        for record in self.records.values_mut() {
            if record.until.is_some_and(|until| until <= now) {
                record.clear(now);
            }
        }
        let mut news = Vec::new();
        for record in self.records.values_mut().chain(&mut self.left) {
            let row = record.row(self.stream.id);
            let write = row.filter(|_| !record.told_written);
            record.told_written |= write.is_some();
            let open = record.cleared_at.is_none();
            let turned = record.told_open != open;
            record.told_open = open;
            let update = !std::mem::replace(&mut record.told_room, true);
            if write.is_some() || turned || update {
                news.push(News {
                    stream: self.stream.clone(),
                    finding: record.finding(),
                    row: write,
                    turned,
                });
            }
        }
        self.left.clear();
        news
    }

    /// Nothing is to be kept of it in memory.
    pub(super) fn is_empty(&self) -> bool {
        self.current.is_none() && self.records.is_empty() && self.left.is_empty()
    }
}

impl Record {
    fn new(
        report: FindingReport,
        broadcast: Option<BroadcastId>,
        until: Option<UnixMillis>,
        now: UnixMillis,
    ) -> Self {
        Self {
            id: new_finding_id(),
            broadcast,
            report,
            first_at: now,
            last_at: now,
            cleared_at: None,
            times: 1,
            until,
            told_open: false,
            told_written: false,
            told_room: false,
        }
    }

    fn clear(&mut self, now: UnixMillis) {
        self.until = None;
        if self.cleared_at.is_none() {
            self.cleared_at = Some(now);
            self.told_written = false;
            self.told_room = false;
        }
    }

    fn finding(&self) -> Finding {
        finding(
            self.id.to_string(),
            self.broadcast.map(|id| id.to_string()),
            self.report.clone(),
            (self.first_at, self.last_at, self.cleared_at),
            self.times,
        )
    }

    fn row(&self, stream_id: weir_db::StreamId) -> Option<FindingRow> {
        let facts = Facts {
            values: self.report.values.clone(),
            words: self.report.words.clone(),
        };
        Some(FindingRow {
            id: self.id,
            stream_id,
            broadcast_id: self.broadcast?,
            code: self.report.code.as_str().to_owned(),
            severity: self.report.severity.as_str().to_owned(),
            facts: serde_json::to_string(&facts).expect("figures and words are plain data"),
            repaired: self.report.repaired,
            first_at: self.first_at,
            last_at: self.last_at,
            cleared_at: self.cleared_at,
            times: self.times.into(),
        })
    }
}

/// A finding as it was written down; `None` when another version of this program wrote it.
pub(super) fn of_row(row: FindingRow) -> Option<Finding> {
    let code = FindingCode::ALL
        .iter()
        .find(|code| code.as_str() == row.code)?;
    let severity = Severity::ALL
        .iter()
        .find(|severity| severity.as_str() == row.severity)?;
    let Facts { values, words } = serde_json::from_str(&row.facts).ok()?;
    let report = FindingReport {
        code: *code,
        severity: *severity,
        active: row.cleared_at.is_none(),
        values,
        words,
        repaired: row.repaired,
    };
    Some(finding(
        row.id.to_string(),
        Some(row.broadcast_id.to_string()),
        report,
        (row.first_at, row.last_at, row.cleared_at),
        u32::try_from(row.times).unwrap_or(u32::MAX),
    ))
}

fn finding(
    id: String,
    broadcast_id: Option<String>,
    report: FindingReport,
    (first_at, last_at, cleared_at): (UnixMillis, UnixMillis, Option<UnixMillis>),
    count: u32,
) -> Finding {
    let text = FindingFacts {
        code: report.code,
        values: &report.values,
        words: &report.words,
        repaired: report.repaired,
    }
    .english();
    Finding {
        id,
        code: report.code,
        severity: report.severity,
        active: cleared_at.is_none(),
        values: report.values,
        words: report.words,
        repaired: report.repaired,
        first_at,
        last_at,
        cleared_at,
        count,
        broadcast_id,
        text,
    }
}
