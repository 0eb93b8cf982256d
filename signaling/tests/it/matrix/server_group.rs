use serde_json::json;

use super::{Line, line};

pub fn lines() -> Vec<Line> {
    vec![
        line!(GET "/api/v1/time", [200; 8]),
        line!(POST "/api/v1/login", [200; 8], |_world| (
            "/api/v1/login".into(),
            Some(json!({"name": "attendee", "password": "correct horse"})),
        )),
        line!(GET "/api/v1/me", [401, 200, 200, 200, 200, 200, 401, 401]),
    ]
}
