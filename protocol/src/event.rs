//! Events: what an organiser plans, with sessions, people who register, and figures of who came.

mod attendance;
mod registration;
mod session;

use serde::{Deserialize, Serialize};

pub use attendance::{AttendanceReport, AttendeeReport, EventTotals, SeenAnswer, SessionReport};
pub use registration::{
    CreateEventInvitation, DecideRegistration, EventInvitation, EventInvitationAccess,
    MyRegistration, Register, RegistrationDecision, RegistrationRow, RegistrationStatus,
};
pub use session::{
    CreateEventSession, EditEventSession, EventSession, EventSessionSpeaker, NewSpeaker,
    SessionStream, SetSessionStream,
};

use crate::{StreamSlug, absent::said};

/// An event's or session's name in addresses: as a stream's.
pub type EventSlug = StreamSlug;

/// Who may see an event.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum EventVisibility {
    /// Everybody, and it is listed.
    #[default]
    Public,
    /// Everybody who knows its address.
    Unlisted,
    /// Organisers, speakers, those who registered, and those with an invitation.
    Private,
}

/// Where an event is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum EventState {
    /// Seen by its organisers and speakers alone.
    Draft,
    /// Open to those who may see it.
    Published,
    /// Does not take place. Stays visible, so that attendees learn of it.
    Cancelled,
    /// Is over.
    Ended,
}

macro_rules! words {
    ($name:ident { $($variant:ident = $word:literal),+ $(,)? }) => {
        impl $name {
            /// The word in JSON and in the database.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// What a word means; `None` for other words.
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}
pub(crate) use words;

words!(EventVisibility {
    Public = "public",
    Unlisted = "unlisted",
    Private = "private",
});
words!(EventState {
    Draft = "draft",
    Published = "published",
    Cancelled = "cancelled",
    Ended = "ended",
});

/// How an event's page looks. Colours are CSS hexadecimal (`#rgb` or `#rrggbb`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Branding {
    /// Buttons and links.
    #[cfg_attr(
        feature = "openapi",
        schema(max_length = 7, pattern = "^#([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$")
    )]
    pub primary: Option<String>,
    /// Behind everything.
    #[cfg_attr(
        feature = "openapi",
        schema(max_length = 7, pattern = "^#([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$")
    )]
    pub background: Option<String>,
    /// Text on `background`; the two must differ by a contrast of 4.5 (WCAG 2.2, 1.4.3).
    #[cfg_attr(
        feature = "openapi",
        schema(max_length = 7, pattern = "^#([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$")
    )]
    pub text: Option<String>,
    /// Id of an image of `/api/v1/images`.
    #[cfg_attr(
        feature = "openapi",
        schema(max_length = 64, pattern = "^[0-9A-Za-z_-]+$")
    )]
    pub logo: Option<String>,
    /// Id of an image of `/api/v1/images`.
    #[cfg_attr(
        feature = "openapi",
        schema(max_length = 64, pattern = "^[0-9A-Za-z_-]+$")
    )]
    pub cover: Option<String>,
}

/// Body of `POST /api/v1/events`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateEvent {
    /// Name in addresses.
    pub slug: EventSlug,
    /// For people.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 200))]
    pub title: String,
    /// What it is about.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(max_length = 10_000))]
    pub description: String,
    /// IANA name of the time zone that the event is planned in, for example `Europe/Berlin`.
    #[cfg_attr(
        feature = "openapi",
        schema(max_length = 64, example = "Europe/Berlin")
    )]
    pub time_zone: String,
    /// Milliseconds since the Unix epoch.
    #[cfg_attr(
        feature = "openapi",
        schema(minimum = 0, maximum = 4_102_444_800_000_i64)
    )]
    pub starts_at: i64,
    /// Milliseconds since the Unix epoch; at most 90 days after the start.
    #[cfg_attr(
        feature = "openapi",
        schema(minimum = 0, maximum = 4_102_444_800_000_i64)
    )]
    pub ends_at: i64,
    /// Who may see it.
    #[serde(default)]
    pub visibility: EventVisibility,
    /// Places; without it, everybody who registers gets one.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 1_000_000))]
    pub attendee_limit: Option<u32>,
    /// From when people may register; at once without it.
    #[serde(default)]
    #[cfg_attr(
        feature = "openapi",
        schema(minimum = 0, maximum = 4_102_444_800_000_i64)
    )]
    pub registration_opens_at: Option<i64>,
    /// Until when people may register; until the event's end without it.
    #[serde(default)]
    #[cfg_attr(
        feature = "openapi",
        schema(minimum = 0, maximum = 4_102_444_800_000_i64)
    )]
    pub registration_closes_at: Option<i64>,
    /// Whether an organiser decides on each registration.
    #[serde(default)]
    pub approval: bool,
    /// How its page looks.
    #[serde(default)]
    pub branding: Branding,
}

