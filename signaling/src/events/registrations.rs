//! People register, withdraw, are let in and checked in.

use axum::{
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use utoipa::IntoParams;
use weir_db::{
    Decision, Event, NewRegistration, Registered, Registrant, Registration, RegistrationRefusal,
    RegistrationsQuery, User,
};
use weir_protocol::{
    DecideRegistration, EventSlug, MyRegistration, Page, Register, RegistrationDecision,
    RegistrationRow, RegistrationStatus,
};

use super::{TOKEN_MAX, Ticket, letters, page, registration_id};
use crate::{
    ApiError, App, Refusals,
    api::{Actor, Guest, Json, PageQuery, Path, Query, page as pages, scope},
    keys,
    people::check,
};

/// Register for an event
///
/// With an account, or as a guest with name and address, who gets a ticket. Without a free place,
/// one waits.
#[utoipa::path(
    post, path = "/api/v1/events/{slug}/registrations", tag = "events",
    security((), ("bearer" = [])),
    params(("slug" = EventSlug, Path)),
    request_body = Register,
    responses((status = CREATED, body = MyRegistration), Refusals),
)]
pub(super) async fn register(
    State(app): State<App>,
    Guest { user, .. }: Guest<scope::Events>,
    Path(slug): Path<String>,
    Json(new): Json<Register>,
) -> Result<Response, ApiError> {
    let invitation = new.invitation.as_deref();
    if invitation.is_some_and(|token| token.len() > TOKEN_MAX) {
        return Err(refusal(RegistrationRefusal::Invitation));
    }
    let (event, _) = app
        .visible_event(&slug, user.as_ref(), Ticket(None), invitation)
        .await?;
    let (who, name, ticket) = registrant(user.as_ref(), &new)?;
    let address = match &who {
        Registrant::Guest { email, .. } => Some(email.clone()),
        Registrant::User(_) => None,
    };
    let db = &app.services.db;
    let registered = db.register_for_event(NewRegistration {
        event: event.id,
        who,
        name,
        invitation: invitation.map(keys::hash),
    });
    let (registration, promoted) = match registered.await? {
        Registered::Done {
            registration,
            promoted,
        } => (registration, promoted),
        Registered::Refused(why) => return Err(refusal(why)),
    };
    letters::promoted(&app, &event, promoted).await;
    let ticket = ticket.map(|ticket| ticket.reveal().to_owned());
    if let (Some(address), Some(ticket)) = (address, &ticket) {
        let state = registration.status.as_str();
        letters::ticket(&app, &event, &address, state, ticket).await;
    }
    let position = db.waiting_position(registration.id).await?;
    let location = format!("/api/v1/events/{}/registration", event.fields.slug);
    let location = HeaderValue::try_from(location).expect("a slug is plain ASCII");
    let answer = Json(page::my(&registration, position, ticket));
    let headers = [
        (header::LOCATION, location),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    Ok((StatusCode::CREATED, headers, answer).into_response())
}

fn registrant(
    user: Option<&User>,
    new: &Register,
) -> Result<(Registrant, String, Option<keys::StreamKey>), ApiError> {
    match (user, &new.name, &new.email) {
        (Some(user), None, None) => {
            let name = user
                .display_name
                .clone()
                .unwrap_or_else(|| user.name.clone());
            Ok((Registrant::User(user.id), name, None))
        }
        (Some(_), ..) => Err(ApiError::BadRequest(
            "you are logged in: send neither name nor email, they are known".into(),
        )),
        (None, Some(name), Some(email)) => {
            let name = check::line("a name", name, 100)?;
            let email = check::address(email)?;
            let (ticket, hash) = keys::generate();
            let guest = Registrant::Guest {
                email,
                ticket: hash,
            };
            Ok((guest, name, Some(ticket)))
        }
        (None, ..) => Err(ApiError::BadRequest(
            "send name and email to register as a guest, or log in".into(),
        )),
    }
}

fn refusal(why: RegistrationRefusal) -> ApiError {
    use RegistrationRefusal as Why;
    match why {
        Why::NoEvent => ApiError::NotFound("event"),
        Why::Closed => ApiError::Conflict("one cannot register for this event now".into()),
        Why::Invitation => ApiError::Forbidden(
            "the invitation is unknown, used up, over, or for another address; ask for a new one",
        ),
        Why::NotInvited => ApiError::Forbidden("the event is private: one registers by invitation"),
        Why::Already => ApiError::Conflict(
            "is registered already; guests find their ticket in the mail that was sent then".into(),
        ),
        Why::Rejected => ApiError::Forbidden("the organisers have refused this registration"),
    }
}

/// Parameters of the organisers' list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ListQuery {
    /// Only these.
    status: Option<RegistrationStatus>,
    /// The beginning of a word of the name, of the address, or of the user name.
    #[param(max_length = 100)]
    q: Option<String>,
    /// Items at most.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
    /// `next` of the page before; none for the first page.
    #[param(max_length = 512)]
    cursor: Option<String>,
}

