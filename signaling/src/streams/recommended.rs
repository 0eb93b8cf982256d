//! `GET /api/v1/streams/recommended` and `…/for-me`. The rule stands in `recommend.rs`.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::{extract::State, http::header, response::IntoResponse};
use serde::Deserialize;
use utoipa::IntoParams;
use weir_db::{RecentBroadcast, Stream, StreamId};
use weir_protocol::{StreamSummary, Visibility};

use super::recommend::{Candidate, Taste, ranked};
use crate::{
    ApiError, App, Refusals,
    api::{Actor, Json, PageQuery, Query, scope},
    live,
};

/// Broadcasts whose streams are candidates although they are not live now.
const RECENT: u32 = 400;

/// Live streams that are candidates: the most watched.
const LIVE: usize = 2_000;

/// How long candidates that are not live are kept.
const KEPT: Duration = Duration::from_secs(10);

/// What of a user's history and follows counts.
const HISTORY: u32 = 200;

/// Streams that were live lately, kept for a moment.
#[derive(Default)]
pub(crate) struct Candidates {
    recent: Mutex<Option<(Instant, Arc<Recent>)>>,
}

#[derive(Default)]
struct Recent {
    streams: HashMap<StreamId, Stream>,
    broadcasts: HashMap<StreamId, RecentBroadcast>,
}

/// Parameters of recommendations.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct HowMany {
    /// Items at most.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
}

/// Recommended streams
///
/// The same for everybody: by whether they are live, viewers, and how lately they began.
#[utoipa::path(
    get, path = "/api/v1/streams/recommended", tag = "streams", security((), ("bearer" = [])),
    params(HowMany),
    responses((status = OK, body = Vec<StreamSummary>), Refusals),
)]
pub(crate) async fn recommended(
    State(app): State<App>,
    Query(HowMany { limit }): Query<HowMany>,
) -> Result<Json<Vec<StreamSummary>>, ApiError> {
    let limit = PageQuery::new(limit, None).limit()?;
    let list = app
        .recommend(&Taste::default(), &HashSet::new(), limit)
        .await?;
    Ok(Json(list))
}

/// Streams recommended to you
///
/// Beside what counts for everybody: whom you follow, and what you have watched.
#[utoipa::path(
    get, path = "/api/v1/streams/for-me", tag = "streams",
    params(HowMany),
    responses((status = OK, body = Vec<StreamSummary>), Refusals),
)]
pub(crate) async fn for_me(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::StreamsRead>,
    Query(HowMany { limit }): Query<HowMany>,
) -> Result<impl IntoResponse, ApiError> {
    let limit = PageQuery::new(limit, None).limit()?;
    let db = &app.services.db;
    let follows = db.following(user.id, None, HISTORY).await?;
    let watched = db.watched_by(user.id, HISTORY).await?;
    let blocked_by = db.blocked_by(user.id).await?.into_iter().collect();
    let follows = follows.into_iter().map(|it| it.id).collect();
    let taste = Taste::new(follows, &watched, live::now());
    let list = app.recommend(&taste, &blocked_by, limit).await?;
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(list)))
}

impl App {
    async fn recommend(
        &self,
        taste: &Taste,
        without: &HashSet<weir_db::UserId>,
        limit: u32,
    ) -> Result<Vec<StreamSummary>, ApiError> {
        let live_ones = self.services.live.listed();
        let recent = self.recent().await?;
        let on_air: HashMap<StreamId, usize> = live_ones
            .streams
            .iter()
            .take(LIVE)
            .enumerate()
            .map(|(at, it)| (it.row.id, at))
            .collect();
        let candidate = |row: &Stream| Candidate {
            stream: row.id,
            owner: row.owner,
            category: row.details.category,
            tags: row.details.tags.clone(),
            live_since: None,
            viewers: 0,
            last_broadcast: recent
                .broadcasts
                .get(&row.id)
                .map(|it| (it.started_at, it.peak_viewers)),
        };
        let live_candidates = live_ones.streams.iter().take(LIVE).map(|it| Candidate {
            live_since: it.summary.started_at,
            viewers: it.summary.viewers.total(),
            ..candidate(&it.row)
        });
        let others = recent.streams.values();
        let others = others
            .filter(|row| !on_air.contains_key(&row.id))
            .map(candidate);
        let mut candidates: Vec<Candidate> = live_candidates.chain(others).collect();
        candidates.retain(|it| it.owner.is_none_or(|owner| !without.contains(&owner)));

        let order = ranked(&candidates, taste, live::now());
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let items = order.into_iter().filter_map(|id| match on_air.get(&id) {
            Some(&at) => Some(live_ones.streams[at].summary.clone()),
            None => {
                let row = recent.streams.get(&id)?;
                let summary = self.services.live.summary(row);
                // Seen some seconds ago: it may have become private since.
                (summary.visibility == Visibility::Public).then(|| StreamSummary {
                    description: String::new(),
                    ..summary
                })
            }
        });
        Ok(items.take(limit).collect())
    }

    async fn recent(&self) -> Result<Arc<Recent>, ApiError> {
        let candidates = &self.streams.candidates;
        {
            let kept = candidates
                .recent
                .lock()
                .expect("nothing panics under this lock");
            if let Some((at, recent)) = &*kept
                && at.elapsed() < KEPT
            {
                return Ok(recent.clone());
            }
        }
        let db = &self.services.db;
        let mut recent = Recent::default();
        for broadcast in db.recent_broadcasts(RECENT).await? {
            // The newest comes first.
            recent
                .broadcasts
                .entry(broadcast.stream)
                .or_insert(broadcast);
        }
        let ids: Vec<StreamId> = recent.broadcasts.keys().copied().collect();
        let rows = db.streams_by_ids(&ids).await?;
        recent.streams = rows
            .into_iter()
            .filter(|row| row.details.visibility == Visibility::Public)
            .map(|row| (row.id, row))
            .collect();
        let recent = Arc::new(recent);
        let mut kept = candidates
            .recent
            .lock()
            .expect("nothing panics under this lock");
        *kept = Some((Instant::now(), recent.clone()));
        Ok(recent)
    }

    /// Recommendations must not show what has just become private.
    pub(super) fn forget_candidates(&self) {
        let candidates = &self.streams.candidates;
        *candidates
            .recent
            .lock()
            .expect("nothing panics under this lock") = None;
    }
}
