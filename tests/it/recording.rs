//! Recordings, the DVR window and clips, with the real program and FFmpeg at both ends.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    platform::server::{Kind, Person, Platform, expect},
    program::until,
};

mod kills;

/// A publisher that sends a picture whose brightness counts its frames, and a tone.
struct Publisher(Child);

impl Publisher {
    fn start(platform: &Platform, key: &str, seconds: u32) -> Self {
        let url = format!("rtmp://127.0.0.1:{}/live/{key}", rtmp_port(platform));
        let picture = format!("color=black:size=320x180:rate=30:duration={seconds}");
        let tone = format!("sine=frequency=440:sample_rate=48000:duration={seconds}");
        let child = Command::new("ffmpeg")
            .args(["-v", "error", "-re", "-f", "lavfi", "-i", &picture])
            .args(["-re", "-f", "lavfi", "-i", &tone])
            // Four steps of brightness for each frame survive the encoder.
            .args(["-vf", "geq=lum='20+4*mod(N,50)':cb=128:cr=128"])
            .args([
                "-c:v",
                "libx264",
                "-preset",
                "ultrafast",
                "-tune",
                "zerolatency",
            ])
            .args(["-g", "60", "-bf", "0", "-pix_fmt", "yuv420p"])
            .args(["-c:a", "aac", "-b:a", "96k", "-f", "flv", &url])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("ffmpeg is installed by script/bootstrap --test");
        Self(child)
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The port that the server says it took, by its newest start.
fn rtmp_port(platform: &Platform) -> u16 {
    let log = platform.server.log();
    let at = log
        .rfind("rtmp=")
        .expect("the server says where it listens");
    let address: String = log[at + 5..]
        .chars()
        .take_while(|c| !c.is_whitespace())
        .filter(|c| c.is_ascii_digit() || ".:".contains(*c))
        .collect();
    address.rsplit(':').next().unwrap().parse().unwrap()
}

struct Recorded {
    platform: Platform,
    owner: Person,
    key: String,
}

impl Recorded {
    async fn start(settings: &[(&str, &str)]) -> Self {
        // Publishers here end without a goodbye.
        let mut settings = settings.to_vec();
        settings.push(("WEIR_MEDIA_GRACE", "1"));
        let platform = Platform::start_with(Kind::Sqlite, &settings).await;
        let owner = platform.person("owner", "speaker").await;
        let stream = platform.stream(&owner, "show").await;
        let key = stream["stream_key"]
            .as_str()
            .or(stream["key"].as_str())
            .unwrap_or_else(|| panic!("a key: {stream}"));
        Self {
            key: key.to_owned(),
            platform,
            owner,
        }
    }

    fn publish(&self, seconds: u32) -> Publisher {
        Publisher::start(&self.platform, &self.key, seconds)
    }

    async fn text(&self, path: &str) -> Option<String> {
        let answer = self.platform.request(Method::GET, path).send().await.ok()?;
        match answer.status() {
            StatusCode::OK => answer.text().await.ok(),
            _ => None,
        }
    }

    /// Waits until the DVR playlist has so many segments.
    async fn dvr(&self, segments: usize) -> String {
        let path = "/hls/show/dvr/v0.m3u8";
        until("segments in the DVR window", async || {
            let text = self.text(path).await.unwrap_or_default();
            text.matches("#EXTINF").count() >= segments
        })
        .await;
        self.text(path).await.unwrap()
    }

    /// Waits until the DVR playlist has media of so many workers.
    async fn dvr_of(&self, workers: usize) -> String {
        let path = "/hls/show/dvr/v0.m3u8";
        let runs = |text: &str| text.matches("#EXT-X-DISCONTINUITY\n").count() + 1;
        until("media of the next worker in the DVR window", async || {
            let text = self.text(path).await;
            text.is_some_and(|text| text.contains("#EXTINF") && runs(&text) >= workers)
        })
        .await;
        self.text(path).await.unwrap()
    }

    /// Waits until the only recording is in this state.
    async fn recording(&self, state: &str) -> Value {
        let path = "/api/v1/streams/show/recordings";
        let list = async || {
            let request = self.platform.by(&self.owner, Method::GET, path);
            let list = expect(request, StatusCode::OK).await;
            list["items"].as_array().unwrap().clone()
        };
        until(&format!("a recording that is {state}"), async || {
            list().await.first().is_some_and(|it| it["state"] == state)
        })
        .await;
        list().await.remove(0)
    }

    /// Loads a file into a folder.
    async fn download(&self, path: &str, to: &Path) -> PathBuf {
        let answer = self
            .platform
            .request(Method::GET, path)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        let file = to.join(path.replace('/', "_"));
        std::fs::write(&file, answer.bytes().await.unwrap()).unwrap();
        file
    }
}

/// Seconds that FFmpeg plays of this, without any complaint.
fn plays(what: &str) -> f64 {
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-progress", "pipe:1", "-i", what])
        .args(["-map", "0:v:0", "-map", "0:a:0", "-f", "null", "-"])
        .output()
        .unwrap();
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && complaints.is_empty(),
        "{what}: {complaints}"
    );
    let progress = String::from_utf8_lossy(&output.stdout);
    let mut micros = progress.lines().filter_map(|line| {
        line.strip_prefix("out_time_us=")?
            .trim()
            .parse::<f64>()
            .ok()
    });
    micros.next_back().unwrap() / 1e6
}

/// When each frame of a file is shown, and how bright it is.
fn frames(file: &Path) -> Vec<(f64, u8)> {
    let times = Command::new("ffprobe")
        .args(["-v", "error", "-select_streams", "v:0", "-of", "csv=p=0"])
        .args(["-show_entries", "frame=pts_time"])
        .arg(file)
        .output()
        .unwrap();
    let bright = Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(file)
        .args(["-map", "0:v:0", "-vf", "scale=1:1", "-pix_fmt", "gray"])
        .args(["-fps_mode", "passthrough", "-f", "rawvideo", "pipe:1"])
        .output()
        .unwrap();
    let times = String::from_utf8(times.stdout).unwrap();
    let times = times
        .lines()
        .map(|line| line.trim_end_matches(','))
        // What else a frame carries gets a line of its own.
        .filter(|line| !line.is_empty())
        .map(|line| line.parse().unwrap());
    let all: Vec<(f64, u8)> = times.zip(bright.stdout.iter().copied()).collect();
    assert_eq!(all.len(), bright.stdout.len(), "{}", file.display());
    all
}

/// The date at which a media playlist ends, in seconds since the Unix epoch, and its length.
fn ends(playlist: &str) -> (f64, f64) {
    let (mut date, mut length) = (0.0, 0.0);
    for line in playlist.lines() {
        if let Some(text) = line.strip_prefix("#EXT-X-PROGRAM-DATE-TIME:") {
            date = unix(text);
        }
        if let Some(text) = line.strip_prefix("#EXTINF:") {
            let lasts: f64 = text.trim_end_matches(',').parse().unwrap();
            date += lasts;
            length += lasts;
        }
    }
    (date, length)
}

/// `2026-11-21T16:00:00.000Z` in seconds since the Unix epoch, by GNU date.
fn unix(text: &str) -> f64 {
    let output = Command::new("date")
        .args(["-u", "+%s.%N", "-d", text])
        .output()
        .unwrap();
    String::from_utf8(output.stdout)
        .unwrap()
        .trim()
        .parse()
        .unwrap()
}

fn now() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    since.as_secs_f64()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broadcast_is_rewound_recorded_and_clipped() {
    let show = Recorded::start(&[("WEIR_RECORDING_ENABLED", "true")]).await;
    let folder = tempfile::tempdir().unwrap();
    let publisher = show.publish(40);
    let playlist = show.dvr(3).await;
    assert!(!playlist.contains("ENDLIST"), "{playlist}");
    // FFmpeg begins a live playlist near its end: ask for all of it.
    let master = show.platform.url("/hls/show/dvr.m3u8");
    let seen = Command::new("ffmpeg")
        .args([
            "-v",
            "error",
            "-live_start_index",
            "0",
            "-t",
            "6",
            "-i",
            &master,
        ])
        .args(["-f", "null", "-"])
        .output()
        .unwrap();
    assert!(
        seen.status.success() && seen.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&seen.stderr)
    );
    let status = show
        .platform
        .by(&show.owner, Method::GET, "/api/v1/streams/show/recording");
    let status = expect(status, StatusCode::OK).await;
    assert!(status["recording"].is_string(), "{status}");

