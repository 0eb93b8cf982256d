//! Looking at media with ffmpeg's tools.

use std::{io::Write, process::Command};

use bytes::Bytes;
use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::{AppSink, AppSrc};
use weir_bridge::{
    source::{AccessUnit, SourceFormat},
    supervisor::SourceUnit,
};
use weir_media::{Kind, RtpPacket, VideoCodec};

/// Runs a tool over a file with these bytes; `{}` in the arguments is the file.
pub fn tool(program: &str, arguments: &str, bytes: &[u8]) -> Vec<u8> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    let path = file.path().to_str().unwrap();
    let arguments: Vec<_> = arguments
        .split_whitespace()
        .map(|argument| argument.replace("{}", path))
        .collect();
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(
        output.status.success(),
        "{program}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

/// The picture types of an H.264 byte stream, in the order shown.
pub fn picture_types(annex_b: &[u8]) -> String {
    let out = tool(
        "ffprobe",
        "-v error -f h264 -select_streams v -show_entries frame=pict_type -of csv=p=0 {}",
        annex_b,
    );
    String::from_utf8(out)
        .unwrap()
        .split(|c: char| !c.is_alphabetic())
        .collect()
}

/// Width and height that a decoder finds.
pub fn size(file: &[u8], format: &str) -> (u32, u32) {
    let arguments = format!(
        "-v error {format} -select_streams v -show_entries stream=width,height -of csv=p=0 {{}}"
    );
    let text = String::from_utf8(tool("ffprobe", &arguments, file)).unwrap();
    let mut sides = text
        .trim()
        .trim_end_matches(',')
        .split(',')
        .map(|side| side.parse().unwrap());
    (sides.next().unwrap(), sides.next().unwrap())
}

/// Presentation times of a file's packets, in seconds.
pub fn times(file: &[u8]) -> Vec<f64> {
    let out = tool(
        "ffprobe",
        "-v error -show_entries packet=pts_time -of csv=p=0 {}",
        file,
    );
    let text = String::from_utf8(out).unwrap();
    text.lines()
        .map(|line| line.trim_end_matches(',').parse().unwrap())
        .collect()
}

/// Mean brightness of each frame, with its time in seconds.
pub fn brightness(file: &[u8]) -> Vec<(f64, u8)> {
    let times = times(file);
    let pixels = tool(
        "ffmpeg",
        "-v error -i {} -vf scale=1:1:flags=area,format=gray -vsync 0 -f rawvideo -",
        file,
    );
    let mut times = times;
    times.sort_by(f64::total_cmp);
    assert_eq!(times.len(), pixels.len(), "all frames decode");
    times.into_iter().zip(pixels).collect()
}

/// Where the sound rises above silence, in seconds from its first sample.
pub fn onsets(sound: &[i16], rate: f64) -> Vec<f64> {
    let mut onsets = Vec::new();
    let mut quiet = rate as usize;
    for (at, sample) in sound.iter().enumerate() {
        if sample.unsigned_abs() > 3000 {
            if quiet > (rate / 4.0) as usize {
                onsets.push(at as f64 / rate);
            }
            quiet = 0;
        } else {
            quiet += 1;
        }
    }
    onsets
}

/// Mean brightness of each picture of an H.264 byte stream.
pub fn brightness_of_stream(annex_b: &[u8]) -> Vec<u8> {
    tool(
        "ffmpeg",
        "-v error -f h264 -i {} -vf scale=1:1:flags=area,format=gray -vsync 0 -f rawvideo -",
        annex_b,
    )
}

/// The sound of an MP4 file, mono at 48 kHz.
pub fn decode_aac(file: &[u8]) -> Vec<i16> {
    samples(&tool(
        "ffmpeg",
        "-v error -i {} -ac 1 -ar 48000 -f s16le -",
        file,
    ))
}

/// The sound of Opus packets, mono at 48 kHz, from the first packet's time on.
pub fn decode_opus(packets: impl Iterator<Item = Bytes>) -> Vec<i16> {
    let pipeline = launch(
        "appsrc name=src format=time caps=audio/x-opus,channel-mapping-family=0,channels=2,rate=48000 \
         ! opusdec ! audioconvert ! audio/x-raw,format=S16LE,channels=1,rate=48000 ! appsink name=sink sync=false",
    );
    let source = pipeline
        .by_name("src")
        .unwrap()
        .downcast::<AppSrc>()
        .unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    for (at, packet) in packets.enumerate() {
        let mut buffer = gst::Buffer::from_slice(packet);
        buffer
            .get_mut()
            .unwrap()
            .set_pts(gst::ClockTime::from_mseconds(20) * at as u64);
        source.push_buffer(buffer).unwrap();
    }
    source.end_of_stream().unwrap();
    let bytes: Vec<u8> = buffers(&pipeline)
        .into_iter()
        .flat_map(|(_, _, data)| data)
        .collect();
    samples(&bytes)
}

fn samples(bytes: &[u8]) -> Vec<i16> {
    bytes
        .chunks_exact(2)
        .map(|pair| i16::from_le_bytes([pair[0], pair[1]]))
        .collect()
}

fn launch(description: &str) -> gst::Pipeline {
    gst::init().unwrap();
    gst::parse::launch(description).unwrap().downcast().unwrap()
}

/// Runs a pipeline to its end: time, keyframe, bytes of each buffer of its `sink`.
fn buffers(pipeline: &gst::Pipeline) -> Vec<(u64, bool, Bytes)> {
    let sink = pipeline
        .by_name("sink")
        .unwrap()
        .downcast::<AppSink>()
        .unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    let mut all = Vec::new();
    while let Ok(sample) = sink.pull_sample() {
        let segment = sample
            .segment()
            .unwrap()
            .downcast_ref::<gst::ClockTime>()
            .unwrap();
        let buffer = sample.buffer().unwrap();
        let time = segment
            .to_running_time(buffer.pts().unwrap())
            .unwrap()
            .nseconds();
        let keyframe = !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT);
        all.push((
            time,
            keyframe,
            Bytes::copy_from_slice(&buffer.map_readable().unwrap()),
        ));
    }
    all
}

