//! `GET /api/v1/streams/{slug}/viewers`: who watches, and how well it gets through.

use std::cmp::Reverse;

use axum::{extract::State, http::header, response::IntoResponse};
use weir_protocol::{Layer, LayerViewers, StreamSlug, StreamViewers, ViewerReport};
use weir_sfu::{LayerChoice, LayerStats, ViewerStats};

use crate::{
    ApiError, App, Refusals,
    api::{Actor, Json, Path, scope},
    insight::Quality,
    live::media_id,
};

/// Digits of a session's name in a report: enough to tell viewers apart, far too few to guess the rest.
const ID_DIGITS: usize = 8;

/// Who watches a stream
///
/// For the stream's owner and for admins.
#[utoipa::path(
    get, path = "/api/v1/streams/{slug}/viewers", tag = "insight",
    params(("slug" = StreamSlug, Path)),
    responses((status = OK, body = StreamViewers), Refusals),
)]
pub(crate) async fn viewers(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Insight>,
    Path(slug): Path<String>,
) -> Result<impl IntoResponse, ApiError> {
    let stream = app.changeable(&slug, &user).await?;
    let stats = app.services.sfu.stream_stats(media_id(&stream)).await;
    let (layers, mut viewers) =
        stats.map_or_else(Default::default, |stats| (stats.layers, stats.viewers));
    viewers.sort_by_key(|viewer| Reverse(viewer.connected_for));
    let audience = app.services.live.audience();
    let report = StreamViewers {
        layers: by_size(layers)
            .map(|layer| LayerViewers {
                viewers: layer.viewers,
                layer: described(layer),
            })
            .collect(),
        viewers: viewers
            .into_iter()
            .map(|viewer| {
                let quality = audience.quality(viewer.session);
                report(viewer, quality.unwrap_or_default())
            })
            .collect(),
    };
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(report)))
}

/// Largest first.
pub(crate) fn by_size(mut layers: Vec<LayerStats>) -> impl Iterator<Item = LayerStats> {
    layers.sort_by_key(|layer| Reverse((layer.height, layer.width, layer.bitrate)));
    layers.into_iter()
}

/// A layer as the API names it.
pub(crate) fn described(layer: LayerStats) -> Layer {
    Layer {
        encoding_id: layer.name,
        width: layer.width.map(u32::from),
        height: layer.height.map(u32::from),
        bitrate: layer.bitrate,
        active: layer.active,
        on_demand: layer.on_demand,
    }
}

fn report(viewer: ViewerStats, quality: Quality) -> ViewerReport {
    let mut id = viewer.session.to_string();
    id.truncate(ID_DIGITS);
    ViewerReport {
        id,
        connected_seconds: viewer.connected_for.as_secs(),
        bitrate: viewer.bitrate,
        automatic: is_automatic(&viewer),
        layer: viewer.layer,
        width: viewer.width.map(u32::from),
        height: viewer.height.map(u32::from),
        loss: viewer.loss,
        rtt_ms: viewer.rtt.map(|rtt| rtt.as_secs_f64() * 1_000.0),
        estimate: viewer.estimate,
        nacks: viewer.nacks,
        retransmissions: viewer.retransmissions,
        keyframe_requests: viewer.keyframe_requests,
        dropped: viewer.dropped,
        stalls: quality.stalls.unsigned_abs(),
        stall_ms: quality.stall_ms.unsigned_abs(),
        delay_ms: quality.delay_ms,
        join_ms: quality.join_ms.and_then(|join| u32::try_from(join).ok()),
    }
}

/// Whether the server chooses the layer, be it within limits.
pub(crate) fn is_automatic(viewer: &ViewerStats) -> bool {
    match viewer.choice {
        LayerChoice::Auto | LayerChoice::MaxHeight(_) => true,
        LayerChoice::Layer(_) | LayerChoice::AudioOnly | LayerChoice::Paused => false,
    }
}
