//! Settings of how people get in.

use std::time::Duration;

/// How people get in, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sessions {
    /// Whether people may make accounts for themselves.
    pub open: bool,
    /// How long an access token is good; at most 24 hours.
    pub access_lifetime: Duration,
    /// After how long without use a device is logged out.
    pub refresh_lifetime: Duration,
    /// How often the key that signs access tokens is replaced.
    pub key_rotation: Duration,
}

impl Default for Sessions {
    fn default() -> Self {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        Self {
            open: true,
            access_lifetime: Duration::from_secs(15 * 60),
            refresh_lifetime: 30 * DAY,
            key_rotation: DAY,
        }
    }
}
