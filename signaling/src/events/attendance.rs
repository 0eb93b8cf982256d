//! Who is in which session, gathered in memory and written every ten seconds.
//!
//! [`Attendance::seen`] is the one way in: said again and again while somebody is there, whatever tells so
//! (the room, a WebRTC session of the stream, a player that says so itself). Times that touch are one. What
//! is written is right up to its last write, so a crash loses ten seconds, and needs no repair.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use axum::{extract::State, http::StatusCode};
use tokio::time::MissedTickBehavior;
use weir_db::{
    Attended, Attendee, Event, EventId, EventSession, EventSessionId, RoomSubject, StreamId, User,
    UserId,
};
use weir_protocol::{EventSlug, EventState, RegistrationStatus, SeenAnswer};

use super::Ticket;
use crate::{
    ApiError, App, Refusals,
    api::{Guest, Json, Path, scope},
    live, rights,
};

/// How often what was seen is written, and rooms are looked at.
const EVERY: Duration = Duration::from_secs(10);

/// Who was not seen for so long has left, in milliseconds.
const GONE_AFTER: i64 = 30_000;

/// People in sessions at most; further ones are not counted, which the log says.
const PEOPLE_MAX: usize = 200_000;

/// Times that wait for a database that does not answer, at most; the oldest are lost beyond that.
const UNWRITTEN_MAX: usize = 200_000;

/// Sessions run late: one counts as on for so long beside its times.
const SLACK: i64 = 60 * 60 * 1000;

/// Who is there. Clones are the same one.
#[derive(Clone, Default)]
pub(crate) struct Attendance(Arc<Mutex<Seen>>);

#[derive(Default)]
struct Seen {
    present: HashMap<(EventSessionId, Attendee), Present>,
    /// Over, and not written yet.
    unwritten: Vec<Attended>,
}

struct Present {
    attended: Attended,
    written: bool,
}

impl Attendance {
    /// Begins to look and to write, until the server drains; what is left is written then.
    pub(crate) fn start(&self, app: &App) {
        let (attendance, app) = (self.clone(), app.clone());
        let live = app.services.live.clone();
        live.spawn_kept(async move { attendance.run(&app).await });
    }

    /// Somebody is in a session now.
    pub(crate) fn seen(&self, event: EventId, session: EventSessionId, who: Attendee, now: i64) {
        let mut state = self.lock();
        let full = state.present.len() >= PEOPLE_MAX;
        let key = (session, who);
        if let Some(present) = state.present.get_mut(&key) {
            if now - present.attended.seen_at <= GONE_AFTER {
                present.attended.seen_at = now.max(present.attended.seen_at);
                present.written = false;
                return;
            }
        } else if full {
            tracing::warn!("too many people in sessions of events: not all are counted");
            return;
        }
        let attended = Attended::begin(event, session, who, now);
        let before = state.present.insert(
            key,
            Present {
                attended,
                written: false,
            },
        );
        if let Some(before) = before.filter(|before| !before.written) {
            state.unwritten.push(before.attended);
        }
    }

    /// Somebody leaves a session now.
    pub(crate) fn left(&self, session: EventSessionId, who: Attendee, now: i64) {
        let mut state = self.lock();
        if let Some(mut present) = state.present.remove(&(session, who)) {
            if now - present.attended.seen_at <= GONE_AFTER {
                present.attended.seen_at = now.max(present.attended.seen_at);
            }
            state.unwritten.push(present.attended);
        }
    }

    /// What must be written; who was not seen for long is forgotten.
    fn take(&self, now: i64) -> Vec<Attended> {
        let mut state = self.lock();
        let mut rows = std::mem::take(&mut state.unwritten);
        state.present.retain(|_, present| {
            if !present.written {
                rows.push(present.attended);
                present.written = true;
            }
            now - present.attended.seen_at <= GONE_AFTER
        });
        rows
    }

