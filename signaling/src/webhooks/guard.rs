//! Which addresses deliveries may go to. Whoever may make a webhook could otherwise have the server ask
//! its own network (server-side request forgery).

use std::{
    io,
    net::{IpAddr, SocketAddr},
};

use url::{Host, Url};

use crate::guard;

/// Longest address in characters.
const URL_MAX: usize = 2048;

/// What an operator allows beyond the safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rules {
    /// Hosts of the server's own network.
    pub(super) private: bool,
    /// Deliveries without TLS.
    pub(super) http: bool,
}

impl Rules {
    /// The address of an endpoint, as far as it can be judged without asking the DNS.
    ///
    /// # Errors
    /// What is wrong with it, and what to do.
    pub(super) fn parse(self, text: &str) -> Result<Url, String> {
        if text.len() > URL_MAX {
            return Err(format!("the url has more than {URL_MAX} characters"));
        }
        let url = Url::parse(text).map_err(|error| {
            format!("the url is no address like https://example.com/hook: {error}")
        })?;
        match url.scheme() {
            "https" => {}
            "http" if self.http => {}
            "http" => return Err("the url must begin with https://".to_owned()),
            _ => {
                return Err(
                    "the url must begin with https://, like https://example.com/hook".to_owned(),
                );
            }
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("the url must not hold a user name or a password".to_owned());
        }
        if url.fragment().is_some() {
            return Err("the url must not have a fragment (#…): it would not be sent".to_owned());
        }
        let literal = match url.host() {
            None => return Err("the url has no host".to_owned()),
            Some(Host::Domain(_)) => None,
            Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
            Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
        };
        if let Some(why) = literal.and_then(|address| self.refusal(address)) {
            return Err(format!("the url's host is {why}; it must be a public one"));
        }
        Ok(url)
    }

    /// Looks a host up and gives the addresses that may be connected to. Whoever connects must take
    /// these and not ask again: a second answer of the DNS might be another one.
    ///
    /// # Errors
    /// When it has no address, or one that is refused: a name with a public and a private one is up
    /// to no good.
    pub(super) async fn resolve(self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        guard::resolve(host, port, self.private).await
    }

    fn refusal(self, address: IpAddr) -> Option<&'static str> {
        guard::refusal(address).filter(|_| !self.private)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const STRICT: Rules = Rules {
        private: false,
        http: false,
    };

    #[test]
    fn addresses_of_endpoints_are_judged_by_their_host() {
        let long = format!("https://example.com/{}", "a".repeat(URL_MAX));
        for url in [
            "",
            "example.com",
            "ftp://example.com/",
            "http://example.com/",
            "https://",
            "https://user@example.com/",
            "https://user:pass@example.com/",
            "https://example.com/#part",
            "https://127.0.0.1/",
            "https://[::1]/",
            // All of these are 127.0.0.1.
            "https://2130706433/",
            "https://0x7f.1/",
            "https://017700000001/",
            "https://127.1/",
            "https://[::ffff:7f00:1]/",
            "https://169.254.169.254/latest/meta-data/",
            &long,
        ] {
            assert!(STRICT.parse(url).is_err(), "{url}");
        }
        for url in [
            "https://example.com/hook?a=b",
            "https://example.com:8443/",
            "https://8.8.8.8/",
        ] {
            assert!(STRICT.parse(url).is_ok(), "{url}");
        }
        let open = Rules {
            private: true,
            http: true,
        };
        assert!(open.parse("http://127.0.0.1:9000/hook").is_ok());
        assert!(open.parse("gopher://127.0.0.1/").is_err());
    }

    #[tokio::test]
    async fn names_of_this_machine_are_refused_when_they_are_looked_up() {
        let refused = STRICT.resolve("localhost", 443).await.unwrap_err();
        assert!(refused.to_string().contains("this machine"), "{refused}");
        let open = Rules {
            private: true,
            http: true,
        };
        assert!(!open.resolve("localhost", 443).await.unwrap().is_empty());
    }
}