fn encoder(codec: VideoCodec) -> &'static str {
    match codec {
        VideoCodec::H264 => {
            "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=50 ! video/x-h264,profile=baseline"
        }
        VideoCodec::Hevc => {
            "x265enc tune=zerolatency speed-preset=ultrafast key-int-max=30 ! h265parse \
             ! video/x-h265,stream-format=hvc1,alignment=au"
        }
        VideoCodec::Vp8 => "vp8enc deadline=1 threads=1 keyframe-max-dist=50",
        VideoCodec::Vp9 => "vp9enc deadline=1 cpu-used=8 threads=1 keyframe-max-dist=50",
        VideoCodec::Av1 => {
            "av1enc cpu-used=10 usage-profile=realtime threads=2 lag-in-frames=0 ! av1parse \
             ! video/x-av1,stream-format=obu-stream,alignment=tu"
        }
    }
}

const PICTURE: &str = "videotestsrc pattern=ball num-buffers={} ! video/x-raw,format=I420,width=161,height=91,framerate=30/1";

/// Access units of a codec, as Enhanced RTMP would bring them.
pub fn units(codec: VideoCodec, count: usize) -> Vec<SourceUnit> {
    let picture = PICTURE
        .replace("{}", &count.to_string())
        .replace("161", "192")
        .replace("91", "108");
    access_units(codec, &picture)
}

/// HEVC in the main 10 profile.
pub fn ten_bits(count: usize) -> Vec<SourceUnit> {
    let picture = PICTURE
        .replace("{}", &count.to_string())
        .replace("I420", "I420_10LE")
        .replace("161", "640")
        .replace("91", "360");
    access_units(VideoCodec::Hevc, &picture)
}

fn access_units(codec: VideoCodec, picture: &str) -> Vec<SourceUnit> {
    let pipeline = launch(&format!(
        "{picture} ! {} ! appsink name=sink sync=false",
        encoder(codec)
    ));
    let units = buffers(&pipeline);
    let sink = pipeline.by_name("sink").unwrap();
    let caps = sink.static_pad("sink").unwrap().current_caps().unwrap();
    let config = caps.structure(0).unwrap().get::<gst::Buffer>("codec_data");
    let config = config
        .map(|record| Bytes::copy_from_slice(&record.map_readable().unwrap()))
        .unwrap_or_default();
    let format = SourceUnit::Format(SourceFormat::Video {
        layer: 0,
        codec,
        config,
    });
    let units = units.into_iter().map(|(time, keyframe, data)| {
        SourceUnit::AccessUnit(AccessUnit {
            kind: Kind::Video,
            layer: 0,
            dts: time,
            pts: time,
            keyframe,
            data,
        })
    });
    std::iter::once(format).chain(units).collect()
}

/// RTP of a browser: video of an odd size where the codec has them, and Opus.
pub fn packets(codec: VideoCodec, count: usize) -> Vec<SourceUnit> {
    let mut picture = PICTURE.replace("{}", &count.to_string());
    if codec == VideoCodec::H264 {
        picture = picture.replace("161", "160").replace("91", "90");
    }
    rtp(codec, count, &picture)
}

/// The same of a size that has a lower rung.
pub fn large_packets(codec: VideoCodec, count: usize) -> Vec<SourceUnit> {
    let picture = PICTURE
        .replace("{}", &count.to_string())
        .replace("161", "640")
        .replace("91", "360");
    rtp(codec, count, &picture)
}

fn rtp(codec: VideoCodec, count: usize, picture: &str) -> Vec<SourceUnit> {
    let payloader = match codec {
        VideoCodec::H264 => "rtph264pay config-interval=-1 aggregate-mode=zero-latency",
        VideoCodec::Vp8 => "rtpvp8pay",
        VideoCodec::Vp9 => "rtpvp9pay",
        VideoCodec::Hevc | VideoCodec::Av1 => panic!("GStreamer 1.22 has no payloader for it"),
    };
    let video = buffers(&launch(&format!(
        "{picture} ! {} ! {payloader} mtu=1200 ! appsink name=sink sync=false",
        encoder(codec)
    )));
    let audio = buffers(&launch(&format!(
        "audiotestsrc samplesperbuffer=960 num-buffers={} ! audio/x-raw,rate=48000,channels=2 ! opusenc \
         ! rtpopuspay ! appsink name=sink sync=false",
        count * 5 / 3
    )));
    let packet = |kind, (time, _, packet)| {
        // The keyframe flag is the SFU's; the worker looks for itself.
        SourceUnit::Rtp(RtpPacket {
            kind,
            layer: 0,
            time,
            keyframe: false,
            packet,
        })
    };
    let mut media: Vec<_> = video
        .into_iter()
        .map(|buffer| packet(Kind::Video, buffer))
        .collect();
    media.extend(audio.into_iter().map(|buffer| packet(Kind::Audio, buffer)));
    media.sort_by_key(super::flv::time);
    let mut units = vec![
        SourceUnit::Format(SourceFormat::RtpVideo { codec }),
        SourceUnit::Format(SourceFormat::RtpAudio),
    ];
    units.append(&mut media);
    units
}
