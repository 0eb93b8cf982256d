//! `[accounts]`: who gets in, and for how long.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use weir_signaling::passwords::Cost;

/// `[accounts]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Accounts {
    /// Whether people may make accounts for themselves: `open` or `closed`.
    pub registration: Registration,
    /// An admin decides who may stream. Otherwise whoever asks may.
    pub creator_approval: bool,
    /// Minutes for which an access token is good, 1 to 60.
    pub access_token_minutes: u32,
    /// Days without use after which a device is logged out, 1 to 365.
    pub refresh_token_days: u32,
    /// Hours after which a new key signs access tokens, 1 to 720.
    pub key_rotation_hours: u32,
    /// Memory that hashing a password takes, in MiB, 7 to 1024.
    pub password_memory_mib: u32,
    /// Passes over that memory, 1 to 16.
    pub password_passes: u32,
}

/// Whether people may make accounts for themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Registration {
    /// They may.
    Open,
    /// An admin makes them.
    Closed,
}

impl Default for Accounts {
    fn default() -> Self {
        let Cost { memory_kib, passes } = Cost::default();
        Self {
            registration: Registration::Open,
            creator_approval: false,
            access_token_minutes: 15,
            refresh_token_days: 30,
            key_rotation_hours: 24,
            password_memory_mib: memory_kib / 1024,
            password_passes: passes,
        }
    }
}

impl Accounts {
    /// The key and the reason of what is out of range.
    pub fn check(&self) -> Result<(), (&'static str, &'static str)> {
        let within = |value: u32, least: u32, most: u32| (least..=most).contains(&value);
        if !within(self.access_token_minutes, 1, 60) {
            return Err(("accounts.access_token_minutes", "must be 1 to 60"));
        }
        if !within(self.refresh_token_days, 1, 365) {
            return Err(("accounts.refresh_token_days", "must be 1 to 365"));
        }
        if !within(self.key_rotation_hours, 1, 720) {
            return Err(("accounts.key_rotation_hours", "must be 1 to 720"));
        }
        let (least, most) = (Cost::LEAST, Cost::MOST);
        if !within(
            self.password_memory_mib,
            least.memory_kib / 1024,
            most.memory_kib / 1024,
        ) {
            return Err(("accounts.password_memory_mib", "must be 7 to 1024"));
        }
        if !within(self.password_passes, least.passes, most.passes) {
            return Err(("accounts.password_passes", "must be 1 to 16"));
        }
        Ok(())
    }

    /// What hashing a password costs.
    pub fn password_cost(&self) -> Cost {
        Cost {
            memory_kib: self.password_memory_mib * 1024,
            passes: self.password_passes,
        }
    }

    /// As the HTTP side takes them.
    pub fn settings(&self) -> weir_signaling::Sessions {
        const HOUR: Duration = Duration::from_secs(60 * 60);
        weir_signaling::Sessions {
            open: self.registration == Registration::Open,
            access_lifetime: Duration::from_secs(u64::from(self.access_token_minutes) * 60),
            refresh_lifetime: 24 * HOUR * self.refresh_token_days,
            key_rotation: HOUR * self.key_rotation_hours,
        }
    }
}
