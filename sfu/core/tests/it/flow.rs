//! A publisher's media on its way to viewers.

use std::time::Duration;

use str0m::{config::DtlsVersion, media::MediaKind};
use weir_sfu_core::{EndReason, SfuEvent};

use crate::world::{PACKETS_PER_FRAME, STREAM, Source, World, place, vp8};

/// Publisher on air and as many viewers as there are shards, all connected.
fn on_air(shards: u16, viewers: usize) -> (World, Source, Vec<usize>) {
    on_air_in(World::new(shards), shards, viewers)
}

fn on_air_in(mut world: World, shards: u16, viewers: usize) -> (World, Source, Vec<usize>) {
    let publisher = world.publish(vp8());
    world.connect(publisher);
    let mut source = Source::new(&world, publisher);
    source.play(&mut world, 200);
    assert!(world.live.is_some());
    let viewers: Vec<usize> = (0..viewers)
        .map(|n| world.view(n % usize::from(shards), vp8()).unwrap())
        .collect();
    for _ in 0..2_000 {
        if viewers.iter().all(|v| world.clients[*v].connected) {
            break;
        }
        source.play(&mut world, 1);
    }
    assert!(viewers.iter().all(|v| world.clients[*v].connected));
    (world, source, viewers)
}

fn seqs(world: &World, viewer: usize, kind: MediaKind) -> Vec<u64> {
    world.clients[viewer]
        .of(kind)
        .iter()
        .map(|p| *p.seq_no)
        .collect()
}

#[test]
fn media_reaches_viewers_on_every_shard() {
    for dtls in [DtlsVersion::Auto, DtlsVersion::Dtls12] {
        let mut world = World::new(3);
        world.dtls = dtls;
        media_reaches_viewers(on_air_in(world, 3, 4));
    }
}

fn media_reaches_viewers((mut world, mut source, viewers): (World, Source, Vec<usize>)) {
    source.play(&mut world, 3_000);
    let started = world.events.iter().any(|(_, event)| {
        matches!(event, SfuEvent::PublisherStarted { tracks, .. }
            if tracks.audio && tracks.video == Some(weir_media::VideoCodec::Vp8))
    });
    assert!(started);
    for viewer in viewers {
        let video = world.clients[viewer].of(MediaKind::Video);
        assert!(
            video.len() > 80 * PACKETS_PER_FRAME as usize,
            "{}",
            video.len()
        );
        assert_eq!(video[0].payload[..2], [0x10, 0x00], "begins at a keyframe");
        let video_frame_at_the_edge = place(video[0]).0 + 40;
        for pair in video.windows(2) {
            assert_eq!(*pair[1].seq_no, *pair[0].seq_no + 1);
            let (frame, part) = place(pair[0]);
            let next = if part == 3 {
                (frame + 1, 0)
            } else {
                (frame, part + 1)
            };
            assert_eq!(place(pair[1]), next);
            let ticks = pair[1]
                .header
                .timestamp
                .wrapping_sub(pair[0].header.timestamp);
            // What was before the viewer came is told faster.
            let catches_up = frame < video_frame_at_the_edge;
            match (part, catches_up) {
                (3, true) => assert!((1..=3_000).contains(&ticks), "{ticks}"),
                (3, false) => assert_eq!(ticks, 3_000),
                _ => assert_eq!(ticks, 0),
            }
            assert_eq!(pair[0].header.marker, part == 3);
        }
        let audio = seqs(&world, viewer, MediaKind::Audio);
        assert!(audio.len() > 140);
        assert!(audio.windows(2).all(|pair| pair[1] == pair[0] + 1));
    }
    // Frames leave as frames: four packets, three equal and one shorter, are one send. With the
    // audio between them that makes about 17 datagrams in 8 sends.
    let (segments, sends) = (world.sent_segments, world.sends);
    assert!(
        segments * 10 > sends * 18,
        "{segments} datagrams in {sends} sends"
    );
}

#[test]
fn the_first_viewer_of_another_shard_starts_at_once() {
    let mut world = World::new(2);
    let publisher = world.publish(vp8());
    world.connect(publisher);
    let mut source = Source::new(&world, publisher);
    // One keyframe, long ago, and no other is asked for.
    source.play(&mut world, 1_500);
    let shard = 1 - usize::from(weir_sfu_core::Shard::home(STREAM, 2));
    let viewer = world.view(shard, vp8()).unwrap();
    for _ in 0..2_000 {
        if world.clients[viewer].connected {
            break;
        }
        source.play(&mut world, 1);
    }
    source.play(&mut world, 60);
    let video = world.clients[viewer].of(MediaKind::Video);
    assert!(!video.is_empty() && place(video[0]) == (0, 0));
    source.play(&mut world, 300);
    let video = world.clients[viewer].of(MediaKind::Video);
    let newest = place(video[video.len() - 1]).0;
    assert!(newest + 3 >= source.frame, "and it is live");
    assert_eq!(world.clients[publisher].keyframe_requests, 0);
}

