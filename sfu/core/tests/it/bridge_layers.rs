//! The bridge as a source of several layers on one clock.

use std::time::{Duration, Instant};

use str0m::media::MediaKind;
use weir_media::{Kind, RtpLayer, RtpPacket, RtpTracks, VideoCodec};
use weir_sfu_core::{IngestId, LayerChoice, LayerId};

use crate::world::{STREAM, World, vp8};

/// Names and sizes, and how many packets a picture has.
const RUNGS: [(&str, u16, u64); 3] = [("720p", 720, 4), ("360p", 360, 2), ("180p", 180, 1)];

/// Encodes 30 pictures a second on each layer: equal timestamps, keyframes at the same instants.
/// Picture and layer stand in the payload.
struct Ladder {
    id: IngestId,
    seqs: [u16; 3],
    picture: u64,
    gop: u64,
    asked: usize,
    begun: Instant,
}

impl Ladder {
    fn begin(world: &mut World, gop: u64) -> Self {
        let ladder = Self {
            id: IngestId(1),
            seqs: [65_500, 100, 33_000],
            picture: 0,
            gop,
            asked: 0,
            begun: world.now,
        };
        let now = world.now;
        world.home().handle_ingest_begin(now, STREAM, ladder.id);
        ladder.start(world);
        ladder
    }

    fn start(&self, world: &mut World) {
        let tracks = RtpTracks {
            video: Some(VideoCodec::Vp8),
            audio: false,
        };
        let layers = RUNGS.map(|(name, height, parts)| RtpLayer {
            name: name.to_owned(),
            width: (height * 16 / 9).into(),
            height: height.into(),
            bitrate: parts as u32 * 216_000,
        });
        let now = world.now;
        world
            .home()
            .handle_ingest_start(now, STREAM, self.id, tracks, &layers);
    }

    fn play(&mut self, world: &mut World, millis: u64) {
        for _ in 0..millis {
            world.run(1);
            let elapsed = (world.now - self.begun).as_micros() as u64;
            while self.picture * 33_333 <= elapsed {
                self.encode(world);
            }
        }
    }

    fn encode(&mut self, world: &mut World) {
        let asked = world.bridge_keyframes > self.asked;
        self.asked = world.bridge_keyframes;
        let key = asked || self.picture.is_multiple_of(self.gop);
        for (layer, (_, height, parts)) in RUNGS.into_iter().enumerate() {
            for part in 0..parts {
                let mut bytes = vec![0x80, if part + 1 == parts { 0xe0 } else { 0x60 }];
                bytes.extend(self.seqs[layer].to_be_bytes());
                bytes.extend((self.picture as u32 * 3_000).to_be_bytes());
                bytes.extend([0, 0, 0, 9]);
                // VP8: descriptor, frame tag, and in a keyframe start code and size.
                bytes.extend([if part == 0 { 0x10 } else { 0 }, u8::from(!key), 0, 0]);
                let width = (height * 16 / 9).to_le_bytes();
                let height = height.to_le_bytes();
                bytes.extend([0x9d, 0x01, 0x2a, width[0], width[1], height[0], height[1]]);
                bytes.extend(self.picture.to_be_bytes());
                bytes.push(layer as u8);
                bytes.resize(900, 0);
                self.seqs[layer] = self.seqs[layer].wrapping_add(1);
                let packet = RtpPacket {
                    kind: Kind::Video,
                    layer: layer as u8,
                    time: self.picture * 33_333_333,
                    keyframe: key,
                    packet: bytes.into(),
                };
                let (now, last) = (world.now, part + 1 == parts);
                world
                    .home()
                    .handle_ingest_packet(now, STREAM, self.id, &packet, last, false);
            }
        }
        self.picture += 1;
    }
}

/// Picture and layer of a packet.
fn place(payload: &[u8]) -> (u64, u8) {
    let picture = payload[11..19].try_into().unwrap();
    (u64::from_be_bytes(picture), payload[19])
}

/// Plays until the viewer gets a layer, and a second more. Gives the milliseconds it took.
fn choose(world: &mut World, ladder: &mut Ladder, viewer: usize, choice: &str, layer: u8) -> u64 {
    let (now, session) = (world.now, world.clients[viewer].session);
    let choice = LayerChoice::Layer(choice.to_owned());
    assert!(
        world
            .shards
            .iter_mut()
            .any(|shard| shard.handle_choice(now, session, choice.clone()))
    );
    let mut took = 0;
    while world.clients[viewer]
        .received
        .last()
        .map(|(_, p)| place(&p.payload).1)
        != Some(layer)
    {
        ladder.play(world, 1);
        took += 1;
        assert!(took < 5_000, "never came to layer {layer}");
    }
    ladder.play(world, 1_000);
    took
}

