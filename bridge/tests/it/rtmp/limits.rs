//! Limits of time, in virtual time and without a socket.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use weir_bridge::rtmp::session::{
    self, End, FIRST_MEDIA_TIMEOUT, IDLE_TIMEOUT, MEDIA_TIMEOUT, SETUP_TIMEOUT, SessionError,
};

use super::harness::{Event, KEY, Recording, Tokens, context};
use super::wire::{self, AUDIO, VIDEO};

type Outcome = JoinHandle<Result<End, SessionError>>;

fn start() -> (DuplexStream, Outcome, Recording) {
    let (client, outcome, recording, _) = start_with_tokens();
    (client, outcome, recording)
}

fn start_with_tokens() -> (DuplexStream, Outcome, Recording, Tokens) {
    let (context, recording, tokens) = context();
    let (client, server) = duplex(64 * 1024);
    let peer = SocketAddr::from(([192, 0, 2, 1], 40_000));
    (
        client,
        tokio::spawn(async move { session::run(server, peer, &context, || ()).await }),
        recording,
        tokens,
    )
}

#[tokio::test(start_paused = true)]
async fn closing_by_command_is_a_goodbye_and_vanishing_is_not() {
    for by_command in [true, false] {
        let (mut client, outcome, mut recording, tokens) = start_with_tokens();
        client.write_all(&wire::up_to_publish(KEY)).await.unwrap();
        let mut answer = Vec::new();
        while !wire::says(&answer, "NetStream.Publish.Start") {
            client.read_buf(&mut answer).await.unwrap();
        }
        if by_command {
            let close = [wire::string("deleteStream"), wire::number(4.0)].concat();
            let close = wire::message(3, 0, wire::COMMAND, &close);
            client.write_all(&close).await.unwrap();
        }
        drop(client);
        recording.until_ended().await;
        // Said before the source ends, so that whoever takes its end knows how it ended.
        assert_eq!(tokens.goodbye.is_cancelled(), by_command);
        outcome.await.unwrap().ok();
    }
}

#[tokio::test(start_paused = true)]
async fn a_goodbye_counts_from_who_listens_no_more() {
    let (context, mut recording, tokens) = context();
    let (mut client, server) = duplex(1024 * 1024);
    let peer = SocketAddr::from(([192, 0, 2, 1], 40_000));
    let outcome = tokio::spawn(async move { session::run(server, peer, &context, || ()).await });
    client.write_all(&wire::up_to_publish(KEY)).await.unwrap();
    let mut answer = Vec::new();
    while !wire::says(&answer, "NetStream.Publish.Start") {
        client.read_buf(&mut answer).await.unwrap();
    }
    // Much that has to be acknowledged, the goodbye, and nobody there: before the server reads any of it.
    let last = [
        wire::message(6, 0, VIDEO, &[0; 400_000]),
        wire::message(6, 0, VIDEO, &[0; 400_000]),
        wire::message(
            3,
            0,
            wire::COMMAND,
            &[wire::string("deleteStream"), wire::number(4.0)].concat(),
        ),
    ];
    let smallest_window = wire::message(2, 0, 5, &1_u32.to_be_bytes());
    let last = [smallest_window, last.concat()].concat();
    client.write_all(&last).await.unwrap();
    drop(client);
    recording.until_ended().await;
    assert!(tokens.goodbye.is_cancelled());
    assert_eq!(outcome.await.unwrap().unwrap(), End::Unpublished);
}

#[tokio::test(start_paused = true)]
async fn half_a_handshake_is_cut() {
    let whole = wire::handshake();
    for length in [0, 1, 700, 1537, 2000] {
        let (mut client, outcome, _recording) = start();
        let begun = Instant::now();
        client.write_all(&whole[..length]).await.unwrap();
        let error = outcome.await.unwrap().unwrap_err();
        assert!(
            matches!(error, SessionError::SetupTimeout),
            "{length} bytes: {error}"
        );
        assert_eq!(begun.elapsed().as_secs(), SETUP_TIMEOUT.as_secs());
    }
}

