//! Where users are logged in: one row per device, with the hash of its refresh token.

use sqlx::{Row, any::AnyRow};

use crate::{
    Db, DeviceId, KeyHash, Result, UnixMillis, User, UserId, error::storable, id, user::from_row,
};

/// A device that logs in.
#[derive(Debug, Clone)]
pub struct NewDevice {
    /// Its id, which stands in the refresh token: see [`DeviceId::new`].
    pub id: DeviceId,
    /// Who.
    pub user: UserId,
    /// What people recognise it by, like `Firefox on Linux`.
    pub name: String,
    /// From where, cut to a network.
    pub address: String,
    /// Hash of its first refresh token.
    pub refresh: KeyHash,
    /// When the refresh token ends unless it is used before.
    pub expires_at: UnixMillis,
}

/// A device that is logged in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Row id.
    pub id: DeviceId,
    /// What people recognise it by.
    pub name: String,
    /// From where it was seen last, cut to a network.
    pub address: String,
    /// When it logged in.
    pub created_at: UnixMillis,
    /// When it was seen last, to the minute.
    pub last_seen_at: UnixMillis,
    /// When it is logged out unless it refreshes before.
    pub expires_at: UnixMillis,
}

/// What is known of a device's refresh tokens, with its user.
#[derive(Debug, Clone)]
pub struct Refreshable {
    /// Who.
    pub user: User,
    /// What the device called itself when it logged in.
    pub name: String,
    /// Hash of the token that is good.
    pub current: String,
    /// Hash of the token before.
    pub previous: Option<String>,
    /// When the current one replaced it.
    pub rotated_at: UnixMillis,
    /// When the current one ends.
    pub expires_at: UnixMillis,
}

impl DeviceId {
    /// An id for a device that is about to log in.
    pub fn new() -> Self {
        Self::fresh()
    }
}

impl Default for DeviceId {
    fn default() -> Self {
        Self::new()
    }
}

impl Db {
    /// Logs a device in. `NotFound` of `user` when the user is gone meanwhile.
    pub async fn create_device(&self, new: NewDevice) -> Result<Device> {
        storable("device name", &new.name)?;
        let now = id::now();
        sqlx::query(
            "INSERT INTO devices
                (id, user_id, name, address, refresh_hash, rotated_at, expires_at, created_at, last_seen_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $6, $6)",
        )
        .bind(new.id.0)
        .bind(new.user.0)
        .bind(&*new.name)
        .bind(&*new.address)
        .bind(new.refresh.to_hex())
        .bind(now)
        .bind(new.expires_at)
        .execute(self.writes())
        .await?;
        Ok(Device {
            id: new.id,
            name: new.name,
            address: new.address,
            created_at: now,
            last_seen_at: now,
            expires_at: new.expires_at,
        })
    }

    /// The user of a device that is logged in, and when the device was seen last. `None` when the
    /// device is logged out or its user is locked or gone.
    pub async fn user_of_device(
        &self,
        device: DeviceId,
        user: UserId,
    ) -> Result<Option<(User, UnixMillis)>> {
        let row = sqlx::query(
            "SELECT u.*, d.last_seen_at AS device_seen_at
             FROM devices d JOIN users u ON u.id = d.user_id
             WHERE d.id = $1 AND d.user_id = $2 AND d.expires_at > $3 AND u.disabled_at IS NULL",
        )
        .bind(device.0)
        .bind(user.0)
        .bind(id::now())
        .fetch_optional(self.reads())
        .await?;
        let found =
            row.map(|row| Ok::<_, sqlx::Error>((from_row(&row)?, row.try_get("device_seen_at")?)));
        Ok(found.transpose()?)
    }

    /// What a device's refresh token is checked against. `None` as for [`Self::user_of_device`].
    pub async fn refreshable(&self, device: DeviceId) -> Result<Option<Refreshable>> {
        // From the writer: a reader could still see the token before the last one.
        let row = sqlx::query(
            "SELECT u.*, d.name AS device_name, d.refresh_hash, d.previous_hash, d.rotated_at,
                d.expires_at AS device_expires_at
             FROM devices d JOIN users u ON u.id = d.user_id
             WHERE d.id = $1 AND d.expires_at > $2 AND u.disabled_at IS NULL",
        )
        .bind(device.0)
        .bind(id::now())
        .fetch_optional(self.writes())
        .await?;
        let found = row.map(|row| {
            Ok::<_, sqlx::Error>(Refreshable {
                user: from_row(&row)?,
                name: row.try_get("device_name")?,
                current: row.try_get("refresh_hash")?,
                previous: row.try_get("previous_hash")?,
                rotated_at: row.try_get("rotated_at")?,
                expires_at: row.try_get("device_expires_at")?,
            })
        });
        Ok(found.transpose()?)
    }

