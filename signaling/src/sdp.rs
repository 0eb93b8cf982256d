//! What WHIP (RFC 9725) and WHEP (draft-ietf-wish-whep) have in common: a session description in,
//! one out, and a session at an address of its own.

use std::time::SystemTime;

use axum::{
    body::Bytes,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use weir_sfu::{IceAnswer, IceParameters, IceRestartError, Session, SessionId, Sfu};
use weir_turn::{IceServer, IceServers};

use crate::{
    ApiError,
    entity_tag::{EntityTag, Precondition},
};

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
    let empty = ApiError::BadRequest("the offer is empty".into());
    description(headers, body)?.ok_or(empty)
}

/// The session description in a request; none when the body is empty.
///
/// # Errors
/// 415 for another media type, 400 for one that is not text.
pub(crate) fn description(headers: &HeaderMap, body: &Bytes) -> Result<Option<String>, ApiError> {
    if !has_media_type(headers, SDP) {
        return Err(ApiError::UnsupportedMediaType(SDP));
    }
    let text = std::str::from_utf8(body)
        .map_err(|_| ApiError::BadRequest("the session description is not UTF-8".into()))?;
    Ok((!text.trim().is_empty()).then(|| text.to_owned()))
}

/// `201 Created` with the answer, the session's address below `endpoint`, its entity tag, and the ICE
/// servers.
pub(crate) fn created(
    endpoint: &str,
    session: Session,
    tag: EntityTag,
    ice_servers: &IceServers,
) -> Response {
    let id = session.id.to_string();
    let mut response = (StatusCode::CREATED, session.answer).into_response();
    let headers = response.headers_mut();
    headers.insert(header::ETAG, tag.header_value());
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(SDP));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let location = HeaderValue::try_from(format!("{endpoint}/session/{id}"))
        .expect("a path of letters and digits");
    headers.insert(header::LOCATION, location);
    // RFC 5789 section 3.1: the session takes trickled candidates and ICE restarts.
    headers.insert("accept-patch", HeaderValue::from_static(SDP_FRAGMENT));
    let servers = ice_servers.for_session(&id, SystemTime::now());
    for value in servers.iter().flat_map(IceServer::link_values) {
        // RFC 9725 section 4.6. The values were checked when the configuration was read.
        let value = HeaderValue::try_from(value).expect("checked by IceServers::new");
        headers.append(header::LINK, value);
    }
    response
}

/// Takes a PATCH on a session that exists and has this entity tag (RFC 9725 section 4.3). Gives the tag
/// that the session has from then on, where it changed.
///
/// What the fragment is for is said by its credentials: those of the session's ICE session mean
/// candidates, and any others a restart, whether `If-Match` is `*` or the present tag.
///
/// | credentials | `If-Match: *` | the present tag |
/// |---|---|---|
/// | the session's | 204 | 204 |
/// | of a restart whose path is not nominated yet | 200, as before | 204 |
/// | new ones | 200, new tag | 200, new tag |
///
/// Nothing is kept of candidates, and nothing has to be: all of the server's own are in the answer, it
/// has no NAT to open from its side, and it learns where the client is from the client's checks (RFC
/// 8445 sections 6.2 and 7.3: a lite agent forms no checklist and sends no checks). Refusing them would
/// only make clients fail that insist on trickling.
///
/// # Errors
/// 415 for another media type; 428 without `If-Match`; 412 for a stale entity tag; 400 for a fragment
/// without the client's credentials (RFC 8840 section 4.4); 404 for a session that has ended; 503 when
/// a restart is not possible now, which leaves the session as it is.
pub(crate) async fn patch(
    sfu: &Sfu,
    session: SessionId,
    tag: EntityTag,
    headers: &HeaderMap,
    body: &Bytes,
) -> Result<(Response, Option<EntityTag>), ApiError> {
    if !has_media_type(headers, SDP_FRAGMENT) {
        return Err(ApiError::UnsupportedMediaType(SDP_FRAGMENT));
    }
    let precondition = tag.check(headers)?;
    let fragment = Fragment::read(body)?;
    let taken = || Ok((StatusCode::NO_CONTENT.into_response(), None));
    let answer = match sfu.restart_ice(session, fragment.ice.clone()).await {
        Err(IceRestartError::Unchanged) => return taken(),
        answered => answered?,
    };
    let new = tag.after(answer.generation);
    if precondition == Precondition::Current && new == tag {
        return taken();
    }
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(SDP_FRAGMENT)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::ETAG, new.header_value()),
    ];
    let response = (StatusCode::OK, headers, fragment.answer(&answer)).into_response();
    Ok((response, Some(new)))
}

