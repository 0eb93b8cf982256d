//! WHIP and WHEP over HTTP, and the server's own figures.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket},
    time::Duration,
};

use anyhow::{Context, bail};
use reqwest::{Client, StatusCode, Url, header};

/// How long a stream may take to become live.
const LIVE_TIMEOUT: Duration = Duration::from_secs(20);

/// Before an offer that was answered with 409 is made again.
const RETRY: Duration = Duration::from_millis(200);

/// A session that can be ended.
#[derive(Debug, Clone)]
pub(crate) struct Resource {
    url: Url,
    key: Option<String>,
}

/// Posts an offer and gives the answer. A stream that is not live yet is asked for again.
pub(crate) async fn offer(
    client: &Client,
    endpoint: &str,
    key: Option<&str>,
    sdp: &str,
) -> anyhow::Result<(String, Resource)> {
    let deadline = tokio::time::Instant::now() + LIVE_TIMEOUT;
    loop {
        let mut request = client
            .post(endpoint)
            .header(header::CONTENT_TYPE, "application/sdp")
            .body(sdp.to_owned());
        if let Some(key) = key {
            request = request.bearer_auth(key);
        }
        let response = request.send().await?;
        let status = response.status();
        if status == StatusCode::CONFLICT && tokio::time::Instant::now() < deadline {
            tokio::time::sleep(RETRY).await;
            continue;
        }
        if status != StatusCode::CREATED {
            bail!("{endpoint}: {status}: {}", response.text().await?);
        }
        let location = response
            .headers()
            .get(header::LOCATION)
            .and_then(|value| value.to_str().ok())
            .context("no Location")?;
        let url = Url::parse(endpoint)?.join(location)?;
        let key = key.map(str::to_owned);
        return Ok((response.text().await?, Resource { url, key }));
    }
}

/// The address of this machine that packets to a server come from.
pub(crate) async fn local_address(url: &str) -> anyhow::Result<IpAddr> {
    let url = Url::parse(url).with_context(|| format!("{url} is not an address"))?;
    let host = url.host_str().context("an address without a host")?;
    let port = url.port_or_known_default().unwrap_or(80);
    // An IPv6 address stands in brackets.
    let host = host.trim_matches(['[', ']']);
    let mut found = tokio::net::lookup_host((host, port)).await?;
    let remote = found.find(|a| a.is_ipv4() || host.contains(':'));
    let remote = remote.with_context(|| format!("{host} has no IPv4 address"))?;
    let any: IpAddr = if remote.is_ipv4() {
        Ipv4Addr::UNSPECIFIED.into()
    } else {
        Ipv6Addr::UNSPECIFIED.into()
    };
    // Nothing is sent: the kernel looks up the route.
    let socket = UdpSocket::bind((any, 0))?;
    socket.connect(remote)?;
    Ok(socket.local_addr()?.ip())
}

/// Ends a session.
pub(crate) async fn delete(client: &Client, resource: &Resource) -> anyhow::Result<()> {
    let mut request = client.delete(resource.url.clone());
    if let Some(key) = &resource.key {
        request = request.bearer_auth(key);
    }
    let status = request.send().await?.status();
    if !status.is_success() {
        bail!("DELETE {}: {status}", resource.url);
    }
    Ok(())
}

/// The server's counters and gauges: name with labels, as in the text, and value.
#[derive(Debug, Clone, Default)]
pub(crate) struct Metrics(BTreeMap<String, f64>);

impl Metrics {
    /// Reads `/metrics`.
    pub(crate) async fn read(client: &Client, base: &str) -> anyhow::Result<Self> {
        let response = client.get(format!("{base}/metrics")).send().await?;
        let text = response.error_for_status()?.text().await?;
        Ok(Self::parse(&text))
    }

    fn parse(text: &str) -> Self {
        let samples = text.lines().filter(|line| !line.starts_with('#'));
        let pairs = samples.filter_map(|line| {
            let (name, value) = line.rsplit_once(' ')?;
            Some((name.to_owned(), value.parse().ok()?))
        });
        Self(pairs.collect())
    }

    /// How much a counter grew.
    pub(crate) fn growth(&self, earlier: &Self, name: &str) -> anyhow::Result<f64> {
        let of = |metrics: &Self| metrics.0.get(name).copied();
        let (now, before) = (of(self), of(earlier));
        Ok(now.with_context(|| format!("no metric {name}"))? - before.unwrap_or(0.0))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn figures_are_read_from_the_text() {
        let before = Metrics::parse("# TYPE weir_sends counter\nweir_sends_total 3\n");
        let after = Metrics::parse(
            "weir_sends_total 10\nweir_packets_total{direction=\"out\"} 7\nweir_viewers 2.0\n# EOF\n",
        );
        assert_eq!(after.growth(&before, "weir_sends_total").unwrap(), 7.0);
        let packets = "weir_packets_total{direction=\"out\"}";
        assert_eq!(after.growth(&before, packets).unwrap(), 7.0);
        assert!(after.growth(&before, "weir_other").is_err());
    }
}
