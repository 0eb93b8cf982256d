//! What stands under all operations.

use reqwest::{Method, StatusCode};

use serde_json::json;

use super::server::{Platform, expect, on_both, read, refused};

on_both!(
    i5_the_api_describes_itself_and_can_be_browsed,
    i5_a_creation_that_is_sent_again_happens_once,
);

async fn i5_the_api_describes_itself_and_can_be_browsed(platform: Platform) {
    let document = platform.request(Method::GET, "/api/v1/openapi.json");
    let document = expect(document, StatusCode::OK).await;
    assert_eq!(document["openapi"], "3.1.0");
    let paths = document["paths"].as_object().unwrap();
    assert!(paths.contains_key("/api/v1/streams/{slug}"), "{paths:?}");

    let page = platform.request(Method::GET, "/api/docs/");
    let page = page.send().await.unwrap();
    assert_eq!(page.status(), StatusCode::OK);
    let page = page.text().await.unwrap();
    assert!(page.contains("swagger-ui"), "{page}");
    assert!(!page.contains("https://"), "nothing from elsewhere: {page}");

    let owner = platform.person("otto", "speaker").await;
    platform.stream(&owner, "mine").await;
    let taken = platform
        .by(&owner, Method::POST, "/api/v1/streams")
        .json(&serde_json::json!({"slug": "mine"}));
    refused(taken, StatusCode::CONFLICT, "conflict").await;
}

async fn i5_a_creation_that_is_sent_again_happens_once(platform: Platform) {
    let owner = platform.person("otto", "speaker").await;
    let create = |key: &str, slug: &str| {
        platform
            .by(&owner, Method::POST, "/api/v1/streams")
            .header("idempotency-key", key)
            .json(&json!({"slug": slug}))
    };
    let first = expect(create("k-1", "mine"), StatusCode::CREATED).await;
    // The same answer, the key that is shown once included: the first may not have arrived.
    let again = create("k-1", "mine").send().await.unwrap();
    assert_eq!(again.headers()["idempotency-replayed"], "true");
    assert_eq!(again.headers()["location"], "/api/v1/streams/mine");
    assert_eq!(read(again, StatusCode::CREATED).await, first);
    refused(
        create("k-1", "other"),
        StatusCode::UNPROCESSABLE_ENTITY,
        "unprocessable",
    )
    .await;
    refused(create("k-2", "mine"), StatusCode::CONFLICT, "conflict").await;
    // What failed may be tried again, with another body too.
    expect(create("k-2", "second"), StatusCode::CREATED).await;
    refused(create("", "x"), StatusCode::BAD_REQUEST, "bad_request").await;

    // Keys are each user's own, and not in clear in the database.
    let other = platform.person("olga", "speaker").await;
    let theirs = platform
        .by(&other, Method::POST, "/api/v1/streams")
        .header("idempotency-key", "k-1")
        .json(&json!({"slug": "theirs"}));
    expect(theirs, StatusCode::CREATED).await;

    // Sent at once, one creates; who comes second waits for the answer or asks again.
    let racing = (0..8).map(|_| create("k-3", "third").send());
    let statuses: Vec<u16> = futures_util::future::join_all(racing)
        .await
        .into_iter()
        .map(|answer| answer.unwrap().status().as_u16())
        .collect();
    assert!(statuses.contains(&201), "{statuses:?}");
    assert!(
        statuses.iter().all(|it| [201, 409].contains(it)),
        "{statuses:?}"
    );
    expect(create("k-3", "third"), StatusCode::CREATED).await;
}
