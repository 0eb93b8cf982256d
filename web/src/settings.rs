//! What is remembered in this browser: volume, mute, quality, theme.

use crate::{dom, player::Quality};

const VOLUME: &str = "weir.volume";
const MUTED: &str = "weir.muted";
const QUALITY: &str = "weir.quality";
const THEME: &str = "weir.theme";

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
