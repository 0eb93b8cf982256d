//! Nobody misses or repeats a message, however often connections break and transports change.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use serde_json::json;
use tokio::task::JoinSet;

use super::link::Link;
use crate::{
    media::Video,
    platform::server::{Kind, Platform},
    webrtc_client::{Publisher, RoomChannel},
};

/// Clients, and how often the connection of each breaks.
const CLIENTS: usize = 10;
const BREAKS: usize = 20;

/// Every so often a client comes again over the other transport.
const OVER_DATA: usize = 5;

/// Between two breaks of a client.
const STAYS: Duration = Duration::from_millis(250);

#[tokio::test(flavor = "multi_thread")]
async fn e1_nobody_misses_or_repeats_a_message_on_sqlite() {
    reconnects(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e1_nobody_misses_or_repeats_a_message_on_postgres() {
    reconnects(Kind::Postgres).await;
}

async fn reconnects(kind: Kind) {
    let settings = [
        ("WEIR_ROOMS_MESSAGES_PER_MINUTE", "100000"),
        ("WEIR_ROOMS_MESSAGES_BURST", "1000"),
    ];
    let platform = Platform::start_with(kind, &settings).await;
    let owner = platform.person("otto", "speaker").await;
    let access = platform.stream(&owner, "live").await;
    let base = platform.server.url();
    let video = Arc::new(Video::h264());
    let key = access["key"].as_str().unwrap();
    let publisher = Publisher::start(&format!("{base}/whip"), key, video.clone()).await;
    let whep = format!("{base}/whep/live");
    RoomChannel::open(&whep, &video).await.close().await;

    let mut clients = JoinSet::new();
    for n in 0..CLIENTS {
        let mut link = Link::websocket(&base, None).await;
        link.join("stream:live", None).await;
        let (base, whep, video) = (base.clone(), whep.clone(), video.clone());
        clients.spawn(listen(n, link, base, whep, video));
    }
    let over = Arc::new(AtomicBool::new(false));
    let speaking = tokio::spawn(speak(base.clone(), owner.token.clone(), over.clone()));
    let mut heard = Vec::new();
    let mut listeners = Vec::new();
    while let Some(client) = clients.join_next().await {
        listeners.push(client.unwrap());
    }
    over.store(true, Ordering::Relaxed);
    let said = speaking.await.unwrap();
    assert!(said.len() > 100, "only {} messages were said", said.len());
    for (mut link, mut messages) in listeners {
        messages.append(&mut link.messages());
        while messages.last() != said.last() {
            link.forget();
            link.hear().await;
            messages.append(&mut link.messages());
        }
        heard.push(messages);
    }
    for (n, messages) in heard.iter().enumerate() {
        assert_eq!(messages, &said, "client {n}");
    }
    publisher.close().await;
}

/// Breaks off again and again; gives the last connection and what was heard on the others.
async fn listen(
    n: usize,
    mut link: Link,
    base: String,
    whep: String,
    video: Arc<Video>,
) -> (Link, Vec<String>) {
    let mut messages = Vec::new();
    for round in 0..BREAKS {
        let until = tokio::time::Instant::now() + STAYS;
        while let Ok(heard) = tokio::time::timeout_at(until, link.hear_or_end()).await {
            heard.expect("the server does not end it");
        }
        messages.append(&mut link.messages());
        let since = link.position;
        link.break_off().await;
        link = match (n + round) % OVER_DATA {
            0 => Link::of(RoomChannel::open(&whep, &video).await),
            _ => Link::websocket(&base, None).await,
        };
        let joined = link.join("stream:live", Some(since)).await;
        assert_eq!(joined["resumed"], true, "{joined}");
    }
    (link, messages)
}

/// Says one thing after the other until it is over. Its connection breaks too: what was not
/// acknowledged is said again.
async fn speak(base: String, token: String, over: Arc<AtomicBool>) -> Vec<String> {
    let mut said = Vec::new();
    let mut link = Link::websocket(&base, Some(&token)).await;
    link.join("stream:live", None).await;
    while !over.load(Ordering::Relaxed) {
        let name = format!("n{}", said.len());
        if said.len() % 25 == 24 {
            // Breaks before the answer.
            link.say(json!({"type": "send", "ref": name, "text": name}))
                .await;
            link.break_off().await;
            link = Link::websocket(&base, Some(&token)).await;
            link.join("stream:live", None).await;
        }
        said.push(link.send(&name, &name).await.0);
        link.forget();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    said
}
