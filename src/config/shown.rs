//! The configuration as admins read it in the browser.

use toml::{Table, Value};
use weir_protocol::ServerSetting;

use super::{Config, layers::variable};

impl Config {
    /// Every setting, secrets masked, in the order of `weir.toml`.
    pub fn shown(&self) -> Vec<ServerSetting> {
        let defaults = leaves(&Self::default());
        leaves(self)
            .into_iter()
            .map(|(key, value)| ServerSetting {
                variable: variable(&key),
                is_default: defaults
                    .iter()
                    .any(|(known, default)| *known == key && *default == value),
                value: match value {
                    Value::String(text) => text,
                    other => other.to_string(),
                },
                key,
            })
            .collect()
    }
}

fn leaves(config: &Config) -> Vec<(String, Value)> {
    let table = Table::try_from(config).expect("a configuration is plain TOML");
    let mut found = Vec::new();
    collect("", table, &mut found);
    found
}

fn collect(prefix: &str, table: Table, found: &mut Vec<(String, Value)>) {
    for (name, value) in table {
        let key = format!("{prefix}{name}");
        match value {
            Value::Table(inner) => collect(&format!("{key}."), inner, found),
            value => found.push((key, value)),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use crate::config::{Flags, load};

    #[test]
    fn settings_are_told_and_secrets_are_not() {
        let environment = [
            ("WEIR_METRICS_TOKEN", "hush"),
            ("WEIR_MEDIA_GRACE", "30"),
            ("WEIR_OIDC_EXAMPLE_CLIENT_SECRET", "hush too"),
            ("WEIR_OIDC_EXAMPLE_CLIENT_ID", "weir"),
            ("WEIR_OIDC_EXAMPLE_ISSUER", "https://login.example.org"),
        ];
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let config = load(None, environment.into_iter(), &Flags::new()).unwrap();
        let shown = config.shown();
        let find = |key: &str| shown.iter().find(|it| it.key == key).unwrap();
        assert_eq!(find("media.grace").value, "30");
        assert_eq!(find("media.grace").variable, "WEIR_MEDIA_GRACE");
        assert!(!find("media.grace").is_default);
        assert!(find("media.shards").is_default);
        assert_eq!(find("oidc.example.client_id").value, "weir");
        for secret in ["metrics.token", "oidc.example.client_secret"] {
            assert_eq!(find(secret).value, super::super::secret::MASK, "{secret}");
        }
        assert!(!shown.iter().any(|it| it.value.contains("hush")));
    }
}
