//! What organisers write is looked at before it is kept.

use weir_db::{EventFields, SpeakerRow};
use weir_protocol::{Branding, NewSpeaker};

use super::branding;
use crate::{ApiError, App, people::check};

/// Longest title in characters.
const TITLE_MAX: usize = 200;

/// Longest description in characters.
const DESCRIPTION_MAX: usize = 10_000;

/// Longest event in milliseconds: 90 days.
const LONGEST: i64 = 90 * 24 * 60 * 60 * 1000;

/// The year 2100: what is later is a mistake in units.
const LATEST: i64 = 4_102_444_800_000;

/// Most places that a limit may name.
const PLACES_MAX: u32 = 1_000_000;

/// Most speakers of a session.
const SPEAKERS_MAX: usize = 50;

pub(super) fn title(text: &str) -> Result<String, ApiError> {
    check::line("a title", text, TITLE_MAX)
}

pub(super) fn description(text: &str) -> Result<String, ApiError> {
    check::text("a description", text, DESCRIPTION_MAX)
}

pub(super) fn stage(text: &str) -> Result<String, ApiError> {
    match text.trim() {
        "" => Ok(String::new()),
        text => check::line("a stage", text, 100),
    }
}

/// A name of the IANA time zone database.
pub(super) fn time_zone(text: &str) -> Result<String, ApiError> {
    match text.parse::<chrono_tz::Tz>() {
        Ok(zone) => Ok(zone.name().to_owned()),
        Err(_) => Err(ApiError::BadRequest(
            "time_zone is a name of the IANA time zone database, for example Europe/Berlin".into(),
        )),
    }
}

/// A moment that can be meant.
pub(super) fn moment(what: &str, at: i64) -> Result<i64, ApiError> {
    if (0..=LATEST).contains(&at) {
        return Ok(at);
    }
    Err(ApiError::BadRequest(format!(
        "{what} is in milliseconds since 1970, before the year 2100"
    )))
}

/// A start and an end.
pub(super) fn times(starts_at: i64, ends_at: i64) -> Result<(), ApiError> {
    moment("starts_at", starts_at)?;
    moment("ends_at", ends_at)?;
    if ends_at <= starts_at {
        return Err(ApiError::Unprocessable(
            "it must end after it starts".into(),
        ));
    }
    if ends_at - starts_at > LONGEST {
        return Err(ApiError::Unprocessable(
            "it may last 90 days at most".into(),
        ));
    }
    Ok(())
}

/// All of an event, and what its organiser should look at.
pub(super) async fn event(app: &App, fields: &mut EventFields) -> Result<Vec<String>, ApiError> {
    fields.title = title(&fields.title)?;
    fields.description = description(&fields.description)?;
    fields.time_zone = time_zone(&fields.time_zone)?;
    times(fields.starts_at, fields.ends_at)?;
    if let Some(limit) = fields.attendee_limit
        && !(1..=PLACES_MAX).contains(&limit)
    {
        return Err(ApiError::BadRequest(format!(
            "attendee_limit is a number from 1 to {PLACES_MAX}, or null for no limit"
        )));
    }
    for (what, at) in [
        ("registration_opens_at", fields.registration_opens_at),
        ("registration_closes_at", fields.registration_closes_at),
    ] {
        at.map(|at| moment(what, at)).transpose()?;
    }
    if let (Some(opens), Some(closes)) =
        (fields.registration_opens_at, fields.registration_closes_at)
        && closes <= opens
    {
        return Err(ApiError::Unprocessable(
            "registration must close after it opens".into(),
        ));
    }
    images(app, &fields.branding).await?;
    branding::check(&fields.branding)
}

/// Images must be there.
async fn images(app: &App, branding: &Branding) -> Result<(), ApiError> {
    for id in [&branding.logo, &branding.cover].into_iter().flatten() {
        let id = check::image(id)?;
        app.services
            .db
            .want_image(&id)
            .await
            .map_err(|error| match error {
                weir_db::DbError::NotFound { .. } => ApiError::Unprocessable(
                    "there is no such image; upload it to /api/v1/images first".into(),
                ),
                other => other.into(),
            })?;
    }
    Ok(())
}

/// Speakers with their accounts.
pub(super) async fn speakers(
    app: &App,
    speakers: Vec<NewSpeaker>,
) -> Result<Vec<SpeakerRow>, ApiError> {
    if speakers.len() > SPEAKERS_MAX {
        return Err(ApiError::BadRequest(format!(
            "a session has at most {SPEAKERS_MAX} speakers"
        )));
    }
    let mut rows = Vec::with_capacity(speakers.len());
    for speaker in speakers {
        let name = speaker.name.as_deref();
        let name = name
            .map(|name| check::line("a speaker's name", name, 100))
            .transpose()?;
        let user = match speaker.user.as_deref() {
            None if name.is_none() => {
                return Err(ApiError::Unprocessable(
                    "a speaker is a user, or a guest with a name".into(),
                ));
            }
            None => None,
            Some(user) => {
                let user = app.services.db.user_by_name(user).await?;
                let user = user.ok_or_else(|| {
                    ApiError::Unprocessable("a speaker's user name is not known here".into())
                })?;
                Some(user.id)
            }
        };
        rows.push(SpeakerRow {
            user,
            name,
            bio: check::text("a speaker's bio", &speaker.bio, 2_000)?,
        });
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_zones_are_those_of_iana() {
        assert_eq!(time_zone("Europe/Berlin"), Ok("Europe/Berlin".into()));
        assert_eq!(time_zone("UTC"), Ok("UTC".into()));
        for bad in ["", "Berlin", "+02:00", "Europe/Atlantis", "europe/berlin\0"] {
            assert!(time_zone(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn times_are_in_order_and_meant() {
        assert!(times(0, 1).is_ok());
        assert!(times(0, LONGEST).is_ok());
        for (from, to) in [(1, 1), (2, 1), (-1, 1), (0, LONGEST + 1), (0, i64::MAX)] {
            assert!(times(from, to).is_err(), "{from} {to}");
        }
    }
}
