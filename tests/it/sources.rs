//! What real encoders send over RTMP: each source plays, over WebRTC and over HLS.

use std::process::{Child, Command, Stdio};

use weir_bench::server::Server;

use crate::{
    media::Video,
    program::{PATIENCE, serve, until},
    webrtc_client::Viewer,
};

/// An ffmpeg that publishes in real time. Dropping it kills it.
struct Encoder(Child);

impl Encoder {
    /// `source` are arguments up to the address: inputs, filters and codecs.
    fn start(server: &Server, slug: &str, source: &str) -> Self {
        let access = server.create_stream(slug).unwrap();
        let rtmp = server.rtmp_address().unwrap();
        let child = Command::new("ffmpeg")
            .args(["-v", "error"])
            .args(source.split_whitespace())
            .args(["-f", "flv"])
            .arg(format!("rtmp://{rtmp}/live/{}", access.key))
            .stdin(Stdio::null())
            .spawn()
            .expect("ffmpeg is installed by script/bootstrap --test");
        Self(child)
    }
}

impl Drop for Encoder {
    fn drop(&mut self) {
        // An error says that it has ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Frames of picture and sound that an HLS player decodes in some seconds.
fn decoded(server: &Server, slug: &str, seconds: u32) -> [usize; 2] {
    let url = format!("{}/hls/{slug}/master.m3u8", server.url());
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-i", &url, "-t", &seconds.to_string()])
        .args(["-map", "0:v:0?", "-map", "0:a:0?", "-vsync", "passthrough"])
        .args(["-f", "framecrc", "-"])
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{slug}: {errors}");
    for trouble in [
        "Error while decoding",
        "error while decoding",
        "corrupt",
        "Non-monotonous",
    ] {
        assert!(!errors.contains(trouble), "{slug}: {errors}");
    }
    let text = String::from_utf8(output.stdout).unwrap();
    let mut kinds = Vec::new();
    let mut counts = [0, 0];
    for line in text.lines() {
        if let Some(kind) = line.strip_prefix("#media_type ") {
            kinds.push(kind.split_once(": ").unwrap().1.to_owned());
        } else if !line.starts_with('#') {
            let index: usize = line.split(',').next().unwrap().trim().parse().unwrap();
            counts[usize::from(kinds[index] == "audio")] += 1;
        }
    }
    counts
}

/// Each of these needs a good part of the machine, or its pictures come late.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// Frames of AAC that an HLS player must get in four seconds. A whole second may be missing.
const SOUND: usize = 140;

/// Publishes the source, and expects so many pictures a second and frames of sound from an HLS player,
/// and both at a WebRTC viewer.
async fn plays(slug: &str, source: &str, pictures: usize, sound: usize) {
    let _alone = ALONE.lock().await;
    let server = serve().await;
    let _encoder = Encoder::start(&server, slug, source);
    if pictures > 0 && sound > 0 {
        let whep = format!("{}/whep/{slug}", server.url());
        let mut viewer = Viewer::start(&whep, &Video::h264()).await;
        // Three seconds of sound, and what comes meanwhile.
        viewer.audio(150).await;
        viewer.video(pictures * 2).await;
        viewer.close().await;
    }
    let url = format!("{}/hls/{slug}/master.m3u8", server.url());
    until("HLS is ready", || async {
        reqwest::get(&url)
            .await
            .is_ok_and(|answer| answer.status().is_success())
    })
    .await;
    let seconds = 4;
    let [shown, heard] = tokio::time::timeout(
        PATIENCE,
        tokio::task::spawn_blocking({
            let slug = slug.to_owned();
            move || decoded(&server, &slug, seconds)
        }),
    )
    .await
    .expect("the player comes to an end")
    .unwrap();
    println!("{slug}: {shown} pictures and {heard} frames of sound in {seconds} s");
    let expected = pictures * seconds as usize;
    assert!(shown * 10 >= expected * 8, "{shown} pictures of {expected}");
    assert!(
        shown <= expected * 12 / 10,
        "{shown} pictures of {expected}"
    );
    assert!(heard >= sound, "{heard} frames of sound");
    assert!(sound > 0 || heard == 0, "{heard} frames of sound");
}

const TONE: &str = "-f lavfi -i sine=frequency=440:sample_rate=48000";
const AAC: &str = "-c:a aac -b:a 96k -ac 2";
const H264: &str = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p -b:v 600k";
const LOW_LATENCY: &str = "-tune zerolatency -g 60 -sc_threshold 0";

fn picture(size: &str, rate: &str) -> String {
    format!("-re -f lavfi -i testsrc2=size={size}:rate={rate}")
}

#[tokio::test(flavor = "multi_thread")]
async fn obs_defaults() {
    let picture = picture("640x360", "30");
    let obs = "-profile:v high -bf 3 -g 250 -x264-params b-pyramid=normal -sc_threshold 40";
    plays(
        "obs",
        &format!("{picture} {TONE} {H264} {obs} {AAC}"),
        30,
        SOUND,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn obs_made_for_low_latency() {
    let picture = picture("640x360", "30");
    let source = format!("{picture} {TONE} {H264} {LOW_LATENCY} -profile:v baseline {AAC}");
    plays("low-latency", &source, 30, SOUND).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn television_rates() {
    let picture = picture("640x360", "60000/1001");
    let source = format!("{picture} {TONE} {H264} {LOW_LATENCY} {AAC}");
    plays("fast", &source, 60, SOUND).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn european_rates_and_cd_sound() {
    let picture = picture("640x360", "25");
    let source = format!("{picture} {TONE} {H264} -bf 2 -g 100 {AAC} -ar 44100");
    plays("pal", &source, 25, SOUND).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_variable_frame_rate() {
    // Two pictures of three.
    let picture = picture("640x360", "30");
    let filter = "-vf select=mod(n\\,3) -vsync passthrough";
    let source = format!("{picture} {TONE} {filter} {H264} {LOW_LATENCY} {AAC}");
    plays("variable", &source, 20, SOUND).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_portrait() {
    let picture = picture("360x640", "30");
    let source = format!("{picture} {TONE} {H264} -bf 2 -g 250 {AAC}");
    plays("portrait", &source, 30, SOUND).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_odd_size_in_a_profile_that_browsers_do_not_know() {
    let picture = picture("427x241", "30");
    let codec = "-c:v libx264 -preset ultrafast -pix_fmt yuv444p -b:v 600k";
    let source = format!("{picture} {TONE} {codec} {LOW_LATENCY} {AAC}");
    plays("odd", &source, 30, SOUND).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_bits() {
    let picture = picture("640x360", "30");
    let codec = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p10le -b:v 600k";
    let source = format!("{picture} {TONE} {codec} {LOW_LATENCY} {AAC}");
    plays("ten-bits", &source, 30, SOUND).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_picture() {
    let picture = picture("640x360", "30");
    plays("silent", &format!("{picture} {H264} {LOW_LATENCY}"), 30, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_sound() {
    let source = format!("-re {TONE} {AAC}");
    plays("radio", &source, 0, SOUND).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sound_that_comes_later() {
    let picture = picture("640x360", "30");
    let late = "-itsoffset 2.5 -f lavfi -i sine=frequency=440:sample_rate=48000";
    let source = format!("{picture} {late} {H264} {LOW_LATENCY} {AAC}");
    // The player may begin before the sound does.
    plays("late-sound", &source, 30, 60).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn timestamps_that_wrap() {
    // RTMP counts milliseconds in 32 bits: over after 4,294,967.296 s.
    let picture = picture("640x360", "30");
    let source = format!("{picture} {TONE} {H264} {LOW_LATENCY} {AAC} -output_ts_offset 4294963");
    plays("wrap", &source, 30, SOUND).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn timestamps_that_jump() {
    let picture = picture("640x360", "30");
    let jump = "-vf setpts=PTS+gte(N\\,120)*100/TB -af asetpts=PTS+gte(N\\,192000)*100/TB -vsync passthrough";
    let source = format!("{picture} {TONE} {jump} {H264} {LOW_LATENCY} {AAC}");
    plays("jump", &source, 30, SOUND).await;
}
