//! Sound and picture stay together, however long a stream runs, on every way out.
//!
//! `WEIR_TEST_SYNC_SECONDS=1800` lets it run for half an hour instead of a few seconds.

use std::time::Instant;

use weir_bridge::supervisor::{SourceUnit, SourceWriter};
use weir_media::{HlsOutput, HlsTrack, MediaTime};

use super::{
    SECOND, check_rtp, flv, ladder, media,
    recording::{Event, Recording, Stream, publish},
};

/// Without the variable: long enough for lower rungs to join HLS and to be seen there.
const SHORT: u32 = 8;

/// What a short run must hold, in milliseconds. Drift has had no time there, so anything more is a
/// constant error.
const EXACT: f64 = 8.0;

/// What must hold after any time, in milliseconds: where people begin to see that sound is early.
const LIMIT: f64 = 45.0;

/// Seconds at the end of a run whose figures are printed.
const LAST: f64 = 60.0;

/// Where a publisher that comes back begins to count: three seconds before the 32 bits of video's
/// RTP timestamps wrap. RTMP's stamps begin anywhere, and the bridge must not mind.
const ELSEWHERE: MediaTime = 47_718 * SECOND + 857_000_000;

/// How long a publisher is there before it goes and comes back.
const BEFORE_RECONNECT: MediaTime = 4 * SECOND;

/// By how much the sound of a second comes after its picture.
#[derive(Debug, Clone, Copy)]
struct Offset {
    /// Media time, in seconds.
    at: f64,
    milliseconds: f64,
}

/// A way out of the bridge, and what was measured there.
struct Way {
    name: String,
    /// Whether it is there from the beginning to the end. A lower rung may be late, and a machine that
    /// is too slow leaves it out.
    best: bool,
    offsets: Vec<Offset>,
}

/// What is published.
struct Case {
    name: &'static str,
    /// By a connection that is lost.
    before: Option<Vec<SourceUnit>>,
    /// By the one that is measured.
    units: Vec<SourceUnit>,
}

/// A white flash and a beep at the beginning of each second, of a size that has a lower rung.
fn beep_and_flash(seconds: u32, video: &str, audio: &str) -> Vec<SourceUnit> {
    flv::encode(&format!(
        "-f lavfi -i color=c=black:size=852x480:rate=30,drawbox=t=fill:color=white:enable=lt(mod(t\\,1)\\,0.02) \
         -f lavfi -i aevalsrc=0.8*sin(2*PI*1000*t)*lt(mod(t\\,1)\\,0.1):s=44100 -t {seconds} \
         -pix_fmt yuv420p -c:v libx264 -preset ultrafast {video} -c:a aac -b:a 96k {audio}"
    ))
}

/// The same, from a publisher whose clock shows another time.
fn begun_elsewhere(mut units: Vec<SourceUnit>) -> Vec<SourceUnit> {
    for unit in &mut units {
        if let SourceUnit::AccessUnit(unit) = unit {
            unit.dts += ELSEWHERE;
            unit.pts += ELSEWHERE;
        }
    }
    units
}

/// What a publisher has sent when it is cut off.
fn cut_off(units: &[SourceUnit]) -> Vec<SourceUnit> {
    let sent = units.iter().take_while(|unit| {
        let time = flv::time(unit);
        time.is_none_or(|time| time < BEFORE_RECONNECT)
    });
    sent.cloned().collect()
}

fn cases(seconds: u32) -> [Case; 3] {
    let encoded = beep_and_flash(
        seconds,
        "-bf 2 -b_strategy 0 -g 300 -sc_threshold 0",
        "-ac 1",
    );
    let passed_on = beep_and_flash(seconds, "-bf 0 -g 30 -sc_threshold 0", "-ac 2 -ar 48000");
    [
        Case {
            name: "after a reconnect, 44.1 kHz",
            before: Some(cut_off(&encoded)),
            units: begun_elsewhere(encoded.clone()),
        },
        Case {
            name: "re-encoded, 44.1 kHz",
            before: None,
            units: encoded,
        },
        Case {
            name: "passed on, 48 kHz",
            before: None,
            units: passed_on,
        },
    ]
}

/// Publishes a case; gives back what came out of its last connection, worker by worker.
async fn record(case: Case) -> Vec<Recording> {
    let (mut stream, mut writer) = Stream::open();
    if let Some(units) = case.before {
        connection(&mut stream, writer, units).await;
        writer = stream.reopen();
    }
    by_worker(connection(&mut stream, writer, case.units).await)
}