/// List registrations of an event
///
/// For its organisers.
#[utoipa::path(
    get, path = "/api/v1/events/{slug}/registrations", tag = "events",
    params(("slug" = EventSlug, Path), ListQuery),
    responses((status = OK, body = Page<RegistrationRow>), Refusals),
)]
pub(super) async fn list(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Events>,
    Path(slug): Path<String>,
    Query(query): Query<ListQuery>,
) -> Result<Response, ApiError> {
    let event = app.organised(&slug, &user).await?;
    let search = query.q.unwrap_or_default();
    if search.chars().count() > 100 {
        return Err(ApiError::BadRequest("q has at most 100 characters".into()));
    }
    let at = PageQuery::new(query.limit, query.cursor);
    let (limit, after) = (at.limit()?, at.after::<String>()?);
    let query = RegistrationsQuery {
        status: query.status,
        search: Some(search.trim().to_owned()),
        after: after.map(|id| registration_id(&id)).transpose()?,
        limit: limit + 1,
    };
    let rows = app
        .services
        .db
        .event_registrations(event.id, &query)
        .await?;
    let key = |row: &Registration| row.id.to_string();
    let page = pages(rows, limit, key, row);
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(page)).into_response())
}

/// A registration for organisers.
pub(super) fn row(registration: Registration) -> RegistrationRow {
    RegistrationRow {
        id: registration.id.to_string(),
        user: registration.user_name,
        name: registration.name,
        email: registration.email,
        status: registration.status,
        checked_in_at: registration.checked_in_at,
        created_at: registration.created_at,
        invited: registration.invited,
    }
}

/// Your registration for an event
///
/// By credentials, or by a guest's ticket.
#[utoipa::path(
    get, path = "/api/v1/events/{slug}/registration", tag = "events",
    security((), ("bearer" = [])),
    params(
        ("slug" = EventSlug, Path),
        ("weir-ticket" = Option<String>, Header, description = "A guest's ticket", max_length = 64),
    ),
    responses((status = OK, body = MyRegistration), Refusals),
)]
pub(super) async fn mine(
    State(app): State<App>,
    Guest { user, .. }: Guest<scope::Events>,
    ticket: Ticket,
    Path(slug): Path<String>,
) -> Result<Response, ApiError> {
    let (_, registration) = app.own_registration(&slug, user.as_ref(), ticket).await?;
    let db = &app.services.db;
    let position = db.waiting_position(registration.id).await?;
    let answer = Json(page::my(&registration, position, None));
    Ok(([(header::CACHE_CONTROL, "no-store")], answer).into_response())
}

/// Withdraw your registration
///
/// Who waits longest gets the place.
#[utoipa::path(
    delete, path = "/api/v1/events/{slug}/registration", tag = "events",
    security((), ("bearer" = [])),
    params(
        ("slug" = EventSlug, Path),
        ("weir-ticket" = Option<String>, Header, description = "A guest's ticket", max_length = 64),
    ),
    responses((status = NO_CONTENT), Refusals),
)]
pub(super) async fn cancel(
    State(app): State<App>,
    Guest { user, .. }: Guest<scope::Events>,
    ticket: Ticket,
    Path(slug): Path<String>,
) -> Result<StatusCode, ApiError> {
    let (event, registration) = app.own_registration(&slug, user.as_ref(), ticket).await?;
    let db = &app.services.db;
    let decided = db
        .decide_registration(event.id, registration.id, Decision::Cancel)
        .await?;
    let (_, promoted) = decided.ok_or(ApiError::NotFound("registration"))?;
    letters::promoted(&app, &event, promoted).await;
    Ok(StatusCode::NO_CONTENT)
}

