//! Data channels over real sockets.

use std::{sync::Arc, time::Duration};

use tokio::sync::mpsc;
use weir_sfu::{DataEvent, MAX_MESSAGE, SendDataError, Sfu};

use crate::{
    STREAM,
    client::{Client, Codec, Wants},
    publisher, start,
};

async fn viewer(sfu: &Sfu) -> Client {
    let wants = Wants {
        channel: true,
        ..Wants::default()
    };
    Client::special_viewer(Codec::Vp8, wants, |offer| {
        let sfu = sfu.clone();
        async move { sfu.view(STREAM, offer).await.unwrap() }
    })
    .await
}

async fn next(events: &mut mpsc::Receiver<DataEvent>) -> DataEvent {
    tokio::time::timeout(Duration::from_secs(20), events.recv())
        .await
        .expect("an event came")
        .expect("the SFU runs")
}

#[tokio::test]
async fn a_room_echoes() {
    let (sfu, mut events) = start(2);
    let mut data = sfu.data_events().unwrap();
    assert!(sfu.data_events().is_none(), "given once");
    let publishing = publisher(&sfu, &mut events).await;
    for _ in 0..2 {
        let viewer = viewer(&sfu).await;
        viewer.wait_for_channel(true).await;
        let (stream, session) = (STREAM, viewer.session);
        assert_eq!(next(&mut data).await, DataEvent::Opened { stream, session });
        let said = [
            (true, b"hello".to_vec()),
            (false, vec![7; MAX_MESSAGE]),
            (true, vec![b'x'; 1_200]),
        ];
        for (text, bytes) in &said {
            viewer.say(*text, bytes);
        }
        for _ in &said {
            let DataEvent::Message { text, bytes, .. } = next(&mut data).await else {
                panic!("not a message");
            };
            let sent = sfu.send_data(session, text, Arc::from(bytes)).await;
            assert_eq!(sent, Ok(()));
        }
        viewer.wait_for_messages(3).await;
        assert!(viewer.messages() == said);
        sfu.end_session(session).await;
        assert_eq!(next(&mut data).await, DataEvent::Closed { stream, session });
        let sent = sfu.send_data(session, true, Arc::from(*b"x")).await;
        assert_eq!(sent, Err(SendDataError::NoSession));
    }
    drop(publishing);
    sfu.shutdown().await;
}

#[tokio::test]
async fn back_pressure_loses_nothing() {
    let (sfu, mut events) = start(1);
    let mut data = sfu.data_events().unwrap();
    let publishing = publisher(&sfu, &mut events).await;
    let viewer = viewer(&sfu).await;
    viewer.wait_for_channel(true).await;
    next(&mut data).await;
    viewer.set_deaf(true);
    let message = |n: u32| -> Arc<[u8]> {
        let mut bytes = n.to_be_bytes().to_vec();
        bytes.resize(16_000, 0);
        Arc::from(bytes)
    };
    let mut taken = 0;
    loop {
        match sfu.send_data(viewer.session, false, message(taken)).await {
            Ok(()) => taken += 1,
            Err(error) => {
                assert_eq!(error, SendDataError::Full);
                break;
            }
        }
        assert!(taken < 100, "bounded");
    }
    assert!(taken > 10);
    viewer.set_deaf(false);
    viewer.wait_for_messages(taken as usize).await;
    let numbers: Vec<Vec<u8>> = viewer
        .messages()
        .iter()
        .map(|m| m.1[..4].to_vec())
        .collect();
    let expected: Vec<Vec<u8>> = (0..taken).map(|n| n.to_be_bytes().to_vec()).collect();
    assert_eq!(numbers, expected);
    let sent = sfu.send_data(viewer.session, false, message(taken)).await;
    assert_eq!(sent, Ok(()), "room again");
    drop(publishing);
    sfu.shutdown().await;
}

#[tokio::test]
async fn without_a_room_messages_are_counted() {
    let (sfu, mut events) = start(1);
    let publishing = publisher(&sfu, &mut events).await;
    let viewer = viewer(&sfu).await;
    viewer.wait_for_channel(true).await;
    viewer.say(true, b"is there anybody?");
    tokio::time::timeout(Duration::from_secs(20), async {
        while sfu.stats().data_dropped == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .unwrap();
    // Who comes later hears of the channel with its next message.
    let mut data = sfu.data_events().unwrap();
    viewer.say(true, b"now?");
    assert!(matches!(next(&mut data).await, DataEvent::Opened { .. }));
    assert!(matches!(next(&mut data).await, DataEvent::Message { .. }));
    drop(publishing);
    sfu.shutdown().await;
}
