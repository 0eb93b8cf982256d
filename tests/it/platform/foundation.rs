//! What stands under all operations.

use reqwest::{Method, StatusCode};

use super::server::{Platform, expect, on_both, refused};

on_both!(i5_the_api_describes_itself_and_can_be_browsed);

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
