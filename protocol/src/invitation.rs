//! Letting people into private streams: invitations and viewer tokens.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::StreamSlug;

/// Body of `POST /api/v1/streams/{slug}/viewer-tokens`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct CreateViewerToken {
    /// How long it is good for, in seconds.
    #[cfg_attr(
        feature = "openapi",
        schema(minimum = 10, maximum = 86_400, default = 3_600)
    )]
    pub lifetime_seconds: u32,
    /// What the guest is called.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 40))]
    pub nickname: Option<String>,
    /// Name of the user whose it is.
    #[cfg_attr(feature = "openapi", schema(max_length = 64))]
    pub user: Option<String>,
    /// WebRTC sessions at one time.
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 1_000, default = 1))]
    pub max_sessions: u32,
}

impl Default for CreateViewerToken {
    fn default() -> Self {
        Self {
            lifetime_seconds: 3_600,
            nickname: None,
            user: None,
            max_sessions: 1,
        }
    }
}

/// A viewer token with the addresses that it opens: answer of making one, and of coming in by an invitation.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ViewerAccess {
    /// Names it, to take it back.
    pub id: String,
    /// The token, shown this once: bearer token of WHEP and of the API, or `viewer_token` in the query.
    pub token: String,
    /// What may be seen.
    pub slug: StreamSlug,
    /// When it ends, in milliseconds since the Unix epoch.
    pub expires_at: i64,
    /// What the guest is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub nickname: Option<String>,
    /// WHEP endpoint; the token is its bearer token.
    pub whep_url: String,
    /// HLS multivariant playlist, with the token inside.
    pub hls_url: String,
    /// Page for viewers, with the token inside, behind `#` so that no server log has it.
    pub watch_url: String,
}

impl fmt::Debug for ViewerAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ViewerAccess")
            .field("id", &self.id)
            .field("slug", &self.slug)
            .finish_non_exhaustive()
    }
}

/// A viewer token that is still good, in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ViewerTokenInfo {
    /// Names it.
    pub id: String,
    /// What the guest is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub nickname: Option<String>,
    /// Id of the invitation that it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub invitation: Option<String>,
    /// WebRTC sessions at one time.
    pub max_sessions: u32,
    /// WebRTC sessions now.
    pub sessions: u32,
    /// When it was given, in milliseconds since the Unix epoch.
    pub created_at: i64,
    /// When it ends.
    pub expires_at: i64,
}

/// Body of `POST /api/v1/streams/{slug}/invitations`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct CreateInvitation {
    /// For yourself, to tell it from others.
    #[cfg_attr(feature = "openapi", schema(max_length = 100))]
    pub label: String,
    /// How many people may come in by it.
    #[cfg_attr(
        feature = "openapi",
        schema(minimum = 1, maximum = 100_000, default = 1)
    )]
    pub max_uses: u32,
    /// How long it is good for, in seconds.
    #[cfg_attr(
        feature = "openapi",
        schema(minimum = 60, maximum = 31_536_000, default = 604_800)
    )]
    pub lifetime_seconds: u32,
    /// How long who came in may stay, in seconds.
    #[cfg_attr(
        feature = "openapi",
        schema(minimum = 60, maximum = 86_400, default = 43_200)
    )]
    pub stay_seconds: u32,
}

impl Default for CreateInvitation {
    fn default() -> Self {
        Self {
            label: String::new(),
            max_uses: 1,
            lifetime_seconds: 7 * 24 * 60 * 60,
            stay_seconds: 12 * 60 * 60,
        }
    }
}

/// An invitation in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct InvitationInfo {
    /// Names it, to take it back.
    pub id: String,
    /// For its maker.
    pub label: String,
    /// How many people may come in by it.
    pub max_uses: u32,
    /// How many came.
    pub uses: u32,
    /// When it was made, in milliseconds since the Unix epoch.
    pub created_at: i64,
    /// When it ends.
    pub expires_at: i64,
}

/// Answer of `POST /api/v1/streams/{slug}/invitations`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct InvitationMade {
    /// It.
    #[serde(flatten)]
    pub invitation: InvitationInfo,
    /// The code, shown this once.
    pub code: String,
    /// The link to hand out.
    pub url: String,
}

impl fmt::Debug for InvitationMade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InvitationMade")
            .field("invitation", &self.invitation)
            .finish_non_exhaustive()
    }
}

/// `GET /api/v1/invitations/{code}`: what one is invited to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct InvitedTo {
    /// Which stream.
    pub slug: StreamSlug,
    /// Its title.
    pub title: String,
    /// Name of its owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub owner: Option<String>,
    /// When the invitation ends, in milliseconds since the Unix epoch.
    pub expires_at: i64,
}

/// Body of `POST /api/v1/invitations/{code}`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct AcceptInvitation {
    /// What to be called; needed without an account, and of no effect with one.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 40))]
    pub nickname: Option<String>,
}
