//! What is wrong with streams: told by the bridge, shown to their owners and moderators, and kept.
//!
//! [`book`] holds what is open, in memory; whoever reports never waits. What changed is told by a task of
//! its own ([`tell`]): to the room, to webhooks, and to the database, where the history of broadcasts is.

mod book;
mod rest;
mod tell;
mod tiles;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
};

use futures_util::future::BoxFuture;
use tokio::sync::Notify;
use utoipa_axum::{router::OpenApiRouter, routes};
use weir_db::{Stream, StreamId};
use weir_media::Thumbnail;
use weir_protocol::finding::{FindingCode, FindingReport, Severity};

use crate::{
    App,
    happenings::{Consumer, Happening},
    live::now,
    metrics::Sample,
};

use book::Book;
pub(crate) use tell::keep_telling;
use tiles::Tiles;

/// The operations of this part.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(rest::list))
        .routes(routes!(rest::thumbnail))
}

/// What is wrong with which stream, and what they look like. Clones are the same one.
#[derive(Debug, Clone, Default)]
pub struct Findings {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    books: Mutex<HashMap<StreamId, Book>>,
    /// How often findings opened since the start, by code.
    opened: Mutex<HashMap<FindingCode, u64>>,
    changed: Notify,
    tiles: Tiles,
}

impl Findings {
    /// Somebody begins to see this stream's media. What it saw needs to be seen again when it is dropped.
    pub fn open(&self, stream: &Stream) -> FindingsWriter {
        FindingsWriter {
            findings: self.clone(),
            stream: Arc::new(stream.clone()),
            restarts: 0,
        }
    }

    /// Something was seen of this stream.
    pub fn report(&self, stream: &Stream, report: &FindingReport) {
        let mut books = self.books();
        let book = books
            .entry(stream.id)
            .or_insert_with(|| Book::new(stream.clone()));
        if book.report(report, now()) {
            *self.opened().entry(report.code).or_default() += 1;
        }
        drop(books);
        self.inner.changed.notify_one();
    }

    pub(crate) fn has_tile(&self, stream: StreamId) -> bool {
        self.inner.tiles.get(stream).is_some()
    }

    /// Figures for `/metrics`.
    pub(crate) fn samples(&self) -> Vec<Sample> {
        let mut active: HashMap<FindingCode, u32> = HashMap::new();
        for book in self.books().values() {
            for code in book.open() {
                *active.entry(code).or_default() += 1;
            }
        }
        let opened = self.opened().clone();
        let mut samples = Vec::new();
        for code in FindingCode::ALL {
            // Those that never came too: rates and sums then begin at nothing.
            let times = opened.get(code).copied().unwrap_or_default();
            let now = active.get(code).copied().unwrap_or_default();
            samples.push(
                Sample::gauge(
                    "weir_findings_active",
                    "Streams with something that is wrong with them now",
                    now.into(),
                )
                .with("code", code.as_str()),
            );
            samples.push(
                Sample::counter(
                    "weir_findings_opened",
                    "Times that something was found to be wrong with a stream",
                    times,
                )
                .with("code", code.as_str()),
            );
        }
        samples
    }

    fn books(&self) -> MutexGuard<'_, HashMap<StreamId, Book>> {
        self.inner
            .books
            .lock()
            .expect("nothing panics under this lock")
    }

    fn opened(&self) -> MutexGuard<'_, HashMap<FindingCode, u64>> {
        self.inner
            .opened
            .lock()
            .expect("nothing panics under this lock")
    }
}

/// Learns when broadcasts begin and end.
impl Consumer for Findings {
    fn consume<'a>(&'a self, happening: &'a Happening) -> BoxFuture<'a, ()> {
        match happening {
            Happening::StreamStarted { stream, broadcast } => {
                let mut books = self.books();
                let book = books
                    .entry(stream.id)
                    .or_insert_with(|| Book::new(stream.clone()));
                book.begin(broadcast.id, now());
            }
            Happening::StreamEnded { stream, broadcast } => {
                if let Some(book) = self.books().get_mut(&stream.id) {
                    book.end(broadcast.id, broadcast.ended_at.unwrap_or_else(now));
                }
                self.inner.tiles.remove(stream.id);
            }
            Happening::StreamUpdated { stream } => {
                if let Some(book) = self.books().get_mut(&stream.id) {
                    book.stream = Arc::new(stream.clone());
                }
            }
            Happening::StreamDeleted { stream } => {
                self.books().remove(&stream.id);
                self.inner.tiles.remove(stream.id);
            }
            _ => {}
        }
        self.inner.changed.notify_one();
        Box::pin(std::future::ready(()))
    }
}

/// What one worker's output says of a stream.
#[derive(Debug)]
pub struct FindingsWriter {
    findings: Findings,
    stream: Arc<Stream>,
    restarts: u32,
}

impl FindingsWriter {
    /// Something was seen.
    pub fn report(&self, report: &FindingReport) {
        self.findings.report(&self.stream, report);
    }

    /// A picture of the stream was made.
    pub fn thumbnail(&self, thumbnail: &Thumbnail) {
        self.findings.inner.tiles.put(self.stream.id, thumbnail);
    }

    /// The worker died: what it saw must be seen again by the next.
    pub fn worker_restarted(&mut self) {
        self.restarts += 1;
        self.unconfirmed(false);
        self.report(&FindingReport {
            code: FindingCode::WorkerRestarted,
            severity: Severity::Warning,
            active: true,
            values: [("restarts".to_owned(), f64::from(self.restarts))].into(),
            words: std::collections::BTreeMap::new(),
            repaired: true,
        });
    }

    fn unconfirmed(&self, publisher: bool) {
        if let Some(book) = self.findings.books().get_mut(&self.stream.id) {
            book.unconfirmed(now(), publisher);
        }
    }
}

impl Drop for FindingsWriter {
    fn drop(&mut self) {
        self.unconfirmed(true);
    }
}
