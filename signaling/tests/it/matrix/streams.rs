use serde_json::json;

use super::{Line, line};

pub fn lines() -> Vec<Line> {
    vec![
        line!(GET "/api/v1/streams", [200; 8]),
        line!(POST "/api/v1/streams", [401, 403, 201, 201, 201, 201, 401, 401], |world| (
            "/api/v1/streams".into(),
            Some(json!({"slug": world.fresh("made")})),
        )),
        line!(GET "/api/v1/streams/{slug}", [200; 8], |world| (
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
        line!(GET "/api/v1/streams/{slug}/viewers", [401, 403, 403, 200, 403, 200, 401, 401], |world| (
            format!("/api/v1/streams/{}/viewers", world.stream().await.slug),
            None,
        )),
        line!(GET "/api/v1/streams/{slug}/events", [200; 8], |world| (
            format!("/api/v1/streams/{}/events", world.stream().await.slug),
            None,
        )),
    ]
}
