//! Rooms over the data channel of WebRTC sessions.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::{sync::mpsc, time::Instant};
use weir_sfu::{DataEvent, SendDataError, SessionId, Sfu};

use super::{
    Rooms,
    feed::Frame,
    member::{self, Lost, Origin, Received, Transport, TransportKind},
};
use crate::App;

/// A client's messages that wait while the one before is answered. When there are more, the client has
/// not waited for answers and its membership ends: it comes again from where it was.
const WAITING: usize = 64;

/// A client that takes nothing for so long is given up.
const PATIENCE: Duration = Duration::from_secs(30);

/// Between two tries to give a full client a message.
const RETRY: Duration = Duration::from_millis(50);

/// Serves all data channels, until the media plane has stopped.
pub(super) async fn serve(app: App, mut events: mpsc::Receiver<DataEvent>) {
    let mut channels: HashMap<SessionId, mpsc::Sender<Received>> = HashMap::new();
    let sfu = app.services.sfu.clone();
    let rooms = app.rooms.clone();
    let app = Arc::new(app);
    while let Some(event) = events.recv().await {
        match event {
            DataEvent::Opened { session, .. } => {
                let (sender, waiting) = mpsc::channel(WAITING);
                // A new channel of the same session takes the place of the old one.
                channels.insert(session, sender);
                let channel = Channel {
                    sfu: sfu.clone(),
                    rooms: rooms.clone(),
                    session,
                    waiting,
                };
                // Where it was opened from. Publishers' are not known, who are few: they share one count.
                let address = app.services.live.viewers().address(session);
                let origin = Origin {
                    address: address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
                    token: None,
                    session: Some(session),
                };
                rooms.spawn(member::run(app.clone(), origin, channel));
            }
            DataEvent::Message {
                session,
                text,
                bytes,
                ..
            } => {
                let received = match (text, String::from_utf8(bytes)) {
                    (true, Ok(text)) => Received::Text(text.into()),
                    _ => Received::NotText,
                };
                if let Some(channel) = channels.get(&session)
                    && channel.try_send(received).is_err()
                {
                    rooms.counts().dropped.fetch_add(1, Ordering::Relaxed);
                    channels.remove(&session);
                }
            }
            DataEvent::Closed { session, .. } => {
                channels.remove(&session);
            }
        }
    }
}

struct Channel {
    sfu: Sfu,
    rooms: Rooms,
    session: SessionId,
    waiting: mpsc::Receiver<Received>,
}

impl Transport for Channel {
    const KIND: TransportKind = TransportKind::DataChannel;

    async fn receive(&mut self) -> Received {
        self.waiting.recv().await.unwrap_or(Received::Gone)
    }

    async fn send(&mut self, frame: &Frame) -> Result<(), Lost> {
        let until = Instant::now() + PATIENCE;
        loop {
            match self.sfu.send_data(self.session, true, frame.bytes()).await {
                Ok(()) => return Ok(()),
                Err(SendDataError::Full) if Instant::now() < until => {
                    tokio::time::sleep(RETRY).await;
                }
                Err(SendDataError::NoSession | SendDataError::NotOpen) => return Err(Lost),
                Err(error) => {
                    tracing::debug!(%error, session = %self.session, "a client cannot be told");
                    self.rooms.counts().dropped.fetch_add(1, Ordering::Relaxed);
                    return Err(Lost);
                }
            }
        }
    }

    async fn goodbye(self) {
        // The session stays: it carries media.
    }
}