#[tokio::test(start_paused = true)]
async fn a_handshake_dripped_in_is_cut() {
    let (mut client, outcome, _recording) = start();
    let whole = wire::handshake();
    let begun = Instant::now();
    for byte in whole {
        if client.write_all(&[byte]).await.is_err() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    assert!(matches!(
        outcome.await.unwrap(),
        Err(SessionError::SetupTimeout)
    ));
    assert!(begun.elapsed() < SETUP_TIMEOUT + Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_publish_is_cut() {
    let (mut client, outcome, _recording) = start();
    client
        .write_all(&[wire::handshake(), wire::connect(), wire::create_stream()].concat())
        .await
        .unwrap();
    assert!(matches!(
        outcome.await.unwrap(),
        Err(SessionError::SetupTimeout)
    ));
}

#[tokio::test(start_paused = true)]
async fn a_publisher_that_falls_silent_is_gone() {
    let (mut client, outcome, mut recording) = start();
    let begun = Instant::now();
    client.write_all(&wire::up_to_publish(KEY)).await.unwrap();
    assert_eq!(recording.next().await, Event::Opened("demo".to_owned()));
    recording.until_ended().await;
    assert!(matches!(outcome.await.unwrap(), Err(SessionError::Idle(_))));
    assert_eq!(begun.elapsed().as_secs(), FIRST_MEDIA_TIMEOUT.as_secs());

    let (mut client, outcome, mut recording) = start();
    client.write_all(&wire::up_to_publish(KEY)).await.unwrap();
    client
        .write_all(&wire::message(4, 0, AUDIO, &[0xaf, 0, 0x11, 0x90]))
        .await
        .unwrap();
    recording
        .until(|event| matches!(event, Event::Format(_)))
        .await;
    let begun = Instant::now();
    recording.until_ended().await;
    assert!(matches!(
        outcome.await.unwrap(),
        Err(SessionError::Idle(IDLE_TIMEOUT))
    ));
    assert_eq!(begun.elapsed().as_secs(), IDLE_TIMEOUT.as_secs());
}

#[tokio::test(start_paused = true)]
async fn bytes_without_media_do_not_keep_a_stream_alive() {
    let (mut client, outcome, mut recording) = start();
    client.write_all(&wire::up_to_publish(KEY)).await.unwrap();
    client
        .write_all(&wire::message(4, 0, AUDIO, &[0xaf, 0, 0x11, 0x90]))
        .await
        .unwrap();
    recording
        .until(|event| matches!(event, Event::Format(_)))
        .await;
    let begun = Instant::now();
    let data = wire::message(5, 0, 18, &[5]);
    while client.write_all(&data).await.is_ok() {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert!(matches!(
        outcome.await.unwrap(),
        Err(SessionError::NoMedia(MEDIA_TIMEOUT))
    ));
    assert!(begun.elapsed() <= MEDIA_TIMEOUT + Duration::from_secs(2));
    recording.until_ended().await;
}

#[tokio::test(start_paused = true)]
async fn interleaved_chunks_of_audio_and_video_arrive_whole() {
    let (mut client, outcome, mut recording) = start();
    let mut bytes = wire::up_to_publish(KEY);
    bytes.extend(wire::message(
        6,
        0,
        VIDEO,
        &[&[0x17, 0, 0, 0, 0], wire::AVC].concat(),
    ));
    bytes.extend(wire::message(
        4,
        0,
        AUDIO,
        &[&[0xaf, 0], wire::AAC].concat(),
    ));
    let picture = [&[0x17, 1, 0, 0, 0, 0, 0, 0, 200][..], &[7; 200]].concat();
    let sound = [&[0xaf, 1][..], &[8; 148]].concat();
    bytes.extend(wire::header(6, 40, picture.len(), VIDEO));
    bytes.extend(&picture[..128]);
    bytes.extend(wire::header(4, 40, sound.len(), AUDIO));
    bytes.extend(&sound[..128]);
    bytes.push(0xc6);
    bytes.extend(&picture[128..]);
    bytes.push(0xc4);
    bytes.extend(&sound[128..]);
    client.write_all(&bytes).await.unwrap();
    let events = recording
        .until(|event| matches!(event, Event::Unit(unit) if unit.data.len() == 148))
        .await;
    let units = super::harness::units(&events);
    assert_eq!(units.len(), 2);
    assert_eq!(&units[0].data[4..], &[7; 200]);
    drop(client);
    assert_eq!(outcome.await.unwrap().unwrap(), End::Disconnected);
    recording.until_ended().await;
}

#[tokio::test(start_paused = true)]
async fn the_server_acknowledges_pings_and_says_what_it_can() {
    let (mut client, outcome, _recording) = start();
    let mut bytes = wire::up_to_publish(KEY);
    // Window Acknowledgement Size of 64 KiB, and a ping.
    bytes.extend(wire::message(2, 0, 5, &65_536_u32.to_be_bytes()));
    bytes.extend(wire::message(2, 0, 4, &[0, 6, 1, 2, 3, 4]));
    bytes.extend(wire::message(6, 0, VIDEO, &[0; 70_000]));
    bytes.extend(wire::message(
        3,
        0,
        wire::COMMAND,
        &[wire::string("deleteStream"), wire::number(4.0)].concat(),
    ));
    client.write_all(&bytes).await.unwrap();
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).await.unwrap();
    drop(client);
    assert_eq!(outcome.await.unwrap().unwrap(), End::Unpublished);
    for text in [
        "fourCcList",
        "capsEx",
        "hvc1",
        "NetStream.Publish.Start",
        "NetStream.Unpublish.Success",
    ] {
        assert!(wire::says(&answer, text), "{text}");
    }
    let pong = [0, 7, 1, 2, 3, 4];
    assert!(
        answer.windows(6).any(|window| window == pong),
        "no ping response"
    );
    // Type 3, length 4, on chunk stream 2.
    let acknowledgement = [2, 0, 0, 0, 0, 0, 4, 3, 0, 0, 0, 0];
    assert!(
        answer.windows(12).any(|window| window == acknowledgement),
        "no acknowledgement"
    );
}

#[tokio::test(start_paused = true)]
async fn unknown_commands_do_no_harm() {
    const COMMAND_AMF3: u8 = 17;
    const DATA: u8 = 18;
    let (mut client, outcome, mut recording) = start();
    let named = |name: &str, transaction: f64| {
        let body = [wire::string(name), wire::number(transaction), vec![5]].concat();
        wire::message(3, 0, wire::COMMAND, &body)
    };
    let picture = [
        wire::message(6, 0, VIDEO, &[&[0x17, 0, 0, 0, 0], wire::AVC].concat()),
        wire::message(6, 0, VIDEO, &[0x17, 1, 0, 0, 0, 0, 0, 0, 1, 0x65]),
    ];
    let bytes = [
        wire::handshake(),
        wire::connect(),
        named("releaseStream", 2.0),
        named("_checkbw", 3.0),
        wire::create_stream(),
        wire::publish(KEY),
        named("someday", 0.0),
        named("getStreamLength", 9.0),
        // An object of AMF3 (marker 0x11), half a string, and more than a command has.
        wire::message(3, 0, COMMAND_AMF3, &[0, 0x11, 9, 1]),
        wire::message(3, 0, wire::COMMAND, &[2, 0, 9, b'x']),
        wire::message(3, 0, wire::COMMAND, &[5; 70_000]),
        wire::message(3, 0, DATA, &[0x11, 0xff]),
        picture.concat(),
        named("deleteStream", 4.0),
    ];
    client.write_all(&bytes.concat()).await.unwrap();
    let events = recording.until_ended().await;
    assert!(events.iter().any(|event| matches!(event, Event::Unit(_))));
    drop(client);
    assert!(matches!(outcome.await.unwrap(), Ok(End::Unpublished)));
}
