//! Restreaming: a live stream that is also sent to RTMP servers elsewhere.

use serde::{Deserialize, Serialize};

use crate::absent::said;

/// `POST /api/v1/streams/{slug}/restreams`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateRestream {
    /// For people, like `YouTube`.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 80))]
    pub name: String,
    /// The server's address, without the key: `rtmps://host[:port]/application`.
    #[cfg_attr(feature = "openapi", schema(max_length = 1024))]
    pub url: String,
    /// The stream key that the other side gave. It is kept encrypted and never shown again.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 512))]
    pub key: String,
    /// Whether it is sent whenever the stream is live.
    #[serde(default = "enabled")]
    pub enabled: bool,
    /// The best rendition of at most so many lines is sent; none for the best of all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 16, maximum = 16384))]
    pub max_height: Option<u32>,
    /// The best rendition of at most so many bits a second is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 16000, maximum = 1000000000))]
    pub max_bitrate: Option<u32>,
}

fn enabled() -> bool {
    true
}

// Not derived: it holds a key.
impl std::fmt::Debug for CreateRestream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CreateRestream")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// `PATCH /api/v1/streams/{slug}/restreams/{id}`. What is absent stays; a limit of `null` goes.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct EditRestream {
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 80))]
    pub name: Option<String>,
    /// The server's address. Another host wants the key again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 1024))]
    pub url: Option<String>,
    /// The stream key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 512))]
    pub key: Option<String>,
    /// Whether it is sent whenever the stream is live; takes effect at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// The best rendition of at most so many lines is sent.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "said"
    )]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<u32>, minimum = 16, maximum = 16384))]
    pub max_height: Option<Option<u32>>,
    /// The best rendition of at most so many bits a second is sent.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "said"
    )]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<u32>, minimum = 16000, maximum = 1000000000))]
    pub max_bitrate: Option<Option<u32>>,
}

impl std::fmt::Debug for EditRestream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EditRestream")
            .field("name", &self.name)
            .field("enabled", &self.enabled)
            .finish_non_exhaustive()
    }
}

/// A server elsewhere that a stream is sent to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Restream {
    /// Its name in addresses.
    pub id: String,
    /// For people.
    pub name: String,
    /// The server's address, without the key.
    pub url: String,
    /// Whether it is sent whenever the stream is live.
    pub enabled: bool,
    /// The best rendition of at most so many lines is sent.
    pub max_height: Option<u32>,
    /// The best rendition of at most so many bits a second is sent.
    pub max_bitrate: Option<u32>,
    /// How it goes.
    pub status: RestreamStatus,
    /// When it was made.
    pub created_at: i64,
    /// When it was changed last.
    pub updated_at: i64,
}

/// How sending to a server goes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RestreamStatus {
    /// In one word.
    pub state: RestreamState,
    /// Why it is retried or has failed, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Since when it is in this state; absent when the stream is not live.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<i64>,
    /// When it is tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_at: Option<i64>,
    /// Failures since it was last live.
    pub failures: u32,
    /// Bytes of media sent in this broadcast.
    pub bytes: u64,
    /// Bits a second over the last seconds.
    pub bitrate: u64,
    /// Pictures and sounds left out because the server did not take them fast enough.
    pub dropped: u64,
    /// The rendition that is sent, like `1080p`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rendition: Option<String>,
    /// Milliseconds between the last two keyframes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keyframe_interval_ms: Option<u32>,
    /// What the other side may not like, and what to set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
}

/// How sending to a server goes, in one word.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum RestreamState {
    /// The stream is not live, or it is switched off.
    #[default]
    Idle,
    /// The server is being asked.
    Connecting,
    /// Media goes out.
    Live,
    /// It did not work, and is tried again.
    Retrying,
    /// It will not work as it is: it is tried again when it is changed.
    Failed,
}

/// `POST /api/v1/streams/{slug}/restreams/{id}/tests`: what came of a try to publish.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RestreamTest {
    /// Whether the server agreed to take the stream.
    pub ok: bool,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How long it took.
    pub took_ms: u32,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_limit_that_goes_is_told_from_one_that_stays() {
        let edit: EditRestream = serde_json::from_str(r#"{"max_height":null}"#).unwrap();
        assert_eq!(edit.max_height, Some(None));
        assert_eq!(edit.max_bitrate, None);
        assert_eq!(
            serde_json::to_string(&edit).unwrap(),
            r#"{"max_height":null}"#
        );
    }

    #[test]
    fn keys_are_not_printed() {
        let new: CreateRestream =
            serde_json::from_str(r#"{"name":"n","url":"u","key":"hush"}"#).unwrap();
        assert!(new.enabled);
        assert!(!format!("{new:?}").contains("hush"));
        let edit = EditRestream {
            key: Some("hush".to_owned()),
            ..EditRestream::default()
        };
        assert!(!format!("{edit:?}").contains("hush"));
    }
}
