//! The checks in English. The words are the web client's, so that both say the same.

use std::{
    collections::{BTreeMap, HashMap},
    sync::LazyLock,
};

use weir_protocol::{CheckCode, CheckState, ConnectivityCheck};

static TEXTS: LazyLock<HashMap<&str, &str>> = LazyLock::new(|| {
    let file = include_str!("../../web/texts/en/connectivity.ftl");
    let messages = file.lines().filter(|line| !line.starts_with(['#', ' ']));
    messages.filter_map(|line| line.split_once(" = ")).collect()
});

/// A check with its words.
pub fn check<const N: usize>(
    code: CheckCode,
    state: CheckState,
    values: [(&str, String); N],
) -> ConnectivityCheck {
    let values: BTreeMap<String, String> = values
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    let name = code.as_str().replace('_', "-");
    ConnectivityCheck {
        code,
        state,
        meaning: text(&name, &values).unwrap_or_default(),
        advice: text(&format!("{name}-fix"), &values),
        values,
    }
}

fn text(name: &str, values: &BTreeMap<String, String>) -> Option<String> {
    let mut text = (*TEXTS.get(name)?).to_owned();
    for (name, value) in values {
        let word = match name.as_str() {
            "service" => TEXTS.get(format!("service-{}", value.replace('_', "-")).as_str()),
            _ => None,
        };
        let value = word.copied().unwrap_or(value);
        text = text.replace(&format!("{{ ${name} }}"), value);
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_words() {
        for code in CheckCode::ALL {
            let name = code.as_str().replace('_', "-");
            let text = TEXTS.get(name.as_str());
            assert!(text.is_some_and(|text| text.len() > 10), "{name}");
        }
    }

    #[test]
    fn values_stand_in_the_words() {
        let values = [
            ("service", "media_udp".to_owned()),
            ("address", "192.0.2.1:7882".to_owned()),
            ("port", "UDP 7882".to_owned()),
        ];
        let check = check(CheckCode::PortBlocked, CheckState::Problem, values);
        assert_eq!(
            check.meaning,
            "WebRTC media over UDP answers on this machine, but not at 192.0.2.1:7882, which clients are told."
        );
        let advice = check.advice.as_deref().unwrap_or_default();
        assert!(advice.starts_with("Open port UDP 7882 in"), "{advice}");
    }
}
