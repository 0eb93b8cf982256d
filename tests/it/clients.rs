//! Other people's programs that speak WHIP and WHEP, for half a minute each. They run beside each other on one
//! server, so that all of them take the time of one: a test asks what became of its own.

use std::{
    any::Any,
    collections::HashMap,
    panic::resume_unwind,
    sync::{Arc, LazyLock, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    runtime::Runtime,
    task::{JoinHandle, LocalSet, spawn_local},
};
use weir_bench::server::Server;

use crate::program::serve;

mod aiortc;
mod ffmpeg;
mod gstreamer;
mod obs;
mod watched;
mod webrtc_rs;

/// How long each client is looked at.
const WATCHED: Duration = Duration::from_secs(30);

/// Pictures a second that are published.
const RATE: usize = 30;

/// Packets of Opus a second.
const SOUND_RATE: usize = 50;

/// The figures of a client, or the panic that says what is wrong with it.
type Outcome = Result<String, Box<dyn Any + Send>>;

/// By the names of the tests. Whichever test comes first runs all clients, and the others wait for it.
static OUTCOMES: LazyLock<Mutex<HashMap<&'static str, Outcome>>> =
    LazyLock::new(|| Mutex::new(run()));

fn run() -> HashMap<&'static str, Outcome> {
    let runtime = Runtime::new().unwrap();
    LocalSet::new().block_on(&runtime, async {
        let server = Arc::new(serve().await);
        let mut outcomes = HashMap::new();
        for (test, client) in start(&server) {
            let outcome = client.await.map_err(|error| error.into_panic());
            outcomes.insert(test, outcome);
        }
        outcomes
    })
}

fn start(server: &Arc<Server>) -> Vec<(&'static str, JoinHandle<String>)> {
    // What all players play; it ends with the last of them.
    let source = Arc::new(ffmpeg::source(server, "source"));
    let own = || server.clone();
    let play = || (server.clone(), source.clone());
    vec![
        (
            "ffmpeg_publishes_by_whip",
            spawn_local(ffmpeg::publishes(own(), "ffmpeg-passive", "")),
        ),
        (
            "ffmpeg_publishes_by_whip_as_dtls_client",
            spawn_local(ffmpeg::publishes(
                own(),
                "ffmpeg-active",
                "-whip_flags dtls_active",
            )),
        ),
        ("obs_publishes_by_whip", spawn_local(obs::publishes(own()))),
        (
            "gstreamer_publishes_with_whipclientsink",
            spawn_local(gstreamer::whipclientsink(own())),
        ),
        (
            "gstreamer_publishes_with_whipsink",
            spawn_local(gstreamer::whipsink(own())),
        ),
        (
            "gstreamer_plays_with_whepsrc",
            spawn_local(gstreamer::whepsrc(play())),
        ),
        (
            "gstreamer_plays_with_whepclientsrc",
            spawn_local(gstreamer::whepclientsrc(play())),
        ),
        ("aiortc_plays_by_whep", spawn_local(aiortc::plays(play()))),
        (
            "the_webrtc_crate_publishes_and_plays",
            spawn_local(webrtc_rs::publishes_and_plays(own())),
        ),
    ]
}

/// Says a client's figures, or what is wrong with it.
fn judge(test: &str) {
    let outcome = OUTCOMES
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .remove(test)
        .expect("each client has one test");
    match outcome {
        Ok(figures) => println!("{test}: {figures}"),
        Err(panic) => resume_unwind(panic),
    }
}

#[test]
fn ffmpeg_publishes_by_whip() {
    judge("ffmpeg_publishes_by_whip");
}

#[test]
fn ffmpeg_publishes_by_whip_as_dtls_client() {
    judge("ffmpeg_publishes_by_whip_as_dtls_client");
}

#[test]
fn obs_publishes_by_whip() {
    judge("obs_publishes_by_whip");
}

#[test]
fn gstreamer_publishes_with_whipclientsink() {
    judge("gstreamer_publishes_with_whipclientsink");
}

#[test]
fn gstreamer_publishes_with_whipsink() {
    judge("gstreamer_publishes_with_whipsink");
}

#[test]
fn gstreamer_plays_with_whepsrc() {
    judge("gstreamer_plays_with_whepsrc");
}

#[test]
fn gstreamer_plays_with_whepclientsrc() {
    judge("gstreamer_plays_with_whepclientsrc");
}

#[test]
fn aiortc_plays_by_whep() {
    judge("aiortc_plays_by_whep");
}

#[test]
fn the_webrtc_crate_publishes_and_plays() {
    judge("the_webrtc_crate_publishes_and_plays");
}
