//! Paths: restarts, new addresses, consent, TCP.

use std::{net::SocketAddr, time::Duration};

use str0m::media::MediaKind;
use weir_sfu_core::{EndReason, IceParameters, IceRestartError, SessionId, Via};

use crate::world::{Source, World, vp8};

fn on_air(shards: u16) -> (World, Source) {
    let mut world = World::new(shards);
    let publisher = world.publish(vp8());
    world.connect(publisher);
    let mut source = Source::new(&world, publisher);
    source.play(&mut world, 200);
    (world, source)
}

fn viewer(world: &mut World, source: &mut Source, shard: usize, via: Via) -> usize {
    let viewer = world.view_over(shard, vp8(), via).unwrap();
    for _ in 0..3_000 {
        if world.clients[viewer].connected {
            break;
        }
        source.play(world, 1);
    }
    assert!(world.clients[viewer].connected);
    source.play(world, 500);
    viewer
}

/// Longest time without a video packet since `from`, until now.
fn longest_gap(world: &World, viewer: usize, from: Duration) -> Duration {
    let client = &world.clients[viewer];
    let media = client.rtc.media(client.video.unwrap()).unwrap();
    let video = client
        .received
        .iter()
        .filter(|(_, p)| media.remote_pts().contains(&p.header.payload_type));
    let end = world.now - world.start;
    let mut times: Vec<Duration> = video.map(|(at, _)| *at).filter(|at| *at >= from).collect();
    times.insert(0, from);
    times.push(end);
    let gaps = times.windows(2).map(|pair| pair[1] - pair[0]);
    gaps.max().unwrap_or(end)
}

fn address(port: u16) -> SocketAddr {
    SocketAddr::from(([203, 0, 113, 4], port))
}

#[test]
fn a_restart_shows_nothing() {
    let (mut world, mut source) = on_air(2);
    let viewer = viewer(&mut world, &mut source, 1, Via::Udp);
    let from = world.now - world.start;
    let answer = world.restart_ice(viewer, true);
    assert!(answer.ufrag.starts_with("0001"), "its shard");
    assert!(answer.candidates[0].contains(" udp "));
    assert!(answer.candidates[1].ends_with("tcptype passive"));
    source.play(&mut world, 40_000);
    let gap = longest_gap(&world, viewer, from);
    assert!(gap < Duration::from_millis(100), "{gap:?}");
    // Only the new generation's checks can have kept consent.
    assert!(world.ended(world.clients[viewer].session).is_none());
    // And again: a restart is no one-time thing.
    let again = world.restart_ice(viewer, true);
    assert_ne!(again.ufrag, answer.ufrag);
    source.play(&mut world, 35_000);
    let gap = longest_gap(&world, viewer, from);
    assert!(gap < Duration::from_millis(100), "{gap:?}");
}

#[test]
fn a_restart_from_another_network_moves_the_media() {
    let (mut world, mut source) = on_air(2);
    let viewer = viewer(&mut world, &mut source, 0, Via::Udp);
    let publisher = source.client;
    let from = world.now - world.start;
    // An odd port, so that its datagrams arrive at the other shard.
    world.roam(viewer, address(7));
    world.restart_ice(viewer, true);
    source.play(&mut world, 3_000);
    world.roam(publisher, address(9));
    world.restart_ice(publisher, true);
    source.play(&mut world, 40_000);
    let gap = longest_gap(&world, viewer, from);
    assert!(gap < Duration::from_millis(800), "{gap:?}");
    for client in [viewer, publisher] {
        assert!(world.ended(world.clients[client].session).is_none());
    }
}

#[test]
fn a_publisher_that_was_lost_comes_back_in_its_session_from_another_network() {
    let (mut world, mut source) = on_air(2);
    let viewer = viewer(&mut world, &mut source, 0, Via::Udp);
    let publisher = source.client;
    let session = world.clients[publisher].session;
    world.clients[publisher].frozen = true;
    world.run(20_000);
    assert_eq!(world.lost_at(session).len(), 1);
    world.clients[publisher].frozen = false;
    world.roam(publisher, address(9));
    world.restart_ice(publisher, true);
    let from = world.now - world.start;
    source.play(&mut world, 40_000);
    let gap = longest_gap(&world, viewer, from);
    assert!(gap < Duration::from_millis(1_500), "{gap:?}");
    assert!(world.ended(session).is_none());
    assert_eq!(world.lost_at(session).len(), 1, "and is not lost again");
    let video = world.clients[viewer].of(MediaKind::Video);
    let gaps: Vec<_> = video
        .windows(2)
        .map(|p| (*p[0].seq_no, *p[1].seq_no))
        .filter(|(before, after)| *after != before + 1)
        .collect();
    assert_eq!(gaps, [], "of {} packets", video.len());
}

#[test]
fn a_restart_that_fails_changes_nothing() {
    let (mut world, mut source) = on_air(1);
    let viewer = viewer(&mut world, &mut source, 0, Via::Udp);
    let from = world.now - world.start;
    let lost = world.restart_ice(viewer, false);
    source.play(&mut world, 50_000);
    let gap = longest_gap(&world, viewer, from);
    assert!(gap < Duration::from_millis(100), "{gap:?}");
    // Asked again with other parameters, it works, and the lost one is over.
    let answer = world.restart_ice(viewer, true);
    assert_ne!(answer, lost);
    source.play(&mut world, 40_000);
    let gap = longest_gap(&world, viewer, from);
    assert!(gap < Duration::from_millis(100), "{gap:?}");

    let session = world.clients[viewer].session;
    let parameters = |ufrag: &str, pwd: &str| IceParameters {
        ufrag: ufrag.to_owned(),
        pwd: pwd.to_owned(),
    };
    let good = parameters("abcd", "0123456789abcdefghijkl");
    let shard = &mut world.shards[0];
    let first = shard.handle_ice_restart(session, &good).unwrap();
    let second = shard.handle_ice_restart(session, &good).unwrap();
    assert_eq!(first, second, "the same request again");
    assert!(matches!(
        shard.handle_ice_restart(session, &parameters("a", "b")),
        Err(IceRestartError::Malformed(_))
    ));
    assert_eq!(
        shard.handle_ice_restart(SessionId(99), &good),
        Err(IceRestartError::NoSuchSession)
    );
}

