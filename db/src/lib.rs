//! Rows and queries: users, streams and broadcasts, in SQLite or in PostgreSQL.
//!
//! Every query exists once and runs on both, over sqlx's `Any` driver with `$1` placeholders. Reads
//! take any connection; writes on SQLite go through one, since SQLite has one writer, and waiting in
//! our queue is fair and cheap where waiting in its busy handler is neither. A second process (the
//! command line beside a running server) can write at the same time.
//!
//! Nothing here hashes passwords, checks rights or knows of HTTP.

mod account;
mod administration;
mod api_token;
mod application;
mod broadcast;
mod category;
mod chat;
mod clip;
mod device;
mod engage;
mod erasure;
mod error;
mod event;
mod export;
mod finding;
mod follow;
mod id;
mod idempotency;
mod identity;
mod image;
mod insight;
mod invitation;
mod like;
mod mail;
mod migrate;
mod notification;
mod party;
mod pool;
mod portable;
mod profile;
mod raid;
mod recording;
mod restream;
mod schedule;
mod sqlite;
mod stream;
mod stream_index;
mod stream_list;
mod stream_watch;
mod token_key;
mod totp;
mod user;
mod user_import;
mod viewer_token;
mod webhook;

use insight::placeholders;
use sqlx::{Any, AnyPool, Transaction, any::AnyPoolOptions, migrate::Migrator};
use std::time::Duration;

pub use account::NewAccount;
pub use administration::{UserChange, UserFilter, UserRecord, UserState};
pub use api_token::{ApiToken, NewApiToken};
pub use application::{ApplicationState, CreatorApplication};
pub use broadcast::Broadcast;
pub use category::{Category, NewCategory};
pub use chat::{
    Appended, ChatChange, ChatReader, ChatRow, NewChatMessage, RoomRow, RoomSubject, excerpt,
    new_message_id,
};
pub use clip::{Clip, NewClip};
pub use device::{Device, NewDevice, Refreshable};
pub use engage::{
    Asked, AuditFilter, BanRow, NewAuditEntry, NewBanRow, NewQuestionRow, QuestionAfter,
    QuestionFilter, QuestionReader,
};
pub use error::DbError;
pub use event::{
    Asker, Attended, Attendee, AttendeeRow, CalendarEntry, Decision, Event, EventFields,
    EventInvitation, EventPage, EventPart, EventSession, NewEventInvitation, NewRegistration,
    PageSession, PageSpeaker, PageStream, Registered, Registrant, Registration,
    RegistrationRefusal, RegistrationsQuery, ReportCursor, SessionFields, SessionFigures,
    SpeakerRow,
};
pub use finding::{FindingRow, new_finding_id};
pub use follow::{Acquaintance, After};
pub use id::{
    ApiTokenId, AttendanceId, BroadcastId, CategoryId, ClipId, DeviceId, EventId,
    EventInvitationId, EventSessionId, FindingId, InvitationId, MailId, NotificationId,
    RecordingId, RegistrationId, RestreamId, RoomId, ScheduleId, StreamId, UnixMillis, UserId,
    ViewerSessionId, ViewerTokenId, WebhookEventId, WebhookId,
};
pub use idempotency::Claim;
pub use identity::{Identity, NewIdentity};
pub use image::{Image, ImageId, NewImage};
pub use insight::{
    Activity, ActivitySum, BroadcastReport, BroadcastTotals, CreatorStream, DAY_MS, Figures, Grain,
    HOUR_MS, MINUTE_MS, Participation, StreamMinute, ViewProtocol, ViewerSession,
};
pub use invitation::{Invitation, Invited, NewInvitation};
pub use mail::{
    MAIL_CONFIRM_ADDRESS, MAIL_EVENT, MAIL_INVITATION, MAIL_PASSWORD_RESET, Mail, MailPurpose,
};
pub use migrate::{Applied, migrate};
pub use notification::{News, Notification, NotificationSetting};
pub use pool::Connections;
pub use portable::{MoveError, Moved, backup, copy, restore};
pub use profile::{PastBroadcast, Profile, ProfileChange};
pub use raid::Raid;
pub use recording::{Recording, RecordingFigures};
pub use restream::{Restream, RestreamFields};
pub use schedule::{NewScheduled, Scheduled};
pub use stream::{KeyHash, NewStream, PlayoutDelay, Stream, StreamDetails};
pub use stream_index::{Mark, weighted_words, words};
pub use stream_list::{Found, RecentBroadcast};
pub use stream_watch::Watched;
pub use token_key::TokenKey;
pub use totp::Totp;
pub use user::{NO_PASSWORD, NewUser, Role, User, user_name};
pub use user_import::{ImportOutcome, ImportRow};
pub use viewer_token::{NewViewerToken, ViewerToken};
pub use webhook::{
    Attempt, Delivery, DeliveryDetail, DeliveryState, Due, NewWebhook, NewWebhookEvent, Outcome,
    Replay, Webhook, WebhookEdit,
};

