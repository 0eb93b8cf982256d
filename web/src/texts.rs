//! Everything that the client says, in the user's language. The message files are `texts/<language>/<part>.ftl`;
//! `build.rs` makes a function of each message: `texts::home::live_now()`.

use std::{
    cell::Cell,
    fmt::{Display, Write as _},
};

mod language;

pub use language::Language;

include!(concat!(env!("OUT_DIR"), "/texts.rs"));

thread_local! {
    static LANGUAGE: Cell<Language> = const { Cell::new(Language::English) };
}

/// What texts are said in. Another choice takes a reload, so it is the same as long as the page is open.
pub fn language() -> Language {
    LANGUAGE.get()
}

/// From now on texts are said in this language.
pub fn speak(language: Language) {
    LANGUAGE.set(language);
}

fn push(text: &mut String, value: &impl Display) {
    write!(text, "{value}").expect("a string takes text");
}

/// Kinds of number that words follow (Unicode CLDR, cardinals), as far as our languages and whole numbers have them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Plural {
    One,
    Other,
}

impl Plural {
    fn of(language: Language, number: u64) -> Self {
        match (language, number) {
            (Language::English, 1) | (Language::French, 0 | 1) => Self::One,
            (Language::English | Language::French, _) => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_follow_numbers_and_language() {
        let said = |number| frame::viewers(number, number);
        assert_eq!(said(0), "0 viewers");
        assert_eq!(said(1), "1 viewer");
        speak(Language::French);
        assert_eq!(said(0), "0 spectateur");
        assert_eq!(said(2), "2 spectateurs");
        assert_eq!(frame::home(), "Accueil");
        speak(Language::English);
    }
}
