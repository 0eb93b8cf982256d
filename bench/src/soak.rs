//! Publishers and viewers that come and go for a long time: what of them stays behind in the server.
//!
//! Each round publishes all streams, some of them twice, has them watched over WebRTC and HLS, and ends
//! them: by command, or as a crash would. After a round the server is left alone until what it keeps for
//! returning publishers is over; what it holds then must not grow from round to round.

use std::{
    fmt, fs, io,
    net::{IpAddr, Ipv4Addr},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::Context;
use reqwest::Client;
use serde::Serialize;
use weir_protocol::StreamAccess;

use crate::{
    cpu,
    endpoint::Endpoint,
    publisher::{Publisher, Publishing},
    report::Machine,
    server::Server,
    viewers::{FEEDBACK, Joining, Viewers},
};

/// How long a publisher of a round is live.
const LIVE: Duration = Duration::from_secs(36);

/// When those that are interrupted are.
const INTERRUPTED: Duration = Duration::from_secs(14);

/// The server keeps the last of a broadcast for players for 15 s.
const QUIET: Duration = Duration::from_secs(20);

/// Between two requests of an HLS player.
const POLL: Duration = Duration::from_millis(500);

/// A long run.
#[derive(Debug, Clone)]
pub struct SoakPlan {
    /// The program.
    pub weir: PathBuf,
    /// How many streams there are.
    pub streams: usize,
    /// How long it goes on; the round that has begun is finished.
    pub duration: Duration,
}

/// What the server holds when nothing is live.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Held {
    /// Minutes since the start.
    pub minutes: f64,
    /// Resident memory in MiB.
    pub memory: f64,
    /// Open files and sockets.
    pub files: usize,
    /// Threads.
    pub threads: usize,
    /// Child processes.
    pub children: usize,
    /// MiB in the data folder.
    pub disk: f64,
}

/// All rounds.
#[derive(Debug, Serialize)]
pub struct SoakReport {
    /// Where it ran.
    pub machine: Machine,
    /// Before the first round, and after each.
    pub rounds: Vec<Held>,
    /// WHEP viewers that received.
    pub viewers: usize,
    /// Segments and parts that HLS players loaded.
    pub loaded: usize,
    /// MiB an hour, by a straight line through the second half of the rounds.
    pub growth: f64,
}

/// Runs it.
///
/// # Errors
/// When the server cannot be started or dies, or a publisher cannot publish.
pub async fn soak(plan: &SoakPlan, progress: &dyn Fn(&str)) -> anyhow::Result<SoakReport> {
    let server = Server::start_with(&plan.weir, &[("WEIR_MEDIA_GRACE", "3")]).await?;
    let rtmp = server
        .rtmp_address()
        .context("the server does not say where RTMP is")?;
    let streams: Vec<StreamAccess> = (0..plan.streams)
        .map(|number| {
            let access = server.create_stream(&format!("soak-{number}"))?;
            let rtmp_url = format!("rtmp://{rtmp}/live");
            Ok(StreamAccess { rtmp_url, ..access })
        })
        .collect::<anyhow::Result<_>>()?;
    let client = Client::new();
    let start = Instant::now();
    let mut report = SoakReport {
        machine: Machine::here(),
        rounds: vec![held(&server, start)?],
        viewers: 0,
        loaded: 0,
        growth: 0.0,
    };
    while start.elapsed() < plan.duration {
        let round = report.rounds.len();
        let broadcasts = streams
            .iter()
            .enumerate()
            .map(|(number, stream)| broadcast(&client, stream, number, round));
        for done in futures_util::future::try_join_all(broadcasts).await? {
            report.viewers += done.viewers;
            report.loaded += done.loaded;
        }
        tokio::time::sleep(QUIET).await;
        let now = held(&server, start)?;
        progress(&format!(
            "round {round}: {:.1} MiB, {} files, {} threads, {} children, {:.1} MiB on disk",
            now.memory, now.files, now.threads, now.children, now.disk
        ));
        report.rounds.push(now);
    }
    report.growth = growth(&report.rounds[report.rounds.len() / 2..]);
    Ok(report)
}

/// What one stream had in a round.
struct Done {
    viewers: usize,
    loaded: usize,
}

