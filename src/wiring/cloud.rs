//! Asks the cloud in which this machine runs which public addresses it has: machines there mostly know
//! private ones only, and a NAT of the cloud's that keeps ports stands in front.

use std::{net::IpAddr, time::Duration};

use futures_util::future::join_all;
use reqwest::{Client, Method, Request, redirect::Policy};
use tracing::{info, warn};
use url::Url;

/// For all answers together. A cloud answers within milliseconds; elsewhere nobody does.
const PATIENCE: Duration = Duration::from_secs(2);

/// The longest answer in bytes. An address is shorter, and so is AWS's token.
const MAX_ANSWER: usize = 512;

/// Where a cloud says an address, and which header fields it wants to be sure that nobody else made us ask.
const QUESTIONS: [(&str, &[(&str, &str)]); 6] = [
    // Google Cloud
    (
        "computeMetadata/v1/instance/network-interfaces/0/access-configs/0/external-ip",
        &[("Metadata-Flavor", "Google")],
    ),
    (
        "computeMetadata/v1/instance/network-interfaces/0/ipv6s",
        &[("Metadata-Flavor", "Google")],
    ),
    // Azure
    (
        "metadata/instance/network/interface/0/ipv4/ipAddress/0/publicIpAddress?api-version=2021-02-01&format=text",
        &[("Metadata", "true")],
    ),
    // Hetzner
    ("hetzner/v1/metadata/public-ipv4", &[]),
    // DigitalOcean
    ("metadata/v1/interfaces/public/0/ipv4/address", &[]),
    ("metadata/v1/interfaces/public/0/ipv6/address", &[]),
];

/// AWS, with a token (IMDSv2).
const AWS_TOKEN: &str = "latest/api/token";
const AWS_QUESTIONS: [&str; 2] = ["latest/meta-data/public-ipv4", "latest/meta-data/ipv6"];

/// What the cloud says, if there is one. `base` is where it is asked.
pub async fn public_addresses(base: &Url) -> Vec<IpAddr> {
    let found = match ask(base).await {
        Ok(found) => found,
        Err(error) => {
            warn!(%error, "the cloud cannot be asked for this machine's public address");
            return Vec::new();
        }
    };
    match found.is_empty() {
        true => warn!(
            %base,
            "no cloud said a public address of this machine; set media.public_ip, or media.discover_cloud = false"
        ),
        false => info!(?found, "public addresses by the cloud's word"),
    }
    found
}