/// Body of `PATCH /api/v1/events/{slug}`: what is absent stays, `null` removes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct EditEvent {
    /// A new name in addresses.
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub slug: Option<EventSlug>,
    /// For people.
    #[cfg_attr(
        feature = "openapi",
        schema(min_length = 1, max_length = 200, nullable = false)
    )]
    pub title: Option<String>,
    /// What it is about.
    #[cfg_attr(feature = "openapi", schema(max_length = 10_000, nullable = false))]
    pub description: Option<String>,
    /// IANA name.
    #[cfg_attr(feature = "openapi", schema(max_length = 64, nullable = false))]
    pub time_zone: Option<String>,
    /// Milliseconds since the Unix epoch.
    #[cfg_attr(
        feature = "openapi",
        schema(minimum = 0, maximum = 4_102_444_800_000_i64, nullable = false)
    )]
    pub starts_at: Option<i64>,
    /// Milliseconds since the Unix epoch.
    #[cfg_attr(
        feature = "openapi",
        schema(minimum = 0, maximum = 4_102_444_800_000_i64, nullable = false)
    )]
    pub ends_at: Option<i64>,
    /// Who may see it.
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub visibility: Option<EventVisibility>,
    /// Places. When it grows, those who wait move up; when it shrinks, nobody loses a place.
    #[serde(deserialize_with = "said", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<u32>, minimum = 1, maximum = 1_000_000))]
    pub attendee_limit: Option<Option<u32>>,
    /// From when people may register.
    #[serde(deserialize_with = "said", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<i64>, minimum = 0, maximum = 4_102_444_800_000_i64))]
    pub registration_opens_at: Option<Option<i64>>,
    /// Until when people may register.
    #[serde(deserialize_with = "said", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<i64>, minimum = 0, maximum = 4_102_444_800_000_i64))]
    pub registration_closes_at: Option<Option<i64>>,
    /// Whether an organiser decides on each registration.
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub approval: Option<bool>,
    /// How its page looks, as a whole.
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub branding: Option<Branding>,
}

/// Body of `POST /api/v1/events/{slug}/state`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SetEventState {
    /// A draft is published; a published event is cancelled or ended; neither comes back.
    pub state: EventState,
}

/// An event in lists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EventSummary {
    /// Name in addresses.
    pub slug: EventSlug,
    /// For people.
    pub title: String,
    /// IANA name.
    pub time_zone: String,
    /// Milliseconds since the Unix epoch.
    pub starts_at: i64,
    /// Milliseconds since the Unix epoch.
    pub ends_at: i64,
    /// Who may see it.
    pub visibility: EventVisibility,
    /// Where it is in its life.
    pub state: EventState,
    /// How its page looks.
    pub branding: Branding,
}

/// An event in full.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EventDetails {
    /// What lists show too.
    #[serde(flatten)]
    pub summary: EventSummary,
    /// What it is about.
    pub description: String,
    /// User name of whoever made it; absent when that account is gone.
    pub owner: Option<String>,
    /// User names of the others who may change it.
    pub organisers: Vec<String>,
    /// Places.
    pub attendee_limit: Option<u32>,
    /// Places that are taken.
    pub places_taken: u32,
    /// From when people may register.
    pub registration_opens_at: Option<i64>,
    /// Until when people may register.
    pub registration_closes_at: Option<i64>,
    /// Whether one can register now.
    pub registration_open: bool,
    /// Whether an organiser decides on each registration.
    pub approval: bool,
    /// Counts changes; the entity tag of edits.
    pub version: i64,
    /// What an organiser should look at, for example colours that are hard to tell apart.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// Everything that an event's page shows: `GET /api/v1/events/{slug}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EventPage {
    /// The event.
    #[serde(flatten)]
    pub event: EventDetails,
    /// Its sessions, in order.
    pub sessions: Vec<EventSession>,
    /// The registration of whoever asks.
    pub registration: Option<MyRegistration>,
    /// Whether whoever asks may change the event.
    pub may_edit: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_removes_and_absence_leaves() {
        let edit: EditEvent =
            serde_json::from_str(r#"{"attendee_limit":null,"registration_opens_at":5}"#)
                .expect("json");
        assert_eq!(edit.attendee_limit, Some(None));
        assert_eq!(edit.registration_opens_at, Some(Some(5)));
        assert_eq!(edit.registration_closes_at, None);
        assert!(serde_json::from_str::<EditEvent>(r#"{"tittle":"x"}"#).is_err());
    }

    #[test]
    fn what_a_client_does_not_change_stays() {
        let title = Some("Rivers".to_owned());
        let event = EditEvent {
            title: title.clone(),
            ..EditEvent::default()
        };
        let sent = serde_json::to_string(&event).expect("json");
        assert_eq!(
            serde_json::from_str::<EditEvent>(&sent).expect("json"),
            event
        );
        let session = EditEventSession {
            title,
            ..EditEventSession::default()
        };
        let sent = serde_json::to_string(&session).expect("json");
        let read: EditEventSession = serde_json::from_str(&sent).expect("json");
        assert_eq!(read, session);
    }

    #[test]
    fn words_go_both_ways() {
        for state in ["draft", "published", "cancelled", "ended"] {
            assert_eq!(
                EventState::from_word(state).map(EventState::as_str),
                Some(state)
            );
        }
        assert_eq!(EventState::from_word("gone"), None);
    }
}