/// One stream in one round. Every fourth comes by WHIP, the others by RTMP with what encoders send.
async fn broadcast(
    client: &Client,
    stream: &StreamAccess,
    number: usize,
    round: usize,
) -> anyhow::Result<Done> {
    let interrupted = (number + round) % 2 == 1;
    let mut source = Source::start(client, stream, number).await?;
    let joining = Joining {
        viewers: 2,
        ramp: 10.0,
        threads: 1,
        local: IpAddr::V4(Ipv4Addr::LOCALHOST),
        feedback: FEEDBACK,
        all: true,
    };
    let whep = Endpoint::http(client, &stream.whep_url, None);
    let viewers = Viewers::join(&whep, joining).await?;
    let begin = Instant::now();
    let mut player = Player::default();
    let mut came_back = false;
    while begin.elapsed() < LIVE {
        if interrupted && !came_back && begin.elapsed() >= INTERRUPTED {
            came_back = true;
            drop(source);
            source = Source::start(client, stream, number).await?;
        }
        player.look(client, &stream.hls_url).await;
        tokio::time::sleep(POLL).await;
    }
    let report = viewers.report()?;
    let receiving = report.iter().flat_map(|thread| &thread.viewers);
    let receiving = receiving.filter(|viewer| viewer.receives).count();
    if (number + round).is_multiple_of(3) {
        source.end_in_order().await?;
    } else {
        drop(source);
    }
    // The server may have ended them with the stream.
    let _ = viewers.leave().await;
    Ok(Done {
        viewers: receiving,
        loaded: player.loaded.len(),
    })
}

/// A publisher. Dropping it ends it as a crash would.
enum Source {
    Rtmp(Child),
    /// Always there until it is ended.
    Whip(Option<Publisher>),
}

impl Source {
    async fn start(client: &Client, stream: &StreamAccess, number: usize) -> anyhow::Result<Self> {
        if number % 4 == 3 {
            let endpoint = Endpoint::http(client, &stream.whip_url, Some(&stream.key));
            let publishing = Publishing {
                layers: 1,
                stamp: false,
                local: IpAddr::V4(Ipv4Addr::LOCALHOST),
            };
            let publisher = Publisher::start(&endpoint, publishing).await?;
            return Ok(Self::Whip(Some(publisher)));
        }
        let (video, rate) = match number % 4 {
            // OBS's defaults.
            0 => ("-bf 3 -g 250 -sc_threshold 40 -profile:v high", 48_000),
            1 => ("-tune zerolatency -g 60 -profile:v baseline", 48_000),
            _ => ("-tune zerolatency -g 50 -r 25", 44_100),
        };
        let arguments = format!(
            "-v error -re -f lavfi -i testsrc2=size=480x270:rate=30 \
             -f lavfi -i sine=frequency=440:sample_rate={rate} -c:v libx264 -preset ultrafast \
             -pix_fmt yuv420p -b:v 400k {video} -c:a aac -b:a 96k -f flv {}/{}",
            stream.rtmp_url, stream.key
        );
        let child = Command::new("ffmpeg")
            .args(arguments.split_whitespace())
            .stdin(Stdio::piped())
            .spawn()
            .context("cannot start ffmpeg")?;
        Ok(Self::Rtmp(child))
    }

