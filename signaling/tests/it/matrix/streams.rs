use serde_json::{Value, json};
use weir_db::{Invitation, NewCategory, NewInvitation, NewScheduled, NewViewerToken, Stream};
use weir_signaling::keys;

use super::{Line, World, line};

pub fn lines() -> Vec<Line> {
    vec![
        line!(GET "/api/v1/streams", [200; 8]),
        line!(POST "/api/v1/streams", [401, 403, 201, 201, 201, 201, 401, 401], |world| (
            "/api/v1/streams".into(),
            Some(json!({"slug": world.fresh("made")})),
        )),
        line!(GET "/api/v1/streams/{slug}", PUBLIC, |world| (
            format!("/api/v1/streams/{}", world.stream().await.slug),
            None,
        )),
        line!(DELETE "/api/v1/streams/{slug}", [401, 403, 403, 204, 403, 204, 401, 401], |world| (
            format!("/api/v1/streams/{}", world.stream().await.slug),
            None,
        )),
        line!(POST "/api/v1/streams/{slug}/key", [401, 403, 403, 200, 403, 200, 401, 401], |world| (
            format!("/api/v1/streams/{}/key", world.stream().await.slug),
            None,
        )),
        // Nothing is on the air here: who gets there was let in.
        line!(DELETE "/api/v1/streams/{slug}/broadcast", [401, 403, 403, 409, 403, 409, 401, 401], |world| (
            format!("/api/v1/streams/{}/broadcast", world.stream().await.slug),
            None,
        )),
        line!(GET "/api/v1/admin/streams", [401, 403, 403, 403, 403, 200, 401, 401]),
        line!(GET "/api/v1/streams/{slug}/viewers", [401, 403, 403, 200, 403, 200, 401, 401], |world| (
            format!("/api/v1/streams/{}/viewers", world.stream().await.slug),
            None,
        )),
        line!(GET "/api/v1/streams/{slug}/events", PUBLIC, |world| (
            format!("/api/v1/streams/{}/events", world.stream().await.slug),
            None,
        )),
        line!(PATCH "/api/v1/streams/{slug}", [401, 403, 403, 200, 403, 200, 401, 401], |world| (
            format!("/api/v1/streams/{}", world.stream().await.slug),
            Some(json!({"title": "Another"})),
        )),
        line!(GET "/api/v1/streams/events", [200; 8]),
        line!(GET "/api/v1/streams/recommended", [200; 8]),
        line!(GET "/api/v1/me/streams", [401, 200, 200, 200, 200, 200, 401, 401]),
        line!(GET "/api/v1/streams/for-me", [401, 200, 200, 200, 200, 200, 401, 401]),
        line!(GET "/api/v1/categories", [200; 8]),
        line!(GET "/api/v1/schedule", [200; 8]),
        line!(GET "/api/v1/schedule.ics", [200; 8]),
        line!(POST "/api/v1/admin/categories", [401, 403, 403, 403, 403, 201, 401, 401], |world| (
            "/api/v1/admin/categories".into(),
            Some(json!({"slug": world.fresh("category"), "name": "Made"})),
        )),
        line!(GET "/api/v1/categories/{slug}", [200; 8], |world| (
            format!("/api/v1/categories/{}", category(world).await),
            None,
        )),
        line!(PUT "/api/v1/admin/categories/{slug}", [401, 403, 403, 403, 403, 200, 401, 401], |world| {
            let slug = category(world).await;
            let body = json!({"slug": slug, "name": "Other"});
            (format!("/api/v1/admin/categories/{slug}"), Some(body))
        }),
        line!(DELETE "/api/v1/admin/categories/{slug}", [401, 403, 403, 403, 403, 204, 401, 401], |world| (
            format!("/api/v1/admin/categories/{}", category(world).await),
            None,
        )),
        line!(GET "/api/v1/streams/{slug}/viewer-tokens", KEEPERS, |world| (
            format!("/api/v1/streams/{}/viewer-tokens", world.stream().await.slug),
            None,
        )),
        line!(POST "/api/v1/streams/{slug}/viewer-tokens", [401, 403, 403, 201, 201, 201, 401, 401], |world| (
            format!("/api/v1/streams/{}/viewer-tokens", world.stream().await.slug),
            Some(json!({})),
        )),
        line!(DELETE "/api/v1/streams/{slug}/viewer-tokens/{id}", [401, 403, 403, 204, 204, 204, 401, 401], |world| {
            let stream = world.stream().await;
            let new = NewViewerToken {
                stream: stream.id,
                invitation: None,
                user: None,
                nickname: None,
                max_sessions: 1,
                created_by: None,
                expires_at: i64::MAX,
            };
            let token = world.server.db.create_viewer_token(new).await.unwrap();
            (format!("/api/v1/streams/{}/viewer-tokens/{}", stream.slug, token.id), None)
        }),
        line!(GET "/api/v1/streams/{slug}/invitations", KEEPERS, |world| (
            format!("/api/v1/streams/{}/invitations", world.stream().await.slug),
            None,
        )),
        line!(POST "/api/v1/streams/{slug}/invitations", [401, 403, 403, 201, 201, 201, 401, 401], |world| (
            format!("/api/v1/streams/{}/invitations", world.stream().await.slug),
            Some(json!({})),
        )),
        line!(DELETE "/api/v1/streams/{slug}/invitations/{id}", [401, 403, 403, 204, 204, 204, 401, 401], |world| {
            let (stream, invitation, _) = invitation(world).await;
            (format!("/api/v1/streams/{}/invitations/{}", stream.slug, invitation.id), None)
        }),
        line!(GET "/api/v1/invitations/{code}", [200; 8], |world| {
            let (_, _, code) = invitation(world).await;
            (format!("/api/v1/invitations/{code}"), None)
        }),
        line!(POST "/api/v1/invitations/{code}", [200, 200, 200, 200, 200, 200, 401, 401], |world| {
            let (_, _, code) = invitation(world).await;
            (format!("/api/v1/invitations/{code}"), Some(json!({"nickname": "Gus"})))
        }),
        line!(GET "/api/v1/streams/{slug}/schedule", PUBLIC, |world| (
            format!("/api/v1/streams/{}/schedule", world.stream().await.slug),
            None,
        )),
        line!(GET "/api/v1/streams/{slug}/schedule.ics", PUBLIC, |world| (
            format!("/api/v1/streams/{}/schedule.ics", world.stream().await.slug),
            None,
        )),
        line!(POST "/api/v1/streams/{slug}/schedule", [401, 403, 403, 201, 201, 201, 401, 401], |world| (
            format!("/api/v1/streams/{}/schedule", world.stream().await.slug),
            Some(plan()),
        )),
        line!(GET "/api/v1/streams/{slug}/schedule/{id}", PUBLIC, |world| (planned(world).await, None)),
        line!(PUT "/api/v1/streams/{slug}/schedule/{id}", KEEPERS, |world| (
            planned(world).await,
            Some(plan()),
        )),
        line!(DELETE "/api/v1/streams/{slug}/schedule/{id}", [401, 403, 403, 204, 204, 204, 401, 401], |world| (
            planned(world).await,
            None,
        )),
        // Nothing is live here: whoever may is told so.
        line!(POST "/api/v1/streams/{slug}/raid", [401, 403, 403, 409, 403, 403, 401, 401], |world| {
            let target = world.stream().await.slug;
            (format!("/api/v1/streams/{}/raid", world.stream().await.slug), Some(json!({"target": target})))
        }),
        line!(GET "/api/v1/streams/{slug}/party", PUBLIC, |world| (partying(world).await, None)),
        line!(PUT "/api/v1/streams/{slug}/party", KEEPERS, |world| (
            partying(world).await,
            Some(json!({"playing": true})),
        )),
        line!(DELETE "/api/v1/streams/{slug}/party", [401, 403, 403, 204, 204, 204, 401, 401], |world| (
            partying(world).await,
            None,
        )),
    ]
}