#[test]
fn losses_are_repaired_on_both_legs() {
    let (mut world, mut source, viewers) = on_air(2, 2);
    source.play(&mut world, 500);
    world.loss = 0.05;
    source.play(&mut world, 5_000);
    world.loss = 0.0;
    let last = source.frame;
    source.play(&mut world, 1_000);
    for viewer in viewers {
        let video = world.clients[viewer].of(MediaKind::Video);
        let first = place(video[0]).0;
        let mut have: Vec<(u64, u8)> = video.iter().map(|p| place(p)).collect();
        have.sort_unstable();
        have.dedup();
        let expected = ((last - first) * PACKETS_PER_FRAME) as usize;
        let got = have.iter().filter(|(frame, _)| *frame < last).count();
        assert!(got * 1_000 >= expected * 999, "{got} of {expected}");
    }
    let stats = world
        .shards
        .iter_mut()
        .map(|s| s.stats().retransmissions)
        .sum::<u64>();
    assert!(stats > 10, "{stats}");
}

#[test]
fn resends_on_the_original_ssrc_are_taken() {
    // As OBS does: no RTX, and what is asked again comes again as it was.
    let mut world = World::new(1);
    let config = str0m::RtcConfig::new()
        .clear_codecs()
        .enable_opus(true, false);
    let mut config = config;
    config.codec_config().add_config(
        96.into(),
        None,
        str0m::format::Codec::Vp8,
        str0m::media::Frequency::NINETY_KHZ,
        None,
        str0m::format::FormatParams::default(),
    );
    let publisher = world.publish(config);
    world.connect(publisher);
    let mut source = Source::new(&world, publisher);
    source.play(&mut world, 300);
    let viewer = world.view(0, vp8()).unwrap();
    for _ in 0..1_000 {
        source.play(&mut world, 1);
    }
    let lost = source.seq;
    // The network loses this one: it is written after the next ones.
    source.seq += 1;
    source.play(&mut world, 200);
    assert!(
        world.clients[publisher].nacks.contains(&(lost as u16)),
        "the SFU asks for it"
    );
    let packet = crate::world::Packet {
        seq: lost,
        time: ((source.frame - 6) * 3_000) as u32,
        wallclock: world.now,
        marker: false,
        payload: &[0, 1, 0xde, 0xad, 0xbe, 0xef],
    };
    world.clients[publisher].write(MediaKind::Video, packet);
    source.play(&mut world, 200);
    let video = world.clients[viewer].of(MediaKind::Video);
    assert!(
        video
            .iter()
            .any(|p| p.payload[..] == [0, 1, 0xde, 0xad, 0xbe, 0xef])
    );
    assert_eq!(world.clients[publisher].nacks.last(), Some(&(lost as u16)));
}

#[test]
fn keyframe_requests_are_merged_and_throttled() {
    let (mut world, mut source, viewers) = on_air(2, 6);
    source.play(&mut world, 2_000);
    let publisher = source.client;
    let before = world.clients[publisher].keyframe_requests;
    for viewer in &viewers {
        world.clients[*viewer].send_pli();
        source.play(&mut world, 15);
    }
    source.play(&mut world, 1_500);
    let asked = world.clients[publisher].keyframe_requests - before;
    assert!((1..=2).contains(&asked), "{asked}");
    // Without an answer the viewers go on asking, at most twice a second in sum.
    let before = world.clients[publisher].keyframe_requests;
    for _ in 0..100 {
        for viewer in &viewers {
            world.clients[*viewer].send_pli();
        }
        world.run(20);
    }
    let asked = world.clients[publisher].keyframe_requests - before;
    assert!((3..=5).contains(&asked), "{asked} in 2 s");
}

