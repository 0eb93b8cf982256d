//! What users are told of, and by which ways they want to be told.

use sqlx::{Row, any::AnyRow};

use crate::{Db, NotificationId, Result, UnixMillis, UserId, error::storable, id};

/// Something to tell users of.
#[derive(Debug, Clone)]
pub struct News<'a> {
    /// Which of the kinds that the settings know.
    pub kind: &'a str,
    /// A JSON object.
    pub payload: &'a str,
    /// Who made it happen: users who have blocked them are not told.
    pub actor: Option<UserId>,
    /// Whether to write mails too to those who want them.
    pub by_mail: bool,
    /// Whoever was told the very same in the last so many milliseconds is not told again; zero for always.
    pub once_within: i64,
}

/// A notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// Among the user's.
    pub id: NotificationId,
    /// What kind of.
    pub kind: String,
    /// A JSON object.
    pub payload: String,
    /// When it happened.
    pub created_at: UnixMillis,
    /// When the user read it.
    pub read_at: Option<UnixMillis>,
}

/// How a user wants to be told of a kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotificationSetting {
    /// Of what.
    pub kind: String,
    /// In the list of notifications.
    pub in_app: bool,
    /// By mail.
    pub by_mail: bool,
}

/// Users named in one statement at most.
const NAMED_AT_ONCE: usize = 500;

impl Db {
    /// Tells all followers of a user, in one statement however many they are.
    pub async fn notify_followers(&self, of: UserId, news: &News<'_>) -> Result<u64> {
        let who = "JOIN follows ON follows.follower_id = users.id AND follows.followed_id = $6";
        self.notify_selected(who, &[of], news).await
    }

    /// Tells these users; those that are gone are left out.
    pub async fn notify(&self, users: &[UserId], news: &News<'_>) -> Result<u64> {
        let mut told = 0;
        for users in users.chunks(NAMED_AT_ONCE) {
            let places: Vec<String> = (6..6 + users.len()).map(|n| format!("${n}")).collect();
            let who = format!(
                "JOIN users AS named ON named.id = users.id AND named.id IN ({})",
                places.join(", ")
            );
            told += self.notify_selected(&who, users, news).await?;
        }
        Ok(told)
    }

