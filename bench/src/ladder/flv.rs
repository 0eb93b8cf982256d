//! The video of an FLV file as RTMP would bring it.

use std::path::Path;

use anyhow::ensure;
use bytes::{Buf, Bytes};
use weir_bridge::{
    link::message::ToWorker,
    source::{AccessUnit, SourceFormat},
};
use weir_media::{Kind, VideoCodec};

/// Bytes before the first tag.
const FILE_HEADER: usize = 9 + 4;

/// Bytes of a tag's header, and of the length that follows its body.
const TAG: (usize, usize) = (11, 4);

/// Reads the H.264 of a file that FFmpeg wrote.
pub(super) fn read(file: &Path) -> anyhow::Result<Vec<ToWorker>> {
    let mut bytes = Bytes::from(std::fs::read(file)?);
    ensure!(bytes.len() > FILE_HEADER, "the source is empty");
    bytes.advance(FILE_HEADER);
    let mut messages = Vec::new();
    while bytes.len() > TAG.0 {
        let kind = bytes.get_u8();
        let size = bytes.get_uint(3) as usize;
        let time = bytes.get_uint(3) | u64::from(bytes.get_u8()) << 24;
        bytes.advance(3);
        ensure!(bytes.len() >= size + TAG.1, "the source is cut off");
        let mut body = bytes.split_to(size);
        bytes.advance(TAG.1);
        if kind != 9 || body.len() < 5 {
            continue;
        }
        let keyframe = body.get_u8() >> 4 == 1;
        let packet = body.get_u8();
        let composition = body.get_uint(3);
        match packet {
            0 => messages.push(ToWorker::Format(SourceFormat::Video {
                layer: 0,
                codec: VideoCodec::H264,
                config: body,
            })),
            1 => messages.push(ToWorker::Unit {
                unit: AccessUnit {
                    kind: Kind::Video,
                    layer: 0,
                    dts: time * 1_000_000,
                    pts: (time + composition) * 1_000_000,
                    keyframe,
                    data: body,
                },
                replay: false,
            }),
            _ => {}
        }
    }
    Ok(messages)
}
