use serde_json::{Value, json};
use weir_db::{
    EventFields, EventSession, KeyHash, NewEventInvitation, NewRegistration, Registered,
    Registrant, Registration, SessionFields,
};
use weir_protocol::{Branding, EventState, EventVisibility};

use super::{Line, World, line};

const HOUR: i64 = 3_600_000;

fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    i64::try_from(since.unwrap().as_millis()).unwrap()
}

impl World {
    /// The slug of a new, published event of `owner`, which is on.
    async fn event(&self) -> weir_db::Event {
        let db = &self.server.db;
        let owner = db.user_by_name("owner").await.unwrap().unwrap();
        let fields = EventFields {
            slug: self.fresh("event").parse().unwrap(),
            title: "A title".into(),
            description: String::new(),
            time_zone: "UTC".into(),
            starts_at: now() - HOUR,
            ends_at: now() + HOUR,
            visibility: EventVisibility::Public,
            attendee_limit: None,
            registration_opens_at: None,
            registration_closes_at: None,
            approval: false,
            branding: Branding::default(),
        };
        let event = db.create_event(owner.id, fields).await.unwrap();
        let state = db.set_event_state(event.id, &[EventState::Draft], EventState::Published);
        state.await.unwrap().unwrap()
    }

    async fn at_event(&self, rest: &str) -> String {
        format!("/api/v1/events/{}{rest}", self.event().await.fields.slug)
    }

    /// The address of a session of a new event.
    async fn at_session(&self, rest: &str) -> String {
        let event = self.event().await;
        let session = self.event_session(&event).await;
        let slug = &event.fields.slug;
        format!(
            "/api/v1/events/{slug}/sessions/{}{rest}",
            session.fields.slug
        )
    }

    async fn event_session(&self, event: &weir_db::Event) -> EventSession {
        let fields = SessionFields {
            slug: "talk".parse().unwrap(),
            title: "A talk".into(),
            description: String::new(),
            starts_at: event.fields.starts_at,
            ends_at: event.fields.ends_at,
            stage: String::new(),
            position: 0,
            stream: None,
            stream_agreed: false,
        };
        let db = &self.server.db;
        db.create_event_session(event.id, fields, &[])
            .await
            .unwrap()
    }

    /// The address of a registration of a guest.
    async fn at_registration(&self, rest: &str) -> String {
        let event = self.event().await;
        let email = format!("{}@example.org", self.fresh("guest"));
        let ticket = KeyHash::of(&email);
        let registration = self
            .registered(&event, Registrant::Guest { email, ticket })
            .await;
        let slug = &event.fields.slug;
        format!(
            "/api/v1/events/{slug}/registrations/{}{rest}",
            registration.id
        )
    }

    async fn registered(&self, event: &weir_db::Event, who: Registrant) -> Registration {
        let new = NewRegistration {
            event: event.id,
            who,
            name: "Somebody".into(),
            invitation: None,
        };
        match self.server.db.register_for_event(new).await.unwrap() {
            Registered::Done { registration, .. } => registration,
            Registered::Refused(why) => panic!("{why:?}"),
        }
    }

    /// The address of an event for which everybody here is registered.
    async fn at_everybodys_event(&self, rest: &str) -> String {
        let event = self.event().await;
        for name in ["attendee", "creator", "owner", "moderator", "admin"] {
            let user = self.server.db.user_by_name(name).await.unwrap().unwrap();
            self.registered(&event, Registrant::User(user.id)).await;
        }
        format!("/api/v1/events/{}{rest}", event.fields.slug)
    }

    async fn at_invitation(&self) -> String {
        let event = self.event().await;
        let new = NewEventInvitation {
            event: event.id,
            token: KeyHash::of(&self.fresh("token")),
            email: None,
            max_uses: 1,
            expires_at: None,
        };
        let made = self.server.db.create_event_invitation(new).await.unwrap();
        format!(
            "/api/v1/events/{}/invitations/{}",
            event.fields.slug, made.id
        )
    }
}

fn body(value: Value) -> Option<Value> {
    Some(value)
}

/// Operations of an event's organisers.
const fn organisers(status: u16) -> [u16; 8] {
    [401, 403, 403, status, 403, status, 401, 401]
}

/// Operations of whoever is logged in.
const fn people(status: u16) -> [u16; 8] {
    [401, status, status, status, status, status, 401, 401]
}

/// Operations of everybody, where wrong credentials are refused.
const ALL: [u16; 8] = [200, 200, 200, 200, 200, 200, 401, 401];

pub fn lines() -> Vec<Line> {
    let mut lines = of_events();
    lines.extend(of_sessions());
    lines.extend(of_registrations());
    lines.extend(of_calendars());
    lines
}

