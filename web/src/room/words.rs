//! What people are told about how a room is run, and why something was refused.

use weir_protocol::room::{CloseReason, LinkPolicy, RoomErrorCode, RoomSettings};

use super::state::{Deed, Link, Note};
use crate::texts::{frame, room};

const MINUTE_MS: u64 = 60_000;

/// A length of time, rounded up to the unit that says it best.
pub fn length(ms: u64) -> String {
    let minutes = ms.div_ceil(MINUTE_MS);
    match (ms.div_ceil(1_000), minutes) {
        (seconds @ 0..120, _) => room::seconds(seconds.max(1)),
        (_, 0..120) => room::minutes(minutes),
        (_, 120..2_880) => room::hours(minutes.div_ceil(60)),
        _ => room::days(minutes.div_ceil(1_440)),
    }
}

/// What became of something; `now` by the page's clock.
pub fn note(note: &Note, now: u64) -> String {
    let text = match note {
        Note::Refused {
            code,
            detail,
            until,
        } => {
            let wait = until.map(|until| until.saturating_sub(now).max(1_000));
            return refused(*code, detail, wait);
        }
        Note::Lost => room::not_done(),
        Note::Done(Deed::TimedOut) => room::done_timeout(),
        Note::Done(Deed::Banned) => room::done_ban(),
        Note::Done(Deed::Asked) => room::done_asked(),
    };
    text.to_owned()
}

/// Why the server said no.
pub fn refused(code: RoomErrorCode, detail: &str, wait_ms: Option<u64>) -> String {
    let text = match (code, wait_ms) {
        (RoomErrorCode::SlowMode, Some(ms)) => return room::refused_slow(length(ms)),
        (RoomErrorCode::TimedOut, Some(ms)) => return room::refused_timeout_for(length(ms)),
        (RoomErrorCode::TooFast, Some(ms)) => return room::refused_fast_for(length(ms)),
        (RoomErrorCode::SlowMode | RoomErrorCode::TooFast, None) => room::refused_fast(),
        (RoomErrorCode::TimedOut, None) => room::refused_timeout(),
        (RoomErrorCode::TooLarge, _) => room::refused_long(),
        (RoomErrorCode::NotFound, _) => frame::not_found(),
        (RoomErrorCode::Unauthorized, _) => frame::log_in_again(),
        (RoomErrorCode::Forbidden, _) => frame::not_allowed(),
        (RoomErrorCode::ReadOnly, _) => room::refused_nobody(),
        (RoomErrorCode::RoomFull, _) => room::refused_full(),
        (RoomErrorCode::NotEditable, _) => room::refused_late(),
        (RoomErrorCode::TooManyPinned, _) => room::refused_pins(),
        (RoomErrorCode::Unavailable, _) => frame::unavailable(),
        (RoomErrorCode::ChatOff, _) => room::mode_off(),
        (RoomErrorCode::Banned, _) => room::closed_banned(),
        (RoomErrorCode::FollowersOnly, _) => room::refused_followers(),
        (RoomErrorCode::EmotesOnly, _) => room::refused_emotes(),
        (RoomErrorCode::BlockedWord, _) => room::refused_word(),
        (RoomErrorCode::LinksNotAllowed, _) => room::refused_links(),
        (RoomErrorCode::UnsupportedVersion, _) => frame::outdated(),
        // What exactly stands against it, only the server knows.
        (RoomErrorCode::BadMessage | RoomErrorCode::Conflict | RoomErrorCode::NotJoined, _) => {
            return room::refused_other(detail);
        }
    };
    text.to_owned()
}

/// Why the room is not here; `None` where it is, or will be in a moment.
pub fn absent(link: &Link) -> Option<String> {
    let text = match link {
        Link::Connecting | Link::Ready | Link::Lost => return None,
        Link::Closed(CloseReason::Banned) => room::closed_banned(),
        Link::Closed(CloseReason::Gone) => room::closed_gone(),
        Link::Closed(CloseReason::Revoked) => frame::log_in_again(),
        Link::Closed(_) => room::closed_other(),
        Link::Refused(RoomErrorCode::NotFound, _) => room::closed_gone(),
        Link::Refused(code, detail) => return Some(refused(*code, detail, None)),
    };
    Some(text.to_owned())
}

/// How the room is run, as far as it is not as usual.
pub fn modes(settings: &RoomSettings) -> Vec<String> {
    let mut said = Vec::new();
    if !settings.chat {
        said.push(room::mode_off().to_owned());
        return said;
    }
    match settings.followers_age_ms {
        _ if !settings.followers_only => {}
        0 => said.push(room::mode_followers().to_owned()),
        age => said.push(room::mode_followers_for(length(age))),
    }
    if settings.slow_ms > 0 {
        said.push(room::mode_slow(length(settings.slow_ms.into())));
    }
    if settings.emotes_only {
        said.push(room::mode_emotes().to_owned());
    }
    match settings.links {
        LinkPolicy::Allow => {}
        LinkPolicy::Moderators | LinkPolicy::Hosts => said.push(room::mode_links().to_owned()),
    }
    if settings.delay_ms > 0 {
        said.push(room::mode_delay(length(settings.delay_ms.into())));
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_said_in_the_unit_that_fits() {
        assert_eq!(length(0), "1 second");
        assert_eq!(length(4_200), "5 seconds");
        assert_eq!(length(119_000), "119 seconds");
        assert_eq!(length(10 * MINUTE_MS), "10 minutes");
        assert_eq!(length(150 * MINUTE_MS), "3 hours");
        assert_eq!(length(3 * 1_440 * MINUTE_MS), "3 days");
    }

    #[test]
    fn a_room_as_usual_needs_no_words() {
        let usual = RoomSettings::default();
        assert_eq!(modes(&usual), Vec::<String>::new());
        let strict = RoomSettings {
            followers_only: true,
            slow_ms: 10_000,
            ..usual
        };
        assert_eq!(modes(&strict).len(), 2);
        let off = RoomSettings {
            chat: false,
            ..strict
        };
        assert_eq!(modes(&off), [room::mode_off()]);
    }
}
