//! What is remembered in this browser: volume, mute, quality, theme, language, and how long the session is fresh.

use crate::{dom, player::Quality};

const VOLUME: &str = "weir.volume";
const MUTED: &str = "weir.muted";
const QUALITY: &str = "weir.quality";
const CAPTIONS: &str = "weir.captions";
const THEME: &str = "weir.theme";
const LANGUAGE: &str = "weir.language";
const GUEST_NAME: &str = "weir.guest.name";
const GUEST_SECRET: &str = "weir.guest.secret";
/// Written whenever somebody logs in or out, or the session is fresh again: other tabs hear of it.
pub const SESSION_END: &str = "weir.session.end";
const SESSION_REFRESHED: &str = "weir.session.refreshed";

/// How loud the viewer likes it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sound {
    /// 0–1.
    pub volume: f64,
    /// Silence without losing the volume.
    pub muted: bool,
}

impl Default for Sound {
    fn default() -> Self {
        Self {
            volume: 1.0,
            muted: false,
        }
    }
}

impl Sound {
    /// From the last visit.
    pub fn load() -> Self {
        Self::from_stored(read(VOLUME).as_deref(), read(MUTED).as_deref())
    }

    /// For the next visit.
    pub fn save(self) {
        write(VOLUME, &format!("{:.2}", self.volume));
        write(MUTED, if self.muted { "1" } else { "0" });
    }

    fn from_stored(volume: Option<&str>, muted: Option<&str>) -> Self {
        let default = Self::default();
        let stored = volume
            .and_then(|text| text.parse::<f64>().ok())
            .filter(|v| (0.0..=1.0).contains(v));
        Self {
            volume: stored.unwrap_or(default.volume),
            muted: muted == Some("1"),
        }
    }
}

impl Quality {
    /// From the last visit.
    pub fn load() -> Self {
        Self::from_stored(read(QUALITY).as_deref())
    }

    /// For the next visit.
    pub fn save(self) {
        write(QUALITY, &self.stored());
    }
}

/// Whether captions are shown.
pub fn captions() -> bool {
    read(CAPTIONS).as_deref() == Some("1")
}

/// For the next visit.
pub fn set_captions(shown: bool) {
    write(CAPTIONS, if shown { "1" } else { "0" });
}

/// Dark and light.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Theme {
    /// Light text on a dark page.
    Dark,
    /// The other way round.
    Light,
}

impl Theme {
    /// What the page shows now: the viewer's choice, or else the system's.
    pub fn current() -> Self {
        match read(THEME).as_deref() {
            Some("dark") => Self::Dark,
            Some("light") => Self::Light,
            _ => {
                let query = dom::call_with(
                    &dom::window(),
                    "matchMedia",
                    &"(prefers-color-scheme: dark)".into(),
                );
                let dark = query
                    .and_then(|query| dom::property(&query, "matches"))
                    .is_some_and(|m| m.is_truthy());
                if dark { Self::Dark } else { Self::Light }
            }
        }
    }

    /// The other one.
    pub fn other(self) -> Self {
        match self {
            Self::Dark => Self::Light,
            Self::Light => Self::Dark,
        }
    }

    /// Shows it and remembers it.
    pub fn choose(self) {
        let word = match self {
            Self::Dark => "dark",
            Self::Light => "light",
        };
        write(THEME, word);
        if let Some(root) = dom::document().document_element() {
            let _ = root.set_attribute("data-theme", word);
        }
    }
}

/// The tag of the language that was chosen here.
pub fn language() -> Option<String> {
    read(LANGUAGE)
}

/// For the next visit.
pub fn set_language(tag: &str) {
    write(LANGUAGE, tag);
}

/// When the access token of the session ends, in milliseconds since the Unix epoch; 0 where that is not known.
pub fn session_end() -> f64 {
    number(SESSION_END)
}

/// For all pages of this browser.
pub fn set_session_end(at: f64) {
    write(SESSION_END, &at.to_string());
}

/// When a page of this browser refreshed the session.
pub fn session_refreshed() -> f64 {
    number(SESSION_REFRESHED)
}

/// For all pages of this browser.
pub fn set_session_refreshed(at: f64) {
    write(SESSION_REFRESHED, &at.to_string());
}

/// The name under which somebody without an account wrote last.
pub fn guest_name() -> Option<String> {
    read(GUEST_NAME)
}

/// For the next visit.
pub fn set_guest_name(name: &str) {
    write(GUEST_NAME, name);
}

/// With it, one is the same guest as before.
pub fn guest_secret() -> Option<String> {
    read(GUEST_SECRET)
}

/// For the next visit.
pub fn set_guest_secret(secret: &str) {
    write(GUEST_SECRET, secret);
}

fn number(key: &str) -> f64 {
    read(key)
        .and_then(|text| text.parse().ok())
        .filter(|number: &f64| number.is_finite())
        .unwrap_or(0.0)
}

fn read(key: &str) -> Option<String> {
    dom::window().local_storage().ok()??.get_item(key).ok()?
}

fn write(key: &str, value: &str) {
    // Storage may be full or forbidden; then the choice lasts as long as the page.
    if let Ok(Some(storage)) = dom::window().local_storage() {
        let _ = storage.set_item(key, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_storage_holds_is_not_trusted() {
        assert_eq!(Sound::from_stored(None, None), Sound::default());
        assert_eq!(
            Sound::from_stored(Some("0.25"), Some("1")),
            Sound {
                volume: 0.25,
                muted: true
            }
        );
        assert_eq!(Sound::from_stored(Some("7"), Some("yes")), Sound::default());
        assert_eq!(Sound::from_stored(Some("NaN"), Some("0")), Sound::default());
    }
}
