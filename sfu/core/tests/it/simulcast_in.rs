//! The layers of a publisher's simulcast on their way in.

use std::{sync::Arc, time::Duration};

use str0m::{
    media::{MediaKind, Rid},
    rtp::{Extension, ExtensionSerializer, ExtensionValues, RtpWrite, Ssrc},
};
use weir_media::Kind;
use weir_sfu_core::{LayerId, MediaPacket, OfferError, PictureSize, Shard, ShardMessage};

use crate::world::{Packet, STREAM, World, vp8};

/// Widths of the layers, as OBS orders them.
const WIDTHS: [u16; 3] = [1_280, 640, 320];

/// Plays simulcast: VP8 with 30 pictures a second of two packets on each layer, each with its own
/// random timestamps, Opus none. The picture's number stands in the payload.
struct Layers {
    client: usize,
    rids: Vec<&'static str>,
    /// Layers that send.
    on: Vec<bool>,
    /// How long after its capture each leaves.
    delays: Vec<u64>,
    seqs: Vec<u64>,
    next: Vec<u64>,
    begun: std::time::Instant,
}

impl Layers {
    /// On air, with every packet given from one shard to another so that it can be seen.
    fn on_air(rids: &[&'static str]) -> (World, Self, String) {
        let mut world = World::new(2);
        let (client, answer) = world.publish_layers(vp8(), rids).unwrap();
        world.connect(client);
        let now = world.now;
        let shard = 1 - Shard::home(STREAM, 2);
        let subscribe = ShardMessage::Subscribe {
            stream: STREAM,
            shard,
        };
        world.home().handle_message(now, subscribe);
        let count = rids.len();
        let layers = Self {
            client,
            rids: rids.to_vec(),
            on: vec![true; count],
            delays: vec![0; count],
            seqs: (0..count as u64).map(|n| 1_000 * (n + 1)).collect(),
            next: vec![0; count],
            begun: world.now,
        };
        (world, layers, answer)
    }

    fn play(&mut self, world: &mut World, millis: u64) {
        for _ in 0..millis {
            world.run(1);
            let elapsed = (world.now - self.begun).as_micros() as u64;
            for layer in 0..self.rids.len() {
                while self.next[layer] * 33_333 + self.delays[layer] * 1_000 <= elapsed {
                    self.picture(world, layer);
                }
            }
        }
    }

    fn picture(&mut self, world: &mut World, layer: usize) {
        let picture = self.next[layer];
        self.next[layer] += 1;
        if !self.on[layer] {
            return;
        }
        let key = picture == 0;
        for part in 0..2_u8 {
            let mut payload = vec![if part == 0 { 0x10 } else { 0 }, u8::from(!key)];
            if key && part == 0 {
                let width = WIDTHS[layer % WIDTHS.len()].to_le_bytes();
                payload.extend([0, 0, 0x9d, 0x01, 0x2a, width[0], width[1], 100, 0]);
            } else {
                payload.extend([7; 9]);
            }
            payload.extend(picture.to_be_bytes());
            let packet = Packet {
                seq: self.seqs[layer],
                time: 0x7000_0000 + (layer as u32) * 0x1234_5678 + picture as u32 * 3_000,
                wallclock: self.begun + Duration::from_micros(picture * 33_333),
                marker: part == 1,
                payload: &payload,
            };
            self.seqs[layer] += 1;
            let rid = Some(self.rids[layer]);
            world.clients[self.client].write_layer(MediaKind::Video, rid, packet);
        }
    }
}

fn of_layer(world: &World, layer: u8) -> Vec<Arc<MediaPacket>> {
    let packets = world.forwarded.iter().map(|(_, packet)| packet);
    packets
        .filter(|p| p.kind == Kind::Video && p.layer == LayerId(layer))
        .cloned()
        .collect()
}

fn picture(packet: &MediaPacket) -> u64 {
    u64::from_be_bytes(packet.payload[11..19].try_into().unwrap())
}

fn epochs(packets: &[Arc<MediaPacket>]) -> Vec<u64> {
    let mut epochs: Vec<u64> = packets.iter().map(|p| p.epoch.0).collect();
    epochs.dedup();
    epochs
}

#[test]
fn every_layer_arrives_as_its_own() {
    let (mut world, mut layers, answer) = Layers::on_air(&["0", "1", "2"]);
    // The large picture takes longer to encode.
    layers.delays = vec![25, 12, 0];
    layers.play(&mut world, 3_000);
    assert_eq!(world.live.as_ref().unwrap().layers[..], ["0", "1", "2"]);
    assert!(answer.contains("a=simulcast:recv 0;1;2\r\n"), "{answer}");
    for rid in ["0", "1", "2"] {
        assert!(
            answer.contains(&format!("a=rid:{rid} recv\r\n")),
            "{answer}"
        );
    }
    assert_eq!(answer.matches('\n').count(), answer.matches("\r\n").count());
    let mut runs = Vec::new();
    for layer in 0..3 {
        let packets = of_layer(&world, layer);
        assert!(packets.len() > 150, "{layer}: {}", packets.len());
        let own = epochs(&packets);
        assert_eq!(own.len(), 1);
        runs.extend(own);
        assert!(packets.windows(2).all(|p| p[1].seq == p[0].seq + 1));
        assert!(packets.iter().all(|p| p.source == packets[0].source));
        let first = &packets[0];
        assert!(first.keyframe_start && first.keyframe && packets[1].keyframe);
        assert!(packets[2..].iter().all(|p| !p.keyframe));
        let size = PictureSize {
            width: WIDTHS[usize::from(layer)],
            height: 100,
        };
        assert_eq!(first.size, Some(size));
    }
    runs.dedup();
    assert_eq!(runs.len(), 3, "each its own run");
    // The same picture has the same time on all layers, from the first on, whatever its delay, and
    // so whoever changes layers sees no jump.
    let all: Vec<_> = (0..3).map(|layer| of_layer(&world, layer)).collect();
    for of_first in all[0].iter().filter(|p| p.marker) {
        for other in &all[1..] {
            let same = other.iter().find(|p| picture(p) == picture(of_first));
            let Some(same) = same else { continue };
            let apart = same.time.abs_diff(of_first.time);
            assert!(apart < 5_000_000, "{} {apart}", picture(of_first));
        }
    }
}

#[test]
fn a_changed_ssrc_begins_a_run_of_that_layer_alone() {
    let (mut world, mut layers, _) = Layers::on_air(&["q", "h", "f"]);
    layers.play(&mut world, 1_000);
    let before: Vec<_> = (0..3).map(|l| epochs(&of_layer(&world, l))).collect();
    let source = of_layer(&world, 1)[0].source;
    let client = &mut world.clients[layers.client];
    let mid = client.video.unwrap();
    let rid = Some(Rid::from("h"));
    let mut api = client.rtc.direct_api();
    let old = api.stream_tx_by_mid(mid, rid).unwrap().ssrc();
    api.remove_stream_tx(old);
    api.declare_stream_tx(Ssrc::from(0x0bad_cafe), None, mid, rid);
    layers.seqs[1] = 50_000;
    layers.play(&mut world, 1_000);
    let packets = of_layer(&world, 1);
    let runs = epochs(&packets);
    assert_eq!(runs.len(), 2);
    assert!(runs[1] > runs[0], "{runs:?}");
    let second: Vec<_> = packets.iter().filter(|p| p.epoch.0 == runs[1]).collect();
    assert!(second.len() > 50);
    assert!(second.windows(2).all(|p| p[1].seq == p[0].seq + 1));
    assert!(packets.iter().all(|p| p.source == source));
    assert!(packets.windows(2).all(|p| p[1].time >= p[0].time));
    for layer in [0, 2] {
        assert_eq!(epochs(&of_layer(&world, layer)), before[usize::from(layer)]);
    }
    // It is still in step with the others.
    let other = of_layer(&world, 0);
    let last = second[second.len() - 1];
    let same = other.iter().find(|p| picture(p) == picture(last)).unwrap();
    assert!(same.time.abs_diff(last.time) < 5_000_000);
}

#[test]
fn a_layer_that_stops_comes_back_in_step() {
    let (mut world, mut layers, _) = Layers::on_air(&["f", "h"]);
    layers.play(&mut world, 1_000);
    layers.on[0] = false;
    layers.play(&mut world, 4_000);
    let stopped = of_layer(&world, 0).len();
    assert!(of_layer(&world, 1).len() > 2 * stopped);
    layers.on[0] = true;
    layers.play(&mut world, 1_000);
    let packets = of_layer(&world, 0);
    assert!(packets.len() > stopped + 50);
    assert_eq!(epochs(&packets).len(), 1, "the run goes on");
    assert!(packets.windows(2).all(|p| p[1].seq == p[0].seq + 1));
    let last = &packets[packets.len() - 1];
    let other = of_layer(&world, 1);
    let same = other.iter().find(|p| picture(p) == picture(last)).unwrap();
    assert!(same.time.abs_diff(last.time) < 5_000_000);
}

#[test]
fn five_layers_are_refused() {
    let mut world = World::new(1);
    let error = world
        .publish_layers(vp8(), &["0", "1", "2", "3", "4"])
        .unwrap_err();
    assert!(matches!(error, OfferError::Unprocessable(_)), "{error}");
    assert!(error.to_string().contains("at most 4"), "{error}");
    assert!(world.publish_layers(vp8(), &["0", "1", "2", "3"]).is_ok());
}

#[test]
fn keyframes_are_asked_of_every_layer() {
    let (mut world, mut layers, _) = Layers::on_air(&["0", "1", "2"]);
    layers.play(&mut world, 1_000);
    world.clients[layers.client].keyframe_rids.clear();
    let now = world.now;
    world.home().handle_keyframe_request(now, STREAM);
    layers.play(&mut world, 100);
    let rids = world.clients[layers.client].keyframe_rids.iter();
    let mut asked: Vec<String> = rids.map(ToString::to_string).collect();
    asked.sort();
    assert_eq!(asked, ["0", "1", "2"]);
}

#[test]
fn losses_of_every_layer_are_repaired() {
    let (mut world, mut layers, _) = Layers::on_air(&["0", "1", "2"]);
    layers.play(&mut world, 500);
    world.loss = 0.05;
    layers.play(&mut world, 4_000);
    world.loss = 0.0;
    layers.play(&mut world, 1_000);
    for layer in 0..3 {
        let mut seqs: Vec<u64> = of_layer(&world, layer).iter().map(|p| p.seq).collect();
        seqs.sort_unstable();
        seqs.dedup();
        let expected = seqs[seqs.len() - 1] - seqs[0] + 1;
        let got = seqs.len() as u64;
        assert!(
            got * 1_000 >= expected * 997,
            "{layer}: {got} of {expected}"
        );
    }
}

/// A dependency descriptor on its way out of a client.
#[derive(Debug)]
struct Described(Vec<u8>);

#[derive(Debug)]
struct Describe;

impl ExtensionSerializer for Describe {
    fn write_to(&self, buf: &mut [u8], values: &ExtensionValues) -> usize {
        let Some(Described(bytes)) = values.user_values.get() else {
            return 0;
        };
        buf[..bytes.len()].copy_from_slice(bytes);
        bytes.len()
    }

