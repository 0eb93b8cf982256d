//! From the few colours of an organiser to all that a page needs, each readable (contrast of WCAG 2.2).

use weir_protocol::Branding;

/// Least contrast of text (success criterion 1.4.3).
pub const TEXT: f64 = 4.5;
/// Least contrast of what is not text, like edges of fields (success criterion 1.4.11).
pub const PARTS: f64 = 3.0;

const WHITE: Rgb = [255, 255, 255];
const BLACK: Rgb = [0, 0, 0];
/// What the server takes where an organiser has set nothing.
const GROUND: Rgb = WHITE;
const INK: Rgb = [17, 17, 17];
/// The client's own accents and errors, on light and on dark.
const ACCENTS: [Rgb; 2] = [[8, 112, 138], [79, 208, 224]];
const ERRORS: [Rgb; 2] = [[179, 18, 31], [255, 133, 133]];

/// Red, green and blue.
pub type Rgb = [u8; 3];

/// All colours of a branded page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Palette {
    /// Whether light stands on dark.
    pub dark: bool,
    /// Behind everything.
    pub ground: Rgb,
    /// Behind panels.
    pub raised: Rgb,
    /// Behind what stands on panels.
    pub raised_2: Rgb,
    /// Lines between.
    pub line: Rgb,
    /// Edges of fields.
    pub edge: Rgb,
    /// Text.
    pub text: Rgb,
    /// Text of less weight.
    pub text_soft: Rgb,
    /// Links.
    pub accent: Rgb,
    /// Buttons.
    pub button: Rgb,
    /// Buttons under the pointer.
    pub button_hover: Rgb,
    /// Text on buttons.
    pub on_button: Rgb,
    /// Errors.
    pub error: Rgb,
}

impl Palette {
    /// Of what an organiser has chosen; none where nothing is.
    pub fn of(branding: &Branding) -> Option<Self> {
        let chosen = |text: &Option<String>| text.as_deref().and_then(parse);
        let primary = chosen(&branding.primary);
        let background = chosen(&branding.background);
        let ink = chosen(&branding.text);
        if primary.is_none() && background.is_none() && ink.is_none() {
            return None;
        }
        let ground = background.unwrap_or(GROUND);
        let text = ink.unwrap_or(INK);
        // As much of the step as leaves the text readable.
        let step = |most: f64| {
            let steps = [1.0, 0.75, 0.5, 0.25].map(|part| mix(ground, text, most * part));
            let fits = steps.into_iter().find(|it| contrast(*it, text) >= TEXT);
            fits.unwrap_or(ground)
        };
        let (raised, raised_2) = (step(0.045), step(0.1));
        let readable = |colour: Rgb| towards(colour, text, |it| contrast(it, raised_2) >= TEXT);
        let best = |of: [Rgb; 2]| nearer(raised, of);
        let button = primary.unwrap_or_else(|| best(ACCENTS));
        let on_button = nearer(button, [WHITE, BLACK]);
        Some(Self {
            dark: luminance(ground) < luminance(text),
            ground,
            raised,
            raised_2,
            line: mix(ground, text, 0.18),
            edge: towards(mix(ground, text, 0.3), text, |it| {
                contrast(it, raised) >= PARTS
            }),
            text,
            text_soft: readable(mix(text, ground, 0.32)),
            accent: readable(button),
            button,
            // Away from the text on it.
            button_hover: mix(button, if on_button == WHITE { BLACK } else { WHITE }, 0.12),
            on_button,
            error: readable(best(ERRORS)),
        })
    }
}

/// Of two colours, the one that stands out more on a ground.
fn nearer(ground: Rgb, of: [Rgb; 2]) -> Rgb {
    let [a, b] = of;
    if contrast(a, ground) >= contrast(b, ground) {
        a
    } else {
        b
    }
}

/// The first step from a colour to another that is good; the other one where none is.
fn towards(from: Rgb, to: Rgb, good: impl Fn(Rgb) -> bool) -> Rgb {
    let mut steps = (0..20).map(|n| mix(from, to, f64::from(n) / 20.0));
    steps.find(|it| good(*it)).unwrap_or(to)
}

fn mix(a: Rgb, b: Rgb, part: f64) -> Rgb {
    let channel = |n: usize| {
        let (a, b) = (f64::from(a[n]), f64::from(b[n]));
        (a + (b - a) * part).round() as u8
    };
    [channel(0), channel(1), channel(2)]
}

/// Red, green and blue of `#rgb` or `#rrggbb`.
pub fn parse(text: &str) -> Option<Rgb> {
    let digits = text.strip_prefix('#')?.as_bytes();
    let digit = |at: usize| u8::try_from(char::from(*digits.get(at)?).to_digit(16)?).ok();
    let channel = |n: usize| match digits.len() {
        3 => Some(digit(n)? * 17),
        6 => Some(digit(2 * n)? * 16 + digit(2 * n + 1)?),
        _ => None,
    };
    Some([channel(0)?, channel(1)?, channel(2)?])
}

/// WCAG 2.2, "contrast ratio", from 1 to 21.
pub fn contrast(a: Rgb, b: Rgb) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

/// WCAG 2.2, "relative luminance".
fn luminance(colour: Rgb) -> f64 {
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
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn branding(primary: &str, background: &str, text: &str) -> Branding {
        let some = |text: &str| Some(text.to_owned()).filter(|it| !it.is_empty());
        Branding {
            primary: some(primary),
            background: some(background),
            text: some(text),
            ..Branding::default()
        }
    }

    #[test]
    fn nothing_chosen_is_the_clients_own_look() {
        assert_eq!(Palette::of(&Branding::default()), None);
        assert_eq!(Palette::of(&branding("red", "", "")), None);
    }

    #[test]
    fn whatever_the_server_takes_is_readable_all_over() {
        let colours = [
            "", "#ffff00", "#777", "#0b5f74", "#e0115f", "#000", "#fff", "#00f",
        ];
        let grounds = [
            ("", ""),
            ("#fff", "#767676"),
            ("#101820", "#f2aa4c"),
            ("#0a0a0a", "#7a7a7a"),
            ("#ffe8d6", "#3d2c2e"),
            ("#5b3f8f", "#ffffff"),
        ];
        for primary in colours {
            for (background, text) in grounds {
                let Some(it) = Palette::of(&branding(primary, background, text)) else {
                    assert_eq!((primary, background, text), ("", "", ""));
                    continue;
                };
                let what = format!("{primary} {background} {text}: {it:?}");
                for on in [it.ground, it.raised, it.raised_2] {
                    for said in [it.text, it.text_soft, it.accent, it.error] {
                        assert!(contrast(said, on) >= TEXT, "{what}");
                    }
                }
                assert!(contrast(it.on_button, it.button) >= TEXT, "{what}");
                assert!(contrast(it.on_button, it.button_hover) >= TEXT, "{what}");
                assert!(contrast(it.edge, it.raised) >= PARTS, "{what}");
            }
        }
    }

    #[test]
    fn colours_are_read_as_css_has_them() {
        assert_eq!(parse("#fa0"), Some([255, 170, 0]));
        assert_eq!(parse("#1A2b3c"), Some([26, 43, 60]));
        for bad in ["", "#", "red", "#12", "#12345", "#ggg", "123456", "#ÿÿÿ"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
        assert!((contrast(parse("#000").unwrap(), WHITE) - 21.0).abs() < 0.001);
    }
}
