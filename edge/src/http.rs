//! One HTTP connection, from its first byte to its end.

use std::{convert::Infallible, pin::pin, sync::Arc, time::Duration};

use http::Request;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::{MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use crate::{
    activity::{Activity, Verdict},
    limits::Limits,
    request::{Ends, Site},
};

/// How often the task of a connection looks whether it is to end; a few times within each limit.
const LOOK: Duration = Duration::from_secs(3);

/// Header fields of a request, in bytes: hyper reads HTTP/1's into one buffer of this size.
const HEADER_BYTES: usize = 32 * 1024;

/// Header fields of a request.
const HEADER_FIELDS: usize = 100;

/// Requests at a time on one HTTP/2 connection. A page of ours has some dozens.
const STREAMS: u32 = 128;

/// What HTTP/2 clients may send unasked, for each request and in all; uploads are pictures.
const STREAM_WINDOW: u32 = 256 * 1024;
const CONNECTION_WINDOW: u32 = 1024 * 1024;

/// Bytes of each answer that wait for an HTTP/2 client to take them.
const SEND_BUFFER: usize = 64 * 1024;

/// Streams that an HTTP/2 client reset and that we have not seen yet; streams that we reset for its
/// mistakes. Beyond, the connection ends: opening and resetting streams costs us more than the client
/// (CVE-2023-44487, CVE-2024-2758).
const RESETS: usize = 64;
const MISTAKES: usize = 256;

/// How often an HTTP/2 client that is silent is asked whether it is there, and how long it may think.
const PING: Duration = Duration::from_secs(30);

/// How connections are read. `limits` has its times.
pub(crate) fn builder(limits: &Limits) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        // It also runs between requests; that a header trickles, `Activity` sees.
        .header_read_timeout(limits.idle.max(limits.header))
        .max_buf_size(HEADER_BYTES)
        .max_headers(HEADER_FIELDS);
    // Extended CONNECT (RFC 8441) stays off: browsers then open a connection of its own for a
    // WebSocket, which is watched as a whole, and goes on when the page's other requests end.
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(HEADER_BYTES as u32)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .max_pending_accept_reset_streams(RESETS)
        .max_local_error_reset_streams(MISTAKES)
        .keep_alive_interval(PING)
        .keep_alive_timeout(PING);
    builder
}

/// Serves a connection until it ends, is cut, or has said goodbye after `draining`.
pub(crate) async fn serve<S>(
    stream: S,
    ends: Ends,
    activity: Arc<Activity>,
    site: Arc<Site>,
    builder: &auto::Builder<TokioExecutor>,
    draining: &CancellationToken,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = {
        let (site, activity) = (site.clone(), activity.clone());
        service_fn(move |request: Request<Incoming>| {
            let (site, activity) = (site.clone(), activity.clone());
            async move { Ok::<_, Infallible>(site.answer(ends, activity, request).await) }
        })
    };
    let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let mut looks = interval(LOOK.min(site.limits.header / 2));
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut finishing = false;
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    debug!(peer = %ends.peer, error, "HTTP connection failed");
                }
                return;
            }
            () = draining.cancelled(), if !finishing => {
                finishing = true;
                connection.as_mut().graceful_shutdown();
            }
            _ = looks.tick() => match activity.verdict(&site.limits) {
                Verdict::Keep => {}
                Verdict::Finish if finishing => {}
                Verdict::Finish => {
                    finishing = true;
                    connection.as_mut().graceful_shutdown();
                }
                Verdict::Cut(why) => {
                    debug!(peer = %ends.peer, why, "HTTP connection cut");
                    return;
                }
            },
        }
    }
}
