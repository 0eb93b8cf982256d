//! Layers that the bridge makes of a WebRTC publisher's, beside the publisher's own.

use std::{collections::VecDeque, time::Instant};

use str0m::{media::MediaKind, rtp::RtpPacket as Received};
use weir_media::{Kind, RtpLayer, RtpPacket, RtpTracks};
use weir_sfu_core::{IngestId, LayerChoice, LayerId};

use crate::world::{STREAM, Source, World, place, vp8};

/// What the publisher's packets have where those of the bridge have their layer.
const OWN: u8 = 7;

/// Between a picture's last packet in the tap and its smaller layers: what decoding, scaling and
/// encoding takes.
const TAKES: u64 = 70;

/// Makes two smaller layers of what the tap gives out: same times, keyframes when it begins and when it
/// is asked for them.
struct Maker {
    id: IngestId,
    /// Layers that are made now.
    on: [bool; 3],
    seqs: [u16; 3],
    key: [bool; 3],
    taken: usize,
    asked: usize,
    waiting: VecDeque<(Instant, u64, u64)>,
}

fn layers() -> [RtpLayer; 3] {
    [("720p", 720), ("360p", 360), ("180p", 180)].map(|(name, height)| RtpLayer {
        name: name.to_owned(),
        width: height * 16 / 9,
        height,
        bitrate: height * 1_000,
    })
}

impl Maker {
    fn begin(world: &mut World, id: u64) -> Self {
        let id = IngestId(id);
        let now = world.now;
        let home = world.home();
        home.handle_tap(STREAM, true);
        home.handle_join_begin(STREAM, id);
        world.run(1);
        let maker = Self {
            id,
            on: [false; 3],
            seqs: [0, 65_530, 100],
            key: [true; 3],
            taken: world.tapped.len(),
            asked: world.bridge_layers.len(),
            waiting: VecDeque::new(),
        };
        let tracks = RtpTracks {
            video: None,
            audio: false,
        };
        world
            .home()
            .handle_ingest_start(now, STREAM, id, tracks, &layers());
        world.run(1);
        maker
    }

    fn play(&mut self, world: &mut World, source: &mut Source, millis: u64) {
        for _ in 0..millis {
            source.play(world, 1);
            for packet in &world.tapped[self.taken..] {
                let is_last = packet.packet[1] & 0x80 != 0;
                if packet.kind == Kind::Video && is_last {
                    let frame = packet.packet[14..22].try_into().unwrap();
                    let due = world.now + std::time::Duration::from_millis(TAKES);
                    let frame = u64::from_be_bytes(frame);
                    self.waiting.push_back((due, frame, packet.time));
                }
            }
            self.taken = world.tapped.len();
            for asked in &world.bridge_layers[self.asked..] {
                self.key[usize::from(asked.unwrap().0)] = true;
            }
            self.asked = world.bridge_layers.len();
            while let Some((due, frame, time)) = self.waiting.front().copied()
                && due <= world.now
            {
                self.waiting.pop_front();
                self.encode(world, frame, time);
            }
        }
    }

    fn encode(&mut self, world: &mut World, frame: u64, time: u64) {
        for layer in 1..3_u8 {
            let index = usize::from(layer);
            if !self.on[index] {
                self.key[index] = true;
                continue;
            }
            let key = std::mem::take(&mut self.key[index]);
            let mut bytes = vec![0x80, 0xe0];
            bytes.extend(self.seqs[index].to_be_bytes());
            bytes.extend(((time * 9 / 100_000) as u32).to_be_bytes());
            bytes.extend([0, 0, 0, layer]);
            bytes.extend([0x10, u8::from(!key)]);
            bytes.extend(frame.to_be_bytes());
            bytes.extend([0, layer]);
            bytes.resize(200 + 600 / usize::from(layer), layer);
            self.seqs[index] = self.seqs[index].wrapping_add(1);
            let packet = RtpPacket {
                kind: Kind::Video,
                layer,
                time,
                keyframe: key,
                packet: bytes.into(),
            };
            let now = world.now;
            world
                .home()
                .handle_ingest_packet(now, STREAM, self.id, &packet, true, false);
        }
    }
}

fn layer_of(packet: &Received) -> u8 {
    packet.payload[11]
}

