use super::{Line, line};

pub fn lines() -> Vec<Line> {
    vec![
        line!(GET "/api/v1/rooms/protocol", [200; 8]),
        line!(GET "/api/v1/streams/{slug}/chat", [200, 200, 200, 200, 200, 200, 401, 401], |world| (
            format!("/api/v1/streams/{}/chat", world.stream().await.slug),
            None,
        )),
    ]
}
