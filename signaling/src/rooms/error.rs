//! Why a room refuses something.

use std::{borrow::Cow, time::Duration};

use weir_db::DbError;
use weir_protocol::room::{Refusal, RoomErrorCode, ServerMessage};

use crate::ApiError;

/// A refusal, with what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RoomError {
    pub(crate) code: RoomErrorCode,
    pub(crate) detail: Cow<'static, str>,
    pub(crate) retry_after: Option<Duration>,
}

impl RoomError {
    pub(crate) fn new(code: RoomErrorCode, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            detail: detail.into(),
            retry_after: None,
        }
    }

    /// May be tried again after this time.
    pub(crate) fn retry(mut self, after: Duration) -> Self {
        self.retry_after = Some(after);
        self
    }

    pub(super) fn answer(self, r#ref: Option<String>) -> ServerMessage {
        let millis = |wait: Duration| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        ServerMessage::Error(Refusal {
            r#ref,
            code: self.code,
            detail: self.detail.into_owned(),
            // Rounded up, so that who waits so long is not refused again.
            retry_after_ms: self.retry_after.map(|wait| millis(wait) + 1),
        })
    }
}

impl From<DbError> for RoomError {
    fn from(error: DbError) -> Self {
        match error {
            DbError::NotFound { what } => {
                Self::new(RoomErrorCode::NotFound, format!("there is no such {what}"))
            }
            DbError::Invalid { .. } => Self::new(RoomErrorCode::BadMessage, error.to_string()),
            DbError::Conflict { .. } | DbError::LastAdmin => {
                Self::new(RoomErrorCode::Conflict, error.to_string())
            }
            DbError::Backend(_) => {
                tracing::error!(%error, "the database failed");
                unavailable()
            }
        }
    }
}

impl From<ApiError> for RoomError {
    fn from(error: ApiError) -> Self {
        let detail = error.to_string();
        match error {
            ApiError::BadRequest(_) | ApiError::Unprocessable(_) => {
                Self::new(RoomErrorCode::BadMessage, detail)
            }
            ApiError::NoCredentials(_) | ApiError::BadCredentials(_) => {
                Self::new(RoomErrorCode::Unauthorized, detail)
            }
            ApiError::Forbidden(_) => Self::new(RoomErrorCode::Forbidden, detail),
            ApiError::NotFound(_) => Self::new(RoomErrorCode::NotFound, detail),
            ApiError::Conflict(_) => Self::new(RoomErrorCode::Conflict, detail),
            ApiError::TooManyRequests(wait) => {
                Self::new(RoomErrorCode::TooFast, detail).retry(wait)
            }
            _ => unavailable(),
        }
    }
}

pub(super) fn unavailable() -> RoomError {
    RoomError::new(
        RoomErrorCode::Unavailable,
        "the server cannot do this now; send it again with the same ref in a moment",
    )
    .retry(Duration::from_secs(1))
}
