//! Blocked words, however they are disguised: other cases, accents, look-alike letters, digits for
//! letters, repeated letters, invisible characters, blanks or dots in between.
//!
//! A word stands for itself, not for a part of another word; `*` at its beginning or end stands for
//! anything there. A phrase of several words is found as such.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// The blocked words of a room, ready to be looked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Blocked(Vec<Phrase>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Phrase {
    words: Vec<Runs>,
    open_start: bool,
    open_end: bool,
}

/// Letters with how often each is repeated.
type Runs = Vec<(char, usize)>;

impl Blocked {
    /// Of words as moderators write them. What has no letter blocks nothing.
    pub(crate) fn new<'a>(words: impl IntoIterator<Item = &'a str>) -> Self {
        Self(words.into_iter().filter_map(Phrase::new).collect())
    }

    /// Whether one of them stands in a text.
    pub(crate) fn is_in(&self, text: &str) -> bool {
        if self.0.is_empty() {
            return false;
        }
        // A symbol at the edge of a word is a letter ("a$$") or punctuation ("a!"): both are tried.
        [true, false].into_iter().any(|trimmed| {
            let tokens = tokens(text, trimmed);
            self.0.iter().any(|phrase| phrase.is_in(&tokens))
        })
    }
}

impl Phrase {
    fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        let inner = text.trim_matches('*');
        let words: Vec<Runs> = inner
            .split_whitespace()
            .map(|word| runs(&letters(word)))
            .filter(|runs| !runs.is_empty())
            .collect();
        (!words.is_empty()).then(|| Self {
            words,
            open_start: text.starts_with('*'),
            open_end: text.ends_with('*'),
        })
    }

    fn is_in(&self, tokens: &[Token]) -> bool {
        if let [word] = &self.words[..] {
            return tokens.iter().any(|token| {
                token.forms.iter().any(|form| {
                    let open = token.spelled;
                    fits(word, form, self.open_start || open, self.open_end || open)
                })
            });
        }
        let last = self.words.len() - 1;
        tokens.windows(self.words.len()).any(|window| {
            self.words
                .iter()
                .zip(window)
                .enumerate()
                .all(|(n, (word, token))| {
                    let start = self.open_start && n == 0;
                    let end = self.open_end && n == last;
                    token.forms.iter().any(|form| fits(word, form, start, end))
                })
        })
    }
}

/// A word of a text in the forms in which it may be meant.
struct Token {
    forms: Vec<Runs>,
    /// Letters that stood alone, one after the other: a word may be anywhere in them.
    spelled: bool,
}

fn tokens(text: &str, trimmed: bool) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut alone = String::new();
    let mut spelled = Vec::new();
    let mut close = |alone: &mut String| {
        if alone.chars().count() > 1 {
            spelled.push(Token {
                forms: vec![runs(alone)],
                spelled: true,
            });
        }
        alone.clear();
    };
    for word in text.split_whitespace() {
        let word = match trimmed {
            true => word.trim_matches(|c: char| !c.is_alphanumeric()),
            false => word,
        };
        let whole = letters(word);
        let count = whole.chars().count();
        match count {
            0 => continue,
            1 => alone.push_str(&whole),
            _ => close(&mut alone),
        }
        let mut forms = vec![runs(&whole)];
        // "well-known" is two words, and "b-a-d" is one.
        let parts = word.split(|c: char| !c.is_alphanumeric() && fold(c).is_none());
        forms.extend(
            parts
                .map(|part| runs(&letters(part)))
                .filter(|form| !form.is_empty()),
        );
        forms.dedup();
        tokens.push(Token {
            forms,
            spelled: false,
        });
    }
    close(&mut alone);
    tokens.extend(spelled);
    tokens
}

/// Decomposed, without marks, folded to plain letters.
fn letters(word: &str) -> String {
    word.nfkd()
        .filter(|c| !is_combining_mark(*c))
        .flat_map(char::to_lowercase)
        .filter_map(|c| fold(c).or_else(|| c.is_alphanumeric().then_some(c)))
        .collect()
}

