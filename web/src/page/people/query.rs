//! What stands behind the question mark of these pages: where to go on, or the token of a letter.

use std::fmt;

/// The query of an address, decoded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query(String);

impl From<&str> for Query {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Query {
    /// Asks to come back to this path.
    pub fn back_to(path: &str) -> Self {
        Self(format!("next={path}"))
    }

    /// The path to go on to: one of this site, else the home page.
    pub fn next(&self) -> &str {
        // All the rest is the path, which may have a query of its own.
        let path = self.0.strip_prefix("next=").unwrap_or_default();
        if is_page(path) { path } else { "/" }
    }

    /// The token of a letter.
    pub fn token(&self) -> &str {
        self.0
            .split('&')
            .find_map(|pair| pair.strip_prefix("token="))
            .unwrap_or_default()
    }
}

/// A page of this site, and none that asks to log in again. Browsers take `//host` and `/\host` for other servers.
fn is_page(path: &str) -> bool {
    let plain = path
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let elsewhere = ["//", "/api/", "/login", "/register"];
    plain && path.starts_with('/') && !elsewhere.iter().any(|start| path.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_of_this_site_are_gone_on_to() {
        let next = |text: &str| Query::from(text).next().to_owned();
        assert_eq!(next("next=/settings"), "/settings");
        assert_eq!(
            next("next=/@demo?transport=hls&x=1"),
            "/@demo?transport=hls&x=1"
        );
        for bad in [
            "",
            "next=",
            "next=//evil.example",
            "next=/\\evil.example",
            "next=https://evil.example",
            "next=javascript:alert(1)",
            "next=/\t/evil.example",
            "next=/login?next=/",
            "next=/api/v1/me/export",
        ] {
            assert_eq!(next(bad), "/", "{bad}");
        }
    }

    #[test]
    fn a_way_back_is_read_as_it_was_written() {
        let query = Query::back_to("/u/ann");
        assert_eq!(query.to_string(), "next=/u/ann");
        assert_eq!(query.next(), "/u/ann");
        assert_eq!(Query::from("token=a-b_c").token(), "a-b_c");
        assert_eq!(Query::from("x=1").token(), "");
    }
}
