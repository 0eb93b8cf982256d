//! Every error of the HTTP side and the one place where it becomes a response: an RFC 9457 problem
//! document with the status, and the header fields that belong to it.

use std::{any::Any, collections::BTreeMap, time::Duration};

use axum::{
    body::Body,
    extract::rejection::{BytesRejection, JsonRejection},
    http::{HeaderValue, Response, StatusCode, header},
    response::IntoResponse,
};
use utoipa::openapi::{self, RefOr};
use weir_db::DbError;
use weir_protocol::{ErrorCode, Problem, Scope};
use weir_sfu::{IceRestartError, OfferError};

/// When a viewer of a stream that is not live should ask again.
const NOT_LIVE_RETRY: Duration = Duration::from_secs(2);

/// When to ask a server again that is full, is stopping, or has no database.
const UNAVAILABLE_RETRY: Duration = Duration::from_secs(5);

/// What a handler can answer instead of success.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// The body or a parameter cannot be used.
    #[error("{0}")]
    BadRequest(String),
    /// No credentials were sent.
    #[error("{0}")]
    NoCredentials(&'static str),
    /// Credentials were sent and are wrong.
    #[error("{0}")]
    BadCredentials(&'static str),
    /// Valid credentials without the right.
    #[error("{0}")]
    Forbidden(&'static str),
    /// A secret would cross, or has crossed, the Internet for all to read.
    #[error(
        "this request came over the Internet without TLS, where anybody on the way can read passwords, \
         keys and tokens; use https. Whoever runs the server: set tls.acme_names, or \
         http.trusted_proxies where a proxy speaks TLS; docs/TLS.md says how"
    )]
    TlsRequired,
    /// Valid credentials that were not made for this.
    #[error("the API token lacks the scope {}; make one that has it, or log in", .0.as_str())]
    MissingScope(Scope),
    /// No such thing.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// The method does not exist here.
    #[error("this address does not take that method")]
    MethodNotAllowed,
    /// Clashes with what exists.
    #[error("{0}")]
    Conflict(String),
    /// Nobody publishes the stream.
    #[error("the stream is not live; ask again in a moment")]
    NotLive,
    /// `If-Match` is missing.
    #[error("send If-Match with the session's entity tag, or * to restart ICE")]
    PreconditionRequired,
    /// `If-Match` names a state that the session does not have.
    #[error("the session has no such entity tag")]
    PreconditionFailed,
    /// `If-Match` names another version than there is.
    #[error("somebody else changed it since you read it; read it again and repeat the edit")]
    Changed,
    /// The body has another media type than this one.
    #[error("the body must be {0}")]
    UnsupportedMediaType(&'static str),
    /// The body is larger than allowed.
    #[error("the body is too large")]
    TooLarge,
    /// Understood, but it cannot be served.
    #[error("{0}")]
    Unprocessable(String),
    /// Too many requests from this client; may ask again after this time.
    #[error("too many attempts; wait before the next")]
    TooManyRequests(Duration),
    /// The server is full or is stopping.
    #[error("{0}")]
    Unavailable(String),
    /// A defect of the server.
    #[error("something went wrong in the server; its log says what")]
    Internal,
}

impl ApiError {
    fn code(&self) -> (StatusCode, ErrorCode, &'static str) {
        use ErrorCode as Code;
        use StatusCode as Status;
        match self {
            Self::BadRequest(_) => (
                Status::BAD_REQUEST,
                Code::BadRequest,
                "The request cannot be used",
            ),
            Self::NoCredentials(_) | Self::BadCredentials(_) => (
                Status::UNAUTHORIZED,
                Code::Unauthorized,
                "Credentials are needed",
            ),
            Self::Forbidden(_) | Self::MissingScope(_) => {
                (Status::FORBIDDEN, Code::Forbidden, "Not allowed")
            }
            Self::TlsRequired => (Status::FORBIDDEN, Code::TlsRequired, "TLS is required"),
            Self::NotFound(_) => (Status::NOT_FOUND, Code::NotFound, "Not found"),
            Self::MethodNotAllowed => (
                Status::METHOD_NOT_ALLOWED,
                Code::MethodNotAllowed,
                "Method not allowed",
            ),
            Self::Conflict(_) => (Status::CONFLICT, Code::Conflict, "Clashes with what exists"),
            Self::NotLive => (Status::CONFLICT, Code::NotLive, "Not live"),
            Self::PreconditionRequired => (
                Status::PRECONDITION_REQUIRED,
                Code::BadRequest,
                "Precondition required",
            ),
            Self::PreconditionFailed => (
                Status::PRECONDITION_FAILED,
                Code::Conflict,
                "Precondition failed",
            ),
            Self::Changed => (
                Status::PRECONDITION_FAILED,
                Code::Changed,
                "Changed meanwhile",
            ),
            Self::UnsupportedMediaType(_) => (
                Status::UNSUPPORTED_MEDIA_TYPE,
                Code::UnsupportedMediaType,
                "Unsupported media type",
            ),
            Self::TooLarge => (Status::PAYLOAD_TOO_LARGE, Code::TooLarge, "Too large"),
            Self::Unprocessable(_) => (
                Status::UNPROCESSABLE_ENTITY,
                Code::Unprocessable,
                "Cannot be served",
            ),
            Self::TooManyRequests(_) => (
                Status::TOO_MANY_REQUESTS,
                Code::TooManyRequests,
                "Too many requests",
            ),
            Self::Unavailable(_) => (
                Status::SERVICE_UNAVAILABLE,
                Code::Unavailable,
                "Not available now",
            ),
            Self::Internal => (
                Status::INTERNAL_SERVER_ERROR,
                Code::Internal,
                "Internal server error",
            ),
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::NotLive => Some(NOT_LIVE_RETRY),
            Self::Unavailable(_) => Some(UNAVAILABLE_RETRY),
            Self::TooManyRequests(wait) => Some(*wait),
            _ => None,
        }
    }

    /// RFC 6750 section 3: the error is named only when credentials were sent.
    fn challenge(&self) -> Option<String> {
        match self {
            Self::NoCredentials(_) => Some("Bearer realm=\"weir\"".to_owned()),
            Self::BadCredentials(_) => {
                Some("Bearer realm=\"weir\", error=\"invalid_token\"".to_owned())
            }
            Self::MissingScope(scope) => Some(format!(
                "Bearer realm=\"weir\", error=\"insufficient_scope\", scope=\"{}\"",
                scope.as_str()
            )),
            _ => None,
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response<Body> {
        let (status, code, title) = self.code();
        let problem = Problem {
            code,
            status: status.as_u16(),
            title: title.to_owned(),
            detail: Some(self.to_string()),
        };
        let body = serde_json::to_vec(&problem).expect("a problem is plain data");
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(wait) = self.retry_after() {
            // Rounded up, so that a client that waits so long is let in.
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if let Some(challenge) = self.challenge() {
            headers.insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::try_from(challenge).expect("scopes are plain ASCII"),
            );
        }
        response
    }
}

/// What every operation may answer instead of success, for the OpenAPI document. One list for all:
/// who can be refused in a way is refused so everywhere, and clients handle problems in one place.
pub(crate) struct Refusals;

impl utoipa::IntoResponses for Refusals {
    fn responses() -> BTreeMap<String, RefOr<openapi::Response>> {
        const ALL: [(&str, &str); 13] = [
            ("400", "The request cannot be used"),
            ("401", "Credentials are needed, or have ended"),
            ("403", "Not allowed"),
            ("404", "Not found"),
            ("405", "Method not allowed"),
            ("409", "Clashes with what exists"),
            ("412", "Changed since it was read"),
            ("413", "The body is too large"),
            ("415", "Unsupported media type"),
            ("422", "Understood, but cannot be done"),
            ("429", "Too many requests"),
            ("500", "A defect of the server"),
            ("503", "Not available now"),
        ];
        let content = || openapi::Content::new(Some(openapi::Ref::from_schema_name("Problem")));
        ALL.into_iter()
            .map(|(status, description)| {
                let response = openapi::ResponseBuilder::new()
                    .description(description)
                    .content("application/problem+json", content())
                    .build();
                (status.to_owned(), response.into())
            })
            .collect()
    }
}

impl From<OfferError> for ApiError {
    fn from(error: OfferError) -> Self {
        let detail = error.to_string();
        match error {
            OfferError::Malformed(_) => Self::BadRequest(detail),
            OfferError::Unprocessable(_) | OfferError::Form(_) | OfferError::OtherCodec(_) => {
                Self::Unprocessable(detail)
            }
            OfferError::NotLive => Self::NotLive,
            OfferError::Unavailable(_) => Self::Unavailable(detail),
        }
    }
}

impl From<IceRestartError> for ApiError {
    fn from(error: IceRestartError) -> Self {
        match error {
            IceRestartError::NoSuchSession => Self::NotFound("session"),
            IceRestartError::Malformed(_) => Self::BadRequest(error.to_string()),
            IceRestartError::Unchanged => Self::Unprocessable(error.to_string()),
            IceRestartError::Unavailable(_) => Self::Unavailable(error.to_string()),
        }
    }
}

impl From<DbError> for ApiError {
    fn from(error: DbError) -> Self {
        match error {
            DbError::Conflict { .. } | DbError::LastAdmin => Self::Conflict(error.to_string()),
            DbError::NotFound { what } => Self::NotFound(what),
            DbError::Invalid { .. } => Self::BadRequest(error.to_string()),
            DbError::Backend(_) => {
                tracing::error!(%error, "the database failed");
                Self::Unavailable("the database does not answer; try again in a moment".into())
            }
        }
    }
}

impl From<BytesRejection> for ApiError {
    fn from(rejection: BytesRejection) -> Self {
        if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
            Self::TooLarge
        } else {
            Self::BadRequest(rejection.body_text())
        }
    }
}

impl From<JsonRejection> for ApiError {
    fn from(rejection: JsonRejection) -> Self {
        match rejection {
            JsonRejection::MissingJsonContentType(_) => {
                Self::UnsupportedMediaType("application/json")
            }
            JsonRejection::BytesRejection(rejection) => rejection.into(),
            other => Self::BadRequest(other.body_text()),
        }
    }
}

/// What a panic in a handler becomes. The default panic hook has logged where it was.
pub(crate) fn from_panic(panic: Box<dyn Any + Send + 'static>) -> Response<Body> {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no text");
    tracing::error!(panic = text, "a request handler panicked");
    ApiError::Internal.into_response()
}
