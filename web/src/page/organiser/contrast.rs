//! Whether the chosen colours can be read, in numbers.

use weir_protocol::Branding;

use crate::event::{PARTS, TEXT, contrast, parse};

/// What the server takes where an organiser has set nothing.
const GROUND: &str = "#ffffff";
const INK: &str = "#111111";

/// How far two colours are apart, and how far they must be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Verdict {
    /// From 1 to 21.
    pub found: f64,
    /// At least.
    pub wanted: f64,
}

impl Verdict {
    /// Whether that is enough.
    pub fn is_good(self) -> bool {
        self.found >= self.wanted
    }
}

/// Text on the background; none where both are the client's own.
pub fn text(branding: &Branding) -> Option<Verdict> {
    if branding.background.is_none() && branding.text.is_none() {
        return None;
    }
    judged(branding.text.as_deref().unwrap_or(INK), branding, TEXT)
}

/// Buttons on the background; none where no colour is chosen for them.
pub fn buttons(branding: &Branding) -> Option<Verdict> {
    judged(branding.primary.as_deref()?, branding, PARTS)
}

fn judged(colour: &str, branding: &Branding, wanted: f64) -> Option<Verdict> {
    let ground = branding.background.as_deref().unwrap_or(GROUND);
    let found = contrast(parse(colour)?, parse(ground)?);
    Some(Verdict { found, wanted })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_verdict_is_that_of_the_server() {
        let mut branding = Branding::default();
        assert_eq!((text(&branding), buttons(&branding)), (None, None));
        branding.background = Some("#222".to_owned());
        assert!(
            !text(&branding).unwrap().is_good(),
            "the default text is dark"
        );
        branding.text = Some("#fff".to_owned());
        assert!(text(&branding).unwrap().is_good());
        branding.primary = Some("#333".to_owned());
        assert!(!buttons(&branding).unwrap().is_good());
        branding.primary = Some("nonsense".to_owned());
        assert_eq!(buttons(&branding), None);
    }
}
