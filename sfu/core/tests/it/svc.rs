//! Scalable video: what a viewer does not get leaves no gap.

use str0m::{
    RtcConfig,
    media::MediaKind,
    rtp::{RtpPacket, RtpWrite},
};
use weir_sfu_core::LayerChoice;

use crate::world::World;

/// VP9 L3T3_KEY: three spatial layers that depend on each other in keyframes alone, 30 pictures a
/// second, each of three frames of two packets.
struct Scalable {
    client: usize,
    picture: u64,
    seq: u64,
    seen: usize,
}

/// Temporal layers of a group of four.
const TEMPORAL: [u8; 4] = [0, 2, 1, 2];

impl Scalable {
    fn play(&mut self, world: &mut World, pictures: u64) {
        for _ in 0..pictures {
            world.run(33);
            self.write(world);
        }
    }

    fn write(&mut self, world: &mut World) {
        let client = &mut world.clients[self.client];
        let key = self.picture == 0 || client.keyframe_requests > self.seen;
        self.seen = client.keyframe_requests;
        let temporal = if key {
            0
        } else {
            TEMPORAL[(self.picture % 4) as usize]
        };
        let now = world.now;
        let mid = client.video.unwrap();
        let pt = client.rtc.media(mid).unwrap().remote_pts()[0];
        for spatial in 0..3_u8 {
            for part in 0..2_u8 {
                // RFC 9628 section 4.2: I, P, L, F, B, E, V, Z.
                let starts = part == 0;
                let structure = key && spatial == 0 && starts;
                let mut first = 0x80 | 0x20;
                first |= if key { 0 } else { 0x40 };
                first |= if starts { 0x08 } else { 0x04 };
                first |= if structure { 0x02 } else { 0 };
                let id = 0x8000 | (self.picture as u16 & 0x7fff);
                let mut payload = vec![first];
                payload.extend(id.to_be_bytes());
                // U, and D where it depends on the layer below.
                let up = u8::from(temporal == 0) << 4;
                let below = u8::from(key && spatial > 0);
                payload.push(temporal << 5 | up | spatial << 1 | below);
                payload.push((self.picture / 4) as u8);
                if structure {
                    payload.push(2 << 5 | 0x10);
                    for (width, height) in [(320_u16, 180_u16), (640, 360), (1_280, 720)] {
                        payload.extend(width.to_be_bytes());
                        payload.extend(height.to_be_bytes());
                    }
                }
                payload.resize(40, 0);
                payload.extend([spatial, temporal, part, u8::from(key)]);
                payload.extend(self.picture.to_be_bytes());
                payload.resize(100 << (2 * spatial).min(3), 9);
                let mut api = client.rtc.direct_api();
                let stream = api.stream_tx_by_mid(mid, None).unwrap();
                let time = (self.picture * 3_000) as u32;
                let packet = RtpWrite::new(pt, self.seq.into(), time, now, payload);
                stream.write_rtp(packet.marker(spatial == 2 && part == 1).nackable(true));
                self.seq += 1;
            }
        }
        self.picture += 1;
    }
}

/// Spatial and temporal layer, part, keyframe and number of the picture.
fn said(packet: &RtpPacket) -> (u8, u8, u8, bool, u64) {
    let p = &packet.payload;
    let number = u64::from_be_bytes(p[44..52].try_into().unwrap());
    (p[40], p[41], p[42], p[43] == 1, number)
}

#[test]
fn dropped_spatial_layers_leave_no_gap_and_pictures_end_with_a_marker() {
    let config = || {
        RtcConfig::new()
            .clear_codecs()
            .enable_opus(true, false)
            .enable_vp9(true)
    };
    let mut world = World::new(1);
    let client = world.publish(config());
    world.connect(client);
    let mut source = Scalable {
        client,
        picture: 0,
        seq: 30_000,
        seen: 0,
    };
    source.play(&mut world, 60);
    let viewer = world.view(0, config()).unwrap();
    for _ in 0..60 {
        source.play(&mut world, 1);
    }
    assert!(world.clients[viewer].connected);
    let session = world.clients[viewer].session;
    let mut from = 0;
    let mut tops = Vec::new();
    for height in [1_080, 360, 180, 360, 720] {
        let now = world.now;
        let choice = LayerChoice::MaxHeight(height);
        assert!(world.home().handle_choice(now, session, choice));
        source.play(&mut world, 120);
        let video = world.clients[viewer].of(MediaKind::Video);
        let last = video[video.len() - 1];
        let since = &video[from..];
        let on: Vec<u8> = since[since.len() - 60..]
            .iter()
            .map(|p| said(p).0)
            .collect();
        tops.push(*on.iter().max().unwrap());
        assert!(*last.seq_no > 0);
        from = video.len();
    }
    assert_eq!(tops, [2, 1, 0, 1, 2], "{}", world.live.is_some());
    let video = world.clients[viewer].of(MediaKind::Video);
    let mut have = 0;
    for pair in video.windows(2) {
        assert_eq!(*pair[1].seq_no, *pair[0].seq_no + 1);
        let (before, after) = (said(pair[0]), said(pair[1]));
        // The marker stands on the last packet of each picture and nowhere else.
        let ends = before.4 != after.4;
        assert_eq!(pair[0].header.marker, ends, "{before:?} {after:?}");
        assert_eq!(
            pair[0].header.timestamp != pair[1].header.timestamp,
            ends,
            "{before:?} {after:?}"
        );
        if ends {
            assert_eq!(after.4, before.4 + 1, "every picture");
            have = before.0;
        }
        // A spatial layer is taken up at a keyframe only.
        assert!(after.0 <= have || after.3, "{after:?} having {have}");
    }
}
