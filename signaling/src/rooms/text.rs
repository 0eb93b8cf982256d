//! What people write.

use unicode_normalization::UnicodeNormalization;
use weir_protocol::room::{CHAT_TEXT_MAX, RoomErrorCode};

use super::RoomError;

/// Users that one text may name; more are not looked up.
const MENTIONS_MAX: usize = 10;

/// Longest user name in characters.
const NAME_MAX: usize = 64;

/// A text as it is kept: composed (NFC, so that equal texts are equal), without blanks around it.
///
/// # Errors
/// When it is empty, too long, or has control characters other than line feed and tabulator, or
/// characters that turn the direction of what stands around it.
pub(super) fn normal(text: &str) -> Result<String, RoomError> {
    // Composing never makes more characters than so many: longer input need not be looked at.
    if text.len() > CHAT_TEXT_MAX * 24 {
        return Err(too_long());
    }
    let text: String = text.replace("\r\n", "\n").nfc().collect();
    let text = text.trim();
    if text.is_empty() {
        return Err(RoomError::new(
            RoomErrorCode::BadMessage,
            "the text is empty; write something",
        ));
    }
    if text.chars().count() > CHAT_TEXT_MAX {
        return Err(too_long());
    }
    if text.chars().any(is_bad) {
        return Err(RoomError::new(
            RoomErrorCode::BadMessage,
            "the text has control characters; leave them out",
        ));
    }
    Ok(text.to_owned())
}

/// A single line: composed, each run of blanks one space.
pub(crate) fn line(text: &str) -> String {
    let text: String = text.nfc().collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Bidirectional overrides and isolates (Unicode Standard Annex 9) would turn other people's names
/// around.
fn is_bad(c: char) -> bool {
    (c.is_control() && c != '\n' && c != '\t')
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn too_long() -> RoomError {
    RoomError::new(
        RoomErrorCode::TooLarge,
        "the text is too long; write up to 500 characters",
    )
}

/// Names after `@`, in lower case, each once.
pub(super) fn mentioned(text: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let mut before = None;
    for (at, c) in text.char_indices() {
        // Not within a word, which would be a mail address.
        let begins = c == '@' && before.is_none_or(|c: char| !c.is_alphanumeric());
        before = Some(c);
        if !begins {
            continue;
        }
        let rest = &text[at + 1..];
        let end = rest.find(|c: char| c.is_whitespace() || c == '@' || c == ',');
        let name = &rest[..end.unwrap_or(rest.len())];
        // Names may hold such characters, but a sentence more often ends with them.
        let name = name.trim_end_matches(['.', '!', '?', ':', ';', ')', '"', '\'']);
        let name = name.to_lowercase();
        if !name.is_empty() && name.chars().count() <= NAME_MAX && !names.contains(&name) {
            names.push(name);
        }
        if names.len() == MENTIONS_MAX {
            break;
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_composed_and_trimmed() {
        assert_eq!(normal(" Zoe\u{308}\r\nhi ").expect("text"), "Zoë\nhi");
        assert_eq!(normal(&"é".repeat(500)).expect("text").chars().count(), 500);
        assert_eq!(line("  a \t b\n"), "a b");
    }

    #[test]
    fn what_cannot_be_shown_is_refused() {
        let code = |text: &str| normal(text).expect_err(text).code;
        for bad in ["", " \n ", "a\0b", "a\u{1b}[2J", "\u{202e}abc"] {
            assert_eq!(code(bad), RoomErrorCode::BadMessage, "{bad:?}");
        }
        assert_eq!(code(&"x".repeat(501)), RoomErrorCode::TooLarge);
        assert_eq!(code(&"x".repeat(100_000)), RoomErrorCode::TooLarge);
    }

    #[test]
    fn names_after_at_signs_are_found() {
        let text = "@Ann and (@bob), @ann! mail@example.org @ @eve.";
        assert_eq!(mentioned(text), ["ann", "bob", "eve"]);
        let many: String = (0..20).map(|n| format!("@u{n} ")).collect();
        assert_eq!(mentioned(&many).len(), MENTIONS_MAX);
    }
}
