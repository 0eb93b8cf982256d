//! Where WebRTC sessions go that this server does not take (RFC 9725 section 4.5, as WHEP).

use axum::{
    http::{HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use url::Url;

use crate::{ApiError, App};

/// How many WebRTC viewers are taken, and where the others go.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overflow {
    /// Viewers by WHEP from which on no more are taken. 0: as many as the media plane takes.
    pub max_viewers: usize,
    /// Base of another server with the same streams and keys, without a path, where publishers and
    /// viewers are sent while this one is full or stops. None: they are told when to ask again.
    pub to: Option<Url>,
}

impl App {
    /// Whether one more viewer is taken.
    ///
    /// # Errors
    /// 503 when there are as many as there may be.
    pub(crate) fn check_room_for_viewer(&self) -> Result<(), ApiError> {
        let most = self.services.config.overflow.max_viewers;
        if most > 0 && self.services.live.viewers().count() >= most {
            return Err(ApiError::Unavailable(
                "the server has as many viewers as it takes; ask again in a moment".into(),
            ));
        }
        Ok(())
    }

    /// Why a session is not taken, or where it may be: 307 keeps the method and the offer, which 301
    /// and 302 do not.
    ///
    /// # Errors
    /// The refusal itself, where it is not for want of room or there is nowhere else to go.
    pub(crate) fn elsewhere(&self, uri: &Uri, refusal: ApiError) -> Result<Response, ApiError> {
        let base = self.services.config.overflow.to.as_ref();
        let (Some(base), ApiError::Unavailable(_)) = (base, &refusal) else {
            return Err(refusal);
        };
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let location = format!("{}{path}", base.as_str().trim_end_matches('/'));
        let location = HeaderValue::try_from(location).map_err(|_| refusal)?;
        let headers = [
            (header::LOCATION, location),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        ];
        Ok((StatusCode::TEMPORARY_REDIRECT, headers).into_response())
    }
}