/// Publishes in real time, while somebody needs every rung.
async fn connection(
    stream: &mut Stream,
    writer: SourceWriter,
    units: Vec<SourceUnit>,
) -> Vec<(Instant, Event)> {
    stream.requester.demand.send(ladder::ALL).unwrap();
    publish(&writer, units).await;
    drop(writer);
    stream.rest().await
}

/// A worker that had to be replaced, as on a machine without time, begins all its tracks anew.
fn by_worker(events: Vec<(Instant, Event)>) -> Vec<Recording> {
    let mut workers = vec![Vec::new()];
    for event in events {
        if let Event::Restarted(reason) = &event.1 {
            println!("a worker was replaced: {reason}");
            workers.push(Vec::new());
        } else if let Some(worker) = workers.last_mut() {
            worker.push(event);
        }
    }
    workers.into_iter().map(Recording::new).collect()
}

/// The offsets of every way out, for all workers of a stream.
fn measure(workers: &[Recording]) -> Vec<Way> {
    let mut ways: Vec<Way> = Vec::new();
    for way in workers.iter().flat_map(ways_of) {
        match ways.iter_mut().find(|known| known.name == way.name) {
            Some(known) => known.offsets.extend(way.offsets),
            None => ways.push(way),
        }
    }
    ways
}

fn ways_of(recording: &Recording) -> Vec<Way> {
    let Some(layers) = recording.layers.first() else {
        return Vec::new();
    };
    let (rtp_beeps, hls_beeps) = (beeps_of_rtp(recording), beeps_of_hls(recording));
    let mut ways = Vec::new();
    for (number, layer) in (0_u8..).zip(layers) {
        let best = number == 0;
        ways.push(Way {
            name: format!("WebRTC {}", layer.name),
            best,
            offsets: offsets(&flashes_of_rtp(recording, number), &rtp_beeps),
        });
        ways.push(Way {
            name: format!("HLS {}", layer.name),
            best,
            offsets: offsets(&flashes_of_hls(recording, number), &hls_beeps),
        });
    }
    ways
}

fn flashes_of_rtp(recording: &Recording, layer: u8) -> Vec<f64> {
    let layer = recording.layer(layer);
    if layer.video.is_empty() {
        return Vec::new();
    }
    check_rtp(&layer);
    let pictures = layer.pictures();
    let brightness = media::brightness_of_stream(&layer.annex_b());
    assert_eq!(pictures.len(), brightness.len(), "every picture decodes");
    let times = pictures.into_iter().map(|(time, _)| seconds(time));
    flashes(&times.zip(brightness).collect::<Vec<_>>())
}

/// Each packet has its own time: what would only be counted from the first one hides a drift.
fn beeps_of_rtp(recording: &Recording) -> Vec<f64> {
    let packets = recording.audio.iter();
    check_rtp(&Recording {
        audio: recording.audio.clone(),
        ..Recording::default()
    });
    let times: Vec<_> = packets
        .clone()
        .map(|(_, packet)| seconds(packet.time))
        .collect();
    let sound = media::decode_opus(packets.map(|(_, packet)| packet.packet.slice(12..)));
    on_their_frames(&media::onsets(&sound, 48_000.0), &times, 0.02)
}

fn flashes_of_hls(recording: &Recording, rung: u8) -> Vec<f64> {
    let files = files(recording, HlsTrack::Video(rung)).into_iter();
    files
        .flat_map(|file| flashes(&media::brightness(&file)))
        .collect()
}

fn beeps_of_hls(recording: &Recording) -> Vec<f64> {
    let files = files(recording, HlsTrack::Audio).into_iter();
    files
        .flat_map(|file| {
            let onsets = media::onsets(&media::decode_aac(&file), 48_000.0);
            on_their_frames(&onsets, &media::times(&file), 1024.0 / rate(&file))
        })
        .collect()
}

/// Samples a second.
fn rate(file: &[u8]) -> f64 {
    let arguments = "-v error -show_entries stream=sample_rate -of csv=p=0 {}";
    let text = String::from_utf8(media::tool("ffprobe", arguments, file)).unwrap();
    text.trim().trim_end_matches(',').parse().unwrap()
}

/// A track as files, one for each time that it begins: a rung may end and come back.
fn files(recording: &Recording, wanted: HlsTrack) -> Vec<Vec<u8>> {
    let mut files: Vec<Vec<u8>> = Vec::new();
    for output in &recording.hls {
        match output {
            HlsOutput::Init { track, data } if *track == wanted => files.push(data.to_vec()),
            HlsOutput::Part { track, data, .. } if *track == wanted => {
                let file = files.last_mut().expect("parts come after their init");
                file.extend_from_slice(data);
            }
            _ => {}
        }
    }
    files
}