#[test]
fn a_takeover_goes_on_where_the_old_one_ended() {
    let (mut world, mut source, viewers) = on_air(2, 2);
    source.play(&mut world, 1_000);
    let old = world.clients[source.client].session;
    let newer = world.publish(vp8());
    world.connect(newer);
    source.play(&mut world, 200);
    assert!(
        world.ended(old).is_none(),
        "the old publisher stays until the newer one sends"
    );
    let mut second = Source::new(&world, newer);
    second.seq = 7;
    second.frame = 0;
    second.play(&mut world, 2_000);
    assert_eq!(
        world.ended(old).map(|(_, reason)| reason),
        Some(EndReason::TakenOver)
    );
    assert!(
        world.clients[source.client].closed,
        "the old publisher is told"
    );
    for viewer in viewers {
        let video = world.clients[viewer].of(MediaKind::Video);
        let ssrc = video[0].header.ssrc;
        assert!(video.iter().all(|p| p.header.ssrc == ssrc));
        let switch = video
            .windows(2)
            .position(|p| place(p[1]).0 < place(p[0]).0)
            .unwrap();
        let (last, first) = (video[switch], video[switch + 1]);
        assert_eq!(*first.seq_no, *last.seq_no + 1);
        assert_eq!(first.payload[..2], [0x10, 0x00], "at a keyframe");
        let ticks = first.header.timestamp.wrapping_sub(last.header.timestamp);
        assert!((1..90_000 * 3).contains(&ticks), "{ticks}");
        assert!(video.len() > switch + 100, "the second goes on");
        assert!(
            world.ended(world.clients[viewer].session).is_none(),
            "viewers stay"
        );
    }
}

#[test]
fn an_offer_that_never_connects_throws_nobody_out() {
    let (mut world, mut source, _) = on_air(1, 1);
    let dead = world.publish(vp8());
    world.clients[dead].frozen = true;
    source.play(&mut world, 31_000);
    let dead = world.clients[dead].session;
    let reason = world.ended(dead).map(|(_, reason)| reason);
    assert_eq!(reason, Some(EndReason::NeverConnected));
    assert!(world.ended(world.clients[source.client].session).is_none());
    assert!(world.live.is_some());
}

#[test]
fn of_two_publishers_that_connect_the_newer_stays() {
    let mut world = World::new(1);
    let older = world.publish(vp8());
    let newer = world.publish(vp8());
    world.connect(older);
    world.connect(newer);
    Source::new(&world, newer).play(&mut world, 200);
    Source::new(&world, older).play(&mut world, 200);
    let reason = |client: usize| world.ended(world.clients[client].session).map(|(_, r)| r);
    assert_eq!(reason(older), Some(EndReason::TakenOver));
    assert_eq!(reason(newer), None);
}

#[test]
fn a_silent_publisher_is_lost_after_five_seconds_and_gone_after_thirty() {
    let (mut world, mut source, viewers) = on_air(1, 1);
    source.play(&mut world, 500);
    let publisher = source.client;
    world.clients[publisher].frozen = true;
    let cut = world.now - world.start;
    world.run(6_000);
    let lost = world.lost_at(world.clients[publisher].session);
    assert_eq!(lost.len(), 1);
    let after = lost[0] - cut;
    assert!(
        (Duration::from_secs(5)..Duration::from_millis(5_200)).contains(&after),
        "{after:?}"
    );
    assert!(world.live.is_none());
    assert!(
        world.ended(world.clients[viewers[0]].session).is_none(),
        "the viewer waits"
    );
    world.run(25_000);
    let (at, reason) = world.ended(world.clients[publisher].session).unwrap();
    assert_eq!(reason, EndReason::TimedOut);
    let after = at - cut;
    assert!(
        (Duration::from_secs(30)..Duration::from_millis(30_200)).contains(&after),
        "{after:?}"
    );
}

#[test]
fn another_publisher_takes_over_from_a_lost_one_and_keeps_the_stream() {
    let (mut world, mut source, viewers) = on_air(1, 1);
    source.play(&mut world, 500);
    let publisher = source.client;
    world.clients[publisher].frozen = true;
    world.run(6_000);
    let newer = world.publish(vp8());
    world.connect(newer);
    let mut second = Source::new(&world, newer);
    second.play(&mut world, 1_000);
    let ended = world.ended(world.clients[publisher].session);
    assert_eq!(
        ended.map(|(_, reason)| reason),
        Some(EndReason::TakenOver),
        "what comes of it later is nobody's"
    );
    let video = world.clients[viewers[0]].of(MediaKind::Video);
    assert!(place(video[video.len() - 1]).0 > 10);
    let gaps = video
        .windows(2)
        .filter(|p| *p[1].seq_no != *p[0].seq_no + 1)
        .count();
    assert_eq!(gaps, 0);
}

#[test]
fn a_lost_publisher_that_says_goodbye_ends_its_session_at_once() {
    let (mut world, mut source, _) = on_air(1, 0);
    source.play(&mut world, 500);
    let session = world.clients[source.client].session;
    world.clients[source.client].frozen = true;
    world.run(6_000);
    let now = world.now;
    assert!(world.shards[0].handle_end(now, session));
    world.run(100);
    let ended = world.ended(session);
    assert_eq!(ended.map(|(_, reason)| reason), Some(EndReason::Closed));
}

#[test]
fn a_publisher_without_media_is_gone_too() {
    let (mut world, mut source, _) = on_air(1, 0);
    source.play(&mut world, 500);
    world.run(16_000);
    let ended = world.ended(world.clients[source.client].session);
    assert_eq!(ended.map(|(_, reason)| reason), Some(EndReason::TimedOut));
}

