//! The bridge as a source, and sources that change what they send.

use std::time::Instant;

use str0m::media::MediaKind;
use weir_media::{Kind, RtpPacket, RtpTracks, VideoCodec};
use weir_sfu_core::{EndReason, IngestId};

use crate::world::{STREAM, Source, World, h264, vp8};

struct Bridge {
    id: IngestId,
    seq: u16,
    frame: u64,
    audio: u64,
    seen_requests: usize,
    begun: Instant,
}

impl Bridge {
    fn begin(world: &mut World, id: u64) -> Self {
        let now = world.now;
        let id = IngestId(id);
        world.home().handle_ingest_begin(now, STREAM, id);
        Self {
            id,
            seq: 65_000,
            frame: 0,
            audio: 0,
            seen_requests: 0,
            begun: now,
        }
    }

    fn start(&mut self, world: &mut World) {
        let tracks = RtpTracks {
            video: Some(VideoCodec::H264),
            audio: true,
        };
        let (now, id) = (world.now, self.id);
        world
            .home()
            .handle_ingest_start(now, STREAM, id, tracks, &[]);
        world.run(1);
    }

    fn play(&mut self, world: &mut World, millis: u64) {
        for _ in 0..millis {
            world.run(1);
            let elapsed = (world.now - self.begun).as_millis() as u64;
            while self.frame * 33 <= elapsed {
                self.frame(world);
            }
            while self.audio * 20 <= elapsed {
                let time = self.audio * 20_000_000;
                let timestamp = (self.audio * 960) as u32;
                let packet = rtp(
                    Kind::Audio,
                    self.audio as u16,
                    timestamp,
                    time,
                    false,
                    &[0xfc, 1],
                );
                let (now, id) = (world.now, self.id);
                world
                    .home()
                    .handle_ingest_packet(now, STREAM, id, &packet, true, false);
                self.audio += 1;
            }
        }
    }

    fn frame(&mut self, world: &mut World) {
        let key = self.frame == 0 || world.bridge_keyframes > self.seen_requests;
        self.seen_requests = world.bridge_keyframes;
        let payloads: &[&[u8]] = if key {
            &[
                &[0x67, 0x42, 0xe0, 0x1f, 1],
                &[0x68, 1, 2],
                &[0x65, 1, 2, 3],
            ]
        } else {
            &[&[0x41, 1, 2], &[0x41, 3, 4], &[0x41, 5, 6]]
        };
        let time = self.frame * 33_000_000;
        for (part, payload) in payloads.iter().enumerate() {
            let timestamp = (self.frame * 2_970) as u32;
            let mut packet = rtp(Kind::Video, self.seq, timestamp, time, key, payload);
            if part == 2 {
                let mut bytes = packet.packet.to_vec();
                bytes[1] |= 0x80;
                packet.packet = bytes.into();
            }
            self.seq = self.seq.wrapping_add(1);
            let (now, id) = (world.now, self.id);
            world
                .home()
                .handle_ingest_packet(now, STREAM, id, &packet, part == 2, false);
        }
        self.frame += 1;
    }
}

fn rtp(
    kind: Kind,
    seq: u16,
    timestamp: u32,
    time: u64,
    keyframe: bool,
    payload: &[u8],
) -> RtpPacket {
    let mut bytes = vec![0x80, 96];
    bytes.extend(seq.to_be_bytes());
    bytes.extend(timestamp.to_be_bytes());
    bytes.extend([0, 0, 0, 9]);
    bytes.extend(payload);
    RtpPacket {
        kind,
        layer: 0,
        time,
        keyframe,
        packet: bytes.into(),
    }
}

#[test]
fn a_worker_restart_is_not_seen_by_viewers() {
    let mut world = World::new(2);
    let mut bridge = Bridge::begin(&mut world, 1);
    assert!(world.live.is_none(), "not live before its tracks are known");
    bridge.start(&mut world);
    bridge.play(&mut world, 500);
    let viewers = [
        world.view(0, h264()).unwrap(),
        world.view(1, h264()).unwrap(),
    ];
    bridge.play(&mut world, 3_000);
    let before: Vec<usize> = viewers
        .iter()
        .map(|v| world.clients[*v].of(MediaKind::Video).len())
        .collect();
    assert!(before.iter().all(|n| *n > 200), "{before:?}");

    bridge.seq = 5;
    bridge.frame = 0;
    bridge.audio = 0;
    bridge.begun = world.now;
    bridge.start(&mut world);
    bridge.play(&mut world, 2_000);
    for viewer in viewers {
        let client = &world.clients[viewer];
        assert!(world.ended(client.session).is_none());
        for kind in [MediaKind::Video, MediaKind::Audio] {
            let packets = client.of(kind);
            assert!(
                packets.windows(2).all(|p| *p[1].seq_no == *p[0].seq_no + 1),
                "{kind:?}"
            );
            let forward = packets
                .windows(2)
                .all(|p| p[1].header.timestamp.wrapping_sub(p[0].header.timestamp) < 90_000);
            assert!(forward, "{kind:?}");
        }
        let video = client.of(MediaKind::Video);
        assert_eq!(video[0].payload[0], 0x67);
        assert!(video.len() > before[0] + 150);
    }
}

