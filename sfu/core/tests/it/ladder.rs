//! A source of the tests' own: layers of VP8 that tell in their payload what they are.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use weir_media::{Kind, RtpTracks, VideoCodec};
use weir_rtp::picture_ids::{Octet, PictureId, PictureIds};
use weir_sfu_core::{Epoch, LayerId, MediaPacket, PictureSize, SourceInfo};

/// VP8 payload descriptor with picture id and TL0PICIDX, then the frame tag.
const DESCRIPTOR: usize = 6;

/// Octets of what a payload tells, with the descriptor.
const LEAST: usize = DESCRIPTOR + 1 + 8 + 1 + 8;

/// Payload of a packet that is not a frame's last.
const FULL: usize = 1_100;

/// A keyframe is so many times as large as another frame.
const KEYFRAME: f64 = 5.0;

#[derive(Debug, Clone)]
pub struct Layer {
    /// In bit/s.
    pub bitrate: u64,
    pub height: u16,
    /// Whether it sends.
    pub on: bool,
    /// From the capture to the packets.
    pub delay: Duration,
    timestamps: u32,
    epoch: Epoch,
    seq: u64,
    frame: u64,
    picture_id: u16,
    tl0: u8,
    /// A keyframe was asked for, and when.
    asked: Option<Instant>,
    /// It begins then.
    wakes: Option<Instant>,
    pub requests: u64,
    pub keyframes: u64,
}

#[derive(Debug)]
pub struct Ladder {
    pub info: SourceInfo,
    pub layers: Vec<Layer>,
    pub fps: u64,
    /// Keyframe each so often; none: only when asked.
    pub gop: Option<Duration>,
    /// After a request a keyframe comes in this time; none: it is ignored.
    pub answers: Option<Duration>,
    pub begun: Instant,
    /// A rung that is needed begins after this; none: rungs are as the test has them.
    pub wakes_in: Option<Duration>,
    audio: u64,
    random: u64,
}

/// What a payload of [`Ladder`] tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    pub layer: u8,
    pub frame: u64,
    pub part: u8,
    pub keyframe: bool,
    /// Since the world began, in microseconds.
    pub captured: u64,
    pub picture_id: u16,
    pub tl0: u8,
}

pub fn told(payload: &[u8]) -> Option<Told> {
    let number = |at: usize| {
        Some(u64::from_be_bytes(
            payload.get(at..at + 8)?.try_into().ok()?,
        ))
    };
    if payload.len() < LEAST {
        return None;
    }
    Some(Told {
        picture_id: u16::from_be_bytes([payload[2] & 0x7f, payload[3]]),
        tl0: payload[4],
        keyframe: payload[5] & 1 == 0,
        layer: payload[6],
        frame: number(7)?,
        part: payload[15],
        captured: number(16)?,
    })
}

