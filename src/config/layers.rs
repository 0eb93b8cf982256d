//! How the layers of configuration are put on top of each other.
//!
//! The defaults, serialised, are the table of all keys: what is not in it is an error that names the
//! key, and the type that stands in it says how a text from the environment is read.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use toml::{Table, Value};

use super::{Config, OidcProvider};

/// The section whose tables are named by whoever writes the file: `[oidc.<name>]`.
const PROVIDERS: &str = "oidc";

/// Variables with our prefix that are not settings: they belong to building and testing.
const NOT_SETTINGS: [&str; 4] = [
    "WEIR_BIN",
    "WEIR_CONFIG",
    "WEIR_WASM_TOOLCHAIN",
    "WEIR_WEB_DIST",
];

/// Settings given on the command line: key and value.
pub type Flags = Vec<(&'static str, String)>;

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {path}: {source}")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Not TOML.
    #[error("{path} is not valid TOML: {source}")]
    Syntax {
        /// Which file.
        path: PathBuf,
        /// Where and why.
        source: toml::de::Error,
    },
    /// No such setting.
    #[error("unknown setting {key} in {origin}; known are: {known}")]
    UnknownKey {
        /// As it was written.
        key: String,
        /// File or environment.
        origin: String,
        /// What would be right there.
        known: String,
    },
    /// A setting with a value that does not fit.
    #[error("bad value for {key}{}: {reason}", .origin.as_ref().map(|o| format!(" (from {o})")).unwrap_or_default())]
    Value {
        /// Which setting.
        key: String,
        /// Where the value came from.
        origin: Option<String>,
        /// What does not fit.
        reason: String,
    },
}

/// Puts the layers together. `file` must exist when it was named; otherwise `weir.toml` in the
/// current folder is read if there is one.
pub fn load(
    file: Option<&Path>,
    environment: impl Iterator<Item = (String, String)>,
    flags: &Flags,
) -> Result<Config, ConfigError> {
    let known = known_keys();
    let providers = provider_keys();
    let mut settings: BTreeMap<String, (Value, Option<String>)> = BTreeMap::new();
    if let Some((path, table)) = read_file(file)? {
        let origin = path.display().to_string();
        for (key, value) in leaves(&table, &known) {
            if !known.contains_key(&key) && !providers.contains_key(last(&key, PROVIDERS)) {
                return Err(unknown(key, &origin, known.keys().cloned()));
            }
            settings.insert(key, (value, Some(origin.clone())));
        }
    }
    let by_variable: BTreeMap<String, &String> =
        known.keys().map(|key| (variable(key), key)).collect();
    for (name, text) in environment {
        if !name.starts_with("WEIR_") || NOT_SETTINGS.contains(&name.as_str()) {
            continue;
        }
        if let Some((key, default)) = provider_variable(&name, &providers) {
            let value = read_as(default, &text);
            settings.insert(key, (value, Some(name)));
            continue;
        }
        let setting = name.strip_suffix("_FILE");
        let in_file = setting.and_then(|setting| by_variable.get(setting));
        if let Some(key) = in_file.filter(|_| !by_variable.contains_key(&name)) {
            alone(&settings, key, &name)?;
            let text = read_value(&name, key, Path::new(&text))?;
            let value = read_as(&known[*key], &text);
            settings.insert((*key).clone(), (value, Some(name)));
            continue;
        }
        let Some(key) = by_variable.get(&name) else {
            return Err(unknown(
                name,
                "the environment",
                by_variable.keys().cloned(),
            ));
        };
        alone(&settings, key, &name)?;
        let value = read_as(&known[*key], &text);
        settings.insert((*key).clone(), (value, Some(name)));
    }
    for (key, text) in flags {
        let value = read_as(&known[*key], text);
        settings.insert(
            (*key).to_owned(),
            (value, Some("the command line".to_owned())),
        );
    }
    let mut table = Table::new();
    for (key, (value, _)) in &settings {
        insert(&mut table, key, value.clone());
    }
    let origin_of = |key: &str| settings.get(key).and_then(|(_, origin)| origin.clone());
    let config: Config =
        serde_path_to_error::deserialize(Value::Table(table)).map_err(|error| {
            let key = element_free(&error.path().to_string());
            ConfigError::Value {
                origin: origin_of(&key),
                reason: error.into_inner().to_string().trim_end().to_owned(),
                key,
            }
        })?;
    config.check().map_err(|error| match error {
        ConfigError::Value { key, reason, .. } => ConfigError::Value {
            origin: origin_of(&key),
            key,
            reason,
        },
        other => other,
    })?;
    Ok(config)
}

