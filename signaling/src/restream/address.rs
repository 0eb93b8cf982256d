//! Addresses of targets, as far as they can be judged without asking the DNS.

use std::net::IpAddr;

use url::{Host, Url};

use crate::guard;

/// Longest address in characters.
const URL_MAX: usize = 1024;

/// Ports below this belong to other services; a stream's handshake must not be sent to those.
const FIRST_FREE_PORT: u16 = 1024;

/// Those below it that RTMP is served on.
const WELL_KNOWN: [u16; 2] = [80, 443];

/// An address taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) secure: bool,
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) app: String,
    /// As it is stored and sent.
    pub(super) url: String,
}

/// Reads an address.
///
/// # Errors
/// What is wrong with it, and what to do.
pub(super) fn parse(text: &str, allow_private: bool) -> Result<Address, String> {
    let text = text.trim();
    if text.len() > URL_MAX {
        return Err(format!("the url has more than {URL_MAX} characters"));
    }
    let example = "it must be like rtmps://live.example.com/app, without the stream key";
    let url =
        Url::parse(text).map_err(|error| format!("the url is no address: {error}; {example}"))?;
    let (secure, usual) = match url.scheme() {
        "rtmp" => (false, 1935),
        "rtmps" => (true, 443),
        other => return Err(format!("the url begins with {other}:; {example}")),
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Err("the url must not hold a user name or a password".to_owned());
    }
    if url.fragment().is_some() {
        return Err("the url must not have a fragment (#…): it would not be sent".to_owned());
    }
    // Not a special scheme of the URL standard: hosts are kept as they were written, and an IPv4
    // address is a name like any other.
    let host = match url.host() {
        None | Some(Host::Domain("")) => return Err(format!("the url has no host; {example}")),
        Some(Host::Domain(name)) => name.to_owned(),
        Some(Host::Ipv4(address)) => address.to_string(),
        Some(Host::Ipv6(address)) => format!("[{address}]"),
    };
    if !host
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "-._[]:".contains(c))
    {
        return Err("the url's host has characters that no name has".to_owned());
    }
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let literal: Option<IpAddr> = bare.parse().ok();
    let refused = literal.and_then(guard::refusal).filter(|_| !allow_private);
    if let Some(why) = refused {
        return Err(format!("the url's host is {why}; it must be a public one"));
    }
    let port = url.port().unwrap_or(usual);
    if port < FIRST_FREE_PORT && !WELL_KNOWN.contains(&port) {
        return Err(format!(
            "the url's port {port} belongs to another service; RTMP has 1935, RTMPS 443, or one from \
             {FIRST_FREE_PORT} on"
        ));
    }
    let app = url.path().trim_matches('/');
    if app.is_empty() {
        return Err(format!(
            "the url has no application behind the host; {example}"
        ));
    }
    let query = url.query().map(|query| format!("?{query}"));
    let app = format!("{app}{}", query.unwrap_or_default());
    Ok(Address {
        secure,
        host,
        port,
        url: text.to_owned(),
        app,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn addresses_are_taken_apart() {
        let parts = |text| {
            let address = parse(text, false).unwrap();
            let secure = if address.secure { "tls " } else { "" };
            format!("{secure}{} {} {}", address.host, address.port, address.app)
        };
        for (text, expected) in [
            (
                "rtmp://a.rtmp.youtube.com/live2",
                "a.rtmp.youtube.com 1935 live2",
            ),
            (
                "rtmps://live.example.com:443/rtmp/",
                "tls live.example.com 443 rtmp",
            ),
            (
                "rtmps://live.example.com/app/sub",
                "tls live.example.com 443 app/sub",
            ),
            (
                "rtmp://example.com:1936/app?a=b",
                "example.com 1936 app?a=b",
            ),
            ("rtmp://8.8.8.8/live", "8.8.8.8 1935 live"),
            (
                "rtmp://[2606:4700::1111]:1935/live",
                "[2606:4700::1111] 1935 live",
            ),
        ] {
            assert_eq!(parts(text), expected, "{text}");
        }
    }

    #[test]
    fn what_may_not_be_sent_to_is_refused() {
        let long = format!("rtmp://example.com/{}", "a".repeat(URL_MAX));
        for text in [
            "",
            "example.com/live",
            "http://example.com/live",
            "rtmpt://example.com/live",
            "file:///etc/passwd",
            "rtmp:///live",
            "rtmp://example.com",
            "rtmp://example.com/",
            "rtmp://user@example.com/live",
            "rtmp://user:pass@example.com/live",
            "rtmp://example.com/live#part",
            "rtmp://example.com:25/live",
            "rtmp://example.com:22/live",
            "rtmp://exa mple.com/live",
            "rtmp://exa%00mple.com/live",
            "rtmp://127.0.0.1/live",
            "rtmp://10.1.2.3/live",
            "rtmp://[::1]/live",
            "rtmp://[::ffff:127.0.0.1]/live",
            "rtmp://169.254.169.254/live",
            &long,
        ] {
            assert!(parse(text, false).is_err(), "{text}");
        }
        assert!(parse("rtmp://127.0.0.1:1936/live", true).is_ok());
        assert!(parse("rtmp://127.0.0.1:22/live", true).is_err());
    }
}
