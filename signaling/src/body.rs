//! The body of a WHIP or WHEP request: bounded, and refused so that the client hears of it.

use axum::{body::Bytes, extract::FromRequest, extract::Request};
use futures_util::StreamExt;

use crate::{ApiError, sdp::BODY_LIMIT};

/// How much of a body that is too large is read and thrown away. A server that answers and closes while
/// the client still writes resets the connection, and the client never sees the answer (RFC 9112
/// section 9.6). Beyond this it does so anyway.
const DISCARD_LIMIT: usize = 8 << 20;

/// A body of at most [`BODY_LIMIT`] bytes.
pub(crate) struct Body(pub(crate) Bytes);

impl<S: Sync> FromRequest<S> for Body {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let mut chunks = request.into_body().into_data_stream();
        let mut body = Vec::new();
        let mut seen = 0_usize;
        while let Some(chunk) = chunks.next().await {
            let chunk =
                chunk.map_err(|_| ApiError::BadRequest("the body did not arrive whole".into()))?;
            seen = seen.saturating_add(chunk.len());
            if seen <= BODY_LIMIT {
                body.extend_from_slice(&chunk);
            } else if seen > DISCARD_LIMIT {
                break;
            }
        }
        if seen > BODY_LIMIT {
            return Err(ApiError::TooLarge);
        }
        Ok(Self(body.into()))
    }
}
