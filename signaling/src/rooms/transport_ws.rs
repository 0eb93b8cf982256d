//! Rooms over WebSocket, `/ws` (RFC 6455; RFC 8441 over HTTP/2).

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use axum::{
    extract::{
        State,
        ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code},
    },
    http::{HeaderMap, Uri, header},
    response::Response,
};
use bytes::Bytes;
use tokio::time::Instant;

use super::{
    Rooms,
    feed::Frame,
    member::{self, Lost, Origin, Received, Transport, TransportKind},
};
use crate::{
    ApiError, App,
    auth::{self, client::ClientAddress, cookies},
};

/// A client is asked for a sign of life after so long without a word, and is gone when none came for
/// twice as long: half of what proxies usually wait.
const PING: Duration = Duration::from_secs(30);

/// A client that takes nothing for so long is gone.
const PATIENCE: Duration = Duration::from_secs(30);

/// Read buffer of a connection. Small, since thousands of connections say nothing most of the time.
const READ_BUFFER: usize = 512;

/// Largest message that is read at all. Those above the protocol's limit are refused with a word, those
/// above this one with the end of the connection.
const MAX_MESSAGE: usize = 64 * 1024;

/// Opens the WebSocket. What the request carries as credentials counts for joins without a token.
pub(super) async fn upgrade(
    State(app): State<App>,
    ClientAddress(address): ClientAddress,
    uri: Uri,
    headers: HeaderMap,
    socket: WebSocketUpgrade,
) -> Result<Response, ApiError> {
    app.check_open()?;
    let token = match auth::bearer(&headers) {
        Some(token) => Some(token.to_owned()),
        None => match cookies::access(&headers) {
            // Browsers send cookies whichever page opens the socket.
            Some(_) if !own_page(&app, &uri, &headers) => {
                return Err(ApiError::Forbidden(
                    "a page of another site may not use the cookie; send a token with the join",
                ));
            }
            cookie => cookie,
        },
    };
    let origin = Origin {
        address,
        token,
        session: None,
    };
    Ok(socket
        .read_buffer_size(READ_BUFFER)
        // Each message goes out at once; what waits is gathered in batches before.
        .write_buffer_size(0)
        .max_message_size(MAX_MESSAGE)
        .max_frame_size(MAX_MESSAGE)
        .on_upgrade(move |socket| {
            let rooms = app.rooms.clone();
            let now = Instant::now();
            let transport = Socket {
                socket,
                rooms,
                heard: now,
                ping_at: now + PING,
            };
            member::run(Arc::new(app), origin, transport)
        }))
}

/// Whether the page that opens the socket is of this server (RFC 6455 section 10.2). No browser leaves
/// `Origin` out.
fn own_page(app: &App, uri: &Uri, headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else {
        return true;
    };
    let config = &app.services.config;
    let base = config.addresses.base(uri, headers);
    let origin = origin.to_str().ok().and_then(|text| text.parse().ok());
    match (base, origin) {
        (Some(base), Some(origin)) => {
            let origin: url::Url = origin;
            origin.origin() == base.origin()
        }
        _ => false,
    }
}

struct Socket {
    socket: WebSocket,
    rooms: Rooms,
    heard: Instant,
    ping_at: Instant,
}

impl Socket {
    async fn write(&mut self, message: Message) -> Result<(), Lost> {
        match tokio::time::timeout(PATIENCE, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Lost),
            Err(_) => {
                self.rooms.counts().dropped.fetch_add(1, Ordering::Relaxed);
                Err(Lost)
            }
        }
    }
}

impl Transport for Socket {
    const KIND: TransportKind = TransportKind::WebSocket;

    async fn receive(&mut self) -> Received {
        loop {
            match tokio::time::timeout_at(self.ping_at, self.socket.recv()).await {
                Err(_) => {
                    let now = Instant::now();
                    if now >= self.heard + 2 * PING + PATIENCE / 2 {
                        return Received::Gone;
                    }
                    // Before it is sent: should this be dropped meanwhile, it is not sent twice.
                    self.ping_at = now + PING;
                    if self.write(Message::Ping(Bytes::new())).await.is_err() {
                        return Received::Gone;
                    }
                }
                Ok(None | Some(Err(_)) | Some(Ok(Message::Close(_)))) => return Received::Gone,
                Ok(Some(Ok(message))) => {
                    self.heard = Instant::now();
                    match message {
                        Message::Text(text) => return Received::Text(text),
                        Message::Binary(_) => return Received::NotText,
                        _ => {}
                    }
                }
            }
        }
    }

    async fn send(&mut self, frame: &Frame) -> Result<(), Lost> {
        self.write(Message::Text(frame.text())).await
    }

    async fn goodbye(mut self) {
        let close = CloseFrame {
            code: close_code::AWAY,
            reason: "connect again".into(),
        };
        // It may be gone already, or take nothing.
        let close = self.socket.send(Message::Close(Some(close)));
        let _ = tokio::time::timeout(Duration::from_secs(1), close).await;
    }
}