fn choose(world: &mut World, viewer: usize, name: &str) {
    let (now, session) = (world.now, world.clients[viewer].session);
    let choice = LayerChoice::Layer(name.to_owned());
    let mut shards = world.shards.iter_mut();
    assert!(shards.any(|shard| shard.handle_choice(now, session, choice.clone())));
}

/// On air with a viewer that has the publisher's own layer, and smaller ones announced.
fn on_air(shards: u16) -> (World, Source, Maker, usize) {
    let mut world = World::new(shards);
    let publisher = world.publish(vp8());
    world.connect(publisher);
    let mut source = Source::new(&world, publisher);
    source.play(&mut world, 500);
    let viewer = world.view(usize::from(shards) - 1, vp8()).unwrap();
    source.play(&mut world, 1_000);
    let maker = Maker::begin(&mut world, 9);
    (world, source, maker, viewer)
}

/// Numbers and times go on, pictures are whole and in order but for the step back to a layer that
/// takes longer, and each change is at a keyframe. Gives the layers in order.
fn holds(world: &World, viewer: usize) -> Vec<u8> {
    let video = world.clients[viewer].of(MediaKind::Video);
    let mut order = vec![layer_of(video[0])];
    for pair in video.windows(2) {
        assert_eq!(*pair[1].seq_no, *pair[0].seq_no + 1);
        let (before, after) = (place(pair[0]).0, place(pair[1]).0);
        let ticks = pair[1]
            .header
            .timestamp
            .wrapping_sub(pair[0].header.timestamp);
        assert!(ticks < 90_000, "{before} {after}: {ticks}");
        if layer_of(pair[0]) == layer_of(pair[1]) {
            assert!((before..=before + 1).contains(&after), "{before} {after}");
            continue;
        }
        assert_eq!(pair[1].payload[..2], [0x10, 0], "changes at a keyframe");
        assert!(
            (before - 4..=before + 6).contains(&after),
            "{before} {after}"
        );
        order.push(layer_of(pair[1]));
    }
    order
}

#[test]
fn viewers_move_between_the_publishers_layer_and_what_is_made_of_it() {
    for shards in [1, 2] {
        let (mut world, mut source, mut maker, viewer) = on_air(shards);
        let names = world.live.as_ref().unwrap().layers.clone();
        assert_eq!(names[..], ["720p", "360p", "180p"]);
        maker.play(&mut world, &mut source, 1_000);
        let home = world.needed[usize::from(shards) - 1];
        assert_eq!(home, 0b001, "who has room needs no other");

        let now = world.now;
        let stats = world.home().handle_stream_stats(now, STREAM);
        let menu: Vec<_> = stats
            .layers
            .iter()
            .map(|l| (l.name.as_str(), l.height, l.active, l.on_demand))
            .collect();
        let asleep = |name, height| (name, Some(height), false, true);
        let best = ("720p", Some(720), true, true);
        assert_eq!(menu, [best, asleep("360p", 360), asleep("180p", 180)]);

        // Chosen while it is not made: what there is goes on, and it is asked for.
        choose(&mut world, viewer, "180p");
        maker.play(&mut world, &mut source, 1_000);
        assert_eq!(world.needed[usize::from(shards) - 1], 0b101);
        let last = layer_of(world.clients[viewer].of(MediaKind::Video).last().unwrap());
        assert_eq!(last, OWN);
        maker.on[2] = true;
        maker.play(&mut world, &mut source, 500);
        let last = layer_of(world.clients[viewer].of(MediaKind::Video).last().unwrap());
        assert_eq!(last, 2, "it begins with the layer's first keyframe");
        assert_eq!(world.needed[usize::from(shards) - 1], 0b100);

        // Keyframes of a layer are asked of who makes it.
        let asked = world.clients[source.client].keyframe_requests;
        maker.on[1] = true;
        maker.play(&mut world, &mut source, 500);
        choose(&mut world, viewer, "360p");
        maker.play(&mut world, &mut source, 1_000);
        assert!(world.bridge_layers.contains(&Some(LayerId(1))));
        assert_eq!(world.clients[source.client].keyframe_requests, asked);
        choose(&mut world, viewer, "720p");
        maker.play(&mut world, &mut source, 1_000);
        assert!(world.clients[source.client].keyframe_requests > asked);
        assert!(!world.bridge_layers.contains(&Some(LayerId(0))));
        assert_eq!(holds(&world, viewer), [OWN, 2, 1, OWN]);

        // What is made of the publisher's layer does not come back by the tap.
        let of_video = world.tapped.iter().filter(|p| p.kind == Kind::Video);
        assert!(of_video.clone().count() > 500);
        assert!(of_video.clone().all(|p| p.packet[23] == OWN));
    }
}