/// Decide on a registration
///
/// For the event's organisers. Approved, it gets a place or waits for one; rejected, it loses its
/// place to who waits longest.
#[utoipa::path(
    patch, path = "/api/v1/events/{slug}/registrations/{id}", tag = "events",
    params(("slug" = EventSlug, Path), ("id" = String, Path, pattern = "^[0-9]{1,19}$")),
    request_body = DecideRegistration,
    responses((status = OK, body = RegistrationRow), Refusals),
)]
pub(super) async fn decide(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Events>,
    Path((slug, id)): Path<(String, String)>,
    Json(DecideRegistration { decision }): Json<DecideRegistration>,
) -> Result<Json<RegistrationRow>, ApiError> {
    let event = app.organised(&slug, &user).await?;
    let decision = match decision {
        RegistrationDecision::Approve => Decision::Approve,
        RegistrationDecision::Reject => Decision::Reject,
    };
    let db = &app.services.db;
    let decided = db
        .decide_registration(event.id, registration_id(&id)?, decision)
        .await?;
    let (registration, promoted) = decided.ok_or(ApiError::NotFound("registration"))?;
    if registration.status == RegistrationStatus::Cancelled {
        return Err(ApiError::Conflict(
            "whoever made this registration has withdrawn it".into(),
        ));
    }
    letters::promoted(&app, &event, promoted).await;
    Ok(Json(row(registration)))
}

/// Check an attendee in
///
/// For the event's organisers.
#[utoipa::path(
    put, path = "/api/v1/events/{slug}/registrations/{id}/check-in", tag = "events",
    params(("slug" = EventSlug, Path), ("id" = String, Path, pattern = "^[0-9]{1,19}$")),
    responses((status = OK, body = RegistrationRow), Refusals),
)]
pub(super) async fn check_in(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Events>,
    Path((slug, id)): Path<(String, String)>,
) -> Result<Json<RegistrationRow>, ApiError> {
    app.check(&slug, &user, &id, true).await
}

/// Take a check-in back
///
/// For the event's organisers.
#[utoipa::path(
    delete, path = "/api/v1/events/{slug}/registrations/{id}/check-in", tag = "events",
    params(("slug" = EventSlug, Path), ("id" = String, Path, pattern = "^[0-9]{1,19}$")),
    responses((status = OK, body = RegistrationRow), Refusals),
)]
pub(super) async fn check_out(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Events>,
    Path((slug, id)): Path<(String, String)>,
) -> Result<Json<RegistrationRow>, ApiError> {
    app.check(&slug, &user, &id, false).await
}

impl App {
    async fn check(
        &self,
        slug: &str,
        user: &User,
        id: &str,
        present: bool,
    ) -> Result<Json<RegistrationRow>, ApiError> {
        let event = self.organised(slug, user).await?;
        let db = &self.services.db;
        let checked = db.check_in(event.id, registration_id(id)?, present).await?;
        let checked = checked.ok_or(ApiError::NotFound("registration with a place"))?;
        Ok(Json(row(checked)))
    }

    /// The registration of whoever asks.
    pub(super) async fn own_registration(
        &self,
        slug: &str,
        user: Option<&User>,
        ticket: Ticket,
    ) -> Result<(Event, Registration), ApiError> {
        let db = &self.services.db;
        if user.is_none() && ticket.0.is_none() {
            return Err(ApiError::NoCredentials("log in, or send your ticket"));
        }
        let event = self.event(slug).await?;
        let registration = match (user, ticket.0) {
            (Some(user), _) => db.registration_of_user(event.id, user.id).await?,
            (None, Some(ticket)) => db.registration_by_ticket(event.id, ticket).await?,
            (None, None) => None,
        };
        let registration = registration.ok_or(ApiError::NotFound("registration"))?;
        Ok((event, registration))
    }
}
