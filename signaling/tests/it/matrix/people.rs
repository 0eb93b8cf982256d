use serde_json::json;
use weir_db::{MailPurpose, NewImage, NewUser, Role};

use super::{Line, PASSWORD, World, line};

/// Everybody with a session that is good.
const USERS: [u16; 8] = [401, 200, 200, 200, 200, 200, 401, 401];

/// The same, where there is nothing to say.
const DONE: [u16; 8] = [401, 204, 204, 204, 204, 204, 401, 401];

/// Admins alone.
const ADMINS: [u16; 8] = [401, 403, 403, 403, 403, 200, 401, 401];

/// Everybody; wrong credentials are refused.
const PUBLIC: [u16; 8] = [200, 200, 200, 200, 200, 200, 401, 401];

pub fn lines() -> Vec<Line> {
    let mut lines = profiles();
    lines.extend(relations());
    lines.extend(notifications());
    lines.extend(by_mail());
    lines.extend(creators());
    lines.extend(administration());
    lines
}

/// Somebody whom no other line knows.
async fn somebody(world: &World) -> String {
    let new = NewUser {
        name: world.fresh("somebody"),
        password_hash: "nobody logs in".into(),
        role: Role::Attendee,
    };
    world.server.db.create_user(new).await.unwrap().name
}

fn profiles() -> Vec<Line> {
    vec![
        line!(GET "/api/v1/users/{name}", PUBLIC, |_world| ("/api/v1/users/owner".into(), None)),
        line!(GET "/api/v1/users/{name}/broadcasts", PUBLIC, |_world| (
            "/api/v1/users/owner/broadcasts".into(),
            None,
        )),
        line!(GET "/api/v1/users/{name}/followers", [200; 8], |_world| (
            "/api/v1/users/owner/followers".into(),
            None,
        )),
        line!(GET "/api/v1/users/{name}/following", [200; 8], |_world| (
            "/api/v1/users/owner/following".into(),
            None,
        )),
        line!(GET "/api/v1/me/profile", USERS),
        line!(PATCH "/api/v1/me", USERS, |_world| (
            "/api/v1/me".into(),
            Some(json!({"bio": "new"})),
        )),
        // Without a password, or nobody would be left for the other lines.
        line!(DELETE "/api/v1/me", [401, 400, 400, 400, 400, 400, 401, 401], |_world| (
            "/api/v1/me".into(),
            Some(json!({})),
        )),
        line!(GET "/api/v1/me/export", USERS),
        // JSON is no image: who gets there was let in.
        line!(POST "/api/v1/images", [401, 415, 415, 415, 415, 415, 401, 401], |_world| (
            "/api/v1/images".into(),
            Some(json!({})),
        )),
        line!(GET "/api/v1/images/{id}", [200; 8], |world| {
            let db = &world.server.db;
            let image = NewImage {
                media_type: "image/png",
                width: 1,
                height: 1,
                bytes: vec![1],
            };
            let owner = db.user_by_name("owner").await.unwrap().unwrap();
            let id = db.store_image(image, owner.id).await.unwrap();
            (format!("/api/v1/images/{id}"), None)
        }),
    ]
}

fn relations() -> Vec<Line> {
    vec![
        line!(PUT "/api/v1/me/following/{name}", DONE, |world| (
            format!("/api/v1/me/following/{}", somebody(world).await),
            None,
        )),
        line!(DELETE "/api/v1/me/following/{name}", DONE, |world| (
            format!("/api/v1/me/following/{}", somebody(world).await),
            None,
        )),
        line!(GET "/api/v1/me/blocks", USERS),
        line!(PUT "/api/v1/me/blocks/{name}", DONE, |world| (
            format!("/api/v1/me/blocks/{}", somebody(world).await),
            None,
        )),
        line!(DELETE "/api/v1/me/blocks/{name}", DONE, |world| (
            format!("/api/v1/me/blocks/{}", somebody(world).await),
            None,
        )),
    ]
}

fn notifications() -> Vec<Line> {
    vec![
        line!(GET "/api/v1/me/notifications", USERS),
        line!(GET "/api/v1/me/notifications/unread", USERS),
        line!(POST "/api/v1/me/notifications/read", DONE, |_world| (
            "/api/v1/me/notifications/read".into(),
            Some(json!({})),
        )),
        line!(PUT "/api/v1/me/notifications/{id}/read", [401, 404, 404, 404, 404, 404, 401, 401], |_world| (
            "/api/v1/me/notifications/1/read".into(),
            None,
        )),
        line!(GET "/api/v1/me/notification-settings", USERS),
        line!(PUT "/api/v1/me/notification-settings/{kind}", DONE, |_world| (
            "/api/v1/me/notification-settings/raid".into(),
            Some(json!({"in_app": true, "by_mail": false})),
        )),
    ]
}

