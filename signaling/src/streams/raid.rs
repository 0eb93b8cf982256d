//! Raids: a streamer sends the viewers to another stream.

use axum::extract::State;
use weir_db::RoomSubject;
use weir_protocol::{RaidNotice, StartRaid, StreamSlug, Visibility, room::RoomEventBody};

use crate::{
    ApiError, App, Refusals,
    api::{Actor, Json, Path, scope},
    happenings::Happening,
    live::{self, Notice, media_id},
    rooms::Audience,
    watching::Viewer,
};

/// How long after a raid the next one may be, in milliseconds: viewers are not thrown about.
const PAUSE: i64 = 30_000;

/// Send viewers to another stream
///
/// Both streams are live, the target is one that everybody may see, and its owner has not blocked you. Viewers
/// are told where to go, in the stream's events and its room; their players follow.
#[utoipa::path(
    post, path = "/api/v1/streams/{slug}/raid", tag = "streams",
    params(("slug" = StreamSlug, Path)),
    request_body = StartRaid,
    responses((status = OK, body = RaidNotice), Refusals),
)]
pub(crate) async fn raid(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::StreamsWrite>,
    Path(slug): Path<String>,
    Json(StartRaid { target }): Json<StartRaid>,
) -> Result<Json<RaidNotice>, ApiError> {
    let viewer = Viewer::User(user.clone());
    let source = app.watchable(&slug, &viewer).await?;
    if source.owner != Some(user.id) {
        return Err(ApiError::Forbidden(
            "only a stream's owner sends its viewers away",
        ));
    }
    let target = app.watchable(target.as_str(), &viewer).await?;
    if target.id == source.id {
        return Err(ApiError::Unprocessable(
            "the viewers are there already; choose another stream".to_owned(),
        ));
    }
    if target.details.visibility != Visibility::Public {
        return Err(ApiError::Unprocessable(
            "not all of your viewers may see that stream; choose a public one".to_owned(),
        ));
    }
    let live = &app.services.live;
    for stream in [&source, &target] {
        if !live.is_live(media_id(stream)) {
            return Err(ApiError::NotLive);
        }
    }
    let db = &app.services.db;
    let last = db.last_raid(source.id).await?;
    if let Some(wait) = last
        .map(|at| at + PAUSE - live::now())
        .filter(|wait| *wait > 0)
    {
        let wait = std::time::Duration::from_millis(wait.unsigned_abs());
        return Err(ApiError::TooManyRequests(wait));
    }
    let viewers = live.summary(&source).viewers.total();
    let row = db.record_raid(source.id, target.id, viewers).await?;
    let notice = RaidNotice {
        source: source.slug.clone(),
        target: target.slug.clone(),
        title: target.title.clone(),
        viewers,
        raided_at: row.raided_at,
    };
    tracing::info!(from = %source.slug, to = %target.slug, viewers, "raid");
    for stream in [&source, &target] {
        live.notify(stream, Notice::Raid(notice.clone()));
    }
    if let Some(room) = app.rooms.get(RoomSubject::Stream(source.id)) {
        let body = RoomEventBody::Raid {
            to: target.slug.to_string(),
            title: target.title.clone(),
        };
        app.rooms.publish(&room, body, Audience::Everyone).await;
    }
    live.bus()
        .emit(Happening::Raid {
            source,
            target,
            viewers,
        })
        .await;
    Ok(Json(notice))
}
