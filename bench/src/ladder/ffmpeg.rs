//! FFmpeg, told to do the same.

use std::{path::Path, process::Command};

use anyhow::Context;
use tempfile::TempDir;
use weir_media::RtpLayer;

use super::{Peer, usage};

/// Pixels a second that the worker gives to a thread of x264.
const THREAD_PIXELS: u64 = 35_000_000;

/// Threads that it gives to a rung at most.
const MOST_THREADS: u64 = 4;

/// Frames a second of all sources here.
const RATE: u64 = 30;

/// Decodes once, scales and encodes these layers with the worker's settings: preset, tuning, profile,
/// bit rates, threads, a keyframe each second. `first`: the layer that comes first; 0 is the source's
/// own size, with a tenth more than its `bitrate`, as the worker gives it.
pub(super) fn run(
    folder: &TempDir,
    file: &Path,
    layers: &[RtpLayer],
    first: usize,
    bitrate: u32,
    pace: f64,
) -> anyhow::Result<Peer> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    let preset = if cores >= 8 { "veryfast" } else { "superfast" };
    let count = layers.len();
    let mut filter = format!("[0:v]split={count}");
    (0..count).for_each(|at| filter.push_str(&format!("[s{at}]")));
    for (at, layer) in layers.iter().enumerate() {
        // The worker scales with two taps.
        filter.push_str(&format!(
            ";[s{at}]scale={}:{}:flags=bilinear[o{at}]",
            layer.width, layer.height
        ));
    }
    let mut command = Command::new("ffmpeg");
    command
        .args([
            "-v",
            "error",
            "-y",
            "-readrate",
            &pace.to_string(),
            "-thread_type",
            "slice",
            "-i",
        ])
        .arg(file)
        .args(["-filter_complex", &filter]);
    for (at, layer) in layers.iter().enumerate() {
        let bits = if first + at == 0 {
            bitrate / 10 * 11
        } else {
            layer.bitrate
        };
        let pixels = u64::from(layer.width) * u64::from(layer.height) * RATE;
        let threads = pixels
            .div_ceil(THREAD_PIXELS)
            .clamp(1, MOST_THREADS.min(cores));
        command
            .args([
                "-map",
                &format!("[o{at}]"),
                "-c:v",
                "libx264",
                "-preset",
                preset,
            ])
            .args(["-tune", "zerolatency", "-profile:v", "baseline", "-bf", "0"])
            .args(["-b:v", &bits.to_string(), "-maxrate", &bits.to_string()])
            .args([
                "-bufsize",
                &(bits / 2).to_string(),
                "-threads",
                &threads.to_string(),
            ])
            .args(["-x264-params", "scenecut=0:keyint=600"])
            .args(["-force_key_frames", "expr:gte(t,n_forced)", "-f", "h264"])
            .arg(folder.path().join(format!("{at}.h264")));
    }
    let child = command.spawn().context("cannot start ffmpeg")?;
    let cpu = usage::wait(child).context("ffmpeg failed")?;
    Ok(Peer { cpu })
}