/// What every call here gives.
pub type Result<T> = std::result::Result<T, DbError>;

static MIGRATIONS: Migrator = sqlx::migrate!();

/// Connections to PostgreSQL at most; a query beyond that waits up to [`ACQUIRE_TIMEOUT`].
const POSTGRES_CONNECTIONS: u32 = 10;

/// Connections that read a SQLite file at most, beside the one that writes; a query beyond that waits
/// up to [`ACQUIRE_TIMEOUT`].
const SQLITE_READERS: u32 = 4;

/// How long a query waits for a free connection before it fails.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);

/// An open database. Clones share its connections.
#[derive(Debug, Clone)]
pub struct Db {
    readers: AnyPool,
    /// One connection on SQLite; the same pool as `readers` on PostgreSQL.
    writers: AnyPool,
    /// How a transaction that writes begins. On SQLite the lock is taken at once: one that reads first
    /// and writes later could not be granted it any more.
    begin: &'static str,
}

impl Db {
    /// Opens a database and brings its tables up to date.
    ///
    /// `url` is `sqlite:///path/to/weir.db` (see [`Db::sqlite_url`] for any path) or
    /// `postgres://user:password@host/database`. A SQLite file that does not exist is created with
    /// mode 0600; its folder must exist.
    ///
    /// Fails with [`DbError::Backend`] when the database cannot be reached, or when it was written by
    /// a newer version of the program.
    pub async fn open(url: &str) -> Result<Self> {
        install_drivers();
        let scheme = url.split_once(':').map_or("", |(scheme, _)| scheme);
        let db = match scheme {
            "sqlite" => {
                sqlite::prepare(url, &MIGRATIONS).await?;
                let options = || {
                    AnyPoolOptions::new()
                        .acquire_timeout(ACQUIRE_TIMEOUT)
                        .after_connect(|connection, _| Box::pin(sqlite::set_up(connection)))
                };
                Self {
                    readers: options()
                        .max_connections(SQLITE_READERS)
                        .connect(url)
                        .await?,
                    writers: options().max_connections(1).connect(url).await?,
                    begin: "BEGIN IMMEDIATE",
                }
            }
            "postgres" | "postgresql" => {
                let pool = AnyPoolOptions::new()
                    .max_connections(POSTGRES_CONNECTIONS)
                    .acquire_timeout(ACQUIRE_TIMEOUT)
                    .connect(url)
                    .await?;
                // PostgreSQL's migrations run under an advisory lock: two nodes may start at once.
                MIGRATIONS.run(&pool).await.map_err(sqlx::Error::from)?;
                Self {
                    readers: pool.clone(),
                    writers: pool,
                    begin: "BEGIN",
                }
            }
            _ => {
                return Err(DbError::configuration(
                    "a database URL begins with sqlite:// or postgres://",
                ));
            }
        };
        Ok(db)
    }

    /// Connections for statements that only read.
    pub(crate) fn reads(&self) -> &AnyPool {
        &self.readers
    }

    /// Connections for single statements that write.
    pub(crate) fn writes(&self) -> &AnyPool {
        &self.writers
    }

    /// Begins a transaction that writes: statements that hold together or not at all. Dropping it
    /// undoes them. Keep it short: on SQLite nobody else writes meanwhile.
    pub(crate) async fn begin_write(&self) -> Result<Transaction<'static, Any>> {
        Ok(self.writers.begin_with(self.begin).await?)
    }

    /// The URL of a SQLite file, whatever characters its path has.
    pub fn sqlite_url(path: &std::path::Path) -> String {
        sqlite::url_of(path)
    }

    /// Whether the database answers; for readiness checks.
    pub async fn ping(&self) -> Result<()> {
        sqlx::query("SELECT 1").execute(&self.readers).await?;
        Ok(())
    }

    /// Waits for running queries and closes all connections. Later calls on any clone fail.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writers.close().await;
    }
}

/// What connections need once per process. sqlx asks for the process's default cryptography with
/// `sslmode=verify-ca`, and there is none by itself where two are compiled in.
fn install_drivers() {
    sqlx::any::install_default_drivers();
    // An error says that somebody else was first, which is as good.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}
