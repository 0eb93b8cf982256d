//! `[webhooks]`

use std::time::Duration;

use serde::{Deserialize, Serialize};
use weir_signaling::WebhookConfig;

/// Seconds of a day.
const DAY: u64 = 24 * 60 * 60;

/// Tries of a delivery at most.
const WAITS_MAX: usize = 30;

/// Days that can be set at most.
const DAYS_MAX: u64 = 3650;

/// `[webhooks]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Webhooks {
    /// Deliver to private addresses too: whoever may make webhooks can then reach hosts of the server's
    /// own network.
    pub allow_private: bool,
    /// Deliver without TLS too.
    pub allow_http: bool,
    /// Waits between the tries of a delivery, like `5s`, `2m`, `1h`.
    pub retry: Vec<Wait>,
    /// Days without any delivery after which a webhook is switched off.
    pub disable_days: u64,
    /// Days for which events and the log of their deliveries are kept.
    pub keep_days: u64,
}

impl Default for Webhooks {
    fn default() -> Self {
        let config = WebhookConfig::default();
        Self {
            allow_private: config.allow_private,
            allow_http: config.allow_http,
            retry: config.retry.into_iter().map(Wait).collect(),
            disable_days: config.disable_after.as_secs() / DAY,
            keep_days: config.retention.as_secs() / DAY,
        }
    }
}

impl Webhooks {
    /// In the form that the HTTP side takes.
    pub fn to_config(&self) -> WebhookConfig {
        WebhookConfig {
            allow_private: self.allow_private,
            allow_http: self.allow_http,
            retry: self.retry.iter().map(|wait| wait.0).collect(),
            disable_after: Duration::from_secs(self.disable_days * DAY),
            retention: Duration::from_secs(self.keep_days * DAY),
        }
    }

    /// What does not fit, and its key.
    pub(super) fn check(&self) -> Result<(), (&'static str, &'static str)> {
        if self.retry.len() > WAITS_MAX {
            return Err(("webhooks.retry", "must be at most 30 waits"));
        }
        if !(1..=DAYS_MAX).contains(&self.disable_days) {
            return Err(("webhooks.disable_days", "must be 1 to 3650 days"));
        }
        if !(1..=DAYS_MAX).contains(&self.keep_days) {
            return Err(("webhooks.keep_days", "must be 1 to 3650 days"));
        }
        Ok(())
    }
}

/// A time to wait, as people write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Wait(pub Duration);

impl TryFrom<String> for Wait {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let bad = || format!("{text:?} is no time like 500ms, 5s, 2m or 1h, up to a week");
        let split = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(bad)?;
        let (number, unit) = text.split_at(split);
        let number: u64 = number.parse().map_err(|_| bad())?;
        let millis = match unit {
            "ms" => Some(number),
            "s" => number.checked_mul(1000),
            "m" => number.checked_mul(60_000),
            "h" => number.checked_mul(3_600_000),
            _ => None,
        };
        let millis = millis
            .filter(|millis| *millis <= 7 * DAY * 1000)
            .ok_or_else(bad)?;
        Ok(Self(Duration::from_millis(millis)))
    }
}

impl From<Wait> for String {
    fn from(Wait(wait): Wait) -> Self {
        let millis = wait.as_millis();
        [(3_600_000, "h"), (60_000, "m"), (1000, "s")]
            .into_iter()
            .find(|(unit, _)| millis > 0 && millis % unit == 0)
            .map_or(format!("{millis}ms"), |(unit, word)| {
                format!("{}{word}", millis / unit)
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_written_as_they_are_read() {
        for text in ["0ms", "500ms", "5s", "90s", "2m", "1h", "168h"] {
            let wait = Wait::try_from(text.to_owned());
            assert_eq!(wait.map(String::from), Ok(text.to_owned()));
        }
        for text in [
            "",
            "5",
            "s",
            "-1s",
            "1.5s",
            "1w",
            "169h",
            "99999999999999999999h",
        ] {
            assert!(Wait::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
