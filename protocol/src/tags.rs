//! Tags: words to find a stream by.

/// Tags of a stream at most.
pub const TAGS_MAX: usize = 10;

/// Longest tag in characters.
pub const TAG_MAX: usize = 32;

/// Why a list of tags cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TagError {
    /// More tags than a stream has.
    #[error("a stream has at most {TAGS_MAX} tags")]
    TooMany,
    /// Nothing is left of it, or too much.
    #[error("a tag has 1 to {TAG_MAX} characters")]
    Length,
    /// A character that no tag has.
    #[error("a tag is made of letters, digits and '-'; {0:?} does not fit")]
    BadCharacter(char),
}

/// Tags as they are kept: in lower case, without `#` in front, `-` for blanks and `_`, each once, in the
/// order given.
///
/// # Errors
/// Says which tag cannot be one.
pub fn normal_tags<T: AsRef<str>>(tags: &[T]) -> Result<Vec<String>, TagError> {
    if tags.len() > TAGS_MAX {
        return Err(TagError::TooMany);
    }
    let mut normal = Vec::with_capacity(tags.len());
    for tag in tags {
        let tag = normal_tag(tag.as_ref())?;
        if !normal.contains(&tag) {
            normal.push(tag);
        }
    }
    Ok(normal)
}

/// One tag as it is kept; see [`normal_tags`].
///
/// # Errors
/// Says why it is none.
pub fn normal_tag(tag: &str) -> Result<String, TagError> {
    let tag = tag.trim();
    let tag = tag.strip_prefix('#').unwrap_or(tag);
    let mut normal = String::new();
    for c in tag.chars().flat_map(char::to_lowercase) {
        match c {
            ' ' | '_' | '-' => normal.push('-'),
            c if c.is_alphanumeric() => normal.push(c),
            // Combining marks that lower case brings with it (İ).
            '\u{307}' => {}
            c => return Err(TagError::BadCharacter(c)),
        }
    }
    let normal = normal.trim_matches('-');
    if normal.is_empty() || normal.chars().count() > TAG_MAX {
        return Err(TagError::Length);
    }
    Ok(normal.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_way_to_write_each() {
        let table = [
            ("#Speed Run", Ok("speed-run")),
            ("MUSIK", Ok("musik")),
            ("öl_bild", Ok("öl-bild")),
            ("a\0", Err(TagError::BadCharacter('\0'))),
            ("a,b", Err(TagError::BadCharacter(','))),
            ("--", Err(TagError::Length)),
            ("", Err(TagError::Length)),
        ];
        for (given, expected) in table {
            assert_eq!(normal_tag(given), expected.map(str::to_owned), "{given:?}");
        }
        assert_eq!(normal_tag(&"x".repeat(33)), Err(TagError::Length));
        let twice = normal_tags(&["Chess", "#chess", "go"]);
        assert_eq!(twice, Ok(vec!["chess".to_owned(), "go".to_owned()]));
        assert_eq!(normal_tags(&["a"; 11]), Err(TagError::TooMany));
    }
}
