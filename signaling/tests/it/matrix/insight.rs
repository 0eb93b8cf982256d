use serde_json::json;

use super::{Line, line};

/// Who owns a stream sees its figures, and admins do.
const OWNERS: [u16; 8] = [401, 403, 403, 200, 403, 200, 401, 401];

pub fn lines() -> Vec<Line> {
    macro_rules! of_stream {
        ($path:literal) => {
            line!(GET $path, OWNERS, |world| {
                let slug = world.stream().await.slug;
                ($path.replace("{slug}", slug.as_str()), None)
            })
        };
    }
    macro_rules! of_broadcast {
        ($path:literal) => {
            line!(GET $path, OWNERS, |world| {
                let stream = world.stream().await.id;
                let whip = weir_protocol::IngestProtocol::Whip;
                let begun = world.server.db.begin_broadcast(stream, whip).await;
                let id = begun.unwrap().id.to_string();
                ($path.replace("{id}", &id), None)
            })
        };
    }
    vec![
        // Nobody plays there: what counts is that nobody needs credentials to say so.
        line!(POST "/api/v1/streams/{slug}/qoe", [404; 8], |world| (
            format!("/api/v1/streams/{}/qoe", world.stream().await.slug),
            Some(json!({"stalls": 0, "stall_ms": 0})),
        )),
        of_stream!("/api/v1/streams/{slug}/insight"),
        of_stream!("/api/v1/streams/{slug}/insight.csv"),
        of_stream!("/api/v1/streams/{slug}/sessions"),
        of_stream!("/api/v1/streams/{slug}/sessions.csv"),
        of_stream!("/api/v1/streams/{slug}/broadcasts"),
        of_stream!("/api/v1/streams/{slug}/broadcasts.csv"),
        of_broadcast!("/api/v1/broadcasts/{id}/insight"),
        of_broadcast!("/api/v1/broadcasts/{id}/insight.csv"),
        line!(GET "/api/v1/me/insight", [401, 200, 200, 200, 200, 200, 401, 401]),
        line!(GET "/api/v1/me/insight.csv", [401, 200, 200, 200, 200, 200, 401, 401]),
        line!(GET "/api/v1/me/activity", [401, 200, 200, 200, 200, 200, 401, 401]),
        line!(GET "/api/v1/me/activity.csv", [401, 200, 200, 200, 200, 200, 401, 401]),
        line!(GET "/api/v1/admin/users/{name}/activity",
            [401, 403, 403, 403, 403, 200, 401, 401],
            |_world| ("/api/v1/admin/users/attendee/activity".into(), None)),
        line!(GET "/api/v1/admin/users/{name}/activity.csv",
            [401, 403, 403, 403, 403, 200, 401, 401],
            |_world| ("/api/v1/admin/users/attendee/activity.csv".into(), None)),
    ]
}