impl Ladder {
    /// Layers by name, bit/s and height, the epoch of its first.
    pub fn new(now: Instant, epoch: u64, layers: &[(&'static str, u64, u16)]) -> Self {
        let mut random = 0x1234_5678_9abc_def1_u64 ^ epoch;
        let mut draw = || {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            random
        };
        let names: Vec<String> = layers.iter().map(|l| l.0.to_owned()).collect();
        let made = layers
            .iter()
            .zip(1..)
            .map(|((_, bitrate, height), n)| Layer {
                bitrate: *bitrate,
                height: *height,
                on: true,
                delay: Duration::from_millis(3 * n),
                timestamps: draw() as u32,
                epoch: Epoch(epoch + n),
                seq: 1_000 + draw() % 60_000,
                frame: 0,
                picture_id: draw() as u16 & 0x7fff,
                tl0: draw() as u8,
                asked: None,
                wakes: None,
                requests: 0,
                keyframes: 0,
            });
        Self {
            layers: made.collect(),
            info: SourceInfo {
                epoch: Epoch(epoch),
                tracks: RtpTracks {
                    video: Some(VideoCodec::Vp8),
                    audio: true,
                },
                layers: names.into(),
                announced: Vec::new().into(),
                h264_profile: None,
            },
            fps: 30,
            gop: None,
            answers: Some(Duration::from_millis(100)),
            begun: now,
            wakes_in: None,
            audio: 0,
            random: 7,
        }
    }

    /// A keyframe is asked of a layer, or of all.
    pub fn ask(&mut self, now: Instant, layer: Option<LayerId>) {
        for (layer_id, of) in (0..).map(LayerId).zip(&mut self.layers) {
            if layer.is_none_or(|layer| layer == layer_id) {
                of.requests += 1;
                of.asked.get_or_insert(now);
            }
        }
    }

    /// Viewers need these rungs.
    pub fn need(&mut self, now: Instant, rungs: u8) {
        let Some(wakes_in) = self.wakes_in else {
            return;
        };
        for (rung, layer) in self.layers.iter_mut().enumerate() {
            if rungs & 1 << rung != 0 && !layer.on {
                layer.wakes.get_or_insert(now + wakes_in);
            }
        }
    }

    fn frame_at(&self, frame: u64) -> Instant {
        self.begun + Duration::from_micros(frame * 1_000_000 / self.fps)
    }

    /// When the next packets come.
    pub fn due(&self) -> Instant {
        let frames = self.layers.iter().map(|l| self.frame_at(l.frame) + l.delay);
        let audio = self.begun + Duration::from_millis(self.audio * 20 + 2);
        frames.chain([audio]).min().unwrap_or(audio)
    }

    /// What comes by now, in order. `origin`: when the world began.
    pub fn take(&mut self, now: Instant, origin: Instant) -> Vec<MediaPacket> {
        let mut packets = Vec::new();
        while self.begun + Duration::from_millis(self.audio * 20 + 2) <= now {
            packets.push(self.sound(origin));
        }
        for index in 0..self.layers.len() {
            loop {
                let at = self.frame_at(self.layers[index].frame);
                if at + self.layers[index].delay > now {
                    break;
                }
                self.picture(index, at, origin, &mut packets);
            }
        }
        packets
    }

    fn sound(&mut self, origin: Instant) -> MediaPacket {
        let captured = self.begun + Duration::from_millis(self.audio * 20);
        let since = (captured - origin).as_micros() as u64;
        let mut payload = vec![0xfc];
        payload.extend(since.to_be_bytes());
        payload.resize(120, 1);
        let packet = MediaPacket {
            kind: Kind::Audio,
            seq: 500 + self.audio,
            timestamp: (self.audio * 960) as u32,
            payload: payload.into(),
            ..blank(self.info.epoch, self.info.epoch, captured, origin)
        };
        self.audio += 1;
        packet
    }

    fn picture(&mut self, index: usize, at: Instant, origin: Instant, to: &mut Vec<MediaPacket>) {
        self.random = self
            .random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let vary = 0.8 + 0.4 * (self.random >> 40) as f64 / (1_u64 << 24) as f64;
        let (fps, gop, answers, source) = (self.fps, self.gop, self.answers, self.info.epoch);
        let layer = &mut self.layers[index];
        let frame = layer.frame;
        layer.frame += 1;
        if layer.wakes.take_if(|wakes| at >= *wakes).is_some() {
            // An encoder that has just started: keyframe, numbers of its own.
            layer.on = true;
            layer.keyframes = 0;
            layer.epoch = Epoch(layer.epoch.0 + 10);
            layer.seq = self.random % 60_000;
        }
        if !layer.on {
            return;
        }
        let by_gop = gop
            .is_some_and(|gop| frame.is_multiple_of((gop.as_millis() as u64 * fps / 1_000).max(1)));
        let asked = layer
            .asked
            .zip(answers)
            .is_some_and(|(asked, takes)| at >= asked + takes);
        let key = layer.keyframes == 0 || by_gop || asked;
        if key {
            layer.asked = None;
            layer.keyframes += 1;
        }
        let of_gop = gop.map_or(300.0, |gop| gop.as_secs_f64() * fps as f64);
        let usual = layer.bitrate as f64 / 8.0 / fps as f64 * of_gop / (of_gop + KEYFRAME - 1.0);
        let octets = (usual * vary * if key { KEYFRAME } else { 1.0 }) as usize;
        let parts = octets.div_ceil(FULL).clamp(1, 250);
        layer.picture_id = layer.picture_id.wrapping_add(1) & 0x7fff;
        layer.tl0 = layer.tl0.wrapping_add(1);
        let since = (at - origin).as_micros() as u64;
        for part in 0..parts {
            let mut payload = vec![if part == 0 { 0x90 } else { 0x80 }, 0xc0];
            payload.extend((0x8000 | layer.picture_id).to_be_bytes());
            payload.extend([layer.tl0, u8::from(!key), index as u8]);
            payload.extend(frame.to_be_bytes());
            payload.push(part as u8);
            payload.extend(since.to_be_bytes());
            payload.resize((octets / parts).max(LEAST), 7);
            to.push(MediaPacket {
                layer: LayerId(index as u8),
                seq: layer.seq,
                timestamp: layer.timestamps.wrapping_add((frame * 90_000 / fps) as u32),
                marker: part + 1 == parts,
                keyframe: key,
                keyframe_start: key && part == 0,
                payload: payload.into(),
                size: (key && part == 0).then_some(PictureSize {
                    width: layer.height / 9 * 16,
                    height: layer.height,
                }),
                picture_ids: PictureIds {
                    picture_id: Some(PictureId {
                        offset: 2,
                        value: layer.picture_id,
                        long: true,
                    }),
                    tl0_pic_idx: Some(Octet {
                        offset: 4,
                        value: layer.tl0,
                    }),
                    key_idx: None,
                },
                ..blank(source, layer.epoch, at, origin)
            });
            layer.seq += 1;
        }
    }
}

fn blank(source: Epoch, epoch: Epoch, captured: Instant, origin: Instant) -> MediaPacket {
    MediaPacket {
        source,
        epoch,
        kind: Kind::Video,
        red: false,
        layer: LayerId::default(),
        seq: 0,
        timestamp: 0,
        marker: false,
        keyframe: false,
        keyframe_start: false,
        payload: Arc::from(&[][..]),
        time: (captured - origin).as_nanos() as u64,
        captured,
        h264_profile: None,
        size: None,
        picture_ids: PictureIds::default(),
        scalability: None,
    }
}
