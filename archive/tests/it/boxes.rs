//! Media in the form of the worker's, with samples that nobody decodes.

use std::time::Duration;

use bytes::Bytes;
use weir_media::{HlsAudio, HlsOutput, HlsTrack, HlsTracks, HlsVideo};

pub const SECOND: u64 = 1_000_000_000;

/// Ticks a second of both tracks.
const RATE: u64 = 1_000;

fn put(kind: &[u8; 4], content: &[&[u8]]) -> Vec<u8> {
    let length = 8 + content.iter().map(|it| it.len()).sum::<usize>();
    let mut out = Vec::from((length as u32).to_be_bytes());
    out.extend_from_slice(kind);
    content.iter().for_each(|it| out.extend_from_slice(it));
    out
}

fn numbers(values: &[u32]) -> Vec<u8> {
    values.iter().flat_map(|it| it.to_be_bytes()).collect()
}

/// `name` makes it another codec configuration.
pub fn init(track: HlsTrack, name: &str) -> Bytes {
    let handler: &[u8] = match track {
        HlsTrack::Video(_) => b"vide",
        HlsTrack::Audio => b"soun",
    };
    let stsd = put(
        b"stsd",
        &[&numbers(&[0, 1]), &put(b"test", &[name.as_bytes()])],
    );
    let minf = put(b"minf", &[&put(b"stbl", &[&stsd])]);
    let mdhd = put(b"mdhd", &[&numbers(&[0, 0, 0, RATE as u32, 0, 0])]);
    let hdlr = put(b"hdlr", &[&numbers(&[0, 0]), handler, &[0; 13]]);
    let mdia = put(b"mdia", &[&mdhd, &hdlr, &minf]);
    let tkhd = put(b"tkhd", &[&[0; 84]]);
    let trak = put(b"trak", &[&tkhd, &mdia]);
    [put(b"ftyp", &[b"iso6\0\0\0\0"]), put(b"moov", &[&trak])]
        .concat()
        .into()
}

/// What a run begins with.
pub fn start(name: &str) -> Vec<HlsOutput> {
    let tracks = HlsTracks {
        video: vec![HlsVideo {
            name: "720p".into(),
            codec: "avc1.64001f".into(),
            width: 1280,
            height: 720,
            frame_rate: Some(2.0),
            bitrate: 1_000,
        }],
        audio: Some(HlsAudio {
            codec: "mp4a.40.2".into(),
            bitrate: 1_000,
            channels: 2,
        }),
        target_duration: Duration::from_secs(1),
        part_target: Duration::from_millis(500),
    };
    let mut out = vec![HlsOutput::Start(tracks)];
    for track in [HlsTrack::BEST, HlsTrack::Audio] {
        let data = init(track, name);
        out.push(HlsOutput::Init { track, data });
    }
    out
}

/// Half a second of a track, of two samples; the first of each second is a keyframe.
pub fn part(track: HlsTrack, half: u64) -> HlsOutput {
    let starts = half.is_multiple_of(2);
    let time = half * SECOND / 2;
    let mut data = Vec::new();
    if starts {
        data = put(b"styp", &[b"msdh\0\0\0\0msdhmsix"]);
    }
    let name = format!("{track:?} {half:08}");
    let half_name = name.len() / 2;
    let sample = |size: usize, key: bool| {
        let flags = if key { 0x0200_0000 } else { 0x0101_0000 };
        [250, size as u32, flags, 0]
    };
    let is_key = starts || track == HlsTrack::Audio;
    let mut trun = vec![0x0100_0f01, 2, 0];
    trun.extend(sample(half_name, is_key));
    trun.extend(sample(name.len() - half_name, track == HlsTrack::Audio));
    let moof = |trun: &[u32]| {
        let decode = half * RATE / 2;
        let tfdt = put(b"tfdt", &[&numbers(&[0x0100_0000, 0, decode as u32])]);
        let traf = put(b"traf", &[&tfdt, &put(b"trun", &[&numbers(trun)])]);
        put(b"moof", &[&traf])
    };
    trun[2] = moof(&trun).len() as u32 + 8;
    data.extend(moof(&trun));
    data.extend(put(b"mdat", &[name.as_bytes()]));
    HlsOutput::Part {
        track,
        segment_start: starts,
        independent: is_key,
        time,
        duration: Duration::from_millis(500),
        data: data.into(),
    }
}

/// Both tracks from one half second to another.
pub fn parts(from: u64, to: u64) -> impl Iterator<Item = HlsOutput> {
    (from..to).flat_map(|half| [HlsTrack::BEST, HlsTrack::Audio].map(|track| part(track, half)))
}
