//! What people write about streams, checked.

use crate::ApiError;

/// A text of one line: trimmed, not empty, at most `max` characters, without control characters.
pub(crate) fn line(what: &str, text: &str, max: usize) -> Result<String, ApiError> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > max {
        return Err(ApiError::BadRequest(format!(
            "a {what} has 1 to {max} characters"
        )));
    }
    if text.chars().any(char::is_control) {
        return Err(ApiError::BadRequest(format!(
            "a {what} is one line without control characters"
        )));
    }
    Ok(text.to_owned())
}

/// A text of several lines, at most `max` characters; may be empty.
pub(super) fn text(what: &str, text: &str, max: usize) -> Result<String, ApiError> {
    if text.chars().count() > max {
        return Err(ApiError::BadRequest(format!(
            "a {what} has at most {max} characters"
        )));
    }
    if text
        .chars()
        .any(|c| c.is_control() && !"\n\r\t".contains(c))
    {
        return Err(ApiError::BadRequest(format!(
            "a {what} has no control characters beside line breaks and tabulators"
        )));
    }
    Ok(text.trim_end().to_owned())
}

/// A language tag (BCP 47) in lower case: `de`, `pt-br`, `zh-hant`.
pub(super) fn language(tag: &str) -> Result<String, ApiError> {
    let tag = tag.to_ascii_lowercase();
    let mut parts = tag.split('-');
    let first = parts.next().unwrap_or_default();
    let fits = (2..=3).contains(&first.len())
        && first.bytes().all(|c| c.is_ascii_lowercase())
        && parts.all(|part| {
            (2..=8).contains(&part.len()) && part.bytes().all(|c| c.is_ascii_alphanumeric())
        })
        && tag.len() <= 16;
    fits.then_some(tag)
        .ok_or_else(|| ApiError::BadRequest("a language is a tag like de, en or pt-br".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_checked() {
        assert_eq!(line("title", " a b ", 5), Ok("a b".into()));
        for bad in ["", "  ", "toolong", "a\nb", "a\0"] {
            assert!(line("title", bad, 5).is_err(), "{bad:?}");
        }
        assert_eq!(text("description", "a\nb\n", 5), Ok("a\nb".into()));
        assert!(text("description", "a\0", 5).is_err());
        assert_eq!(language("pt-BR"), Ok("pt-br".into()));
        for bad in ["", "d", "deutsch", "de-", "d3", "de-x"] {
            assert!(language(bad).is_err(), "{bad:?}");
        }
    }
}
