//! Sees to it that what is sent is what stands in the database.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use tokio::time::MissedTickBehavior;
use weir_db::{DbError, Restream, RestreamId, RoomSubject, Stream};
use weir_protocol::{RestreamState, StreamSlug, room::RoomEventBody};

use super::{RestreamTarget, address, context};
use crate::{App, rooms::Audience};

/// How long a change by another process, or of what is on the air, may stay unnoticed.
const INTERVAL: Duration = Duration::from_secs(1);

/// Sends what is to be sent until the server begins to stop.
pub(crate) async fn keep(app: App) {
    let mut ticks = tokio::time::interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut changes = app.services.restream.changes();
    let mut sent = Sent::default();
    loop {
        tokio::select! {
            () = app.services.draining.cancelled() => break,
            _ = ticks.tick() => {}
            () = app.restreams.bell.notified() => {}
            // The sender lives as long as the application.
            _ = changes.changed() => {
                sent.tell(&app);
                continue;
            }
        }
        if let Err(error) = sent.update(&app).await {
            tracing::warn!(%error, "restreams could not be looked up");
        }
    }
    for stream in sent.streams {
        app.services.restream.set(&stream.slug, Vec::new());
    }
}

/// What was told last.
#[derive(Default)]
struct Sent {
    streams: Vec<Arc<Stream>>,
    /// Versions of the rows.
    rows: HashMap<RestreamId, (i64, String)>,
    states: HashMap<i64, (RestreamState, Option<String>)>,
}

impl Sent {
    async fn update(&mut self, app: &App) -> Result<(), DbError> {
        let on_air = app.services.live.rows_on_air();
        if on_air.is_empty() && self.streams.is_empty() {
            return Ok(());
        }
        let ids: Vec<_> = on_air.iter().map(|stream| stream.id).collect();
        let rows = app.services.db.enabled_restreams(&ids).await?;
        let mut by_stream: HashMap<weir_db::StreamId, Vec<Restream>> = HashMap::new();
        for row in rows {
            by_stream.entry(row.stream).or_default().push(row);
        }
        let live: HashSet<&StreamSlug> = on_air.iter().map(|stream| &stream.slug).collect();
        for gone in self.streams.iter().filter(|it| !live.contains(&it.slug)) {
            app.services.restream.set(&gone.slug, Vec::new());
        }
        let mut told = HashMap::new();
        for stream in &on_air {
            let rows = by_stream.remove(&stream.id).unwrap_or_default();
            let same = rows.iter().all(|row| {
                let known = self.rows.get(&row.id);
                known.is_some_and(|(version, _)| *version == row.version)
            });
            let before = self
                .rows
                .values()
                .filter(|(_, slug)| *slug == *stream.slug.as_str());
            let unchanged = same && before.count() == rows.len();
            if !unchanged {
                let targets = rows.iter().filter_map(|row| app.target(row)).collect();
                app.services.restream.set(&stream.slug, targets);
            }
            let slug = stream.slug.to_string();
            told.extend(rows.iter().map(|row| (row.id, (row.version, slug.clone()))));
        }
        self.rows = told;
        self.streams = on_air;
        Ok(())
    }

    /// Tells whoever runs a stream of states that are new.
    fn tell(&mut self, app: &App) {
        let mut states = HashMap::new();
        for stream in &self.streams {
            let statuses = app.services.restream.statuses(&stream.slug);
            let room = app.rooms.get(RoomSubject::Stream(stream.id));
            for (id, status) in statuses {
                let now = (status.state, status.reason.clone());
                if self.states.get(&id) != Some(&now)
                    && let Some(room) = &room
                {
                    let body = RoomEventBody::Restream {
                        id: id.to_string(),
                        status,
                    };
                    room.tell(body, Audience::ModeratorsAnd("".into()));
                }
                states.insert(id, now);
            }
        }
        self.states = states;
    }
}

impl App {
    /// A row as whoever sends takes it; `None` for one that cannot be sent, which is logged.
    pub(super) fn target(&self, row: &Restream) -> Option<RestreamTarget> {
        let private = self.services.config.restream.allow_private;
        let address = address::parse(&row.url, private);
        let address = address
            .inspect_err(|why| tracing::warn!(restream = %row.id, why, "a restream is left out"))
            .ok()?;
        let key = self.sealer.open(&context(row.id), &row.sealed_key);
        let key = key.and_then(|key| String::from_utf8(key).ok());
        if key.is_none() {
            tracing::warn!(
                restream = %row.id,
                "a restream is left out: its key was encrypted with another token.key; set it again"
            );
        }
        Some(RestreamTarget {
            id: row.id,
            name: row.name.clone(),
            secure: address.secure,
            host: address.host,
            port: address.port,
            app: address.app,
            url: address.url,
            key: key?,
            max_height: row.max_height,
            max_bitrate: row.max_bitrate,
        })
    }
}