#[test]
fn goodbyes_are_heard_at_once() {
    let (mut world, mut source, viewers) = on_air(2, 2);
    source.play(&mut world, 500);
    world.clients[viewers[0]].rtc.close().unwrap();
    let publisher = source.client;
    world.clients[publisher].rtc.close().unwrap();
    world.run(100);
    for client in [viewers[0], publisher] {
        let ended = world.ended(world.clients[client].session);
        assert_eq!(ended.map(|(_, reason)| reason), Some(EndReason::Closed));
    }
    let session = world.clients[viewers[1]].session;
    let now = world.now;
    let found: Vec<bool> = world
        .shards
        .iter_mut()
        .map(|s| s.handle_end(now, session))
        .collect();
    assert_eq!(found.iter().filter(|f| **f).count(), 1);
    world.run(100);
    assert!(world.clients[viewers[1]].closed);
    let stats = world.shards.iter_mut().map(|s| s.stats());
    assert_eq!(
        stats
            .map(|s| s.viewers + s.publishers + s.streams)
            .sum::<u64>(),
        0
    );
}

#[test]
fn reports_keep_audio_and_video_together() {
    let mut world = World::new(2);
    let publisher = world.publish(vp8());
    world.connect(publisher);
    let mut source = Source::new(&world, publisher);
    // The encoder needs 90 ms; by arrival alone video would lag audio by that.
    source.video_delay = Duration::from_millis(90);
    source.play(&mut world, 500);
    let viewer = world.view(1, vp8()).unwrap();
    source.play(&mut world, 12_000);
    let client = &world.clients[viewer];
    // RTP time to NTP by the last report, less the capture time that the payload tells.
    let offset = |kind: MediaKind, rate: f64| {
        let packets = client.of(kind);
        let packet = packets[packets.len() - 1];
        let info = packet.last_sender_info.expect("a sender report came");
        let ticks = packet
            .header
            .timestamp
            .wrapping_sub(info.rtp_time.numer() as u32) as i32;
        let ntp = info
            .ntp_time
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap()
            .as_secs_f64();
        let captured = match kind {
            MediaKind::Video => place(packet).0 as f64 * 0.033_333,
            MediaKind::Audio => {
                u64::from_be_bytes(packet.payload[1..9].try_into().unwrap()) as f64 * 0.020
            }
        };
        ntp + f64::from(ticks) / rate - captured
    };
    let (video, audio) = (
        offset(MediaKind::Video, 90_000.0),
        offset(MediaKind::Audio, 48_000.0),
    );
    let skew = (video - audio) * 1_000.0;
    assert!(skew.abs() < 5.0, "audio and video are {skew:.1} ms apart");
}

#[test]
fn no_report_comes_before_media() {
    // A report that maps RTP time 0 to now would be believed.
    let (mut world, mut source, viewers) = on_air(1, 1);
    source.play(&mut world, 3_000);
    let client = &world.clients[viewers[0]];
    for kind in [MediaKind::Video, MediaKind::Audio] {
        for packet in client.of(kind) {
            if let Some(info) = packet.last_sender_info {
                let ticks = packet
                    .header
                    .timestamp
                    .wrapping_sub(info.rtp_time.numer() as u32) as i32;
                assert!(ticks.unsigned_abs() < 10 * 90_000, "{kind:?} {ticks}");
            }
        }
    }
}

#[test]
fn the_tap_gives_media_in_order_and_on_one_timeline() {
    let mut world = World::new(2);
    world.home().handle_tap(STREAM, true);
    let publisher = world.publish(vp8());
    world.connect(publisher);
    let mut source = Source::new(&world, publisher);
    source.play(&mut world, 1_000);
    world.loss = 0.03;
    source.play(&mut world, 3_000);
    world.loss = 0.0;
    source.play(&mut world, 500);
    let video: Vec<_> = world
        .tapped
        .iter()
        .filter(|p| p.kind == weir_media::Kind::Video)
        .collect();
    assert!(video.len() > 120 * PACKETS_PER_FRAME as usize);
    let seq = |p: &weir_media::RtpPacket| u16::from_be_bytes([p.packet[2], p.packet[3]]);
    let gaps = video
        .windows(2)
        .filter(|p| seq(p[1]) != seq(p[0]).wrapping_add(1))
        .count();
    assert!(gaps <= 2, "{gaps}");
    assert!(video.windows(2).all(|p| p[1].time >= p[0].time));
    assert!(video[0].keyframe && video.iter().all(|p| p.packet[0] == 0x80));
    assert!(
        world
            .tapped
            .iter()
            .any(|p| p.kind == weir_media::Kind::Audio)
    );
}
