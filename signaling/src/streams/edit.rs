//! `PATCH /api/v1/streams/{slug}`: a stream says something else of itself, also while it is live.

use axum::{extract::State, http::header, response::IntoResponse};
use weir_db::{PlayoutDelay, StreamDetails};
use weir_protocol::{
    CreateStream, DESCRIPTION_MAX, EditStream, PlayoutDelayMs, StreamSlug, StreamSummary,
    TITLE_MAX, Visibility, normal_tags,
};

use super::texts;
use crate::{
    ApiError, App, Live, Refusals,
    api::{Actor, IfMatch, Json, Path, scope, version_tag},
    happenings::Happening,
};

/// Longest wait that the playout-delay extension can say: 12 bits of 10 ms.
const DELAY_MAX_MS: u16 = 40_950;

/// Edit a stream
///
/// Also while it is live: watchers see the change at once. Who may no longer see it is sent away.
#[utoipa::path(
    patch, path = "/api/v1/streams/{slug}", tag = "streams",
    params(
        ("slug" = StreamSlug, Path),
        ("If-Match" = Option<String>, Header, description = "Entity tag of what is edited"),
    ),
    request_body = EditStream,
    responses((status = OK, body = StreamSummary, headers(("ETag" = String))), Refusals),
)]
pub(crate) async fn edit(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::StreamsWrite>,
    Path(slug): Path<String>,
    condition: IfMatch,
    Json(edit): Json<EditStream>,
) -> Result<impl IntoResponse, ApiError> {
    let before = app.changeable(&slug, &user).await?;
    condition.check(before.version)?;
    let title = match &edit.title {
        Some(title) => texts::line("title", title, TITLE_MAX)?,
        None => before.title.clone(),
    };
    let details = app.edited(before.details.clone(), edit).await?;
    let db = &app.services.db;
    let after = db
        .edit_stream(before.id, before.version, &title, &details)
        .await?
        .ok_or(ApiError::Changed)?;
    tracing::info!(slug = %after.slug, name = %user.name, "stream edited");

    app.streams.lists.forget();
    app.forget_candidates();
    app.watching.hls.forget(&after.slug);
    app.services.live.update(&after);
    if after.details.playout_delay != before.details.playout_delay {
        Live::set_playout_delay(&app.services.sfu, &after);
    }
    if after.details.visibility == Visibility::Private
        && before.details.visibility != Visibility::Private
    {
        app.recheck_viewers(&after).await?;
    }
    let happening = Happening::StreamUpdated {
        stream: after.clone(),
    };
    app.services.live.bus().emit(happening).await;
    let summary = app.services.live.summary(&after);
    Ok(([(header::ETAG, version_tag(after.version))], Json(summary)))
}

impl App {
    /// What a new stream says of itself.
    ///
    /// # Errors
    /// 400 for what cannot be said, 404 for a category that is not there.
    pub(crate) async fn details(&self, new: &CreateStream) -> Result<StreamDetails, ApiError> {
        let edit = EditStream {
            description: new.description.clone(),
            category: Some(new.category.clone()),
            tags: Some(new.tags.clone()),
            visibility: Some(new.visibility),
            language: Some(new.language.clone()),
            mature: Some(new.mature),
            ..EditStream::default()
        };
        self.edited(StreamDetails::default(), edit).await
    }

    async fn edited(
        &self,
        mut details: StreamDetails,
        edit: EditStream,
    ) -> Result<StreamDetails, ApiError> {
        if let Some(description) = edit.description {
            details.description = texts::text("description", &description, DESCRIPTION_MAX)?;
        }
        if let Some(category) = edit.category {
            details.category = match category {
                Some(slug) => {
                    let found = self.services.db.category_by_slug(&slug).await?;
                    Some(found.ok_or(ApiError::NotFound("category"))?.id)
                }
                None => None,
            };
        }
        if let Some(tags) = edit.tags {
            details.tags =
                normal_tags(&tags).map_err(|error| ApiError::BadRequest(error.to_string()))?;
        }
        if let Some(visibility) = edit.visibility {
            details.visibility = visibility;
        }
        if let Some(language) = edit.language {
            details.language = language.as_deref().map(texts::language).transpose()?;
        }
        if let Some(mature) = edit.mature {
            details.mature = mature;
        }
        if let Some(thumbnail) = edit.thumbnail {
            details.thumbnail = thumbnail;
        }
        if let Some(delay) = edit.playout_delay {
            details.playout_delay = delay.map(playout_delay).transpose()?;
        }
        Ok(details)
    }
}

fn playout_delay(delay: PlayoutDelayMs) -> Result<PlayoutDelay, ApiError> {
    let PlayoutDelayMs { min_ms, max_ms } = delay;
    if min_ms > max_ms || max_ms > DELAY_MAX_MS {
        return Err(ApiError::BadRequest(format!(
            "a playout delay has min_ms not above max_ms, and max_ms not above {DELAY_MAX_MS}"
        )));
    }
    Ok(PlayoutDelay { min_ms, max_ms })
}