/// Who keeps order in a stream: its owner, and moderators and admins of the site.
const KEEPERS: [u16; 8] = [401, 403, 403, 200, 200, 200, 401, 401];

/// Everybody may read what is public; credentials that are wrong are refused all the same.
const PUBLIC: [u16; 8] = [200, 200, 200, 200, 200, 200, 401, 401];

async fn category(world: &World) -> String {
    let new = NewCategory {
        slug: world.fresh("category"),
        name: "Of a kind".into(),
        image: None,
    };
    world.server.db.create_category(new).await.unwrap().slug
}

async fn invitation(world: &World) -> (Stream, Invitation, String) {
    let stream = world.stream().await;
    let (code, hash) = keys::generate();
    let new = NewInvitation {
        stream: stream.id,
        code: hash,
        label: String::new(),
        max_uses: 1,
        pass_lifetime: 3_600_000,
        created_by: None,
        expires_at: i64::MAX,
    };
    let invitation = world.server.db.create_invitation(new).await.unwrap();
    (stream, invitation, code.reveal().to_owned())
}

fn plan() -> Value {
    json!({"title": "Soon", "starts_at": 4_000_000_000_000_i64, "ends_at": 4_000_000_060_000_i64})
}

async fn planned(world: &World) -> String {
    let stream = world.stream().await;
    let new = NewScheduled {
        title: "Soon".into(),
        description: String::new(),
        starts_at: 4_000_000_000_000,
        ends_at: 4_000_000_060_000,
    };
    let id = world
        .server
        .db
        .create_scheduled(stream.id, &new)
        .await
        .unwrap();
    format!("/api/v1/streams/{}/schedule/{id}", stream.slug)
}

async fn partying(world: &World) -> String {
    let stream = world.stream().await;
    let party = weir_protocol::Party {
        media: "recording:7".into(),
        duration_ms: None,
        position_ms: 0,
        playing: false,
        rate: 1.0,
        at: 0,
        version: 1,
    };
    assert!(
        world
            .server
            .db
            .steer_party(stream.id, &party)
            .await
            .unwrap()
    );
    format!("/api/v1/streams/{}/party", stream.slug)
}
