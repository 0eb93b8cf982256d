//! What a notification says, and where it leads.

use serde_json::Value;
use weir_protocol::{NotificationItem, NotificationKind};

use crate::texts::people;

/// A notification in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct News {
    /// What happened.
    pub text: String,
    /// The rest, where there is one.
    pub detail: String,
    /// The page that it is about, by its path.
    pub path: Option<String>,
}

/// In the user's language. What a newer server tells of is said in general.
pub fn news(item: &NotificationItem) -> News {
    let text = |member: &str| item.payload[member].as_str().unwrap_or_default();
    let slug = text("slug");
    let stream = (!slug.is_empty()).then(|| format!("/@{slug}"));
    let said = |text: String, detail: &str, path: Option<String>| News {
        text,
        detail: detail.to_owned(),
        path,
    };
    match NotificationKind::of(&item.kind) {
        Some(NotificationKind::StreamLive) => said(
            people::news_live(text("display_name")),
            text("title"),
            stream,
        ),
        Some(NotificationKind::Follower) => {
            let user = text("user");
            said(people::news_follower(user), "", Some(format!("/u/{user}")))
        }
        Some(NotificationKind::Mention) => said(people::news_mention().to_owned(), "", stream),
        Some(NotificationKind::Raid) => said(people::news_raid().to_owned(), "", stream),
        Some(NotificationKind::Approval) => {
            let words = if item.payload["approved"] == Value::Bool(true) {
                people::news_approved()
            } else {
                people::news_rejected()
            };
            said(
                words.to_owned(),
                text("reason"),
                Some("/settings/streaming".to_owned()),
            )
        }
        Some(NotificationKind::Event) => {
            let page = (!slug.is_empty()).then(|| format!("/events/{slug}"));
            let title = text("title");
            let words = match text("what") {
                "place" => people::news_place(title),
                "cancelled" => people::news_cancelled(title),
                _ => people::news_event(title),
            };
            said(words, "", page)
        }
        Some(NotificationKind::Account) if item.payload["webhook"].is_string() => {
            said(people::news_webhook().to_owned(), text("why"), None)
        }
        Some(NotificationKind::Account) => {
            let detail = role_name(text("role"));
            said(people::news_account().to_owned(), detail, None)
        }
        None => said(people::news_other().to_owned(), "", None),
    }
}

/// A role in words; empty for one that this client does not know.
pub fn role_name(role: &str) -> &'static str {
    match role {
        "admin" => people::role_admin(),
        "moderator" => people::role_moderator(),
        "speaker" => people::role_speaker(),
        "attendee" => people::role_attendee(),
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(kind: &str, payload: Value) -> News {
        news(&NotificationItem {
            id: "1".to_owned(),
            kind: kind.to_owned(),
            payload,
            created_at: 0,
            read_at: None,
        })
    }

    #[test]
    fn news_lead_to_what_they_are_about() {
        let live = of(
            "stream_live",
            json!({"user": "ann", "display_name": "Ann", "slug": "show", "title": "My show"}),
        );
        assert_eq!(live.text, people::news_live("Ann"));
        assert_eq!(live.detail, "My show");
        assert_eq!(live.path.as_deref(), Some("/@show"));
        let follower = of("follower", json!({"user": "bob"}));
        assert_eq!(follower.path.as_deref(), Some("/u/bob"));
        let place = of(
            "event",
            json!({"what": "place", "slug": "day", "title": "The day"}),
        );
        assert_eq!(place.path.as_deref(), Some("/events/day"));
    }

    #[test]
    fn unknown_news_are_told_too() {
        assert_eq!(of("eclipse", json!({})).text, people::news_other());
        assert_eq!(of("mention", Value::Null).path, None);
        assert_eq!(
            of("approval", json!({"approved": false})).text,
            people::news_rejected()
        );
    }
}
