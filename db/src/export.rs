//! Everything that the database knows of a user, for the user.

use serde_json::{Map, Value};
use sqlx::{Column, Row, TypeInfo, ValueRef, any::AnyRow};

use crate::{Db, Result, UserId};

/// Parts of an export: a name, and the rows of the user whose id is `$1`. A feature whose tables know
/// something of users adds its lines here. Never a secret, not even hashed.
const PARTS: &[(&str, &str)] = &[
    (
        "account",
        "SELECT name, email, email_verified_at, display_name, role, approved, bio, avatar, banner, links,
            disabled_at, created_at
         FROM users WHERE id = $1",
    ),
    (
        "identities",
        "SELECT provider, issuer, subject, created_at FROM identities WHERE user_id = $1
         ORDER BY created_at",
    ),
    (
        "devices",
        "SELECT name, address, created_at, last_seen_at, expires_at FROM devices WHERE user_id = $1
         ORDER BY id",
    ),
    (
        "api_tokens",
        "SELECT name, prefix, scopes, created_at, expires_at, last_used_at FROM api_tokens
         WHERE user_id = $1 ORDER BY id",
    ),
    (
        "following",
        "SELECT users.name, follows.created_at FROM follows JOIN users ON users.id = followed_id
         WHERE follower_id = $1 ORDER BY follows.created_at",
    ),
    (
        "followers",
        "SELECT users.name, follows.created_at FROM follows JOIN users ON users.id = follower_id
         WHERE followed_id = $1 ORDER BY follows.created_at",
    ),
    (
        "blocks",
        "SELECT users.name, blocks.created_at FROM blocks JOIN users ON users.id = user_id
         WHERE owner_id = $1 ORDER BY blocks.created_at",
    ),
    (
        "notifications",
        "SELECT kind, payload, created_at, read_at FROM notifications WHERE user_id = $1 ORDER BY id",
    ),
    (
        "notification_settings",
        "SELECT kind, in_app, by_mail FROM notification_settings WHERE user_id = $1 ORDER BY kind",
    ),
    (
        "events",
        "SELECT slug, title, description, time_zone, starts_at, ends_at, visibility, state, created_at
         FROM events WHERE owner_id = $1 ORDER BY id",
    ),
    (
        "event_registrations",
        "SELECT events.slug, r.name, r.status, r.checked_in_at, r.created_at
         FROM event_registrations r JOIN events ON events.id = r.event_id
         WHERE r.user_id = $1 ORDER BY r.id",
    ),
    (
        "event_attendance",
        "SELECT events.slug, s.slug AS session, a.joined_at, a.seen_at
         FROM event_attendance a JOIN events ON events.id = a.event_id
             JOIN event_sessions s ON s.id = a.session_id
         WHERE a.user_id = $1 ORDER BY a.id",
    ),
    (
        "creator_application",
        "SELECT text, state, reason, created_at, decided_at FROM creator_applications
         WHERE user_id = $1",
    ),
    (
        "images",
        "SELECT id, media_type, width, height, wanted_at FROM images WHERE uploaded_by = $1
         ORDER BY wanted_at",
    ),
    (
        "streams",
        "SELECT slug, title, description, tags, visibility, language, mature, thumbnail, created_at,
            updated_at
         FROM streams WHERE owner_id = $1 ORDER BY created_at",
    ),
    (
        "watched",
        "SELECT slug, times, watched_at
         FROM stream_watches JOIN streams ON streams.id = stream_id
         WHERE user_id = $1 ORDER BY watched_at",
    ),
    (
        "viewer_tokens",
        "SELECT slug, nickname, max_sessions, viewer_tokens.created_at, expires_at, revoked_at
         FROM viewer_tokens JOIN streams ON streams.id = stream_id
         WHERE user_id = $1 ORDER BY viewer_tokens.created_at",
    ),
    (
        "chat_messages",
        "SELECT kind, subject_id, text, sent_at, edited_at, deleted_at
         FROM chat_messages JOIN rooms ON rooms.id = room_id
         WHERE author_id = $1 ORDER BY chat_messages.id",
    ),
    (
        "broadcasts",
        "SELECT slug, protocol, started_at, ended_at, peak_viewers
         FROM broadcasts JOIN streams ON streams.id = stream_id
         WHERE owner_id = $1 ORDER BY started_at",
    ),
];

/// Numbers beyond this lose digits in programs that keep them as doubles (RFC 8259 section 6); they are
/// written as texts.
const EXACT: u64 = 1 << 53;

impl Db {
    /// Everything that is known of a user: an object with an array of rows for each part.
    pub async fn export_user(&self, user: UserId) -> Result<Value> {
        let mut parts = Map::new();
        for &(name, sql) in PARTS {
            let rows = sqlx::query(sql)
                .bind(user.0)
                .fetch_all(self.reads())
                .await?;
            let rows = rows.iter().map(object).collect::<sqlx::Result<_>>()?;
            parts.insert(name.to_owned(), Value::Array(rows));
        }
        Ok(Value::Object(parts))
    }
}

/// A row as its columns are called.
fn object(row: &AnyRow) -> sqlx::Result<Value> {
    let mut object = Map::new();
    for column in row.columns() {
        let index = column.ordinal();
        let raw = row.try_get_raw(index)?;
        let value = if raw.is_null() {
            Value::Null
        } else {
            match raw.type_info().name() {
                "TEXT" => Value::String(row.try_get(index)?),
                "REAL" | "DOUBLE" => row.try_get::<f64, _>(index)?.into(),
                _ => match row.try_get::<i64, _>(index)? {
                    exact if exact.unsigned_abs() <= EXACT => exact.into(),
                    long => Value::String(long.to_string()),
                },
            }
        };
        object.insert(column.name().to_owned(), value);
    }
    Ok(Value::Object(object))
}