#[test]
fn publisher_and_bridge_take_over_from_each_other() {
    let mut world = World::new(1);
    let mut bridge = Bridge::begin(&mut world, 1);
    bridge.start(&mut world);
    bridge.play(&mut world, 200);
    let publisher = world.publish(vp8());
    world.connect(publisher);
    bridge.play(&mut world, 100);
    assert_eq!(world.bridge_replaced, 0);
    assert_eq!(
        world.live.clone().unwrap().tracks.video,
        Some(VideoCodec::H264)
    );
    Source::new(&world, publisher).play(&mut world, 300);
    assert_eq!(world.bridge_replaced, 1);
    bridge.play(&mut world, 100);
    assert_eq!(
        world.live.clone().unwrap().tracks.video,
        Some(VideoCodec::Vp8),
        "the old source is heard no more"
    );
    let mut bridge = Bridge::begin(&mut world, 2);
    bridge.start(&mut world);
    let ended = world.ended(world.clients[publisher].session);
    assert_eq!(ended.map(|(_, reason)| reason), Some(EndReason::TakenOver));
    let (now, old) = (world.now, IngestId(1));
    world.home().handle_ingest_end(now, STREAM, old, true);
    world.run(1);
    assert!(
        world.live.is_some(),
        "the end of an old source ends nothing"
    );
    world
        .home()
        .handle_ingest_end(now, STREAM, IngestId(2), true);
    world.run(1);
    assert!(world.live.is_none());
}

#[test]
fn a_codec_that_a_viewer_lacks_ends_its_session() {
    let mut world = World::new(2);
    let publisher = world.publish(vp8());
    world.connect(publisher);
    let mut source = Source::new(&world, publisher);
    source.play(&mut world, 200);
    let viewers = [world.view(0, vp8()).unwrap(), world.view(1, vp8()).unwrap()];
    source.play(&mut world, 1_000);
    let error = world.view(0, h264()).unwrap_err().to_string();
    assert!(error.contains("VP8") && error.contains("HLS"), "{error}");
    let mut bridge = Bridge::begin(&mut world, 1);
    bridge.start(&mut world);
    bridge.play(&mut world, 200);
    for viewer in viewers {
        let ended = world.ended(world.clients[viewer].session);
        assert_eq!(ended.map(|(_, reason)| reason), Some(EndReason::Ended));
        assert!(world.clients[viewer].closed);
    }
}

/// OBS 32 with simulcast: no candidates, no MID header extension needed, layers by rid.
const OBS_SIMULCAST: &str = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n\
a=group:BUNDLE 0 1\r\na=msid-semantic:WMS *\r\na=setup:actpass\r\na=ice-ufrag:abcd\r\n\
a=ice-pwd:0123456789abcdefghijklmn\r\na=ice-options:ice2,trickle\r\n\
a=fingerprint:sha-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF\r\n\
m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=sendonly\r\na=rtcp-mux\r\n\
a=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;maxaveragebitrate=96000;stereo=1;sprop-stereo=1;useinbandfec=1\r\n\
a=ssrc:11 cname:x\r\n\
m=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=mid:1\r\na=sendonly\r\na=rtcp-mux\r\n\
a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid\r\na=extmap:2 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\n\
a=rtpmap:96 H264/90000\r\na=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\na=rtcp-fb:96 goog-remb\r\n\
a=fmtp:96 profile-level-id=42e01f;packetization-mode=1;level-asymmetry-allowed=1\r\n\
a=rid:0 send\r\na=rid:1 send\r\na=rid:2 send\r\na=simulcast:send 0;1;2\r\n";

#[test]
fn obs_gets_every_layer_and_every_candidate_in_its_answer() {
    let mut world = World::new(1);
    let (now, id) = (world.now, world.session_id());
    let answer = world
        .home()
        .handle_publish(now, STREAM, id, OBS_SIMULCAST)
        .unwrap();
    for line in [
        "a=simulcast:recv 0;1;2",
        "a=rid:0 recv",
        "a=rid:1 recv",
        "a=rid:2 recv",
        "a=setup:passive",
        "a=ice-lite",
        "a=recvonly",
        "a=rtcp-mux",
        "a=group:BUNDLE 0 1",
    ] {
        assert!(
            answer.contains(&format!("{line}\r\n")),
            "{line} is missing in\n{answer}"
        );
    }
    assert!(answer.contains("192.0.2.1 7882 typ host"), "{answer}");
    assert!(
        answer.contains("useinbandfec=1") && answer.contains(";stereo=1"),
        "{answer}"
    );
    assert!(
        !answer.contains("sendrecv") && answer.ends_with("\r\n"),
        "{answer}"
    );
}