fn by_mail() -> Vec<Line> {
    vec![
        line!(POST "/api/v1/me/password", DONE, |_world| (
            "/api/v1/me/password".into(),
            Some(json!({"current": PASSWORD, "new": PASSWORD})),
        )),
        line!(POST "/api/v1/me/email", [401, 202, 202, 202, 202, 202, 401, 401], |_world| (
            "/api/v1/me/email".into(),
            Some(json!({"email": "new@example.org", "password": PASSWORD})),
        )),
        line!(POST "/api/v1/password-reset", [202; 8], |_world| (
            "/api/v1/password-reset".into(),
            Some(json!({"email": "nobody@example.org"})),
        )),
        line!(POST "/api/v1/password-reset/confirm", [204; 8], |world| (
            "/api/v1/password-reset/confirm".into(),
            Some(json!({
                "token": token(world, MailPurpose::Password).await, "password": PASSWORD,
            })),
        )),
        line!(POST "/api/v1/email-confirmation", [204; 8], |world| (
            "/api/v1/email-confirmation".into(),
            Some(json!({"token": token(world, MailPurpose::Address).await})),
        )),
        line!(GET "/api/v1/oidc", [200; 8]),
        // No provider is set up here.
        line!(GET "/api/v1/oidc/{provider}/login", [404; 8], |_world| (
            "/api/v1/oidc/none/login".into(),
            None,
        )),
        line!(GET "/api/v1/oidc/{provider}/callback", [404; 8], |_world| (
            "/api/v1/oidc/none/callback".into(),
            None,
        )),
        line!(GET "/api/v1/me/identities", USERS),
        line!(DELETE "/api/v1/me/identities/{provider}", [401, 404, 404, 404, 404, 404, 401, 401], |_world| (
            "/api/v1/me/identities/none".into(),
            None,
        )),
    ]
}

/// A token as it stands in a mail to somebody.
async fn token(world: &World, purpose: MailPurpose) -> String {
    let db = &world.server.db;
    let name = somebody(world).await;
    let user = db.user_by_name(&name).await.unwrap().unwrap();
    let (token, hash) = weir_signaling::keys::generate();
    let address = format!("{name}@example.org");
    db.make_mail_token(user.id, purpose, &address, hash, i64::MAX)
        .await
        .unwrap();
    token.reveal().to_owned()
}

fn creators() -> Vec<Line> {
    vec![
        // Nobody here has asked.
        line!(GET "/api/v1/me/creator-application", [401, 200, 200, 200, 200, 200, 401, 401]),
        line!(POST "/api/v1/me/creator-application", [401, 400, 400, 400, 400, 400, 401, 401], |_world| (
            "/api/v1/me/creator-application".into(),
            Some(json!({"text": " "})),
        )),
        line!(GET "/api/v1/admin/creator-applications", ADMINS),
        line!(
            POST "/api/v1/admin/creator-applications/{name}/decision",
            [401, 403, 403, 403, 403, 204, 401, 401],
            |world| {
                let name = somebody(world).await;
                let db = &world.server.db;
                let user = db.user_by_name(&name).await.unwrap().unwrap();
                db.apply_as_creator(user.id, "please", false).await.unwrap();
                (
                    format!("/api/v1/admin/creator-applications/{name}/decision"),
                    Some(json!({"approved": true})),
                )
            }
        ),
    ]
}

fn administration() -> Vec<Line> {
    vec![
        line!(GET "/api/v1/admin/users", ADMINS),
        line!(GET "/api/v1/admin/users/{name}", ADMINS, |_world| (
            "/api/v1/admin/users/owner".into(),
            None,
        )),
        line!(PATCH "/api/v1/admin/users/{name}", ADMINS, |world| (
            format!("/api/v1/admin/users/{}", somebody(world).await),
            Some(json!({"role": "speaker"})),
        )),
        line!(DELETE "/api/v1/admin/users/{name}", [401, 403, 403, 403, 403, 204, 401, 401], |world| (
            format!("/api/v1/admin/users/{}", somebody(world).await),
            None,
        )),
        line!(DELETE "/api/v1/admin/users/{name}/devices", [401, 403, 403, 403, 403, 204, 401, 401], |world| (
            format!("/api/v1/admin/users/{}/devices", somebody(world).await),
            None,
        )),
        // Nobody here has one.
        line!(DELETE "/api/v1/admin/users/{name}/totp", [401, 403, 403, 403, 403, 409, 401, 401], |world| (
            format!("/api/v1/admin/users/{}/totp", somebody(world).await),
            None,
        )),
        line!(POST "/api/v1/admin/users/import", [401, 403, 403, 403, 403, 415, 401, 401], |_world| (
            "/api/v1/admin/users/import".into(),
            Some(json!([])),
        )),
    ]
}
