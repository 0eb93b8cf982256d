use super::{Line, line};

pub fn lines() -> Vec<Line> {
    vec![
        // Who keeps order sees what is wrong.
        line!(GET "/api/v1/streams/{slug}/findings", [401, 403, 403, 200, 200, 200, 401, 401], |world| (
            format!("/api/v1/streams/{}/findings", world.stream().await.slug),
            None,
        )),
        // It is not live and has no picture: what counts is that nobody needs credentials to be told so.
        line!(GET "/api/v1/streams/{slug}/thumbnail.jpg",
        [404, 404, 404, 404, 404, 404, 401, 401],
        |world| (
            format!("/api/v1/streams/{}/thumbnail.jpg", world.stream().await.slug),
            None,
        )),
    ]
}
