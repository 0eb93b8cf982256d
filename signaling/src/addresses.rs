//! The addresses under which the outside reaches the server.

use axum::http::{HeaderMap, Uri, header};
use url::Url;
use weir_protocol::{StreamAccess, StreamSlug};

use crate::keys::StreamKey;

/// Port of RTMP unless configured (registered with IANA as `macromedia-fcs`).
const RTMP_PORT: u16 = 1935;

/// Where the outside reaches the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addresses {
    /// Base of all web addresses, for example `https://live.example.org`. Without it, the address in
    /// the request is used.
    pub public_url: Option<Url>,
    /// Port of RTMP.
    pub rtmp_port: u16,
}

impl Default for Addresses {
    fn default() -> Self {
        Self {
            public_url: None,
            rtmp_port: RTMP_PORT,
        }
    }
}

impl Addresses {
    /// The base of all web addresses: the configured one, or what the client itself used. Over what it
    /// came stands in the request's URI, where the edge puts it (`weir_edge::Handler`).
    pub(crate) fn base(&self, uri: &Uri, headers: &HeaderMap) -> Option<Url> {
        if let Some(url) = &self.public_url {
            return Some(url.clone());
        }
        let host = match uri.authority() {
            Some(authority) => authority.as_str(),
            None => headers.get(header::HOST)?.to_str().ok()?,
        };
        let scheme = match uri.scheme_str() {
            Some("https") => "https",
            Some(_) | None => "http",
        };
        let url = Url::parse(&format!("{scheme}://{host}/")).ok()?;
        // A Host field with anything else in it is not an authority.
        (url.path() == "/" && url.query().is_none() && url.username().is_empty()).then_some(url)
    }

    /// Where RTMP publishers connect: the host of the web addresses, the port of RTMP.
    pub fn rtmp_url(&self, base: &Url) -> String {
        let host = base.host_str().unwrap_or("localhost");
        match self.rtmp_port {
            RTMP_PORT => format!("rtmp://{host}/live"),
            port => format!("rtmp://{host}:{port}/live"),
        }
    }

    /// A stream's new key with all its addresses under a base.
    pub fn access(&self, base: &Url, slug: &StreamSlug, key: &StreamKey) -> StreamAccess {
        let base_text = base.as_str().trim_end_matches('/');
        StreamAccess {
            slug: slug.clone(),
            key: key.reveal().to_owned(),
            rtmp_url: self.rtmp_url(base),
            whip_url: format!("{base_text}/whip"),
            whep_url: format!("{base_text}/whep/{slug}"),
            hls_url: format!("{base_text}/hls/{slug}/master.m3u8"),
            watch_url: format!("{base_text}/@{slug}"),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn base(uri: &'static str, host: &str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, host.parse().unwrap());
        // Nobody's word but the edge's.
        headers.insert("x-forwarded-proto", "https".parse().unwrap());
        Addresses::default()
            .base(&Uri::from_static(uri), &headers)
            .map(String::from)
    }

    #[test]
    fn base_is_what_the_client_used() {
        let is = |uri, host| base(uri, host).unwrap();
        assert_eq!(is("/x", "live.example:8080"), "http://live.example:8080/");
        assert_eq!(is("/x", "[::1]:8080"), "http://[::1]:8080/");
        assert_eq!(is("https://a.example/x", "b"), "https://a.example/");
        assert_eq!(is("http://b.example:8080/x", "b"), "http://b.example:8080/");
        assert_eq!(base("/x", "evil@a.example/x?y"), None);
        assert_eq!(base("http://evil@a.example/x", "b"), None);
    }

    #[test]
    fn configured_base_wins() {
        let addresses = Addresses {
            public_url: Some("https://live.example/".parse().unwrap()),
            rtmp_port: 1936,
        };
        let base = addresses
            .base(&Uri::from_static("/x"), &HeaderMap::new())
            .unwrap();
        let (key, _) = crate::keys::generate();
        let access = addresses.access(&base, &"demo".parse().unwrap(), &key);
        assert_eq!(access.rtmp_url, "rtmp://live.example:1936/live");
        assert_eq!(access.whip_url, "https://live.example/whip");
        assert_eq!(access.whep_url, "https://live.example/whep/demo");
        assert_eq!(access.hls_url, "https://live.example/hls/demo/master.m3u8");
        assert_eq!(access.watch_url, "https://live.example/@demo");
    }
}
