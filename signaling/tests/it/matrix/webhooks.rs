use serde_json::{Value, json};
use weir_db::{NewWebhook, WebhookEventId};

use super::{Line, World, line};

/// A public address that nothing is ever sent to: these events are not delivered here.
const URL: &str = "https://192.0.9.1/hook";

impl World {
    /// The address of a new webhook of `owner`.
    async fn webhook(&self, rest: &str) -> String {
        format!("/api/v1/webhooks/{}{rest}", self.webhook_id().await)
    }

    async fn webhook_id(&self) -> weir_db::WebhookId {
        let owner = self.server.db.user_by_name("owner").await.unwrap().unwrap();
        let new = NewWebhook {
            owner: Some(owner.id),
            stream: None,
            url: URL.to_owned(),
            description: String::new(),
            types: vec!["recording.ready".to_owned()],
            salt: "salt".to_owned(),
            at_most: 1000,
        };
        self.server.db.create_webhook(new).await.unwrap().id
    }

    /// The address of a delivery to one.
    async fn webhook_delivery(&self, rest: &str) -> String {
        let id = self.webhook_id().await;
        let db = &self.server.db;
        let event: WebhookEventId = db.add_test_event(id, "webhook.test", "{}").await.unwrap();
        format!("/api/v1/webhooks/{id}/deliveries/{event}{rest}")
    }
}

fn body(value: Value) -> Option<Value> {
    Some(value)
}

pub fn lines() -> Vec<Line> {
    /// Not even admins see other people's.
    const OWNERS: [u16; 8] = owners(200);
    vec![
        line!(GET "/api/v1/webhooks", [401, 200, 200, 200, 200, 200, 401, 401]),
        line!(POST "/api/v1/webhooks", [401, 403, 201, 201, 201, 201, 401, 401], |_world| (
            "/api/v1/webhooks".into(),
            body(json!({"url": URL})),
        )),
        line!(GET "/api/v1/webhooks/{id}", OWNERS, |world| (world.webhook("").await, None)),
        line!(PATCH "/api/v1/webhooks/{id}", OWNERS, |world| (
            world.webhook("").await,
            body(json!({"description": "new"})),
        )),
        line!(DELETE "/api/v1/webhooks/{id}", owners(204), |world| (world.webhook("").await, None)),
        line!(POST "/api/v1/webhooks/{id}/secret", OWNERS, |world| (
            world.webhook("/secret").await,
            None,
        )),
        line!(POST "/api/v1/webhooks/{id}/tests", OWNERS, |world| (
            world.webhook("/tests").await,
            None,
        )),
        line!(GET "/api/v1/webhooks/{id}/deliveries", OWNERS, |world| (
            world.webhook("/deliveries").await,
            None,
        )),
        line!(POST "/api/v1/webhooks/{id}/replays", owners(202), |world| (
            world.webhook("/replays").await,
            body(json!({"since": 0})),
        )),
        line!(GET "/api/v1/webhooks/{id}/deliveries/{event}", OWNERS, |world| (
            world.webhook_delivery("").await,
            None,
        )),
        line!(POST "/api/v1/webhooks/{id}/deliveries/{event}/replays", owners(202), |world| (
            world.webhook_delivery("/replays").await,
            None,
        )),
    ]
}

const fn owners(status: u16) -> [u16; 8] {
    [401, 404, 404, status, 404, 404, 401, 401]
}
