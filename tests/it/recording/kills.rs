//! Five kills of a stream's worker while people watch: what a WebRTC viewer and an HLS player that are
//! there all the time get to see of them, and what is recorded.

use std::{
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use reqwest::{StatusCode, Url};
use rtc::rtp::Packet;
use tokio::sync::watch;

use super::{Recorded, kill_worker, now, plays, unix};
use crate::{
    media::{Video, begins_keyframe},
    program::until,
    webrtc_client::Viewer,
};

const KILLS: usize = 5;

/// No five of them fall into one minute: for that the server would leave the stream alone. Each hits
/// another place between two keyframes.
const BETWEEN: Duration = Duration::from_millis(15_600);

/// What a worker gave out has reached the viewer after this. The next one needs longer to start.
const IN_FLIGHT: Duration = Duration::from_millis(50);

/// In which a worker must be replaced.
const LONGEST_INTERRUPTION: Duration = Duration::from_secs(2);

/// Seconds from one keyframe of the publisher to the next.
const PICTURE_GROUP: f64 = 2.0;

/// What an HLS player keeps back, without low latency: three segments, each of one group.
const HELD_BACK: Duration = Duration::from_secs(6);

/// Seconds in which a publisher's program starts and its stream is live.
const START: f64 = 10.0;

type Stop = watch::Receiver<bool>;

/// A packet, and when it came.
type Arrived = (Instant, Packet);

/// Looks at the picture until it is told to stop; the sound must have come that far too.
async fn look(mut viewer: Viewer, mut stop: Stop) -> Vec<Arrived> {
    let began = Instant::now();
    let mut seen = Vec::new();
    loop {
        let packets = tokio::select! {
            _ = stop.wait_for(|stop| *stop) => break,
            packets = viewer.video(1) => packets,
        };
        seen.extend(packets.into_iter().map(|packet| (Instant::now(), packet)));
    }
    hear(&mut viewer, began.elapsed() - Duration::from_secs(3)).await;
    viewer.close().await;
    seen
}

/// Takes so much of the sound by its timestamps; panics where it stopped before.
async fn hear(viewer: &mut Viewer, wanted: Duration) {
    let ticks = wanted.as_millis() * 48;
    let first = viewer.audio(1).await[0].header.timestamp;
    let mut heard = 0;
    while u128::from(heard) < ticks {
        let time = viewer.audio(1).await[0].header.timestamp;
        heard = time.wrapping_sub(first);
    }
}

/// Packets of one stream, whose times never go back.
fn check_order(seen: &[Arrived]) {
    for pair in seen.windows(2) {
        let [before, after] = [&pair[0].1.header, &pair[1].1.header];
        assert_eq!(before.ssrc, after.ssrc);
        let ticks = after.timestamp.wrapping_sub(before.timestamp);
        assert!(ticks < 1 << 31, "a picture comes after a later one");
    }
}

/// How long a viewer waited for the next worker's first picture, which must be a keyframe.
fn interruption(seen: &[Arrived], kill: Instant) -> Duration {
    let at = seen.partition_point(|(at, _)| *at < kill + IN_FLIGHT);
    let (back, first) = &seen[at];
    assert!(begins_keyframe(&first.payload), "after {:?}", *back - kill);
    let wait = *back - seen[at - 1].0;
    println!(
        "WebRTC: picture back {:?} after the kill, {wait:?} after the last one",
        *back - kill
    );
    wait
}

/// The pictures as a decoder reads them: RFC 6184 undone, start codes in front.
fn annex_b(seen: &[Arrived]) -> Vec<u8> {
    const STAP_A: u8 = 24;
    const FU_A: u8 = 28;
    const START_CODE: [u8; 4] = [0, 0, 0, 1];
    let mut stream = Vec::new();
    for (_, packet) in seen {
        let payload = &packet.payload[..];
        match payload[0] & 0x1f {
            STAP_A => {
                let mut rest = &payload[1..];
                while let Some((length, after)) = rest.split_first_chunk() {
                    let (unit, after) = after.split_at(usize::from(u16::from_be_bytes(*length)));
                    stream.extend(START_CODE.iter().chain(unit));
                    rest = after;
                }
            }
            FU_A => {
                if payload[1] & 0x80 != 0 {
                    stream.extend(START_CODE);
                    stream.push(payload[0] & 0xe0 | payload[1] & 0x1f);
                }
                stream.extend(&payload[2..]);
            }
            _ => stream.extend(START_CODE.iter().chain(payload)),
        }
    }
    stream
}

/// How bright each picture of a file is in its middle, all of which FFmpeg must decode without any complaint.
fn brightness(file: &Path) -> Vec<u8> {
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(file)
        .args(["-map", "0:v:0", "-vf", "extractplanes=y,crop=1:1"])
        .args(["-fps_mode", "passthrough", "-f", "rawvideo", "pipe:1"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && complaints.is_empty(),
        "{complaints}"
    );
    output.stdout
}

/// Which pictures are not the publisher's next one: each is four steps brighter than the one before, and
/// after the fiftieth it begins anew.
fn jumps(brightness: &[u8]) -> Vec<usize> {
    let number = |bright: u8| (bright.saturating_sub(18)) / 4;
    let pairs = brightness.windows(2).zip(1..);
    pairs
        .filter(|(pair, _)| number(pair[1]) != (number(pair[0]) + 1) % 50)
        .map(|(_, at)| at)
        .collect()
}

/// The pictures that a file has got, whether they can be decoded or not.
fn pictures(file: &Path) -> usize {
    let output = Command::new("ffprobe")
        .args(["-v", "error", "-select_streams", "v:0", "-count_packets"])
        .args(["-show_entries", "stream=nb_read_packets"])
        .args(["-of", "default=noprint_wrappers=1:nokey=1"])
        .arg(file)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.trim().parse().unwrap()
}

/// A segment as an HLS player finds it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Segment {
    number: u64,
    /// Its discontinuity sequence number: each worker's media is a run.
    run: u64,
    map: String,
    address: String,
}

/// The whole segments of a media playlist.
fn segments(playlist: &str) -> Vec<Segment> {
    let (mut number, mut run, mut map) = (0, 0, String::new());
    let mut found = Vec::new();
    for line in playlist.lines() {
        let (tag, value) = line.split_once(':').unwrap_or((line, ""));
        match tag {
            "#EXT-X-MEDIA-SEQUENCE" => number = value.parse().unwrap(),
            "#EXT-X-DISCONTINUITY-SEQUENCE" => run = value.parse().unwrap(),
            "#EXT-X-DISCONTINUITY" => run += 1,
            "#EXT-X-MAP" => {
                let quoted = value.strip_prefix("URI=\"").unwrap();
                map = quoted.split('"').next().unwrap().to_owned();
            }
            _ if !line.is_empty() && !line.starts_with('#') => {
                found.push(Segment {
                    number,
                    run,
                    map: map.clone(),
                    address: line.to_owned(),
                });
                number += 1;
            }
            _ => {}
        }
    }
    found
}

/// Loads what must be there.
async fn load(address: Url) -> Vec<u8> {
    let answer = reqwest::get(address.clone()).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK, "{address}");
    answer.bytes().await.unwrap().to_vec()
}

