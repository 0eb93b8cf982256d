//! The rungs of a ladder, from real workers.

use std::time::Duration;

use weir_bridge::{
    config::{Ladder, Rung, WorkerConfig},
    supervisor::{SourceUnit, SourceWriter},
};
use weir_media::{Demand, HlsOutput, HlsTrack, Kind, MediaTime, VideoCodec};

use super::{
    SECOND, flv, media,
    recording::{Event, Recording, Stream, publish},
};

/// A moving picture with sound.
fn source(seconds: u32, size: &str, rate: &str, video: &str) -> Vec<SourceUnit> {
    flv::encode(&format!(
        "-f lavfi -i testsrc2=size={size}:rate={rate} -f lavfi -i sine=frequency=440:sample_rate=48000 -t {seconds} \
         -pix_fmt yuv420p -c:v libx264 -preset ultrafast -b:v 1500k {video} -c:a aac -b:a 96k"
    ))
}

/// Small rungs, so that the machine keeps up.
fn open() -> (Stream, SourceWriter) {
    let rung = |height, bitrate, frame_rate| Rung {
        height,
        bitrate,
        frame_rate,
    };
    Stream::with(WorkerConfig {
        ladder: Ladder {
            rungs: vec![rung(240, 600_000, 60), rung(144, 300_000, 30)],
            ..Ladder::default()
        },
        ..WorkerConfig::default()
    })
}

/// Publishes while somebody needs these rungs all the time.
async fn pass(units: Vec<SourceUnit>, demand: Demand) -> Recording {
    let (mut stream, writer) = open();
    stream.requester.demand.send(demand).unwrap();
    publish(&writer, units).await;
    drop(writer);
    Recording::new(stream.rest().await)
}

/// Somebody needs every rung, both ways.
pub const ALL: Demand = Demand {
    rtp: 0xff,
    hls: 0xff,
};

/// The keyframes of a layer, as viewers get them.
fn keyframes(recording: &Recording, layer: u8) -> Vec<MediaTime> {
    let pictures = recording.layer(layer).pictures();
    let keyframes = pictures.into_iter().filter(|(_, keyframe)| *keyframe);
    keyframes.map(|(time, _)| time).collect()
}

/// What a run's rungs are: name, width, height.
fn rungs(recording: &Recording) -> Vec<(String, u32, u32)> {
    let Some(HlsOutput::Start(tracks)) = recording.hls.first() else {
        panic!("no start")
    };
    let video = tracks.video.iter();
    video
        .map(|rung| (rung.name.clone(), rung.width, rung.height))
        .collect()
}

