//! Links in texts.

use unicode_normalization::UnicodeNormalization;

/// Ends of host names by which `name.end` is a link even without anything before or behind. Others
/// need a scheme, `www.` or a path, so that a full stop without a blank is no link.
const ENDS: &[&str] = &[
    "com", "net", "org", "info", "biz", "io", "gg", "tv", "me", "co", "us", "uk", "de", "fr", "ru",
    "nl", "eu", "cn", "in", "br", "jp", "be", "ly", "to", "cc", "xyz", "link", "live", "app",
    "dev", "top", "site", "online", "shop", "store", "club", "icu", "click", "ai", "sh",
];

/// Hosts that the links of a text lead to, in lower case.
pub(crate) fn hosts(text: &str) -> Vec<String> {
    // Full-width letters and dots are read by people as plain ones.
    let text: String = text.nfkc().flat_map(char::to_lowercase).collect();
    text.split(|c: char| c.is_whitespace() || "<>()[]{}\"'`,;".contains(c))
        .filter_map(host)
        .collect()
}

/// Whether a host is one of the list, or below one.
pub(crate) fn is_listed(host: &str, list: &[String]) -> bool {
    list.iter().any(|entry| {
        host.strip_suffix(entry.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    })
}

/// A host as it stands on a list; `None` for what is no name of a host.
pub(crate) fn listable(text: &str) -> Option<String> {
    let text = text.trim().trim_end_matches('.').to_lowercase();
    let text = text.strip_prefix("*.").unwrap_or(&text);
    is_host(text).then(|| text.to_owned())
}

fn host(word: &str) -> Option<String> {
    let word = word.trim_end_matches(['.', '!', '?', ':']);
    let (rest, sure) = match word.find("://") {
        Some(at) => (&word[at + 3..], true),
        None => (word, word.starts_with("www.")),
    };
    let end = rest.find(['/', '?', '#', '\\']);
    let authority = &rest[..end.unwrap_or(rest.len())];
    // What stands before `@` is the user's name, and a mail address is no link.
    if !sure && authority.contains('@') {
        return None;
    }
    let host = authority.rsplit('@').next().unwrap_or(authority);
    let host = host.split(':').next().unwrap_or(host).trim_end_matches('.');
    let named = sure
        || end.is_some() && host.contains('.') && is_host(host)
        || is_host(host)
            && host
                .rsplit_once('.')
                .is_some_and(|(_, end)| ENDS.contains(&end));
    // A scheme with something odd behind is a link that no list allows.
    named.then(|| host.to_owned())
}

fn is_host(text: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    text.len() <= weir_protocol::room::LINK_HOST_CHARS
        && text.contains('.')
        && text.split('.').all(label)
        && text
            .rsplit('.')
            .next()
            .is_some_and(|end| end.len() >= 2 && end.chars().any(char::is_alphabetic))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_found_with_their_hosts() {
        for (text, expected) in [
            ("see https://Example.org/a?b", "example.org"),
            ("(www.example.org)", "www.example.org"),
            ("example.com!", "example.com"),
            ("go to sub.example.museum/x now", "sub.example.museum"),
            ("https://user:pw@evil.example:8080/", "evil.example"),
            ("ｈｔｔｐｓ：／／example．org", "example.org"),
            ("ftp://1.2.3.4/", "1.2.3.4"),
        ] {
            assert_eq!(hosts(text), [expected], "{text}");
        }
        for text in [
            "hello.world",
            "wait...what",
            "3.14",
            "mail@example.org",
            "e.g. this",
            "and/or",
            "",
        ] {
            assert!(hosts(text).is_empty(), "{text}: {:?}", hosts(text));
        }
    }

    #[test]
    fn lists_hold_for_subdomains_only() {
        let list = [listable(" Example.org. ").expect("a host")];
        assert!(is_listed("example.org", &list));
        assert!(is_listed("a.example.org", &list));
        assert!(!is_listed("badexample.org", &list));
        assert!(!is_listed("example.org.evil.com", &list));
        assert_eq!(listable("*.example.org").as_deref(), Some("example.org"));
        for bad in ["", "localhost", "a b.c", "http://a.b", "a..b"] {
            assert_eq!(listable(bad), None, "{bad}");
        }
    }
}
