//! Events: organisers plan them, people register for them, and it is known who came.
//!
//! Rows and the counting of places are the database's matter; here stand who may do what, the checks of
//! what people write, calendars, and [`attendance`], which gathers who is in which session.

pub(crate) mod attendance;
mod branding;
mod calendar;
mod check;
mod edit;
mod export;
mod invitations;
mod letters;
mod organisers;
mod page;
mod registrations;
mod report;
mod sessions;

use axum::{extract::FromRequestParts, http::request::Parts};
use utoipa_axum::{router::OpenApiRouter, routes};
use weir_db::{Asker, Db, DbError, Event, EventPart, EventSession, KeyHash, RegistrationId, User};

use crate::{ApiError, App, keys, rights, rooms::Identity};

pub(crate) use attendance::Attendance;

/// The field in which a guest's ticket comes.
pub(crate) const TICKET_FIELD: &str = "weir-ticket";

/// Longest ticket or invitation token that is looked at; ours are shorter.
const TOKEN_MAX: usize = 64;

/// The operations of these modules.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(edit::list, edit::create))
        .routes(routes!(page::show, edit::edit, edit::delete))
        .routes(routes!(edit::set_state))
        .routes(routes!(edit::mine))
        .routes(routes!(organisers::add, organisers::remove))
        .routes(routes!(sessions::create))
        .routes(routes!(sessions::show, sessions::edit, sessions::delete))
        .routes(routes!(sessions::set_stream))
        .routes(routes!(registrations::register, registrations::list))
        .routes(routes!(registrations::mine, registrations::cancel))
        .routes(routes!(registrations::decide))
        .routes(routes!(registrations::check_in, registrations::check_out))
        .routes(routes!(export::registrations))
        .routes(routes!(invitations::create, invitations::list))
        .routes(routes!(invitations::delete))
        .routes(routes!(attendance::seen, attendance::left))
        .routes(routes!(report::attendees))
        .routes(routes!(report::totals))
        .routes(routes!(export::attendance))
        .routes(routes!(export::report))
        .routes(routes!(calendar::event))
        .routes(routes!(calendar::session))
        .routes(routes!(calendar::make, calendar::revoke))
        .routes(routes!(calendar::feed))
}

/// A guest's ticket, if the request carries one.
#[derive(Clone, Copy)]
pub(crate) struct Ticket(Option<KeyHash>);

impl<S: Sync> FromRequestParts<S> for Ticket {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let Some(value) = parts.headers.get(TICKET_FIELD) else {
            return Ok(Self(None));
        };
        let text = value.to_str().ok().filter(|text| text.len() <= TOKEN_MAX);
        text.map(|text| Self(Some(keys::hash(text))))
            .ok_or_else(|| {
                ApiError::BadRequest("weir-ticket is not one that the server gave".into())
            })
    }
}

/// Who asks for a page: an account counts before a ticket.
fn asker(user: Option<&User>, ticket: Ticket) -> Asker {
    match (user, ticket.0) {
        (Some(user), _) => Asker::User(user.id),
        (None, Some(ticket)) => Asker::Guest(ticket),
        (None, None) => Asker::Nobody,
    }
}

fn no_event() -> ApiError {
    ApiError::NotFound("event")
}

fn id_of<T: std::str::FromStr>(text: &str, what: &'static str) -> Result<T, ApiError> {
    text.parse().map_err(|_| ApiError::NotFound(what))
}

impl App {
    async fn event(&self, slug: &str) -> Result<Event, ApiError> {
        let slug = slug.parse().map_err(|_| no_event())?;
        let event = self.services.db.event_by_slug(&slug).await?;
        event.ok_or_else(no_event)
    }

    /// An event that whoever asks may see.
    async fn visible_event(
        &self,
        slug: &str,
        user: Option<&User>,
        ticket: Ticket,
        invitation: Option<&str>,
    ) -> Result<(Event, EventPart), ApiError> {
        let event = self.event(slug).await?;
        let db = &self.services.db;
        let mut part = match user {
            Some(user) => db.event_part(event.id, user.id).await?,
            None => EventPart::default(),
        };
        if let (None, Some(ticket)) = (user, ticket.0) {
            let registration = db.registration_by_ticket(event.id, ticket).await?;
            part.attends = registration.is_some_and(|it| page::takes_part(it.status));
        }
        if rights::sees_event(user, &event, part) || self.invited(&event, invitation).await? {
            return Ok((event, part));
        }
        Err(no_event())
    }

    /// Whether a token of an invitation lets somebody see this event.
    async fn invited(&self, event: &Event, invitation: Option<&str>) -> Result<bool, ApiError> {
        let token = invitation.filter(|token| token.len() <= TOKEN_MAX);
        let Some(token) = token.filter(|_| event.state != weir_protocol::EventState::Draft) else {
            return Ok(false);
        };
        let db = &self.services.db;
        Ok(db
            .event_invitation_holds(event.id, keys::hash(token))
            .await?)
    }

    /// An event that the user may change.
    async fn organised(&self, slug: &str, user: &User) -> Result<Event, ApiError> {
        let (event, part) = self
            .visible_event(slug, Some(user), Ticket(None), None)
            .await?;
        rights::may_organise(user, &event, part)?;
        Ok(event)
    }

    async fn session_of(&self, event: &Event, slug: &str) -> Result<EventSession, ApiError> {
        let none = || ApiError::NotFound("session");
        let slug = slug.parse().map_err(|_| none())?;
        let session = self.services.db.event_session(event.id, &slug).await?;
        session.ok_or_else(none)
    }
}

fn registration_id(text: &str) -> Result<RegistrationId, ApiError> {
    id_of(text, "registration")
}

/// Whether a member may be in the room of a session: who may see its event.
pub(crate) async fn lets_in(db: &Db, session: i64, who: &Identity) -> Result<bool, DbError> {
    let Ok(session) = session.to_string().parse() else {
        return Ok(false);
    };
    let Some(event) = db.event_of_session(session).await? else {
        return Ok(false);
    };
    if who.moderator {
        return Ok(true);
    }
    let user = who.person.as_ref().and_then(|person| person.user);
    let part = match user {
        Some(user) => db.event_part(event.id, user).await?,
        None => EventPart::default(),
    };
    Ok(part.organises || rights::sees_event(None, &event, part))
}
