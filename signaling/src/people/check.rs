//! What people write is looked at before it is kept.

use weir_db::ImageId;

use crate::ApiError;

/// A text on one line, without blanks around it, of 1 to `max` characters.
pub(crate) fn line(what: &str, text: &str, max: usize) -> Result<String, ApiError> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > max || text.chars().any(char::is_control) {
        return Err(ApiError::BadRequest(format!(
            "{what} has 1 to {max} characters on one line"
        )));
    }
    Ok(text.to_owned())
}

/// A text of some lines, of at most `max` characters.
pub(crate) fn text(what: &str, text: &str, max: usize) -> Result<String, ApiError> {
    let text = text.trim();
    let odd = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
    if text.chars().count() > max || text.chars().any(odd) {
        return Err(ApiError::BadRequest(format!(
            "{what} has at most {max} characters, none of them control characters"
        )));
    }
    Ok(text.to_owned())
}

/// Longest address (RFC 5321 section 4.5.3.1.3).
const ADDRESS_MAX: usize = 254;

/// An address that mail can be sent to, in lower case.
pub(crate) fn address(text: &str) -> Result<String, ApiError> {
    let address = text.trim().to_lowercase();
    let fits = address.len() <= ADDRESS_MAX && address.parse::<lettre::Address>().is_ok();
    match fits {
        true => Ok(address),
        false => Err(ApiError::BadRequest(
            "an e-mail address is like name@example.org".into(),
        )),
    }
}

/// The id of an image.
pub(crate) fn image(text: &str) -> Result<ImageId, ApiError> {
    Ok(text.parse()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_be_shown_is_kept() {
        assert_eq!(line("a", " b ", 1), Ok("b".into()));
        for bad in ["", " ", "bc", "\n\0"] {
            assert!(line("a", bad, 1).is_err(), "{bad:?}");
        }
        assert_eq!(text("a", "b\nc", 3), Ok("b\nc".into()));
        assert!(text("a", "b\0c", 3).is_err());
        assert_eq!(address(" Ann@Example.org "), Ok("ann@example.org".into()));
        for bad in [
            "",
            "ann",
            "ann@",
            "a b@example.org",
            &format!("{}@b.c", "a".repeat(260)),
        ] {
            assert!(address(bad).is_err(), "{bad:?}");
        }
    }
}
