//! What happens on the server that other parts want to know of: webhooks, notifications, rooms.
//!
//! A part that makes something happen says so once, here, and does not know who listens. Consumers
//! run one after the other before [`Bus::emit`] returns, so what must not be lost can be written down
//! by then.

use std::sync::{Arc, RwLock};

use axum::extract::FromRef;
use futures_util::future::BoxFuture;
use weir_db::{Broadcast, Recording, Stream, UnixMillis, User, Webhook};
use weir_protocol::{
    finding::Finding,
    room::{BanKind, MessageId},
};

use crate::{App, rooms::Target};

/// Something that happened.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub(crate) enum Happening {
    /// A broadcast is on the air.
    StreamStarted {
        /// Whose.
        stream: Stream,
        /// Its row.
        broadcast: Broadcast,
    },
    /// A broadcast is over.
    StreamEnded {
        /// Whose.
        stream: Stream,
        /// Its row, with its end.
        broadcast: Broadcast,
    },
    /// A stream was made.
    StreamCreated {
        /// It.
        stream: Stream,
    },
    /// A stream says something else of itself.
    StreamUpdated {
        /// It, as it is now.
        stream: Stream,
    },
    /// A stream is gone.
    StreamDeleted {
        /// It, as it was.
        stream: Stream,
    },
    /// A stream's viewers are sent to another one.
    #[allow(dead_code, reason = "said for whoever listens; no part does yet")]
    Raid {
        /// From where.
        source: Stream,
        /// To where.
        target: Stream,
        /// How many watched.
        viewers: u32,
    },
    /// Somebody made an account.
    UserRegistered {
        /// Who.
        user: User,
    },
    /// An account is gone.
    UserDeleted {
        /// It, as it was.
        user: User,
    },
    /// Somebody was blocked: can neither watch the owner's streams nor chat there from now on.
    UserBlocked {
        /// By whom.
        owner: User,
        /// Who.
        user: User,
    },
    /// Somebody follows a user from now on.
    UserFollowed {
        /// Whom.
        user: User,
        /// Who.
        follower: User,
    },
    /// A moderator deleted somebody's message.
    RoomMessageDeleted {
        /// Where.
        room: Target,
        /// Which.
        message: MessageId,
        /// Who wrote it.
        author: Member,
        /// Who deleted it.
        moderator: Member,
    },
    /// Somebody was banned from a room, or may not write there for a time.
    RoomUserBanned {
        /// Where.
        room: Target,
        /// How.
        kind: BanKind,
        /// Who.
        member: Member,
        /// Who did it.
        moderator: Member,
        /// Until when; `None` for good.
        until: Option<UnixMillis>,
    },
    /// A recording can be watched.
    RecordingReady {
        /// Whose.
        stream: Stream,
        /// It.
        recording: Recording,
    },
    /// Something is wrong with a stream.
    FindingOpened {
        /// Which one.
        stream: Stream,
        /// What.
        finding: Finding,
    },
    /// It is right again, or the broadcast is over.
    FindingResolved {
        /// Which one.
        stream: Stream,
        /// What it was.
        finding: Finding,
    },
    /// The server switched a webhook off, since its endpoint does not answer or said that it is gone.
    WebhookDisabled {
        /// It.
        webhook: Webhook,
    },
}

/// Somebody in a room, as clients know them.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    /// `user:<name>` or `guest:<code>`; `None` when the account is gone.
    pub(crate) id: Option<String>,
    /// The name that is shown.
    pub(crate) name: String,
}

/// A part that wants to know.
pub(crate) trait Consumer: Send + Sync {
    /// Takes a happening in. Failures are the consumer's own to log and to mend.
    fn consume<'a>(&'a self, happening: &'a Happening) -> BoxFuture<'a, ()>;
}

/// Where happenings are said and heard. Clones are the same one.
#[derive(Clone, Default)]
pub(crate) struct Bus {
    consumers: Arc<RwLock<Vec<Arc<dyn Consumer>>>>,
}

impl Bus {
    /// From now on this part hears of everything.
    pub(crate) fn register(&self, consumer: Arc<dyn Consumer>) {
        self.consumers
            .write()
            .expect("nothing panics under this lock")
            .push(consumer);
    }

    /// Says what happened, and waits until every consumer has taken it in.
    pub(crate) async fn emit(&self, happening: Happening) {
        let consumers = self
            .consumers
            .read()
            .expect("nothing panics under this lock")
            .clone();
        for consumer in consumers {
            consumer.consume(&happening).await;
        }
    }
}

impl FromRef<App> for Bus {
    fn from_ref(app: &App) -> Self {
        app.services.live.bus().clone()
    }
}