    fn parse_value(&self, _: &[u8], _: &mut ExtensionValues) -> bool {
        false
    }

    fn is_video(&self) -> bool {
        true
    }

    fn is_audio(&self) -> bool {
        false
    }

    fn requires_two_byte_form(&self, _: &ExtensionValues) -> bool {
        true
    }
}

#[test]
fn an_av1_publisher_tells_its_layers() {
    let uri =
        "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension";
    let config = str0m::RtcConfig::new()
        .clear_codecs()
        .enable_opus(true, false)
        .enable_av1(true)
        .set_extension(12, Extension::with_serializer(uri, Describe));
    let mut world = World::new(2);
    let (publisher, answer) = world.publish_layers(config, &[]).unwrap();
    assert!(
        answer.contains(&format!("a=extmap:12 {uri}\r\n")),
        "{answer}"
    );
    world.connect(publisher);
    let now = world.now;
    let shard = 1 - Shard::home(STREAM, 2);
    let stream = STREAM;
    let subscribe = ShardMessage::Subscribe { stream, shard };
    world.home().handle_message(now, subscribe);
    // L1T2 of 640x360: ids 0 key, 1 T0, 2 T1; targets T0 and T0+T1.
    let structure = bits(concat!(
        "11",
        "000000",
        "0000000000000001",
        "10000",
        "000000",
        "00001",
        "000111",
        "1010",
        "1010",
        "0001",
        "0",
        "100010",
        "100000",
        "0",
        "1",
        "0000001001111111",
        "0000000101100111",
    ));
    let frames = [
        (structure, &[0x18, 0x0a, 1, 2][..]),
        (vec![0xc2, 0, 2], &[0x10, 0x32, 1][..]),
        (vec![0xc1, 0, 3], &[0x10, 0x32, 2][..]),
        (vec![0xc2, 0, 4], &[0x10, 0x32, 3][..]),
    ];
    for (index, (descriptor, payload)) in frames.into_iter().enumerate() {
        let client = &mut world.clients[publisher];
        let mid = client.video.unwrap();
        let pt = client.rtc.media(mid).unwrap().remote_pts()[0];
        let mut values = ExtensionValues::default();
        values.user_values.set(Described(descriptor));
        let mut api = client.rtc.direct_api();
        let stream = api.stream_tx_by_mid(mid, None).unwrap();
        let time = index as u32 * 3_000;
        let packet = RtpWrite::new(pt, (100 + index as u64).into(), time, now, payload);
        stream.write_rtp(packet.marker(true).ext_vals(values));
        world.run(33);
    }
    let said: Vec<_> = of_layer(&world, 0)
        .iter()
        .map(|p| {
            let layers = p.scalability.expect("it was described");
            assert!(layers.starts_frame && layers.ends_frame);
            (
                layers.temporal,
                layers.switching_point,
                layers.spatial_start,
                p.keyframe_start,
            )
        })
        .collect();
    assert_eq!(
        said,
        [
            (0, true, true, true),
            (1, true, false, false),
            (0, true, false, false),
            (1, true, false, false),
        ]
    );
    let size = PictureSize {
        width: 640,
        height: 360,
    };
    assert_eq!(of_layer(&world, 0)[0].size, Some(size));
}

fn bits(bits: &str) -> Vec<u8> {
    let octets = bits.as_bytes().chunks(8);
    let octet = |chunk: &[u8]| {
        let value = chunk.iter().fold(0, |value, bit| value << 1 | (bit - b'0'));
        value << (8 - chunk.len())
    };
    octets.map(octet).collect()
}

#[test]
fn redundant_audio_is_marked() {
    let config = str0m::RtcConfig::new()
        .clear_codecs()
        .enable_opus(true, true)
        .enable_vp8(true);
    let mut world = World::new(2);
    let (publisher, answer) = world.publish_layers(config, &[]).unwrap();
    assert!(answer.contains("red/48000/2"), "{answer}");
    world.connect(publisher);
    let now = world.now;
    let shard = 1 - Shard::home(STREAM, 2);
    let stream = STREAM;
    let subscribe = ShardMessage::Subscribe { stream, shard };
    world.home().handle_message(now, subscribe);
    world.home().handle_tap(STREAM, true);
    let client = &mut world.clients[publisher];
    let mid = client.audio.unwrap();
    let opus = client.rtc.media(mid).unwrap().remote_pts()[0];
    let params = client.rtc.codec_config().params().iter();
    let red = params.filter_map(|p| p.red()).next().unwrap();
    let block = [0x80 | *opus, 0x0f, 0x00, 2, *opus, 1, 2, 3, 4, 5];
    for (seq, pt, payload) in [(7_u64, red, &block[..]), (8, opus, &[6, 7][..])] {
        let client = &mut world.clients[publisher];
        let mut api = client.rtc.direct_api();
        let stream = api.stream_tx_by_mid(mid, None).unwrap();
        let time = seq as u32 * 960;
        stream.write_rtp(RtpWrite::new(pt, seq.into(), time, now, payload));
        world.run(20);
    }
    world.run(50);
    let audio: Vec<_> = world
        .forwarded
        .iter()
        .map(|(_, p)| (p.red, p.payload.to_vec()))
        .collect();
    assert_eq!(audio, [(true, block.to_vec()), (false, vec![6, 7])]);
    let tapped: Vec<_> = world
        .tapped
        .iter()
        .map(|p| p.packet[12..].to_vec())
        .collect();
    assert_eq!(tapped, [vec![3, 4, 5], vec![6, 7]], "HLS takes plain Opus");
}

#[test]
fn the_tap_follows_the_largest_layer() {
    let (mut world, mut layers, _) = Layers::on_air(&["0", "1", "2"]);
    world.home().handle_tap(STREAM, true);
    layers.delays = vec![20, 10, 0];
    layers.play(&mut world, 2_000);
    let width = |packet: &weir_media::RtpPacket| packet.packet[12 + 7..12 + 9].to_vec();
    let keys: Vec<_> = world.tapped.iter().filter(|p| p.keyframe).collect();
    let large = keys.iter().rev().find(|p| p.packet[12] == 0x10).unwrap();
    assert_eq!(width(large), 1_280_u16.to_le_bytes());
    let ssrc = |p: &weir_media::RtpPacket| p.packet[8..12].to_vec();
    let last = &world.tapped[world.tapped.len() - 1];
    assert_eq!(ssrc(last), ssrc(large), "and stays there");
    let after = world.tapped.iter().filter(|p| ssrc(p) == ssrc(large));
    assert!(after.count() > 100);
}
