//! Errors on the wire: RFC 9457 problem documents with a code that programs can match.

use serde::{Deserialize, Serialize};

/// What went wrong, for programs. The text for people stands in [`Problem::detail`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// The body or a parameter cannot be used.
    BadRequest,
    /// No valid credentials.
    Unauthorized,
    /// Valid credentials without the right.
    Forbidden,
    /// Secrets are not taken over the Internet without TLS.
    TlsRequired,
    /// No such thing.
    NotFound,
    /// The method does not exist here.
    MethodNotAllowed,
    /// Clashes with what exists, for example a slug that is taken.
    Conflict,
    /// Somebody else changed it since it was read; read it again.
    Changed,
    /// The stream is not live yet; try again after `Retry-After`.
    NotLive,
    /// The body has another media type than the endpoint takes.
    UnsupportedMediaType,
    /// The body is larger than allowed.
    TooLarge,
    /// The session description is understood but cannot be served, for example no common codec.
    Unprocessable,
    /// Too many requests from this client.
    TooManyRequests,
    /// The server is full or is stopping; try again after `Retry-After`.
    Unavailable,
    /// A defect of the server; details are in its log.
    Internal,
}

/// `application/problem+json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Problem {
    /// For programs.
    pub code: ErrorCode,
    /// HTTP status, repeated.
    pub status: u16,
    /// Short and the same for each code.
    pub title: String,
    /// What happened this time and what to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}
