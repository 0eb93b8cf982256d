//! Data channels.

use weir_sfu_core::{DataEvent, MAX_MESSAGE, SendDataError, SessionId};

use crate::world::{STREAM, World, vp8};

fn open(world: &mut World) -> usize {
    world.channel = Some("weir");
    let client = world.publish(vp8());
    world.run_until(5_000, |w| !w.clients[client].channels.is_empty());
    client
}

fn messages(world: &World) -> Vec<(bool, Vec<u8>)> {
    let message = |event: &DataEvent| match event {
        DataEvent::Message { text, bytes, .. } => Some((*text, bytes.clone())),
        DataEvent::Opened { .. } | DataEvent::Closed { .. } => None,
    };
    world.data.iter().filter_map(message).collect()
}

fn write(world: &mut World, client: usize, binary: bool, bytes: &[u8]) -> bool {
    let client = &mut world.clients[client];
    let id = client.channels[0].0;
    let mut channel = client.rtc.channel(id).unwrap();
    channel.write(binary, bytes).unwrap()
}

#[test]
fn messages_go_both_ways_whole_and_in_order() {
    let mut world = World::new(2);
    let client = open(&mut world);
    let session = world.clients[client].session;
    let stream = STREAM;
    assert_eq!(world.data, [DataEvent::Opened { stream, session }]);
    let long = vec![7; MAX_MESSAGE];
    assert!(write(&mut world, client, false, "grüß dich".as_bytes()));
    assert!(write(&mut world, client, true, &long));
    assert!(write(&mut world, client, false, b"\0"));
    world.run(500);
    let expected = [
        (true, "grüß dich".as_bytes().to_vec()),
        (false, long.clone()),
        (true, vec![0]),
    ];
    assert!(messages(&world) == expected);

    let now = world.now;
    for (text, bytes) in &expected {
        let sent = world.home().handle_send_data(now, session, *text, bytes);
        assert_eq!(sent, Ok(()));
    }
    world.run(500);
    let received: Vec<_> = world.clients[client]
        .messages
        .iter()
        .map(|m| (!m.binary, m.data.clone()))
        .collect();
    assert!(received == expected);

    let too_long = vec![0; MAX_MESSAGE + 1];
    let sent = world.home().handle_send_data(now, session, true, &too_long);
    assert_eq!(sent, Err(SendDataError::TooLarge));
    let sent = world.home().handle_send_data(now, session, true, b"");
    assert_eq!(sent, Err(SendDataError::Empty));
    let sent = world
        .home()
        .handle_send_data(now, SessionId(99), true, b"x");
    assert_eq!(sent, Err(SendDataError::NoSession));

    let now = world.now;
    world.home().handle_end(now, session);
    world.run(100);
    assert_eq!(
        world.data.last(),
        Some(&DataEvent::Closed { stream, session })
    );
    let sent = world.home().handle_send_data(now, session, true, b"x");
    assert_eq!(sent, Err(SendDataError::NoSession));
}

#[test]
fn a_client_that_does_not_keep_up_is_told_apart() {
    let mut world = World::new(1);
    let client = open(&mut world);
    let session = world.clients[client].session;
    world.clients[client].frozen = true;
    let message = vec![1; 10_000];
    let mut taken = 0;
    let error = loop {
        let now = world.now;
        match world.home().handle_send_data(now, session, false, &message) {
            Ok(()) => taken += 1,
            Err(error) => break error,
        }
        world.run(1);
        assert!(taken < 1_000);
    };
    assert_eq!(error, SendDataError::Full);
    assert_eq!(taken, 26, "256 KB");
    world.clients[client].frozen = false;
    world.run_until(20_000, |w| w.clients[client].messages.len() == taken);
    let now = world.now;
    let sent = world.home().handle_send_data(now, session, false, &message);
    assert_eq!(sent, Ok(()), "room again");
}

#[test]
fn a_flood_closes_the_channel_and_nothing_else() {
    let mut world = World::new(1);
    let client = open(&mut world);
    for _ in 0..400 {
        if world.clients[client].channels_closed > 0 || !write(&mut world, client, true, b"x") {
            break;
        }
        world.run(1);
    }
    world.run(500);
    let closed = |e: &DataEvent| matches!(e, DataEvent::Closed { .. });
    assert_eq!(world.data.iter().filter(|e| closed(e)).count(), 1);
    assert!(world.data.last().is_some_and(closed));
    assert_eq!(world.clients[client].channels_closed, 1);
    assert!(world.ended(world.clients[client].session).is_none());
    let (now, session) = (world.now, world.clients[client].session);
    let sent = world.home().handle_send_data(now, session, true, b"x");
    assert_eq!(sent, Err(SendDataError::NotOpen));
}

#[test]
fn other_labels_are_closed() {
    let mut world = World::new(1);
    world.channel = Some("other");
    let client = world.publish(vp8());
    world.run_until(5_000, |w| w.clients[client].channels_closed == 1);
    assert_eq!(world.data, []);
    let (now, session) = (world.now, world.clients[client].session);
    let sent = world.home().handle_send_data(now, session, true, b"x");
    assert_eq!(sent, Err(SendDataError::NotOpen));
}