fn of_events() -> Vec<Line> {
    vec![
        line!(GET "/api/v1/events", [200; 8]),
        line!(POST "/api/v1/events", [401, 403, 201, 201, 201, 201, 401, 401], |world| (
            "/api/v1/events".into(),
            body(json!({
                "slug": world.fresh("made"), "title": "Made", "time_zone": "UTC", "starts_at": now(),
                "ends_at": now() + HOUR,
            })),
        )),
        line!(GET "/api/v1/me/events", people(200)),
        line!(GET "/api/v1/events/{slug}", ALL, |world| (world.at_event("").await, None)),
        line!(PATCH "/api/v1/events/{slug}", organisers(200), |world| (
            world.at_event("").await,
            body(json!({"title": "New"})),
        )),
        line!(DELETE "/api/v1/events/{slug}", organisers(204), |world| (world.at_event("").await, None)),
        line!(POST "/api/v1/events/{slug}/state", organisers(200), |world| (
            world.at_event("/state").await,
            body(json!({"state": "ended"})),
        )),
        line!(PUT "/api/v1/events/{slug}/organisers/{name}", organisers(204), |world| (
            world.at_event("/organisers/creator").await,
            None,
        )),
        line!(DELETE "/api/v1/events/{slug}/organisers/{name}", organisers(204), |world| {
            let event = world.event().await;
            let db = &world.server.db;
            let other = db.user_by_name("gone").await.unwrap().unwrap();
            db.add_organiser(event.id, other.id).await.unwrap();
            (format!("/api/v1/events/{}/organisers/gone", event.fields.slug), None)
        }),
        line!(GET "/api/v1/events/{slug}/attendance", organisers(200), |world| (
            world.at_event("/attendance").await,
            None,
        )),
        line!(GET "/api/v1/events/{slug}/attendance.csv", organisers(200), |world| (
            world.at_event("/attendance.csv").await,
            None,
        )),
        line!(GET "/api/v1/events/{slug}/report", organisers(200), |world| (
            world.at_event("/report").await,
            None,
        )),
        line!(GET "/api/v1/events/{slug}/report.csv", organisers(200), |world| (
            world.at_event("/report.csv").await,
            None,
        )),
    ]
}

fn of_sessions() -> Vec<Line> {
    vec![
        line!(POST "/api/v1/events/{slug}/sessions", organisers(201), |world| (
            world.at_event("/sessions").await,
            body(json!({
                "slug": "talk", "title": "Talk", "starts_at": now(), "ends_at": now() + HOUR / 2,
            })),
        )),
        line!(GET "/api/v1/events/{slug}/sessions/{session}", ALL, |world| (
            world.at_session("").await,
            None,
        )),
        line!(PATCH "/api/v1/events/{slug}/sessions/{session}", organisers(200), |world| (
            world.at_session("").await,
            body(json!({"title": "New"})),
        )),
        line!(DELETE "/api/v1/events/{slug}/sessions/{session}", organisers(204), |world| (
            world.at_session("").await,
            None,
        )),
        // Only the stream's owner, or an admin, shows a session on it; here that is the organiser.
        line!(PUT "/api/v1/events/{slug}/sessions/{session}/stream", organisers(200), |world| (
            world.at_session("/stream").await,
            body(json!({"stream": world.stream().await.slug})),
        )),
        line!(POST "/api/v1/events/{slug}/sessions/{session}/attendance", people(200), |world| (
            world.at_session("/attendance").await,
            None,
        )),
        line!(DELETE "/api/v1/events/{slug}/sessions/{session}/attendance", people(204), |world| (
            world.at_session("/attendance").await,
            None,
        )),
    ]
}

fn of_registrations() -> Vec<Line> {
    vec![
        // Nobody in particular must say who they are.
        line!(POST "/api/v1/events/{slug}/registrations",
            [400, 201, 201, 201, 201, 201, 401, 401], |world| (
            world.at_event("/registrations").await,
            body(json!({})),
        )),
        line!(GET "/api/v1/events/{slug}/registrations", organisers(200), |world| (
            world.at_event("/registrations").await,
            None,
        )),
        line!(GET "/api/v1/events/{slug}/registrations.csv", organisers(200), |world| (
            world.at_event("/registrations.csv").await,
            None,
        )),
        line!(GET "/api/v1/events/{slug}/registration", people(200), |world| (
            world.at_everybodys_event("/registration").await,
            None,
        )),
        line!(DELETE "/api/v1/events/{slug}/registration", people(204), |world| (
            world.at_everybodys_event("/registration").await,
            None,
        )),
        line!(PATCH "/api/v1/events/{slug}/registrations/{id}", organisers(200), |world| (
            world.at_registration("").await,
            body(json!({"decision": "reject"})),
        )),
        line!(PUT "/api/v1/events/{slug}/registrations/{id}/check-in", organisers(200), |world| (
            world.at_registration("/check-in").await,
            None,
        )),
        line!(DELETE "/api/v1/events/{slug}/registrations/{id}/check-in", organisers(200), |world| (
            world.at_registration("/check-in").await,
            None,
        )),
        line!(POST "/api/v1/events/{slug}/invitations", organisers(201), |world| (
            world.at_event("/invitations").await,
            body(json!({})),
        )),
        line!(GET "/api/v1/events/{slug}/invitations", organisers(200), |world| (
            world.at_event("/invitations").await,
            None,
        )),
        line!(DELETE "/api/v1/events/{slug}/invitations/{id}", organisers(204), |world| (
            world.at_invitation().await,
            None,
        )),
    ]
}

fn of_calendars() -> Vec<Line> {
    vec![
        line!(GET "/api/v1/events/{slug}/calendar.ics", ALL, |world| (
            world.at_event("/calendar.ics").await,
            None,
        )),
        line!(GET "/api/v1/events/{slug}/sessions/{session}/calendar.ics", ALL, |world| (
            world.at_session("/calendar.ics").await,
            None,
        )),
        line!(POST "/api/v1/me/calendar", people(201)),
        line!(DELETE "/api/v1/me/calendar", people(204)),
        // The token in the address is all the right that is needed.
        line!(GET "/api/v1/calendars/{token}", [200; 8], |world| {
            let db = &world.server.db;
            let user = db.user_by_name("attendee").await.unwrap().unwrap();
            let token = world.fresh("calendar");
            db.set_calendar_token(user.id, KeyHash::of(&token)).await.unwrap();
            (format!("/api/v1/calendars/{token}"), None)
        }),
        line!(GET "/oembed", [200; 8], |world| (
            format!("/oembed?url={}/@{}", world.server.base, world.stream().await.slug),
            None,
        )),
    ]
}
