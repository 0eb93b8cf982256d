//! RTMP over TLS.

use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio_rustls::rustls::{ServerConfig, crypto::aws_lc_rs, pki_types::PrivateKeyDer};
use weir_bridge::rtmp::Tls;
use weir_bridge::rtmp::server::MAX_WAITING_PER_ADDRESS;

use super::harness::{Event, KEY, PATIENCE, Server, units};
use super::wire;

/// A certificate of our own making, which nobody trusts.
fn tls() -> Tls {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key);
    Tls::new(Arc::new(config.unwrap()))
}

#[tokio::test]
async fn ffmpeg_publishes_over_tls() {
    let (server, mut recording) = Server::start_with(Some(tls())).await;
    let publish = Command::new("ffmpeg")
        .args("-hide_banner -loglevel error -f lavfi -i testsrc2=size=320x180:rate=30".split(' '))
        .args("-f lavfi -i sine -t 2 -c:v libx264 -preset ultrafast -pix_fmt yuv420p".split(' '))
        .args("-c:a aac -tls_verify 0 -f flv".split(' '))
        .arg(format!("rtmps://{}/live/{KEY}", server.address))
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(PATIENCE, publish).await;
    let output = output.expect("FFmpeg ends").unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let events = recording.until_ended().await;
    assert_eq!(events[0], Event::Opened("demo".to_owned()));
    assert!(units(&events).len() >= 60 + 80);
    server.stop().await;
}

#[tokio::test]
async fn who_speaks_no_tls_is_sent_away_and_the_silent_take_no_more_than_their_places() {
    let (server, mut recording) = Server::start_with(Some(tls())).await;
    let plain = TcpStream::connect(server.address).await.unwrap();
    let answer = wire::exchange(plain, &wire::up_to_publish(KEY)).await;
    assert!(!wire::says(&answer, "NetStream"), "{answer:?}");

    let mut silent = Vec::new();
    for _ in 0..MAX_WAITING_PER_ADDRESS {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        // The begin of a TLS record, so that it is known to have been accepted.
        stream.write_all(&[22, 3, 1]).await.unwrap();
        silent.push(stream);
    }
    let mut one_more = TcpStream::connect(server.address).await.unwrap();
    let mut byte = [0];
    let read = tokio::time::timeout(Duration::from_secs(5), one_more.read(&mut byte)).await;
    assert!(matches!(read, Ok(Ok(0) | Err(_))), "{read:?}");
    // Those that wait in the handshake do not hold the server up.
    server.stop().await;
    assert_eq!(recording.rest(), []);
}
