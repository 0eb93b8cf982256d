//! Looking at media with ffmpeg's tools.

use std::{io::Write, process::Command};

/// Runs a tool over a file with these bytes; `{}` in the arguments is the file.
pub fn tool(program: &str, arguments: &str, bytes: &[u8]) -> Vec<u8> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    let path = file.path().to_str().unwrap();
    let arguments: Vec<_> = arguments.split_whitespace().map(|argument| argument.replace("{}", path)).collect();
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// The picture types of an H.264 byte stream, in the order shown.
pub fn picture_types(annex_b: &[u8]) -> String {
    let out = tool(
        "ffprobe",
        "-v error -f h264 -select_streams v -show_entries frame=pict_type -of csv=p=0 {}",
        annex_b,
    );
    String::from_utf8(out).unwrap().split(|c: char| !c.is_alphabetic()).collect()
}

/// Presentation times of a file's packets, in seconds.
pub fn times(file: &[u8]) -> Vec<f64> {
    let out = tool("ffprobe", "-v error -show_entries packet=pts_time -of csv=p=0 {}", file);
    let text = String::from_utf8(out).unwrap();
    text.lines().map(|line| line.trim_end_matches(',').parse().unwrap()).collect()
}

/// Mean brightness of each frame, with its time in seconds.
pub fn brightness(file: &[u8]) -> Vec<(f64, u8)> {
    let times = times(file);
    let pixels = tool("ffmpeg", "-v error -i {} -vf scale=1:1:flags=area,format=gray -vsync 0 -f rawvideo -", file);
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
