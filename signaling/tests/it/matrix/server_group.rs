use super::{Line, line};

pub fn lines() -> Vec<Line> {
    vec![
        line!(GET "/api/v1/time", [200; 8]),
        line!(GET "/api/v1/admin/connectivity", [401, 403, 403, 403, 403, 200, 401, 401]),
        line!(GET "/api/v1/admin/load", [401, 403, 403, 403, 403, 200, 401, 401]),
        line!(GET "/api/v1/admin/settings", [401, 403, 403, 403, 403, 200, 401, 401]),
        line!(GET "/api/v1/me", [401, 200, 200, 200, 200, 200, 401, 401]),
    ]
}