/// What a character is meant as, where that is not itself.
fn fold(c: char) -> Option<char> {
    Some(match c {
        '0' | 'о' | 'ο' => 'o',
        // i, l and 1 are told apart by nobody.
        '1' | 'l' | '!' | '|' | 'і' | 'ι' | 'ı' | 'ӏ' => 'i',
        '3' | '€' | 'е' | 'ε' => 'e',
        '4' | '@' | 'а' | 'α' => 'a',
        '5' | '$' | 'ѕ' => 's',
        '7' | '+' | 'т' | 'τ' => 't',
        '8' | 'в' | 'β' | 'ß' => 'b',
        '9' => 'g',
        'с' => 'c',
        'р' | 'ρ' => 'p',
        'х' | 'χ' => 'x',
        'у' => 'y',
        'к' | 'κ' => 'k',
        'м' => 'm',
        'н' => 'h',
        _ => return None,
    })
}

fn runs(letters: &str) -> Runs {
    let mut runs: Runs = Vec::new();
    for c in letters.chars() {
        match runs.last_mut() {
            Some((last, count)) if *last == c => *count += 1,
            _ => runs.push((c, 1)),
        }
    }
    runs
}

/// Letters may be repeated more often than in the word, not less often.
fn fits(word: &Runs, form: &Runs, open_start: bool, open_end: bool) -> bool {
    if form.len() < word.len() {
        return false;
    }
    let at = |start: usize| {
        word.iter()
            .zip(&form[start..])
            .all(|((c, least), (d, count))| c == d && count >= least)
    };
    let last = form.len() - word.len();
    match (open_start, open_end) {
        (false, false) => last == 0 && at(0),
        (false, true) => at(0),
        (true, false) => at(last),
        (true, true) => (0..=last).any(at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disguises_are_seen_through() {
        let blocked = Blocked::new(["badword", "ass"]);
        for text in [
            "badword",
            "a BadWord!",
            "BÀDWÖRD",
            "b4dw0rd",
            "baaadwoord",
            "b a d w o r d",
            "so b.a.d.w.o.r.d it is",
            "b-a-d-w-o-r-d",
            "bad\u{200b}word",
            "ｂａｄｗｏｒｄ",
            "bаdwоrd", // Cyrillic а and о
            "(badword)",
            "very-badword-indeed",
            "a$$",
            "you a s s",
            "@$$",
        ] {
            assert!(blocked.is_in(text), "{text}");
        }
    }

    #[test]
    fn other_words_are_left_alone() {
        let blocked = Blocked::new(["badword", "ass", ""]);
        for text in [
            "class",
            "assess",
            "as",
            "a badge, a word",
            "bad word",
            "grab a dog",
            "pass it",
            "",
            "!!!",
        ] {
            assert!(!blocked.is_in(text), "{text}");
        }
        assert!(!Blocked::new([]).is_in("anything"));
        assert!(!Blocked::new(["*", "!?"]).is_in("anything *"));
    }

    #[test]
    fn stars_and_phrases() {
        let blocked = Blocked::new(["spam*", "*coin", "*crap*", "buy now"]);
        for text in [
            "spammer",
            "bitcoin",
            "scrappy",
            "Buy  N0W!",
            "go buy now please",
        ] {
            assert!(blocked.is_in(text), "{text}");
        }
        for text in ["antispam", "coins", "now buy", "buy it now"] {
            assert!(!blocked.is_in(text), "{text}");
        }
    }

    #[test]
    fn long_texts_are_quick() {
        let words: Vec<String> = (0..200).map(|n| format!("word{n}xyzzy")).collect();
        let blocked = Blocked::new(words.iter().map(String::as_str));
        let start = std::time::Instant::now();
        assert!(!blocked.is_in(&"a b c ".repeat(83)));
        assert!(!blocked.is_in(&"x".repeat(500)));
        assert!(start.elapsed() < std::time::Duration::from_millis(250));
    }
}
