//! `[limits]`: how many requests a client may make.

use serde::{Deserialize, Serialize};
use weir_signaling::{LimitsConfig, PerMinute};

/// `[limits]`; numbers are requests to the API in a minute, 0 is no limit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Requests that change nothing, for each address.
    pub address_reads: u32,
    /// Requests that change something, for each address.
    pub address_writes: u32,
    /// Logins, new accounts, refreshes and resets, for each address.
    pub address_logins: u32,
    /// Requests that change nothing, for each account and each API token.
    pub account_reads: u32,
    /// Requests that change something, for each account and each API token.
    pub account_writes: u32,
    /// Refreshes and new passwords, for each account.
    pub account_logins: u32,
    /// Networks that are not limited, like `192.0.2.0/24`.
    pub exempt: Vec<String>,
}

impl Default for Limits {
    fn default() -> Self {
        let LimitsConfig {
            address,
            account,
            exempt,
        } = LimitsConfig::default();
        Self {
            address_reads: address.reads,
            address_writes: address.writes,
            address_logins: address.logins,
            account_reads: account.reads,
            account_writes: account.writes,
            account_logins: account.logins,
            exempt: exempt.iter().map(ToString::to_string).collect(),
        }
    }
}

impl Limits {
    /// As the HTTP side takes them; `None` when a network is none.
    pub fn settings(&self) -> Option<LimitsConfig> {
        let exempt = self.exempt.iter().map(|text| text.parse());
        Some(LimitsConfig {
            address: PerMinute {
                reads: self.address_reads,
                writes: self.address_writes,
                logins: self.address_logins,
            },
            account: PerMinute {
                reads: self.account_reads,
                writes: self.account_writes,
                logins: self.account_logins,
            },
            exempt: exempt.collect::<Result<_, _>>().ok()?,
        })
    }
}