/// A setting's value out of the file that `WEIR_…_FILE` names, as container platforms hand secrets
/// over. One line break at its end belongs to the file, not to the value.
fn read_value(variable: &str, key: &str, path: &Path) -> Result<String, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|error| ConfigError::Value {
        key: key.to_owned(),
        origin: Some(variable.to_owned()),
        reason: format!("cannot read {}: {error}", path.display()),
    })?;
    let value = text.strip_suffix('\n').unwrap_or(&text);
    Ok(value.strip_suffix('\r').unwrap_or(value).to_owned())
}

/// Refuses a variable beside the one that names its file: which of them counts would be a guess.
fn alone(
    settings: &BTreeMap<String, (Value, Option<String>)>,
    key: &str,
    variable: &str,
) -> Result<(), ConfigError> {
    match settings.get(key).and_then(|(_, origin)| origin.as_deref()) {
        Some(other) if other.starts_with("WEIR_") => Err(ConfigError::Value {
            key: key.to_owned(),
            origin: None,
            reason: format!("both {other} and {variable} are set; leave one out"),
        }),
        _ => Ok(()),
    }
}

/// All keys with their default values.
fn known_keys() -> BTreeMap<String, Value> {
    let defaults = Table::try_from(Config::default()).expect("the defaults are plain TOML");
    let mut keys = BTreeMap::new();
    for (section, value) in defaults {
        if let Value::Table(inner) = value {
            keys.extend(
                inner
                    .into_iter()
                    .map(|(key, value)| (format!("{section}.{key}"), value)),
            );
        }
    }
    keys
}

/// What can be set of each provider, with its default value.
fn provider_keys() -> BTreeMap<String, Value> {
    let defaults = Table::try_from(OidcProvider::default()).expect("the defaults are plain TOML");
    defaults.into_iter().collect()
}

/// `issuer` of `oidc.example.issuer`; nothing for keys of other sections.
fn last<'a>(key: &'a str, section: &str) -> &'a str {
    let parts: Vec<&str> = key.split('.').collect();
    match parts.as_slice() {
        [first, _, last] if *first == section => last,
        _ => "",
    }
}

/// The key of `WEIR_OIDC_EXAMPLE_CLIENT_ID`, `oidc.example.client_id`, with its default value.
fn provider_variable<'a>(
    name: &str,
    providers: &'a BTreeMap<String, Value>,
) -> Option<(String, &'a Value)> {
    let rest = name.strip_prefix("WEIR_OIDC_")?.to_lowercase();
    let fits = |(key, _): &(&'a String, &'a Value)| rest.ends_with(&format!("_{key}"));
    // The longest: a provider is not called `example_client`, whose secret would be `secret_file`.
    let (key, default) = providers
        .iter()
        .filter(fits)
        .max_by_key(|(key, _)| key.len())?;
    let id = rest.strip_suffix(&format!("_{key}"))?.replace('_', "-");
    Some((format!("{PROVIDERS}.{id}.{key}"), default))
}

fn read_file(named: Option<&Path>) -> Result<Option<(PathBuf, Table)>, ConfigError> {
    let path = named.unwrap_or(Path::new("weir.toml")).to_owned();
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(None);
        }
        Err(source) => return Err(ConfigError::Unreadable { path, source }),
    };
    match text.parse::<Table>() {
        Ok(table) => Ok(Some((path, table))),
        Err(source) => Err(ConfigError::Syntax { path, source }),
    }
}

