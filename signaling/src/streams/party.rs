//! Watch parties: the viewers of a stream's room see the same moment of a recording. How clients keep in
//! step stands in `protocol/src/party.rs`.

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
};
use url::Url;
use weir_db::RoomSubject;
use weir_protocol::{MEDIA_MAX, Party, SteerParty, StreamSlug, room::RoomEventBody};

use crate::{
    ApiError, App, Refusals,
    api::{Actor, IfMatch, Json, Path, scope, version_tag},
    live::{self, Notice},
    rest::events::ViewerTokenQuery,
    rooms::Audience,
    watching::Viewer,
};

/// Longest media in milliseconds: a week.
const LONGEST: i64 = 7 * 24 * 60 * 60 * 1000;

/// Slowest and fastest play.
const RATES: std::ops::RangeInclusive<f64> = 0.25..=4.0;

const NONE: ApiError = ApiError::NotFound("watch party");

/// A stream's watch party
#[utoipa::path(
    get, path = "/api/v1/streams/{slug}/party", tag = "streams", security((), ("bearer" = [])),
    params(("slug" = StreamSlug, Path), ViewerTokenQuery),
    responses((status = OK, body = Party, headers(("ETag" = String))), Refusals),
)]
pub(crate) async fn show(
    State(app): State<App>,
    Path(slug): Path<String>,
    viewer: Viewer,
) -> Result<impl IntoResponse, ApiError> {
    let stream = app.watchable(&slug, &viewer).await?;
    let party = app.services.db.party(stream.id).await?.ok_or(NONE)?;
    let tag = version_tag(party.version);
    Ok(([(header::ETAG, tag)], Json(party)))
}

/// Begin or steer a watch party
///
/// For the stream's owner and moderators. Everybody is told at once, in the stream's events and its room.
#[utoipa::path(
    put, path = "/api/v1/streams/{slug}/party", tag = "streams",
    params(
        ("slug" = StreamSlug, Path),
        ("If-Match" = Option<String>, Header, description = "Entity tag of the state that is steered"),
    ),
    request_body = SteerParty,
    responses((status = OK, body = Party, headers(("ETag" = String))), Refusals),
)]
pub(crate) async fn steer(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Rooms>,
    Path(slug): Path<String>,
    condition: IfMatch,
    Json(to): Json<SteerParty>,
) -> Result<impl IntoResponse, ApiError> {
    let stream = app.moderated(&slug, &user).await?;
    check(&to)?;
    let db = &app.services.db;
    let now = live::now();
    let before = db.party(stream.id).await?;
    if let Some(before) = &before {
        condition.check(before.version)?;
    }
    let before = match (before, &to.media) {
        (Some(before), _) => before,
        (None, Some(media)) => Party {
            media: media.clone(),
            duration_ms: None,
            position_ms: 0,
            playing: false,
            rate: 1.0,
            at: now,
            version: 0,
        },
        (None, None) => {
            return Err(ApiError::BadRequest(
                "say what to watch (`media`): there is no party yet".to_owned(),
            ));
        }
    };
    let after = before.steered(&to, now);
    if !db.steer_party(stream.id, &after).await? {
        return Err(ApiError::Changed);
    }
    app.tell_party(&stream, Some(after.clone()));
    let tag = version_tag(after.version);
    Ok(([(header::ETAG, tag)], Json(after)))
}

/// End a watch party
#[utoipa::path(
    delete, path = "/api/v1/streams/{slug}/party", tag = "streams",
    params(("slug" = StreamSlug, Path)),
    responses((status = NO_CONTENT), Refusals),
)]
pub(crate) async fn end(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Rooms>,
    Path(slug): Path<String>,
) -> Result<StatusCode, ApiError> {
    let stream = app.moderated(&slug, &user).await?;
    if !app.services.db.end_party(stream.id).await? {
        return Err(NONE);
    }
    app.tell_party(&stream, None);
    Ok(StatusCode::NO_CONTENT)
}

impl App {
    fn tell_party(&self, stream: &weir_db::Stream, party: Option<Party>) {
        let live = &self.services.live;
        live.notify(stream, Notice::Party(party.clone()));
        if let Some(room) = self.rooms.get(RoomSubject::Stream(stream.id)) {
            room.tell(RoomEventBody::Party { party }, Audience::Everyone);
        }
    }
}

fn check(to: &SteerParty) -> Result<(), ApiError> {
    let bad = |text: String| Err(ApiError::BadRequest(text));
    if let Some(media) = &to.media
        && !is_media(media)
    {
        return bad(format!(
            "media is recording:{{id}}, broadcast:{{id}} or an https address of at most {MEDIA_MAX} characters"
        ));
    }
    let times = [
        ("position_ms", 0, to.position_ms),
        ("duration_ms", 1, to.duration_ms),
    ];
    for (what, least, value) in times {
        if value.is_some_and(|value| !(least..=LONGEST).contains(&value)) {
            return bad(format!("{what} is a number from {least} to {LONGEST}"));
        }
    }
    if to.rate.is_some_and(|rate| !RATES.contains(&rate)) {
        return bad(format!(
            "rate is a number from {} to {}",
            RATES.start(),
            RATES.end()
        ));
    }
    Ok(())
}

fn is_media(media: &str) -> bool {
    let id = media
        .strip_prefix("recording:")
        .or_else(|| media.strip_prefix("broadcast:"));
    if let Some(id) = id {
        return !id.is_empty() && id.len() <= 19 && id.bytes().all(|c| c.is_ascii_digit());
    }
    // Pages of this site are https or local, and a browser refuses other media on them.
    let has_host =
        |url: Url| url.scheme() == "https" && url.has_host() && url.username().is_empty();
    media.chars().count() <= MEDIA_MAX
        && !media.chars().any(char::is_control)
        && Url::parse(media).is_ok_and(has_host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_is_ours_or_safe_to_load() {
        for good in [
            "recording:7",
            "broadcast:12",
            "https://cdn.example/a.mp4?x=1",
        ] {
            assert!(is_media(good), "{good}");
        }
        for bad in [
            "",
            "recording:",
            "recording:x",
            "http://cdn.example/a.mp4",
            "javascript:alert(1)",
            "https://user@cdn.example/",
            "data:video/mp4,",
        ] {
            assert!(!is_media(bad), "{bad}");
        }
    }
}
