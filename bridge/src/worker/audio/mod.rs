//! Sound: AAC to Opus for WebRTC, Opus to AAC for HLS, and each passed on to where it fits.

mod aac;
mod clock;
mod pcm;
mod spacing;
mod stage;
mod transcode;

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use weir_media::{AudioCodec, Kind, MediaTime, RtpPacket};

use super::{
    depacketize::{AudioOrder, opus_duration},
    outbox::Outbox,
    rtp::{AUDIO_CLOCK, RtpTrack, nanos},
    segment::{AudioTrack, Segmenter},
};
use crate::{
    doctor::Meter,
    source::{AccessUnit, SourceFormat},
};

pub use aac::AacConfig;

use clock::FrameClock;
use spacing::Spaced;
use transcode::{Target, Transcoder};

/// Opus for viewers. Transparent for stereo music.
const OPUS_BITRATE: u32 = 128_000;

/// AAC for HLS.
const AAC_BITRATE: u32 = 160_000;

/// One source's sound.
pub struct AudioPath {
    source: Source,
    hls: Arc<Mutex<Segmenter>>,
}

enum Source {
    /// RTMP's AAC: to Opus for WebRTC, as it is for HLS.
    Aac {
        config: AacConfig,
        clock: FrameClock,
        opus: Transcoder,
    },
    /// Enhanced RTMP's Opus: as it is for WebRTC, to AAC for HLS.
    Opus {
        track: RtpTrack,
        spaced: Spaced,
        aac: Transcoder,
    },
    /// WHIP's Opus: the SFU has it already; to AAC for HLS.
    Rtp { order: AudioOrder, aac: Transcoder },
}

impl AudioPath {
    /// The path of a source's format; `meter` measures the sound where it is decoded. Errors say what about it cannot be used.
    pub fn new(
        format: &SourceFormat,
        outbox: &Outbox,
        hls: &Arc<Mutex<Segmenter>>,
        meter: Meter,
    ) -> anyhow::Result<Self> {
        let source = match format {
            SourceFormat::Audio {
                codec: AudioCodec::Aac,
                config,
            } => {
                let config = AacConfig::parse(config)?;
                lock(hls).start_audio(AudioTrack {
                    config: config.record.clone(),
                    codec: config.codec_string(),
                    rate: config.rate,
                    frame: config.frame,
                    channels: config.channels,
                    bitrate: AAC_BITRATE,
                });
                let to = Target::Opus {
                    bitrate: OPUS_BITRATE,
                    deliver: opus_packets(Spaced::start(outbox.clone())?),
                };
                let opus = Transcoder::start(transcode::aac_caps(&config), to, meter)?;
                Source::Aac {
                    clock: FrameClock::new(config.rate, config.frame),
                    config,
                    opus,
                }
            }
            SourceFormat::Audio {
                codec: AudioCodec::Opus,
                ..
            } => Source::Opus {
                track: RtpTrack::new(Kind::Audio),
                spaced: Spaced::start(outbox.clone())?,
                aac: opus_to_aac(hls, meter)?,
            },
            SourceFormat::RtpAudio => Source::Rtp {
                order: AudioOrder::default(),
                aac: opus_to_aac(hls, meter)?,
            },
            SourceFormat::Video { .. } | SourceFormat::RtpVideo { .. } => {
                anyhow::bail!("this format is no sound")
            }
        };
        Ok(Self {
            source,
            hls: hls.clone(),
        })
    }

    /// Takes one frame of an RTMP publisher.
    pub fn unit(&mut self, unit: &AccessUnit) {
        match &mut self.source {
            Source::Aac {
                config,
                clock,
                opus,
            } => {
                let time = clock.place(unit.pts);
                lock(&self.hls).audio(time, unit.data.clone());
                opus.push(
                    unit.pts,
                    nanos(config.frame.into(), config.rate.into()),
                    &unit.data,
                );
            }
            Source::Opus { track, spaced, aac } => {
                spaced.push(unit.pts, track.opus(unit.pts, false, &unit.data));
                aac.push(unit.pts, opus_duration(&unit.data), &unit.data);
            }
            Source::Rtp { .. } => {}
        }
    }

    /// Takes one packet of a WHIP publisher.
    pub fn rtp(&mut self, packet: RtpPacket) {
        let Source::Rtp { order, aac } = &mut self.source else {
            return;
        };
        order.push(packet, |time, payload| {
            aac.push(time, opus_duration(payload), payload)
        });
    }

    /// Lets everything come out.
    pub fn finish(self) {
        match self.source {
            Source::Aac {
                opus: transcoder, ..
            }
            | Source::Opus {
                aac: transcoder, ..
            }
            | Source::Rtp {
                aac: transcoder, ..
            } => transcoder.finish(),
        }
    }
}

/// Sends Opus packets to viewers.
fn opus_packets(mut spaced: Spaced) -> Box<dyn FnMut(u64, Bytes) + Send> {
    let mut track = RtpTrack::new(Kind::Audio);
    let mut next = None;
    Box::new(move |sample: u64, packet: Bytes| {
        let time: MediaTime = nanos(sample, AUDIO_CLOCK);
        // RFC 3551, section 4.1: the marker is the first packet after a silence that was not sent.
        let marker = next != Some(sample);
        next = Some(sample + transcode::OPUS_FRAME as u64);
        spaced.push(time, track.opus(time, marker, &packet));
    })
}

fn opus_to_aac(hls: &Arc<Mutex<Segmenter>>, meter: Meter) -> anyhow::Result<Transcoder> {
    let config = AacConfig::stereo_48k();
    lock(hls).start_audio(AudioTrack {
        config: config.record.clone(),
        codec: config.codec_string(),
        rate: config.rate,
        frame: config.frame,
        channels: config.channels,
        bitrate: AAC_BITRATE,
    });
    let hls = hls.clone();
    let deliver = Box::new(move |sample, frame| lock(&hls).audio(sample, frame));
    Transcoder::start(
        transcode::opus_caps(),
        Target::Aac {
            bitrate: AAC_BITRATE,
            deliver,
        },
        meter,
    )
}

fn lock(hls: &Mutex<Segmenter>) -> std::sync::MutexGuard<'_, Segmenter> {
    hls.lock().unwrap_or_else(PoisonError::into_inner)
}
