//! `[recording]`

use std::time::Duration;

use serde::{Deserialize, Serialize};
use weir_archive::{S3, Settings};
use weir_signaling::ArchiveConfig;

use super::Secret;

/// Minutes of the longest DVR window: a week.
const WINDOW_MAX: u64 = 7 * 24 * 60;

/// Bytes of a MiB and of a GiB.
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// `[recording]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Recording {
    /// Record broadcasts of streams that say nothing of it.
    pub enabled: bool,
    /// Minutes that viewers can go back while a stream is live; 0 for none, which only saves space after
    /// the fact: media is written while it is live.
    pub dvr_minutes: u64,
    /// Also write rungs below the best, as far as somebody watches them.
    pub all_rungs: bool,
    /// MiB that stay free on the disk; below, recording stops and the live stream goes on.
    pub min_free_mib: u64,
    /// Days for which recordings are kept; 0 for ever.
    pub keep_days: u64,
    /// GiB of all recordings at most, then the oldest go; 0 for no limit.
    pub max_gib: u64,
    /// Bucket of an S3-compatible store, to which finished recordings go. Empty: they stay in the data
    /// folder.
    pub s3_bucket: String,
    /// Where the store is. Empty: Amazon.
    pub s3_endpoint: String,
    /// Its region.
    pub s3_region: String,
    /// In front of all names in the bucket.
    pub s3_prefix: String,
    /// Access key.
    pub s3_access_key_id: String,
    /// Its secret.
    pub s3_secret_access_key: Secret,
}

impl Default for Recording {
    fn default() -> Self {
        let disk = Settings::default();
        Self {
            enabled: false,
            dvr_minutes: disk.window.as_secs() / 60,
            all_rungs: disk.all_rungs,
            min_free_mib: disk.min_free / MIB,
            keep_days: 0,
            max_gib: 0,
            s3_bucket: String::new(),
            s3_endpoint: String::new(),
            s3_region: "us-east-1".to_owned(),
            s3_prefix: String::new(),
            s3_access_key_id: String::new(),
            s3_secret_access_key: Secret::default(),
        }
    }
}

impl Recording {
    /// In the form that the HTTP side takes.
    pub fn to_config(&self) -> ArchiveConfig {
        let some = |value: u64| (value > 0).then_some(value);
        let s3 = S3 {
            bucket: self.s3_bucket.clone(),
            endpoint: Some(self.s3_endpoint.clone()).filter(|endpoint| !endpoint.is_empty()),
            region: self.s3_region.clone(),
            access_key_id: self.s3_access_key_id.clone(),
            secret_access_key: self
                .s3_secret_access_key
                .expose()
                .unwrap_or_default()
                .to_owned(),
            prefix: self.s3_prefix.clone(),
        };
        ArchiveConfig {
            disk: Settings {
                window: Duration::from_secs(self.dvr_minutes * 60),
                min_free: self.min_free_mib.saturating_mul(MIB),
                all_rungs: self.all_rungs,
            },
            record: self.enabled,
            keep: some(self.keep_days).map(|days| Duration::from_secs(days * 24 * 60 * 60)),
            max_bytes: some(self.max_gib).map(|gib| gib.saturating_mul(GIB)),
            s3: (!self.s3_bucket.is_empty()).then_some(s3),
        }
    }

    /// What does not fit, and its key.
    pub(super) fn check(&self) -> Result<(), (&'static str, &'static str)> {
        if self.dvr_minutes > WINDOW_MAX {
            return Err(("recording.dvr_minutes", "must be at most 10080, a week"));
        }
        if self.keep_days > 36_500 {
            return Err(("recording.keep_days", "must be at most 36500"));
        }
        if self.s3_bucket.is_empty() {
            return Ok(());
        }
        let endpoint = &self.s3_endpoint;
        if !endpoint.is_empty()
            && !["https://", "http://"]
                .iter()
                .any(|scheme| endpoint.starts_with(scheme))
        {
            return Err((
                "recording.s3_endpoint",
                "must begin with https:// or http://",
            ));
        }
        if self.s3_access_key_id.is_empty() || self.s3_secret_access_key.expose().is_none() {
            return Err((
                "recording.s3_access_key_id",
                "is needed with recording.s3_bucket, and recording.s3_secret_access_key too",
            ));
        }
        Ok(())
    }
}
