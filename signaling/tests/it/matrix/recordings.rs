use serde_json::{Value, json};
use weir_db::{BroadcastId, ClipId, NewClip, RecordingFigures, RecordingId};

use super::{Line, World, line};

impl World {
    /// A recording of a new stream of `owner` that is over, and the stream's name.
    async fn recording(&self) -> (RecordingId, String) {
        let stream = self.stream().await;
        let db = &self.server.db;
        let row = db
            .begin_recording(stream.id, BroadcastId::begin(), "A title", 1)
            .await
            .unwrap();
        db.stop_recording(row.id, 2).await.unwrap();
        (row.id, stream.slug.to_string())
    }

    /// The address of one that failed: nobody but its owner and admins sees it.
    async fn failed_recording(&self) -> String {
        let (id, _) = self.recording().await;
        self.server.db.recording_failed(id, "why").await.unwrap();
        format!("/api/v1/recordings/{id}")
    }

    /// The address of one that can be watched.
    async fn ready_recording(&self) -> String {
        let (id, _) = self.recording().await;
        let figures = RecordingFigures {
            duration_ms: 1,
            bytes: 1,
            movies: 1,
        };
        self.server.db.recording_ready(id, figures).await.unwrap();
        format!("/api/v1/recordings/{id}")
    }

    /// The address of a clip that `owner` cut.
    async fn clip(&self) -> String {
        let stream = self.stream().await;
        let new = NewClip {
            id: ClipId::begin(),
            stream: stream.id,
            recording: None,
            user: stream.owner.unwrap(),
            title: "A clip".into(),
            duration_ms: 1,
            bytes: 1,
        };
        self.server.db.add_clip(&new).await.unwrap();
        format!("/api/v1/clips/{}", new.id)
    }

    /// An address below a new stream of `owner`.
    async fn below(&self, rest: &str) -> String {
        format!("/api/v1/streams/{}/{rest}", self.stream().await.slug)
    }
}

fn body(value: Value) -> Option<Value> {
    Some(value)
}

pub fn lines() -> Vec<Line> {
    /// Wrong credentials are refused where none are needed.
    const EVERYBODY: [u16; 8] = [200, 200, 200, 200, 200, 200, 401, 401];
    vec![
        line!(GET "/api/v1/streams/{slug}/recording", [401, 403, 403, 200, 200, 200, 401, 401], |world| (
            world.below("recording").await,
            None,
        )),
        line!(PUT "/api/v1/streams/{slug}/recording", [401, 403, 403, 200, 403, 200, 401, 401], |world| (
            world.below("recording").await,
            body(json!({"record": true})),
        )),
        // Not live: who may, hears that.
        line!(POST "/api/v1/streams/{slug}/recording", [401, 403, 403, 409, 403, 409, 401, 401], |world| (
            world.below("recording").await,
            None,
        )),
        line!(DELETE "/api/v1/streams/{slug}/recording", [401, 403, 403, 404, 403, 404, 401, 401], |world| (
            world.below("recording").await,
            None,
        )),
        line!(GET "/api/v1/streams/{slug}/recordings", EVERYBODY, |world| (
            world.below("recordings").await,
            None,
        )),
        line!(GET "/api/v1/users/{name}/recordings", EVERYBODY, |_world| (
            "/api/v1/users/owner/recordings".into(),
            None,
        )),
        // Who keeps order sees what others do not.
        line!(GET "/api/v1/recordings/{id}", [404, 404, 404, 200, 200, 200, 401, 401], |world| (
            world.failed_recording().await,
            None,
        )),
        line!(PATCH "/api/v1/recordings/{id}", [401, 403, 403, 200, 403, 200, 401, 401], |world| (
            world.ready_recording().await,
            body(json!({"protected": true})),
        )),
        line!(DELETE "/api/v1/recordings/{id}", [401, 403, 403, 204, 403, 204, 401, 401], |world| (
            world.ready_recording().await,
            None,
        )),
        line!(GET "/api/v1/streams/{slug}/clips", EVERYBODY, |world| (
            world.below("clips").await,
            None,
        )),
        // Everybody with an account may; nothing is on the air.
        line!(POST "/api/v1/streams/{slug}/clips", [401, 409, 409, 409, 409, 409, 401, 401], |world| (
            world.below("clips").await,
            body(json!({"title": "A clip", "start": 0, "end": 1000})),
        )),
        line!(GET "/api/v1/clips/{id}", EVERYBODY, |world| (world.clip().await, None)),
        line!(DELETE "/api/v1/clips/{id}", [401, 403, 403, 204, 403, 204, 401, 401], |world| (
            world.clip().await,
            None,
        )),
    ]
}
