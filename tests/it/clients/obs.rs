//! OBS over WHIP: `obs.mjs` does what OBS does, on OBS's own WebRTC library. OBS itself is run over RTMP, from the
//! studio's profile, in `e2e/specs/42-obs.spec.ts`: Debian's is too old for WHIP.

use std::{process::Stdio, sync::Arc};

use serde_json::Value;
use tokio::process::Command;
use weir_bench::server::Server;

use super::{
    RATE, SOUND_RATE, WATCHED,
    watched::{until_live, watch},
};
use crate::program::stdout;

/// What OBS's encoder makes in its simple mode over WHIP: High without B-frames, a keyframe every two seconds,
/// parameter sets before each.
const PICTURES: &str = "-f lavfi -i testsrc2=size=640x360:rate=30:duration=4 -c:v libx264 -profile:v high \
    -preset veryfast -bf 0 -g 60 -keyint_min 60 -sc_threshold 0 -b:v 1500k -maxrate 1500k -bufsize 1500k \
    -pix_fmt yuv420p -bsf:v h264_metadata=aud=insert -f h264";

const SOUND: &str = "-f lavfi -i sine=frequency=440:sample_rate=48000:duration=4 -c:a libopus -ac 2 -b:a 160k \
    -frame_duration 20 -page_duration 20000 -f ogg";

pub async fn publishes(server: Arc<Server>) -> String {
    let access = server.create_stream("obs").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let files = ["pictures.h264", "sound.ogg"].map(|name| folder.path().join(name));
    for (arguments, file) in [PICTURES, SOUND].into_iter().zip(&files) {
        let made = std::process::Command::new("ffmpeg")
            .args(["-v", "error"])
            .args(arguments.split_whitespace())
            .arg(file)
            .output();
        stdout(&made.expect("ffmpeg is installed by script/bootstrap --test"));
    }
    let mut publisher = Command::new("node")
        .arg("tests/it/clients/obs.mjs")
        .args([&access.whip_url, &access.key])
        .args(&files)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("node is installed by script/bootstrap");
    let figures = watch(&access.whep_url).await;
    // "Stop streaming".
    drop(publisher.stdin.take());
    let output = publisher.wait_with_output().await.unwrap();
    let said: Value = serde_json::from_str(&stdout(&output)).unwrap();
    // Whatever else it is, OBS logs a failure.
    assert_eq!(said["ended"], 200, "{said}");
    let least = WATCHED.as_secs() * RATE as u64;
    assert!(said["pictures"].as_u64().unwrap() >= least, "{said}");
    let least = WATCHED.as_secs() * SOUND_RATE as u64;
    assert!(said["sounds"].as_u64().unwrap() >= least, "{said}");
    until_live(&server, "obs", false).await;
    let connected = &said["connected"];
    format!("{figures}; connected after {connected} ms, DELETE answered with 200")
}