    // A clip of what is on the air.
    let (ends_at, _) = ends(&playlist);
    let end = (ends_at * 1000.0) as i64 - 1_000;
    let live = json!({"title": "Live", "start": end - 3_000, "end": end});
    let create = |body: &Value| {
        let path = "/api/v1/streams/show/clips";
        show.platform.by(&show.owner, Method::POST, path).json(body)
    };
    let live = expect(create(&live), StatusCode::CREATED).await;
    let file = show
        .download(live["url"].as_str().unwrap(), folder.path())
        .await;
    let length = plays(file.to_str().unwrap());
    assert!((2.8..3.2).contains(&length), "{length}");

    // It ends, and is a recording.
    let first = show.dvr(5).await;
    drop(publisher);
    let recording = show.recording("ready").await;
    let duration = recording["duration_ms"].as_f64().unwrap() / 1000.0;
    assert!(duration >= ends(&first).1, "{recording}");
    let vod = show.platform.url(recording["hls"].as_str().unwrap());
    let played = plays(&vod);
    assert!((played - duration).abs() < 0.5, "{played} of {duration}");
    let movies = recording["downloads"].as_array().unwrap();
    assert_eq!(movies.len(), 1);
    let address = movies[0].as_str().unwrap();
    let movie = show.download(address, folder.path()).await;
    let played = plays(movie.to_str().unwrap());
    assert!((played - duration).abs() < 0.2, "{played} of {duration}");
    // The table of contents stands in front.
    let bytes = std::fs::read(&movie).unwrap();
    let at = |kind: &[u8]| bytes.windows(4).position(|window| window == kind).unwrap();
    assert!(at(b"moov") < at(b"mdat"));
    let part = show
        .platform
        .request(Method::GET, address)
        .header("range", "bytes=100-199");
    let part = part.send().await.unwrap();
    assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
    let range = format!("bytes 100-199/{}", bytes.len());
    assert_eq!(part.headers()["content-range"], range.as_str());
    assert_eq!(part.bytes().await.unwrap(), bytes[100..200]);