    /// Replaces a refresh token by its successor, and notes where the device is. `false` when it was
    /// replaced already, or the device is logged out.
    pub async fn rotate_refresh(
        &self,
        device: DeviceId,
        from: KeyHash,
        to: KeyHash,
        address: &str,
        expires_at: UnixMillis,
    ) -> Result<bool> {
        let changed = sqlx::query(
            "UPDATE devices SET refresh_hash = $3, previous_hash = $2, rotated_at = $4,
                last_seen_at = $4, address = $5, expires_at = $6
             WHERE id = $1 AND refresh_hash = $2",
        )
        .bind(device.0)
        .bind(from.to_hex())
        .bind(to.to_hex())
        .bind(id::now())
        .bind(address)
        .bind(expires_at)
        .execute(self.writes())
        .await?;
        Ok(changed.rows_affected() == 1)
    }

    /// Notes that a device was seen now.
    pub async fn device_seen(&self, device: DeviceId) -> Result<()> {
        sqlx::query("UPDATE devices SET last_seen_at = $2 WHERE id = $1 AND last_seen_at < $2")
            .bind(device.0)
            .bind(id::now())
            .execute(self.writes())
            .await?;
        Ok(())
    }

    /// A user's devices, the newest login first, those before `after`.
    pub async fn devices_of_user(
        &self,
        user: UserId,
        after: Option<DeviceId>,
        limit: u32,
    ) -> Result<Vec<Device>> {
        let rows = sqlx::query(
            "SELECT id, name, address, created_at, last_seen_at, expires_at FROM devices
             WHERE user_id = $1 AND id < $2 AND expires_at > $3 ORDER BY id DESC LIMIT $4",
        )
        .bind(user.0)
        .bind(after.map_or(i64::MAX, DeviceId::get))
        .bind(id::now())
        .bind(i64::from(limit))
        .fetch_all(self.reads())
        .await?;
        Ok(rows.iter().map(device).collect::<sqlx::Result<_>>()?)
    }

    /// Whether a user has a device that was seen in this network.
    pub async fn has_device_at(&self, user: UserId, address: &str) -> Result<bool> {
        let row = sqlx::query(
            "SELECT 1 FROM devices WHERE user_id = $1 AND address = $2 AND expires_at > $3 LIMIT 1",
        )
        .bind(user.0)
        .bind(address)
        .bind(id::now())
        .fetch_optional(self.reads())
        .await?;
        Ok(row.is_some())
    }

    /// Logs a device of this user out. `false` when there is none.
    pub async fn end_device(&self, user: UserId, device: DeviceId) -> Result<bool> {
        let changed = sqlx::query("DELETE FROM devices WHERE id = $1 AND user_id = $2")
            .bind(device.0)
            .bind(user.0)
            .execute(self.writes())
            .await?;
        Ok(changed.rows_affected() == 1)
    }

    /// Logs all devices of a user out, but this one. Gives those that were.
    pub async fn end_devices(&self, user: UserId, but: Option<DeviceId>) -> Result<Vec<DeviceId>> {
        let rows = sqlx::query("DELETE FROM devices WHERE user_id = $1 AND id <> $2 RETURNING id")
            .bind(user.0)
            .bind(but.map_or(0, DeviceId::get))
            .fetch_all(self.writes())
            .await?;
        let ids = rows.iter().map(|row| row.try_get("id").map(DeviceId));
        Ok(ids.collect::<sqlx::Result<_>>()?)
    }

    /// Removes devices whose refresh token has ended.
    pub async fn forget_ended_devices(&self) -> Result<u64> {
        let changed = sqlx::query("DELETE FROM devices WHERE expires_at <= $1")
            .bind(id::now())
            .execute(self.writes())
            .await?;
        Ok(changed.rows_affected())
    }

    /// Which of these devices are still logged in, with users that are not locked.
    pub async fn devices_alive(&self, devices: &[DeviceId]) -> Result<Vec<DeviceId>> {
        if devices.is_empty() {
            return Ok(Vec::new());
        }
        let ids = list(devices.iter().map(|device| device.0));
        let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
            "SELECT d.id FROM devices d JOIN users u ON u.id = d.user_id
             WHERE d.id IN ({ids}) AND d.expires_at > $1 AND u.disabled_at IS NULL"
        )))
        // Each text is another one: none is worth keeping.
        .persistent(false)
        .bind(id::now())
        .fetch_all(self.reads())
        .await?;
        let ids = rows.iter().map(|row| row.try_get("id").map(DeviceId));
        Ok(ids.collect::<sqlx::Result<_>>()?)
    }
}

/// Numbers for an `IN`.
pub(crate) fn list(ids: impl Iterator<Item = i64>) -> String {
    ids.map(|id| id.to_string()).collect::<Vec<_>>().join(",")
}

fn device(row: &AnyRow) -> sqlx::Result<Device> {
    Ok(Device {
        id: DeviceId(row.try_get("id")?),
        name: row.try_get("name")?,
        address: row.try_get("address")?,
        created_at: row.try_get("created_at")?,
        last_seen_at: row.try_get("last_seen_at")?,
        expires_at: row.try_get("expires_at")?,
    })
}
