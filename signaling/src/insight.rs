//! Who watched, and how it went. What the figures mean stands in `insight/README.md`.
//!
//! The live state, the HLS origin and the players tell an [`Audience`] what happens; a task samples
//! the media plane and writes rows down; the operations read what is written.

mod csv;
mod report;
mod rest;
mod run;
mod score;
mod session;
mod tracker;
mod visitor;
mod ways;

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard},
};

use axum::http::HeaderMap;
use futures_util::future::BoxFuture;
use weir_db::{Db, DbError, RoomSubject, StreamId, UserId};
use weir_protocol::{QoeReport, TransportsInUse};
use weir_sfu::{SessionId, StreamStats};

use crate::{
    happenings::{Consumer, Happening},
    live::now,
};
use tracker::{Arrival, Key, Rows, Tracker};
use visitor::{Origin, Salt, family};

pub(crate) use rest::routes;
pub(crate) use run::run;
pub(crate) use tracker::{Quality, Said};

/// For how long figures are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InsightConfig {
    /// Days of viewer sessions.
    pub session_days: u32,
    /// Days of figures by the minute.
    pub minute_days: u32,
}

impl Default for InsightConfig {
    fn default() -> Self {
        Self {
            session_days: 30,
            minute_days: 400,
        }
    }
}

/// Everybody who watches now. Clones are the same one.
#[derive(Clone)]
pub(crate) struct Audience {
    tracker: Arc<Mutex<Tracker>>,
}

impl std::fmt::Debug for Audience {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Audience")
    }
}

impl Default for Audience {
    fn default() -> Self {
        Self {
            tracker: Arc::new(Mutex::new(Tracker::new(Salt::fresh()))),
        }
    }
}

impl Audience {
    /// A WHEP offer was answered.
    pub(crate) fn arrived(
        &self,
        session: SessionId,
        stream: StreamId,
        user: Option<UserId>,
        address: Option<IpAddr>,
        headers: &HeaderMap,
    ) {
        let from = Origin::new(address, headers);
        let mut tracker = self.tracker();
        let arrival = Arrival {
            stream,
            user,
            visitor: tracker.visitor(stream, user, from),
            origin: tracker.origin(stream, from),
            agent: family(from.agent),
            at: now(),
        };
        tracker.arrived(session, arrival);
    }

    /// A WebRTC viewer's transport is up.
    pub(crate) fn connected(&self, session: SessionId) {
        self.tracker().connected(session, now());
    }

    /// A WebRTC viewer is gone.
    pub(crate) fn left(&self, session: SessionId) {
        self.tracker().left(session, now());
    }

    /// Somebody asked for a playlist.
    pub(crate) fn asked_for_playlist(&self, slug: &str, address: Option<IpAddr>, agent: &[u8]) {
        let from = Origin { address, agent };
        self.tracker().asked_for_playlist(slug, from, now());
    }

    /// Somebody wrote in a room, or reacted, so that others saw it. Rooms of streams count.
    pub(crate) fn said(&self, subject: RoomSubject, user: Option<UserId>, what: Said) {
        match subject {
            RoomSubject::Stream(stream) => self.tracker().said(stream, user, what, now()),
            RoomSubject::EventSession(_) => {}
        }
    }

    /// How a WebRTC viewer's playback goes.
    pub(crate) fn quality(&self, session: SessionId) -> Option<Quality> {
        self.tracker().quality(session)
    }

    fn report(
        &self,
        session: Option<SessionId>,
        stream: StreamId,
        user: Option<UserId>,
        from: Origin<'_>,
        report: &QoeReport,
    ) -> Option<bool> {
        let mut tracker = self.tracker();
        let key = match session {
            Some(session) => Key::WebRtc(session),
            None => Key::Hls(stream, tracker.origin(stream, from)),
        };
        tracker.report(key, stream, user, report, now())
    }

    fn sample(&self, stream: StreamId, stats: &StreamStats) {
        self.tracker().sample(stream, stats, now());
    }

    /// Streams with WebRTC viewers.
    fn streams(&self) -> Vec<StreamId> {
        self.tracker().streams_over_webrtc()
    }

    /// How many watch a stream by HLS and not over WebRTC.
    pub(crate) fn over_hls(&self, stream: StreamId) -> u32 {
        self.tracker().over_hls(stream)
    }

    /// How many viewers are tracked, and how many rows wait to be written.
    pub(crate) fn sizes(&self) -> (usize, usize) {
        self.tracker().sizes()
    }

    /// What carried the media of the last hour.
    pub(crate) fn transports(&self) -> TransportsInUse {
        self.tracker().transports(now())
    }

    fn tick(&self) {
        self.tracker().tick(now());
    }

    /// Writes down what there is; with `all`, the minute that has begun too. What could not be written
    /// is tried again with the next call.
    async fn write(&self, db: &Db, all: bool) -> Result<Rows, DbError> {
        let mut rows = self.tracker().take(all, now());
        let written = async {
            db.put_viewer_sessions(&rows.sessions).await?;
            rows.sessions.clear();
            db.add_participation(&rows.participation).await?;
            rows.participation.clear();
            db.add_stream_minutes(&rows.minutes).await
        };
        match written.await {
            Ok(()) => Ok(rows),
            Err(error) => {
                self.tracker().put_back(rows);
                Err(error)
            }
        }
    }

    /// Writes down everything, at the end of the server.
    pub(crate) async fn settle(&self, db: &Db) {
        let written = async {
            let rows = self.write(db, true).await?;
            run::sum_up(db, &rows.broadcasts).await
        };
        if let Err(error) = written.await {
            tracing::warn!(%error, "the last figures of viewers were not written");
        }
    }

    fn tracker(&self) -> MutexGuard<'_, Tracker> {
        self.tracker.lock().expect("nothing panics under this lock")
    }
}

impl Consumer for Audience {
    fn consume<'a>(&'a self, happening: &'a Happening) -> BoxFuture<'a, ()> {
        match happening {
            Happening::StreamStarted { stream, broadcast } => {
                self.tracker()
                    .started((stream.id, &stream.slug), broadcast.id, now());
            }
            Happening::StreamEnded { stream, broadcast } => {
                self.tracker()
                    .ended((stream.id, &stream.slug), broadcast.id, now());
            }
            Happening::StreamDeleted { stream } => {
                self.tracker().forget((stream.id, &stream.slug));
            }
            _ => {}
        }
        Box::pin(async {})
    }
}
