//! What is wrong with streams, and what they look like.

use std::collections::BTreeMap;

use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};
use weir_db::{Broadcast, NewStream, Role, Stream};
use weir_media::Thumbnail;
use weir_protocol::{
    IngestProtocol, Page, StreamSummary,
    finding::{Finding, FindingCode, FindingReport, Severity},
};
use weir_signaling::keys;

use crate::server::{Server, soon};

fn b_frames(active: bool) -> FindingReport {
    FindingReport {
        code: FindingCode::BFrames,
        severity: Severity::Warning,
        active,
        values: BTreeMap::new(),
        words: BTreeMap::new(),
        repaired: true,
    }
}

/// A stream of somebody, with a token of theirs.
async fn owned(server: &Server, name: &str) -> (Stream, String) {
    server.user(name, "correct horse", Role::Speaker).await;
    let user = server.db.user_by_name(name).await.unwrap().unwrap();
    let new = NewStream {
        slug: format!("{name}-live").parse().unwrap(),
        title: "A title".into(),
        key_hash: keys::generate().1,
        owner: Some(user.id),
    };
    let stream = server.db.create_stream(new).await.unwrap();
    let request = server
        .request(Method::POST, "/api/v1/login")
        .json(&json!({"name": name, "password": "correct horse"}));
    let answer: Value = request.send().await.unwrap().json().await.unwrap();
    (stream, answer["token"].as_str().unwrap().to_owned())
}

async fn findings(server: &Server, stream: &Stream, token: &str, query: &str) -> Page<Finding> {
    let path = format!("/api/v1/streams/{}/findings{query}", stream.slug);
    let request = server.request(Method::GET, &path).bearer_auth(token);
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    response.json().await.unwrap()
}

async fn broadcast(server: &Server, stream: &Stream, count: usize) -> Broadcast {
    soon("the broadcast's row", async {
        loop {
            let mut rows = server.db.list_broadcasts(stream.id, 10).await.unwrap();
            if rows.len() == count {
                return rows.remove(0);
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    })
    .await
}

/// Waits until the list is as it should be.
async fn until(
    server: &Server,
    (stream, token): (&Stream, &str),
    query: &str,
    right: impl Fn(&[Finding]) -> bool,
) -> Vec<Finding> {
    soon("the findings", async {
        loop {
            let page = findings(server, stream, token, query).await;
            if right(&page.items) {
                return page.items;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    })
    .await
}

#[tokio::test]
async fn a_finding_is_live_then_cleared_and_stays_with_its_broadcast() {
    let server = Server::start().await;
    let (stream, token) = owned(&server, "ann").await;
    let own = (&stream, token.as_str());
    let publisher = server.live.begin(&stream, IngestProtocol::Rtmp);
    let writer = server.live.findings().open(&stream);
    writer.report(&b_frames(true));
    let live = findings(&server, &stream, &token, "?live=true").await.items;
    assert_eq!(live.len(), 1, "at once");
    assert!(live[0].active && live[0].repaired);
    assert!(live[0].text.fix.contains("bframes=0"), "{:?}", live[0].text);
    assert!(live[0].text.repair.is_some());
    let first = broadcast(&server, &stream, 1).await;
    let kept = until(&server, own, "", |items| items.len() == 1).await;
    assert_eq!(kept[0].broadcast_id, Some(first.id.to_string()));

    // It goes, and comes again: the same one, twice.
    writer.report(&b_frames(false));
    let over = findings(&server, &stream, &token, "?live=true").await.items;
    assert!(!over[0].active && over[0].cleared_at.is_some());
    writer.report(&b_frames(true));
    let again = findings(&server, &stream, &token, "?live=true").await.items;
    assert_eq!((again[0].count, again[0].id == kept[0].id), (2, true));

    // The end of the broadcast ends it, and the next one has its own.
    drop(writer);
    publisher.end();
    until(&server, own, "", |items| !items[0].active).await;
    assert!(
        findings(&server, &stream, &token, "?live=true")
            .await
            .items
            .is_empty()
    );
    let publisher = server.live.begin(&stream, IngestProtocol::Rtmp);
    let second = broadcast(&server, &stream, 2).await;
    let writer = server.live.findings().open(&stream);
    writer.report(&b_frames(true));
    until(&server, own, "", |items| items.len() == 2).await;
    let page = findings(&server, &stream, &token, "?limit=1").await;
    assert_eq!(page.items[0].broadcast_id, Some(second.id.to_string()));
    let next = format!("?limit=1&cursor={}", page.next.unwrap());
    let page = findings(&server, &stream, &token, &next).await;
    assert_eq!(page.items[0].broadcast_id, Some(first.id.to_string()));
    assert!(page.next.is_none());
    let of_first = format!("?broadcast={}", first.id);
    let page = findings(&server, &stream, &token, &of_first).await;
    assert_eq!((page.items.len(), page.items[0].count), (1, 2));
    drop(publisher);

    let (_, foreign) = owned(&server, "bob").await;
    let path = format!("/api/v1/streams/{}/findings", stream.slug);
    let request = server.request(Method::GET, &path).bearer_auth(foreign);
    assert_eq!(
        request.send().await.unwrap().status(),
        StatusCode::FORBIDDEN
    );
}

#[tokio::test]
async fn a_live_stream_has_a_picture_and_an_offline_one_none() {
    let server = Server::start().await;
    let (stream, _) = owned(&server, "ann").await;
    let path = format!("/api/v1/streams/{}/thumbnail.jpg", stream.slug);
    let summary = async || -> StreamSummary {
        let of = format!("/api/v1/streams/{}", stream.slug);
        server.get(&of).await.json().await.unwrap()
    };
    assert_eq!(server.get(&path).await.status(), StatusCode::NOT_FOUND);
    let publisher = server.live.begin(&stream, IngestProtocol::Rtmp);
    let writer = server.live.findings().open(&stream);
    let thumbnail = |width, byte| Thumbnail {
        time: 0,
        width,
        height: width / 2,
        jpeg: vec![0xff, 0xd8, 0xff, byte].into(),
    };
    writer.thumbnail(&thumbnail(640, 1));
    writer.thumbnail(&thumbnail(160, 2));
    let answer = server.get(&path).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()[header::CONTENT_TYPE], "image/jpeg");
    assert!(
        answer.headers()[header::CACHE_CONTROL]
            .to_str()
            .unwrap()
            .contains("max-age")
    );
    let tag = answer.headers()[header::ETAG].clone();
    assert_eq!(
        answer.bytes().await.unwrap()[3],
        1,
        "not the tile of the strip"
    );
    let same = server
        .request(Method::GET, &path)
        .header(header::IF_NONE_MATCH, &tag);
    assert_eq!(
        same.send().await.unwrap().status(),
        StatusCode::NOT_MODIFIED
    );
    writer.thumbnail(&thumbnail(640, 3));
    let newer = server
        .request(Method::GET, &path)
        .header(header::IF_NONE_MATCH, &tag);
    assert_eq!(newer.send().await.unwrap().status(), StatusCode::OK);
    soon("the address of the picture", async {
        while summary().await.thumbnail_url.as_deref() != Some(path.as_str()) {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    })
    .await;
    drop(writer);
    publisher.end();
    soon("the end", async {
        while server.get(&path).await.status() != StatusCode::NOT_FOUND {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    })
    .await;
    assert_eq!(summary().await.thumbnail_url, None);
}