#[test]
fn what_joined_may_stop_and_begin_again() {
    for shards in [1, 2] {
        let (mut world, mut source, mut maker, viewer) = on_air(shards);
        maker.on = [true; 3];
        choose(&mut world, viewer, "180p");
        maker.play(&mut world, &mut source, 1_000);

        // The rung is shed: the viewer falls back, and returns when it is there again.
        maker.on[2] = false;
        maker.play(&mut world, &mut source, 1_500);
        let video = world.clients[viewer].of(MediaKind::Video);
        assert_ne!(layer_of(video[video.len() - 1]), 2);
        maker.on[2] = true;
        maker.seqs[2] = 5;
        maker.play(&mut world, &mut source, 500);
        let video = world.clients[viewer].of(MediaKind::Video);
        assert_eq!(layer_of(video[video.len() - 1]), 2);

        // It is over for good.
        let (now, id) = (world.now, maker.id);
        world.home().handle_ingest_end(now, STREAM, id, false);
        let before = world.clients[viewer].of(MediaKind::Video).len();
        source.play(&mut world, 800);
        assert_eq!(world.live.as_ref().unwrap().layers[..], [""]);
        let video = world.clients[viewer].of(MediaKind::Video);
        assert!(video[before + 20..].iter().all(|p| layer_of(p) == OWN));
        assert!(video.len() > before + 40);
        assert_eq!(world.needed.iter().sum::<u8>(), 0);

        // Another takes its place.
        let mut maker = Maker::begin(&mut world, 10);
        maker.on = [true; 3];
        maker.play(&mut world, &mut source, 1_000);
        let video = world.clients[viewer].of(MediaKind::Video);
        assert_eq!(layer_of(video[video.len() - 1]), 2, "its choice stands");
        assert_eq!(world.bridge_replaced, 0);
    }
}

#[test]
fn what_joined_ends_with_its_publisher() {
    let (mut world, mut source, mut maker, viewer) = on_air(1);
    maker.on = [true; 3];
    choose(&mut world, viewer, "360p");
    maker.play(&mut world, &mut source, 1_000);
    let second = world.publish(vp8());
    world.connect(second);
    let mut source = Source::new(&world, second);
    source.play(&mut world, 100);
    assert_eq!(world.bridge_replaced, 1);
    assert_eq!(world.live.as_ref().unwrap().layers[..], [""]);
    // What it still sends is nobody's.
    maker.on = [true; 3];
    maker.encode(&mut world, 5, 0);
    source.play(&mut world, 500);
    let video = world.clients[viewer].of(MediaKind::Video);
    let last = video[video.len() - 1];
    assert!((10..30).contains(&place(last).0) && layer_of(last) == OWN);
    assert!(video.windows(2).all(|p| *p[1].seq_no == *p[0].seq_no + 1));
}

#[test]
fn nothing_joins_a_simulcast_or_nobody() {
    let mut world = World::new(1);
    world.home().handle_join_begin(STREAM, IngestId(1));
    world.run(1);
    assert_eq!(world.bridge_replaced, 1);
    let (publisher, _) = world.publish_layers(vp8(), &["h", "q"]).unwrap();
    world.connect(publisher);
    for seq in 0..10_u64 {
        let payload = [0x10, u8::from(seq > 0), 0, 0, 0, 0];
        let packet = crate::world::Packet {
            seq,
            time: seq as u32 * 3_000,
            wallclock: world.now,
            marker: true,
            payload: &payload,
        };
        world.clients[publisher].write_layer(MediaKind::Video, Some("h"), packet);
        world.run(33);
    }
    assert_eq!(world.live.as_ref().unwrap().layers[..], ["h", "q"]);
    world.home().handle_join_begin(STREAM, IngestId(2));
    world.run(1);
    assert_eq!(world.bridge_replaced, 2);
}