    /// These could not be written. A row is written once in a statement, so of each only the newest look
    /// is kept.
    fn give_back(&self, rows: Vec<Attended>) {
        let mut guard = self.lock();
        let Seen { present, unwritten } = &mut *guard;
        let newer: HashSet<_> = unwritten.iter().map(|row| row.id).collect();
        for row in rows {
            match present.get_mut(&(row.session, row.who)) {
                Some(present) if present.attended.id == row.id => present.written = false,
                _ if newer.contains(&row.id) => {}
                _ => unwritten.push(row),
            }
        }
        let excess = unwritten.len().saturating_sub(UNWRITTEN_MAX);
        unwritten.drain(..excess);
    }

    async fn run(&self, app: &App) {
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let stop = &app.services.draining;
        while !stop.is_cancelled() {
            tokio::select! {
                () = stop.cancelled() => {}
                _ = ticks.tick() => {}
            }
            if let Err(error) = self.look(app).await {
                tracing::warn!(%error, "who is in which session could not be read");
            }
            let rows = self.take(live::now());
            if let Err(error) = app.services.db.record_attendance(&rows).await {
                tracing::warn!(%error, "attendance could not be written; it is tried again");
                self.give_back(rows);
            }
        }
    }

    /// Who is in the rooms of sessions.
    async fn look(&self, app: &App) -> Result<(), weir_db::DbError> {
        let mut rooms = HashMap::new();
        for room in app.rooms.all() {
            if let RoomSubject::EventSession(id) = room.target.subject
                && let Ok(session) = id.to_string().parse::<EventSessionId>()
            {
                let users = room.users();
                if !users.is_empty() {
                    rooms.insert(session, users);
                }
            }
        }
        let sessions: Vec<_> = rooms.keys().copied().collect();
        let now = live::now();
        for (event, session) in app.services.db.events_of_sessions(&sessions).await? {
            for user in rooms.remove(&session).unwrap_or_default() {
                self.seen(event, session, Attendee::User(user), now);
            }
        }
        self.look_at_streams(app, now).await
    }

    /// Who watches, logged in, a stream that shows a session now.
    async fn look_at_streams(&self, app: &App, now: i64) -> Result<(), weir_db::DbError> {
        let mut watched: HashMap<StreamId, Vec<UserId>> = HashMap::new();
        for (stream, user) in app.services.live.viewers().users() {
            let Ok(stream) = stream.0.to_string().parse() else {
                continue;
            };
            watched.entry(stream).or_default().push(user);
        }
        let streams: Vec<_> = watched.keys().copied().collect();
        for (stream, event, session) in app.services.db.sessions_on(&streams, now).await? {
            for user in watched.get(&stream).into_iter().flatten() {
                self.seen(event, session, Attendee::User(*user), now);
            }
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().expect("nothing panics under this lock")
    }
}

/// Say that you are in a session
///
/// For players that watch over HLS, and for guests: whoever is in the session's room, or watches its stream
/// over WebRTC, logged in, is seen anyway. Say it every ten seconds.
#[utoipa::path(
    post, path = "/api/v1/events/{slug}/sessions/{session}/attendance", tag = "events",
    security((), ("bearer" = [])),
    params(
        ("slug" = EventSlug, Path), ("session" = EventSlug, Path),
        ("weir-ticket" = Option<String>, Header, description = "A guest's ticket", max_length = 64),
    ),
    responses((status = OK, body = SeenAnswer), Refusals),
)]
pub(super) async fn seen(
    State(app): State<App>,
    Guest { user, .. }: Guest<scope::Events>,
    ticket: Ticket,
    Path((slug, session)): Path<(String, String)>,
) -> Result<Json<SeenAnswer>, ApiError> {
    let (event, session, who) = app
        .attending(&slug, &session, user.as_ref(), ticket)
        .await?;
    let now = live::now();
    let fields = &session.fields;
    let on = (fields.starts_at - SLACK..fields.ends_at + SLACK).contains(&now);
    if event.state != EventState::Published || !on {
        return Err(ApiError::Conflict("the session is not on now".into()));
    }
    app.attendance.seen(event.id, session.id, who, now);
    Ok(Json(SeenAnswer {
        again_within_ms: GONE_AFTER,
    }))
}

