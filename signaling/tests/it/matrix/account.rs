use serde_json::{Value, json};

use super::{Line, PASSWORD, World, line};

/// Everybody with a session that is good.
const USERS: [u16; 8] = [401, 200, 200, 200, 200, 200, 401, 401];

pub fn lines() -> Vec<Line> {
    let mut lines = sessions();
    lines.extend(own());
    lines
}

/// Those that need no credential, and do not care for a bad one.
fn sessions() -> Vec<Line> {
    vec![
        line!(POST "/api/v1/register", [201; 8], |world| (
            "/api/v1/register".into(),
            Some(json!({"name": world.fresh("new"), "password": PASSWORD})),
        )),
        line!(POST "/api/v1/login", [200; 8], |_world| (
            "/api/v1/login".into(),
            Some(json!({"name": "attendee", "password": PASSWORD})),
        )),
        line!(POST "/api/v1/login/totp", [401; 8], |_world| (
            "/api/v1/login/totp".into(),
            Some(json!({"challenge": "x", "code": "123456"})),
        )),
        line!(POST "/api/v1/session/refresh", [200; 8], |world| (
            "/api/v1/session/refresh".into(),
            Some(json!({"refresh_token": world.log_in_again().await["refresh_token"]})),
        )),
        line!(GET "/api/v1/session", USERS),
    ]
}

/// Of the one who asks: it is the same for all.
fn own() -> Vec<Line> {
    let gone = USERS.map(|status| if status == 200 { 404 } else { status });
    let clash = USERS.map(|status| if status == 200 { 409 } else { status });
    let made = USERS.map(|status| if status == 200 { 201 } else { status });
    let wrong = USERS.map(|status| if status == 200 { 403 } else { status });
    vec![
        line!(GET "/api/v1/me/devices", USERS),
        line!(DELETE "/api/v1/me/devices/{id}", gone, |world| (
            // Of somebody else: nobody's business.
            format!("/api/v1/me/devices/{}", world.a_device().await),
            None,
        )),
        line!(GET "/api/v1/me/tokens", USERS),
        line!(POST "/api/v1/me/tokens", made, |_world| (
            "/api/v1/me/tokens".into(),
            Some(json!({"name": "a program", "scopes": ["profile"]})),
        )),
        line!(DELETE "/api/v1/me/tokens/{id}", gone, |world| (
            format!("/api/v1/me/tokens/{}", world.an_api_token().await),
            None,
        )),
        line!(GET "/api/v1/me/totp", USERS),
        line!(POST "/api/v1/me/totp", wrong, |_world| (
            "/api/v1/me/totp".into(),
            Some(json!({"password": "not the one"})),
        )),
        line!(POST "/api/v1/me/totp/confirm", clash, |_world| (
            "/api/v1/me/totp/confirm".into(),
            Some(json!({"code": "123456"})),
        )),
        line!(POST "/api/v1/me/totp/recovery-codes", clash, |_world| (
            "/api/v1/me/totp/recovery-codes".into(),
            Some(json!({"password": PASSWORD})),
        )),
        line!(POST "/api/v1/me/totp/removal", clash, |_world| (
            "/api/v1/me/totp/removal".into(),
            Some(json!({"password": PASSWORD})),
        )),
    ]
}

/// What would end the sessions of the others: each has one of their own, and these come last.
pub fn last() -> Vec<Line> {
    let done = USERS.map(|status| if status == 200 { 204 } else { status });
    vec![
        line!(DELETE "/api/v1/me/devices", done),
        line!(DELETE "/api/v1/session", done),
    ]
}

impl World {
    /// A session of `attendee` that nobody else uses.
    async fn log_in_again(&self) -> Value {
        let request = self
            .server
            .request(reqwest::Method::POST, "/api/v1/login")
            .json(&json!({"name": "attendee", "password": PASSWORD}));
        request.send().await.unwrap().json().await.unwrap()
    }

    /// A device of somebody who is not in the table.
    async fn a_device(&self) -> String {
        self.stranger().await["device"].as_str().unwrap().to_owned()
    }

    async fn an_api_token(&self) -> String {
        let session = self.stranger().await;
        let request = self
            .server
            .request(reqwest::Method::POST, "/api/v1/me/tokens")
            .bearer_auth(session["token"].as_str().unwrap())
            .json(&json!({"name": "a program", "scopes": ["profile"]}));
        let made: Value = request.send().await.unwrap().json().await.unwrap();
        made["info"]["id"].as_str().unwrap().to_owned()
    }

    async fn stranger(&self) -> Value {
        let request = self
            .server
            .request(reqwest::Method::POST, "/api/v1/register")
            .json(&json!({"name": self.fresh("stranger"), "password": PASSWORD}));
        request.send().await.unwrap().json().await.unwrap()
    }
}