/// The leaves of a file, `section.key`. A section that is no table is a leaf itself, and so is
/// whatever lies deeper than a known key.
fn leaves(table: &Table, known: &BTreeMap<String, Value>) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    for (section, value) in table {
        match value {
            Value::Table(named) if section == PROVIDERS => {
                for (name, value) in named {
                    match value {
                        Value::Table(inner) => found.extend(inner.iter().map(|(key, value)| {
                            (format!("{section}.{name}.{key}"), value.clone())
                        })),
                        other => found.push((format!("{section}.{name}"), other.clone())),
                    }
                }
            }
            Value::Table(inner)
                if known
                    .keys()
                    .any(|key| key.starts_with(&format!("{section}."))) =>
            {
                found.extend(
                    inner
                        .iter()
                        .map(|(key, value)| (format!("{section}.{key}"), value.clone())),
                );
            }
            other => found.push((section.clone(), other.clone())),
        }
    }
    found
}

/// `http.public_url` is `WEIR_HTTP_PUBLIC_URL`.
pub(super) fn variable(key: &str) -> String {
    format!("WEIR_{}", key.replace('.', "_").to_uppercase())
}

/// A text as the type that the default has. A text that does not fit stays a text, so that the
/// error about it is made in one place, with the key.
fn read_as(default: &Value, text: &str) -> Value {
    let typed = match default {
        Value::Boolean(_) => text.parse().ok().map(Value::Boolean),
        Value::Integer(_) => text.parse().ok().map(Value::Integer),
        Value::Array(_) => Some(Value::Array(
            text.split(',')
                .map(str::trim)
                .filter(|part| !part.is_empty())
                .map(|part| Value::String(part.to_owned()))
                .collect(),
        )),
        _ => None,
    };
    typed.unwrap_or_else(|| Value::String(text.to_owned()))
}

fn insert(table: &mut Table, key: &str, value: Value) {
    let Some((section, rest)) = key.split_once('.') else {
        table.insert(key.to_owned(), value);
        return;
    };
    let section = table
        .entry(section)
        .or_insert_with(|| Value::Table(Table::new()));
    if let Value::Table(section) = section {
        insert(section, rest, value);
    }
}

/// `media.advertise[0]` is a place within `media.advertise`.
fn element_free(path: &str) -> String {
    path.split('[').next().unwrap_or(path).to_owned()
}

