//! What a shard's thread is told, by callers and by other shards.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use crossbeam_channel::{Receiver, Sender, TrySendError};
use mio::Waker;
use tokio::sync::{mpsc, oneshot, watch};
use weir_media::{RtpLayer, RtpPacket, RtpTracks};
use weir_sfu_core::{
    IceAnswer, IceParameters, IceRestartError, IngestId, LayerChoice, OfferError, SendDataError,
    SessionId, ShardMessage, SourceInfo, StreamId, StreamStats, ViewerStats,
};

use crate::{relay::RelayOut, tcp::Accepted};

/// Messages that wait for a shard. A shard that is so far behind gets no more media (see
/// [`MEDIA_SHARE`]); a call then fails with `Unavailable`, and what shards must tell each other is
/// kept by the sender until there is room.
const INBOX_CAPACITY: usize = 8_192;

/// How much of the inbox media may fill. Beyond, packets are dropped and counted: video until its
/// next keyframe. The rest is kept for calls and control.
const MEDIA_SHARE: usize = 7_168;

pub(crate) enum Inbound {
    Shard(ShardMessage),
    Publish {
        stream: StreamId,
        id: SessionId,
        offer: String,
        reply: oneshot::Sender<Result<String, OfferError>>,
    },
    View {
        stream: StreamId,
        id: SessionId,
        source: SourceInfo,
        offer: String,
        reply: oneshot::Sender<Result<String, OfferError>>,
    },
    AskOffer {
        stream: StreamId,
        id: SessionId,
        source: SourceInfo,
        reply: oneshot::Sender<Result<String, OfferError>>,
    },
    Answer {
        id: SessionId,
        answer: String,
        reply: oneshot::Sender<Option<Result<(), OfferError>>>,
    },
    End {
        id: SessionId,
        reply: oneshot::Sender<bool>,
    },
    IceRestart {
        id: SessionId,
        remote: IceParameters,
        reply: oneshot::Sender<Result<IceAnswer, IceRestartError>>,
    },
    SendData {
        id: SessionId,
        text: bool,
        bytes: Arc<[u8]>,
        reply: oneshot::Sender<Result<(), SendDataError>>,
    },
    /// A connection that named a session of this shard.
    Tcp(Box<Accepted>),
    /// A datagram from a relayed address.
    Relayed {
        relayed: SocketAddr,
        media: SocketAddr,
        arrived: Instant,
        contents: Box<[u8]>,
    },
    /// A relayed address is nobody's any more.
    RelayedClosed {
        relayed: SocketAddr,
    },
    /// Who takes what is for relayed addresses from now on.
    RelayTo(Arc<dyn RelayOut>),
    /// What answers name from now on.
    Candidates {
        udp: Vec<SocketAddr>,
        tcp: Vec<SocketAddr>,
    },
    IngestBegin {
        stream: StreamId,
        id: IngestId,
        keyframes: mpsc::Sender<Option<u8>>,
        taken_over: watch::Sender<bool>,
    },
    /// Like a bridge source from then on.
    JoinBegin {
        stream: StreamId,
        id: IngestId,
        keyframes: mpsc::Sender<Option<u8>>,
        taken_over: watch::Sender<bool>,
    },
    IngestStart {
        stream: StreamId,
        id: IngestId,
        tracks: RtpTracks,
        layers: Arc<[RtpLayer]>,
    },
    IngestPacket {
        stream: StreamId,
        id: IngestId,
        packet: RtpPacket,
        flush: bool,
        gap: bool,
    },
    IngestEnd {
        stream: StreamId,
        id: IngestId,
        for_good: bool,
    },
    EndStream {
        stream: StreamId,
    },
    Choice {
        id: SessionId,
        choice: LayerChoice,
        reply: oneshot::Sender<bool>,
    },
    PlayoutDelay {
        stream: StreamId,
        delay: Option<(u16, u16)>,
    },
    ViewerStats {
        id: SessionId,
        reply: oneshot::Sender<Option<ViewerStats>>,
    },
    StreamStats {
        stream: StreamId,
        reply: oneshot::Sender<StreamStats>,
    },
    Tap {
        stream: StreamId,
        packets: mpsc::Sender<RtpPacket>,
    },
    TapKeyframe {
        stream: StreamId,
    },
    Shutdown {
        reply: Option<oneshot::Sender<()>>,
    },
}

/// Why a message was not taken.
pub(crate) enum Refused {
    /// No room; here it is again.
    Full(Box<Inbound>),
    /// The thread has ended.
    Gone,
}

/// The sending end of a shard's inbox.
#[derive(Clone)]
pub(crate) struct Mailbox {
    queue: Sender<Inbound>,
    waker: Arc<Waker>,
    /// The thread was woken and has not looked yet: no second system call.
    woken: Arc<AtomicBool>,
}

/// The receiving end.
pub(crate) struct Inbox {
    pub(crate) queue: Receiver<Inbound>,
    woken: Arc<AtomicBool>,
}

pub(crate) fn inbox(waker: Waker) -> (Mailbox, Inbox) {
    let (send, receive) = crossbeam_channel::bounded(INBOX_CAPACITY);
    let woken = Arc::new(AtomicBool::new(false));
    let mailbox = Mailbox {
        queue: send,
        waker: Arc::new(waker),
        woken: woken.clone(),
    };
    (
        mailbox,
        Inbox {
            queue: receive,
            woken,
        },
    )
}

impl Mailbox {
    /// Calls and control.
    pub(crate) fn send(&self, message: Inbound) -> Result<(), Refused> {
        match self.queue.try_send(message) {
            Ok(()) => {
                self.wake();
                Ok(())
            }
            Err(TrySendError::Full(message)) => Err(Refused::Full(Box::new(message))),
            Err(TrySendError::Disconnected(_)) => Err(Refused::Gone),
        }
    }

    /// Media: only while there is room beside the rest. False when it was dropped.
    pub(crate) fn send_media(&self, message: Inbound) -> bool {
        self.queue.len() < MEDIA_SHARE && self.send(message).is_ok()
    }

    fn wake(&self) {
        if !self.woken.swap(true, Ordering::AcqRel)
            && let Err(error) = self.waker.wake()
        {
            tracing::error!(%error, "cannot wake a shard");
        }
    }
}

impl Inbox {
    /// From here on a new message wakes again.
    pub(crate) fn awake(&self) {
        self.woken.store(false, Ordering::Release);
    }
}
