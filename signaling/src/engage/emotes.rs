//! Emotes and emoji in texts.

use std::collections::HashMap;

use weir_protocol::room::{EMOTES_IN_MESSAGE, Emote, REACTION_BYTES, is_emote_code};

/// Emotes by code.
pub(crate) type Known = HashMap<String, Emote>;

/// Known emotes in a text, each once, in order.
pub(crate) fn used(text: &str, known: &Known) -> Vec<Emote> {
    let mut used: Vec<Emote> = Vec::new();
    if known.is_empty() {
        return used;
    }
    for part in parts(text) {
        if let Part::Code(code) = part
            && let Some(emote) = known.get(code)
            && !used.contains(emote)
            && used.len() < EMOTES_IN_MESSAGE
        {
            used.push(emote.clone());
        }
    }
    used
}

/// Whether a text is nothing but known emotes, emoji and blanks.
pub(crate) fn is_only_emotes(text: &str, known: &Known) -> bool {
    parts(text).all(|part| match part {
        Part::Code(code) => known.contains_key(code),
        Part::Text(text) => text.split_whitespace().all(is_emoji),
    })
}

/// Whether this may be a reaction: emoji, or one known emote.
pub(crate) fn is_reaction(text: &str, known: &Known) -> bool {
    if text.is_empty() || text.len() > REACTION_BYTES {
        return false;
    }
    let code = text
        .strip_prefix(':')
        .and_then(|rest| rest.strip_suffix(':'));
    match code {
        Some(code) => known.contains_key(code),
        None => is_emoji(text),
    }
}

enum Part<'a> {
    /// Between colons, without them.
    Code(&'a str),
    Text(&'a str),
}

fn parts(text: &str) -> impl Iterator<Item = Part<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        if let Some((code, after)) = code_at(rest) {
            rest = after;
            return Some(Part::Code(code));
        }
        // To the next colon that begins a code.
        let mut end = rest.len();
        for (at, _) in rest.match_indices(':').filter(|(at, _)| *at > 0) {
            if code_at(&rest[at..]).is_some() {
                end = at;
                break;
            }
        }
        let (part, after) = rest.split_at(end);
        rest = after;
        Some(Part::Text(part))
    })
}

fn code_at(text: &str) -> Option<(&str, &str)> {
    let (code, after) = text.strip_prefix(':')?.split_once(':')?;
    is_emote_code(code).then_some((code, after))
}

/// One or more emoji and nothing else.
fn is_emoji(text: &str) -> bool {
    let mut pictures = 0;
    for c in text.chars() {
        match c {
            '\u{1f000}'..='\u{1faff}'
            | '\u{2300}'..='\u{23ff}'
            | '\u{2600}'..='\u{27bf}'
            | '\u{2b00}'..='\u{2bff}'
            | '\u{203c}'
            | '\u{2049}'
            | '\u{20e3}' => pictures += 1,
            // Joiner, selectors, tags, and what stands under a keycap.
            '\u{200d}' | '\u{fe0e}' | '\u{fe0f}' | '\u{e0020}'..='\u{e007f}' => {}
            '0'..='9' | '#' | '*' if text.contains('\u{20e3}') => {}
            _ => return false,
        }
    }
    pictures > 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> Known {
        ["wave", "ok"]
            .map(|code| {
                let emote = Emote {
                    code: code.into(),
                    image: "0".repeat(64),
                };
                (code.to_owned(), emote)
            })
            .into()
    }

    #[test]
    fn emotes_are_found_once_each() {
        let codes = |text: &str| {
            let used = used(text, &known());
            used.into_iter().map(|emote| emote.code).collect::<Vec<_>>()
        };
        assert_eq!(
            codes("hi :wave: :ok::wave: :nope: at 10:30:ok:"),
            ["wave", "ok"]
        );
        assert_eq!(codes(":::ok:"), ["ok"]);
        assert!(codes("::: : wave : :WAVE:").is_empty());
    }

    #[test]
    fn only_emotes_and_emoji() {
        for text in [":wave:", ":wave: 👍🏽 :ok:", "👨‍👩‍👧", "❤️", "1️⃣"] {
            assert!(is_only_emotes(text, &known()), "{text}");
        }
        for text in ["hi :wave:", ":nope:", "a", "1", "::", ":wave:x"] {
            assert!(!is_only_emotes(text, &known()), "{text}");
        }
    }

    #[test]
    fn reactions() {
        for text in ["👍", "❤️", ":ok:", "🏴󠁧󠁢󠁳󠁣󠁴󠁿"] {
            assert!(is_reaction(text, &known()), "{text}");
        }
        for text in [
            "",
            "a",
            ":nope:",
            "👍👍👍👍👍👍👍👍👍👍👍",
            ":ok::wave:",
            "👍 👍",
        ] {
            assert!(!is_reaction(text, &known()), "{text}");
        }
    }
}