    // Every clip begins with the first frame from the asked time on, wherever keyframes are.
    let all = frames(&movie);
    for start in [0.0, 2.5, 4.0, 5.71] {
        let body = json!({
            "title": "A clip", "recording": recording["id"],
            "start": (start * 1000.0) as i64, "end": (start * 1000.0) as i64 + 2_000,
        });
        let clip = expect(create(&body), StatusCode::CREATED).await;
        let file = show
            .download(clip["url"].as_str().unwrap(), folder.path())
            .await;
        let shown = frames(&file);
        let from = all.iter().position(|(at, _)| *at >= start - 0.002).unwrap();
        assert!(shown[0].0.abs() < 0.002, "{:?}", shown[0]);
        for (one, other) in shown.iter().zip(&all[from..]) {
            assert!(
                one.1.abs_diff(other.1) <= 1,
                "from {start}: {one:?} {other:?}"
            );
        }
        assert!((58..=61).contains(&shown.len()), "{} frames", shown.len());
        let length = plays(file.to_str().unwrap());
        assert!((1.9..2.1).contains(&length), "{length}");
    }
    let clips = show
        .platform
        .request(Method::GET, "/api/v1/streams/show/clips");
    let clips = expect(clips, StatusCode::OK).await;
    assert_eq!(clips["items"].as_array().unwrap().len(), 5);

