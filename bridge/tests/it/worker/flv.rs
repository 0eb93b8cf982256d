//! FLV files made by ffmpeg, as the access units that RTMP would bring.

use std::{path::Path, process::Command};

use bytes::{Buf, Bytes};
use weir_bridge::{
    source::{AccessUnit, SourceFormat},
    supervisor::SourceUnit,
};
use weir_media::{AudioCodec, Kind, MediaTime, VideoCodec};

/// Runs ffmpeg with these arguments and reads the FLV file that it makes.
pub fn encode(arguments: &str) -> Vec<SourceUnit> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("source.flv");
    let status = Command::new("ffmpeg")
        .args(["-v", "error", "-y"])
        .args(arguments.split_whitespace())
        .args(["-f", "flv", "-flvflags", "no_duration_filesize"])
        .arg(&file)
        .status()
        .unwrap();
    assert!(status.success());
    read(&file)
}

/// When a unit is sent: its decoding time.
pub fn time(unit: &SourceUnit) -> Option<MediaTime> {
    match unit {
        SourceUnit::AccessUnit(unit) => Some(unit.dts),
        SourceUnit::Rtp(packet) => Some(packet.time),
        SourceUnit::Format(_) | SourceUnit::Finding(_) => None,
    }
}

fn read(file: &Path) -> Vec<SourceUnit> {
    let mut bytes = Bytes::from(std::fs::read(file).unwrap());
    bytes.advance(9 + 4);
    let mut units = Vec::new();
    while bytes.len() >= 11 {
        let kind = bytes.get_u8();
        let size = bytes.get_uint(3) as usize;
        let time = bytes.get_uint(3) | u64::from(bytes.get_u8()) << 24;
        bytes.advance(3);
        let mut body = bytes.split_to(size);
        bytes.advance(4);
        let dts = time * 1_000_000;
        match kind {
            8 => {
                body.advance(1);
                units.push(match body.get_u8() {
                    0 => SourceUnit::Format(SourceFormat::Audio {
                        codec: AudioCodec::Aac,
                        config: body,
                    }),
                    _ => SourceUnit::AccessUnit(AccessUnit {
                        kind: Kind::Audio,
                        layer: 0,
                        dts,
                        pts: dts,
                        keyframe: true,
                        data: body,
                    }),
                });
            }
            9 => {
                let keyframe = body.get_u8() >> 4 == 1;
                let packet = body.get_u8();
                let composition = body.get_uint(3) as i64;
                let pts = (dts as i64 + composition * 1_000_000) as u64;
                match packet {
                    0 => {
                        let format = SourceFormat::Video {
                            layer: 0,
                            codec: VideoCodec::H264,
                            config: body,
                        };
                        units.push(SourceUnit::Format(format));
                    }
                    1 => {
                        let unit = AccessUnit {
                            kind: Kind::Video,
                            layer: 0,
                            dts,
                            pts,
                            keyframe,
                            data: body,
                        };
                        units.push(SourceUnit::AccessUnit(unit));
                    }
                    _ => {}
                }
            }
            _ => {}
        }
    }
    units
}
