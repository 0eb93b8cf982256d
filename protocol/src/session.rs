//! Making an account, logging in, staying logged in.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Scope;

/// Body of `POST /api/v1/register`.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RegisterRequest {
    /// Name in addresses and to log in with: letters a–z, digits, `-`, `_` and `.`, the first one a
    /// letter or a digit; kept in lower case.
    #[cfg_attr(
        feature = "openapi",
        schema(
            min_length = 1,
            max_length = 32,
            pattern = "^[A-Za-z0-9][A-Za-z0-9_.-]*$"
        )
    )]
    pub name: String,
    /// At least 8 characters.
    #[cfg_attr(feature = "openapi", schema(min_length = 8, max_length = 1024))]
    pub password: String,
    /// Where mail reaches the user; needed to get a lost password reset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 254))]
    pub email: Option<String>,
    /// As for logging in.
    #[serde(default)]
    pub cookies: bool,
}

impl fmt::Debug for RegisterRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegisterRequest")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// Body of `POST /api/v1/login`.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct LoginRequest {
    /// User name or e-mail address, in any case.
    #[cfg_attr(feature = "openapi", schema(max_length = 254))]
    pub name: String,
    /// In clear; the connection must be encrypted outside a trusted network.
    #[cfg_attr(feature = "openapi", schema(max_length = 1024))]
    pub password: String,
    /// For web pages: the tokens are set as cookies that scripts cannot read, and do not stand in the
    /// answer.
    #[serde(default)]
    pub cookies: bool,
}

impl fmt::Debug for LoginRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoginRequest")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// A session that began or goes on: answer of registering, logging in and refreshing.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LoginResponse {
    /// The access token, for `Authorization: Bearer …` of later requests; absent with cookies.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub token: String,
    /// When the access token ends, in milliseconds since the Unix epoch.
    pub expires_at: i64,
    /// Gets the next access token, once, at `POST /api/v1/session/refresh`; absent with cookies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub refresh_token: Option<String>,
    /// When the refresh token ends.
    #[serde(default)]
    pub refresh_expires_at: i64,
    /// The device that is logged in, as in `/api/v1/me/devices`.
    #[serde(default)]
    pub device: String,
    /// With cookies: goes into `X-CSRF-Token` of requests that change something. Also in the cookie
    /// `weir_csrf`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub csrf_token: Option<String>,
}

impl fmt::Debug for LoginResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoginResponse")
            .field("device", &self.device)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// The password is right and a second factor is needed.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SecondStep {
    /// Goes to `POST /api/v1/login/totp` with the code.
    pub challenge: String,
    /// When the challenge ends, in milliseconds since the Unix epoch.
    pub expires_at: i64,
}

impl fmt::Debug for SecondStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecondStep")
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// Body of `POST /api/v1/login/totp`.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SecondStepRequest {
    /// From the answer of logging in.
    #[cfg_attr(feature = "openapi", schema(max_length = 2048))]
    pub challenge: String,
    /// The six digits of now, or a recovery code.
    #[cfg_attr(feature = "openapi", schema(max_length = 32))]
    pub code: String,
    /// As for logging in.
    #[serde(default)]
    pub cookies: bool,
}

impl fmt::Debug for SecondStepRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecondStepRequest").finish_non_exhaustive()
    }
}

/// Body of `POST /api/v1/session/refresh`.
#[derive(Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RefreshRequest {
    /// The refresh token; left out by web pages, whose cookie has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 512))]
    pub refresh_token: Option<String>,
}

impl fmt::Debug for RefreshRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RefreshRequest").finish_non_exhaustive()
    }
}

/// What the credential of the request is: answer of `GET /api/v1/session`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SessionInfo {
    /// User name.
    pub name: String,
    /// `admin`, `moderator`, `speaker` or `attendee`.
    pub role: String,
    /// What it may be used for.
    pub scopes: Vec<Scope>,
    /// The device that is logged in; absent for an API token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub device: Option<String>,
    /// For requests that go by cookies: belongs into `X-CSRF-Token`; absent for an API token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub csrf_token: Option<String>,
}