fn seconds(time: MediaTime) -> f64 {
    time as f64 / 1e9
}

/// Places in decoded sound as media time, by the frame that each lies in.
fn on_their_frames(onsets: &[f64], times: &[f64], frame: f64) -> Vec<f64> {
    let place = |at: &f64| {
        let number = ((at / frame) as usize).min(times.len() - 1);
        times[number] + at - number as f64 * frame
    };
    onsets.iter().map(place).collect()
}

/// Differences between each flash and the beep next to it.
fn offsets(flashes: &[f64], beeps: &[f64]) -> Vec<Offset> {
    let nearest = |flash: f64| {
        let from = beeps.partition_point(|beep| *beep < flash - 0.5);
        let differences = beeps[from..]
            .iter()
            .take_while(|beep| **beep < flash + 0.5)
            .map(|beep| (beep - flash) * 1000.0);
        differences.min_by(|a, b| a.abs().total_cmp(&b.abs()))
    };
    let (Some(first), Some(last)) = (beeps.first(), beeps.last()) else {
        return Vec::new();
    };
    // The first or last second may have only one of the two.
    let both = first - 0.25..last + 0.25;
    let flashes = flashes.iter().filter(|at| both.contains(at));
    flashes
        .filter_map(|at| {
            Some(Offset {
                at: *at,
                milliseconds: nearest(*at)?,
            })
        })
        .collect()
}

fn flashes(frames: &[(f64, u8)]) -> Vec<f64> {
    frames
        .windows(2)
        .filter(|pair| pair[0].1 < 128 && pair[1].1 >= 128)
        .map(|pair| pair[1].0)
        .collect()
}

/// Number, median, least and greatest of some offsets.
fn figures<'a>(offsets: impl Iterator<Item = &'a Offset>) -> String {
    let mut values: Vec<_> = offsets.map(|offset| offset.milliseconds).collect();
    values.sort_by(f64::total_cmp);
    let (Some(least), Some(greatest)) = (values.first(), values.last()) else {
        return "none".to_owned();
    };
    let median = values[values.len() / 2];
    format!(
        "{} flashes, median {median:+.1}, from {least:+.1} to {greatest:+.1}",
        values.len()
    )
}

fn print(case: &str, way: &Way) {
    let end = way.offsets.last().map_or(0.0, |offset| offset.at);
    let last = way.offsets.iter().filter(|offset| offset.at > end - LAST);
    let (all, last) = (figures(way.offsets.iter()), figures(last));
    println!(
        "{case}, {}: sound after picture, ms: {all}; last minute: {last}",
        way.name
    );
}

/// Whether enough was seen, and all of it within the limit.
fn check(case: &str, way: &Way, run: u32, overloaded: bool) {
    let limit = if run > SHORT { LIMIT } else { EXACT };
    let (run, seen) = (run as usize, way.offsets.len());
    // Outputs begin some seconds after the source, and a starved machine costs flashes.
    let enough = match way.best {
        true => (run * 3 / 4).saturating_sub(2),
        false => run / 4,
    };
    assert!(
        seen >= enough || overloaded && !way.best,
        "{case}, {}: {seen} flashes",
        way.name
    );
    let offsets = way.offsets.iter();
    let beyond: Vec<_> = offsets
        .filter(|offset| offset.milliseconds.abs() >= limit)
        .collect();
    assert!(beyond.is_empty(), "{case}, {}: {beyond:?}", way.name);
}

#[tokio::test(flavor = "multi_thread")]
async fn picture_and_sound_stay_together() {
    let run = std::env::var("WEIR_TEST_SYNC_SECONDS")
        .map_or(SHORT, |seconds| seconds.parse().expect("whole seconds"));
    let cases = cases(run);
    let names = cases.each_ref().map(|case| case.name);
    let [first, second, third] = cases;
    println!("{run} s are published");
    // All at once, so that a long run takes no longer than one of them.
    let recorded = tokio::join!(record(first), record(second), record(third));
    let mut measured = Vec::new();
    for (case, workers) in names.into_iter().zip(<[_; 3]>::from(recorded)) {
        let ways = measure(&workers);
        let overloaded = workers.iter().any(Recording::was_overloaded);
        if overloaded {
            println!("{case}: the machine was too slow for all rungs");
        }
        for way in &ways {
            print(case, way);
        }
        measured.push((case, ways, overloaded));
    }
    // Only now, so that one that fails does not hide the figures of the others.
    for (case, ways, overloaded) in &measured {
        assert_eq!(ways.len(), 4, "{case}: two rungs, two ways each");
        for way in ways {
            check(case, way, run, *overloaded);
        }
    }
}
