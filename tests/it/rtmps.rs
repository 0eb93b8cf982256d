//! RTMPS, by the settings of the real program and a real encoder.

use std::{fs, path::Path, process::Stdio};

use weir_bench::server::Server;

use crate::program::{command, error, until, weir};

/// Writes a certificate that nobody trusts; returns the paths of it and its key.
fn certificate(folder: &Path) -> [String; 2] {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let files = [
        ("cert.pem", made.cert.pem()),
        ("key.pem", made.signing_key.serialize_pem()),
    ];
    files.map(|(name, text)| {
        let path = folder.join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    })
}

#[test]
fn what_is_missing_for_rtmps_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let [cert, key] = certificate(dir.path());
    let said = |listen: &str, certificate: &str, key: &str| {
        let output = command(dir.path())
            .arg("serve")
            .args(["--http", "127.0.0.1:0", "--rtmp", "127.0.0.1:0"])
            .args(["--media-udp", "127.0.0.1:0", "--data-dir", "data"])
            .env("WEIR_RTMPS_LISTEN", listen)
            .env("WEIR_RTMPS_CERTIFICATE", certificate)
            .env("WEIR_RTMPS_KEY", key)
            .output();
        error(&output.unwrap())
    };
    let text = said("127.0.0.1:0", "", &key);
    assert!(text.contains("rtmps.certificate"), "{text}");
    let text = said("127.0.0.1:0", &cert, "");
    assert!(text.contains("rtmps.key"), "{text}");
    let text = said("1936", &cert, &key);
    assert!(
        text.contains("rtmps.listen") && text.contains("[::]:1936"),
        "{text}"
    );
    let text = said("", &cert, &key);
    assert!(text.contains("rtmps.listen"), "{text}");
    let text = said("127.0.0.1:0", "missing.pem", &key);
    assert!(text.contains("cannot read missing.pem"), "{text}");
    let text = said("127.0.0.1:0", &cert, &cert);
    assert!(text.contains("no private key"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_encoder_publishes_over_rtmps() {
    let dir = tempfile::tempdir().unwrap();
    let [cert, key] = certificate(dir.path());
    let server = Server::start_with(
        weir(),
        &[
            ("WEIR_RTMPS_LISTEN", "127.0.0.1:0"),
            ("WEIR_RTMPS_CERTIFICATE", &cert),
            ("WEIR_RTMPS_KEY", &key),
            ("NO_COLOR", "1"),
        ],
    )
    .await
    .unwrap();
    // The log says which port was free.
    let log = server.log();
    let (_, rest) = log.split_once("rtmps=127.0.0.1:").unwrap();
    let port: u16 = rest.split_whitespace().next().unwrap().parse().unwrap();
    let access = server.create_stream("safe").unwrap();
    let mut encoder = std::process::Command::new("ffmpeg")
        .args(
            "-hide_banner -loglevel error -re -f lavfi -i testsrc2=size=320x180:rate=30".split(' '),
        )
        .args("-f lavfi -i sine -c:v libx264 -preset ultrafast -tune zerolatency -g 30".split(' '))
        .args("-pix_fmt yuv420p -c:a aac -tls_verify 0 -f flv".split(' '))
        .arg(format!("rtmps://127.0.0.1:{port}/live/{}", access.key))
        .stdin(Stdio::null())
        .spawn()
        .expect("ffmpeg is installed by script/bootstrap --test");
    until("a playlist with parts", || async {
        let playlist = reqwest::get(&access.hls_url).await.unwrap();
        playlist.status().is_success()
    })
    .await;
    encoder.kill().unwrap();
    encoder.wait().unwrap();
}