    async fn end_in_order(mut self) -> anyhow::Result<()> {
        match &mut self {
            Self::Rtmp(child) => {
                if let Some(mut input) = child.stdin.take() {
                    // It may have ended by itself.
                    let _ = io::Write::write_all(&mut input, b"q");
                }
                let deadline = Instant::now() + Duration::from_secs(5);
                while child.try_wait()?.is_none() && Instant::now() < deadline {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
            Self::Whip(publisher) => {
                if let Some(publisher) = publisher.take() {
                    publisher.stop().await?;
                }
            }
        }
        Ok(())
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        if let Self::Rtmp(child) = self {
            // Errors say that it is dead already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Follows playlists and loads what is new in them.
#[derive(Default)]
struct Player {
    loaded: std::collections::HashSet<String>,
}

impl Player {
    /// All playlists once. What is not there yet is asked for the next time.
    async fn look(&mut self, client: &Client, master: &str) {
        let Some(text) = get(client, master).await else {
            return;
        };
        let base = |url: &str| url.rsplit_once('/').map_or("", |(base, _)| base).to_owned();
        let address = |base: &str, uri: &str| match uri.strip_prefix('/') {
            Some(path) => {
                match reqwest::Url::parse(base).and_then(|url| url.join(&format!("/{path}"))) {
                    Ok(url) => url.to_string(),
                    Err(_) => String::new(),
                }
            }
            None => format!("{base}/{uri}"),
        };
        let folder = base(master);
        for playlist in uris(&text) {
            let playlist = address(&folder, &playlist);
            let Some(text) = get(client, &playlist).await else {
                continue;
            };
            let folder = base(&playlist);
            for segment in uris(&text).into_iter().rev().take(2) {
                let segment = address(&folder, &segment);
                if !self.loaded.contains(&segment) && get(client, &segment).await.is_some() {
                    self.loaded.insert(segment);
                }
            }
        }
    }
}

/// Addresses of a playlist: its lines, and the renditions of its media tags.
fn uris(playlist: &str) -> Vec<String> {
    let lines = playlist.lines().filter_map(|line| {
        if line.starts_with("#EXT-X-MEDIA:") {
            let (_, rest) = line.split_once("URI=\"")?;
            Some(rest.split_once('"')?.0.to_owned())
        } else if line.starts_with('#') || line.is_empty() {
            None
        } else {
            Some(line.to_owned())
        }
    });
    lines.collect()
}

async fn get(client: &Client, url: &str) -> Option<String> {
    let request = client.get(url).timeout(Duration::from_secs(5));
    let response = request.send().await.ok()?.error_for_status().ok()?;
    let bytes = response.bytes().await.ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

fn held(server: &Server, start: Instant) -> anyhow::Result<Held> {
    const MIB: f64 = 1024.0 * 1024.0;
    let pid = server.pid();
    let count =
        |what: &str| Ok::<_, io::Error>(fs::read_dir(format!("/proc/{pid}/{what}"))?.count());
    Ok(Held {
        minutes: start.elapsed().as_secs_f64() / 60.0,
        memory: cpu::resident(pid)? as f64 / MIB,
        files: count("fd")?,
        threads: count("task")?,
        children: cpu::children(pid).len(),
        disk: size(&server.data_dir()) as f64 / MIB,
    })
}

/// Bytes of all files below a folder. Files may go while they are counted.
fn size(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else {
        return 0;
    };
    let sizes = entries.flatten().map(|entry| match entry.metadata() {
        Ok(meta) if meta.is_dir() => size(&entry.path()),
        Ok(meta) => meta.len(),
        Err(_) => 0,
    });
    sizes.sum()
}

/// MiB an hour: the slope of the least squares line.
fn growth(rounds: &[Held]) -> f64 {
    let count = rounds.len() as f64;
    let mean = |value: fn(&Held) -> f64| rounds.iter().map(value).sum::<f64>() / count;
    let (time, memory) = (mean(|held| held.minutes), mean(|held| held.memory));
    let together = rounds
        .iter()
        .map(|held| (held.minutes - time) * (held.memory - memory));
    let alone = rounds.iter().map(|held| (held.minutes - time).powi(2));
    let spread = alone.sum::<f64>();
    if spread > 0.0 {
        together.sum::<f64>() / spread * 60.0
    } else {
        0.0
    }
}

impl fmt::Display for SoakReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.machine.line())?;
        writeln!(
            f,
            "minutes  memory MiB  files  threads  children  disk MiB   (nothing live)"
        )?;
        for held in &self.rounds {
            writeln!(
                f,
                "{:7.1}  {:10.1}  {:5}  {:7}  {:8}  {:8.1}",
                held.minutes, held.memory, held.files, held.threads, held.children, held.disk
            )?;
        }
        writeln!(
            f,
            "{} WHEP viewers received, HLS players loaded {} pieces; {:+.1} MiB an hour in the second half",
            self.viewers, self.loaded, self.growth
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_straight_line_has_its_slope() {
        let held = |minutes: f64, memory: f64| Held {
            minutes,
            memory,
            files: 0,
            threads: 0,
            children: 0,
            disk: 0.0,
        };
        let rounds = [held(1.0, 50.0), held(2.0, 51.0), held(3.0, 52.0)];
        assert!((growth(&rounds) - 60.0).abs() < 1e-9);
        assert!(growth(&[held(1.0, 50.0), held(1.0, 51.0)]).abs() < 1e-9);
    }

    #[test]
    fn playlists_name_their_pieces() {
        let text = "#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,URI=\"audio.m3u8\",NAME=\"a\"\n\n#EXTINF:1,\nvideo.m3u8\n";
        assert_eq!(uris(text), ["audio.m3u8", "video.m3u8"]);
    }
}