    // What is deleted is gone, with its files.
    let path = format!("/api/v1/recordings/{}", recording["id"].as_str().unwrap());
    let delete = show.platform.by(&show.owner, Method::DELETE, &path);
    expect(delete, StatusCode::NO_CONTENT).await;
    expect(
        show.platform.request(Method::GET, &path),
        StatusCode::NOT_FOUND,
    )
    .await;
    let files = show.platform.server.data_dir().join("recorded/recordings");
    until("files that are gone", async || {
        std::fs::read_dir(&files).unwrap().next().is_none()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_keeps_all_but_the_last_two_seconds() {
    let mut show = Recorded::start(&[("WEIR_RECORDING_ENABLED", "true")]).await;
    let publisher = show.publish(60);
    show.dvr(2).await;
    let killed = now();
    show.platform.server.kill_and_restart().await.unwrap();
    drop(publisher);
    let recording = show.recording("ready").await;
    let id = recording["id"].as_str().unwrap();
    let playlist = show.text(&format!("/vod/{id}/v0.m3u8")).await.unwrap();
    let (ends, length) = ends(&playlist);
    assert!(
        (killed - 2.0..killed + 0.5).contains(&ends),
        "{ends} {killed}\n{playlist}"
    );
    let master = show.platform.url(&format!("/vod/{id}/master.m3u8"));
    let played = plays(&master);
    assert!((played - length).abs() < 0.5, "{played} of {length}");
    let folder = tempfile::tempdir().unwrap();
    let movie = recording["downloads"][0].as_str().unwrap();
    let movie = show.download(movie, folder.path()).await;
    let played = plays(movie.to_str().unwrap());
    assert!((played - length).abs() < 0.2, "{played} of {length}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_stops_the_recording_and_not_the_stream() {
    let show = Recorded::start(&[
        ("WEIR_RECORDING_ENABLED", "true"),
        // More than any disk has.
        ("WEIR_RECORDING_MIN_FREE_MIB", "1000000000"),
    ])
    .await;
    let publisher = show.publish(60);
    until("a stream that is live", async || {
        show.text("/hls/show/master.m3u8").await.is_some()
    })
    .await;
    let status = async || {
        let path = "/api/v1/streams/show/recording";
        let status = show.platform.by(&show.owner, Method::GET, path);
        expect(status, StatusCode::OK).await
    };
    until("a recording that says why it stands still", async || {
        status().await["stopped"] == "the disk is full"
    })
    .await;
    assert_eq!(show.text("/hls/show/dvr.m3u8").await, None);
    // It goes on.
    let msn = async || {
        let text = show.text("/hls/show/video0.m3u8").await;
        let text = text.unwrap_or_default();
        let line = text
            .lines()
            .find_map(|it| it.strip_prefix("#EXT-X-MEDIA-SEQUENCE:"));
        let first: u64 = line.and_then(|it| it.parse().ok()).unwrap_or(0);
        first + text.matches("#EXTINF").count() as u64
    };
    let before = msn().await;
    until("more of the live stream", async || msn().await > before + 2).await;
    drop(publisher);
    let recording = show.recording("failed").await;
    assert_eq!(recording["error"], "nothing was recorded");
}

/// Kills the media worker of this server, as a crash would.
fn kill_worker(server: u32) {
    for _ in 0..200 {
        let children = format!("/proc/{server}/task");
        let tasks = std::fs::read_dir(children).unwrap();
        let children = tasks
            .filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("children")).ok());
        let children: Vec<String> = children.collect();
        let worker = children
            .iter()
            .flat_map(|line| line.split_whitespace())
            .find(|pid| {
                let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
                String::from_utf8_lossy(&line).contains("bridge-worker")
            });
        if let Some(worker) = worker {
            let pid = rustix::process::Pid::from_raw(worker.parse().unwrap()).unwrap();
            rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("the server has no worker");
}