    async fn notify_selected(&self, who: &str, bound: &[UserId], news: &News<'_>) -> Result<u64> {
        storable("notification", news.payload)?;
        let id = NotificationId::fresh();
        // Ids go by time, so this looks at the newest few by the primary key.
        let once = match news.once_within {
            0 => String::new(),
            within => format!(
                "AND NOT EXISTS (SELECT 1 FROM notifications AS earlier
                    WHERE earlier.user_id = users.id AND earlier.id >= {} AND earlier.id <> $1
                        AND earlier.kind = $2 AND earlier.payload = $3)",
                id::first_at(id::now() - within)
            ),
        };
        let select = |columns: &str, wanted: &str| {
            format!(
                "SELECT {columns} FROM users {who}
                 LEFT JOIN notification_settings AS setting
                    ON setting.user_id = users.id AND setting.kind = $2
                 WHERE users.disabled_at IS NULL AND {wanted}
                    AND NOT EXISTS (SELECT 1 FROM blocks
                        WHERE blocks.owner_id = users.id AND blocks.user_id = $5) {once}"
            )
        };
        let in_app = format!(
            "INSERT INTO notifications (user_id, id, kind, payload, created_at) {}",
            select(
                "users.id, $1, $2, $3, $4",
                "COALESCE(setting.in_app, 1) = 1"
            )
        );
        let mut tx = self.begin_write().await?;
        let told = run(&mut tx, in_app, id, bound, news).await?;
        if news.by_mail {
            let mails = format!(
                "INSERT INTO mails (user_id, id, kind, address, payload, attempts, due_at) {}",
                select(
                    "users.id, $1, $2, users.email, $3, 0, $4",
                    "setting.by_mail = 1 AND users.email_verified_at IS NOT NULL
                        AND users.email IS NOT NULL"
                )
            );
            run(&mut tx, mails, id, bound, news).await?;
        }
        tx.commit().await?;
        Ok(told)
    }

    /// A user's notifications, newest first, after this id.
    pub async fn notifications(
        &self,
        user: UserId,
        only_unread: bool,
        after: Option<i64>,
        limit: u32,
    ) -> Result<Vec<Notification>> {
        // Ids are in the order of time. Two texts, so that each has its index.
        let sql = if only_unread {
            "SELECT id, kind, payload, created_at, read_at FROM notifications
             WHERE user_id = $1 AND id < $2 AND read_at IS NULL ORDER BY id DESC LIMIT $3"
        } else {
            "SELECT id, kind, payload, created_at, read_at FROM notifications
             WHERE user_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3"
        };
        let rows = sqlx::query(sql)
            .bind(user.0)
            .bind(after.unwrap_or(i64::MAX))
            .bind(i64::from(limit))
            .fetch_all(self.reads())
            .await?;
        Ok(rows.iter().map(from_row).collect::<sqlx::Result<_>>()?)
    }

    /// How many notifications the user has not read.
    pub async fn count_unread(&self, user: UserId) -> Result<i64> {
        let row = sqlx::query(
            "SELECT count(*) FROM notifications WHERE user_id = $1 AND read_at IS NULL",
        )
        .bind(user.0)
        .fetch_one(self.reads())
        .await?;
        Ok(row.try_get(0)?)
    }

    /// The user has read all notifications up to this one, or all.
    pub async fn read_notifications(
        &self,
        user: UserId,
        up_to: Option<NotificationId>,
    ) -> Result<()> {
        sqlx::query(
            "UPDATE notifications SET read_at = $2
             WHERE user_id = $1 AND read_at IS NULL AND id <= $3",
        )
        .bind(user.0)
        .bind(id::now())
        .bind(up_to.map_or(i64::MAX, |id| id.0))
        .execute(self.writes())
        .await?;
        Ok(())
    }

    /// The user has read this notification. `NotFound` of `notification`.
    pub async fn read_notification(&self, user: UserId, id: NotificationId) -> Result<()> {
        let found = sqlx::query(
            "UPDATE notifications SET read_at = COALESCE(read_at, $3) WHERE user_id = $1 AND id = $2",
        )
        .bind(user.0)
        .bind(id.0)
        .bind(id::now())
        .execute(self.writes())
        .await?
        .rows_affected();
        if found == 0 {
            return Err(crate::DbError::NotFound {
                what: "notification",
            });
        }
        Ok(())
    }

    /// What the user has set; kinds that are missing have the default: told in the list, not by mail.
    pub async fn notification_settings(&self, user: UserId) -> Result<Vec<NotificationSetting>> {
        let rows = sqlx::query(
            "SELECT kind, in_app, by_mail FROM notification_settings WHERE user_id = $1",
        )
        .bind(user.0)
        .fetch_all(self.reads())
        .await?;
        let setting = |row: &AnyRow| {
            Ok(NotificationSetting {
                kind: row.try_get("kind")?,
                in_app: row.try_get::<i64, _>("in_app")? != 0,
                by_mail: row.try_get::<i64, _>("by_mail")? != 0,
            })
        };
        Ok(rows.iter().map(setting).collect::<sqlx::Result<_>>()?)
    }

    /// Sets how the user is told of a kind.
    pub async fn set_notification_setting(
        &self,
        user: UserId,
        setting: &NotificationSetting,
    ) -> Result<()> {
        sqlx::query(
            "INSERT INTO notification_settings (user_id, kind, in_app, by_mail)
             VALUES ($1, $2, $3, $4)
             ON CONFLICT (user_id, kind)
                DO UPDATE SET in_app = excluded.in_app, by_mail = excluded.by_mail",
        )
        .bind(user.0)
        .bind(&*setting.kind)
        .bind(i64::from(setting.in_app))
        .bind(i64::from(setting.by_mail))
        .execute(self.writes())
        .await?;
        Ok(())
    }

    /// Removes notifications from before then.
    pub async fn forget_notifications(&self, before: UnixMillis) -> Result<u64> {
        let removed = sqlx::query("DELETE FROM notifications WHERE created_at < $1")
            .bind(before)
            .execute(self.writes())
            .await?
            .rows_affected();
        Ok(removed)
    }
}

async fn run(
    tx: &mut sqlx::Transaction<'static, sqlx::Any>,
    sql: String,
    id: NotificationId,
    bound: &[UserId],
    news: &News<'_>,
) -> Result<u64> {
    let mut query = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(id.0)
        .bind(news.kind.to_owned())
        .bind(news.payload.to_owned())
        .bind(id::now())
        .bind(news.actor.map(|actor| actor.0));
    for user in bound {
        query = query.bind(user.0);
    }
    Ok(query.execute(&mut **tx).await?.rows_affected())
}

fn from_row(row: &AnyRow) -> sqlx::Result<Notification> {
    Ok(Notification {
        id: NotificationId(row.try_get("id")?),
        kind: row.try_get("kind")?,
        payload: row.try_get("payload")?,
        created_at: row.try_get("created_at")?,
        read_at: row.try_get("read_at")?,
    })
}