async fn ask(base: &Url) -> reqwest::Result<Vec<IpAddr>> {
    // No proxy and no other place: what answers must be this link's.
    let client = Client::builder()
        .no_proxy()
        .redirect(Policy::none())
        .timeout(PATIENCE)
        .build()?;
    let others = QUESTIONS.iter().map(|(path, fields)| {
        let client = &client;
        async move { address(&answer(client, base, Method::GET, path, fields).await?) }
    });
    let aws = async {
        let fields = [("X-aws-ec2-metadata-token-ttl-seconds", "60")];
        let token = answer(&client, base, Method::PUT, AWS_TOKEN, &fields).await?;
        let fields = [("X-aws-ec2-metadata-token", token.trim())];
        let answers = AWS_QUESTIONS.map(|path| answer(&client, base, Method::GET, path, &fields));
        let answers = join_all(answers).await;
        Some(
            answers
                .into_iter()
                .flatten()
                .filter_map(|it| address(&it))
                .collect::<Vec<_>>(),
        )
    };
    let (aws, others) = tokio::join!(aws, join_all(others));
    let mut found: Vec<IpAddr> = aws.unwrap_or_default();
    found.extend(others.into_iter().flatten());
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

/// Only addresses that the Internet can reach: nothing else is worth telling.
fn address(text: &str) -> Option<IpAddr> {
    let ip: IpAddr = text.lines().next()?.trim().parse().ok()?;
    weir_edge::is_public(ip).then_some(ip)
}

/// A short answer that says yes.
async fn answer(
    client: &Client,
    base: &Url,
    method: Method,
    path: &str,
    fields: &[(&str, &str)],
) -> Option<String> {
    let mut request = client.request(method, base.join(path).ok()?);
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    let request: Request = request.build().ok()?;
    let mut response = client.execute(request).await.ok()?;
    if !response.status().is_success() {
        return None;
    }
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await.ok()? {
        body.extend_from_slice(&piece);
        if body.len() > MAX_ANSWER {
            return None;
        }
    }
    String::from_utf8(body).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use axum::{
        Router,
        extract::Request,
        http::StatusCode,
        response::{IntoResponse, Redirect, Response},
    };

    use super::*;

    /// A cloud at a free port, and what it says.
    async fn cloud(answer: fn(&Request) -> Response) -> Url {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let router =
            Router::new().fallback(move |request: Request| async move { answer(&request) });
        tokio::spawn(async move { axum::serve(listener, router).await });
        base.parse().unwrap()
    }

    fn field<'a>(request: &'a Request, name: &str) -> &'a str {
        let value = request.headers().get(name);
        value.and_then(|value| value.to_str().ok()).unwrap_or("")
    }

    const NOTHING: StatusCode = StatusCode::NOT_FOUND;

    async fn found(answer: fn(&Request) -> Response) -> Vec<String> {
        let found = public_addresses(&cloud(answer).await).await;
        found.iter().map(ToString::to_string).collect()
    }

    #[tokio::test]
    async fn aws_wants_a_token() {
        let aws = |request: &Request| match (request.method(), request.uri().path()) {
            (&Method::PUT, "/latest/api/token")
                if field(request, "x-aws-ec2-metadata-token-ttl-seconds") == "60" =>
            {
                "AQAE-token".into_response()
            }
            _ if field(request, "x-aws-ec2-metadata-token") != "AQAE-token" => {
                StatusCode::UNAUTHORIZED.into_response()
            }
            (&Method::GET, "/latest/meta-data/public-ipv4") => "203.0.113.7".into_response(),
            (&Method::GET, "/latest/meta-data/ipv6") => "2001:db8::7\n".into_response(),
            _ => NOTHING.into_response(),
        };
        assert_eq!(found(aws).await, ["203.0.113.7", "2001:db8::7"]);
    }

    #[tokio::test]
    async fn others_want_a_word_or_nothing() {
        let google = |request: &Request| match request.uri().path() {
            path if path.ends_with("/external-ip")
                && field(request, "metadata-flavor") == "Google" =>
            {
                "203.0.113.8".into_response()
            }
            _ => NOTHING.into_response(),
        };
        assert_eq!(found(google).await, ["203.0.113.8"]);
        let azure = |request: &Request| match request.uri().path() {
            "/metadata/instance/network/interface/0/ipv4/ipAddress/0/publicIpAddress"
                if field(request, "metadata") == "true"
                    && request.uri().query() == Some("api-version=2021-02-01&format=text") =>
            {
                "203.0.113.9".into_response()
            }
            _ => NOTHING.into_response(),
        };
        assert_eq!(found(azure).await, ["203.0.113.9"]);
        let hetzner = |request: &Request| match request.uri().path() {
            "/hetzner/v1/metadata/public-ipv4" => "203.0.113.10\n".into_response(),
            _ => NOTHING.into_response(),
        };
        assert_eq!(found(hetzner).await, ["203.0.113.10"]);
        let ocean = |request: &Request| match request.uri().path() {
            "/metadata/v1/interfaces/public/0/ipv4/address" => "203.0.113.11".into_response(),
            _ => NOTHING.into_response(),
        };
        assert_eq!(found(ocean).await, ["203.0.113.11"]);
    }

    #[tokio::test]
    async fn what_is_no_public_address_is_not_believed() {
        assert!(found(|_| "10.0.0.5".into_response()).await.is_empty());
        assert!(
            found(|_| "<html>log in</html>".into_response())
                .await
                .is_empty()
        );
        assert!(
            found(|_| "9".repeat(100_000).into_response())
                .await
                .is_empty()
        );
        let away = |_: &Request| Redirect::temporary("http://192.0.2.1/").into_response();
        assert!(found(away).await.is_empty());
    }

    #[tokio::test]
    async fn nobody_is_waited_for_long() {
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", silent.local_addr().unwrap());
        let asked = tokio::time::Instant::now();
        let found = public_addresses(&base.parse().unwrap()).await;
        assert!(found.is_empty() && asked.elapsed() < 2 * PATIENCE);
    }
}
