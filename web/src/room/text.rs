//! What a text is made of: links, names, emotes and words. Nothing in it is ever HTML.

use weir_protocol::room::{Emote, Mention};

/// A piece of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Span {
    /// Words.
    Words(String),
    /// An address, `http` or `https` only.
    Link(String),
    /// A user's name with its `@`; `you` are the one who reads.
    Name {
        /// As it was written.
        text: String,
        /// Whether it is the reader's.
        you: bool,
    },
    /// A picture.
    Emote(Emote),
}

/// Splits a text.
pub fn spans(text: &str, mentions: &[Mention], emotes: &[Emote], you: Option<&str>) -> Vec<Span> {
    let mut found = Vec::new();
    let mut words = String::new();
    let mut rest = text;
    let mut before = None;
    while let Some(next) = rest.chars().next() {
        let at_start = before.is_none_or(|it: char| !it.is_alphanumeric());
        let span = match next {
            'h' | 'H' if at_start => link(rest).map(|it| (it.len(), Span::Link(it.to_owned()))),
            '@' if at_start => name(rest, mentions).map(|it| {
                let is_you = you.is_some_and(|you| it[1..].eq_ignore_ascii_case(you));
                let name = Span::Name {
                    text: it.to_owned(),
                    you: is_you,
                };
                (it.len(), name)
            }),
            ':' => {
                emote(rest, emotes).map(|emote| (emote.code.len() + 2, Span::Emote(emote.clone())))
            }
            _ => None,
        };
        let length = match span {
            Some((length, span)) => {
                if !words.is_empty() {
                    found.push(Span::Words(std::mem::take(&mut words)));
                }
                found.push(span);
                length
            }
            None => {
                words.push(next);
                next.len_utf8()
            }
        };
        before = rest[..length].chars().next_back();
        rest = &rest[length..];
    }
    if !words.is_empty() {
        found.push(Span::Words(words));
    }
    found
}

fn link(rest: &str) -> Option<&str> {
    let scheme = ["https://", "http://"].into_iter().find(|scheme| {
        rest.get(..scheme.len())
            .is_some_and(|it| it.eq_ignore_ascii_case(scheme))
    })?;
    let end = rest
        .find(|it: char| it.is_whitespace() || matches!(it, '<' | '>' | '"'))
        .unwrap_or(rest.len());
    let mut link = &rest[..end];
    // The sentence's own signs do not belong to the address; a bracket does where it was opened in it.
    while let Some(last) = link.chars().next_back() {
        let closes = last == ')' && link.matches('(').count() >= link.matches(')').count();
        let belongs = closes || !matches!(last, '.' | ',' | ';' | ':' | '!' | '?' | ')' | '\'');
        if belongs {
            break;
        }
        link = &link[..link.len() - last.len_utf8()];
    }
    let host = link[scheme.len()..].chars().next()?;
    host.is_alphanumeric().then_some(link)
}

fn name<'a>(rest: &'a str, mentions: &[Mention]) -> Option<&'a str> {
    let fits = |mention: &&Mention| {
        let end = 1 + mention.name.len();
        let same = rest
            .get(1..end)
            .is_some_and(|it| it.eq_ignore_ascii_case(&mention.name));
        // Ann is not named by @annette.
        let ends = || {
            let after = rest[end..].chars().next();
            after.is_none_or(|it| !(it.is_alphanumeric() || it == '_'))
        };
        same && ends()
    };
    let longest = mentions
        .iter()
        .filter(fits)
        .max_by_key(|it| it.name.len())?;
    Some(&rest[..=longest.name.len()])
}

fn emote<'a>(rest: &str, emotes: &'a [Emote]) -> Option<&'a Emote> {
    let end = rest[1..].find(':')?;
    let code = &rest[1..=end];
    emotes.iter().find(|emote| emote.code == code)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Span {
        Span::Words(text.to_owned())
    }

    fn link(text: &str) -> Span {
        Span::Link(text.to_owned())
    }

    #[test]
    fn addresses_end_where_the_sentence_goes_on() {
        let split = |text| spans(text, &[], &[], None);
        assert_eq!(
            split("see https://weir.example/a?b=1, or (http://x.y)!"),
            [
                words("see "),
                link("https://weir.example/a?b=1"),
                words(", or ("),
                link("http://x.y"),
                words(")!")
            ]
        );
        assert_eq!(
            split("https://en.wikipedia.org/wiki/Weir_(dam)."),
            [link("https://en.wikipedia.org/wiki/Weir_(dam)"), words(".")]
        );
    }

    #[test]
    fn nothing_but_the_web_is_an_address() {
        for text in [
            "javascript:alert(1)",
            "https://",
            "https:// x",
            "xhttps://a.b",
            "<b>data:text/html,x</b>",
        ] {
            assert_eq!(spans(text, &[], &[], None), [words(text)], "{text}");
        }
    }

    #[test]
    fn names_that_exist_are_names() {
        let mentions = ["ann", "ann_b"].map(|name| Mention { name: name.into() });
        let you = |text: &str, you| Span::Name {
            text: text.into(),
            you,
        };
        assert_eq!(
            spans(
                "@Ann, @annette @ann_b a@ann é@",
                &mentions,
                &[],
                Some("ann")
            ),
            [
                you("@Ann", true),
                words(", @annette "),
                you("@ann_b", false),
                words(" a@ann é@")
            ]
        );
    }

    #[test]
    fn emotes_are_those_of_the_message() {
        let emote = Emote {
            code: "wave".into(),
            image: "f00".into(),
        };
        assert_eq!(
            spans(
                "hi :wave::x: 12:30",
                &[],
                std::slice::from_ref(&emote),
                None
            ),
            [words("hi "), Span::Emote(emote), words(":x: 12:30")]
        );
    }
}
