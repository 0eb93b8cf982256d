//! What is asked of each client: that its pictures and sound arrive, or that it gets them.

use std::{path::PathBuf, process::Child, time::Instant};

use weir_bench::server::Server;

use super::{RATE, SOUND_RATE, WATCHED};
use crate::{media::Video, program::until, webrtc_client::Viewer};

/// A program that is killed when the test is over.
pub struct Program(pub Child);

impl Drop for Program {
    fn drop(&mut self) {
        // An error says that it has ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What script/bootstrap --test installs or builds for these tests.
pub fn installed(path: &str) -> PathBuf {
    let home = std::env::var_os("HOME").expect("HOME is set");
    let path = PathBuf::from(home).join(".cache/weir").join(path);
    let there = path.exists();
    assert!(
        there,
        "{} is missing: run script/bootstrap --test",
        path.display()
    );
    path
}

/// Watches what a client publishes: all of its packets must come, and nearly all of the pictures that it should send.
pub async fn watch(whep_url: &str) -> String {
    let mut viewer = Viewer::start(whep_url, &Video::h264()).await;
    let (began, mut pictures, mut missing) = (Instant::now(), 0, 0);
    let mut last: Option<u16> = None;
    while began.elapsed() < WATCHED {
        for packet in viewer.video(RATE).await {
            let number = packet.header.sequence_number;
            let expected = last.map(|last| last.wrapping_add(1));
            missing += usize::from(expected.is_some_and(|expected| expected != number));
            last = Some(number);
            pictures += usize::from(packet.header.marker);
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    let sound = SOUND_RATE * (WATCHED.as_secs() as usize - 2);
    viewer.audio(sound).await;
    viewer.close().await;
    let least = (seconds * RATE as f64 * 0.9) as usize;
    assert!(pictures >= least, "{pictures} pictures, not {least}");
    assert_eq!(missing, 0);
    format!(
        "{pictures} pictures in {seconds:.1} s, {missing} gaps, {sound} packets of sound and more"
    )
}

/// Judges what a player decoded in the time: it works beside whatever else the machine does.
pub fn decoded(pictures: f64, sounds: f64, first: f64) -> String {
    let seconds = WATCHED.as_secs_f64();
    let figures = format!(
        "{pictures} pictures and {sounds} pieces of sound decoded, the first after {first} s"
    );
    assert!(pictures >= seconds * RATE as f64 * 0.7, "{figures}");
    assert!(sounds >= seconds * SOUND_RATE as f64 * 0.7, "{figures}");
    figures
}

/// Waits until a stream is live, or is not any more.
pub async fn until_live(server: &Server, slug: &str, live: bool) {
    let stream = format!("{}/api/v1/streams/{slug}", server.url());
    until(&format!("{slug}: live is {live}"), || async {
        let text = reqwest::get(&stream).await.unwrap().text().await.unwrap();
        text.contains(&format!("\"live\":{live}"))
    })
    .await;
}
