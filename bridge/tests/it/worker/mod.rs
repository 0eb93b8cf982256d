//! Whole workers: real child processes, real codecs.

mod enhanced;
pub mod flv;
mod ladder;
mod media;
pub mod recording;
mod sync;

use std::time::{Duration, Instant};

use weir_bridge::supervisor::SourceUnit;
use weir_media::{HlsOutput, HlsTrack, Kind, MediaTime, RtpTracks, VideoCodec};

use recording::{Event, Recording, Stream, pass, publish};

const SECOND: MediaTime = 1_000_000_000;

/// A moving picture and a tone.
fn source(seconds: u32, video: &str, audio: &str) -> Vec<SourceUnit> {
    flv::encode(&format!(
        "-f lavfi -i testsrc2=size=640x360:rate=30 -f lavfi -i sine=frequency=440:sample_rate=48000 -t {seconds} \
         -pix_fmt yuv420p -c:v libx264 -preset ultrafast -b:v 1M {video} -c:a aac -b:a 96k {audio}"
    ))
}

/// What OBS sends by default: B-frames and a keyframe every 8 s.
fn like_obs(seconds: u32) -> Vec<SourceUnit> {
    source(
        seconds,
        "-bf 3 -b_strategy 0 -x264-params b-pyramid=normal:keyint=250:min-keyint=250:scenecut=0",
        "-ac 2",
    )
}

fn pictures_of(units: &[SourceUnit]) -> Vec<MediaTime> {
    let mut times: Vec<_> = units
        .iter()
        .filter_map(|unit| match unit {
            SourceUnit::AccessUnit(unit) if unit.kind == Kind::Video => Some(unit.pts),
            _ => None,
        })
        .collect();
    times.sort_unstable();
    times
}

/// Numbers without gaps, timestamps that are media time, packets that fit.
fn check_rtp(recording: &Recording) {
    for (track, rate) in [(&recording.video, 90_000_u128), (&recording.audio, 48_000)] {
        for (_, packet) in track {
            let bytes = &packet.packet;
            assert!(bytes.len() <= 1200);
            assert_eq!(bytes[0], 0x80, "no padding, extension or sources");
            let timestamp = u32::from_be_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]);
            let expected = (u128::from(packet.time) * rate + 500_000_000) / 1_000_000_000;
            assert_eq!(timestamp, expected as u32);
        }
        for pair in track.windows(2) {
            let number =
                |at: usize| u16::from_be_bytes([pair[at].1.packet[2], pair[at].1.packet[3]]);
            assert_eq!(number(1), number(0).wrapping_add(1));
        }
    }
}

