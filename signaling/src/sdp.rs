//! What WHIP (RFC 9725) and WHEP (draft-ietf-wish-whep) have in common: a session description in,
//! one out, and a session at an address of its own.

use std::time::SystemTime;

use axum::{
    body::Bytes,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use weir_sfu::{Session, SessionId};
use weir_turn::{IceServer, IceServers};

use crate::ApiError;

/// Media type of a session description (RFC 8866 section 8.1).
pub(crate) const SDP: &str = "application/sdp";

/// Media type of trickled candidates (RFC 8840 section 9).
pub(crate) const SDP_FRAGMENT: &str = "application/trickle-ice-sdpfrag";

/// Largest body in bytes. Offers of browsers have 3–10 kB.
pub(crate) const BODY_LIMIT: usize = 64 * 1024;

/// The offer in a request.
///
/// # Errors
/// 415 for another media type, 400 for an empty one or one that is not text.
pub(crate) fn offer(headers: &HeaderMap, body: &Bytes) -> Result<String, ApiError> {
    if !has_media_type(headers, SDP) {
        return Err(ApiError::UnsupportedMediaType(SDP));
    }
    let text = std::str::from_utf8(body)
        .map_err(|_| ApiError::BadRequest("the offer is not UTF-8".into()))?;
    if text.trim().is_empty() {
        return Err(ApiError::BadRequest("the offer is empty".into()));
    }
    Ok(text.to_owned())
}

/// `201 Created` with the answer, the session's address below `endpoint`, and the ICE servers.
pub(crate) fn created(endpoint: &str, session: Session, ice_servers: &IceServers) -> Response {
    let id = session.id.to_string();
    let mut response = (StatusCode::CREATED, session.answer).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(SDP));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let location = HeaderValue::try_from(format!("{endpoint}/session/{id}"))
        .expect("a path of letters and digits");
    headers.insert(header::LOCATION, location);
    // RFC 5789 section 3.1: the session takes trickled candidates.
    headers.insert("accept-patch", HeaderValue::from_static(SDP_FRAGMENT));
    let servers = ice_servers.for_session(&id, SystemTime::now());
    for value in servers.iter().flat_map(IceServer::link_values) {
        // RFC 9725 section 4.6. The values were checked when the configuration was read.
        let value = HeaderValue::try_from(value).expect("checked by IceServers::new");
        headers.append(header::LINK, value);
    }
    response
}

/// Takes a PATCH on a session that exists: `204` for candidates, an error for the rest.
///
/// Nothing is kept of the candidates, and nothing has to be: all of the server's own are in the
/// answer, it has no NAT to open from its side, and it learns where the client is from the client's
/// checks (RFC 8445 sections 6.2 and 7.3: a lite agent forms no checklist and sends no checks).
/// Refusing them would only make clients fail that insist on trickling.
///
/// # Errors
/// 415 for another media type; 400 for a fragment without the session's user name (RFC 8840
/// section 4.4); 422 for an ICE restart, which is not supported (RFC 9725 section 4.3.1); 412 for
/// an entity tag, since none was given.
pub(crate) fn trickle(headers: &HeaderMap, body: &Bytes) -> Result<StatusCode, ApiError> {
    if !has_media_type(headers, SDP_FRAGMENT) {
        return Err(ApiError::UnsupportedMediaType(SDP_FRAGMENT));
    }
    if let Some(tag) = headers.get(header::IF_MATCH) {
        // RFC 9725 section 4.3.3: `*` is how a restart is asked for.
        return Err(match tag.as_bytes() {
            b"*" | b"\"*\"" => ApiError::Unprocessable("ICE restart is not supported".into()),
            _ => ApiError::PreconditionFailed,
        });
    }
    let text = std::str::from_utf8(body)
        .map_err(|_| ApiError::BadRequest("the fragment is not UTF-8".into()))?;
    let has = |name| text.lines().any(|line| line.starts_with(name));
    if !has("a=ice-ufrag:") || !has("a=ice-pwd:") {
        return Err(ApiError::BadRequest(
            "the fragment has no ice-ufrag and ice-pwd".into(),
        ));
    }
    Ok(StatusCode::NO_CONTENT)
}

/// The session that stands in an address.
pub(crate) fn session_id(text: &str) -> Result<SessionId, ApiError> {
    // Only the form that we give out: no sign, no other lengths.
    let digits = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let id = digits
        .then(|| u128::from_str_radix(text, 16).ok())
        .flatten();
    id.map(SessionId).ok_or(ApiError::NotFound("session"))
}

/// Whether the body is of this media type; parameters such as `charset` are ignored.
fn has_media_type(headers: &HeaderMap, wanted: &str) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|essence| essence.trim().eq_ignore_ascii_case(wanted))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn session_ids_read_back_and_nothing_else_does() {
        let id = SessionId(0x1234);
        assert_eq!(session_id(&id.to_string()), Ok(id));
        for bad in ["", "1234", &"g".repeat(32), &format!("+{}", "1".repeat(31))] {
            assert_eq!(session_id(bad), Err(ApiError::NotFound("session")), "{bad}");
        }
    }

    #[test]
    fn fragments_are_told_apart() {
        let patch = |media_type: &str, tag: Option<&str>, body: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, media_type.parse().unwrap());
            if let Some(tag) = tag {
                headers.insert(header::IF_MATCH, tag.parse().unwrap());
            }
            trickle(&headers, &Bytes::from_static(body.as_bytes()))
        };
        let fragment = "a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n";
        assert_eq!(
            patch(SDP_FRAGMENT, None, fragment),
            Ok(StatusCode::NO_CONTENT)
        );
        assert!(matches!(
            patch(SDP_FRAGMENT, Some("*"), fragment),
            Err(ApiError::Unprocessable(_))
        ));
        assert_eq!(
            patch(SDP_FRAGMENT, Some("\"x\""), fragment),
            Err(ApiError::PreconditionFailed)
        );
        assert!(matches!(
            patch(SDP_FRAGMENT, None, "hello"),
            Err(ApiError::BadRequest(_))
        ));
        assert_eq!(
            patch(SDP, None, fragment),
            Err(ApiError::UnsupportedMediaType(SDP_FRAGMENT))
        );
    }
}