fn unknown(key: String, origin: &str, known: impl Iterator<Item = String>) -> ConfigError {
    ConfigError::UnknownKey {
        key,
        origin: origin.to_owned(),
        known: known.collect::<Vec<_>>().join(", "),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::config::PublicIp;

    fn from_file(text: &str) -> Result<Config, ConfigError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("weir.toml");
        std::fs::write(&path, text).unwrap();
        load(Some(&path), std::iter::empty(), &Vec::new())
    }

    fn from_env(name: &str, value: &str) -> Result<Config, ConfigError> {
        let variables = [(name.to_owned(), value.to_owned())];
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("weir.toml");
        std::fs::write(&path, "").unwrap();
        load(Some(&path), variables.into_iter(), &Vec::new())
    }

    #[test]
    fn flags_beat_environment_beats_file_beats_defaults() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("weir.toml");
        std::fs::write(
            &path,
            "[http]\nlisten = \"127.0.0.1:1\"\n[rtmp]\nlisten = \"127.0.0.1:1\"\n[media]\nudp = \"127.0.0.1:1\"\n",
        )
        .unwrap();
        let env = [
            ("WEIR_RTMP_LISTEN".to_owned(), "127.0.0.1:2".to_owned()),
            ("WEIR_MEDIA_UDP".to_owned(), "127.0.0.1:2".to_owned()),
            ("PATH".to_owned(), "/bin".to_owned()),
        ];
        let flags = vec![("media.udp", "127.0.0.1:3".to_owned())];
        let config = load(Some(&path), env.into_iter(), &flags).unwrap();
        assert_eq!(config.http.listen.port(), 1);
        assert_eq!(config.rtmp.listen.port(), 2);
        assert_eq!(config.media.udp.port(), 3);
        assert_eq!(config.data.dir, PathBuf::from("./data"));
    }

    #[test]
    fn values_may_stand_in_files() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        std::fs::write(&path, "hunter2\n").unwrap();
        let path = path.display().to_string();
        let config = from_env("WEIR_ICE_TURN_SECRET_FILE", &path).unwrap();
        assert_eq!(config.ice.turn_secret.expose(), Some("hunter2"));
        let error = from_env("WEIR_ICE_TURN_SECRET_FILE", "/no/such/file").unwrap_err();
        let error = error.to_string();
        assert!(
            error.contains("ice.turn_secret") && error.contains("/no/such/file"),
            "{error}"
        );
        let error = from_env("WEIR_ICE_NOTHING_FILE", &path).unwrap_err();
        assert!(error.to_string().contains("WEIR_ICE_NOTHING_FILE"));
        let both = [
            ("WEIR_ICE_TURN_SECRET".to_owned(), "x".to_owned()),
            ("WEIR_ICE_TURN_SECRET_FILE".to_owned(), path),
        ];
        let empty = dir.path().join("weir.toml");
        std::fs::write(&empty, "").unwrap();
        for both in [both.clone(), [both[1].clone(), both[0].clone()]] {
            let error = load(Some(&empty), both.into_iter(), &Vec::new()).unwrap_err();
            assert!(error.to_string().contains("both"), "{error}");
        }
    }

    #[test]
    fn figures_have_limits_and_readers() {
        for (text, key) in [
            ("[insight]\nsession_days = 0", "insight.session_days"),
            ("[insight]\nminute_days = 1", "insight.minute_days"),
            ("[metrics]\nallow = [\"here\"]", "metrics.allow"),
        ] {
            let error = from_file(text).unwrap_err().to_string();
            assert!(error.contains(key), "{text}: {error}");
        }
        let config = from_env("WEIR_METRICS_ALLOW", "127.0.0.1/32, 2001:db8::/32").unwrap();
        assert_eq!(config.metrics.config().unwrap().allow.len(), 2);
        let config = from_env("WEIR_METRICS_TOKEN", "hunter2").unwrap();
        assert!(!toml::to_string(&config).unwrap().contains("hunter2"));
    }

    #[test]
    fn unknown_keys_are_named() {
        let error = from_file("[http]\nlissten = \"x\"\n")
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("http.lissten") && error.contains("http.listen"),
            "{error}"
        );
        let error = from_file("htttp = 1\n").unwrap_err().to_string();
        assert!(error.contains("htttp"), "{error}");
        let error = from_env("WEIR_HTTP_LISSTEN", "x").unwrap_err().to_string();
        assert!(error.contains("WEIR_HTTP_LISSTEN"), "{error}");
    }

    #[test]
    fn bad_values_name_key_and_origin() {
        let error = from_file("[rtmp]\nlisten = 1935\n")
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("rtmp.listen") && error.contains("weir.toml"),
            "{error}"
        );
        let error = from_env("WEIR_MEDIA_SHARDS", "many")
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("media.shards") && error.contains("WEIR_MEDIA_SHARDS"),
            "{error}"
        );
        let error = from_env("WEIR_MEDIA_ADVERTISE", "192.0.2.1,nonsense")
            .unwrap_err()
            .to_string();
        assert!(error.contains("media.advertise"), "{error}");
        let error = from_env("WEIR_MEDIA_PUBLISHER_TIMEOUT_SECONDS", "0")
            .unwrap_err()
            .to_string();
        assert!(error.contains("media.publisher_timeout_seconds"), "{error}");
    }

    #[test]
    fn media_settings_that_contradict_themselves_are_named() {
        for (text, key) in [
            ("grace = 601", "media.grace"),
            ("playout_delay_min = 300", "media.playout_delay_min"),
            ("playout_delay_max = 50000", "media.playout_delay_max"),
            ("flexfec = \"on\"", "media.flexfec"),
            ("overflow = \"https://b.example/weir\"", "media.overflow"),
            ("overflow = \"b.example\"", "media.overflow"),
            ("public_ip = \"here\"", "media.public_ip"),
            ("public_ip = \"0.0.0.0\"", "media.public_ip"),
            // Nobody to ask.
            ("public_ip = \"auto\"", "media.public_ip"),
        ] {
            let error = from_file(&format!("[media]\n{text}\n")).unwrap_err();
            assert!(error.to_string().contains(key), "{text}: {error}");
        }
    }

    #[test]
    fn a_public_address_is_given_or_found() {
        let text = "[media]\npublic_ip = \"auto\"\n\
            [ice]\nurls = [\"stun:stun.example\", \"stun:[2001:db8::1]\", \"stun:b.example:99\"]\n";
        let config = from_file(text).unwrap();
        assert_eq!(config.media.public_ip, [PublicIp::Auto]);
        assert_eq!(
            config.ice.stun_servers(),
            ["stun.example:3478", "[2001:db8::1]:3478", "b.example:99"]
        );
        from_file(&toml::to_string(&config).unwrap()).unwrap();
        let config = from_env("WEIR_MEDIA_PUBLIC_IP", "203.0.113.7, 2001:db8::7").unwrap();
        assert_eq!(config.media.public_addresses().count(), 2);
    }

    #[test]
    fn lists_and_urls_are_read_from_the_environment() {
        let config = from_env("WEIR_MEDIA_ADVERTISE", "192.0.2.1, 2001:db8::1").unwrap();
        assert_eq!(config.media.advertise.len(), 2);
        let config = from_env("WEIR_HTTP_PUBLIC_URL", "https://live.example.org").unwrap();
        assert_eq!(config.base_url().as_str(), "https://live.example.org/");
    }

    #[test]
    fn printed_configuration_masks_secrets_and_can_be_read_again() {
        let config = from_env("WEIR_ICE_TURN_SECRET", "hunter2").unwrap();
        let printed = toml::to_string(&config).unwrap();
        assert!(!printed.contains("hunter2"), "{printed}");
        assert!(printed.contains("turn_secret = \"********\""), "{printed}");
        assert!(!format!("{config:?}").contains("hunter2"));
        from_file(&printed).unwrap();
    }

    #[test]
    fn providers_are_named_by_whoever_writes_them() {
        let text = "[oidc.example]\nissuer = \"https://id.example\"\nclient_id = \"weir\"\n\
            client_secret = \"hunter2\"\n";
        let config = from_file(text).unwrap();
        assert_eq!(config.oidc["example"].client_id, "weir");
        let printed = toml::to_string(&config).unwrap();
        assert!(!printed.contains("hunter2"), "{printed}");
        from_file(&printed).unwrap();
        for (change, word) in [
            ("issuer", "isuer"),
            ("client_id", "x"),
            ("https://id.example", "id"),
            ("client_secret =", "client_secret_file ="),
        ] {
            let error = from_file(&text.replace(change, word)).unwrap_err();
            assert!(error.to_string().contains("oidc.example"), "{error}");
        }
        let dir = tempfile::tempdir().unwrap();
        let secret = dir.path().join("secret");
        std::fs::write(&secret, "hunter2\n").unwrap();
        let secret = secret.display().to_string();
        let variables = [
            ("WEIR_OIDC_MY_SITE_ISSUER", "https://id.example"),
            ("WEIR_OIDC_MY_SITE_CLIENT_ID", "weir"),
            ("WEIR_OIDC_MY_SITE_CLIENT_SECRET_FILE", &secret),
            ("WEIR_OIDC_MY_SITE_LINK_BY_EMAIL", "true"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let path = dir.path().join("weir.toml");
        std::fs::write(&path, "").unwrap();
        let config = load(Some(&path), variables.into_iter(), &Vec::new()).unwrap();
        let [provider] = config.oidc().try_into().unwrap();
        assert_eq!(provider.id, "my-site");
        assert_eq!(provider.client_secret, "hunter2");
        assert!(provider.link_by_email);
    }

    #[test]
    fn mail_settings_that_cannot_work_are_named() {
        for (text, key) in [
            ("from = \"nobody\"", "mail.from"),
            ("smtp_url = \"nowhere\"", "mail.smtp_url"),
        ] {
            let error = from_file(&format!("[mail]\n{text}\n")).unwrap_err();
            assert!(error.to_string().contains(key), "{error}");
        }
    }

    #[test]
    fn a_named_file_must_exist() {
        assert!(
            load(
                Some(Path::new("no/such.toml")),
                std::iter::empty(),
                &Vec::new()
            )
            .is_err()
        );
    }
}
