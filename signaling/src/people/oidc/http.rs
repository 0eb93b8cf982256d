//! The HTTP client that the OpenID library is given.

use std::time::Duration;

use openidconnect::{HttpRequest, HttpResponse};

/// How long a provider may take for an answer.
const TIMEOUT: Duration = Duration::from_secs(8);

/// Largest answer in bytes.
const MAX_BYTES: usize = 1024 * 1024;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum HttpError {
    /// The provider cannot be reached.
    #[error("the provider cannot be reached: {0}")]
    Failed(#[from] reqwest::Error),
    /// It sends more than it should.
    #[error("the provider's answer is too long")]
    TooLong,
    /// It sends what is no HTTP.
    #[error("the provider's answer cannot be read")]
    Odd,
}

/// A client that follows no redirects: they would lead it wherever the provider says.
pub(super) fn client() -> reqwest::Client {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(TIMEOUT)
        .build()
        .expect("a client without anything special can be made")
}

/// Sends one request.
pub(super) async fn send(
    client: reqwest::Client,
    request: HttpRequest,
) -> Result<HttpResponse, HttpError> {
    let mut response = client.execute(request.try_into()?).await?;
    let mut answer = axum::http::Response::builder().status(response.status());
    for (name, value) in response.headers() {
        answer = answer.header(name, value);
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > MAX_BYTES {
            return Err(HttpError::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    answer.body(body).map_err(|_| HttpError::Odd)
}