/// Loads a live playlist and each of its segments until it is told to stop; gives them and when they
/// were first seen. All that was promised must be there, and each playlist must go on from the last one.
async fn play(playlist: Url, stop: Stop) -> Vec<(Instant, Segment)> {
    let mut known: Vec<(Instant, Segment)> = Vec::new();
    let mut from = 0;
    while !*stop.borrow() {
        let text = String::from_utf8(load(playlist.clone()).await).unwrap();
        let found = segments(&text);
        assert!(found[0].number >= from, "{text}");
        from = found[0].number;
        for segment in found {
            match known.iter().find(|(_, it)| it.number == segment.number) {
                Some((_, before)) => assert_eq!(*before, segment, "{text}"),
                None => {
                    check_follows(known.last().map(|(_, last)| last), &segment);
                    for address in [&segment.map, &segment.address] {
                        assert!(!load(playlist.join(address).unwrap()).await.is_empty());
                    }
                    known.push((Instant::now(), segment));
                }
            }
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    known
}

/// A new segment is the next one, of the same run or of the next.
fn check_follows(last: Option<&Segment>, next: &Segment) {
    if let Some(last) = last {
        assert_eq!(next.number, last.number + 1);
        assert!((last.run..=last.run + 1).contains(&next.run), "{next:?}");
    }
}

/// Kills one worker after the other; gives back when.
async fn kill_all(show: &Recorded) -> Vec<Instant> {
    let mut kills: Vec<Instant> = Vec::new();
    for kill in 1..=KILLS {
        if let Some(last) = kills.last() {
            tokio::time::sleep_until((*last + BETWEEN).into()).await;
        }
        show.dvr_of(kill).await;
        kills.push(Instant::now());
        kill_worker(show.platform.server.pid());
    }
    kills
}

/// Checks that a viewer's picture came back after each kill, with a keyframe and soon, that all of it can be
/// decoded, and that nothing is missing but behind a kill.
fn check_viewer(seen: &[Arrived], kills: &[Instant]) {
    check_order(seen);
    let mut interruptions: Vec<Duration> =
        kills.iter().map(|kill| interruption(seen, *kill)).collect();
    interruptions.sort();
    let (median, worst) = (interruptions[KILLS / 2], interruptions[KILLS - 1]);
    println!("WebRTC: interrupted for {median:?} (median), {worst:?} (worst)");
    assert!(worst < LONGEST_INTERRUPTION, "{interruptions:?}");

    let ends = seen.iter().filter(|(_, packet)| packet.header.marker);
    let ends: Vec<Instant> = ends.map(|(at, _)| *at).collect();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("seen.h264");
    std::fs::write(&file, annex_b(seen)).unwrap();
    let shown = brightness(&file);
    assert_eq!(shown.len(), ends.len(), "every picture decodes");
    let jumps = jumps(&shown);
    println!("WebRTC: {} pictures, {} jumps", shown.len(), jumps.len());
    // The next worker gets all at once what was sent meanwhile. What a busy machine cannot encode of it in time
    // is left out, for the sake of what is live.
    let behind_kill = |at: Instant| {
        let mut kills = kills.iter();
        kills.any(|kill| (*kill..*kill + LONGEST_INTERRUPTION).contains(&at))
    };
    let elsewhere: Vec<&usize> = jumps.iter().filter(|at| !behind_kill(ends[**at])).collect();
    assert!(elsewhere.is_empty(), "{elsewhere:?} of {jumps:?}");
}

/// Checks that a player saw new segments after each kill, behind a discontinuity.
fn check_player(seen: &[(Instant, Segment)], kills: &[Instant]) {
    let runs = seen.last().unwrap().1.run - seen[0].1.run;
    assert_eq!(runs, KILLS as u64, "{seen:?}");
    let mut waits = Vec::new();
    for (run, kill) in (seen[0].1.run + 1..).zip(kills) {
        let at = seen.iter().position(|(_, it)| it.run == run).unwrap();
        waits.push(seen[at].0 - seen[at - 1].0);
        println!("HLS: next segment {:?} after the kill", seen[at].0 - *kill);
    }
    waits.sort();
    let (median, worst) = (waits[KILLS / 2], waits[KILLS - 1]);
    println!("HLS: from segment to segment {median:?} (median), {worst:?} (worst)");
    assert!(worst < HELD_BACK, "{waits:?}");
}

/// Seconds that are missing at each discontinuity of a playlist, by its dates. Where the past is told
/// twice the number is negative.
fn gaps(playlist: &str) -> Vec<f64> {
    let (mut end, mut breaks) = (0.0, false);
    let mut found = Vec::new();
    for line in playlist.lines() {
        breaks |= line == "#EXT-X-DISCONTINUITY";
        if let Some(text) = line.strip_prefix("#EXT-X-PROGRAM-DATE-TIME:") {
            let date = unix(text);
            if std::mem::take(&mut breaks) {
                found.push(date - end);
            }
            end = date;
        }
        if let Some(text) = line.strip_prefix("#EXTINF:") {
            let lasts: f64 = text.trim_end_matches(',').parse().unwrap();
            end += lasts;
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn five_kills_of_the_worker_leave_gaps_and_no_more() {
    let show = Recorded::start(&[("WEIR_RECORDING_ENABLED", "true")]).await;
    let publisher = show.publish(180);
    let began = now();
    let (stop, stopped) = watch::channel(false);
    let url = |path| Url::parse(&show.platform.url(path)).unwrap();
    let viewer = Viewer::start(url("/whep/show").as_str(), &Video::h264()).await;
    let viewer = tokio::spawn(look(viewer, stopped.clone()));
    until("a segment for HLS players", async || {
        let text = show.text("/hls/show/video0.m3u8").await;
        text.is_some_and(|text| text.contains("#EXTINF"))
    })
    .await;
    let player = tokio::spawn(play(url("/hls/show/video0.m3u8"), stopped));

    let kills = kill_all(&show).await;
    let playlist = show.dvr_of(KILLS + 1).await;
    let runs = playlist.matches("#EXT-X-DISCONTINUITY\n").count();
    assert_eq!(runs, KILLS, "{playlist}");
    // The player looks ten times a second; and the last worker's stream goes on too.
    tokio::time::sleep(Duration::from_secs(5)).await;
    stop.send_replace(true);
    check_viewer(&viewer.await.unwrap(), &kills);
    check_player(&player.await.unwrap(), &kills);

    let lasted = now() - began;
    drop(publisher);
    check_recording(&show, lasted).await;
}

/// Checks that the recording is the broadcast less the gaps.
async fn check_recording(show: &Recorded, lasted: f64) {
    let recording = show.recording("ready").await;
    let duration = recording["duration_ms"].as_f64().unwrap() / 1000.0;
    let id = recording["id"].as_str().unwrap();
    let playlist = show.text(&format!("/vod/{id}/v0.m3u8")).await.unwrap();
    let gaps = gaps(&playlist);
    println!("recorded: {duration} s of {lasted} s, gaps of {gaps:?} s");
    assert_eq!(gaps.len(), KILLS, "{playlist}");
    let longest = LONGEST_INTERRUPTION.as_secs_f64() + PICTURE_GROUP;
    assert!(gaps.iter().all(|gap| *gap < longest), "{gaps:?}");
    let whole = duration + gaps.iter().sum::<f64>();
    assert!((lasted - START..lasted + 1.0).contains(&whole), "{whole}");

    let vod = show.platform.url(recording["hls"].as_str().unwrap());
    // FFmpeg counts the gaps too.
    let played = plays(&vod);
    assert!(played > duration - 1.0, "{played} of {duration}");
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(recording["downloads"].as_array().unwrap().len(), 1);
    let movie = recording["downloads"][0].as_str().unwrap();
    let movie = show.download(movie, folder.path()).await;
    let played = plays(movie.to_str().unwrap());
    assert!((played - duration).abs() < 0.5, "{played} of {duration}");
    let shown = brightness(&movie);
    assert_eq!(shown.len(), pictures(&movie), "every picture decodes");
    let jumps = jumps(&shown);
    println!("recorded: {} pictures, {} jumps", shown.len(), jumps.len());
    assert!(jumps.len() <= KILLS, "{jumps:?}");
}