/// Say that you leave a session
#[utoipa::path(
    delete, path = "/api/v1/events/{slug}/sessions/{session}/attendance", tag = "events",
    security((), ("bearer" = [])),
    params(
        ("slug" = EventSlug, Path), ("session" = EventSlug, Path),
        ("weir-ticket" = Option<String>, Header, description = "A guest's ticket", max_length = 64),
    ),
    responses((status = NO_CONTENT), Refusals),
)]
pub(super) async fn left(
    State(app): State<App>,
    Guest { user, .. }: Guest<scope::Events>,
    ticket: Ticket,
    Path((slug, session)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    let (_, session, who) = app
        .attending(&slug, &session, user.as_ref(), ticket)
        .await?;
    app.attendance.left(session.id, who, live::now());
    Ok(StatusCode::NO_CONTENT)
}

impl App {
    /// Who attends a session, if they may.
    async fn attending(
        &self,
        slug: &str,
        session: &str,
        user: Option<&User>,
        ticket: Ticket,
    ) -> Result<(Event, EventSession, Attendee), ApiError> {
        if user.is_none() && ticket.0.is_none() {
            return Err(ApiError::NoCredentials("log in, or send your ticket"));
        }
        let (event, part) = self.visible_event(slug, user, ticket, None).await?;
        let session = self.session_of(&event, session).await?;
        let db = &self.services.db;
        let who = match (user, ticket.0) {
            (Some(user), _) => {
                let registration = db.registration_of_user(event.id, user.id).await?;
                let runs_it = part.speaks || rights::may_organise(user, &event, part).is_ok();
                let placed =
                    registration.is_some_and(|it| it.status == RegistrationStatus::Confirmed);
                // Where places are given away, those without one are not there.
                let open = event.fields.attendee_limit.is_none() && !event.fields.approval;
                (runs_it || placed || open).then_some(Attendee::User(user.id))
            }
            (None, Some(ticket)) => {
                let registration = db.registration_by_ticket(event.id, ticket).await?;
                let placed = registration.filter(|it| it.status == RegistrationStatus::Confirmed);
                placed.map(|it| Attendee::Guest(it.id))
            }
            (None, None) => None,
        };
        let who = who.ok_or(ApiError::Forbidden(
            "you have no place at this event; register first",
        ))?;
        Ok((event, session, who))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(n: i64) -> T {
        n.to_string().parse().unwrap()
    }

    fn here(attendance: &Attendance, now: i64) {
        attendance.seen(id(1), id(2), Attendee::User(id(3)), now);
    }

    #[test]
    fn times_that_touch_are_one_and_others_are_not() {
        let attendance = Attendance::default();
        here(&attendance, 0);
        here(&attendance, 10_000);
        here(&attendance, 40_000);
        let rows = attendance.take(40_000);
        assert_eq!(rows.len(), 1);
        assert_eq!((rows[0].joined_at, rows[0].seen_at), (0, 40_000));
        assert_eq!(attendance.take(41_000), [], "nothing new");
        here(&attendance, 100_000);
        let again = attendance.take(100_000);
        assert_eq!((again[0].joined_at, again[0].seen_at), (100_000, 100_000));
        assert_ne!(again[0].id, rows[0].id);
    }

    #[test]
    fn leaving_ends_it_at_once() {
        let attendance = Attendance::default();
        here(&attendance, 0);
        attendance.take(0);
        attendance.left(id(2), Attendee::User(id(3)), 7_000);
        let rows = attendance.take(7_000);
        assert_eq!((rows[0].joined_at, rows[0].seen_at), (0, 7_000));
        attendance.left(id(2), Attendee::User(id(3)), 9_000);
        assert_eq!(attendance.take(9_000), [], "twice is once");
    }

    #[test]
    fn what_could_not_be_written_is_written_later() {
        let attendance = Attendance::default();
        here(&attendance, 0);
        let rows = attendance.take(0);
        attendance.give_back(rows);
        here(&attendance, 10_000);
        let rows = attendance.take(10_000);
        assert_eq!(rows.len(), 1, "a row is written once in a statement");
        assert_eq!((rows[0].joined_at, rows[0].seen_at), (0, 10_000));
        attendance.left(id(2), Attendee::User(id(3)), 12_000);
        attendance.give_back(rows);
        let rows = attendance.take(12_000);
        assert_eq!((rows.len(), rows[0].seen_at), (1, 12_000));
    }
}