/// What counts in a fragment (RFC 8840 section 4.4).
struct Fragment {
    ice: IceParameters,
    /// `m=` and `a=mid:` of the media section that all others are bundled with.
    section: Option<(String, String)>,
    bundle: Option<String>,
}

impl Fragment {
    fn read(body: &Bytes) -> Result<Self, ApiError> {
        let bad = |what: &str| ApiError::BadRequest(what.into());
        let text = std::str::from_utf8(body).map_err(|_| bad("the fragment is not UTF-8"))?;
        let line = |prefix: &str| {
            let mut lines = text.lines().map(str::trim_end);
            lines.find(|line| line.starts_with(prefix))
        };
        let value = |prefix: &str| line(prefix).map(|line| line[prefix.len()..].to_owned());
        let (Some(ufrag), Some(pwd)) = (value("a=ice-ufrag:"), value("a=ice-pwd:")) else {
            return Err(bad("the fragment has no ice-ufrag and ice-pwd"));
        };
        // RFC 8839 section 5.4.
        let is_ice = |text: &str, lengths: std::ops::RangeInclusive<usize>| {
            let is_ice_char = |byte: u8| byte.is_ascii_alphanumeric() || b"+/".contains(&byte);
            lengths.contains(&text.len()) && text.bytes().all(is_ice_char)
        };
        if !is_ice(&ufrag, 4..=256) || !is_ice(&pwd, 22..=256) {
            return Err(bad(
                "ice-ufrag has 4 to 256 and ice-pwd 22 to 256 characters of letters, digits, + and /",
            ));
        }
        Ok(Self {
            ice: IceParameters { ufrag, pwd },
            section: line("m=").map(str::to_owned).zip(value("a=mid:")),
            bundle: line("a=group:BUNDLE").map(str::to_owned),
        })
    }

    /// The server's side of a restart, in the form of RFC 9725 section 4.3.3.
    fn answer(&self, ice: &IceAnswer) -> String {
        // As in the answer to the offer.
        let mut text = String::from("a=ice-lite\r\na=ice-options:trickle ice2\r\n");
        if let Some(bundle) = &self.bundle {
            text += &format!("{bundle}\r\n");
        }
        let (media, mid) = match &self.section {
            Some((media, mid)) => (media.as_str(), mid.as_str()),
            None => ("m=audio 9 UDP/TLS/RTP/SAVPF 0", "0"),
        };
        text += &format!("{media}\r\na=mid:{mid}\r\n");
        text += &format!("a=ice-ufrag:{}\r\na=ice-pwd:{}\r\n", ice.ufrag, ice.pwd);
        for candidate in &ice.candidates {
            let candidate = candidate.trim_end();
            let candidate = candidate.strip_prefix("a=").unwrap_or(candidate);
            text += &format!("a={candidate}\r\n");
        }
        text + "a=end-of-candidates\r\n"
    }
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
pub(crate) fn has_media_type(headers: &HeaderMap, wanted: &str) -> bool {
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
    fn fragments_must_have_credentials() {
        let read = |text: &'static str| Fragment::read(&Bytes::from_static(text.as_bytes()));
        let good = read(
            "a=group:BUNDLE 1 0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\n\
             a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n",
        )
        .unwrap();
        assert_eq!(good.ice.ufrag, "EsAw");
        let answer = good.answer(&IceAnswer {
            generation: 1,
            ufrag: "our1".into(),
            pwd: "our+password/of+22chars".into(),
            candidates: vec!["candidate:1 1 udp 1 192.0.2.1 7882 typ host".into()],
        });
        assert_eq!(
            answer,
            "a=ice-lite\r\na=ice-options:trickle ice2\r\na=group:BUNDLE 1 0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\n\
             a=ice-ufrag:our1\r\na=ice-pwd:our+password/of+22chars\r\n\
             a=candidate:1 1 udp 1 192.0.2.1 7882 typ host\r\na=end-of-candidates\r\n"
        );
        for bad in [
            "hello",
            "a=ice-ufrag:EsAw\r\n",
            "a=ice-ufrag:E\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n",
            "a=ice-ufrag:EsAw\r\na=ice-pwd:short\r\n",
            "a=ice-ufrag:Es w\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n",
        ] {
            assert!(matches!(read(bad), Err(ApiError::BadRequest(_))), "{bad}");
        }
    }
}
