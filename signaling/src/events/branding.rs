//! Colours that can be read: the contrast of WCAG 2.2.

use weir_protocol::Branding;

use crate::ApiError;

/// Least contrast of text (success criterion 1.4.3).
const TEXT: f64 = 4.5;

/// Least contrast of what is not text, like buttons (success criterion 1.4.11).
const PARTS: f64 = 3.0;

/// What stands where an organiser has set nothing.
const DEFAULT_BACKGROUND: &str = "#ffffff";
const DEFAULT_TEXT: &str = "#111111";

/// Refuses colours that are none and text that cannot be read; gives what else an organiser should look
/// at.
pub(super) fn check(branding: &Branding) -> Result<Vec<String>, ApiError> {
    let read = |what: &str, text: Option<&String>| {
        let text = text.map(String::as_str);
        text.map(|text| parse(text).ok_or_else(|| not_a_colour(what)))
            .transpose()
    };
    let primary = read("primary", branding.primary.as_ref())?;
    let background = read("background", branding.background.as_ref())?;
    let text = read("text", branding.text.as_ref())?;
    let default = |colour: &str| parse(colour).expect("our own colours");
    let on = background.unwrap_or_else(|| default(DEFAULT_BACKGROUND));
    if background.is_some() || text.is_some() {
        let found = contrast(text.unwrap_or_else(|| default(DEFAULT_TEXT)), on);
        if found < TEXT {
            return Err(ApiError::Unprocessable(format!(
                "text cannot be read on the background: their contrast is {found:.1}, and must be {TEXT} \
                 or more; choose a darker or a lighter colour for one of them"
            )));
        }
    }
    let mut warnings = Vec::new();
    if let Some(primary) = primary {
        let found = contrast(primary, on);
        if found < PARTS {
            warnings.push(format!(
                "buttons are hard to see: the contrast of primary to the background is {found:.1}, {PARTS:.1} \
                 or more is easy to see"
            ));
        }
    }
    Ok(warnings)
}

fn not_a_colour(what: &str) -> ApiError {
    ApiError::BadRequest(format!("{what} is a colour like #1a2b3c or #abc"))
}

/// Red, green and blue of `#rgb` or `#rrggbb`.
fn parse(text: &str) -> Option<[u8; 3]> {
    let digits = text.strip_prefix('#')?;
    let digit = |at: usize| {
        let digit = digits.as_bytes().get(at)?;
        u8::try_from(char::from(*digit).to_digit(16)?).ok()
    };
    let channel = |n: usize| match digits.len() {
        3 => Some(digit(n)? * 17),
        6 => Some(digit(2 * n)? * 16 + digit(2 * n + 1)?),
        _ => None,
    };
    Some([channel(0)?, channel(1)?, channel(2)?])
}

/// WCAG 2.2, "contrast ratio".
fn contrast(a: [u8; 3], b: [u8; 3]) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

/// WCAG 2.2, "relative luminance".
fn luminance(colour: [u8; 3]) -> f64 {
    let [r, g, b] = colour.map(|channel| {
        let channel = f64::from(channel) / 255.0;
        if channel <= 0.04045 {
            channel / 12.92
        } else {
            ((channel + 0.055) / 1.055).powf(2.4)
        }
    });
    0.2126 * r + 0.7152 * g + 0.0722 * b
}

#[cfg(test)]
mod tests {
    use super::*;

    fn branding(primary: Option<&str>, background: Option<&str>, text: Option<&str>) -> Branding {
        Branding {
            primary: primary.map(str::to_owned),
            background: background.map(str::to_owned),
            text: text.map(str::to_owned),
            ..Branding::default()
        }
    }

    #[test]
    fn contrast_is_that_of_wcag() {
        let between = |a, b| contrast(parse(a).expect("colour"), parse(b).expect("colour"));
        assert!((between("#000", "#fff") - 21.0).abs() < 0.001);
        // The grey that just passes on white.
        assert!((between("#767676", "#ffffff") - 4.54).abs() < 0.01);
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        assert_eq!(check(&branding(None, None, None)), Ok(vec![]));
        assert_eq!(
            check(&branding(None, Some("#fff"), Some("#767676"))),
            Ok(vec![])
        );
        assert!(check(&branding(None, Some("#fff"), Some("#777777"))).is_err());
        assert!(
            check(&branding(None, Some("#222"), None)).is_err(),
            "our own text is dark"
        );
        let warned = check(&branding(Some("#ffff00"), None, None)).expect("a warning only");
        assert_eq!(warned.len(), 1);
        for bad in ["red", "#12", "#12345", "#ggg", "123456", "#1234567", "#ÿÿÿ"] {
            assert!(check(&branding(Some(bad), None, None)).is_err(), "{bad}");
        }
    }
}
