//! Changing how a room is run.

use std::sync::Arc;

use weir_db::DbError;
use weir_protocol::room::{
    BLOCKED_WORD_CHARS, BLOCKED_WORDS_MAX, DELAY_MAX_MS, FOLLOW_AGE_MAX_MS, LINK_HOSTS_MAX,
    RoomErrorCode, RoomRules, RoomRulesChange, SLOW_MAX_MS,
};

use super::{
    audit::{self, Object},
    links,
    moderation::refresh,
    visit::{Actor, bad},
};
use crate::{
    App,
    rooms::{Room, RoomError},
};

/// Runs the room so from now on, if its rules pass `check`.
pub(super) async fn change<E: From<RoomError> + From<DbError>>(
    app: &App,
    room: &Arc<Room>,
    actor: &Actor,
    change: RoomRulesChange,
    check: impl Fn(i64) -> Result<(), E>,
) -> Result<RoomRules, E> {
    actor.must_moderate()?;
    let names = changed_names(&change);
    // Somebody else may be faster: then it is tried once more on what they left.
    for _ in 0..3 {
        let before = app.services.db.room_rules(room.id).await?;
        check(before.version)?;
        let mut rules = merged(before, change.clone())?;
        if let Some(version) = app.services.db.set_room_rules(room.id, &rules).await? {
            rules.version = version;
            refresh(app, room).await?;
            let object = Object::new(room.target.name.to_string(), names);
            audit::log(app, room, actor, "rules", object).await?;
            return Ok(rules);
        }
    }
    Err(E::from(RoomError::new(
        RoomErrorCode::Conflict,
        "others are changing the rules too; try again",
    )))
}

/// Which rules a change is about, for the audit log.
fn changed_names(change: &RoomRulesChange) -> String {
    let value = serde_json::to_value(change).expect("a change is plain data");
    let names = value
        .as_object()
        .map(|map| map.keys().cloned().collect::<Vec<_>>());
    names.unwrap_or_default().join(", ")
}

fn merged(mut rules: RoomRules, change: RoomRulesChange) -> Result<RoomRules, RoomError> {
    fn set<T>(place: &mut T, value: Option<T>) {
        if let Some(value) = value {
            *place = value;
        }
    }
    set(&mut rules.chat, change.chat);
    set(&mut rules.guests, change.guests);
    set(&mut rules.delay_ms, change.delay_ms);
    set(&mut rules.followers_only, change.followers_only);
    set(&mut rules.followers_age_ms, change.followers_age_ms);
    set(&mut rules.slow_ms, change.slow_ms);
    set(&mut rules.emotes_only, change.emotes_only);
    set(&mut rules.links, change.links);
    set(&mut rules.questions_moderated, change.questions_moderated);
    if let Some(hosts) = change.link_hosts {
        rules.link_hosts = checked_hosts(&hosts)?;
    }
    if let Some(words) = change.blocked_words {
        rules.blocked_words = checked_words(&words)?;
    }
    if rules.delay_ms > DELAY_MAX_MS {
        return Err(bad("delay_ms is at most 120000: two minutes"));
    }
    if rules.slow_ms > SLOW_MAX_MS {
        return Err(bad("slow_ms is at most 21600000: six hours"));
    }
    if rules.followers_age_ms > FOLLOW_AGE_MAX_MS {
        return Err(bad("followers_age_ms is at most 31622400000: a year"));
    }
    Ok(rules)
}

fn checked_hosts(hosts: &[String]) -> Result<Vec<String>, RoomError> {
    if hosts.len() > LINK_HOSTS_MAX {
        return Err(bad("link_hosts are at most 100"));
    }
    let mut checked: Vec<String> = Vec::new();
    for host in hosts {
        let host = links::listable(host)
            .ok_or_else(|| bad("each of link_hosts is a name such as example.org"))?;
        if !checked.contains(&host) {
            checked.push(host);
        }
    }
    Ok(checked)
}

fn checked_words(words: &[String]) -> Result<Vec<String>, RoomError> {
    if words.len() > BLOCKED_WORDS_MAX {
        return Err(bad("blocked_words are at most 200"));
    }
    let mut checked: Vec<String> = Vec::new();
    for word in words {
        let word = word.split_whitespace().collect::<Vec<_>>().join(" ");
        let chars = word.chars().count();
        if chars == 0 || chars > BLOCKED_WORD_CHARS || word.chars().any(char::is_control) {
            return Err(bad(
                "each of blocked_words has 1 to 64 characters and no control characters",
            ));
        }
        if !word.chars().any(char::is_alphanumeric) {
            return Err(bad(
                "each of blocked_words has at least one letter or digit",
            ));
        }
        if !checked.contains(&word) {
            checked.push(word);
        }
    }
    Ok(checked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_said_changes() {
        let rules = RoomRules {
            slow_ms: 5,
            version: 3,
            ..RoomRules::default()
        };
        let change = RoomRulesChange {
            chat: Some(false),
            link_hosts: Some(vec!["Example.ORG".into(), "*.example.org".into()]),
            blocked_words: Some(vec![" a  b ".into()]),
            ..RoomRulesChange::default()
        };
        assert_eq!(changed_names(&change), "blocked_words, chat, link_hosts");
        let rules = merged(rules, change).expect("fine");
        assert!(!rules.chat);
        assert_eq!((rules.slow_ms, rules.version), (5, 3));
        assert_eq!(rules.link_hosts, ["example.org"]);
        assert_eq!(rules.blocked_words, ["a b"]);
    }

    #[test]
    fn nonsense_is_refused() {
        let empty = RoomRulesChange::default;
        for change in [
            RoomRulesChange {
                delay_ms: Some(120_001),
                ..empty()
            },
            RoomRulesChange {
                slow_ms: Some(u32::MAX),
                ..empty()
            },
            RoomRulesChange {
                followers_age_ms: Some(u64::MAX),
                ..empty()
            },
            RoomRulesChange {
                blocked_words: Some(vec![String::new()]),
                ..empty()
            },
            RoomRulesChange {
                blocked_words: Some(vec!["!!".into()]),
                ..empty()
            },
            RoomRulesChange {
                blocked_words: Some(vec!["x".repeat(65)]),
                ..empty()
            },
            RoomRulesChange {
                blocked_words: Some(vec!["x".into(); 201]),
                ..empty()
            },
            RoomRulesChange {
                link_hosts: Some(vec!["http://x".into()]),
                ..empty()
            },
        ] {
            assert!(merged(RoomRules::default(), change).is_err());
        }
    }
}
