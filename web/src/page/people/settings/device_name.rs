//! What people call a device, by what its browser calls itself.

use crate::texts::people;

/// Browsers, the more special first: most of them name those after them too.
const BROWSERS: [(&str, &str); 8] = [
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
];

/// Systems, likewise.
const SYSTEMS: [(&str, &str); 7] = [
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
];

/// "Firefox, Linux" of a browser; a program's own words otherwise.
pub fn device_name(agent: &str) -> String {
    let of = |known: &[(&str, &'static str)]| {
        let found = known.iter().find(|(word, _)| agent.contains(word));
        found.map(|(_, name)| *name)
    };
    match (of(&BROWSERS), of(&SYSTEMS)) {
        (Some(browser), Some(system)) => people::browser_on(browser, system),
        (Some(name), None) => name.to_owned(),
        _ if agent.trim().is_empty() => people::unknown_device().to_owned(),
        _ => agent.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_are_known_among_those_that_they_claim_to_be() {
        let chrome = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36";
        assert_eq!(device_name(chrome), "Chrome on Linux");
        assert_eq!(
            device_name(&format!("{chrome} Edg/140.0.0.0")),
            "Edge on Linux"
        );
        let phone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1";
        assert_eq!(device_name(phone), "Safari on iPhone");
        assert_eq!(device_name("curl/8.5.0"), "curl/8.5.0");
        assert_eq!(device_name(" "), people::unknown_device());
    }
}
