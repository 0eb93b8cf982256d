//! Patterns of `LIKE`.

/// Text that LIKE takes as it is, with `!` as the escape: `\` means something to strings of other
/// settings.
pub(crate) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '%' | '_' | '!') {
            escaped.push('!');
        }
        escaped.push(c);
    }
    escaped
}

#[cfg(test)]
mod tests {
    #[test]
    fn patterns_are_text() {
        assert_eq!(super::escaped("50% a_b!"), "50!% a!_b!!");
    }
}