/// All that holds for rungs that run from the beginning on: same keyframes, same segments, pictures of
/// the size and codec that was announced.
fn check(recording: &Recording, expected: &[(&str, u32, u32)]) {
    let expected: Vec<_> = expected
        .iter()
        .map(|(name, w, h)| ((*name).to_owned(), *w, *h))
        .collect();
    assert!(recording.restarts.is_empty(), "{:?}", recording.restarts);
    assert_eq!(rungs(recording), expected);
    let layers: Vec<_> = recording.layers[0]
        .iter()
        .map(|layer| (layer.name.clone(), layer.width, layer.height))
        .collect();
    assert_eq!(layers, expected);
    let Some(HlsOutput::Start(tracks)) = recording.hls.first() else {
        panic!("no start")
    };
    let starts = recording.segments(HlsTrack::BEST);
    assert!(starts.len() >= 3, "{starts:?}");
    for (number, (name, width, height)) in (0_u8..).zip(&expected) {
        let layer = recording.layer(number);
        super::check_rtp(&layer);
        let stream = layer.annex_b();
        assert_eq!(media::size(&stream, "-f h264"), (*width, *height), "{name}");
        let types = media::picture_types(&stream);
        assert_eq!(
            types.len(),
            layer.pictures().len(),
            "every picture of {name} decodes"
        );
        assert!(!types.contains('B'));
        let joined = recording.segments(HlsTrack::Video(number));
        let from = starts
            .iter()
            .position(|start| Some(start) == joined.first());
        let mut expected = &starts[from.expect("joins at a segment")..];
        let mut until = MediaTime::MAX;
        if joined.len() < expected.len() && recording.was_overloaded() {
            // The machine was too slow for this rung, and the worker said so.
            println!("{name} was left out: {:?}", recording.findings);
            expected = &expected[..joined.len()];
            until = *joined.last().unwrap();
        }
        assert_eq!(joined, expected, "segments of {name}");
        assert!(
            joined.len() >= 2,
            "{name} joins soon: {joined:?} of {starts:?}"
        );
        // Before that a rung has a keyframe where it begins, and the first one where HLS does.
        let since = |layer| -> Vec<_> {
            let all = keyframes(recording, layer).into_iter();
            all.filter(|time| (joined[0]..=until).contains(time))
                .collect()
        };
        assert_eq!(since(number), since(0), "keyframes of {name}");
        let file = recording.track(0, HlsTrack::Video(number));
        assert_eq!(media::size(&file, ""), (*width, *height));
        assert!(media::brightness(&file).len() > 30);
        let codec = &tracks.video[usize::from(number)].codec;
        let at = file.windows(4).position(|bytes| bytes == b"avcC").unwrap() + 5;
        let [profile, constraints, level] = [file[at], file[at + 1], file[at + 2]];
        assert_eq!(
            *codec,
            format!("avc1.{profile:02x}{constraints:02x}{level:02x}")
        );
    }
    for track in (0..expected.len() as u8)
        .map(HlsTrack::Video)
        .chain([HlsTrack::Audio])
    {
        for (start, independent, time, duration) in recording.parts(track) {
            assert!(
                duration <= tracks.part_target,
                "{track:?} {duration:?} at {time}"
            );
            assert!(independent || !start);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn encoded_rungs_share_keyframes_and_segments() {
    // As OBS sends by default: nothing of it can pass.
    let units = source(
        7,
        "640x360",
        "30",
        "-bf 3 -b_strategy 0 -g 250 -sc_threshold 0",
    );
    let recording = pass(units, ALL).await;
    check(
        &recording,
        &[("360p", 640, 360), ("240p", 426, 240), ("144p", 256, 144)],
    );
    for start in &recording.segments(HlsTrack::BEST)[1..] {
        assert!(start % SECOND < 100_000_000, "a segment starts at {start}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn encoded_rungs_follow_the_keyframes_of_a_picture_that_passes() {
    // Scene cuts: keyframes where nobody expects them.
    let units = source(
        8,
        "640x360",
        "30",
        "-bf 0 -force_key_frames 0,1.1,2.3,3.7,4.2,5.9,7.1 -g 300",
    );
    let recording = pass(units, ALL).await;
    check(
        &recording,
        &[("360p", 640, 360), ("240p", 426, 240), ("144p", 256, 144)],
    );
    let starts = recording.segments(HlsTrack::BEST);
    assert!(
        starts.iter().any(|start| start % SECOND > 200_000_000),
        "{starts:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn b_frames_pass_to_hls_and_lower_rungs_start_segments_with_them() {
    let units = source(
        8,
        "426x240",
        "25",
        "-bf 2 -b_strategy 0 -g 25 -sc_threshold 0",
    );
    let recording = pass(units, ALL).await;
    check(&recording, &[("240p", 426, 240), ("144p", 256, 144)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn fast_portrait_pictures_of_odd_size_get_slower_rungs() {
    let units = source(7, "362x640", "60000/1001", "-bf 0 -g 60 -sc_threshold 0");
    let recording = pass(units, ALL).await;
    check(
        &recording,
        &[("362p", 362, 640), ("240p", 240, 424), ("144p", 144, 254)],
    );
    let count = |layer| recording.layer(layer).pictures().len();
    // From when it ran: the last five seconds.
    let late = |layer: u8| -> Vec<MediaTime> {
        let pictures = recording.layer(layer).pictures().into_iter();
        pictures
            .map(|(time, _)| time)
            .filter(|time| *time > 2 * SECOND)
            .collect()
    };
    let (own, lower) = (late(0), late(2));
    println!("{} pictures, {} on the lowest rung", count(0), count(2));
    assert!(
        lower.len() * 2 <= own.len() + 10,
        "{} of {}",
        lower.len(),
        own.len()
    );
    let span = lower.last().unwrap() - lower[0];
    let rate = lower.len() as f64 * 1e9 / span as f64;
    assert!((25.0..31.0).contains(&rate), "{rate} a second");
    assert!(
        lower.iter().all(|time| own.contains(time)),
        "times are the source's"
    );
    let Some(HlsOutput::Start(tracks)) = recording.hls.first() else {
        panic!("no start")
    };
    let rates: Vec<_> = tracks
        .video
        .iter()
        .filter_map(|rung| rung.frame_rate)
        .collect();
    assert!(
        (rates[0] - 59.94).abs() < 0.5 && (rates[2] - 29.97).abs() < 0.3,
        "{rates:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rung_is_made_while_somebody_needs_it() {
    let (mut stream, writer) = open();
    let units = source(14, "640x360", "30", "-bf 0 -g 30 -sc_threshold 0");
    let publisher = tokio::spawn(async move { publish(&writer, units).await });
    let mut events = Vec::new();
    let (mut on, mut off) = (None, None);
    while let Some((at, event)) = stream.events.recv().await {
        if let Event::Rtp(packet) = &event
            && packet.kind == Kind::Video
            && packet.layer == 0
        {
            if on.is_none() && packet.time > 3 * SECOND + SECOND / 2 {
                on = Some((at, packet.time));
                stream
                    .requester
                    .demand
                    .send(Demand { rtp: 2, hls: 2 })
                    .unwrap();
            } else if off.is_none() && packet.time > 6 * SECOND {
                off = Some(packet.time);
                stream.requester.demand.send(Demand::default()).unwrap();
            }
        }
        events.push((at, event));
    }
    publisher.await.unwrap();
    let dormant = events
        .iter()
        .position(|(_, event)| matches!(event, Event::Hls(HlsOutput::Dormant(HlsTrack::Video(1)))));
    let after = events[dormant.expect("it stops")..]
        .iter()
        .filter(|(_, event)| match event {
            Event::Hls(HlsOutput::Part { track, .. }) => *track == HlsTrack::Video(1),
            _ => false,
        });
    assert_eq!(after.count(), 0, "nothing comes after its end");
    let recording = Recording::new(events);
    let ((asked, time), off) = (on.unwrap(), off.unwrap());
    let lower = recording.layer(1);
    let (first, packet) = &lower.video[0];
    println!("rung after {:?}", *first - asked);
    assert!(packet.keyframe && packet.time >= time);
    assert!(*first - asked < Duration::from_secs(1));
    let last = lower.video.last().unwrap().1.time;
    assert!(last > off, "it is held for a while");
    assert!(last < time + 7 * SECOND, "and ends: {last}");
    let joined = recording.segments(HlsTrack::Video(1));
    let starts = recording.segments(HlsTrack::BEST);
    assert!(joined.iter().all(|start| starts.contains(start)));
    assert!(joined[0] > time && joined[0] < time + 2 * SECOND);
    assert!(
        recording.layer(0).pictures().len() >= 14 * 30 - 5,
        "and the first one goes on"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keyframe_is_made_for_those_who_ask_and_for_their_rung_only() {
    let (mut stream, writer) = open();
    stream.requester.demand.send(ALL).unwrap();
    let units = source(
        7,
        "640x360",
        "30",
        "-bf 2 -b_strategy 0 -g 250 -sc_threshold 0",
    );
    let publisher = tokio::spawn(async move { publish(&writer, units).await });
    let mut events = Vec::new();
    let mut asked = Vec::new();
    while let Some((at, event)) = stream.events.recv().await {
        if let Event::Rtp(packet) = &event
            && packet.kind == Kind::Video
            && packet.layer == 1
            && packet.time > 4 * SECOND + SECOND / 5
            && asked.len() < 3
        {
            // Three viewers in a row.
            stream.requester.keyframes.try_send(Some(1)).unwrap();
            asked.push((at, packet.time));
        }
        events.push((at, event));
    }
    publisher.await.unwrap();
    let recording = Recording::new(events);
    let own = keyframes(&recording, 0);
    let extra: Vec<_> = keyframes(&recording, 1)
        .into_iter()
        .skip(1)
        .filter(|time| !own.contains(time))
        .collect();
    let [extra] = extra[..] else {
        panic!("one keyframe for all three, not {extra:?}")
    };
    let late = extra - asked[0].1;
    println!(
        "keyframe {} ms after the picture at which it was asked for",
        late / 1_000_000
    );
    assert!(late < 350_000_000, "{late}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_size_makes_another_ladder() {
    let mut units = source(4, "640x360", "30", "-bf 0 -g 30 -sc_threshold 0");
    for mut unit in source(4, "426x240", "30", "-bf 0 -g 30 -sc_threshold 0") {
        if let SourceUnit::AccessUnit(unit) = &mut unit {
            unit.dts += 4 * SECOND;
            unit.pts += 4 * SECOND;
        }
        units.push(unit);
    }
    let recording = pass(units, ALL).await;
    assert!(recording.restarts.is_empty());
    let names: Vec<Vec<_>> = recording
        .layers
        .iter()
        .map(|layers| layers.iter().map(|layer| &layer.name[..]).collect())
        .collect();
    assert_eq!(names, [vec!["360p", "240p", "144p"], vec!["240p", "144p"]]);
    let lower = recording.layer(2).pictures();
    assert!(lower.len() > 60 && lower.last().unwrap().0 < 4 * SECOND + SECOND / 5);
    assert!(recording.layer(1).pictures().last().unwrap().0 > 7 * SECOND);
    assert_eq!(recording.layer(0).pictures().len(), 240);
    assert!(media::size(&recording.track(1, HlsTrack::BEST), "") == (426, 240));
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_bits_a_sample_become_eight() {
    let units = media::ten_bits(150);
    let recording = pass(units, ALL).await;
    assert!(recording.restarts.is_empty(), "{:?}", recording.restarts);
    assert_eq!(
        rungs(&recording),
        [
            ("360p".to_owned(), 640, 360),
            ("240p".to_owned(), 426, 240),
            ("144p".to_owned(), 256, 144)
        ]
    );
    for layer in [0, 1] {
        let stream = recording.layer(layer).annex_b();
        let format = media::tool(
            "ffprobe",
            "-v error -f h264 -show_entries stream=pix_fmt -of csv=p=0 {}",
            &stream,
        );
        assert!(String::from_utf8(format).unwrap().starts_with("yuv420p"));
        assert!(media::picture_types(&stream).len() > 90);
    }
    assert_eq!(
        recording
            .segments(HlsTrack::Video(1))
            .first()
            .map(|time| time / SECOND),
        recording
            .segments(HlsTrack::BEST)
            .get(1)
            .map(|time| time / SECOND),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webrtc_publisher_gets_lower_rungs_and_its_own_picture_as_hls() {
    let (mut stream, writer) = open();
    stream.requester.demand.send(ALL).unwrap();
    let units = media::large_packets(VideoCodec::H264, 180);
    let asked = async {
        // Its keyframes are 50 pictures apart.
        writer.keyframe_wanted().await;
    };
    let ((), _) = tokio::join!(asked, publish(&writer, units));
    drop(writer);
    let recording = Recording::new(stream.rest().await);
    assert!(recording.layer(0).video.is_empty(), "the SFU has these");
    let names: Vec<_> = recording.layers[0]
        .iter()
        .map(|layer| &layer.name[..])
        .collect();
    assert_eq!(names, ["360p", "240p", "144p"]);
    assert!(!recording.starts[0].audio);
    assert_eq!(
        media::size(&recording.layer(1).annex_b(), "-f h264"),
        (426, 240)
    );
    let starts = recording.segments(HlsTrack::BEST);
    // Passed on: the keyframes are the publisher's.
    assert!(
        starts
            .iter()
            .all(|start| start % (50 * SECOND / 30) < 40_000_000),
        "{starts:?}"
    );
    let joined = recording.segments(HlsTrack::Video(1));
    assert!(!joined.is_empty() && joined.iter().all(|start| starts.contains(start)));
}

#[tokio::test(flavor = "multi_thread")]
async fn viewers_that_cannot_decode_a_publishers_codec_get_h264() {
    let (mut stream, writer) = open();
    stream
        .requester
        .demand
        .send(Demand { rtp: 1, hls: 0 })
        .unwrap();
    publish(&writer, media::large_packets(VideoCodec::Vp8, 90)).await;
    drop(writer);
    let recording = Recording::new(stream.rest().await);
    let names: Vec<_> = recording.layers[0]
        .iter()
        .map(|layer| &layer.name[..])
        .collect();
    assert_eq!(names, ["h264-360p", "h264-240p", "h264-144p"]);
    let own = recording.layer(0);
    assert_eq!(media::size(&own.annex_b(), "-f h264"), (640, 360));
    assert!(own.pictures().len() > 40);
    assert!(recording.layer(1).video.is_empty());
    assert!(recording.parts(HlsTrack::Video(1)).is_empty());
}