/// Parts as LL-HLS wants them; gives back the segment starts of both tracks.
fn check_hls(recording: &Recording) -> [Vec<MediaTime>; 2] {
    let Some(HlsOutput::Start(tracks)) = recording.hls.first() else {
        panic!("no start")
    };
    assert!(tracks.part_target <= Duration::from_millis(250));
    [HlsTrack::BEST, HlsTrack::Audio].map(|track| {
        let parts = recording.parts(track);
        let mut starts = Vec::new();
        for (at, (start, independent, time, duration)) in parts.iter().enumerate() {
            assert!(
                *duration <= tracks.part_target,
                "{track:?} part of {duration:?} at {time}"
            );
            if *start {
                assert!(*independent);
                starts.push(*time);
            }
            let last_of_segment = parts.get(at + 1).is_none_or(|next| next.0);
            if !independent && !last_of_segment {
                assert!(
                    *duration >= tracks.part_target.mul_f64(0.85),
                    "{track:?} part of {duration:?} at {time}"
                );
            }
        }
        starts
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn b_frames_are_encoded_anew_with_a_keyframe_each_second() {
    let units = like_obs(12);
    let expected = pictures_of(&units);
    let (recording, sent) = pass(units).await;
    println!(
        "re-encoded: p50 {:?} from push to last packet",
        recording.latency(&sent)
    );
    assert_eq!(
        recording.starts,
        [RtpTracks {
            video: Some(VideoCodec::H264),
            audio: true
        }]
    );
    assert!(recording.restarts.is_empty(), "{:?}", recording.restarts);
    check_rtp(&recording);

    let pictures = recording.pictures();
    let types = media::picture_types(&recording.annex_b());
    assert!(!types.contains('B'), "{types}");
    assert_eq!(types.len(), pictures.len(), "every picture decodes");
    // A starved machine may cost a picture; losing more is a fault.
    assert!(
        pictures.len() + 30 >= expected.len() || recording.was_overloaded(),
        "{} of {}",
        pictures.len(),
        expected.len()
    );
    assert!(
        pictures.windows(2).all(|pair| pair[0].0 < pair[1].0),
        "in order"
    );
    assert!(
        pictures.iter().all(|(time, _)| expected.contains(time)),
        "times are the source's"
    );
    let mut second = None;
    for (time, keyframe) in &pictures {
        let new = second.replace(time / SECOND) != Some(time / SECOND);
        assert!(
            *keyframe || !new,
            "the first picture of a second is a keyframe, {time} is not"
        );
    }

    let [video, audio] = check_hls(&recording);
    assert!(video.len() >= 8, "{video:?}");
    for start in &video[1..] {
        assert!(start % SECOND < 150_000_000, "a segment starts at {start}");
    }
    for (video, audio) in video.iter().zip(&audio) {
        assert!(
            video.abs_diff(*audio) <= 22_000_000,
            "segments at {video} and {audio}"
        );
    }
    let Some(HlsOutput::Start(tracks)) = recording.hls.first() else {
        panic!("no start")
    };
    assert_eq!(tracks.target_duration, Duration::from_secs(1));
    for track in [HlsTrack::BEST, HlsTrack::Audio] {
        let times = media::times(&recording.track(0, track));
        let span = times.last().unwrap() - times[0];
        assert!((8.5..11.0).contains(&span), "{track:?} lasts {span}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn video_without_b_frames_is_passed_on_as_it_is() {
    let units = source(7, "-bf 0 -g 60 -sc_threshold 0", "-ar 44100 -ac 1");
    let expected = pictures_of(&units);
    let nals: Vec<Vec<u8>> = units
        .iter()
        .filter_map(|unit| match unit {
            SourceUnit::AccessUnit(unit) if unit.kind == Kind::Video => Some(&unit.data),
            _ => None,
        })
        .flat_map(|data| {
            let mut rest = &data[..];
            std::iter::from_fn(move || {
                let (size, tail) = rest.split_first_chunk::<4>()?;
                let (unit, tail) = tail.split_at(u32::from_be_bytes(*size) as usize);
                rest = tail;
                Some(unit.to_vec())
            })
        })
        .filter(|unit| matches!(unit[0] & 0x1f, 1 | 5))
        .collect();
    let (recording, sent) = pass(units).await;
    println!(
        "passed on: p50 {:?} from push to last packet",
        recording.latency(&sent)
    );
    assert_eq!(
        recording.starts,
        [RtpTracks {
            video: Some(VideoCodec::H264),
            audio: true
        }]
    );
    check_rtp(&recording);
    let times: Vec<_> = recording
        .pictures()
        .into_iter()
        .map(|(time, _)| time)
        .collect();
    assert_eq!(times, expected);
    let stream = recording.annex_b();
    let mut from = 0;
    for unit in nals {
        let found = stream[from..]
            .windows(unit.len())
            .position(|window| window == unit);
        from += found.expect("each slice of the source is in the output, in order") + unit.len();
    }

    let [video, audio] = check_hls(&recording);
    assert_eq!(
        video,
        [0, 2, 4, 6].map(|second| expected[0] + second * SECOND)
    );
    for (video, audio) in video.iter().zip(&audio) {
        assert!(
            video.abs_diff(*audio) <= 25_000_000,
            "segments at {video} and {audio}"
        );
    }
    let Some(HlsOutput::Start(tracks)) = recording.hls.first() else {
        panic!("no start")
    };
    assert_eq!(tracks.target_duration, Duration::from_secs(2));
    assert_eq!(
        media::times(&recording.track(0, HlsTrack::BEST)).len(),
        expected.len()
    );
    let sound = media::times(&recording.track(0, HlsTrack::Audio));
    assert!((6.5..7.2).contains(&(sound.last().unwrap() - sound[0])));
    // Opus packets of 20 ms without a gap.
    let times: Vec<_> = recording
        .audio
        .iter()
        .map(|(_, packet)| packet.time)
        .collect();
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] == 20_000_000));
    assert!(times.len() > 330, "{}", times.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewers_request_gets_a_keyframe_and_leaves_the_grid_alone() {
    let (mut stream, writer) = Stream::open();
    let publisher = tokio::spawn(async move { publish(&writer, like_obs(6)).await });
    let mut events = Vec::new();
    let mut asked = None;
    while let Some((at, event)) = stream.events.recv().await {
        // Asked in the middle of the third second.
        if let Event::Rtp(packet) = &event
            && packet.kind == Kind::Video
            && asked.is_none()
            && packet.time > 2 * SECOND + 400_000_000
        {
            stream.requester.keyframes.send(None).await.unwrap();
            asked = Some(packet.time);
        }
        events.push((at, event));
    }
    publisher.await.unwrap();
    let asked = asked.unwrap();
    let pictures = Recording::new(events).pictures();
    let extra: Vec<_> = pictures
        .windows(2)
        .filter(|pair| pair[1].1 && pair[1].0 > asked && pair[0].0 / SECOND == pair[1].0 / SECOND)
        .map(|pair| pair[1].0)
        .collect();
    let [extra] = extra[..] else {
        panic!("one keyframe besides the grid, not {extra:?}")
    };
    let later = pictures
        .iter()
        .filter(|(time, _)| (asked..=extra).contains(time))
        .count()
        - 1;
    println!("keyframe {later} pictures after the request was seen");
    assert!(later <= 4, "the keyframe came {later} pictures later");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_worker_is_replaced_and_the_picture_goes_on_in_the_middle_of_a_group() {
    for (name, units) in [
        ("re-encoded", like_obs(12)),
        (
            "passed on",
            source(12, "-bf 0 -g 300 -keyint_min 300 -sc_threshold 0", "-ac 2"),
        ),
    ] {
        let (mut stream, writer) = Stream::open();
        let publisher = tokio::spawn(async move { publish(&writer, units).await });
        let mut events = Vec::new();
        let (mut killed, mut last, mut back) = (None, 0, None);
        let mut starts = 0;
        while let Some((at, event)) = stream.events.recv().await {
            // What the old worker wrote may still be on its way here; what the new one writes comes
            // after its start.
            starts += usize::from(matches!(event, Event::Start(..)));
            if let Event::Rtp(packet) = &event
                && packet.kind == Kind::Video
            {
                if killed.is_none() && packet.time > 6 * SECOND {
                    stream.signal_worker("-9");
                    killed = Some(Instant::now());
                } else if starts > 1 && back.is_none() {
                    back = Some((at, packet.time, packet.keyframe));
                }
                if back.is_none() {
                    last = packet.time;
                }
            }
            events.push((at, event));
        }
        let sent = publisher.await.unwrap();
        let (at, time, keyframe) = back.expect("the picture comes back");
        let gap = at - killed.unwrap();
        let late = at - sent[&time];
        println!("{name}: picture back {gap:?} after kill -9, {late:?} old");
        assert!(keyframe, "viewers can begin there");
        assert!(time > last, "nothing is shown twice");
        assert!(gap < Duration::from_secs(2), "{gap:?}");
        let recording = Recording::new(events);
        assert_eq!(recording.restarts.len(), 1);
        assert_eq!(recording.starts.len(), 2);
        assert!(
            recording.restarts[0].contains("SIGKILL"),
            "{}",
            recording.restarts[0]
        );
        let end = recording.pictures().last().unwrap().0;
        assert!(end > 11 * SECOND, "and goes on to the end, {end}");
        assert!(recording.audio.last().unwrap().1.time > 11 * SECOND);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_may_have_only_sound_or_only_a_picture() {
    let units = source(4, "-bf 0 -g 30", "-ac 2");
    let only = |wanted: Kind| {
        let keep = |unit: &SourceUnit| match unit {
            SourceUnit::Format(format) => format.kind() == wanted,
            SourceUnit::AccessUnit(unit) => unit.kind == wanted,
            SourceUnit::Rtp(_) | SourceUnit::Finding(_) => false,
        };
        units
            .iter()
            .filter(|unit| keep(unit))
            .cloned()
            .collect::<Vec<_>>()
    };
    let (sound, _) = pass(only(Kind::Audio)).await;
    assert_eq!(
        sound.starts,
        [RtpTracks {
            video: None,
            audio: true
        }]
    );
    assert!(sound.video.is_empty() && sound.audio.len() > 180);
    let [_, starts] = check_hls(&sound);
    // AAC's last frame may reach into a fifth second.
    assert!((4..=5).contains(&starts.len()), "{starts:?}");

    let (picture, _) = pass(only(Kind::Video)).await;
    assert_eq!(
        picture.starts,
        [RtpTracks {
            video: Some(VideoCodec::H264),
            audio: false
        }]
    );
    assert_eq!(picture.pictures().len(), 120);
    let [starts, _] = check_hls(&picture);
    assert_eq!(starts.len(), 4, "{starts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_changes_its_size_goes_on() {
    let first = source(3, "-bf 0 -g 30 -s 320x180", "-ac 2");
    let mut units = first.clone();
    for mut unit in source(3, "-bf 0 -g 30 -s 640x360", "-ac 2") {
        if let SourceUnit::AccessUnit(unit) = &mut unit {
            unit.dts += 3 * SECOND;
            unit.pts += 3 * SECOND;
        }
        units.push(unit);
    }
    let (recording, _) = pass(units).await;
    check_rtp(&recording);
    assert_eq!(recording.pictures().len(), 180);
    let sizes: Vec<_> = recording
        .hls
        .iter()
        .filter_map(|output| match output {
            HlsOutput::Start(tracks) => tracks
                .video
                .first()
                .map(|video| (video.width, video.height)),
            _ => None,
        })
        .collect();
    assert_eq!(sizes, [(320, 180), (640, 360)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_in_the_stream_costs_pictures_and_nothing_else() {
    let mut units = source(5, "-bf 2 -g 30", "-ac 2");
    let mut seed = 7_u32;
    for unit in &mut units {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        if let SourceUnit::AccessUnit(unit) = unit
            && (SECOND..3 * SECOND).contains(&unit.dts)
            && seed >> 30 == 0
        {
            let mut data = unit.data.to_vec();
            for at in (0..data.len()).step_by(7) {
                data[at] ^= (seed >> 16) as u8;
            }
            unit.data = data.into();
        }
    }
    let (recording, _) = pass(units).await;
    check_rtp(&recording);
    let last = recording.pictures().last().unwrap().0;
    assert!(
        last > 4 * SECOND + SECOND / 2,
        "the stream goes on after the damage, to {last}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_codec_of_rtmp_becomes_h264() {
    for codec in [VideoCodec::Hevc, VideoCodec::Vp9, VideoCodec::Av1] {
        let units = media::units(codec, 60);
        let (recording, sent) = pass(units).await;
        assert!(
            recording.restarts.is_empty(),
            "{codec:?}: {:?}",
            recording.restarts
        );
        let latency = recording.latency(&sent);
        println!(
            "{codec:?}: {} pictures, p50 {latency:?}",
            recording.pictures().len()
        );
        assert_eq!(
            recording.starts,
            [RtpTracks {
                video: Some(VideoCodec::H264),
                audio: false
            }]
        );
        check_rtp(&recording);
        let pictures = recording.pictures();
        // What came while the worker started is late, and late pictures are not encoded.
        assert!(pictures.len() >= 40, "{codec:?}: {}", pictures.len());
        assert_eq!(
            media::picture_types(&recording.annex_b()).len(),
            pictures.len()
        );
        check_hls(&recording);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whip_publisher_gets_hls_and_is_asked_for_keyframes() {
    for codec in [VideoCodec::Vp8, VideoCodec::Vp9, VideoCodec::H264] {
        let mut units = media::packets(codec, 120);
        // Lose one video packet after a second, for good.
        let lost = units
            .iter()
            .position(|unit| {
                matches!(unit, SourceUnit::Rtp(packet) if packet.kind == Kind::Video && packet.time > SECOND)
            })
            .unwrap();
        units.remove(lost);
        let (mut stream, writer) = Stream::open();
        // The first picture is a keyframe, so that only the loss makes it ask.
        let wanted = async {
            writer.keyframe_wanted().await;
        };
        let ((), _) = tokio::join!(wanted, publish(&writer, units));
        drop(writer);
        let recording = Recording::new(stream.rest().await);
        // The SFU has the publisher's own packets; what it may lack is named, and not made unasked.
        assert_eq!(
            recording.starts.len(),
            usize::from(codec != VideoCodec::H264)
        );
        assert!(
            recording
                .layers
                .iter()
                .flatten()
                .all(|layer| layer.name.starts_with("h264-"))
        );
        assert!(recording.video.is_empty() && recording.audio.is_empty());
        let [video, audio] = check_hls(&recording);
        println!("{codec:?}: segments {video:?} {audio:?}");
        assert!(video.len() >= 2 && audio.len() >= 2);
        for track in [HlsTrack::BEST, HlsTrack::Audio] {
            assert!(
                media::times(&recording.track(0, track)).len() > 25,
                "{codec:?} {track:?}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_hangs_is_replaced() {
    let (mut stream, writer) = Stream::open();
    let units = source(8, "-bf 0 -g 30", "-ac 2");
    let publisher = tokio::spawn(async move { publish(&writer, units).await });
    let mut events = Vec::new();
    let mut stopped = false;
    while let Some((at, event)) = stream.events.recv().await {
        if let Event::Rtp(packet) = &event
            && packet.time > 2 * SECOND
            && !stopped
        {
            stream.signal_worker("-STOP");
            stopped = true;
        }
        events.push((at, event));
    }
    publisher.await.unwrap();
    let recording = Recording::new(events);
    assert_eq!(recording.restarts.len(), 1);
    assert!(
        recording.restarts[0].contains("silent"),
        "{}",
        recording.restarts[0]
    );
    assert!(recording.pictures().last().unwrap().0 > 7 * SECOND);
    assert_eq!(stream.bridge.stats().workers, 0);
}

/// A picture of the size that people send, for the figures that it prints.
#[tokio::test(flavor = "multi_thread")]
async fn a_picture_of_common_size_is_encoded_in_time() {
    for (name, video) in [
        (
            "B-frames",
            "-bf 3 -b_strategy 0 -x264-params b-pyramid=normal:keyint=250:min-keyint=250:scenecut=0",
        ),
        // Nothing that browsers decode, and no B-frames: what is left is decoding and encoding.
        ("4:4:4", "-bf 0 -g 60 -pix_fmt yuv444p -tune zerolatency"),
    ] {
        let units = flv::encode(&format!(
            "-f lavfi -i testsrc2=size=1280x720:rate=30 -t 4 -pix_fmt yuv420p -c:v libx264 -preset ultrafast \
             -b:v 2500k {video}"
        ));
        let (recording, sent) = pass(units).await;
        let latency = recording.latency(&sent);
        println!(
            "720p30 {name}: {} of 120 pictures, p50 {latency:?}",
            recording.pictures().len()
        );
        assert!(recording.pictures().len() > 60);
        assert!(!media::picture_types(&recording.annex_b()).contains('B'));
    }
}