#[test]
fn a_viewer_moves_on_the_ladder_without_a_gap() {
    for (shards, gop) in [(1, 30), (2, 300)] {
        let mut world = World::new(shards);
        let mut ladder = Ladder::begin(&mut world, gop);
        ladder.play(&mut world, 3_000);
        let names = world.live.as_ref().unwrap().layers.clone();
        assert_eq!(names[..], RUNGS.map(|(name, ..)| name));
        let shard = usize::from(shards) - 1;
        let viewer = world.view(shard, vp8()).unwrap();
        ladder.play(&mut world, 2_000);
        world.bridge_layers.clear();
        let mut times = Vec::new();
        for (name, layer) in [
            ("180p", 2),
            ("720p", 0),
            ("360p", 1),
            ("180p", 2),
            ("360p", 1),
        ] {
            times.push(choose(&mut world, &mut ladder, viewer, name, layer));
        }
        if gop == 300 {
            // Each rung is asked for by its own name, and answers.
            for layer in 0..3 {
                let layer = Some(LayerId(layer));
                assert!(
                    world.bridge_layers.contains(&layer),
                    "{:?}",
                    world.bridge_layers
                );
            }
        }
        assert!(times.iter().all(|took| *took <= 1_500), "{times:?}");

        let video = world.clients[viewer].of(MediaKind::Video);
        let mut changes = 0;
        let settled = world.clients[viewer].received[0].0 + Duration::from_millis(1_900);
        for ((at, _), pair) in world.clients[viewer].received.iter().zip(video.windows(2)) {
            assert_eq!(*pair[1].seq_no, *pair[0].seq_no + 1);
            let (before, after) = (place(&pair[0].payload), place(&pair[1].payload));
            let ticks = pair[1]
                .header
                .timestamp
                .wrapping_sub(pair[0].header.timestamp);
            if before == after {
                assert_eq!((ticks, pair[0].header.marker), (0, false));
                continue;
            }
            if before.1 != after.1 {
                changes += 1;
                assert_eq!(pair[1].payload[..2], [0x10, 0x00], "changes at a keyframe");
            }
            // Earlier, what was before the viewer came is told faster.
            if *at <= settled {
                continue;
            }
            assert!(
                pair[0].header.marker,
                "{before:?} {after:?}: a whole picture"
            );
            // The first picture of another layer may be the one that was shown last; never an older
            // one, and none is left out.
            let again = before.1 != after.1 && after.0 == before.0;
            assert!(again || after.0 == before.0 + 1, "{before:?} {after:?}");
            let expected = if again { 1..=1 } else { 2_999..=3_000 };
            assert!(expected.contains(&ticks), "{before:?} {after:?} {ticks}");
        }
        assert!((5..=6).contains(&changes), "{changes}");
    }
}

#[test]
fn a_ladder_begins_anew_on_the_layer_that_was_watched() {
    let mut world = World::new(1);
    let mut ladder = Ladder::begin(&mut world, 30);
    ladder.play(&mut world, 2_000);
    let viewer = world.view(0, vp8()).unwrap();
    ladder.play(&mut world, 2_000);
    choose(&mut world, &mut ladder, viewer, "360p", 1);
    // The worker died, and its successor starts at zero.
    (ladder.picture, ladder.begun, ladder.seqs) = (0, world.now, [7, 8, 9]);
    ladder.start(&mut world);
    ladder.play(&mut world, 2_000);
    let video = world.clients[viewer].of(MediaKind::Video);
    assert!(video.windows(2).all(|p| *p[1].seq_no == *p[0].seq_no + 1));
    let forward = |pair: &[&str0m::rtp::RtpPacket]| {
        let ticks = pair[1]
            .header
            .timestamp
            .wrapping_sub(pair[0].header.timestamp);
        ticks < 90_000
    };
    assert!(video.windows(2).all(forward));
    let last = video[video.len() - 1];
    let (picture, layer) = place(&last.payload);
    assert!((30..60).contains(&picture), "of the new run: {picture}");
    assert_eq!(layer, 1, "by choice");
}
