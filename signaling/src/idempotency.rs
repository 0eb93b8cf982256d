//! `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header): a creation that is sent again, since
//! its answer was lost, happens once and gets the same answer.
//!
//! Kept for a day, for each user, and encrypted: answers to creations carry secrets that are shown once.
//! Only success is kept. What failed has created nothing, and may be tried again with the same key.

use std::time::Duration;

use axum::{
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use weir_db::Claim;

use crate::{ApiError, App, auth, live};

/// The field.
pub(crate) const FIELD: HeaderName = HeaderName::from_static("idempotency-key");

/// Says of an answer that it is the one of before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// Longest key in characters.
const KEY_MAX: usize = 255;

/// Largest request with a key, in bytes: a picture with room to spare.
const BODY_MAX: usize = 2 << 20;

/// Largest answer that is kept.
const ANSWER_MAX: usize = 256 << 10;

/// How long an answer is kept.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// How often older ones are removed.
const FORGET_EVERY: Duration = Duration::from_secs(60 * 60);

/// Fields of an answer that are kept with it.
const FIELDS: [HeaderName; 4] = [
    header::CONTENT_TYPE,
    header::LOCATION,
    header::ETAG,
    header::CACHE_CONTROL,
];

/// An answer as it is kept.
#[derive(Serialize, Deserialize)]
struct Answer {
    status: u16,
    fields: Vec<(String, String)>,
    body: String,
}

/// Middleware of the API.
pub(crate) async fn once(State(app): State<App>, request: Request, next: Next) -> Response {
    let key = match request.headers().get(&FIELD) {
        Some(key) if request.method() == Method::POST => key.clone(),
        _ => return next.run(request).await,
    };
    match run_once(&app, &key, request, next).await {
        Ok(response) => response,
        Err(error) => error.into_response(),
    }
}

async fn run_once(
    app: &App,
    key: &HeaderValue,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let key = key.to_str().ok().filter(|key| {
        (1..=KEY_MAX).contains(&key.len()) && key.bytes().all(|it| it.is_ascii_graphic())
    });
    let key = key.ok_or_else(|| {
        ApiError::BadRequest(format!(
            "Idempotency-Key has 1 to {KEY_MAX} printable ASCII characters; a UUID does"
        ))
    })?;
    let (parts, body) = request.into_parts();
    let Some(caller) = auth::any_user(app, &parts).await? else {
        // Whoever is nobody has no keys; the operation says itself whether it needs somebody.
        return Ok(next.run(Request::from_parts(parts, body)).await);
    };
    let body = to_bytes(body, BODY_MAX).await;
    let body = body.map_err(|_| ApiError::TooLarge)?;
    let mut hash = Sha256::new();
    hash.update(parts.uri.to_string().as_bytes());
    hash.update([0]);
    hash.update(&body);
    let fingerprint = STANDARD.encode(hash.finalize());
    let (db, user) = (&app.services.db, caller.user.id);
    let sealer = app.services.secrets.sealer();
    let context = format!("answer {user} {key}");
    match db.claim_request(user, key, &fingerprint).await? {
        Claim::First => {}
        Claim::UnderWay => {
            return Err(ApiError::Conflict(
                "a request with this Idempotency-Key is under way; ask again in a moment".into(),
            ));
        }
        Claim::Another => {
            return Err(ApiError::Unprocessable(
                "this Idempotency-Key was used for another request; take a new one".into(),
            ));
        }
        Claim::Answered(sealed) => {
            let answer = sealer.open(&context, &sealed);
            let answer = answer.and_then(|json| serde_json::from_slice(&json).ok());
            return answer.and_then(replay).ok_or(ApiError::Internal);
        }
    }
    // Detached: who hangs up meanwhile must find the answer when it asks again.
    let (app, key) = (app.clone(), key.to_owned());
    let task = tokio::spawn(async move {
        let response = next.run(Request::from_parts(parts, Body::from(body))).await;
        let db = &app.services.db;
        if !response.status().is_success() {
            db.release_request(user, &key).await?;
            return Ok(response);
        }
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, ANSWER_MAX)
            .await
            .map_err(|_| ApiError::Internal)?;
        let fields = FIELDS.iter().filter_map(|name| {
            let value = parts.headers.get(name)?.to_str().ok()?;
            Some((name.to_string(), value.to_owned()))
        });
        let answer = Answer {
            status: parts.status.as_u16(),
            fields: fields.collect(),
            body: STANDARD.encode(&body),
        };
        let json = serde_json::to_vec(&answer).expect("an answer is plain data");
        let sealed = app.services.secrets.sealer().seal(&context, &json);
        db.answer_request(user, &key, &sealed).await?;
        Ok(Response::from_parts(parts, Body::from(body)))
    });
    task.await.map_err(|_| ApiError::Internal)?
}

fn replay(answer: Answer) -> Option<Response> {
    let body = STANDARD.decode(answer.body).ok()?;
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(answer.status).ok()?;
    for (name, value) in answer.fields {
        let name = HeaderName::try_from(name).ok()?;
        response
            .headers_mut()
            .insert(name, HeaderValue::try_from(value).ok()?);
    }
    let yes = HeaderValue::from_static("true");
    response.headers_mut().insert(REPLAYED, yes);
    Some(response)
}

/// Removes old answers until the server stops.
pub(crate) async fn forget_old(app: App) {
    let mut ticks = tokio::time::interval(FORGET_EVERY);
    let stop = app.services.draining.clone();
    let kept = i64::try_from(KEPT.as_millis()).unwrap_or(i64::MAX);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        if let Err(error) = app.services.db.forget_requests(live::now() - kept).await {
            tracing::warn!(%error, "old idempotency keys could not be removed");
        }
    }
}
