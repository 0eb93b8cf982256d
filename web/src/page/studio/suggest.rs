//! An address for a title.

/// Longest suggestion in characters: an address is said and typed, and may be longer only by choice.
const LONGEST: usize = 40;

/// What the title would be as a slug; empty where nothing of it fits.
pub fn slug(title: &str) -> String {
    let mut slug = String::new();
    for c in title.chars().flat_map(char::to_lowercase) {
        match plain(c) {
            Some(letters) => slug.push_str(letters),
            None if c.is_ascii_alphanumeric() => slug.push(c),
            None if matches!(c, '\'' | '’') => {}
            None if slug.is_empty() || slug.ends_with('-') => {}
            None => slug.push('-'),
        }
    }
    if slug.len() > LONGEST {
        // Between two words, if there are two.
        let cut = slug[..=LONGEST].rfind('-').unwrap_or(LONGEST);
        slug.truncate(cut);
    }
    slug.trim_end_matches('-').to_owned()
}

/// Letters of our languages and their neighbours without their marks.
fn plain(c: char) -> Option<&'static str> {
    Some(match c {
        'à' | 'á' | 'â' | 'ã' | 'å' => "a",
        'ä' | 'æ' => "ae",
        'ç' => "c",
        'è' | 'é' | 'ê' | 'ë' => "e",
        'ì' | 'í' | 'î' | 'ï' => "i",
        'ñ' => "n",
        'ò' | 'ó' | 'ô' | 'õ' | 'ø' => "o",
        'ö' | 'œ' => "oe",
        'ß' => "ss",
        'ù' | 'ú' | 'û' => "u",
        'ü' => "ue",
        'ý' | 'ÿ' => "y",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use weir_protocol::StreamSlug;

    use super::*;

    #[test]
    fn titles_become_addresses() {
        let table = [
            ("My show", "my-show"),
            ("  Ça, c’est l'été!  ", "ca-cest-lete"),
            ("Größe 2 — Teil_3", "groesse-2-teil-3"),
            ("日本", ""),
            ("---", ""),
            (
                "A very long title that goes on and on and on for ever",
                "a-very-long-title-that-goes-on-and-on",
            ),
        ];
        for (title, expected) in table {
            assert_eq!(slug(title), expected, "{title}");
            assert!(expected.is_empty() || expected.parse::<StreamSlug>().is_ok());
        }
        assert_eq!(slug(&"x".repeat(90)).len(), LONGEST);
    }
}
