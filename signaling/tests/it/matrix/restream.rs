use serde_json::{Value, json};
use weir_db::{RestreamFields, RestreamId};

use super::{Line, World, line};

/// A public address that nothing is ever sent to: nothing is live here.
const URL: &str = "rtmp://192.0.9.1/live";

impl World {
    /// The address of a new restream of a new stream of `owner`.
    async fn restream(&self, rest: &str) -> String {
        let stream = self.stream().await;
        let fields = RestreamFields {
            name: "elsewhere".to_owned(),
            url: URL.to_owned(),
            sealed_key: "sealed".to_owned(),
            enabled: true,
            max_height: None,
            max_bitrate: None,
        };
        let id = RestreamId::draw();
        let db = &self.server.db;
        db.create_restream(id, stream.id, fields, 10).await.unwrap();
        format!("/api/v1/streams/{}/restreams/{id}{rest}", stream.slug)
    }
}

fn body(value: Value) -> Option<Value> {
    Some(value)
}

pub fn lines() -> Vec<Line> {
    /// Keys of theirs: moderators have no business with them.
    const fn changers(status: u16) -> [u16; 8] {
        [401, 403, 403, status, 403, status, 401, 401]
    }
    vec![
        line!(GET "/api/v1/streams/{slug}/restreams", changers(200), |world| (
            format!("/api/v1/streams/{}/restreams", world.stream().await.slug),
            None,
        )),
        line!(POST "/api/v1/streams/{slug}/restreams", changers(201), |world| (
            format!("/api/v1/streams/{}/restreams", world.stream().await.slug),
            body(json!({"name": "elsewhere", "url": URL, "key": "key"})),
        )),
        line!(GET "/api/v1/streams/{slug}/restreams/{id}", changers(200), |world| (
            world.restream("").await,
            None,
        )),
        line!(PATCH "/api/v1/streams/{slug}/restreams/{id}", changers(200), |world| (
            world.restream("").await,
            body(json!({"enabled": false})),
        )),
        line!(DELETE "/api/v1/streams/{slug}/restreams/{id}", changers(204), |world| (
            world.restream("").await,
            None,
        )),
        // Its key was not encrypted by this server.
        line!(POST "/api/v1/streams/{slug}/restreams/{id}/tests", changers(409), |world| (
            world.restream("/tests").await,
            None,
        )),
    ]
}
