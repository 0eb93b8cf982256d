//! GStreamer's elements for WHIP and WHEP, by `gst-launch-1.0`. They are plugins in Rust, which no package has:
//! `tests/gstreamer-plugins` says which, and script/bootstrap --test builds them.

use std::{
    process::Stdio,
    sync::Arc,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader},
    process::{Child, Command},
    time::timeout,
};
use weir_bench::server::Server;

use super::{
    WATCHED,
    ffmpeg::Source,
    watched::{decoded, installed, until_live, watch},
};
use crate::program::PATIENCE;

/// Who says goodbye is gone at once; who vanishes is waited for, 19 seconds long.
const GOODBYE: Duration = Duration::from_secs(10);

const PICTURES: &str =
    "videotestsrc is-live=true ! video/x-raw,width=320,height=180,framerate=30/1 ! queue";
const SOUND: &str =
    "audiotestsrc is-live=true samplesperbuffer=960 ! audio/x-raw,rate=48000,channels=2 ! queue";

/// Prints a line for each picture or piece of sound.
const COUNT: &str = "fakesink silent=false sync=false";

/// The newer element, which encodes by itself and follows what the network takes.
pub async fn whipclientsink(server: Arc<Server>) -> String {
    let slug = "whipclientsink";
    let access = server.create_stream(slug).unwrap();
    let pipeline = format!(
        "whipclientsink name=out video-caps=video/x-h264 \
         signaller::whip-endpoint={} signaller::auth-token={} {PICTURES} ! out. {SOUND} ! out.",
        access.whip_url, access.key
    );
    publishes(
        &server,
        slug,
        &access.whep_url,
        "--eos-on-shutdown",
        &pipeline,
    )
    .await
}

/// The older one, which takes RTP. The end of its input never reaches its own end: it is stopped as it is.
pub async fn whipsink(server: Arc<Server>) -> String {
    let slug = "whipsink";
    let access = server.create_stream(slug).unwrap();
    let pipeline = format!(
        "whipsink name=out whip-endpoint={} auth-token={} \
         {PICTURES} ! x264enc tune=zerolatency speed-preset=ultrafast bitrate=500 key-int-max=30 \
         ! video/x-h264,profile=constrained-baseline ! rtph264pay config-interval=-1 aggregate-mode=zero-latency \
         ! application/x-rtp,media=video,encoding-name=H264,clock-rate=90000,payload=96 ! out.sink_0 \
         {SOUND} ! opusenc ! rtpopuspay \
         ! application/x-rtp,media=audio,encoding-name=OPUS,clock-rate=48000,payload=97 ! out.sink_1",
        access.whip_url, access.key
    );
    publishes(&server, slug, &access.whep_url, "--quiet", &pipeline).await
}

async fn publishes(
    server: &Server,
    slug: &str,
    whep_url: &str,
    option: &str,
    pipeline: &str,
) -> String {
    let mut publisher = launch(option, pipeline);
    let figures = watch(whep_url).await;
    end(&mut publisher).await;
    let ended = Instant::now();
    until_live(server, slug, false).await;
    assert!(ended.elapsed() < GOODBYE, "{slug} ended without DELETE");
    figures
}

/// The older player, which gives RTP. It offers sound first, and names its pads by the places in the offer.
pub async fn whepsrc((server, source): (Arc<Server>, Arc<Source>)) -> String {
    let pipeline = format!(
        "whepsrc name=in whep-endpoint={} \
         video-caps=application/x-rtp,media=video,encoding-name=H264,payload=102,clock-rate=90000 \
         audio-caps=application/x-rtp,media=audio,encoding-name=OPUS,payload=111,clock-rate=48000 \
         in.src_1 ! rtph264depay ! h264parse ! avdec_h264 ! {COUNT} name=pictures \
         in.src_0 ! rtpopusdepay ! opusdec ! {COUNT} name=sounds",
        source.access.whep_url
    );
    plays(&server, source.slug, &pipeline).await
}

/// The newer one, which decodes by itself.
pub async fn whepclientsrc((server, source): (Arc<Server>, Arc<Source>)) -> String {
    let pipeline = format!(
        "whepclientsrc name=in signaller::whep-endpoint={} \
         in. ! video/x-raw ! queue ! {COUNT} name=pictures in. ! audio/x-raw ! queue ! {COUNT} name=sounds",
        source.access.whep_url
    );
    plays(&server, source.slug, &pipeline).await
}

async fn plays(server: &Server, slug: &str, pipeline: &str) -> String {
    until_live(server, slug, true).await;
    let began = Instant::now();
    // What the sinks say is told as a change of their properties.
    let mut player = launch("--verbose", pipeline);
    let mut lines = BufReader::new(player.stdout.take().unwrap()).lines();
    let (mut pictures, mut sounds, mut first) = (0, 0, None);
    let count = async {
        while let Some(line) = lines.next_line().await.unwrap() {
            let counter = match () {
                () if line.contains("(pictures:sink)") => &mut pictures,
                () if line.contains("(sounds:sink)") => &mut sounds,
                () => continue,
            };
            *counter += 1;
            first.get_or_insert_with(|| began.elapsed());
        }
    };
    let still_runs = timeout(WATCHED, count).await.is_err();
    if still_runs {
        end(&mut player).await;
    } else {
        panic!("it ended by itself: {}", errors(player.stderr.take()).await);
    }
    let first = first.expect("something is decoded").as_secs_f64();
    decoded(f64::from(pictures), f64::from(sounds), first)
}

fn launch(option: &str, pipeline: &str) -> Child {
    let plugins = installed("gstreamer-plugins");
    Command::new("gst-launch-1.0")
        .arg(option)
        .args(pipeline.split_whitespace())
        .env("GST_PLUGIN_PATH", &plugins)
        .env("GST_REGISTRY", plugins.join("registry.bin"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("gst-launch-1.0 is installed by script/bootstrap")
}

/// As Ctrl-C: the pipeline ends in an orderly way.
async fn end(program: &mut Child) {
    let pid = program
        .id()
        .and_then(|pid| Pid::from_raw(pid.cast_signed()));
    let said = match pid {
        Some(pid) => kill_process(pid, Signal::INT).is_ok(),
        None => false,
    };
    assert!(
        said,
        "it ended by itself: {}",
        errors(program.stderr.take()).await
    );
    // Whoever writes on must be read, or it waits for that.
    let mut output = program.stdout.take();
    let drained = async {
        let mut rest = Vec::new();
        if let Some(output) = &mut output {
            output.read_to_end(&mut rest).await.unwrap();
        }
        program.wait().await.unwrap()
    };
    let status = timeout(PATIENCE, drained).await.expect("an end in time");
    assert!(status.success(), "{}", errors(program.stderr.take()).await);
}

async fn errors(stream: Option<impl AsyncRead + Unpin>) -> String {
    let mut text = String::new();
    if let Some(mut stream) = stream {
        stream.read_to_string(&mut text).await.unwrap();
    }
    text
}
