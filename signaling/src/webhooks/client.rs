//! One try to deliver, over HTTP.

use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use reqwest::{
    Client, Response, StatusCode,
    dns::{Addrs, Name, Resolve, Resolving},
    header, redirect,
};
use weir_db::Attempt;

use super::{
    guard::Rules,
    sign::{Secret, signatures},
};
use crate::live;

/// How long an endpoint may take for its whole answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Bytes of an answer's body that are kept; the rest is not read.
const RESPONSE_MAX: usize = 1024;

/// Longest description of an error in the log, in characters.
const ERROR_MAX: usize = 300;

/// What came of a try.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) attempt: Attempt,
    /// The endpoint asks not to come back sooner.
    pub(super) retry_after: Option<Duration>,
}

impl Answer {
    pub(super) fn delivered(&self) -> bool {
        self.attempt
            .status
            .is_some_and(|status| (200..300).contains(&status))
    }

    /// The endpoint says that it is gone for good.
    pub(super) fn gone(&self) -> bool {
        self.attempt.status == Some(StatusCode::GONE.as_u16())
    }
}

/// Posts deliveries.
#[derive(Clone)]
pub(super) struct Sender {
    http: Client,
    rules: Rules,
}

impl Sender {
    pub(super) fn new(rules: Rules) -> reqwest::Result<Self> {
        let http = Client::builder()
            .user_agent(concat!("Weir/", env!("CARGO_PKG_VERSION"), " (webhooks)"))
            // What is connected to is what was judged: no proxy, no other address, no second look-up.
            .no_proxy()
            .redirect(redirect::Policy::none())
            .https_only(!rules.http)
            .dns_resolver(Arc::new(Judged(rules)))
            .pool_idle_timeout(Duration::from_secs(20))
            .build()?;
        Ok(Self { http, rules })
    }

    /// Whether the address may be an endpoint's.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub(super) async fn check(&self, text: &str) -> Result<(), String> {
        let url = self.rules.parse(text)?;
        let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
            return Err("the url has no host".to_owned());
        };
        let looked_up = tokio::time::timeout(TIMEOUT / 2, self.rules.resolve(host, port)).await;
        match looked_up {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) if error.kind() == io::ErrorKind::PermissionDenied => {
                Err(error.to_string())
            }
            Ok(Err(_)) | Err(_) => Err(format!("the host {host} of the url has no address")),
        }
    }

    /// Tries once. Everything that can go wrong is a part of the answer.
    pub(super) async fn post(
        &self,
        url: &str,
        id: &str,
        body: String,
        secrets: &[Secret],
    ) -> Answer {
        let at = live::now();
        let began = Instant::now();
        let seconds = at / 1000;
        let signature = signatures(secrets, id, seconds, &body);
        let tried = match self.rules.parse(url) {
            // An address may have been fine when it was stored, under other settings.
            Err(why) => Err(why),
            Ok(url) => {
                let request = self
                    .http
                    .post(url)
                    .header(header::CONTENT_TYPE, "application/json")
                    .header("webhook-id", id)
                    .header("webhook-timestamp", seconds)
                    .header("webhook-signature", signature)
                    .body(body);
                match tokio::time::timeout(TIMEOUT, request.send()).await {
                    Ok(answered) => answered.map_err(|error| explain(&error)),
                    Err(_) => Err(no_answer()),
                }
            }
        };
        let mut attempt = Attempt {
            at,
            duration_ms: 0,
            status: None,
            error: None,
            response: None,
        };
        let mut retry_after = None;
        match tried {
            Err(why) => attempt.error = Some(why),
            Ok(response) => {
                let status = response.status();
                attempt.status = Some(status.as_u16());
                if status.is_redirection() {
                    attempt.error = Some("redirects are not followed".to_owned());
                } else if !status.is_success() {
                    attempt.error = Some(format!("the endpoint answered {}", status.as_u16()));
                }
                retry_after = asked_to_wait(&response);
                let left = TIMEOUT.saturating_sub(began.elapsed());
                attempt.response = Some(beginning(response, left).await);
            }
        }
        attempt.duration_ms = i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX);
        Answer {
            attempt,
            retry_after,
        }
    }
}

/// Looks names up, and gives only what may be connected to.
struct Judged(Rules);

impl Resolve for Judged {
    fn resolve(&self, name: Name) -> Resolving {
        let rules = self.0;
        Box::pin(async move {
            // Port 0 becomes the one of the address.
            let found = rules.resolve(name.as_str(), 0).await?;
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// What an endpoint says, as far as it is kept, in the time that is left. Whether the rest comes does
/// not matter: the status has.
async fn beginning(mut response: Response, left: Duration) -> String {
    let mut bytes = Vec::new();
    let read = async {
        while bytes.len() < RESPONSE_MAX
            && let Ok(Some(chunk)) = response.chunk().await
        {
            bytes.extend_from_slice(&chunk);
        }
    };
    // What came in time counts.
    let _ = tokio::time::timeout(left, read).await;
    bytes.truncate(RESPONSE_MAX);
    // PostgreSQL's text has no NUL.
    String::from_utf8_lossy(&bytes).replace('\0', "\u{fffd}")
}

/// RFC 9110 section 10.2.3, in seconds; dates are for pages that people wait for.
fn asked_to_wait(response: &Response) -> Option<Duration> {
    let field = response.headers().get(header::RETRY_AFTER)?;
    let seconds = field.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

fn no_answer() -> String {
    format!("no answer within {} s", TIMEOUT.as_secs())
}

/// The last cause is what tells; the address is left out, since it may hold a token.
fn explain(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    let what = if error.is_connect() {
        "cannot connect"
    } else {
        "the connection failed"
    };
    let text = format!("{what}: {cause}");
    text.chars()
        .take(ERROR_MAX)
        .collect::<String>()
        .replace('\0', "")
}
