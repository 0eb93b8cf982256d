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
use futures_util::{Stream, StreamExt, stream};
use serde::{Deserialize, Serialize};
use tokio_stream::wrappers::{BroadcastStream, WatchStream};
use tokio_util::sync::CancellationToken;
use utoipa::IntoParams;
use weir_protocol::{StreamEvent, StreamSlug, Visibility};

use crate::{ApiError, App, Refusals, api::Path, auth::Lasting, live::Notice, watching::Viewer};

/// A comment is sent after this long without an event, so that proxies keep the connection and a
/// client that is gone is noticed.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Live state of a stream as server-sent events
///
/// Event `stream`: the state now, then each newer one; a slow reader skips states, never the last one.
/// Event `raid`: viewers are sent to another stream. Event `party`: the watch party, or `null` when it is
/// over. The connection ends when the right to watch does.
#[utoipa::path(
    get, path = "/api/v1/streams/{slug}/events", tag = "streams", security((), ("bearer" = [])),
    params(("slug" = StreamSlug, Path), ViewerTokenQuery),
    responses((status = OK, body = String, content_type = "text/event-stream"), Refusals),
)]
pub(crate) async fn events(
    State(app): State<App>,
    Path(slug): Path<String>,
    viewer: Viewer,
    lasting: Lasting,
) -> Result<impl IntoResponse, ApiError> {
    let stream = app.watchable(&slug, &viewer).await?;
    let live = &app.services.live;
    let notices = BroadcastStream::new(live.notices(&stream));
    let states = WatchStream::new(live.subscribe(&stream));
    let party = app.services.db.party(stream.id).await?;
    let over = viewer.over();
    let draining = app.services.draining.clone();

    let states = states.then({
        let (app, mut seen) = (app.clone(), stream.details.visibility);
        move |state: StreamEvent| {
            let hidden = state.visibility != std::mem::replace(&mut seen, state.visibility)
                && state.visibility == Visibility::Private;
            let (app, viewer) = (app.clone(), viewer.clone());
            async move {
                let may_stay = !hidden || app.watchable(state.slug.as_str(), &viewer).await.is_ok();
                may_stay.then(|| said("stream", &state))
            }
        }
    });
    let states = states.take_while(|event| std::future::ready(event.is_some()));
    // The end of the states is the end of all: the stream is gone, or hidden.
    let ended = CancellationToken::new();
    let states = states.filter_map(std::future::ready).chain(
        stream::once({
            let ended = ended.clone();
            async move { ended.cancel() }
        })
        .filter_map(|()| std::future::ready(None)),
    );
    // Who does not keep up misses notices; the state of a party comes with the next one.
    let notices = notices.filter_map(|notice| {
        std::future::ready(notice.ok().map(|notice| match notice {
            Notice::Raid(raid) => said("raid", &raid),
            Notice::Party(party) => said("party", &party),
        }))
    });
    let first = stream::iter(party.map(|party| said("party", &party)));
    let events = stream::select(states, first.chain(notices))
        .take_until(over.cancelled_owned())
        .take_until(lasting.ended())
        .take_until(draining.cancelled_owned())
        .take_until(ended.cancelled_owned());
    Ok(answer(events))
}

/// Viewer tokens where a client can set no header.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(
    dead_code,
    reason = "read by the extractor of viewers; this describes it"
)]
pub(crate) struct ViewerTokenQuery {
    /// A viewer token, for clients that cannot send it as bearer token.
    viewer_token: Option<String>,
}

/// An event of this name.
pub(crate) fn said<T: Serialize>(name: &str, what: &T) -> Event {
    Event::default()
        .event(name)
        .json_data(what)
        .expect("what is told is plain data")
}

/// A response of events.
pub(crate) fn answer(events: impl Stream<Item = Event> + Send + 'static) -> impl IntoResponse {
    let body =
        Sse::new(events.map(Ok::<_, Infallible>)).keep_alive(KeepAlive::new().interval(KEEP_ALIVE));
    // nginx would gather events into its buffer without this.
    (
        [(header::HeaderName::from_static("x-accel-buffering"), "no")],
        body,
    )
}