#[test]
fn a_new_nat_binding_needs_no_restart() {
    let (mut world, mut source) = on_air(2);
    let viewer = viewer(&mut world, &mut source, 0, Via::Udp);
    let from = world.now - world.start;
    world.clients[viewer].outside = address(11);
    source.play(&mut world, 20_000);
    // The client checks every 3 s; the first check from there moves the media.
    let gap = longest_gap(&world, viewer, from);
    assert!(gap < Duration::from_millis(3_300), "{gap:?}");
    assert!(world.ended(world.clients[viewer].session).is_none());
}

#[test]
fn consent_runs_out_thirty_seconds_after_the_last_check() {
    for via in [Via::Udp, Via::Tcp, Via::Relay] {
        let (mut world, mut source) = on_air(1);
        let staying = viewer(&mut world, &mut source, 0, via);
        let gone = viewer(&mut world, &mut source, 0, via);
        world.restart_ice(gone, true);
        source.play(&mut world, 5_000);
        let back = viewer(&mut world, &mut source, 0, via);
        let cut = world.now - world.start;
        world.clients[gone].frozen = true;
        world.clients[back].frozen = true;
        source.play(&mut world, 20_000);
        world.clients[back].frozen = false;
        source.play(&mut world, 20_000);
        let (at, reason) = world.ended(world.clients[gone].session).unwrap();
        assert_eq!(reason, EndReason::TimedOut);
        let after = at.checked_sub(cut).unwrap();
        let expected = Duration::from_secs(26)..=Duration::from_millis(30_100);
        assert!(expected.contains(&after), "{after:?}");
        // An outage of 20 s is within consent.
        let gap = longest_gap(
            &world,
            back,
            world.now - world.start - Duration::from_secs(10),
        );
        assert!(gap < Duration::from_millis(100), "{gap:?}");
        assert!(world.ended(world.clients[staying].session).is_none());
        assert_eq!(world.closed_tcp.len(), usize::from(via == Via::Tcp));
    }
}

#[test]
fn a_viewer_over_tcp_is_a_viewer() {
    let (mut world, mut source) = on_air(2);
    let viewer = viewer(&mut world, &mut source, 1, Via::Tcp);
    let from = world.now - world.start;
    source.play(&mut world, 3_000);
    let gap = longest_gap(&world, viewer, from);
    assert!(gap < Duration::from_millis(100), "{gap:?}");

    // It does not keep up: sound only, until it does.
    let addr = world.clients[viewer].addr;
    world.shards[1].handle_congestion(addr, true);
    world.run(50);
    let (before, sound) = (
        world.clients[viewer].of(MediaKind::Video).len(),
        world.clients[viewer].of(MediaKind::Audio).len(),
    );
    source.play(&mut world, 2_000);
    let client = &world.clients[viewer];
    assert_eq!(client.of(MediaKind::Video).len(), before);
    assert!(client.of(MediaKind::Audio).len() > sound + 90);
    world.shards[1].handle_congestion(addr, false);
    source.play(&mut world, 2_000);
    let video = world.clients[viewer].of(MediaKind::Video);
    assert!(video.len() > before + 100, "{} {before}", video.len());
    assert_eq!(video[before].payload[..2], [0x10, 0], "a keyframe first");
    assert_eq!(*video[before].seq_no, *video[before - 1].seq_no + 1);

    // The connection breaks: nothing is sent into the void.
    world.shards[1].handle_closed(Via::Tcp, addr);
    world.run(50);
    let before = world.clients[viewer].received.len();
    source.play(&mut world, 1_000);
    assert!(world.clients[viewer].received.len() <= before + 1);
}

#[test]
fn a_viewer_behind_a_relay_is_a_viewer() {
    let (mut world, mut source) = on_air(2);
    // As `SO_REUSEPORT` would not: relays hand over to the right shard.
    let viewer = viewer(&mut world, &mut source, 1, Via::Relay);
    let from = world.now - world.start;
    source.play(&mut world, 3_000);
    let gap = longest_gap(&world, viewer, from);
    assert!(gap < Duration::from_millis(100), "{gap:?}");

    // Somebody else has the same address in the network: not one datagram goes there, and none that
    // comes from there is this viewer's.
    let addr = world.clients[viewer].addr;
    let now = world.now;
    let dropped = world.shards[1].stats().datagrams_dropped;
    world.shards[1].handle_datagram(now, addr, crate::world::server(), now, &[128; 40]);
    assert_eq!(world.shards[1].stats().datagrams_dropped, dropped + 1);

    // The relayed address is over: nothing is sent into the void.
    world.shards[1].handle_closed(Via::Relay, addr);
    world.run(50);
    let before = world.clients[viewer].received.len();
    source.play(&mut world, 1_000);
    assert!(world.clients[viewer].received.len() <= before + 1);
    assert!(world.closed_tcp.is_empty());
}
