//! Telling people of an event what happened: accounts by notification, guests by mail.

use serde_json::json;
use weir_db::{Event, MAIL_EVENT, Registration, User};
use weir_protocol::NotificationKind;

use crate::{App, people};

/// Those who waited and have a place now.
pub(super) async fn promoted(app: &App, event: &Event, registrations: Vec<Registration>) {
    let users: Vec<_> = registrations.iter().filter_map(|it| it.user).collect();
    if !users.is_empty() {
        let news = json!({
            "what": "place", "slug": event.fields.slug, "title": event.fields.title,
            "starts_at": event.fields.starts_at,
        });
        people::notify_softly(app, &users, NotificationKind::Event, None, &news).await;
    }
    let subject = format!("You have a place: {}", event.fields.title);
    for registration in registrations {
        if let Some(address) = &registration.email {
            let text = format!(
                "A place is free at “{}”, and it is yours:\n\n{}\n\nIf you cannot come, withdraw there, so \
                 that somebody else gets it.\n",
                event.fields.title,
                page(app, event)
            );
            mail(app, event, address, &subject, &text).await;
        }
    }
}

/// A guest's ticket.
pub(super) async fn ticket(app: &App, event: &Event, address: &str, state: &str, ticket: &str) {
    let text = format!(
        "You registered for “{}”. Your registration: {state}.\n\nThis page is yours alone, keep its address: \
         you attend with it, and withdraw with it.\n\n{}?ticket={ticket}\n",
        event.fields.title,
        page(app, event)
    );
    let subject = format!("Your registration: {}", event.fields.title);
    mail(app, event, address, &subject, &text).await;
}

/// A personal invitation.
pub(super) async fn invitation(app: &App, event: &Event, address: &str, url: &str) {
    let text = format!(
        "You are invited to “{}”. To register, open this page; it works once:\n\n{url}\n",
        event.fields.title
    );
    let subject = format!("Invitation: {}", event.fields.title);
    mail(app, event, address, &subject, &text).await;
}

/// The event does not take place.
pub(super) async fn cancelled(app: &App, event: &Event, by: &User) {
    match app.services.db.event_attendees(event.id).await {
        Ok(users) => {
            let news = json!({
                "what": "cancelled", "slug": event.fields.slug, "title": event.fields.title,
                "starts_at": event.fields.starts_at,
            });
            people::notify_softly(app, &users, NotificationKind::Event, Some(by), &news).await;
        }
        Err(error) => tracing::warn!(%error, "attendees of a cancelled event were not told"),
    }
    let text = format!("“{}” does not take place.\n", event.fields.title);
    let subject = format!("Cancelled: {}", event.fields.title);
    let query = weir_db::RegistrationsQuery {
        limit: MAILED_MAX,
        ..weir_db::RegistrationsQuery::default()
    };
    match app.services.db.event_registrations(event.id, &query).await {
        Ok(rows) => {
            let guests = rows.iter().filter(|it| super::page::takes_part(it.status));
            for address in guests.filter_map(|it| it.email.as_deref()) {
                mail(app, event, address, &subject, &text).await;
            }
        }
        Err(error) => tracing::warn!(%error, "guests of a cancelled event were not told"),
    }
}

/// Guests that are told of a cancelled event by mail; more than that are not, and the log says so.
const MAILED_MAX: u32 = 5_000;

/// The event's page.
pub(super) fn page(app: &App, event: &Event) -> String {
    let base = app.services.config.mail.base_url.as_str();
    format!(
        "{}/events/{}",
        base.trim_end_matches('/'),
        event.fields.slug
    )
}

/// Mail waits under the name of the event's owner, who has reason to write.
async fn mail(app: &App, event: &Event, address: &str, subject: &str, text: &str) {
    let Some(owner) = event.owner else {
        return;
    };
    let payload = json!({"subject": subject, "text": text}).to_string();
    let db = &app.services.db;
    match db.queue_mail(owner, MAIL_EVENT, address, &payload).await {
        Ok(()) => app.people.mailer.wake(),
        Err(error) => tracing::warn!(%error, "a letter about an event was not written"),
    }
}
