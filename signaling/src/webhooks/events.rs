//! What happens, in the words of webhooks.

use weir_db::{Broadcast, NewWebhookEvent, RoomSubject, Stream, StreamId, User, UserId};
use weir_protocol::{
    WebhookBroadcast, WebhookData, WebhookEvent, WebhookFinding, WebhookMember, WebhookRecording,
    WebhookStream, WebhookUser, finding::Finding,
};

use crate::{
    happenings::{Happening, Member},
    live,
    rooms::Target,
};

/// The event of a happening; `None` for what is nobody's business outside.
pub(super) fn event(happening: &Happening) -> Option<NewWebhookEvent> {
    let (data, about) = match happening {
        Happening::StreamStarted { stream, broadcast } => (
            WebhookData::StreamStarted {
                stream: of_stream(stream),
                broadcast: of_broadcast(broadcast),
            },
            About::stream(stream),
        ),
        Happening::StreamEnded { stream, broadcast } => (
            WebhookData::StreamEnded {
                stream: of_stream(stream),
                broadcast: of_broadcast(broadcast),
            },
            About::stream(stream),
        ),
        Happening::StreamCreated { stream } => (
            WebhookData::StreamCreated {
                stream: of_stream(stream),
            },
            About::stream(stream),
        ),
        Happening::StreamUpdated { stream } => (
            WebhookData::StreamUpdated {
                stream: of_stream(stream),
            },
            About::stream(stream),
        ),
        Happening::StreamDeleted { stream } => (
            WebhookData::StreamDeleted {
                stream: of_stream(stream),
            },
            About::stream(stream),
        ),
        Happening::RecordingReady { stream, recording } => (
            WebhookData::RecordingReady {
                stream: of_stream(stream),
                recording: WebhookRecording {
                    id: recording.id.to_string(),
                    broadcast_id: recording.broadcast.to_string(),
                    duration_ms: recording.duration_ms,
                    bytes: recording.bytes,
                },
            },
            About::stream(stream),
        ),
        Happening::UserRegistered { user } => (
            WebhookData::UserRegistered {
                user: of_user(user),
            },
            About::site(user),
        ),
        Happening::UserFollowed { user, follower } => (
            WebhookData::UserFollowed {
                user: of_user(user),
                follower: of_user(follower),
            },
            About::user(user),
        ),
        Happening::RoomMessageDeleted {
            room,
            message,
            author,
            moderator,
        } => (
            WebhookData::RoomMessageDeleted {
                room: room.name.to_string(),
                stream: room.stream.as_ref().map(of_stream),
                message_id: message.to_string(),
                author: of_member(author),
                moderator: of_member(moderator),
            },
            About::room(room),
        ),
        Happening::RoomUserBanned {
            room,
            kind,
            member,
            moderator,
            until,
        } => (
            WebhookData::RoomUserBanned {
                room: room.name.to_string(),
                stream: room.stream.as_ref().map(of_stream),
                kind: kind.as_str().to_owned(),
                member: of_member(member),
                moderator: of_member(moderator),
                until: *until,
            },
            About::room(room),
        ),
        Happening::FindingOpened { stream, finding } => (
            WebhookData::FindingOpened {
                stream: of_stream(stream),
                finding: of_finding(finding),
            },
            About::stream(stream),
        ),
        Happening::FindingResolved { stream, finding } => (
            WebhookData::FindingResolved {
                stream: of_stream(stream),
                finding: of_finding(finding),
            },
            About::stream(stream),
        ),
        // Other parts' own matters, and a webhook's end: it would be told to itself.
        _ => return None,
    };
    Some(NewWebhookEvent {
        kind: data.kind().as_str().to_owned(),
        owner: about.owner,
        stream: about.stream,
        lane: about.lane,
        payload: body(data),
    })
}

/// The body of an event that happens now.
pub(super) fn body(what: WebhookData) -> String {
    let event = WebhookEvent {
        what,
        timestamp: rfc3339(live::now()),
    };
    serde_json::to_string(&event).expect("an event is plain data")
}

/// Whose an event is, and what it must keep its order with.
struct About {
    owner: Option<UserId>,
    stream: Option<StreamId>,
    lane: i64,
}

impl About {
    fn stream(stream: &Stream) -> Self {
        Self {
            owner: stream.owner,
            stream: Some(stream.id),
            lane: stream.id.get(),
        }
    }

    /// Something in a room keeps its order with what happens to its stream.
    fn room(room: &Target) -> Self {
        Self {
            owner: room.owner,
            stream: room.stream.as_ref().map(|stream| stream.id),
            lane: match room.subject {
                RoomSubject::Stream(stream) => stream.get(),
                RoomSubject::EventSession(session) => session,
            },
        }
    }

    /// Something that concerns a user.
    fn user(user: &User) -> Self {
        Self {
            owner: Some(user.id),
            stream: None,
            lane: user.id.get(),
        }
    }

    /// Something about a user that only the site hears of.
    fn site(user: &User) -> Self {
        Self {
            owner: None,
            stream: None,
            lane: user.id.get(),
        }
    }
}

fn of_stream(stream: &Stream) -> WebhookStream {
    WebhookStream {
        id: stream.id.to_string(),
        slug: stream.slug.clone(),
        title: stream.title.clone(),
    }
}

fn of_broadcast(broadcast: &Broadcast) -> WebhookBroadcast {
    WebhookBroadcast {
        id: broadcast.id.to_string(),
        protocol: broadcast.protocol,
        started_at: broadcast.started_at,
        ended_at: broadcast.ended_at,
        peak_viewers: broadcast.peak_viewers,
    }
}

fn of_member(member: &Member) -> WebhookMember {
    WebhookMember {
        id: member.id.clone(),
        name: member.name.clone(),
    }
}

fn of_finding(finding: &Finding) -> WebhookFinding {
    WebhookFinding {
        id: finding.id.clone(),
        kind: finding.code.as_str().to_owned(),
        severity: finding.severity,
        detail: finding.text.title.clone(),
        fix: finding.text.fix.clone(),
        opened_at: finding.first_at,
    }
}

fn of_user(user: &User) -> WebhookUser {
    WebhookUser {
        id: user.id.to_string(),
        name: user.name.clone(),
    }
}

/// A time in the form of RFC 3339, which Standard Webhooks asks for.
fn rfc3339(millis: i64) -> String {
    let (days, in_day) = (millis.div_euclid(86_400_000), millis.rem_euclid(86_400_000));
    // Years here begin in March, so that a leap day is the last; in eras of 400 years, 146,097 days.
    let shifted = days + 719_468;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // Months from March on have 31 and 30 days in turn, 153 in five.
    let march_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 {
        march_month + 3
    } else {
        march_month - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (seconds, millis) = (in_day / 1000, in_day % 1000);
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{millis:03}Z",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_calendar() {
        // By GNU date.
        for (millis, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (951_868_800_000, "2000-03-01T00:00:00.000Z"),
            (1_709_210_096_001, "2024-02-29T12:34:56.001Z"),
            (1_795_262_400_000, "2026-11-21T12:00:00.000Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(rfc3339(millis), text);
        }
    }
}
