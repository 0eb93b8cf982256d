//! The layer resource of a WHEP session: which layers there are, and which one the viewer gets.

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, header},
    response::IntoResponse,
};
use weir_protocol::{SelectLayer, SessionLayers};
use weir_sfu::{LayerChoice, SessionId, StreamStats};

use crate::{
    ApiError, App,
    body::Body,
    rest::viewers::{by_size, described, is_automatic},
    sdp, whep,
};

/// Longest name of a layer (RFC 8851 sets no limit; what publishers use has one or two characters).
const NAME_MAX: usize = 64;

/// `GET /whep/session/{id}/layer`.
pub(crate) async fn look(
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<impl IntoResponse, ApiError> {
    let session = whep::viewer(&app, &id)?;
    Ok(state_of(&app, session).await)
}

/// `POST /whep/session/{id}/layer`: the answer is the state as of now; the change shows with the next
/// keyframe of the layer that was chosen.
pub(crate) async fn select(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Result<Body, ApiError>,
) -> Result<impl IntoResponse, ApiError> {
    let session = whep::viewer(&app, &id)?;
    let wanted = read(&headers, &body?.0)?;
    if let Some(media_id) = &wanted.media_id {
        let events = app.services.live.viewers().events(session);
        if !events.is_some_and(|events| events.is_video(media_id)) {
            return Err(ApiError::Unprocessable(
                "mediaId names no video of the session; send its place among the media sections"
                    .into(),
            ));
        }
    }
    let layers = layers(&app, session).await;
    let choice = choice(&wanted, layers.as_ref())?;
    if !app.services.sfu.select_layer(session, choice).await {
        return Err(ApiError::NotFound("session"));
    }
    Ok(state_of(&app, session).await)
}

fn read(headers: &HeaderMap, body: &Bytes) -> Result<SelectLayer, ApiError> {
    if body.trim_ascii().is_empty() {
        return Ok(SelectLayer::default());
    }
    if !sdp::has_media_type(headers, "application/json") {
        return Err(ApiError::UnsupportedMediaType("application/json"));
    }
    serde_json::from_slice(body)
        .map_err(|error| ApiError::BadRequest(format!("the selection cannot be read: {error}")))
}

/// What the media plane is to do for a selection.
fn choice(wanted: &SelectLayer, stream: Option<&StreamStats>) -> Result<LayerChoice, ApiError> {
    let by_part = [
        wanted.spatial_layer_id,
        wanted.temporal_layer_id,
        wanted.max_spatial_layer_id,
        wanted.max_temporal_layer_id,
    ];
    if by_part.iter().any(Option::is_some) {
        return Err(ApiError::Unprocessable(
            "spatial and temporal layers cannot be chosen one by one; send maxHeight or encodingId"
                .into(),
        ));
    }
    let name = match (&wanted.encoding_id, &wanted.rid) {
        (Some(id), Some(rid)) if id != rid => {
            return Err(ApiError::BadRequest(
                "encodingId and rid name different layers; send one of them".into(),
            ));
        }
        (Some(name), _) | (None, Some(name)) => Some(name),
        (None, None) => None,
    };
    let limited = wanted.max_width.is_some() || wanted.max_height.is_some();
    let ways = [name.is_some(), limited, wanted.audio_only, wanted.paused];
    if ways.into_iter().filter(|said| *said).count() > 1 {
        return Err(ApiError::BadRequest(
            "send one of encodingId, maxWidth with maxHeight, audioOnly and paused".into(),
        ));
    }
    if wanted.max_width == Some(0) || wanted.max_height == Some(0) {
        return Err(ApiError::BadRequest(
            "maxWidth and maxHeight are at least 1; for no video send audioOnly".into(),
        ));
    }
    if wanted.paused {
        return Ok(LayerChoice::Paused);
    }
    if wanted.audio_only {
        return Ok(LayerChoice::AudioOnly);
    }
    if let Some(name) = name {
        return named(name, stream);
    }
    if limited {
        return Ok(LayerChoice::MaxHeight(height_limit(wanted, stream)));
    }
    Ok(LayerChoice::Auto)
}

fn named(name: &str, stream: Option<&StreamStats>) -> Result<LayerChoice, ApiError> {
    let layers = stream.map_or(&[][..], |stream| &stream.layers);
    let known = layers.iter().any(|layer| layer.name == name);
    let unheard_of = layers.is_empty() && !name.is_empty() && name.len() <= NAME_MAX;
    if !known && !unheard_of {
        let names: Vec<&str> = layers.iter().map(|layer| layer.name.as_str()).collect();
        return Err(ApiError::Unprocessable(format!(
            "the stream has no such layer now; it has: {}",
            names.join(", ")
        )));
    }
    Ok(LayerChoice::Layer(name.to_owned()))
}

/// Both limits as one of the height: that of the highest layer that is narrow enough, or where widths
/// are not known, that of a picture of 16:9.
fn height_limit(wanted: &SelectLayer, stream: Option<&StreamStats>) -> u16 {
    let by_width = wanted.max_width.map(|most| {
        let layers = stream.map_or(&[][..], |stream| &stream.layers);
        let sized = layers
            .iter()
            .filter_map(|layer| layer.width.zip(layer.height));
        let sized = sized.map(|(width, height)| (u32::from(width), u32::from(height)));
        let narrow = sized.clone().filter(|(width, _)| *width <= most);
        let highest = narrow.map(|(_, height)| height).max();
        let lowest = sized.map(|(_, height)| height).min();
        highest
            .or(lowest)
            .unwrap_or_else(|| (most.saturating_mul(9) / 16).max(1))
    });
    let limits = by_width.into_iter().chain(wanted.max_height);
    let least = limits.min().unwrap_or(u32::MAX);
    u16::try_from(least).unwrap_or(u16::MAX)
}

async fn layers(app: &App, session: SessionId) -> Option<StreamStats> {
    let stream = app.services.live.viewers().stream(session)?;
    app.services.sfu.stats_for(session, stream).await
}

async fn state_of(app: &App, session: SessionId) -> impl IntoResponse + use<> {
    let viewer = app.services.sfu.viewer_stats(session).await;
    let layers = layers(app, session)
        .await
        .map_or_else(Vec::new, |stream| stream.layers);
    let state = SessionLayers {
        layers: by_size(layers).map(described).collect(),
        automatic: viewer.as_ref().is_none_or(is_automatic),
        playing: viewer.and_then(|viewer| viewer.layer),
    };
    ([(header::CACHE_CONTROL, "no-store")], Json(state))
}

#[cfg(test)]
mod tests {
    use weir_sfu::LayerStats;

    use super::*;

    fn stream() -> StreamStats {
        let layer = |name: &str, width, height| LayerStats {
            name: name.into(),
            width: Some(width),
            height: Some(height),
            bitrate: 1,
            active: true,
            on_demand: false,
            viewers: 0,
        };
        StreamStats {
            // A phone held upright: as high as wide ones, but narrow.
            layers: vec![layer("h", 720, 1280), layer("q", 360, 640)],
            viewers: Vec::new(),
        }
    }

    fn chosen(text: &str) -> Result<LayerChoice, ApiError> {
        let wanted = serde_json::from_str(text).expect("a selection");
        choice(&wanted, Some(&stream()))
    }

    #[test]
    fn selections_become_choices() {
        for (text, wanted) in [
            ("{}", LayerChoice::Auto),
            (r#"{"mediaId":"1"}"#, LayerChoice::Auto),
            (r#"{"encodingId":"h"}"#, LayerChoice::Layer("h".into())),
            (r#"{"rid":"q"}"#, LayerChoice::Layer("q".into())),
            (r#"{"maxHeight":700}"#, LayerChoice::MaxHeight(700)),
            (r#"{"maxWidth":720}"#, LayerChoice::MaxHeight(1280)),
            (r#"{"maxWidth":719}"#, LayerChoice::MaxHeight(640)),
            (r#"{"maxWidth":10}"#, LayerChoice::MaxHeight(640)),
            (
                r#"{"maxWidth":720,"maxHeight":99}"#,
                LayerChoice::MaxHeight(99),
            ),
            (r#"{"audioOnly":true}"#, LayerChoice::AudioOnly),
            (r#"{"paused":true}"#, LayerChoice::Paused),
        ] {
            assert_eq!(chosen(text), Ok(wanted), "{text}");
        }
        let wide = SelectLayer {
            max_width: Some(1280),
            ..SelectLayer::default()
        };
        assert_eq!(choice(&wide, None), Ok(LayerChoice::MaxHeight(720)));
    }

    #[test]
    fn what_cannot_be_is_said_so() {
        for text in [
            r#"{"encodingId":"h","rid":"q"}"#,
            r#"{"encodingId":"h","maxHeight":720}"#,
            r#"{"audioOnly":true,"paused":true}"#,
            r#"{"maxHeight":0}"#,
        ] {
            assert!(
                matches!(chosen(text), Err(ApiError::BadRequest(_))),
                "{text}"
            );
        }
        for text in [
            r#"{"encodingId":"x"}"#,
            r#"{"rid":""}"#,
            r#"{"maxTemporalLayerId":1}"#,
        ] {
            assert!(
                matches!(chosen(text), Err(ApiError::Unprocessable(_))),
                "{text}"
            );
        }
    }
}
