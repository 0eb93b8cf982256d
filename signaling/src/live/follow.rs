//! From what happens in the media plane to what is live.

use std::collections::HashMap;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use weir_db::Stream;
use weir_media::RtpTracks;
use weir_protocol::IngestProtocol;
use weir_sfu::{EndReason, SessionId, Sfu, SfuEvent, StreamId};

use super::{Broadcast, Live};

/// A WHIP publisher that went on the air, as a broadcast of its own or going on with one.
#[derive(Debug, Clone)]
pub struct WhipBroadcast {
    /// Its row.
    pub stream: Stream,
    /// Its name in the media plane, for [`Sfu::tap`].
    pub media: StreamId,
    /// What it sends.
    pub tracks: RtpTracks,
    /// Cancelled when the publisher is gone, for whatever reason.
    pub over: CancellationToken,
}

/// Told of WHIP broadcasts; starts what else a broadcast needs, such as the bridge worker for HLS.
pub trait OnWhip: Send + Sync + 'static {
    /// A publisher's media began. Called from the task that follows the SFU: must not block.
    fn started(&self, broadcast: WhipBroadcast);
}

/// Keeps [`Live`] true to the SFU's events, until the SFU has stopped.
pub async fn follow_sfu(
    mut events: mpsc::Receiver<SfuEvent>,
    live: Live,
    sfu: Sfu,
    on_whip: impl OnWhip,
) {
    let _stopped = live.media_stopped().clone().drop_guard();
    let mut on_air: HashMap<SessionId, Feeding> = HashMap::new();
    while let Some(event) = events.recv().await {
        match event {
            SfuEvent::PublisherStarted {
                stream,
                session,
                tracks,
            } => {
                let Some(row) = live.publishers().get(session) else {
                    // Its key was rotated or its stream deleted before its first packet.
                    tokio::spawn(end(sfu.clone(), session));
                    continue;
                };
                let broadcast = live.begin(&row, IngestProtocol::Whip);
                Live::set_playout_delay(&sfu, &row);
                let over = broadcast.cancelled();
                let lost = CancellationToken::new();
                tokio::spawn(end_when(over.clone(), lost.clone(), sfu.clone(), session));
                // One that was lost and is back has a part in the broadcast already, which ends here.
                on_air.insert(session, Feeding { broadcast, lost });
                on_whip.started(WhipBroadcast {
                    stream: row,
                    media: stream,
                    tracks,
                    over,
                });
            }
            SfuEvent::PublisherLost { session, .. } => {
                if let Some(feeding) = on_air.get(&session) {
                    feeding.lost.cancel();
                    feeding.broadcast.interrupt();
                }
            }
            SfuEvent::PublisherEnded {
                stream,
                session,
                reason,
            } => {
                tracing::info!(?reason, "WHIP publisher is gone");
                let known = live.publishers().get(session).is_some();
                if known && reason == EndReason::Closed {
                    live.closed_publishers().remember(session, stream);
                }
                live.publishers().remove(session);
                if let Some(Feeding { broadcast, .. }) = on_air.remove(&session) {
                    match reason {
                        // Its network failed, or its machine did: it may come back.
                        EndReason::TimedOut | EndReason::NeverConnected => drop(broadcast),
                        // It no longer counts.
                        EndReason::TakenOver => drop(broadcast),
                        EndReason::Closed | EndReason::Ended => broadcast.end(),
                    }
                }
            }
            SfuEvent::ViewerConnected { stream, session } => live.viewer_connected(stream, session),
            SfuEvent::ViewerEnded {
                stream,
                session,
                reason,
            } => {
                let known = live.viewers().stream(session).is_some();
                if known && reason == EndReason::Closed {
                    live.closed_viewers().remember(session, stream);
                }
                live.viewer_ended(stream, session);
            }
        }
    }
}

/// What a session gives to a broadcast.
struct Feeding {
    broadcast: Broadcast,
    /// Cancelled when nothing comes of it, before the broadcast is interrupted.
    lost: CancellationToken,
}

/// Takes a publisher off the media plane when its broadcast must end. One that is lost is kept there, as
/// it may come back.
async fn end_when(over: CancellationToken, lost: CancellationToken, sfu: Sfu, session: SessionId) {
    tokio::select! {
        biased;
        () = lost.cancelled() => {}
        () = over.cancelled() => end(sfu, session).await,
    }
}

async fn end(sfu: Sfu, session: SessionId) {
    // False when it has gone by itself, which is as good.
    sfu.end_session(session).await;
}
