//! `GET /api/v1/streams/{slug}/events`: live state as server-sent events.

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::State,
    http::header,
    response::{
        IntoResponse,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures_util::StreamExt;
use tokio_stream::wrappers::WatchStream;
use weir_protocol::{StreamEvent, StreamSlug};

use crate::{ApiError, App, Refusals, api::Path};

/// A comment is sent after this long without an event, so that proxies keep the connection and a
/// client that is gone is noticed.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Live state of a stream as server-sent events
///
/// The state now, then each newer one. A slow reader skips states, never the last one.
#[utoipa::path(
    get, path = "/api/v1/streams/{slug}/events", tag = "streams", security((), ("bearer" = [])),
    params(("slug" = StreamSlug, Path)),
    responses((status = OK, body = String, content_type = "text/event-stream"), Refusals),
)]
pub(crate) async fn events(
    State(app): State<App>,
    Path(slug): Path<String>,
) -> Result<impl IntoResponse, ApiError> {
    let stream = app.stream(&slug).await?;
    let states = WatchStream::new(app.services.live.subscribe(&stream));
    let events = states
        .map(|state: StreamEvent| {
            let event = Event::default()
                .event("stream")
                .json_data(state)
                .expect("a summary is plain data");
            Ok::<_, Infallible>(event)
        })
        .take_until(app.services.draining.clone().cancelled_owned());
    let body = Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE));
    // nginx would gather events into its buffer without this.
    Ok((
        [(header::HeaderName::from_static("x-accel-buffering"), "no")],
        body,
    ))
}
